//! The pages.

use anyhow::Context;
use serde::Deserialize;

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UiSection {
    pub enabled: bool,
    pub ingestion_url: String,
}

impl UiSection {
    /// Where browsers find the ingestion service, without a slash at its end. It becomes part of a header, so what is no
    /// address is an error.
    pub(crate) fn ingestion_url(&self) -> anyhow::Result<Option<String>> {
        let given = self.ingestion_url.trim();
        if given.is_empty() {
            return Ok(None);
        }
        let url = reqwest::Url::parse(given).with_context(|| {
            format!("ui.ingestion_url is {given:?}; an address like https://ingest.example.com is expected")
        })?;
        let plain =
            matches!(url.scheme(), "http" | "https") && url.query().is_none() && url.fragment().is_none();
        anyhow::ensure!(
            plain,
            "ui.ingestion_url is {given:?}; http:// or https:// without query is expected"
        );
        Ok(Some(url.as_str().trim_end_matches('/').to_owned()))
    }
}
