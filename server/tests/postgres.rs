//! The private PostgreSQL: made once, found again, stopped with us.

use std::path::Path;

use podium_server::embedded::children::Children;
use podium_server::embedded::postgres::{EmbeddedPostgres, PostgresError, find_binaries};

#[test]
fn starts_stops_and_starts_again() {
    let data = tempfile::tempdir_in("/tmp").expect("a temporary directory");
    open_to_others(data.path());
    let first = EmbeddedPostgres::start(data.path(), None, &Children::default()).expect("starts");
    assert!(matches!(
        EmbeddedPostgres::start(data.path(), None, &Children::default()),
        Err(PostgresError::InUse(_))
    ));
    let pid = first.pid();
    assert!(alive(pid));
    first.stop();
    assert!(!alive(pid), "it is gone when stop returns");
    let made =
        |data: &Path| data.join("postgres/cluster/PG_VERSION").metadata().and_then(|file| file.modified());
    let before = made(data.path()).expect("a cluster");
    let again = EmbeddedPostgres::start(data.path(), None, &Children::default()).expect("starts again");
    assert_eq!(made(data.path()).expect("a cluster"), before, "no new cluster was made");
    assert!(again.url().contains("/podium?host="), "{}", again.url());
    again.stop();
}

#[test]
fn a_long_path_gets_a_short_socket() {
    let home = tempfile::tempdir_in("/tmp").expect("a temporary directory");
    open_to_others(home.path());
    let data = home.path().join("d".repeat(120));
    let server = EmbeddedPostgres::start(&data, None, &Children::default()).expect("starts");
    server.stop();
}

#[test]
fn says_what_is_missing() {
    let empty = tempfile::tempdir().expect("a temporary directory");
    assert!(matches!(find_binaries(Some(empty.path())), Err(PostgresError::NoBinaries(_))));
    assert!(PostgresError::NotInstalled.to_string().contains("apt-get install postgresql"));
}

fn alive(pid: u32) -> bool {
    Path::new(&format!("/proc/{pid}")).exists()
}

/// As root the server runs as another user, who must be able to pass through.
fn open_to_others(dir: &Path) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(dir, std::fs::Permissions::from_mode(0o755)).expect("permissions");
}
