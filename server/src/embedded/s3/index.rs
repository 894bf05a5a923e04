//! The keys of one bucket in order, and listing them.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use super::files::Meta;

/// Keys and what is known of their objects. Kept in memory only: the files are the truth.
pub(super) type Index = BTreeMap<String, Arc<Meta>>;

/// What a listing asks for.
#[derive(Clone, Debug, Default)]
pub(super) struct Listing {
    pub(super) prefix: String,
    /// `None` when absent **or empty**: some clients send an empty delimiter and mean none.
    pub(super) delimiter: Option<String>,
    /// Names after this one only; may be a common prefix of an earlier page.
    pub(super) after: Option<String>,
    pub(super) limit: usize,
}

/// One page of a listing.
#[derive(Clone, Debug, Default)]
pub(super) struct Page {
    pub(super) objects: Vec<Arc<Meta>>,
    pub(super) prefixes: Vec<String>,
    /// The last name of this page when more follow.
    pub(super) next: Option<String>,
}

/// Lists keys in byte order; keys that share a prefix up to the delimiter count as one name.
pub(super) fn list(index: &Index, ask: &Listing) -> Page {
    let mut page = Page::default();
    if ask.limit == 0 {
        return page;
    }
    let mut from = Bound::Included(ask.prefix.clone());
    if let Some(after) = &ask.after
        && after.as_str() >= ask.prefix.as_str()
    {
        let is_prefix = ask.delimiter.as_ref().is_some_and(|d| after.ends_with(d.as_str()));
        from = match (is_prefix, beyond(after)) {
            // a page that ended with a common prefix goes on behind all keys under it
            (true, Some(next)) => Bound::Included(next),
            (true, None) => return page,
            (false, _) => Bound::Excluded(after.clone()),
        };
    }
    let mut last = None;
    loop {
        let Some((key, meta)) = index.range((from.clone(), Bound::Unbounded)).next() else { return page };
        let Some(rest) = key.strip_prefix(ask.prefix.as_str()) else { return page };
        if page.objects.len() + page.prefixes.len() == ask.limit {
            page.next = last;
            return page;
        }
        let cut = ask.delimiter.as_ref().and_then(|d| rest.find(d.as_str()).map(|at| at + d.len()));
        match cut {
            None => {
                page.objects.push(Arc::clone(meta));
                last = Some(key.clone());
                from = Bound::Excluded(key.clone());
            }
            Some(at) => {
                let common = key[..ask.prefix.len() + at].to_owned();
                let Some(next) = beyond(&common) else {
                    page.prefixes.push(common);
                    return page;
                };
                from = Bound::Included(next);
                last = Some(common.clone());
                page.prefixes.push(common);
            }
        }
    }
}

/// The smallest text above every text that starts with `prefix`; `None` when there is none.
fn beyond(prefix: &str) -> Option<String> {
    let mut chars: Vec<char> = prefix.chars().collect();
    while let Some(last) = chars.pop() {
        // code points and UTF-8 bytes sort alike; the surrogates' gap is stepped over
        let next = if last == '\u{d7ff}' { Some('\u{e000}') } else { char::from_u32(last as u32 + 1) };
        if let Some(next) = next {
            chars.push(next);
            return Some(chars.into_iter().collect());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::{Index, Listing, list};
    use crate::embedded::s3::files::Meta;
    use std::sync::Arc;

    fn index(keys: &[&str]) -> Index {
        keys.iter()
            .map(|k| ((*k).to_owned(), Arc::new(Meta { key: (*k).to_owned(), ..Meta::default() })))
            .collect()
    }

    fn names(index: &Index, prefix: &str, delimiter: Option<&str>, limit: usize) -> Vec<Vec<String>> {
        let mut pages = Vec::new();
        let mut after = None;
        loop {
            let ask = Listing {
                prefix: prefix.to_owned(),
                delimiter: delimiter.map(str::to_owned),
                after: after.take(),
                limit,
            };
            let page = list(index, &ask);
            let keys = page.objects.iter().map(|m| m.key.clone());
            pages.push(keys.chain(page.prefixes.iter().cloned()).collect());
            match page.next {
                Some(next) => after = Some(next),
                None => return pages,
            }
        }
    }

    #[test]
    fn pages_and_delimiters_give_each_name_once() {
        let index = index(&["a", "a/b", "a/c", "a/c/d", "b/1", "b/2", "c", "é/x", "é/y"]);
        assert_eq!(
            names(&index, "", None, 100),
            vec![vec!["a", "a/b", "a/c", "a/c/d", "b/1", "b/2", "c", "é/x", "é/y"]]
        );
        assert_eq!(names(&index, "", Some("/"), 100), vec![vec!["a", "c", "a/", "b/", "é/"]]);
        assert_eq!(
            names(&index, "", Some("/"), 1),
            vec![vec!["a"], vec!["a/"], vec!["b/"], vec!["c"], vec!["é/"]]
        );
        assert_eq!(names(&index, "a/", Some("/"), 1), vec![vec!["a/b"], vec!["a/c"], vec!["a/c/"]]);
        assert_eq!(names(&index, "a/", None, 2), vec![vec!["a/b", "a/c"], vec!["a/c/d"]]);
        assert_eq!(names(&index, "zz", None, 2), vec![Vec::<String>::new()]);
    }
}
