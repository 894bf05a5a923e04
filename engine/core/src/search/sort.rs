//! Sort keys: `startTime:DESC|status:ASC`.

use super::{Field, Kind, Scope};

/// One key; the first one counts most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SortKey {
    pub field: Field,
    pub descending: bool,
}

/// Keys of one sort that count.
const KEYS_AT_MOST: usize = 5;

/// Reads sort keys. A key without an order, with an unknown field or an unknown order is left out, as on existing
/// servers; so are payloads.
pub fn parse_sort(scope: Scope, text: &str) -> Vec<SortKey> {
    let key = |part: &str| {
        let (name, order) = part.split_once(':')?;
        let field = scope.field(name.trim())?;
        let descending = match order.trim() {
            order if order.eq_ignore_ascii_case("ASC") => false,
            order if order.eq_ignore_ascii_case("DESC") => true,
            _ => return None,
        };
        (field.kind() != Kind::Payload).then_some(SortKey { field, descending })
    };
    text.split('|').filter_map(key).take(KEYS_AT_MOST).collect()
}
