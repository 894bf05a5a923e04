//! Transcripts: stories of runs as text, `tests/golden/*.txt`.
//!
//! ```text
//! # comment, kept
//! workflow {…}            the definition, one line or several, up to the next blank line
//! taskdefs […]            task definitions
//! input {…}
//! > command               what happens; the lines below it, up to the next command, are what it changed
//! ```
//!
//! Commands: `start`, `claim REF`, `return REF`, `complete REF {…}`, `progress REF SECONDS {…}`, `fail REF REASON`,
//! `terminal REF REASON`, `cancel REF REASON`, `published REF`, `refused REF REASON`, `arrive TYPE ok|failed {…}`,
//! `arrive-for REF ok {…}`, `wait SECONDS`, `due`, `look`, `terminate REASON`, `knows NAME VERSION`, `tasks`, `run`.
//!
//! With `UPDATE_GOLDEN=1` the files are written anew: read the difference before it is committed.

// the transcripts are files
#![allow(clippy::disallowed_methods)]

#[allow(dead_code)]
mod support;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use podium_core::view::present;
use podium_core::{
    CompletionEvent, Effect, Event, InboxMessage, Outgoing, Payload, RunHead, Span, TaskReport, TaskState,
    TaskStatus, Timestamp, WantedDefinition,
};
use serde_json::Value;
use support::{START, Story};

#[test]
fn stories_go_as_told() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let mut files: Vec<PathBuf> = std::fs::read_dir(&folder)
        .expect("the folder of transcripts")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|e| e == "txt"))
        .collect();
    files.sort();
    assert!(!files.is_empty(), "no transcripts in {}", folder.display());
    let update = std::env::var_os("UPDATE_GOLDEN").is_some();
    let mut wrong = Vec::new();
    for file in files {
        let told = std::fs::read_to_string(&file).expect("a transcript");
        let went = Teller::tell(&told);
        if update {
            std::fs::write(&file, &went).expect("the transcript is written");
        } else if told != went {
            wrong.push(format!("--- {}\n{}", file.display(), difference(&told, &went)));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn difference(told: &str, went: &str) -> String {
    let (told, went): (Vec<_>, Vec<_>) = (told.lines().collect(), went.lines().collect());
    let at = (0..).find(|i| told.get(*i) != went.get(*i)).unwrap_or(0);
    format!(
        "line {}\n  told {}\n  went {}",
        at + 1,
        told.get(at).unwrap_or(&"(nothing)"),
        went.get(at).unwrap_or(&"(nothing)")
    )
}

struct Teller {
    out: String,
    workflow: Value,
    task_defs: Value,
    input: Value,
    story: Option<Story>,
    known: Vec<(String, i32)>,
    inbox: i64,
}

impl Teller {
    fn tell(text: &str) -> String {
        let mut teller = Teller {
            out: String::new(),
            workflow: Value::Null,
            task_defs: Value::Array(Vec::new()),
            input: Value::Object(serde_json::Map::new()),
            story: None,
            known: Vec::new(),
            inbox: 0,
        };
        let mut lines = text.lines().peekable();
        while let Some(line) = lines.next() {
            if let Some(command) = line.strip_prefix("> ") {
                if !teller.out.ends_with("\n\n") {
                    teller.out.push('\n');
                }
                teller.line(line);
                teller.command(command);
            } else if let Some(section) =
                ["workflow ", "taskdefs ", "input "].iter().find(|s| line.starts_with(**s))
            {
                if !teller.out.ends_with("\n\n") {
                    teller.out.push('\n');
                }
                teller.line(line);
                let mut json = line[section.len()..].to_owned();
                while let Some(more) = lines.next_if(|l| !l.is_empty()) {
                    teller.line(more);
                    json.push('\n');
                    json.push_str(more);
                }
                let value: Value = serde_json::from_str(&json).unwrap_or_else(|e| panic!("{section}: {e}"));
                match *section {
                    "workflow " => teller.workflow = value,
                    "taskdefs " => teller.task_defs = value,
                    _ => teller.input = value,
                }
            } else if line.starts_with('#') {
                if !teller.out.is_empty() {
                    teller.out.push('\n');
                }
                teller.line(line);
            }
        }
        teller.out
    }

    fn line(&mut self, text: &str) {
        self.out.push_str(text);
        self.out.push('\n');
    }

    fn command(&mut self, command: &str) {
        let (verb, rest) = command.split_once(' ').unwrap_or((command, ""));
        if verb == "knows" {
            let (name, version) = rest.split_once(' ').expect("knows NAME VERSION");
            self.known.push((name.to_owned(), version.parse().expect("a version")));
            return;
        }
        if verb == "start" {
            let mut story = Story::new(&self.workflow, &self.task_defs, &self.input);
            story.bench.definitions = self.known.drain(..).collect();
            self.story = Some(story);
        }
        let Some(story) = &mut self.story else { panic!("{command:?} before start") };
        let (name, more) = rest.split_once(' ').unwrap_or((rest, ""));
        let report = |story: &Story, status, json: &str, reason: Option<&str>, seconds| {
            Event::Reported(TaskReport {
                task: story.no(name),
                status,
                output: payload(json),
                merge_output: false,
                reason: reason.map(str::to_owned),
                worker: Some("w".into()),
                callback_after_s: seconds,
                extend_lease: false,
                external_output: None,
                sub_workflow_id: None,
                logs: Vec::new(),
            })
        };
        let event = match verb {
            "start" => Event::Started,
            "claim" => Event::Claimed { task: story.no(name), worker: Some("w".into()), before: None },
            "return" => {
                let row = story.run.tasks.latest(name).expect("the row").clone();
                Event::Returned { task: row.no, poll_count: row.poll_count }
            }
            "complete" => report(story, TaskStatus::Completed, more, None, 0),
            "progress" => {
                let (seconds, json) = more.split_once(' ').unwrap_or((more, ""));
                report(story, TaskStatus::InProgress, json, None, seconds.parse().expect("seconds"))
            }
            "fail" => report(story, TaskStatus::Failed, "", Some(more), 0),
            "terminal" => report(story, TaskStatus::FailedWithTerminalError, "", Some(more), 0),
            "cancel" => report(story, TaskStatus::Canceled, "", Some(more), 0),
            "published" => Event::Published { task: story.no(name), outcome: Ok(()) },
            "refused" => Event::Published { task: story.no(name), outcome: Err(more.to_owned()) },
            "arrive" | "arrive-for" => {
                self.inbox += 1;
                let (outcome, data) = more.split_once(' ').unwrap_or((more, "{}"));
                let named = verb == "arrive-for";
                let id = named.then(|| story.run.task_id(story.no(name)).to_string());
                Event::Arrived {
                    inbox: self.inbox,
                    message: InboxMessage::Completion(CompletionEvent {
                        source: format!("test/{}", self.inbox),
                        task_id: id,
                        event_type: (!named).then(|| name.to_owned()),
                        succeeded: outcome == "ok",
                        data: data.to_owned(),
                        reason: (outcome != "ok").then(|| "the service says no".to_owned()),
                    }),
                }
            }
            "wait" => {
                let seconds: f64 = rest.parse().expect("seconds");
                story.wait(Span::from_millis((seconds * 1000.0) as i64));
                return;
            }
            "due" => Event::Due,
            "look" => Event::Look,
            "terminate" => Event::Terminate { reason: (!rest.is_empty()).then(|| rest.to_owned()) },
            "tasks" => {
                let text = tree(story);
                self.out.push_str(&text);
                return;
            }
            "run" => {
                let text = head(story, &story.run.head);
                self.line(&text);
                return;
            }
            other => panic!("unknown command {other}"),
        };
        let answer = story.step(&event);
        let text = match answer {
            Ok(effects) if effects.is_empty() => "nothing\n".to_owned(),
            Ok(effects) => effects.iter().map(|e| effect(story, e) + "\n").collect(),
            Err(refusal) => format!("refused: {refusal}\n"),
        };
        self.out.push_str(&text);
    }
}

fn payload(json: &str) -> Payload {
    if json.is_empty() { Payload::empty() } else { Payload::from_object_text(json) }
}

fn seconds(at: Timestamp) -> String {
    format!("{}s", (at - START).as_millis() as f64 / 1000.0)
}

fn effect(story: &Story, effect: &Effect) -> String {
    match effect {
        Effect::Run(run) => head(story, run),
        Effect::TaskAdded(row) => format!("+ {}", task(story, row)),
        Effect::TaskChanged(row) => format!("~ {}", task(story, row)),
        Effect::TaskRemoved(no) => format!("- #{no}"),
        Effect::Emitted(message) => emitted(story, message),
        Effect::Raised(raised) => format!("raises #{} {}", raised.task, story.names(&raised.event)),
        Effect::Settled(no) => format!("settled #{no}"),
        Effect::RunWanted(wanted) => {
            let members: Vec<&String> = wanted.input.map().keys().collect();
            let what = match &wanted.definition {
                WantedDefinition::Registered { name, version } => format!("{name} version {version:?}"),
                WantedDefinition::Inline(_) => "a definition given whole".to_owned(),
            };
            format!("wants run of {what}, input members {members:?}")
        }
        Effect::Told(told) => {
            format!(
                "tells {} {}",
                story.names(&told.to.to_string()),
                story.names(&format!("{:?}", told.message))
            )
        }
        Effect::InboxTaken(inbox) => format!("taken {inbox}"),
        Effect::Parked(parked) => format!("parked {} until {}", parked.inbox, seconds(parked.expires_at)),
        Effect::Unparked(inbox) => format!("unparked {inbox}"),
        Effect::Logged { task, line } => format!("logged #{task} {}", line.text),
        Effect::Counted(claim) => format!("counted #{} for {}", claim.task, claim.name),
        Effect::SlotAsked(asked) => format!("asked for a slot under {} ({:?})", asked.key, asked.wish),
        Effect::SlotLeft(key) => format!("left {key}"),
        Effect::Kept(kept) => {
            format!("keeps the output of #{} until {}", kept.task, seconds(kept.expires_at))
        }
        Effect::Noted(line) => {
            let task = line.task.as_ref().map_or(String::new(), |(no, _)| format!(" #{no}"));
            let reason =
                line.by.reason.as_deref().map_or(String::new(), |why| format!(": {}", story.names(why)));
            format!("notes {}{task}{reason}", line.act.as_str())
        }
    }
}

fn emitted(story: &Story, message: &Outgoing) -> String {
    let text = |bytes: &[u8]| story.names(&String::from_utf8_lossy(bytes));
    let headers: Vec<String> =
        message.headers.iter().map(|(name, value)| format!("{name}={}", text(value))).collect();
    format!(
        "emits #{} to {} {} key {} value {} headers {headers:?}",
        message.task,
        message.cluster.as_deref().unwrap_or("(default)"),
        message.topic,
        message.key.as_deref().map_or("none".to_owned(), text),
        text(&message.value)
    )
}

fn head(story: &Story, run: &RunHead) -> String {
    let mut text = format!("run {}", run.status.as_str());
    let mut more = |what: &str, value: String| write!(text, " {what}={value}").expect("a string takes text");
    if !run.output.is_empty() {
        more("output", story.names(run.output.text()));
    }
    if !run.variables.is_empty() {
        more("variables", run.variables.text().to_owned());
    }
    if let Some(reason) = &run.reason {
        more("reason", format!("{:?}", story.names(reason)));
    }
    if !run.extra.failed_refs.is_empty() {
        more("failed", format!("{:?}", run.extra.failed_refs));
    }
    if let Some(task) = run.extra.failed_task {
        more("failed_task", story.names(&task.to_string()));
    }
    if let Some(at) = run.wake_at {
        more("wake", seconds(at));
    }
    if let Some(at) = run.ended_at {
        more("ended", seconds(at));
    }
    text
}

fn task(story: &Story, row: &TaskState) -> String {
    let mut text = format!("#{} {} {} {}", row.no, row.ref_name, row.task_type, row.status.as_str());
    let mut more = |what: &str, value: String| write!(text, " {what}={value}").expect("a string takes text");
    if row.seq != row.no as i32 {
        more("seq", row.seq.to_string());
    }
    if row.ready {
        more("ready", seconds(row.available_at));
    }
    if row.attempt > 0 {
        more("attempt", row.attempt.to_string());
    }
    if row.poll_count > 0 {
        more("polls", row.poll_count.to_string());
    }
    if row.callback_after_s > 0 {
        more("callback", row.callback_after_s.to_string());
    }
    if let Some(no) = row.retry_of {
        more("repeats", format!("#{no}"));
    }
    if let Some(at) = row.wait_until {
        more("until", seconds(at));
    }
    for (flag, set) in [("executed", row.executed), ("retried", row.retried)] {
        if set {
            more("is", flag.to_owned());
        }
    }
    if !row.input.is_empty() {
        more("in", story.names(row.input.text()));
    }
    if !row.output.is_empty() {
        more("out", story.names(row.output.text()));
    }
    if let Some(reason) = &row.reason {
        more("reason", format!("{:?}", story.names(reason)));
    }
    text
}

fn tree(story: &Story) -> String {
    present(&story.plan, &story.run).iter().map(|row| format!("  {}\n", task(story, row))).collect()
}

impl Story {
    /// Ids by the names that people know them by.
    fn names(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for row in self.run.tasks.iter() {
            text = text.replace(&self.run.task_id(row.no).to_string(), &format!("<task {}>", row.no));
        }
        text = text.replace(&self.run.head.id.to_string(), "<run>");
        let wanted = "conductor.failure_workflow\":\"";
        if let Some(at) = text.find(wanted).map(|i| i + wanted.len())
            && let Some(id) = text.get(at..at + 36).filter(|id| id.parse::<podium_core::RunId>().is_ok())
        {
            text = text.replace(&id.to_owned(), "<wanted run>");
        }
        text
    }
}
