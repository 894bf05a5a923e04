//! The step kinds of the scenario format.

use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::pointer::{self, as_text};
use super::run::{Response, Run, strings};
use super::text::{canonical, sort_key};
use super::trace::Entry;
use super::{Stop, kafka};

/// Performs one step; returns what it records.
pub(super) fn perform(run: &Run<'_>, step: &Value) -> Result<Vec<Entry>, Stop> {
    run.check_deadline()?;
    let kind = step.get("do").and_then(Value::as_str).unwrap_or_default();
    let entries = match kind {
        "call" => call(run, step)?,
        "await" => wait_for(run, step)?,
        "poll" => poll(run, step)?,
        "complete" => update(run, step, Some("COMPLETED"))?,
        "fail" => update(run, step, Some("FAILED"))?,
        "update" => update(run, step, None)?,
        "concurrent" => concurrent(run, step)?,
        "kafka_consume" => {
            let records = kafka::consume(run, step)?;
            let label = format!("kafka_consume {}", raw(step, "topic"));
            vec![run.entry(label, step, &Response::of_json(records))?]
        }
        "sleep" => {
            sleep(millis(step, "ms", 0));
            return Ok(Vec::new());
        }
        "let" => return set_variable(run, step).map(|()| Vec::new()),
        "kafka_topic" => return kafka::create_topic(run, step).map(|()| Vec::new()),
        "kafka_produce" => return kafka::produce(run, step).map(|()| Vec::new()),
        other => return Err(Stop(format!("the format has no step {other:?}"))),
    };
    Ok(if is_recorded(step) { entries } else { Vec::new() })
}

fn raw<'a>(step: &'a Value, member: &str) -> &'a str {
    step.get(member).and_then(Value::as_str).unwrap_or_default()
}

pub(super) fn millis(step: &Value, member: &str, default: u64) -> Duration {
    Duration::from_millis(step.get(member).and_then(Value::as_u64).unwrap_or(default))
}

fn is_recorded(step: &Value) -> bool {
    step.get("record").and_then(Value::as_bool).unwrap_or(true)
}

/// A step that is not recorded must at least answer 2xx, unless it says what it expects.
fn check_status(step: &Value, response: &Response) -> Result<(), Stop> {
    let status = response.status.unwrap_or(0);
    let fits = match step.get("expect_status") {
        None | Some(Value::Null) => is_recorded(step) || (200..300).contains(&status),
        Some(Value::Array(list)) => list.contains(&json!(status)),
        Some(one) => *one == json!(status),
    };
    if fits { Ok(()) } else { Err(Stop(format!("answered {status}: {}", response.brief()))) }
}

fn label(step: &Value) -> String {
    format!("{} {}", step.get("method").and_then(Value::as_str).unwrap_or("GET"), raw(step, "path"))
}

fn call(run: &Run<'_>, step: &Value) -> Result<Vec<Entry>, Stop> {
    let response = run.request(step)?;
    check_status(step, &response).map_err(|stop| Stop(format!("{} {}", label(step), stop.0)))?;
    run.save(step, &response)?;
    Ok(vec![run.entry(label(step), step, &response)?])
}

fn wait_for(run: &Run<'_>, step: &Value) -> Result<Vec<Entry>, Stop> {
    let end = run.until(millis(step, "timeout_ms", 45_000));
    let every = millis(step, "every_ms", 100);
    let stable = millis(step, "stable_ms", 0);
    let mut unchanged: Option<(String, Instant)> = None;
    loop {
        let response = run.request(step)?;
        let mut why_not = holds(run, step, &response)?;
        if why_not.is_none() {
            let done = if stable.is_zero() {
                true
            } else {
                let text = canonical(&run.entry(String::new(), step, &response)?.sort_value(), ",", ":");
                match &unchanged {
                    Some((seen, since)) if *seen == text => since.elapsed() >= stable,
                    _ => {
                        unchanged = Some((text, Instant::now()));
                        false
                    }
                }
            };
            if done {
                run.save(step, &response)?;
                return Ok(vec![run.entry(label(step), step, &response)?]);
            }
            why_not = Some("the body still changes".to_owned());
        } else {
            unchanged = None;
        }
        if Instant::now() > end {
            return Err(Stop(format!(
                "await timed out: {}: {}",
                raw(step, "path"),
                why_not.unwrap_or_default()
            )));
        }
        sleep(every);
    }
}

/// `None` if every predicate of `until` holds, else the first that does not.
fn holds(run: &Run<'_>, step: &Value, response: &Response) -> Result<Option<String>, Stop> {
    let until = step.get("until").ok_or_else(|| Stop("await has no until".to_owned()))?;
    let predicates = until.as_array().map_or(std::slice::from_ref(until), Vec::as_slice);
    for predicate in predicates {
        let at = run.text_of(predicate, "at")?.unwrap_or_default();
        let found = match at.as_str() {
            "$status" => Some(json!(response.status)),
            "$text" => Some(json!(response.text())),
            _ => response.json.as_ref().and_then(|j| pointer::get(j, &at)).cloned(),
        };
        let Value::Object(operators) = predicate else { continue };
        for (operator, wanted) in operators.iter().filter(|(name, _)| *name != "at") {
            let wanted = run.fill(wanted)?;
            if !operator_holds(operator, found.as_ref(), &wanted)? {
                let is = found.map_or("absent".to_owned(), |v| v.to_string().chars().take(200).collect());
                let place = if at.is_empty() { "(body)" } else { &at };
                return Ok(Some(format!("{place} is {is}, waited for {operator} {wanted}")));
            }
        }
    }
    Ok(None)
}

fn operator_holds(operator: &str, found: Option<&Value>, wanted: &Value) -> Result<bool, Stop> {
    let length = found.and_then(|v| match v {
        Value::Array(list) => Some(list.len()),
        Value::Object(members) => Some(members.len()),
        Value::String(text) => Some(text.chars().count()),
        _ => None,
    });
    let number = |v: &Value| v.as_f64();
    Ok(match operator {
        "equals" => found == Some(wanted),
        "not" => found.is_some_and(|v| v != wanted),
        "in" => found.is_some_and(|v| wanted.as_array().is_some_and(|list| list.contains(v))),
        "exists" => json!(found.is_some()) == *wanted,
        "length" => length.is_some_and(|n| json!(n) == *wanted),
        "min_length" => length.is_some_and(|n| number(wanted).is_some_and(|w| n as f64 >= w)),
        "gte" => matches!((found.and_then(number), number(wanted)), (Some(v), Some(w)) if v >= w),
        other => return Err(Stop(format!("the format has no predicate {other:?}"))),
    })
}

fn poll(run: &Run<'_>, step: &Value) -> Result<Vec<Entry>, Stop> {
    let task_type = run.needed(step, "type")?;
    let count = step.get("count").and_then(Value::as_u64).unwrap_or(1) as usize;
    let expects_none = step.get("expect_empty").and_then(Value::as_bool).unwrap_or(false);
    let worker = run.text_of(step, "worker")?.unwrap_or_else(|| "kit-worker".to_owned());
    let default_ms = if expects_none { 1_500 } else { 45_000 };
    let limit = millis(step, "timeout_ms", default_ms);
    let end = if expects_none { Instant::now() + limit } else { run.until(limit) };
    let mut tasks: Vec<Value> = Vec::new();
    while tasks.len() < count {
        let mut query = json!({"workerid": worker, "count": count - tasks.len(), "timeout": 100});
        if let Some(domain) = run.text_of(step, "domain")? {
            query["domain"] = json!(domain);
        }
        let path = format!("/api/tasks/poll/batch/{task_type}");
        let response = run.request(&json!({"path": path, "query": query}))?;
        if !matches!(response.status, Some(200 | 204)) {
            let status = response.status.unwrap_or(0);
            return Err(Stop(format!("poll {task_type} answered {status}: {}", response.brief())));
        }
        if let Some(Value::Array(list)) = response.json {
            tasks.extend(list);
        }
        if tasks.len() >= count {
            break;
        }
        if Instant::now() > end {
            if expects_none {
                break;
            }
            return Err(Stop(format!("poll timed out: {task_type}: {} of {count} tasks", tasks.len())));
        }
        sleep(Duration::from_millis(50));
    }
    if let Some(by) = step.get("sort_by").and_then(Value::as_str) {
        tasks.sort_by_cached_key(|t| pointer::get(t, by).map(as_text));
    }
    let names = match step.get("as") {
        Some(Value::String(name)) => vec![name.clone()],
        other => strings(other),
    };
    for (name, task) in names.iter().zip(&tasks) {
        run.set(name, task.clone());
    }
    let response = Response::of_json(Value::Array(tasks));
    run.save(step, &response)?;
    Ok(vec![run.entry(format!("poll {}", raw(step, "type")), step, &response)?])
}

fn update(run: &Run<'_>, step: &Value, status: Option<&str>) -> Result<Vec<Entry>, Stop> {
    let name = raw(step, "task");
    let is_name = !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_');
    let task = run.fill(&json!(if is_name { format!("{{{{{name}}}}}") } else { name.to_owned() }))?;
    let (task_id, of_task) = match &task {
        Value::Object(members) => (
            members.get("taskId").cloned().unwrap_or(Value::Null),
            members.get("workflowInstanceId").cloned().unwrap_or(Value::Null),
        ),
        id => (id.clone(), Value::Null),
    };
    let mut body = json!({
        "workflowInstanceId": match step.get("workflow") { Some(w) => run.fill(w)?, None => of_task },
        "taskId": task_id,
        "status": match status { Some(s) => json!(s), None => json!(run.needed(step, "status")?) },
        "workerId": run.text_of(step, "worker")?.unwrap_or_else(|| "kit-worker".to_owned()),
        "outputData": match step.get("output") { Some(o) => run.fill(o)?, None => json!({}) },
    });
    if let Some(reason) = run.text_of(step, "reason")? {
        body["reasonForIncompletion"] = json!(reason);
    }
    if let Some(more) = step.get("result")
        && let Value::Object(more) = run.fill(more)?
    {
        for (name, value) in more {
            body[name] = value;
        }
    }
    let response = run.request(&json!({"method": "POST", "path": "/api/tasks", "text": body.to_string(),
        "headers": {"Content-Type": "application/json"}}));
    let response = response?;
    check_status(step, &response).map_err(|stop| Stop(format!("update {}", stop.0)))?;
    run.save(step, &response)?;
    Ok(vec![run.entry(format!("{} {name}", raw(step, "do")), step, &response)?])
}

fn set_variable(run: &Run<'_>, step: &Value) -> Result<(), Stop> {
    let name = raw(step, "name");
    let Some(time) = step.get("time") else {
        let value = step.get("value").ok_or_else(|| Stop("let has neither value nor time".to_owned()))?;
        run.set(name, run.fill(value)?);
        return Ok(());
    };
    let offset = time.get("offset_s").and_then(Value::as_i64).unwrap_or(0);
    let at = chrono::Utc::now() + chrono::Duration::seconds(offset);
    match raw(time, "format") {
        "epoch_ms" => run.set(name, json!(at.timestamp_millis())),
        format => {
            let text = at.format(format).to_string();
            run.put_back(text.clone(), name);
            run.set(name, json!(text));
        }
    }
    Ok(())
}

fn concurrent(run: &Run<'_>, step: &Value) -> Result<Vec<Entry>, Stop> {
    let steps = step.get("steps").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let results: Vec<Result<Vec<Entry>, Stop>> = std::thread::scope(|scope| {
        let threads: Vec<_> = steps.iter().map(|s| scope.spawn(move || perform(run, s))).collect();
        threads
            .into_iter()
            .map(|t| t.join().unwrap_or_else(|_| Err(Stop("a concurrent step panicked".to_owned()))))
            .collect()
    });
    let mut entries = Vec::new();
    for (i, result) in results.into_iter().enumerate() {
        entries.extend(result?.into_iter().map(|mut entry| {
            entry.step = format!(".{i}");
            entry
        }));
    }
    if step.get("unordered") == Some(&json!(true)) {
        entries.sort_by_cached_key(|e: &Entry| sort_key(&e.sort_value()));
        for (i, entry) in entries.iter_mut().enumerate() {
            entry.step = format!(".{i}");
        }
    }
    Ok(entries)
}
