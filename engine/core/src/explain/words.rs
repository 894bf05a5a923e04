//! Numbers and names in sentences.

use crate::time::Span;

/// Names that one sentence lists.
const NAMES_AT_MOST: usize = 5;

/// A name as it stands in a sentence.
pub(super) fn quoted(name: &str) -> String {
    format!("`{name}`")
}

/// How long, in the largest unit that says enough.
pub(super) fn span(span: Span) -> String {
    let s = span.as_secs().max(0);
    match s {
        0 => "less than a second".to_owned(),
        1..120 => format!("{s} s"),
        120..7_200 => format!("{} min", s / 60),
        7_200..172_800 => format!("{} h", s / 3_600),
        _ => format!("{} days", s / 86_400),
    }
}

/// A number with its noun (and verb).
pub(super) fn many(count: i64, one: &str, more: &str) -> String {
    if count == 1 { format!("1 {one}") } else { format!("{count} {more}") }
}

/// Names with commas, the first of many.
pub(super) fn listed(names: &[String]) -> String {
    let shown: Vec<_> = names.iter().take(NAMES_AT_MOST).map(|name| quoted(name)).collect();
    match names.len().saturating_sub(NAMES_AT_MOST) {
        0 => shown.join(", "),
        left => format!("{} and {left} more", shown.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_said_as_people_say_them() {
        let said = [0, 1, 119, 120, 7_199, 7_200, 172_799, 172_800].map(|s| span(Span::from_secs(s)));
        let expected = ["less than a second", "1 s", "119 s", "2 min", "119 min", "2 h", "47 h", "2 days"];
        assert_eq!(said, expected);
        assert_eq!(span(Span::from_secs(-5)), "less than a second");
    }

    #[test]
    fn many_names_are_cut() {
        let names: Vec<String> = (1..=7).map(|n| format!("t{n}")).collect();
        assert_eq!(listed(&names[..2]), "`t1`, `t2`");
        assert_eq!(listed(&names), "`t1`, `t2`, `t3`, `t4`, `t5` and 2 more");
    }
}
