//! One value per key, and who said it last.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use toml::{Table, Value};

use super::DEFAULTS;

/// Keys whose values are never printed, and never taken from a file as they stand.
const SECRETS: [&str; 7] = [
    "s3.secret_key",
    "s3.session_token",
    "ledger.password",
    "minio.secret_key",
    "airflow.session_token",
    "airflow.password",
    "airflow.bearer_token",
];
/// Keys that hold a table of the user's own names.
const OPEN_TABLES: [&str; 4] = ["kafka.aliases", "kafka.properties", "workers.topics", "workers.groups"];

/// Who said a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    Default,
    File(String),
    Variable(String),
    CommandLine,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File(path) => f.write_str(path),
            Self::Variable(name) => f.write_str(name),
            Self::CommandLine => f.write_str("command line"),
        }
    }
}

/// Why settings cannot be used. One line that names the key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ConfigError(pub String);

/// All settings by dotted key.
#[derive(Clone, Debug)]
pub struct Layers {
    values: BTreeMap<String, (Value, Source)>,
}

impl Layers {
    /// The defaults alone.
    pub fn defaults() -> Self {
        let table: Table = DEFAULTS.parse().expect("config.default.toml is TOML; a test reads it");
        let mut values = BTreeMap::new();
        flatten("", table, &mut |key, value| {
            values.insert(key, (value, Source::Default));
            Ok::<(), std::convert::Infallible>(())
        })
        .unwrap_or_else(|never| match never {});
        Self { values }
    }

    /// Puts a file over what is there.
    ///
    /// # Errors
    /// When it cannot be read, is no TOML, has an unknown key or a secret in plain text.
    pub fn file(&mut self, path: &Path) -> Result<(), ConfigError> {
        let name = path.display().to_string();
        let text = std::fs::read_to_string(path).map_err(|e| ConfigError(format!("{name}: {e}")))?;
        let table: Table =
            text.parse().map_err(|e: toml::de::Error| ConfigError(format!("{name}: {}", e.message())))?;
        flatten("", table, &mut |key, value| {
            let plain = value.as_str().is_some_and(|t| !t.is_empty() && !t.starts_with("file:"));
            let password = key == "database.url" && value.as_str().and_then(password_of).is_some();
            if (SECRETS.contains(&key.as_str()) && plain) || password {
                return Err(ConfigError(format!(
                    "{name}: {key} is a secret: give it as a variable or as \"file:/path\""
                )));
            }
            self.put(&key, value, Source::File(name.clone()))
        })
    }

    /// Puts the variables of the environment over what is there: the well-known ones, then `PODIUM__…`.
    ///
    /// # Errors
    /// When a `PODIUM__` variable names an unknown key or its text is not of the key's kind.
    pub fn environment(&mut self, variables: &[(String, String)]) -> Result<(), ConfigError> {
        let find =
            |name: &str| variables.iter().find(|(n, v)| n == name && !v.is_empty()).map(|(_, v)| v.clone());
        for (key, names) in WELL_KNOWN {
            // the first that is set wins
            if let Some((name, text)) = names.iter().find_map(|n| Some((n, find(n)?))) {
                let text = match *name {
                    "MINIO_ENDPOINT" => minio_url(&text, find("MINIO_USE_SSL")),
                    // these name no unit
                    "DAG_POLL_INTERVAL" | "DAG_MAX_WAIT_TIME" | "DB_POLL_INTERVAL"
                        if text.bytes().all(|b| b.is_ascii_digit()) =>
                    {
                        format!("{text}s")
                    }
                    _ => text,
                };
                self.text(key, &text, Source::Variable((*name).to_owned()))?;
            }
        }
        for (name, text) in variables {
            if let Some(path) = name.strip_prefix("PODIUM__") {
                let key = path.to_ascii_lowercase().replace("__", ".");
                self.text(&key, text, Source::Variable(name.clone()))?;
            }
        }
        Ok(())
    }

    /// Puts one value, written as text, over what is there.
    ///
    /// # Errors
    /// When the key is unknown or the text is not of the key's kind.
    pub fn text(&mut self, key: &str, text: &str, source: Source) -> Result<(), ConfigError> {
        let wrong = |kind| ConfigError(format!("{source}: {key} is {kind}, not {text:?}"));
        let value = match &self.known(key, &source)?.0 {
            Value::Boolean(_) => Value::Boolean(text.parse().map_err(|_| wrong("true or false"))?),
            Value::Integer(_) => {
                Value::Integer(text.replace('_', "").parse().map_err(|_| wrong("a whole number"))?)
            }
            Value::Float(_) => Value::Float(text.parse().map_err(|_| wrong("a number"))?),
            Value::Array(_) => {
                let parts = text.split(',').map(str::trim).filter(|p| !p.is_empty());
                Value::Array(parts.map(|p| Value::String(p.to_owned())).collect())
            }
            Value::Table(_) => {
                let mut table = Table::new();
                for pair in text.split(',').map(str::trim).filter(|p| !p.is_empty()) {
                    let (name, value) = pair.split_once('=').ok_or_else(|| wrong("a list of name=value"))?;
                    table.insert(name.trim().to_owned(), Value::String(value.trim().to_owned()));
                }
                Value::Table(table)
            }
            Value::String(_) | Value::Datetime(_) => Value::String(text.to_owned()),
        };
        self.put(key, value, source)
    }

    /// Puts one value over what is there.
    ///
    /// # Errors
    /// When the key is unknown or the value is of another kind.
    pub fn put(&mut self, key: &str, value: Value, source: Source) -> Result<(), ConfigError> {
        let known = self.known(key, &source)?;
        if !known.0.same_type(&value) {
            let kind = known.0.type_str();
            return Err(ConfigError(format!("{source}: {key} is of kind {kind}, not {}", value.type_str())));
        }
        self.values.insert(key.to_owned(), (value, source));
        Ok(())
    }

    fn known(&self, key: &str, source: &Source) -> Result<&(Value, Source), ConfigError> {
        self.values.get(key).ok_or_else(|| {
            let near = self.values.keys().min_by_key(|k| distance(k, key)).cloned().unwrap_or_default();
            ConfigError(format!("{source}: there is no setting {key:?}; the nearest is {near:?}"))
        })
    }

    /// Who said a value last.
    pub fn source(&self, key: &str) -> Option<&Source> {
        self.values.get(key).map(|(_, source)| source)
    }

    /// All values as one table, `file:` references of secrets replaced by what the files hold.
    ///
    /// # Errors
    /// When such a file cannot be read.
    pub(super) fn table(&self) -> Result<Table, ConfigError> {
        let mut root = Table::new();
        for (key, (value, _)) in &self.values {
            let mut value = value.clone();
            let may_refer = SECRETS.contains(&key.as_str()) || key == "database.url";
            if let (true, Some(path)) = (may_refer, value.as_str().and_then(|t| t.strip_prefix("file:"))) {
                let text =
                    std::fs::read_to_string(path).map_err(|e| ConfigError(format!("{key}: {path}: {e}")))?;
                value = Value::String(text.trim_end().to_owned());
            }
            let (section, name) = key.split_once('.').expect("every key of the defaults is in a section");
            let section = root.entry(section).or_insert_with(|| Value::Table(Table::new()));
            section.as_table_mut().expect("sections are tables").insert(name.to_owned(), value);
        }
        Ok(root)
    }

    /// `key = value  # source`, one line each, secrets masked.
    pub fn print(&self) -> String {
        self.shown().map(|(key, shown, source)| format!("{key} = {shown}  # {source}\n")).collect()
    }

    /// Each key with its value, secrets masked, and who said it.
    pub(super) fn shown(&self) -> impl Iterator<Item = (&str, Value, &Source)> {
        self.values.iter().map(|(key, (value, source))| {
            let shown = match value {
                Value::String(t)
                    if SECRETS.contains(&key.as_str()) && !t.is_empty() && !t.starts_with("file:") =>
                {
                    Value::String("***".to_owned())
                }
                Value::String(t) if key == "database.url" => Value::String(mask_password(t)),
                Value::Table(table) => Value::Table(mask_table(table)),
                other => other.clone(),
            };
            (key.as_str(), shown, source)
        })
    }
}

/// Keys with variables that other programs know too; the first one that is set wins.
const WELL_KNOWN: [(&str, &[&str]); 33] = [
    ("server.listen", &["PODIUM_LISTEN"]),
    ("database.url", &["DATABASE_URL"]),
    ("kafka.bootstrap", &["KAFKA_BOOTSTRAP"]),
    ("s3.endpoint", &["S3_ENDPOINT", "AWS_ENDPOINT_URL_S3", "MINIO_ENDPOINT"]),
    ("s3.region", &["AWS_REGION", "AWS_DEFAULT_REGION"]),
    ("s3.access_key", &["AWS_ACCESS_KEY_ID", "MINIO_ACCESS_KEY"]),
    ("s3.secret_key", &["AWS_SECRET_ACCESS_KEY", "MINIO_SECRET_KEY"]),
    ("s3.session_token", &["AWS_SESSION_TOKEN"]),
    ("s3.bucket", &["S3_BUCKET"]),
    ("s3.prefix", &["S3_PREFIX"]),
    ("minio.endpoint", &["MINIO_ENDPOINT"]),
    ("minio.access_key", &["MINIO_ACCESS_KEY"]),
    ("minio.secret_key", &["MINIO_SECRET_KEY"]),
    ("ingestion.listen", &["PODIUM_INGESTION_LISTEN"]),
    ("ui.ingestion_url", &["PODIUM_UI_INGESTION_URL"]),
    ("ingestion.engine_url", &["CONDUCTOR_URL", "CONDUCTOR_SERVER_URL"]),
    ("ledger.host", &["DB_HOST"]),
    ("ledger.port", &["DB_PORT"]),
    ("ledger.name", &["DB_NAME"]),
    ("ledger.user", &["DB_USER"]),
    ("ledger.password", &["DB_PASSWORD"]),
    ("airflow.endpoint", &["AIRFLOW_ENDPOINT", "MWAA_ENDPOINT"]),
    ("airflow.auth", &["AIRFLOW_AUTH"]),
    ("airflow.session_token", &["AIRFLOW_SESSION_TOKEN", "MWAA_SESSION_TOKEN"]),
    ("airflow.user", &["AIRFLOW_USER"]),
    ("airflow.password", &["AIRFLOW_PASSWORD"]),
    ("airflow.bearer_token", &["AIRFLOW_TOKEN"]),
    ("airflow.mwaa_environment", &["MWAA_ENVIRONMENT"]),
    ("dag_monitor.topic", &["DAG_MONITOR_TOPIC"]),
    ("dag_monitor.poll_interval", &["DAG_POLL_INTERVAL"]),
    ("dag_monitor.max_wait", &["DAG_MAX_WAIT_TIME"]),
    ("dag_monitor.ledger_interval", &["DB_POLL_INTERVAL"]),
    ("log.level", &["RUST_LOG"]),
];

/// MinIO's own variable is `host:port` without a scheme.
fn minio_url(endpoint: &str, ssl: Option<String>) -> String {
    if endpoint.contains("://") {
        return endpoint.to_owned();
    }
    let scheme = if ssl.is_some_and(|s| s.eq_ignore_ascii_case("true")) { "https" } else { "http" };
    format!("{scheme}://{endpoint}")
}

fn flatten<E>(
    prefix: &str,
    table: Table,
    each: &mut impl FnMut(String, Value) -> Result<(), E>,
) -> Result<(), E> {
    for (name, value) in table {
        let key = if prefix.is_empty() { name } else { format!("{prefix}.{name}") };
        match value {
            Value::Table(inner) if !OPEN_TABLES.contains(&key.as_str()) => flatten(&key, inner, each)?,
            other => each(key, other)?,
        }
    }
    Ok(())
}

/// Where the password of a URL stands.
fn password_of(url: &str) -> Option<std::ops::Range<usize>> {
    let start = url.find("://")? + 3;
    let end = url[start..].find(['/', '?']).map_or(url.len(), |n| start + n);
    let at = start + url[start..end].rfind('@')?;
    let colon = start + url[start..at].find(':')?;
    (colon + 1 < at).then_some(colon + 1..at)
}

/// A URL as it may be shown.
pub(crate) fn mask_password(url: &str) -> String {
    let mut shown = url.to_owned();
    if let Some(range) = password_of(url) {
        shown.replace_range(range, "***");
    }
    shown
}

fn mask_table(table: &Table) -> Table {
    let secret = |name: &str| ["password", "secret", "token", "key"].iter().any(|word| name.contains(word));
    let mask = |(name, value): (&String, &Value)| {
        let shown = if secret(name) { Value::String("***".to_owned()) } else { value.clone() };
        (name.clone(), shown)
    };
    table.iter().map(mask).collect()
}

/// How many letters must change to make one text of the other.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, cb) in b.iter().enumerate() {
            let change = diagonal + usize::from(ca != *cb);
            diagonal = row[j + 1];
            row[j + 1] = change.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::{Layers, Source, distance, mask_password};
    use crate::config::Config;

    fn variables(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect()
    }

    #[test]
    fn the_defaults_are_whole_and_right() {
        let config = Config::from_layers(&Layers::defaults()).expect("the defaults can be used");
        assert_eq!(config.server.listen.to_string(), "127.0.0.1:8080");
        assert_eq!(config.kafka.aliases.len(), 1);
    }

    #[test]
    fn later_layers_win_and_are_named() {
        let mut layers = Layers::defaults();
        let dir = tempfile::tempdir().expect("a directory");
        let file = dir.path().join("p.toml");
        std::fs::write(&file, "[server]\nlisten = \"127.0.0.1:1\"\n[engine]\nwriters = 2\n")
            .expect("written");
        layers.file(&file).expect("a right file");
        layers
            .environment(&variables(&[
                ("PODIUM_LISTEN", "127.0.0.1:2"),
                ("PODIUM__SERVER__LISTEN", "127.0.0.1:3"),
                ("PODIUM__KAFKA__ALIASES", "a:1=b:2, c:3="),
                ("MINIO_ENDPOINT", "minio:9000"),
                ("DAG_POLL_INTERVAL", "7"),
                ("PODIUM__S3__SECRET_KEY", "hidden"),
                ("DATABASE_URL", "postgres://me:pass@word@host/db"),
            ]))
            .expect("right variables");
        let config = Config::from_layers(&layers).expect("usable");
        assert_eq!(config.server.listen.to_string(), "127.0.0.1:3");
        assert_eq!(config.engine.writers, 2);
        assert_eq!(config.s3.endpoint, "http://minio:9000");
        assert_eq!(config.dag_monitor.poll_interval.0.as_secs(), 7);
        assert_eq!(config.kafka.aliases["a:1"], "b:2");
        assert_eq!(layers.source("engine.writers"), Some(&Source::File(file.display().to_string())));
        let printed = layers.print();
        assert!(printed.contains("server.listen = \"127.0.0.1:3\"  # PODIUM__SERVER__LISTEN\n"), "{printed}");
        assert!(!printed.contains("hidden") && !printed.contains("pass@word"), "{printed}");
        assert!(printed.contains("postgres://me:***@host/db"), "{printed}");
    }

    #[test]
    fn unknown_keys_name_the_nearest() {
        let mut layers = Layers::defaults();
        let error = layers.environment(&variables(&[("PODIUM__SERVER__LISTN", "x")])).expect_err("misspelt");
        assert_eq!(
            error.to_string(),
            "PODIUM__SERVER__LISTN: there is no setting \"server.listn\"; the nearest is \"server.listen\""
        );
        let error = layers.text("engine.writers", "two", Source::CommandLine).expect_err("no number");
        assert_eq!(error.to_string(), "command line: engine.writers is a whole number, not \"two\"");
    }

    #[test]
    fn secrets_in_files_are_refused_and_references_followed() {
        let dir = tempfile::tempdir().expect("a directory");
        let (file, secret) = (dir.path().join("p.toml"), dir.path().join("key"));
        std::fs::write(&secret, "from a file\n").expect("written");
        std::fs::write(&file, "[s3]\nsecret_key = \"plain\"\n").expect("written");
        assert!(Layers::defaults().file(&file).is_err());
        std::fs::write(&file, "[database]\nurl = \"postgres://a:b@c/d\"\n").expect("written");
        assert!(Layers::defaults().file(&file).is_err());
        std::fs::write(&file, format!("[s3]\nsecret_key = \"file:{}\"\n", secret.display()))
            .expect("written");
        let mut layers = Layers::defaults();
        layers.file(&file).expect("a reference is right");
        assert_eq!(Config::from_layers(&layers).expect("usable").s3.secret_key, "from a file");
    }

    #[test]
    fn small_things() {
        assert_eq!((distance("kitten", "sitting"), distance("", "ab")), (3, 2));
        assert_eq!(mask_password("postgres://host/db"), "postgres://host/db");
        assert_eq!(mask_password("postgres://u@h/db?x=a:b@c"), "postgres://u@h/db?x=a:b@c");
    }
}
