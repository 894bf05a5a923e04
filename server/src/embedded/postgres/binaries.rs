//! Where PostgreSQL is installed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::PostgresError;

/// The directory of `initdb` and `postgres`: `PG_BIN_DIR`, `pg_config --bindir`, `PATH`, the highest version
/// under `/usr/lib/postgresql`.
///
/// # Errors
/// `NoBinaries` when the given directory lacks them, `NotInstalled` when there are none.
pub fn find_binaries(bin_dir: Option<&Path>) -> Result<PathBuf, PostgresError> {
    let has = |dir: &Path| dir.join("initdb").exists() && dir.join("postgres").exists();
    if let Some(dir) = bin_dir {
        return if has(dir) { Ok(dir.to_owned()) } else { Err(PostgresError::NoBinaries(dir.to_owned())) };
    }
    let configured = Command::new("pg_config").arg("--bindir").output().ok();
    let configured = configured.map(|o| PathBuf::from(String::from_utf8_lossy(&o.stdout).trim().to_owned()));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut versions: Vec<(u32, PathBuf)> = fs::read_dir("/usr/lib/postgresql")
        .map(|dir| {
            dir.flatten().filter_map(|e| Some((e.file_name().to_str()?.parse().ok()?, e.path()))).collect()
        })
        .unwrap_or_default();
    versions.sort_by_key(|(version, _)| std::cmp::Reverse(*version));
    configured
        .into_iter()
        .chain(std::env::split_paths(&path))
        .chain(versions.into_iter().map(|(_, dir)| dir.join("bin")))
        .find(|dir| has(dir))
        .ok_or(PostgresError::NotInstalled)
}
