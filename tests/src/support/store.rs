//! An S3 store for processes that bring none: that of `podium dev`, whose engine stands idle, or somebody else's.

use std::time::Duration;

use anyhow::Context;
use podium_objects::{ObjectStore, PutOptions, S3Settings};

use super::moto::Moto;
use super::podium::{Podium, Settings};
use super::{free_port, postgres};

const ACCESS_KEY: &str = "tests";
const SECRET_KEY: &str = "tests-secret";
/// Bytes of an object that a test reads.
const LARGEST: u64 = 64 << 20;

/// A running store. Dropping it ends it and removes its objects.
pub struct Store {
    address: String,
    _server: Server,
    runtime: tokio::runtime::Runtime,
    client: ObjectStore,
}

/// What runs for it.
enum Server {
    Ours { _podium: Podium, _folder: tempfile::TempDir },
    Moto { _moto: Moto },
}

impl Store {
    /// Starts it. The broker is only there so that `podium dev` brings none of its own.
    pub fn start(broker: &str) -> anyhow::Result<Store> {
        Store::start_with(broker, &[("PODIUM__WORKERS__RUN", "")])
    }

    /// The same with more settings of `podium dev`.
    pub fn start_with(broker: &str, variables: &[(&str, &str)]) -> anyhow::Result<Store> {
        let folder = tempfile::tempdir()?;
        let address = format!("127.0.0.1:{}", free_port()?);
        let settings = Settings::new(&["dev"])
            .with("DATABASE_URL", &postgres::shared()?.database("store")?)
            .with("KAFKA_BOOTSTRAP", broker)
            .with("AWS_ACCESS_KEY_ID", ACCESS_KEY)
            .with("AWS_SECRET_ACCESS_KEY", SECRET_KEY)
            .with("PODIUM__DEV__DATA", &folder.path().to_string_lossy())
            .with("PODIUM__DEV__S3_LISTEN", &address)
            .with("PODIUM__ROUTER__ENABLED", "false")
            .with("PODIUM__INGESTION__ENABLED", "false");
        let settings = variables.iter().fold(settings, |all, (name, value)| all.with(name, value));
        let podium = Podium::start(settings).context("the S3 store")?;
        Store::at(address, Server::Ours { _podium: podium, _folder: folder })
    }

    /// The same on the store of somebody else.
    pub fn start_moto() -> anyhow::Result<Store> {
        let moto = Moto::start()?;
        Store::at(moto.address.clone(), Server::Moto { _moto: moto })
    }

    fn at(address: String, server: Server) -> anyhow::Result<Store> {
        let client = ObjectStore::new(S3Settings {
            endpoint: format!("http://{address}"),
            region: "us-east-1".to_owned(),
            access_key: ACCESS_KEY.to_owned(),
            secret_key: SECRET_KEY.to_owned(),
            session_token: None,
        })?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        Ok(Store { address, _server: server, runtime, client })
    }

    /// What a process is told to use it.
    pub fn variables(&self) -> Vec<(&'static str, String)> {
        vec![
            ("S3_ENDPOINT", self.endpoint()),
            ("AWS_ACCESS_KEY_ID", ACCESS_KEY.to_owned()),
            ("AWS_SECRET_ACCESS_KEY", SECRET_KEY.to_owned()),
        ]
    }

    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn access_key(&self) -> &'static str {
        ACCESS_KEY
    }

    pub fn secret_key(&self) -> &'static str {
        SECRET_KEY
    }

    /// Does something with the client of the product.
    pub fn with<T>(&self, work: impl AsyncFnOnce(&ObjectStore) -> anyhow::Result<T>) -> anyhow::Result<T> {
        self.runtime.block_on(work(&self.client))
    }

    /// Puts an object, and its bucket if it is not there.
    pub fn put(&self, bucket: &str, key: &str, bytes: &[u8]) -> anyhow::Result<()> {
        self.runtime.block_on(async {
            self.client.ensure_bucket(bucket).await?;
            self.client
                .put_bytes(bucket, key, bytes, PutOptions::of_type("application/octet-stream"))
                .await?;
            Ok(())
        })
    }

    /// What an object holds; `None` if there is no such object.
    pub fn get(&self, bucket: &str, key: &str) -> anyhow::Result<Option<Vec<u8>>> {
        let read = async {
            tokio::time::timeout(Duration::from_secs(30), self.client.get_bytes(bucket, key, LARGEST)).await
        };
        match self.runtime.block_on(read).context("the store does not answer")? {
            Ok(bytes) => Ok(Some(bytes.to_vec())),
            Err(error) if error.is_missing() => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}
