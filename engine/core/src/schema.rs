//! JSON schemas of definitions (`inputSchema`, `outputSchema`): what an input or output must look like.
//!
//! A schema counts if its `type` is JSON (or not given) and its `data` holds the schema itself; one that is only named
//! changes nothing, for there is nowhere to look it up. References stay inside of the schema: nothing is fetched. Patterns
//! are matched in linear time, so they have no look-around and no back-references.

use std::fmt;

use jsonschema::{PatternOptions, Validator};
use serde_json::Value;

use crate::payload::Payload;

/// Faults that a text names; there may be thousands.
const FAULTS_AT_MOST: usize = 10;

/// A schema ready for use.
pub(crate) struct Schema(Validator);

impl fmt::Debug for Schema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Schema")
    }
}

impl Schema {
    /// The schema of a member of a definition; `None` if it holds none. The error says why it is no schema.
    pub(crate) fn of(member: Option<&Value>) -> Result<Option<Schema>, String> {
        let Some(member) = member else { return Ok(None) };
        let json = member.get("type").and_then(Value::as_str).is_none_or(|kind| kind == "JSON");
        let Some(data) = member.get("data").filter(|data| json && data.is_object()) else { return Ok(None) };
        let mut data = data.clone();
        // a dialect that nobody knows is read as the latest one
        let known = |dialect: &Value| dialect.as_str().is_some_and(|at| at.contains("json-schema.org"));
        if let Some(map) = data.as_object_mut()
            && map.get("$schema").is_some_and(|dialect| !known(dialect))
        {
            map.remove("$schema");
        }
        let options = jsonschema::options().with_pattern_options(PatternOptions::regex());
        let validator = options.build(&data).map_err(|e| match e.instance_path().to_string() {
            at if at.is_empty() => e.to_string(),
            at => format!("{at}: {e}"),
        })?;
        Ok(Some(Schema(validator)))
    }

    /// Where and why the payload does not fit; `None` if it does. Values are not quoted.
    fn faults(&self, payload: &Payload) -> Option<String> {
        let value = Value::Object(payload.map().clone());
        if self.0.is_valid(&value) {
            return None;
        }
        let mut faults: Vec<String> = Vec::new();
        for error in self.0.iter_errors(&value).take(FAULTS_AT_MOST) {
            let at = error.instance_path().to_string();
            faults.push(format!("{}: {}", if at.is_empty() { "/" } else { &at }, error.masked()));
        }
        Some(faults.join("; "))
    }
}

/// What of a workflow or task is held against a schema.
#[derive(Debug)]
pub(crate) struct Schemas {
    input: Option<Schema>,
    output: Option<Schema>,
}

impl Schemas {
    /// The schemas of a definition; `None` if it has none or does not want them enforced. The error names the member.
    pub(crate) fn of(
        enforced: bool,
        input: Option<&Value>,
        output: Option<&Value>,
    ) -> Result<Option<Schemas>, (&'static str, String)> {
        if !enforced {
            return Ok(None);
        }
        let input = Schema::of(input).map_err(|fault| ("inputSchema", fault))?;
        let output = Schema::of(output).map_err(|fault| ("outputSchema", fault))?;
        Ok((input.is_some() || output.is_some()).then_some(Schemas { input, output }))
    }

    pub(crate) fn input_fault(&self, of: &str, input: &Payload) -> Option<String> {
        let faults = self.input.as_ref()?.faults(input)?;
        Some(format!("The input of {of} does not fit its schema: {faults}"))
    }

    pub(crate) fn output_fault(&self, of: &str, output: &Payload) -> Option<String> {
        let faults = self.output.as_ref()?.faults(output)?;
        Some(format!("The output of {of} does not fit its schema: {faults}"))
    }
}

#[cfg(test)]
mod tests;
