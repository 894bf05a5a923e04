//! jq in processes of its own.
//!
//! Nothing can interrupt a filter, and one can exhaust the stack, which ends the process. So filters run in processes that
//! this node starts (`EngineConfig::jq`, the same binary under another command), with limits of their own and an empty
//! environment; one that misses its deadline or dies is replaced. A process answers one line with one line:
//!
//! ```text
//! {"filter": ".a[]", "input": {…}}   ->   {"values": […]}   or   {"error": "…"}
//! ```

use std::io::{self, BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::{Duration, Instant};

use jaq_core::load::{Arena, File, Loader};
use jaq_core::{Compiler, Ctx, Vars, data, unwrap_valr};
use jaq_json::{Num, Val};
use parking_lot::Mutex;
use podium_core::expr::script::Evaluated;
use rustix::process::{Pid, Signal, kill_process};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::slow::{Place, QUICK, SLICE, give_way, is_over};
use crate::config::JqCommand;

/// Processes kept for the next filter.
const IDLE_AT_MOST: usize = 4;
/// Values that one filter may give.
const VALUES_AT_MOST: usize = 100_000;
/// Bytes of JSON that may come out.
const RESULT_BYTES: usize = 10 << 20;
/// Filters that reach out of themselves: to the process, its environment, its streams, the clock of the machine.
const LEFT_OUT: [&str; 10] =
    ["halt", "halt_error", "env", "$ENV", "debug", "stderr", "input", "inputs", "input_filename", "repl"];

#[derive(Serialize)]
struct Question<'q> {
    filter: &'q str,
    input: &'q serde_json::value::RawValue,
}

#[derive(Deserialize)]
struct QuestionRead {
    filter: String,
    input: Box<serde_json::value::RawValue>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Answer {
    Values(Vec<Value>),
    Error(String),
}

/// The processes of one node.
pub(super) struct JqProcesses {
    command: Option<JqCommand>,
    idle: Mutex<Vec<Process>>,
}

struct Process {
    child: Child,
    stdin: ChildStdin,
    lines: Receiver<io::Result<String>>,
}

impl Drop for Process {
    fn drop(&mut self) {
        // gone already is as good; the wait only takes the exit status
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl JqProcesses {
    pub(super) fn new(command: Option<JqCommand>) -> Self {
        JqProcesses { command, idle: Mutex::new(Vec::new()) }
    }

    /// What the filter makes of the input, a JSON text. Blocks.
    pub(super) fn evaluate(&self, filter: &str, input: &str) -> Evaluated {
        let Some(command) = &self.command else {
            return Evaluated::Failed("jq is not set up on this node (EngineConfig::jq)".to_owned());
        };
        let input = match serde_json::from_str(input) {
            Ok(input) => input,
            Err(error) => return Evaluated::Failed(format!("the input of the filter is no JSON: {error}")),
        };
        let mut line = match serde_json::to_string(&Question { filter, input }) {
            Ok(line) => line,
            Err(error) => return Evaluated::Failed(format!("the filter cannot be asked: {error}")),
        };
        line.push('\n');
        let idle = self.idle.lock().pop();
        let mut answer = idle.map(|process| self.ask(process, &line));
        // an idle process may have died meanwhile: that is not this filter's fault
        if matches!(answer, None | Some(Err(RecvTimeoutError::Disconnected))) {
            answer = match Process::start(command) {
                Ok(process) => Some(self.ask(process, &line)),
                Err(error) => return Evaluated::Failed(format!("jq cannot be started: {error}")),
            };
        }
        match answer {
            Some(Ok(Answer::Values(values))) => Evaluated::Values(values),
            Some(Ok(Answer::Error(reason))) => Evaluated::Failed(reason),
            Some(Err(RecvTimeoutError::Timeout)) => {
                Evaluated::Failed("The jq filter took longer than it may and was stopped".to_owned())
            }
            Some(Err(RecvTimeoutError::Disconnected)) | None => {
                Evaluated::Failed("The jq filter needs more memory or stack than it may have".to_owned())
            }
        }
    }

    fn ask(&self, mut process: Process, line: &str) -> Result<Answer, RecvTimeoutError> {
        let gone = |_| RecvTimeoutError::Disconnected;
        process.stdin.write_all(line.as_bytes()).and_then(|()| process.stdin.flush()).map_err(gone)?;
        let line = match process.lines.recv_timeout(QUICK) {
            Err(RecvTimeoutError::Timeout) => process.slowly()?,
            line => line?,
        };
        let answer =
            serde_json::from_str(&line.map_err(gone)?).map_err(|_| RecvTimeoutError::Disconnected)?;
        let mut idle = self.idle.lock();
        if idle.len() < IDLE_AT_MOST {
            idle.push(process);
        }
        Ok(answer)
    }
}

impl Process {
    /// Waits for the answer while the process runs only in its turns.
    fn slowly(&self) -> Result<io::Result<String>, RecvTimeoutError> {
        let pid = Pid::from_child(&self.child);
        let (began, mut has_run) = (Instant::now(), Duration::ZERO);
        while !is_over(began.elapsed(), has_run) {
            let stopped = kill_process(pid, Signal::STOP).is_ok();
            let _place = Place::wait();
            if stopped {
                // one that cannot go on answers nothing, as one that is gone
                let _ = kill_process(pid, Signal::CONT);
            }
            match self.lines.recv_timeout(SLICE) {
                Err(RecvTimeoutError::Timeout) => has_run += SLICE,
                line => return line,
            }
        }
        Err(RecvTimeoutError::Timeout)
    }

    fn start(command: &JqCommand) -> io::Result<Process> {
        let mut child = Command::new(&command.program)
            .args(&command.args)
            .env_clear()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let (Some(stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(io::Error::other("the process has no pipes"));
        };
        let (tx, lines) = sync_channel(1);
        std::thread::Builder::new().name("jq-answers".to_owned()).spawn(move || {
            for line in BufReader::new(stdout).lines() {
                if tx.send(line).is_err() {
                    return;
                }
            }
        })?;
        Ok(Process { child, stdin, lines })
    }
}

/// Answers questions from `input` on `output` until the input ends: the body of the process. The caller sets the limits of
/// memory and stack first.
pub fn serve(input: impl BufRead, mut output: impl Write) -> io::Result<()> {
    give_way();
    for line in input.lines() {
        let answer = match serde_json::from_str::<QuestionRead>(&line?) {
            Ok(question) => match run(&question.filter, question.input.get()) {
                Ok(values) => Answer::Values(values),
                Err(reason) => Answer::Error(reason),
            },
            Err(error) => Answer::Error(error.to_string()),
        };
        let text = serde_json::to_string(&answer).map_err(io::Error::other)?;
        let text = if text.len() > RESULT_BYTES {
            let reason =
                format!("The result of the jq filter is larger than {} kilobytes", RESULT_BYTES / 1024);
            serde_json::to_string(&Answer::Error(reason)).map_err(io::Error::other)?
        } else {
            text
        };
        writeln!(output, "{text}")?;
        output.flush()?;
    }
    Ok(())
}

fn run(filter: &str, input: &str) -> Result<Vec<Value>, String> {
    let input =
        jaq_json::read::parse_single(input.as_bytes()).map_err(|e| format!("the input is no JSON: {e}"))?;
    let defs = jaq_core::defs().chain(jaq_std::defs()).chain(jaq_json::defs());
    let defs = defs.filter(|def| !LEFT_OUT.contains(&def.name));
    let funs = jaq_core::funs().chain(jaq_std::funs()).chain(jaq_json::funs());
    let funs = funs.filter(|(name, ..)| !LEFT_OUT.contains(name));
    let arena = Arena::default();
    let program = File { code: filter, path: () };
    let modules =
        Loader::new(defs).load(&arena, program).map_err(|_| format!("Invalid jq filter: {filter}"))?;
    let filter = Compiler::default()
        .with_funs(funs)
        .compile(modules)
        .map_err(|_| format!("Unknown function or variable in the jq filter: {filter}"))?;
    let ctx = Ctx::<data::JustLut<Val>>::new(&filter.lut, Vars::new([]));
    let mut values = Vec::new();
    for value in filter.id.run((ctx, input)).map(unwrap_valr) {
        values.push(json(&value.map_err(|error| known(&error.to_string()))?));
        if values.len() > VALUES_AT_MOST {
            return Err(format!("The jq filter gives more than {VALUES_AT_MOST} values"));
        }
    }
    Ok(values)
}

fn json(value: &Val) -> Value {
    match value {
        Val::Null => Value::Null,
        Val::Bool(b) => Value::Bool(*b),
        Val::Num(n) => number(n),
        Val::TStr(text) | Val::BStr(text) => Value::String(String::from_utf8_lossy(text).into_owned()),
        Val::Arr(items) => Value::Array(items.iter().map(json).collect()),
        Val::Obj(members) => Value::Object(
            members
                .iter()
                .map(|(name, value)| match json(name) {
                    Value::String(name) => (name, json(value)),
                    other => (other.to_string(), json(value)),
                })
                .collect::<Map<String, Value>>(),
        ),
    }
}

/// Whole numbers that were computed are integers; what was written as a decimal stays one.
fn number(n: &Num) -> Value {
    let text = match n {
        Num::Int(n) => n.to_string(),
        Num::BigInt(n) => n.to_string(),
        Num::Dec(text) => text.to_string(),
        Num::Float(x) if !x.is_finite() => return Value::Null,
        Num::Float(x) if x.fract() == 0.0 && x.abs() < 1e15 => format!("{x:.0}"),
        Num::Float(x) => format!("{x:?}"),
    };
    serde_json::from_str(&text).unwrap_or(Value::String(text))
}

/// The words that users of existing servers know.
fn known(message: &str) -> String {
    let kind = |text: &str| match serde_json::from_str::<Value>(text) {
        Ok(Value::Null) => "null",
        Ok(Value::Bool(_)) => "boolean",
        Ok(Value::Number(_)) => "number",
        Ok(Value::String(_)) => "string",
        Ok(Value::Array(_)) => "array",
        Ok(Value::Object(_)) => "object",
        Err(_) => "value",
    };
    if let Some((value, index)) =
        message.strip_prefix("cannot index ").and_then(|rest| rest.rsplit_once(" with "))
    {
        return match kind(index) {
            "string" => format!("Cannot index {} with string {index}", kind(value)),
            other => format!("Cannot index {} with {other}", kind(value)),
        };
    }
    if let Some(value) = message
        .strip_prefix("cannot use ")
        .and_then(|rest| rest.strip_suffix(" as iterable (array or object)"))
    {
        return format!("Cannot iterate over {}", kind(value));
    }
    message.to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn jq(filter: &str, input: Value) -> Result<String, String> {
        run(filter, &input.to_string()).map(|values| Value::Array(values).to_string())
    }

    #[test]
    fn filters_answer_as_they_always_did() {
        let list = json!({"in": [{"n": "a", "v": 1}, {"n": "b", "v": 2.5}], "x": 10, "s": "text"});
        for (filter, expected) in [
            (
                ".in | {sum: (map(.v) | add), names: [.[].n], first: .[0]}",
                r#"[{"sum":3.5,"names":["a","b"],"first":{"n":"a","v":1}}]"#,
            ),
            (".in[] | .v", "[1,2.5]"),
            ("empty", "[]"),
            (".a.b", "[null]"),
            ("[.x / 4, .x / 5, (.x | tostring), 12345678901]", r#"[[2.5,2,"10",12345678901]]"#),
            (".x * 2", "[20]"),
            (".in | length", "[2]"),
        ] {
            assert_eq!(jq(filter, list.clone()), Ok(expected.to_owned()), "{filter}");
        }
        assert_eq!(
            jq("1e3", json!({})).map(|t| t.parse::<Value>().expect("JSON").to_string().to_lowercase()),
            Ok("[1e+3]".to_owned())
        );
    }

    #[test]
    fn errors_have_the_known_texts() {
        assert_eq!(
            jq(".s.array", json!({"s": "text"})),
            Err("Cannot index string with string \"array\"".to_owned())
        );
        assert_eq!(jq(".n[]", json!({"n": 1})), Err("Cannot iterate over number".to_owned()));
        assert!(jq(".a |", json!({})).is_err_and(|e| e.starts_with("Invalid jq filter")));
    }

    #[test]
    fn filters_cannot_reach_out() {
        for filter in ["halt", "env", "$ENV", "\"x\" | halt_error", "1 | debug", "input"] {
            assert!(jq(filter, json!({})).is_err(), "{filter}");
        }
    }

    #[test]
    fn a_process_answers_line_by_line() {
        let questions = "{\"filter\":\".a\",\"input\":{\"a\":1}}\n{\"filter\":\"nonsense\",\"input\":{}}\n";
        let mut answers = Vec::new();
        serve(questions.as_bytes(), &mut answers).expect("pipes of memory");
        let answers = String::from_utf8(answers).expect("text");
        let lines: Vec<&str> = answers.lines().collect();
        assert_eq!(lines[0], r#"{"values":[1]}"#);
        assert!(lines[1].starts_with(r#"{"error":"#));
    }

    #[test]
    fn without_a_process_a_filter_fails() {
        assert!(matches!(JqProcesses::new(None).evaluate(".", "{}"), Evaluated::Failed(_)));
        let none = JqCommand { program: "/nowhere/jq".into(), args: Vec::new() };
        assert!(matches!(JqProcesses::new(Some(none)).evaluate(".", "{}"), Evaluated::Failed(_)));
    }

    #[test]
    fn a_process_that_does_not_answer_is_stopped() {
        let deaf = JqCommand { program: "/bin/sleep".into(), args: vec!["60".to_owned()] };
        let processes = JqProcesses::new(Some(deaf));
        let answer = processes.evaluate(".", "{}");
        assert!(matches!(answer, Evaluated::Failed(reason) if reason.contains("longer")));
    }
}
