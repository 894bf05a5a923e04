//! What the environment of this process holds for definitions.
//!
//! | variable | definitions read |
//! | --- | --- |
//! | `CONDUCTOR_ENV_<NAME>` | `${workflow.env.<NAME>}` |
//! | `CONDUCTOR_SECRET_<NAME>` | `${workflow.secrets.<NAME>}`, filled in only for who runs a task |
//! | any other that gives nothing away | `${<NAME>}` |

use std::collections::BTreeMap;

use podium_core::Environment;

const VARIABLES: &str = "CONDUCTOR_ENV_";
const SECRETS: &str = "CONDUCTOR_SECRET_";
/// Variables that are this server's own business, by the beginning of their names.
const OWN: [&str; 11] = [
    "PODIUM_",
    "CONDUCTOR_SECRET_",
    "DATABASE_",
    "DB_",
    "PG",
    "KAFKA_",
    "S3_",
    "AWS_",
    "MINIO_",
    "MWAA_",
    "AIRFLOW_",
];
/// Words that tell of a secret.
const SECRETIVE: [&str; 6] = ["SECRET", "PASSWORD", "PASSWD", "TOKEN", "KEY", "CREDENTIAL"];

/// Reads the environment of this process as it is now. Variables that are no Unicode are left out.
pub(super) fn surroundings() -> Environment {
    let all = std::env::vars_os();
    of(all.filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?))).collect())
}

fn of(all: Vec<(String, String)>) -> Environment {
    let (variables, secrets) = (with_prefix(&all, VARIABLES), with_prefix(&all, SECRETS));
    Environment { process: all.into_iter().filter(|(name, _)| is_open(name)).collect(), variables, secrets }
}

/// May every definition read it? What it reads is stored and shown.
fn is_open(name: &str) -> bool {
    let upper = name.to_ascii_uppercase();
    !OWN.iter().any(|prefix| upper.starts_with(prefix)) && !SECRETIVE.iter().any(|word| upper.contains(word))
}

/// The variables whose names begin so, without that.
fn with_prefix(variables: &[(String, String)], prefix: &str) -> BTreeMap<String, String> {
    let mine = |(name, value): &(String, String)| {
        let name = name.strip_prefix(prefix).filter(|name| !name.is_empty())?;
        Some((name.to_owned(), value.clone()))
    };
    variables.iter().filter_map(mine).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_lose_their_prefix_and_secrets_are_not_open() {
        let all = [
            "CONDUCTOR_ENV_a",
            "CONDUCTOR_ENV_",
            "CONDUCTOR_SECRET_b",
            "PATH",
            "DATABASE_URL",
            "MY_API_KEY",
            "PGPASSWORD",
        ];
        let found = of(all.map(|name| (name.to_owned(), "x".to_owned())).to_vec());
        let names = |map: &BTreeMap<String, String>| map.keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(&found.variables), ["a"]);
        assert_eq!(names(&found.secrets), ["b"]);
        assert_eq!(names(&found.process), ["CONDUCTOR_ENV_", "CONDUCTOR_ENV_a", "PATH"]);
    }
}
