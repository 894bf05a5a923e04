//! `podium health`: asks a Podium process whether it is ready, for images without a client of their own.

use std::time::Duration;

use anyhow::Context;

use super::block_on;

/// Longer than a healthy process takes, shorter than the health checks of containers wait.
const WAIT: Duration = Duration::from_secs(4);

pub(super) fn run(url: &str) -> anyhow::Result<()> {
    block_on(async {
        let client = reqwest::Client::builder().timeout(WAIT).no_proxy().build()?;
        let answer = client.get(url).send().await.with_context(|| format!("{url} does not answer"))?;
        anyhow::ensure!(answer.status().is_success(), "{url} answers {}", answer.status());
        println!("{url} answers {}", answer.status());
        Ok(())
    })
}
