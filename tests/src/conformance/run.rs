//! One run of one scenario: its variables, its HTTP requests and the entries it records.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::fill::{self, Variables};
use super::normalise::{Normaliser, Rules, uuid_pattern};
use super::pointer::{self, as_text};
use super::scenario::Scenario;
use super::stub::Stub;
use super::text::sort_key;
use super::trace::Entry;
use super::{Stop, steps};
use crate::support::http::{self, Answer};

/// What all scenarios share.
pub struct Environment {
    /// Root of the server under test, without `/api`.
    pub base: String,
    /// Broker address as both this process and the server see it.
    pub kafka: Option<String>,
    pub stub: Stub,
    pub rules: Rules,
}

/// How a run of a scenario went.
#[derive(Debug)]
pub struct Outcome {
    pub trace: Vec<Entry>,
    /// The step that could not go on, if one could not.
    pub stopped: Option<String>,
}

/// Runs a scenario once. `patience` caps how long one `await` or `poll` waits, for scenarios that are
/// expected to fail. Whatever happened, its `finally` steps run and the workflows it started are terminated.
pub fn play(scenario: &Scenario, environment: &Environment, patience: Option<Duration>) -> Outcome {
    let run = Run::new(scenario, environment, patience);
    let mut trace = Vec::new();
    let mut stopped = None;
    for (i, step) in scenario.steps.iter().enumerate() {
        match steps::perform(&run, step) {
            Ok(entries) => trace.extend(entries.into_iter().map(|mut entry| {
                entry.step = format!("{i}{}", entry.step);
                entry.note = step.get("note").and_then(Value::as_str).map(str::to_owned).or(entry.note);
                entry
            })),
            Err(stop) => {
                let kind = step.get("do").and_then(Value::as_str).unwrap_or("?");
                stopped = Some(format!("step {i} ({kind}): {}", stop.0));
                break;
            }
        }
    }
    run.clean_up(scenario);
    Outcome { trace, stopped }
}

/// The state of one run; shared by the threads of a `concurrent` step.
pub(super) struct Run<'a> {
    pub(super) environment: &'a Environment,
    state: Mutex<State>,
    deadline: Mutex<Instant>,
    patience: Option<Duration>,
}

struct State {
    variables: Variables,
    literals: Vec<(String, String)>,
    started: Vec<String>,
}

/// One answer, or a list made by `poll` and `kafka_consume`.
pub(super) struct Response {
    pub(super) status: Option<u16>,
    content_type: Option<String>,
    headers: Vec<(String, String)>,
    pub(super) raw: Vec<u8>,
    pub(super) json: Option<Value>,
}

impl Response {
    pub(super) fn of_json(value: Value) -> Response {
        Response { status: None, content_type: None, headers: Vec::new(), raw: Vec::new(), json: Some(value) }
    }

    fn of_answer(answer: Answer) -> Response {
        let content_type = answer
            .header("content-type")
            .map(|t| t.to_lowercase().replace(' ', ""))
            .filter(|t| !t.is_empty());
        let is_json = content_type.as_deref().and_then(|t| t.split(';').next()) == Some("application/json");
        let json = if is_json { serde_json::from_slice(&answer.body).ok() } else { None };
        Response {
            status: Some(answer.status),
            content_type,
            headers: answer.headers,
            raw: answer.body,
            json,
        }
    }

    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.raw).into_owned()
    }

    /// The body for a message: cut short.
    pub(super) fn brief(&self) -> String {
        self.text().chars().take(300).collect()
    }
}

fn fresh_suffix() -> String {
    const LETTERS: &[u8] = b"abcdefghijklmnopqrstuvwxyz0123456789";
    let mut bits = uuid::Uuid::now_v7().as_u128() & ((1 << 62) - 1);
    let mut out = String::from("u");
    for _ in 0..9 {
        out.push(LETTERS[(bits % 36) as usize] as char);
        bits /= 36;
    }
    out
}

impl<'a> Run<'a> {
    fn new(scenario: &Scenario, environment: &'a Environment, patience: Option<Duration>) -> Run<'a> {
        let unique = fresh_suffix();
        let closed = "http://127.0.0.1:9";
        let mut variables: Variables = [
            ("unique", json!(unique)),
            ("worker", json!("kit-worker")),
            ("stub", json!(environment.stub.url())),
            ("closed", json!(closed)),
        ]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect();
        let mut literals = vec![
            (unique, "{{unique}}".to_owned()),
            (environment.stub.url().to_owned(), "{{stub}}".to_owned()),
            (closed.to_owned(), "{{closed}}".to_owned()),
        ];
        if let Some(kafka) = &environment.kafka {
            variables.insert("kafka".to_owned(), json!(kafka));
            literals.push((kafka.clone(), "{{kafka}}".to_owned()));
        }
        Run {
            environment,
            state: Mutex::new(State { variables, literals, started: Vec::new() }),
            deadline: Mutex::new(Instant::now() + Duration::from_secs(scenario.timeout_s)),
            patience,
        }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().expect("no thread panics while it holds the state")
    }

    /// When a wait that may take `timeout` must give up.
    pub(super) fn until(&self, timeout: Duration) -> Instant {
        let timeout = self.patience.map_or(timeout, |p| p.min(timeout));
        (Instant::now() + timeout).min(*self.deadline.lock().expect("no thread panics while it holds it"))
    }

    pub(super) fn check_deadline(&self) -> Result<(), Stop> {
        let deadline = *self.deadline.lock().expect("no thread panics while it holds it");
        if Instant::now() > deadline { Err(Stop("scenario time-out".to_owned())) } else { Ok(()) }
    }

    pub(super) fn fill(&self, value: &Value) -> Result<Value, Stop> {
        fill::value(&self.state().variables, value)
    }

    pub(super) fn fill_text(&self, text: &str) -> Result<String, Stop> {
        fill::text(&self.state().variables, text).map(|v| as_text(&v))
    }

    /// A member of a step as filled text.
    pub(super) fn text_of(&self, step: &Value, member: &str) -> Result<Option<String>, Stop> {
        match step.get(member) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => self.fill(value).map(|v| Some(as_text(&v))),
        }
    }

    pub(super) fn needed(&self, step: &Value, member: &str) -> Result<String, Stop> {
        self.text_of(step, member)?.ok_or_else(|| Stop(format!("the step has no {member}")))
    }

    pub(super) fn set(&self, name: &str, value: Value) {
        self.state().variables.insert(name.to_owned(), value);
    }

    /// From now on this text reads `{{name}}` in the trace.
    pub(super) fn put_back(&self, text: String, name: &str) {
        self.state().literals.push((text, format!("{{{{{name}}}}}")));
    }

    fn normaliser(&self) -> Normaliser<'a> {
        let mut literals = self.state().literals.clone();
        literals.sort_by_key(|(found, _)| std::cmp::Reverse(found.len()));
        Normaliser { rules: &self.environment.rules, literals }
    }

    /// Sends what a `call` or `await` step says.
    pub(super) fn request(&self, step: &Value) -> Result<Response, Stop> {
        let method = step.get("method").and_then(Value::as_str).unwrap_or("GET");
        let target = self.target(step)?;
        let mut headers = Vec::new();
        if let Some(Value::Object(given)) = step.get("headers") {
            for (name, value) in given {
                headers.push((name.clone(), as_text(&self.fill(value)?)));
            }
        }
        let body = if let Some(body) = step.get("body") {
            if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type")) {
                headers.push(("Content-Type".to_owned(), "application/json".to_owned()));
            }
            Some(self.fill(body)?.to_string())
        } else {
            self.text_of(step, "text")?
        };
        let to_stub = step.get("server").and_then(Value::as_str) == Some("stub");
        let base = if to_stub { self.environment.stub.url() } else { self.environment.base.as_str() };
        let answer =
            http::call(base, method, &target, &headers, body.as_deref().map(str::as_bytes), CALL_TIMEOUT)?;
        if !to_stub && method == "POST" && answer.status == 200 && target.starts_with("/api/workflow") {
            let id = answer.text();
            if uuid_pattern().find(&id).is_some_and(|m| m.len() == id.len()) {
                self.state().started.push(id);
            }
        }
        Ok(Response::of_answer(answer))
    }

    fn target(&self, step: &Value) -> Result<String, Stop> {
        let mut target = self.needed(step, "path")?;
        if let Some(query) = step.get("query") {
            let Value::Object(query) = self.fill(query)? else {
                return Err(Stop("the step's query is no object".to_owned()));
            };
            let mut pairs = Vec::new();
            for (name, value) in &query {
                let values = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
                for value in values {
                    pairs.push(format!("{}={}", form_encode(name), form_encode(&as_text(value))));
                }
            }
            if !pairs.is_empty() {
                target.push(if target.contains('?') { '&' } else { '?' });
                target.push_str(&pairs.join("&"));
            }
        }
        Ok(encode(&target, "/?&=%:+,;@!$'()*~[]#-._"))
    }

    /// The entry that a step records for a response.
    pub(super) fn entry(&self, label: String, step: &Value, response: &Response) -> Result<Entry, Stop> {
        let normaliser = self.normaliser();
        let mut entry = Entry {
            call: label,
            status: response.status.map(|s| json!(s)),
            content_type: response.content_type.as_ref().map(|t| json!(t)),
            ..Entry::default()
        };
        for name in strings(step.get("keep_headers")) {
            let name = name.to_lowercase();
            if let Some((_, value)) = response.headers.iter().find(|(n, _)| *n == name) {
                let headers = entry.headers.get_or_insert_with(|| json!({}));
                headers[&name] = json!(normaliser.text(value));
            }
        }
        if let Some(json) = &response.json {
            entry.is_proper_error = json.get("message").is_some()
                && json.get("status").and_then(Value::as_u64) == response.status.map(u64::from);
            let full = step.get("full").and_then(Value::as_bool).unwrap_or(false);
            entry.json = Some(self.project(normaliser.value(json, full), step)?);
        } else if response.raw.is_empty() {
            entry.empty = true;
        } else {
            entry.text = Some(json!(normaliser.text(&response.text())));
        }
        Ok(entry)
    }

    fn project(&self, mut value: Value, step: &Value) -> Result<Value, Stop> {
        let sort = |v: &mut Value| {
            if let Value::Array(list) = v {
                list.sort_by_cached_key(sort_key);
            }
        };
        for pointer in strings(step.get("unordered")) {
            let pointer = self.fill_text(&pointer)?;
            if pointer.is_empty() {
                sort(&mut value);
            }
            pointer::each(&mut value, &pointer, &mut |v| sort(v));
        }
        for pointer in strings(step.get("ignore")) {
            pointer::each(&mut value, &self.fill_text(&pointer)?, &mut |v| *v = json!("<any>"));
        }
        let pick = |pointer: &str| -> Result<Value, Stop> {
            let pointer = self.normaliser().text(&self.fill_text(pointer)?);
            Ok(pointer::get(&value, &pointer).cloned().unwrap_or_else(|| json!("<missing>")))
        };
        match step.get("pick") {
            None => Ok(value),
            Some(Value::String(pointer)) => pick(pointer),
            Some(list) => {
                let mut picked = serde_json::Map::new();
                for pointer in strings(Some(list)) {
                    let got = pick(&pointer)?;
                    picked.insert(pointer, got);
                }
                Ok(Value::Object(picked))
            }
        }
    }

    /// Stores what a step's `save` names.
    pub(super) fn save(&self, step: &Value, response: &Response) -> Result<(), Stop> {
        let Some(Value::Object(wanted)) = step.get("save") else { return Ok(()) };
        for (name, at) in wanted {
            let at = at.as_str().unwrap_or_default();
            let value = match at {
                "$text" => json!(response.text()),
                "$status" => json!(response.status),
                _ => {
                    let at = self.fill_text(at)?;
                    response.json.as_ref().and_then(|j| pointer::get(j, &at)).cloned().ok_or_else(|| {
                        let status = response.status.unwrap_or(0);
                        Stop(format!("nothing to save at {at} (status {status}, body {})", response.brief()))
                    })?
                }
            };
            self.set(name, value);
        }
        Ok(())
    }

    fn clean_up(&self, scenario: &Scenario) {
        *self.deadline.lock().expect("no thread panics while it holds it") =
            Instant::now() + Duration::from_secs(30);
        for step in &scenario.finally {
            // The scenario's verdict is made already; what is left over carries a name of its own.
            drop(steps::perform(self, step));
        }
        for id in &self.state().started {
            let target = format!("/api/workflow/{id}?reason=kit-cleanup");
            drop(http::call(&self.environment.base, "DELETE", &target, &[], None, Duration::from_secs(15)));
        }
    }
}

const CALL_TIMEOUT: Duration = Duration::from_secs(70);

/// The strings of a JSON list.
pub(super) fn strings(list: Option<&Value>) -> Vec<String> {
    match list {
        Some(Value::Array(list)) => list.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => Vec::new(),
    }
}

fn encode(text: &str, safe: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || (byte.is_ascii() && safe.contains(byte as char)) {
            out.push(byte as char);
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

fn form_encode(text: &str) -> String {
    encode(text, "_.-~ ").replace(' ', "+")
}

#[cfg(test)]
mod tests {
    #[test]
    fn paths_are_encoded_once() {
        assert_eq!(super::encode("/a b/%20/ü?x=1", "/?=%"), "/a%20b/%20/%C3%BC?x=1");
        assert_eq!(super::form_encode("a b&c=d/é"), "a+b%26c%3Dd%2F%C3%A9");
    }

    #[test]
    fn suffixes_are_ten_letters_and_differ() {
        let (a, b) = (super::fresh_suffix(), super::fresh_suffix());
        assert!(a.len() == 10 && a != b, "{a} {b}");
    }
}
