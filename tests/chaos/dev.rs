//! `podium dev` with everything embedded is killed: its PostgreSQL goes with it, its broker forgets everything.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, ensure};
use podium_tests::support::free_port;
use podium_tests::support::podium::{Podium, Settings};
use podium_tests::support::wait::until;

use crate::book::Book;
use crate::crew::Crew;
use crate::random::Random;
use crate::serve::{put_input, s3_settings};
use crate::{kills, story};

const RUNS: usize = 80;

#[test]
fn everything_embedded_survives_kill_9() -> anyhow::Result<()> {
    let kills = kills().div_ceil(10);
    let mut random = Random::seeded("dev");
    let folder = tempfile::tempdir()?;
    // PostgreSQL runs as another user when we are root and must get through.
    std::fs::set_permissions(folder.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755))?;
    let (broker, s3) = (format!("127.0.0.1:{}", free_port()?), format!("127.0.0.1:{}", free_port()?));
    let settings = Settings::new(&["dev"])
        .with("PODIUM__DEV__DATA", &folder.path().join("data").to_string_lossy())
        .with("PODIUM__DEV__KAFKA_LISTEN", &broker)
        .with("PODIUM__DEV__S3_LISTEN", &s3)
        .with("AWS_ACCESS_KEY_ID", "chaos")
        .with("AWS_SECRET_ACCESS_KEY", "chaos-secret");
    let mut podium = Podium::start(settings)?;
    put_input(s3_settings(&s3))?;
    let client = podium.client();
    story::register(&client, &broker)?;

    let book = Arc::new(Book::default());
    let crew = Crew::hire(&client, &book, RUNS, Duration::from_secs(6) * kills as u32);
    for kill in 1..=kills {
        std::thread::sleep(Duration::from_secs(1) + random.millis(4_000));
        podium.kill()?;
        podium.restart().with_context(|| format!("after kill {kill}"))?;
    }
    until("all runs to be started", Duration::from_secs(120), || {
        Ok((crew.has_started(RUNS) && book.runs().len() == RUNS).then_some(()))
    })?;
    for (id, story) in book.runs() {
        let run = client.wait_for(&id, "COMPLETED", Duration::from_secs(120))?;
        let tasks = run["tasks"].as_array().context("a run has tasks")?;
        let done = tasks.iter().filter(|t| t["status"] == "COMPLETED");
        let mut have: Vec<&str> = done.filter_map(|t| t["referenceTaskName"].as_str()).collect();
        have.sort_unstable();
        let mut want = story::references(story);
        want.sort_unstable();
        ensure!(have == want, "run {id} of story {story} completed {have:?}, not {want:?}");
    }
    crew.dismiss();
    println!("dev: {kills} kills, {RUNS} runs completed");
    Ok(())
}
