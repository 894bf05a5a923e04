//! A filter as a condition of SQL: every value is bound, every piece of text is one of ours.

use podium_core::search::{Compare, Expr, Field, Scope, Test, Value, Words};
use podium_core::{TaskId, Timestamp};
use sqlx::postgres::PgArguments;
use sqlx::{Arguments, Encode, Postgres, Type};
use uuid::Uuid;

use super::column::{column, statuses, words_table};
use crate::wire::At;

/// A statement that is being put together.
#[derive(Default)]
pub(super) struct Statement {
    pub(super) text: String,
    pub(super) args: PgArguments,
    bound: usize,
    error: Option<sqlx::error::BoxDynError>,
}

impl Statement {
    pub(super) fn push(&mut self, text: &str) -> &mut Self {
        self.text.push_str(text);
        self
    }

    /// Appends the place of a value. An error of encoding is kept for [`Statement::done`].
    pub(super) fn bind<T>(&mut self, value: T) -> &mut Self
    where
        T: for<'q> Encode<'q, Postgres> + Type<Postgres>,
    {
        if let Err(error) = self.args.add(value) {
            self.error.get_or_insert(error);
        }
        self.bound += 1;
        self.text.push_str(&format!("${}", self.bound));
        self
    }

    pub(super) fn done(self) -> Result<(String, PgArguments), sqlx::Error> {
        match self.error {
            Some(error) => Err(sqlx::Error::Encode(error)),
            None => Ok((self.text, self.args)),
        }
    }
}

/// Appends the condition that a row matches.
pub(super) fn condition(out: &mut Statement, scope: Scope, expr: &Expr) {
    match expr {
        Expr::All(list) if list.is_empty() => {
            out.push("true");
        }
        Expr::All(list) => joined(out, list, " AND ", |out, e| condition(out, scope, e)),
        Expr::Any(list) => joined(out, list, " OR ", |out, e| condition(out, scope, e)),
        Expr::Clause(field, test) => clause(out, *field, test),
        Expr::Words(words) => words_condition(out, scope, words),
    }
}

fn joined<T>(out: &mut Statement, list: &[T], joint: &str, mut each: impl FnMut(&mut Statement, &T)) {
    out.push("(");
    for (i, item) in list.iter().enumerate() {
        if i > 0 {
            out.push(joint);
        }
        each(out, item);
    }
    out.push(")");
}

fn clause(out: &mut Statement, field: Field, test: &Test) {
    if let Some((words, column)) = statuses(field) {
        out.push(column).push(" = ANY(").bind(codes(&words, test)).push(")");
        return;
    }
    let column = column(field);
    match test {
        Test::In(values) if values.is_empty() => {
            out.push("false");
        }
        Test::In(values) => among(out, field, values),
        Test::NotIn(values) => {
            among(out, field, values);
            out.push(" IS NOT TRUE");
        }
        Test::Like(pattern) => {
            out.push("(").push(column).push(" LIKE ").bind(pattern.clone()).push(")");
        }
        Test::NotLike(pattern) => {
            out.push("((").push(column).push(" LIKE ").bind(pattern.clone()).push(") IS NOT TRUE)");
        }
        Test::Compare(compare, value) => compared(out, column, *compare, value),
        Test::Between(from, to) => {
            out.push("(");
            compared(out, column, Compare::GreaterOrEqual, from);
            out.push(" AND ");
            compared(out, column, Compare::LessOrEqual, to);
            out.push(")");
        }
        // an absent parent is shown, and so compared, as an empty text; an instant that has not come as 1970
        Test::Null if field == Field::ParentId => {
            out.push("(").push(column).push(" = '')");
        }
        Test::NotNull if field == Field::ParentId => {
            out.push("(").push(column).push(" <> '')");
        }
        Test::Null => {
            out.push("(").push(column).push(" IS NULL)");
        }
        Test::NotNull => {
            out.push("(").push(column).push(" IS NOT NULL)");
        }
        Test::Contains(json) => {
            out.push("json_contains(").push(column).push(", ").bind(json.clone()).push(")");
        }
    }
}

/// The numbers of the statuses that pass.
pub(super) fn codes(words: &[&str], test: &Test) -> Vec<i16> {
    let passes = |word: &str| match test {
        Test::In(values) => values.iter().any(|v| text(v) == Some(word)),
        Test::NotIn(values) => !values.iter().any(|v| text(v) == Some(word)),
        Test::Like(pattern) => like(word, pattern),
        Test::NotLike(pattern) => !like(word, pattern),
        Test::Compare(compare, value) => text(value).is_some_and(|other| match compare {
            Compare::Less => word < other,
            Compare::LessOrEqual => word <= other,
            Compare::Greater => word > other,
            Compare::GreaterOrEqual => word >= other,
        }),
        Test::Between(from, to) => {
            text(from).is_some_and(|from| from <= word) && text(to).is_some_and(|to| word <= to)
        }
        Test::NotNull => true,
        Test::Null | Test::Contains(_) => false,
    };
    (0_i16..).zip(words).filter(|(_, word)| passes(word)).map(|(code, _)| code).collect()
}

pub(super) fn text(value: &Value) -> Option<&str> {
    match value {
        Value::Text(text) => Some(text),
        Value::Int(_) | Value::Time(_) => None,
    }
}

/// LIKE for the few words of statuses.
fn like(word: &str, pattern: &str) -> bool {
    let mut chars = pattern.chars();
    match chars.next() {
        None => word.is_empty(),
        Some('%') => {
            word.char_indices().any(|(at, _)| like(&word[at..], chars.as_str())) || like("", chars.as_str())
        }
        Some('_') => {
            let mut rest = word.chars();
            rest.next().is_some() && like(rest.as_str(), chars.as_str())
        }
        Some('\\') => {
            let wanted = chars.next();
            let mut rest = word.chars();
            rest.next() == wanted && like(rest.as_str(), chars.as_str())
        }
        Some(c) => word.strip_prefix(c).is_some_and(|rest| like(rest, chars.as_str())),
    }
}

fn among(out: &mut Statement, field: Field, values: &[Value]) {
    let texts = || values.iter().filter_map(text);
    match field {
        Field::RunId => {
            let ids: Vec<Uuid> = texts().filter_map(|t| Uuid::parse_str(t).ok()).collect();
            out.push("(r.id = ANY(").bind(ids).push("))");
        }
        Field::TaskId => {
            let ids: Vec<TaskId> =
                texts().filter_map(|t| Uuid::parse_str(t).ok()).map(TaskId::from_uuid).collect();
            let runs: Vec<Uuid> = ids.iter().map(|id| id.run().uuid()).collect();
            let nos: Vec<i32> = ids.iter().map(|id| id.no() as i32).collect();
            out.push("((t.run_id, t.no) IN (SELECT * FROM unnest(")
                .bind(runs)
                .push(", ")
                .bind(nos)
                .push(")))");
        }
        _ => joined(out, &groups(values), " OR ", |out, group| match group {
            Group::Texts(texts) => {
                out.push("(").push(column(field)).push(" = ANY(").bind(texts.clone()).push("))");
            }
            Group::Ints(ints) => {
                out.push("(").push(column(field)).push(" = ANY(").bind(ints.clone()).push("))");
            }
            Group::Time(ms) => {
                out.push("(").push(column(field)).push(" >= ").bind(at(*ms));
                out.push(" AND ").push(column(field)).push(" < ").bind(at(ms.saturating_add(1))).push(")");
            }
        }),
    }
}

enum Group {
    Texts(Vec<String>),
    Ints(Vec<i64>),
    Time(i64),
}

/// Values of one kind are one bound list, instants one comparison each.
fn groups(values: &[Value]) -> Vec<Group> {
    let (mut texts, mut ints, mut groups) = (Vec::new(), Vec::new(), Vec::new());
    for value in values {
        match value {
            Value::Text(text) => texts.push(text.clone()),
            Value::Int(int) => ints.push(*int),
            Value::Time(ms) => groups.push(Group::Time(*ms)),
        }
    }
    if !texts.is_empty() {
        groups.push(Group::Texts(texts));
    }
    if !ints.is_empty() {
        groups.push(Group::Ints(ints));
    }
    groups
}

/// An instant that the database can hold. Rows keep microseconds, clients see and compare milliseconds.
fn at(ms: i64) -> At {
    At(Timestamp::from_millis(ms.clamp(-60_000_000_000_000, 250_000_000_000_000)))
}

fn compared(out: &mut Statement, column: &str, compare: Compare, value: &Value) {
    out.push("(").push(column);
    match value {
        Value::Time(ms) => {
            let (sign, ms) = match compare {
                Compare::Less => (" < ", *ms),
                Compare::LessOrEqual => (" < ", ms.saturating_add(1)),
                Compare::Greater => (" >= ", ms.saturating_add(1)),
                Compare::GreaterOrEqual => (" >= ", *ms),
            };
            out.push(sign).bind(at(ms));
        }
        Value::Text(text) => {
            out.push(sign(compare)).bind(text.clone());
        }
        Value::Int(int) => {
            out.push(sign(compare)).bind(*int);
        }
    }
    out.push(")");
}

const fn sign(compare: Compare) -> &'static str {
    match compare {
        Compare::Less => " < ",
        Compare::LessOrEqual => " <= ",
        Compare::Greater => " > ",
        Compare::GreaterOrEqual => " >= ",
    }
}

fn words_condition(out: &mut Statement, scope: Scope, words: &Words) {
    if let Some(query) = text_query(words, false) {
        let (table, key) = words_table(scope);
        // a subquery of its own: a join would be driven by the words, whatever they are
        out.push("((SELECT w.words @@ to_tsquery('pg_catalog.english', ").bind(query).push(") FROM ");
        out.push(table).push(" AS w WHERE ").push(key).push(") IS TRUE)");
        return;
    }
    match words {
        Words::All(list) => joined(out, list, " AND ", |out, w| words_condition(out, scope, w)),
        Words::Any(list) => joined(out, list, " OR ", |out, w| words_condition(out, scope, w)),
        Words::Not(one) => {
            out.push("NOT (");
            words_condition(out, scope, one);
            out.push(")");
        }
        Words::In(field, one) => {
            out.push("(words_of('', ")
                .push(column(*field))
                .push(", '{}') @@ to_tsquery('pg_catalog.english', ");
            out.bind(text_query(one, true).unwrap_or_default()).push("))");
        }
        Words::Word { text, .. } => {
            // an id means its run or task too; what else mentions it is found by its words
            let id = Uuid::parse_str(text).unwrap_or_default();
            out.push("(");
            match scope {
                Scope::Runs => out.push("r.id = ").bind(id),
                Scope::Tasks => {
                    let task = TaskId::from_uuid(id);
                    out.push("(t.run_id = ").bind(task.run().uuid()).push(" AND ");
                    out.bind(task.no() as i32).push(" IN (0, t.no))")
                }
            };
            let (table, key) = words_table(scope);
            out.push(" OR (SELECT w.words @@ to_tsquery('pg_catalog.english', ");
            out.bind(text_query(words, true).unwrap_or_default()).push(") FROM ");
            out.push(table).push(" AS w WHERE ").push(key).push(") IS TRUE)");
        }
    }
}

/// The words as one text query; `None` if that cannot say it: ids that name a row (unless `plain`), words of one payload.
pub(super) fn text_query(words: &Words, plain: bool) -> Option<String> {
    let joined = |list: &[Words], joint: &str| {
        let parts: Option<Vec<String>> = list.iter().map(|w| text_query(w, plain)).collect();
        parts.map(|parts| format!("({})", parts.join(joint)))
    };
    match words {
        Words::Word { text, .. } if !plain && Uuid::parse_str(text).is_ok() => None,
        Words::Word { text, prefix } => {
            let quoted = text.replace('\\', "\\\\").replace('\'', "''");
            Some(format!("'{quoted}'{}", if *prefix { ":*" } else { "" }))
        }
        Words::All(list) => joined(list, " & "),
        Words::Any(list) => joined(list, " | "),
        Words::Not(one) => text_query(one, plain).map(|q| format!("!{q}")),
        Words::In(..) => None,
    }
}
