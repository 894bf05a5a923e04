//! What a filter demands of every row, as far as an index can use it. More rows may satisfy it than the filter, never
//! fewer.

use podium_core::search::{Compare, Expr, Field, Test, Value, Words};
use uuid::Uuid;

use super::column::statuses;
use super::condition::{codes, text};

/// `None` = anything.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Narrow {
    pub(super) runs: Option<Vec<Uuid>>,
    pub(super) names: Option<Vec<String>>,
    /// Of the run.
    pub(super) statuses: Option<Vec<i16>>,
    pub(super) correlations: Option<Vec<String>>,
    pub(super) parents: Option<Vec<String>>,
    /// Milliseconds: the run was started no earlier, no later.
    pub(super) from: Option<i64>,
    pub(super) to: Option<i64>,
}

impl Narrow {
    pub(super) fn of(expr: &Expr) -> Self {
        match expr {
            Expr::All(list) => list.iter().map(Narrow::of).fold(Narrow::default(), Narrow::and),
            Expr::Any(list) => list.iter().map(Narrow::of).reduce(Narrow::or).unwrap_or_default(),
            Expr::Clause(field, test) => of_clause(*field, test),
            Expr::Words(_) => Narrow::default(),
        }
    }

    fn and(self, other: Narrow) -> Narrow {
        Narrow {
            runs: both(self.runs, other.runs),
            names: both(self.names, other.names),
            statuses: both(self.statuses, other.statuses),
            correlations: both(self.correlations, other.correlations),
            parents: both(self.parents, other.parents),
            from: self.from.max(other.from),
            to: match (self.to, other.to) {
                (Some(a), Some(b)) => Some(a.min(b)),
                (a, b) => a.or(b),
            },
        }
    }

    fn or(self, other: Narrow) -> Narrow {
        Narrow {
            runs: either(self.runs, other.runs),
            names: either(self.names, other.names),
            statuses: either(self.statuses, other.statuses),
            correlations: either(self.correlations, other.correlations),
            parents: either(self.parents, other.parents),
            from: self.from.zip(other.from).map(|(a, b)| a.min(b)),
            to: self.to.zip(other.to).map(|(a, b)| a.max(b)),
        }
    }
}

fn both<T: PartialEq>(a: Option<Vec<T>>, b: Option<Vec<T>>) -> Option<Vec<T>> {
    match (a, b) {
        (Some(mut a), Some(b)) => {
            a.retain(|x| b.contains(x));
            Some(a)
        }
        (a, b) => a.or(b),
    }
}

fn either<T: PartialEq>(a: Option<Vec<T>>, b: Option<Vec<T>>) -> Option<Vec<T>> {
    let (mut a, b) = (a?, b?);
    for x in b {
        if !a.contains(&x) {
            a.push(x);
        }
    }
    Some(a)
}

fn of_clause(field: Field, test: &Test) -> Narrow {
    let mut narrow = Narrow::default();
    if field == Field::RunStatus {
        narrow.statuses = statuses(field).map(|(words, _)| codes(&words, test));
        return narrow;
    }
    let values = match test {
        Test::In(values) => values.as_slice(),
        _ => &[],
    };
    let listed = matches!(test, Test::In(_));
    let texts = || {
        let mut texts: Vec<String> = values.iter().filter_map(text).map(str::to_owned).collect();
        texts.sort_unstable();
        texts.dedup();
        texts
    };
    match field {
        Field::RunId if listed => {
            narrow.runs = Some(texts().iter().filter_map(|t| Uuid::parse_str(t).ok()).collect());
        }
        Field::TaskId if listed => {
            let run =
                |t: &String| Some(podium_core::TaskId::from_uuid(Uuid::parse_str(t).ok()?).run().uuid());
            let mut runs: Vec<Uuid> = texts().iter().filter_map(run).collect();
            runs.sort_unstable();
            runs.dedup();
            narrow.runs = Some(runs);
        }
        Field::RunName if listed => narrow.names = Some(texts()),
        Field::CorrelationId if listed => narrow.correlations = Some(texts()),
        // no parent at all is no key of the index
        Field::ParentId if listed && !texts().iter().any(String::is_empty) => narrow.parents = Some(texts()),
        Field::RunStart => match test {
            Test::In(values) => {
                let ms = || values.iter().filter_map(time);
                (narrow.from, narrow.to) = (ms().min(), ms().max());
            }
            Test::Between(from, to) => (narrow.from, narrow.to) = (time(from), time(to)),
            Test::Compare(Compare::Less | Compare::LessOrEqual, value) => narrow.to = time(value),
            Test::Compare(Compare::Greater | Compare::GreaterOrEqual, value) => narrow.from = time(value),
            _ => {}
        },
        _ => {}
    }
    narrow
}

fn time(value: &Value) -> Option<i64> {
    match value {
        Value::Time(ms) => Some(*ms),
        Value::Text(_) | Value::Int(_) => None,
    }
}

/// Words that every match has or is named by: what can be looked up first.
pub(super) fn demanded(expr: &Expr) -> Option<&Words> {
    match expr {
        Expr::All(list) => list.iter().find_map(demanded),
        Expr::Words(words) if looks_for_something(words) => Some(words),
        Expr::Any(_) | Expr::Clause(..) | Expr::Words(_) => None,
    }
}

fn looks_for_something(words: &Words) -> bool {
    match words {
        Words::Word { .. } => true,
        Words::All(list) => {
            list.iter().any(looks_for_something) && list.iter().all(|w| !matches!(w, Words::In(..)))
        }
        Words::Any(list) => list.iter().all(looks_for_something),
        Words::Not(_) | Words::In(..) => false,
    }
}

/// The ids that words name.
pub(super) fn named_ids(words: &Words) -> Vec<Uuid> {
    match words {
        Words::Word { text, .. } => Uuid::parse_str(text).into_iter().collect(),
        Words::All(list) | Words::Any(list) => list.iter().flat_map(named_ids).collect(),
        Words::Not(_) | Words::In(..) => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use podium_core::search::{Scope, parse};

    use super::*;

    fn of(query: &str) -> Narrow {
        Narrow::of(&parse(Scope::Runs, query).expect(query))
    }

    #[test]
    fn demands_are_what_every_match_fulfils() {
        let names = |list: &[&str]| Some(list.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>());
        assert_eq!(of("workflowType IN (a,b) AND workflowType IN (b,c)").names, names(&["b"]));
        assert_eq!(of("workflowType=a OR workflowType=b").names, names(&["a", "b"]));
        assert_eq!(of("workflowType=a OR status=FAILED").names, None);
        assert_eq!(of("workflowType!=a AND workflowType=x*").names, None);
        assert_eq!(of("status IN (FAILED, PAUSED)").statuses, Some(vec![1, 3]));
        assert_eq!(of("status=C*").statuses, Some(vec![2]));
        assert_eq!(of("status != RUNNING").statuses, Some(vec![1, 2, 3, 4, 5]));
        assert_eq!(of("status>A").statuses, Some(vec![0, 1, 2, 3, 4, 5]));
        let range = of("startTime>5 AND startTime<9 AND startTime<=20");
        assert_eq!((range.from, range.to), (Some(5), Some(9)));
        let range = of("startTime BETWEEN 5 AND 9 OR startTime=3");
        assert_eq!((range.from, range.to), (Some(3), Some(9)));
        assert_eq!(of("startTime>5 OR startTime<9").from, None);
        assert_eq!(of("parentWorkflowId=''").parents, None);
    }
}
