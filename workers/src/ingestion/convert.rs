//! Turns the configuration that was drawn for a service (XML) into the metadata that its job reads (JSON).
//!
//! A program does it, as documented, or our own converter (`podium_designer::dps`), whose result says that it is ours.
//! Whatever the program does, the call ends: it has a time, its files have a size, and everything it started is ended
//! with it.

use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use podium_designer::dps::{self, DpsError};
use quick_xml::events::Event;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{Child, Command};
use tracing::warn;

use super::definition::DpService;
use super::settings::{ConverterMode, ConverterSettings};

/// Bytes of what a program says on standard error that are passed on.
const LONGEST_COMPLAINT: u64 = 4_096;
/// Variables that a program may need to run at all. The rest of our environment holds keys of stores and databases.
const PASSED_ON: [&str; 7] = ["PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "LD_LIBRARY_PATH"];

/// Metadata and who made it.
#[derive(Clone, Debug)]
pub(crate) struct Converted {
    pub(crate) metadata: Value,
    pub(crate) by: Converter,
}

/// Who converted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Converter {
    Command,
    Builtin,
}

impl Converter {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Command => "command",
            Self::Builtin => "builtin",
        }
    }
}

/// Why there is no metadata.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConvertError {
    /// The request's own fault.
    #[error("dp_config of task {task:?}: {reason}")]
    Configuration { task: String, reason: String },
    /// The program's.
    #[error("{0}")]
    Program(String),
}

/// Converts the configuration of a task.
pub(crate) async fn convert(
    settings: &ConverterSettings,
    task: &str,
    service: DpService,
    config: &str,
) -> Result<Converted, ConvertError> {
    let wrong = |reason: String| ConvertError::Configuration { task: task.to_owned(), reason };
    if config.len() > settings.limit_bytes {
        return Err(wrong(format!(
            "it has {} bytes, more than the limit of {}",
            config.len(),
            settings.limit_bytes
        )));
    }
    let xml = dps::unescape(config);
    let options = dps::Options {
        execution_id: Some(service.execution_id().to_owned()),
        max_bytes: settings.limit_bytes,
        ..dps::Options::default()
    };
    // also what a program is to read goes through our reader, which takes no document types and no entities
    let own = dps::to_json(&xml, &options);
    let by = chosen(settings);
    let mut metadata = match (by, own) {
        (Converter::Builtin, own) => own.map_err(|error| wrong(error.to_string()))?,
        // what a service must have is the program's to say
        (
            Converter::Command,
            Ok(_)
            | Err(DpsError::Missing { .. } | DpsError::OtherService { .. } | DpsError::SeveralServices { .. }),
        ) => {
            let xml = pretty(&xml).map_err(|error| wrong(error.to_string()))?;
            run(settings, service, &xml).await?
        }
        (Converter::Command, Err(error)) => return Err(wrong(error.to_string())),
    };
    if service == DpService::EmailHygiene {
        write_newlines_out(&mut metadata);
    }
    Ok(Converted { metadata, by })
}

/// The same XML with each tag on a line of its own, as the program is used to.
fn pretty(xml: &str) -> Result<Vec<u8>, quick_xml::Error> {
    let mut reader = quick_xml::Reader::from_str(xml);
    let mut writer = quick_xml::Writer::new_with_indent(Vec::new(), b' ', 4);
    loop {
        match reader.read_event()? {
            Event::Eof => return Ok(writer.into_inner()),
            // between tags; inside of a value white space means something
            Event::Text(text) if text.iter().all(u8::is_ascii_whitespace) && text.contains(&b'\n') => {}
            event => writer.write_event(event)?,
        }
    }
}

fn chosen(settings: &ConverterSettings) -> Converter {
    match settings.mode {
        ConverterMode::Command => Converter::Command,
        ConverterMode::Builtin => Converter::Builtin,
        ConverterMode::Auto if is_executable(&settings.command) => Converter::Command,
        ConverterMode::Auto => {
            warn!(command = %settings.command.display(), "there is no such program; converting with the built-in converter");
            Converter::Builtin
        }
    }
}

fn is_executable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    path.metadata().is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}

/// A newline as the delimiter of a report's field is written as backslash-n, as the hygiene job wants it.
fn write_newlines_out(metadata: &mut Value) {
    let records = metadata.pointer_mut("/service/report/record").and_then(Value::as_array_mut);
    for field in records.into_iter().flatten() {
        if let Some(delimiter) = field.get_mut("delimiter")
            && delimiter == "\n"
        {
            *delimiter = "\\n".into();
        }
    }
}

async fn run(settings: &ConverterSettings, service: DpService, xml: &[u8]) -> Result<Value, ConvertError> {
    let program = settings.command.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let failed = |why: String| ConvertError::Program(format!("{program} failed:{why}"));
    let local = |what: &str, error: std::io::Error| failed(format!(" could not {what}: {error}"));
    // everything in here is removed with it, also when this call is given up
    let folder = tempfile::tempdir().map_err(|e| local("make a folder for its files", e))?;
    let (input, output) = (folder.path().join("metadata.xml"), folder.path().join("metadata.json"));
    tokio::fs::write(&input, xml).await.map_err(|e| local("write its input", e))?;
    let mut command = Command::new(&settings.command);
    command.arg("-generate-dps-json").arg("-metadata_url").arg(&input).arg("-output_url").arg(&output);
    command.arg("-execution_id").arg(service.execution_id());
    command.env_clear();
    command.envs(PASSED_ON.iter().filter_map(|name| Some((name, std::env::var_os(name)?))));
    command.current_dir(folder.path()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    // a group of its own, so that what it starts can be ended with it
    command.process_group(0).kill_on_drop(true);
    let child = command.spawn().map_err(|e| {
        failed(format!(
            " could not run {}: {e}; set ingestion.dps_converter, or dps_converter_mode = \"builtin\"",
            settings.command.display()
        ))
    })?;
    let mut group = Group { pid: child.id(), child };
    let complaint = group.child.stderr.take();
    let ended = tokio::time::timeout(settings.time_limit, async {
        let (status, complaint) = tokio::join!(group.child.wait(), read_some(complaint));
        (status, complaint)
    });
    let (status, complaint) = ended.await.map_err(|_| {
        failed(format!(" it was still running after {} and was ended", shown(settings.time_limit)))
    })?;
    let status = status.map_err(|e| local("wait for it", e))?;
    if !status.success() {
        return Err(failed(format!("{complaint} ({})", ending(status))));
    }
    let size =
        tokio::fs::metadata(&output).await.map_err(|_| failed(" it wrote no JSON file".to_owned()))?.len();
    if size > settings.limit_bytes as u64 {
        return Err(failed(format!(
            " it wrote {size} bytes, more than the limit of {}",
            settings.limit_bytes
        )));
    }
    let text = tokio::fs::read(&output).await.map_err(|e| local("read its output", e))?;
    match serde_json::from_slice(&text) {
        Ok(value @ Value::Object(_)) => Ok(value),
        Ok(_) => Err(failed(" what it wrote is JSON, but no object".to_owned())),
        Err(error) => Err(failed(format!(" what it wrote is no JSON: {error}"))),
    }
}

/// A program and what it started; ended when dropped.
struct Group {
    pid: Option<u32>,
    child: Child,
}

impl Drop for Group {
    fn drop(&mut self) {
        let group = self.pid.and_then(|pid| i32::try_from(pid).ok()).and_then(rustix::process::Pid::from_raw);
        if let Some(group) = group {
            // an error means that nobody of it is left
            let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        }
    }
}

/// The beginning of what comes; the rest is read and dropped, so that nobody waits for a full pipe.
async fn read_some(from: Option<impl AsyncRead + Unpin>) -> String {
    let Some(mut from) = from else { return String::new() };
    let mut text = Vec::new();
    let mut head = (&mut from).take(LONGEST_COMPLAINT);
    // what could not be read is not said
    let _ = head.read_to_end(&mut text).await;
    let _ = tokio::io::copy(&mut from, &mut tokio::io::sink()).await;
    String::from_utf8_lossy(&text).trim().to_owned()
}

fn ending(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit code {code}"),
        (None, Some(signal)) => format!("ended by signal {signal}"),
        (None, None) => "ended".to_owned(),
    }
}

fn shown(time: Duration) -> String {
    format!("{} s", time.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{pretty, write_newlines_out};

    #[test]
    fn the_program_gets_one_tag_a_line() {
        let text = pretty("<a x='1'><b>c &lt; d</b>\n  <e/></a>").expect("well-formed");
        assert_eq!(String::from_utf8(text).expect("text"), "<a x='1'>\n    <b>c &lt; d</b>\n    <e/>\n</a>");
    }

    #[test]
    fn newlines_of_a_report_are_written_out() {
        let mut metadata =
            json!({"service": {"report": {"record": [{"delimiter": "\n"}, {"delimiter": "|"}, {}]}}});
        write_newlines_out(&mut metadata);
        assert_eq!(
            metadata["service"]["report"]["record"],
            json!([{"delimiter": "\\n"}, {"delimiter": "|"}, {}])
        );
        write_newlines_out(&mut json!({"service": {}}));
    }
}
