//! JavaScript under limits (QuickJS).
//!
//! Each script gets a context of its own: the language's own objects and `$`, the input, but no files, no network, no
//! timers and nothing of another script. It may use the processor until it is stopped and a bounded amount of memory and
//! stack; what exceeds them ends with an error of this script and nothing else. The texts of errors are those that
//! existing definitions and their users know.

use std::cell::Cell;
use std::rc::Rc;

use podium_core::expr::script::{Evaluated, INFINITY};
use rquickjs::context::EvalOptions;
use rquickjs::{CatchResultExt, CaughtError, Context, Ctx, Function, Object, Runtime, Value as JsValue};
use serde_json::Value;

/// Bytes that one script may hold, its input and its result included.
const MEMORY_BYTES: usize = 64 << 20;
/// Bytes of stack of one script.
const STACK_BYTES: usize = 256 << 10;
/// Bytes of JSON that may come out.
const RESULT_BYTES: usize = 10 << 20;
/// The name of a script in messages.
const NAME: &str = "inline";

/// Why a script failed that was stopped.
pub(super) const TOO_LONG: &str = "Script execution took longer than it may and was stopped";

/// Makes JSON of a result as existing servers do: a function or a date is an empty map, what is undefined is null.
const TO_JSON: &str = r"(() => {
    const stringify = JSON.stringify, DateObject = Date;
    return (value) => stringify(value, function (key, member) {
        const raw = this[key];
        if (typeof raw === 'function' || typeof raw === 'symbol' || raw instanceof DateObject) return {};
        if (typeof raw === 'bigint') return Number(raw);
        if (typeof raw === 'number' && !isFinite(raw)) return String(raw);
        return member === undefined ? null : member;
    });
})()";

/// An engine for the scripts of one thread.
pub(super) struct Js {
    runtime: Runtime,
}

impl Js {
    pub(super) fn new() -> Result<Self, String> {
        let runtime = Runtime::new().map_err(|error| format!("there is no script engine: {error}"))?;
        runtime.set_memory_limit(MEMORY_BYTES);
        runtime.set_max_stack_size(STACK_BYTES);
        Ok(Js { runtime })
    }

    /// What the script makes of the input, a JSON text. `stop` is asked while it runs, and its yes is the end of it.
    pub(super) fn evaluate(
        &self,
        script: &str,
        input: &str,
        mut stop: impl FnMut() -> bool + 'static,
    ) -> Evaluated {
        let stopped = Rc::new(Cell::new(false));
        let seen = stopped.clone();
        self.runtime.set_interrupt_handler(Some(Box::new(move || {
            seen.set(seen.get() || stop());
            seen.get()
        })));
        let outcome = Context::full(&self.runtime)
            .map_err(|error| error.to_string())
            .and_then(|context| context.with(|ctx| run(&ctx, script, input)));
        // with all that it holds
        self.runtime.set_interrupt_handler(None);
        match outcome {
            Ok(value) => Evaluated::Values(vec![value]),
            // whatever a script says that was stopped, or catches: it had its time
            Err(_) if stopped.get() => Evaluated::Failed(TOO_LONG.to_owned()),
            Err(reason) => Evaluated::Failed(reason),
        }
    }
}

/// What is wrong with the syntax of a script, as its evaluation would say; `None` if nothing is. None of it is run.
pub fn script_fault(script: &str) -> Option<String> {
    let js = Js::new().ok()?;
    let context = Context::full(&js.runtime).ok()?;
    context.with(|ctx| {
        let mut options = EvalOptions::default();
        options.strict = false;
        options.filename = Some(NAME.to_owned());
        // all of a text is read before any of it runs, and this one ends at its first statement
        let outcome = ctx.eval_with_options::<(), _>(format!("throw 0; {script}"), options).catch(&ctx);
        match outcome {
            Err(CaughtError::Exception(exception)) => {
                let name = exception.as_object().get::<_, Option<String>>("name").ok().flatten();
                (name.as_deref() == Some("SyntaxError")).then(|| of_error(exception.as_object(), script).0)
            }
            _ => None,
        }
    })
}

fn run(ctx: &Ctx<'_>, script: &str, input: &str) -> Result<Value, String> {
    let broken = |error: rquickjs::Error| format!("Error evaluating the script `{error}`");
    let to_json: Function<'_> = ctx.eval(TO_JSON).map_err(broken)?;
    let input = ctx.json_parse(input).catch(ctx).map_err(|error| describe(error, script))?;
    ctx.globals().set("$", input).map_err(broken)?;
    let mut options = EvalOptions::default();
    options.strict = false;
    options.backtrace_barrier = true;
    options.filename = Some(NAME.to_owned());
    let value: JsValue<'_> =
        ctx.eval_with_options(script, options).catch(ctx).map_err(|error| describe(error, script))?;
    if let Some(number) = value.as_float()
        && number.is_infinite()
    {
        let text = if number > 0.0 { INFINITY.to_owned() } else { format!("-{INFINITY}") };
        return serde_json::from_str(&text).map_err(|error| error.to_string());
    }
    let text: Option<String> = to_json.call((value,)).catch(ctx).map_err(|error| describe(error, script))?;
    let text = text.unwrap_or_else(|| "null".to_owned());
    if text.len() > RESULT_BYTES {
        return Err(format!("The result of the script is larger than {} kilobytes", RESULT_BYTES / 1024));
    }
    serde_json::from_str(&text).map_err(|error| format!("The result of the script is no JSON: {error}"))
}

/// The message of what a script threw.
fn describe(error: CaughtError<'_>, script: &str) -> String {
    let (text, line) = match error {
        CaughtError::Value(value) => (shown(&value), Some(1)),
        CaughtError::Exception(exception) => of_error(exception.as_object(), script),
        CaughtError::Error(error) => (error.to_string(), None),
    };
    match line {
        Some(line) => format!("Error evaluating the script `{text}` at line {line}"),
        None => format!("Error evaluating the script `{text}`"),
    }
}

fn shown(value: &JsValue<'_>) -> String {
    let text: rquickjs::Result<rquickjs::Coerced<String>> = value.get();
    text.map_or_else(|_| "something that has no text".to_owned(), |text| text.0)
}

fn of_error(error: &Object<'_>, script: &str) -> (String, Option<usize>) {
    let member =
        |name: &str| -> String { error.get::<_, Option<String>>(name).ok().flatten().unwrap_or_default() };
    let (name, message, stack) = (member("name"), member("message"), member("stack"));
    let position = position(&stack);
    if name == "SyntaxError" {
        let (line, column) = position.unwrap_or((1, 1));
        return (syntax_error(script, line, column, &message), Some(line));
    }
    let message = known(&message);
    let text = if message.is_empty() { name.clone() } else { format!("{name}: {message}") };
    // what a script throws as an Error of its own has no place in these messages
    let line = (name != "Error").then(|| position.map_or(1, |(line, _)| line));
    (text, line)
}

/// Line and column, from 1, of the innermost place in the script.
fn position(stack: &str) -> Option<(usize, usize)> {
    let at = stack.find(&format!("{NAME}:"))? + NAME.len() + 1;
    let rest: String = stack[at..].chars().take_while(|c| c.is_ascii_digit() || *c == ':').collect();
    let mut numbers = rest.split(':').filter_map(|n| n.parse().ok());
    let line = numbers.next()?;
    Some((line, numbers.next().unwrap_or(1)))
}

/// The words that users of existing servers know.
fn known(message: &str) -> String {
    let mut chars = message.chars();
    if message.starts_with("cannot read property") || message.starts_with("cannot set property") {
        let first = chars.next().map(|c| c.to_ascii_uppercase());
        return first.into_iter().chain(chars).collect();
    }
    match message.strip_prefix('\'').and_then(|rest| rest.split_once('\'')) {
        Some((name, rest)) if rest == " is not defined" => format!("{name}{rest}"),
        _ => message.to_owned(),
    }
}

fn syntax_error(script: &str, line: usize, column: usize, message: &str) -> String {
    let source = script.lines().nth(line.saturating_sub(1)).unwrap_or_default();
    let column = column.saturating_sub(1).min(source.chars().count());
    let rest: String = source.chars().skip(column).collect();
    let token = |rest: &str| -> String {
        let word: String =
            rest.trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        match (word.is_empty(), rest.trim_start().chars().next()) {
            (false, _) => word,
            (true, Some(sign)) => sign.to_string(),
            (true, None) => "eof".to_owned(),
        }
    };
    let message = if message.starts_with("return not in a function") {
        "Invalid return statement".to_owned()
    } else if message.starts_with("unexpected token") && token(&rest) == "eof" {
        "Expected an operand but found eof".to_owned()
    } else if message.starts_with("expecting ';'") {
        format!("Expected ; but found {}", token(&rest))
    } else {
        message.to_owned()
    };
    format!("SyntaxError: {NAME}:{line}:{column} {message}\n{source}\n{}^\n", " ".repeat(column))
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use serde_json::json;

    use super::*;

    fn evaluate(script: &str, input: Value) -> Evaluated {
        let js = Js::new().expect("an engine");
        let deadline = Instant::now() + Duration::from_millis(300);
        js.evaluate(script, &input.to_string(), move || Instant::now() >= deadline)
    }

    fn value(script: &str, input: Value) -> Value {
        match evaluate(script, input) {
            Evaluated::Values(mut values) => values.remove(0),
            other => panic!("{script}: {other:?}"),
        }
    }

    fn reason(script: &str) -> String {
        match evaluate(script, json!({"v": null})) {
            Evaluated::Failed(reason) => reason,
            other => panic!("{script}: {other:?}"),
        }
    }

    #[test]
    fn values_come_out_as_they_always_did() {
        for (script, expected) in [
            (
                "function e() { return {a: $.x, b: [1, 2.5, 'z', null, true], c: {}} } e();",
                json!({"a": 7, "b": [1, 2.5, "z", null, true], "c": {}}),
            ),
            ("undefined", json!(null)),
            ("2147483648 * 4", json!(8589934592_i64)),
            ("10 / 2", json!(5)),
            ("`n=${$.x}`", json!("n=7")),
            ("$.l.map(i => i * 2).filter(i => i > 2)", json!([4, 6])),
            ("if ($.x > 1) { true; } else { false; }", json!(true)),
            ("new Boolean(true)", json!(true)),
            ("[undefined, () => 1, new Date(0), NaN]", json!([null, {}, {}, "NaN"])),
            ("NaN", json!("NaN")),
            ("x = 5; x", json!(5)),
        ] {
            assert_eq!(
                value(script, json!({"x": 7, "l": [1, 2, 3]})).to_string(),
                expected.to_string(),
                "{script}"
            );
        }
        assert_eq!(value("1 / 0", json!({})).to_string(), INFINITY);
    }

    #[test]
    fn syntax_is_checked_without_running_anything() {
        for script in ["while (true) {}", "$.a > 1", "function f() { return 1; } f();", "", "throw 1"] {
            assert_eq!(script_fault(script), None, "{script}");
        }
        for script in ["return 1", "if (", "}", "1 +"] {
            let fault = script_fault(script);
            assert!(fault.as_deref().is_some_and(|f| f.starts_with("SyntaxError")), "{script}: {fault:?}");
        }
    }

    #[test]
    fn errors_have_the_known_texts() {
        for (script, expected) in [
            ("throw new Error('my message')", "Error: my message`"),
            ("throw 'x'", "x` at line 1"),
            ("load('x.js')", "ReferenceError: load is not defined` at line 1"),
            ("$.v.a", "TypeError: Cannot read property 'a' of null` at line 1"),
            ("$.nope.deep.er > 1", "TypeError: Cannot read property 'deep' of undefined` at line 1"),
            ("return 1", "SyntaxError: inline:1:0 Invalid return statement\nreturn 1\n^\n` at line 1"),
            (
                "$.a > ",
                "SyntaxError: inline:1:6 Expected an operand but found eof\n$.a > \n      ^\n` at line 1",
            ),
            (
                "$.l.iteration < ${workflow.input.n}",
                "SyntaxError: inline:1:17 Expected ; but found {\n$.l.iteration < ${workflow.input.n}\n                 ^\n` at line 1",
            ),
        ] {
            assert_eq!(reason(script), format!("Error evaluating the script `{expected}"), "{script}");
        }
    }

    #[test]
    fn a_hostile_script_only_hurts_itself() {
        for script in [
            "while (true) {}",
            "try { while (true) {} } catch (e) { while (true) {} }",
            "/(a+)+$/.test('a'.repeat(60) + 'b')",
            "let s = 'x'; while (true) s += s;",
            "const f = () => f(); f()",
            "({get x() { while (true) {} }})",
            "JSON.stringify = () => { while (true) {} }; const a = []; a[0] = a; a",
            "require('fs')",
            "std.exit(1)",
        ] {
            let from = Instant::now();
            reason(script);
            assert!(from.elapsed() < Duration::from_secs(30), "{script}");
        }
        assert_eq!(value("typeof $ + typeof kept", json!({})), json!("objectundefined"));
    }
}
