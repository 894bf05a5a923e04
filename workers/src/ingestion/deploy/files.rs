//! The files of a deployment: metadata made and pointed at the right places, input brought to where the jobs read.
//!
//! Every object has one key that follows from the deployment, so doing it again writes the same objects again.

use std::collections::HashMap;

use podium_objects::{ObjectStore, PutOptions};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::super::convert;
use super::super::definition::{DpTask, dp_tasks};
use super::super::places::{Folder, Place, Scheme, output_name};
use super::super::settings::IngestionSettings;
use super::error::DeployError;
use super::request::Request;

/// What a service's job will read and write.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct ServiceFiles {
    pub(super) task: String,
    /// Of this workflow alone.
    pub(super) metadata_url: String,
    pub(super) shared_metadata_url: String,
    pub(super) input_uri: String,
    pub(super) output_uri: String,
    pub(super) report_uri: String,
    /// Who made the metadata; null if it was there already.
    pub(super) converter: Option<String>,
}

/// Makes all files of a request; `label` names their folder.
pub(super) async fn make(
    settings: &IngestionSettings,
    request: &Request,
    label: &str,
) -> Result<Vec<ServiceFiles>, DeployError> {
    let folder = Folder::new(&settings.s3_bucket, &settings.s3_prefix, label);
    let mut ready = Vec::new();
    // all configurations first: one that cannot be converted leaves nothing behind
    for task in dp_tasks(&request.definition)? {
        if let Some(metadata) = metadata_of(settings, &folder, &task).await? {
            ready.push((task, metadata));
        }
    }
    let mut made: Vec<ServiceFiles> = Vec::with_capacity(ready.len());
    if ready.is_empty() {
        return Ok(made);
    }
    let mut input = bring_input(settings, request, &folder).await?;
    for (task, (mut metadata, converter)) in ready {
        let is_first = made.is_empty();
        let output = folder.own(&output_name(input.file_name(), &task.name, is_first));
        let own_file = format!("{}.json", task.name);
        let (own, shared) = (folder.own(&own_file), folder.shared(&task.metadata_file));
        let report = folder.report(&task.metadata_file);
        point(&mut metadata, &input, &output, &report, label)
            .map_err(|reason| DeployError::Metadata { task: task.name.clone(), reason })?;
        let text = serde_json::to_vec_pretty(&metadata).expect("a JSON value is always writable");
        let mut options = PutOptions::of_type("application/json");
        if let Some(by) = &converter {
            options.metadata = HashMap::from([("converter".to_owned(), by.clone())]);
        }
        settings.s3.put_bytes(&own.bucket, &own.key, &text, options.clone()).await?;
        if settings.shared_metadata {
            settings.s3.put_bytes(&shared.bucket, &shared.key, &text, options).await?;
        }
        made.push(ServiceFiles {
            task: task.name,
            metadata_url: own.to_string(),
            shared_metadata_url: shared.to_string(),
            input_uri: input.to_string(),
            output_uri: output.to_string(),
            report_uri: report.to_string(),
            converter,
        });
        input = output;
    }
    Ok(made)
}

/// Removes what `make` wrote for this label; the shared metadata stays, it may be another workflow's by now.
pub(super) async fn remove(settings: &IngestionSettings, label: &str) -> Result<usize, DeployError> {
    let folder = Folder::new(&settings.s3_bucket, &settings.s3_prefix, label).own("");
    let found = match settings.s3.list(&folder.bucket, &folder.key, 100_000).await {
        Err(error) if error.is_missing() => return Ok(0),
        found => found?,
    };
    let keys: Vec<String> = found.into_iter().map(|object| object.key).collect();
    settings.s3.delete_many(&folder.bucket, &keys).await?;
    Ok(keys.len())
}

/// A service's metadata with who made it; `None` for a trigger whose shared metadata nobody put there.
async fn metadata_of(
    settings: &IngestionSettings,
    folder: &Folder,
    task: &DpTask,
) -> Result<Option<(Value, Option<String>)>, DeployError> {
    if let Some(config) = &task.config {
        let done = convert::convert(&settings.converter, &task.name, task.service, config).await?;
        return Ok(Some((done.metadata, Some(done.by.name().to_owned()))));
    }
    let shared = folder.shared(&task.metadata_file);
    let limit = settings.converter.limit_bytes as u64;
    let text = match settings.s3.get_bytes(&shared.bucket, &shared.key, limit).await {
        Ok(text) => text,
        Err(error) if error.is_missing() && task.name.starts_with("trigger_") => return Ok(None),
        Err(error) if error.is_missing() => {
            return Err(DeployError::Missing(format!(
                "task {:?} has no dp_config, and there is no {shared} to use instead: save the node's form, then submit again",
                task.name
            )));
        }
        Err(error) => return Err(error.into()),
    };
    let metadata = serde_json::from_slice(&text).map_err(|error| DeployError::Metadata {
        task: task.name.clone(),
        reason: format!("{shared} is no JSON: {error}"),
    })?;
    Ok(Some((metadata, None)))
}

/// Finds the input and copies it to where the jobs read; answers where it is then.
async fn bring_input(
    settings: &IngestionSettings,
    request: &Request,
    folder: &Folder,
) -> Result<Place, DeployError> {
    let default = Place::parse(&settings.default_input)
        .map_err(|error| DeployError::Missing(format!("ingestion.default_input: {error}")))?;
    let mut tried = Vec::new();
    for place in request.input.iter().chain([&default]) {
        let store = match place.scheme {
            Scheme::Minio => &settings.minio,
            Scheme::S3 => &settings.s3,
        };
        if store.head(&place.bucket, &place.key).await?.is_none() {
            tried.push(place.to_string());
            continue;
        }
        if place.scheme == Scheme::S3 {
            return Ok(place.clone());
        }
        let target = folder.own(place.file_name());
        copy(&settings.minio, place, &settings.s3, &target).await?;
        return Ok(target);
    }
    Err(DeployError::Missing(format!(
        "there is no input: {} do not exist; upload the file, then submit again",
        tried.join(" and ")
    )))
}

/// Copies an object in pieces of a few megabytes. It appears whole or not at all.
async fn copy(
    from: &ObjectStore,
    source: &Place,
    to: &ObjectStore,
    target: &Place,
) -> Result<(), DeployError> {
    let mut reader = from.get(&source.bucket, &source.key).await?;
    let options = PutOptions {
        content_type: reader.content_type().map(str::to_owned),
        metadata: HashMap::from([("source".to_owned(), "ingestion".to_owned())]),
    };
    to.ensure_bucket(&target.bucket).await?;
    let mut writer = to.put(&target.bucket, &target.key, options);
    while let Some(chunk) = reader.next_chunk().await? {
        writer.write(&chunk).await?;
    }
    writer.finish().await?;
    Ok(())
}

/// Points metadata at its files, where it has a place for them.
fn point(
    metadata: &mut Value,
    input: &Place,
    output: &Place,
    report: &Place,
    workflow_id: &str,
) -> Result<(), String> {
    if !metadata.is_object() {
        return Err("it is no JSON object".to_owned());
    }
    for (parent, place) in [("input", input), ("output", output), ("report", report)] {
        let found = metadata.pointer_mut(&format!("/service/{parent}")).and_then(Value::as_object_mut);
        if let Some(part) = found {
            part.insert("uri".to_owned(), place.to_string().into());
        }
    }
    let variables = metadata.pointer_mut("/metadata/environment").and_then(Value::as_array_mut);
    for variable in variables.into_iter().flatten().filter_map(Value::as_object_mut) {
        if is_named(variable, "WORKFLOW_ID") {
            variable.insert("value".to_owned(), workflow_id.into());
        }
    }
    Ok(())
}

fn is_named(variable: &Map<String, Value>, name: &str) -> bool {
    variable.get("name").and_then(Value::as_str) == Some(name)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::super::places::Folder;
    use super::point;

    #[test]
    fn metadata_is_pointed_where_it_has_places() {
        let folder = Folder::new("b", "p", "w");
        let (input, output) = (folder.own("x.in"), folder.own("x.out"));
        let report = folder.report("dp_name_parse.json");
        let mut metadata = json!({
            "metadata": {"environment": [{"name": "A", "value": "1"}, {"name": "WORKFLOW_ID", "value": "old"}]},
            "service": {"type": "nameParse", "input": {"uri": "old", "user_type": "data_in"}, "output": {}}});
        point(&mut metadata, &input, &output, &report, "w").expect("pointed");
        assert_eq!(
            metadata,
            json!({
                "metadata": {"environment": [{"name": "A", "value": "1"}, {"name": "WORKFLOW_ID", "value": "w"}]},
                "service": {"type": "nameParse", "input": {"uri": "s3://b/p/runs/w/x.in", "user_type": "data_in"},
                    "output": {"uri": "s3://b/p/runs/w/x.out"}}})
        );
        assert!(point(&mut json!([]), &input, &output, &report, "w").is_err());
        point(&mut json!({}), &input, &output, &report, "w").expect("nothing to point");
    }
}
