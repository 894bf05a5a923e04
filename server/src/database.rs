//! The connection to PostgreSQL, and saying plainly why there is none.

use std::time::Duration;

use anyhow::Context;
use podium_store::Store;
use tokio::net::TcpStream;

use crate::config::{Config, mask_password};

/// How long a look waits whether anything listens at an address.
const LOOK: Duration = Duration::from_secs(2);

/// Connects to the configured database.
pub(crate) async fn connect(config: &Config) -> anyhow::Result<Store> {
    let url = &config.database.url;
    let shown = mask_password(url);
    let address = Address::of(url).with_context(|| {
        format!("database.url is {shown:?}, not postgres://user:password@host:port/database")
    })?;
    match Store::connect(url, config.store()).await {
        Ok(store) => Ok(store),
        Err(error) => match address.silence().await {
            Some(why) => anyhow::bail!("PostgreSQL at {shown} does not answer: {why}"),
            None => Err(error).with_context(|| format!("PostgreSQL at {shown}")),
        },
    }
}

/// Connects to the configured database and makes sure that its schema fits.
pub(crate) async fn open_store(config: &Config) -> anyhow::Result<Store> {
    let store = connect(config).await?;
    if config.database.migrate {
        store.migrate().await.context("the schema could not be brought up to date")?;
    } else {
        store.check_schema().await.context("the schema does not fit")?;
    }
    Ok(store)
}

/// Host and port of the server that a URL names; `None` for a socket in the file system.
pub(crate) fn server(url: &str) -> Option<(String, u16)> {
    Address::of(url)?.host
}

/// Where a database URL leads.
#[derive(Debug, PartialEq, Eq)]
struct Address {
    /// `None`: a socket in the file system, or the defaults of the client library.
    host: Option<(String, u16)>,
}

impl Address {
    fn of(url: &str) -> Option<Self> {
        let url = reqwest::Url::parse(url).ok()?;
        if !matches!(url.scheme(), "postgres" | "postgresql") {
            return None;
        }
        let by_parameter = url.query_pairs().any(|(name, _)| name == "host" || name == "hostaddr");
        let host = url.host_str().filter(|h| !by_parameter && !h.is_empty());
        // an address of IPv6 stands in brackets there, and without them everywhere else
        let host = host.map(|h| h.trim_matches(['[', ']']).to_owned());
        Some(Self { host: host.map(|h| (h, url.port().unwrap_or(5432))) })
    }

    /// Why nobody listens there; `None` when somebody does or there is no telling.
    async fn silence(&self) -> Option<String> {
        let (host, port) = self.host.as_ref()?;
        match tokio::time::timeout(LOOK, TcpStream::connect((host.as_str(), *port))).await {
            Ok(Ok(_)) => None,
            Ok(Err(error)) => Some(error.to_string()),
            Err(_) => Some(format!("no connection within {} s", LOOK.as_secs())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Address;

    #[test]
    fn finds_the_address_in_a_url() {
        let host = |url: &str| Address::of(url).map(|a| a.host);
        assert_eq!(host("postgres://u:p@h:1/d"), Some(Some(("h".to_owned(), 1))));
        assert_eq!(host("postgresql://u@[::1]/d"), Some(Some(("::1".to_owned(), 5432))));
        assert_eq!(host("postgres://u@localhost/d?host=/run/x"), Some(None));
        assert_eq!(host("mysql://u@h/d"), None);
        assert_eq!(host("notaurl"), None);
    }
}
