//! The form of the files, and what every container keeps to.

use std::process::Command;

use anyhow::{Context, ensure};
use serde_json::Value;

use crate::files::{folder, object, read, whole};

const SCHEMA: &str = include_str!("compose-spec.json");
/// Gives a volume to its user and ends.
const RUNS_AS_ROOT: &str = "minio-volume";

#[test]
fn files_keep_to_the_compose_specification() -> anyhow::Result<()> {
    let validator = jsonschema::validator_for(&serde_json::from_str(SCHEMA)?)?;
    for (name, file) in
        [("dev.yaml", read("dev.yaml")?), ("full.yaml", read("full.yaml")?), ("both", whole()?)]
    {
        let faults: Vec<String> =
            validator.iter_errors(&file).map(|e| format!("{}: {e}", e.instance_path())).collect();
        ensure!(faults.is_empty(), "{name}: {}", faults.join("\n"));
    }
    let nonsense = serde_json::json!({"services": {"x": {"image": "x", "healtcheck": {}}}});
    ensure!(!validator.is_valid(&nonsense), "the schema refuses nothing");
    Ok(())
}

/// Whether a service ends by itself.
fn ends(service: &Value, all: &Value) -> bool {
    let named = |other: &Value| {
        object(&other["depends_on"]).ok().and_then(|on| {
            on.iter()
                .find(|(name, how)| {
                    all[name.as_str()] == *service && how["condition"] == "service_completed_successfully"
                })
                .map(drop)
        })
    };
    object(all).is_ok_and(|all| all.values().any(|other| named(other).is_some()))
}

#[test]
fn containers_are_bounded_unprivileged_and_looked_after() -> anyhow::Result<()> {
    let whole = whole()?;
    let mut faults = Vec::new();
    for (name, service) in object(&whole["services"])? {
        let mut must = |holds: bool, what: &str| {
            if !holds {
                faults.push(format!("{name} {what}"));
            }
        };
        let limits = &service["deploy"]["resources"]["limits"];
        must(["cpus", "memory", "pids"].iter().all(|limit| !limits[limit].is_null()), "lacks a limit");
        must(service["security_opt"] == serde_json::json!(["no-new-privileges:true"]), "may gain privileges");
        must(service["cap_drop"] == serde_json::json!(["ALL"]), "keeps capabilities");
        must(service["privileged"].is_null(), "is privileged");
        let user = service["user"].as_str().unwrap_or_default();
        must(name == RUNS_AS_ROOT || (!user.is_empty() && !user.starts_with('0')), "runs as root");
        let image = service["image"].as_str().unwrap_or_default();
        must(
            !service["build"].is_null() || (image.contains(':') && !image.ends_with(":latest")),
            "has no fixed version",
        );
        let checked = service["healthcheck"]["test"].is_array() || is_checked_by_its_image(service);
        must(checked || ends(service, &whole["services"]), "has no health check");
        for port in service["ports"].as_array().into_iter().flatten() {
            must(
                port.as_str().is_some_and(|p| p.starts_with("127.0.0.1:")),
                "has a port that others can reach",
            );
        }
        for secret in service["secrets"].as_array().into_iter().flatten() {
            let declared = secret.as_str().is_some_and(|s| whole["secrets"][s]["file"].is_string());
            must(declared, "uses a secret that nothing declares");
        }
        for (variable, value) in service["environment"].as_object().into_iter().flatten() {
            let secretive =
                ["PASSWORD", "SECRET", "TOKEN", "DATABASE_URL", "CONN"].iter().any(|w| variable.contains(w));
            let text = value.as_str().unwrap_or_default();
            let referred = text.contains("/run/secrets/");
            must(!secretive || referred, &format!("has {variable} in plain sight"));
            must(!text.contains("://") || !text.contains('@'), &format!("has a password in {variable}"));
        }
    }
    ensure!(faults.is_empty(), "{}", faults.join("\n"));
    Ok(())
}

/// Podium's image has a health check of its own.
fn is_checked_by_its_image(service: &Value) -> bool {
    service["image"] == "podium" && service["healthcheck"].is_null()
}

#[test]
fn services_can_be_scaled() -> anyhow::Result<()> {
    let whole = whole()?;
    for (name, service) in object(&whole["services"])? {
        if service["command"][0] == "worker" {
            ensure!(service["ports"].is_null(), "{name}: a second one would find its port taken");
            ensure!(service["container_name"].is_null(), "{name}: a second one would find its name taken");
        }
    }
    ensure!(
        whole["services"]["email-validator"]["command"] == serde_json::json!(["worker", "email-validator"])
    );
    Ok(())
}

#[test]
fn every_secret_is_made_and_none_is_committed() -> anyhow::Result<()> {
    let copy = tempfile::tempdir()?;
    let script = copy.path().join("secrets.sh");
    std::fs::copy(folder().join("secrets.sh"), &script)?;
    let run = || Command::new("sh").arg(&script).status().context("sh");
    ensure!(run()?.success(), "secrets.sh fails");
    let whole = whole()?;
    let mut first = Vec::new();
    for (name, secret) in object(&whole["secrets"])? {
        let file = secret["file"].as_str().context("a file")?;
        let text = std::fs::read_to_string(copy.path().join(file)).with_context(|| name.clone())?;
        ensure!(text.len() >= 32, "{name} is short");
        first.push((file.to_owned(), text));
    }
    ensure!(run()?.success(), "secrets.sh fails the second time");
    for (file, text) in first {
        ensure!(std::fs::read_to_string(copy.path().join(&file))? == text, "{file} was made anew");
    }
    let tracked = Command::new("git").args(["ls-files", "compose/secrets"]).current_dir(folder()).output()?;
    ensure!(tracked.stdout.is_empty(), "secrets are committed");
    Ok(())
}
