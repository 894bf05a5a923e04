//! Compose files as JSON: YAML's merge keys are resolved, and several files are laid over each other.

use std::path::PathBuf;

use anyhow::Context;
use podium_tests::support::repository;
use serde_json::{Map, Value};
use yaml_rust2::{Yaml, YamlLoader};

pub(crate) fn folder() -> PathBuf {
    repository().join("compose")
}

/// A file of `compose/`.
pub(crate) fn read(name: &str) -> anyhow::Result<Value> {
    let path = folder().join(name);
    let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    let mut documents = YamlLoader::load_from_str(&text).with_context(|| path.display().to_string())?;
    anyhow::ensure!(documents.len() == 1, "{} has {} documents", path.display(), documents.len());
    json(&documents.remove(0))
}

/// What `-f dev.yaml -f full.yaml` describes: no service of one is in the other.
pub(crate) fn whole() -> anyhow::Result<Value> {
    let (mut whole, full) = (read("dev.yaml")?, read("full.yaml")?);
    for section in ["services", "volumes", "secrets"] {
        for (name, value) in object(&full[section])? {
            let before =
                whole[section].as_object_mut().context("a section")?.insert(name.clone(), value.clone());
            anyhow::ensure!(before.is_none(), "{section}.{name} is in both files");
        }
    }
    Ok(whole)
}

pub(crate) fn object(value: &Value) -> anyhow::Result<&Map<String, Value>> {
    value.as_object().with_context(|| format!("{value} is no mapping"))
}

fn json(yaml: &Yaml) -> anyhow::Result<Value> {
    Ok(match yaml {
        Yaml::Null => Value::Null,
        Yaml::Boolean(value) => (*value).into(),
        Yaml::Integer(value) => (*value).into(),
        Yaml::Real(text) => serde_json::from_str(text)?,
        Yaml::String(text) => text.as_str().into(),
        Yaml::Array(list) => list.iter().map(json).collect::<anyhow::Result<Vec<_>>>()?.into(),
        Yaml::Hash(members) => {
            let mut found = Map::new();
            for (key, value) in members {
                let key = key.as_str().context("a key that is no text")?;
                if key != "<<" {
                    found.insert(key.to_owned(), json(value)?);
                }
            }
            // what stands in the mapping itself wins over what is merged in
            for merged in members.iter().filter(|(key, _)| key.as_str() == Some("<<")).map(|(_, value)| value)
            {
                let sources = merged.as_vec().cloned().unwrap_or_else(|| vec![merged.clone()]);
                for source in &sources {
                    for (key, value) in object(&json(source)?)? {
                        found.entry(key.clone()).or_insert_with(|| value.clone());
                    }
                }
            }
            found.into()
        }
        Yaml::Alias(_) | Yaml::BadValue => anyhow::bail!("an alias without an anchor"),
    })
}
