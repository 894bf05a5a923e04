//! What the part behind the `@` tells.

use psl::Psl;

/// Domains that most people have their mail at; what is nearly one of them is taken for it.
const WELL_KNOWN: [&str; 36] = [
    "aol.com",
    "att.net",
    "bellsouth.net",
    "btinternet.com",
    "charter.net",
    "comcast.net",
    "cox.net",
    "earthlink.net",
    "frontier.com",
    "gmail.com",
    "googlemail.com",
    "hotmail.co.uk",
    "hotmail.com",
    "hotmail.de",
    "hotmail.fr",
    "icloud.com",
    "juno.com",
    "live.com",
    "mac.com",
    "msn.com",
    "netzero.net",
    "optonline.net",
    "optimum.net",
    "outlook.com",
    "protonmail.com",
    "roadrunner.com",
    "rocketmail.com",
    "sbcglobal.net",
    "verizon.net",
    "windstream.net",
    "yahoo.co.uk",
    "yahoo.com",
    "yahoo.de",
    "yahoo.fr",
    "ymail.com",
    "mail.com",
];
/// Shorter ones have too many neighbours that are somebody's.
const SHORTEST_GUESSED: usize = 9;
/// Domains one letter away from a well-known one at which people do have their mail.
const NEIGHBOURS: [&str; 12] = [
    "email.com",
    "gmx.com",
    "fmail.com",
    "hmail.com",
    "hotmail.ca",
    "hotmail.es",
    "hotmail.it",
    "live.co",
    "ymail.com",
    "yahoo.ca",
    "yahoo.es",
    "yahoo.in",
];
/// Top-level domains that exist, but are nearly always the beginning of `com`.
const HASTY_COUNTRIES: [&str; 4] = ["cm", "co", "om", "cam"];
/// Misspelled top-level domains that nobody has.
const TOP_LEVELS: [(&str, &str); 18] = [
    ("cmo", "com"),
    ("comm", "com"),
    ("con", "com"),
    ("coom", "com"),
    ("cpm", "com"),
    ("ocm", "com"),
    ("vom", "com"),
    ("xom", "com"),
    ("c0m", "com"),
    ("met", "net"),
    ("ner", "net"),
    ("nett", "net"),
    ("nte", "net"),
    ("edy", "edu"),
    ("eud", "edu"),
    ("ogr", "org"),
    ("orgg", "org"),
    ("rog", "org"),
];
/// Set aside by RFC 2606 and RFC 6761; `local` by RFC 6762.
const RESERVED_TOP_LEVELS: [&str; 5] = ["test", "example", "invalid", "localhost", "local"];
const RESERVED: [&str; 3] = ["example.com", "example.net", "example.org"];
/// Addresses there live for minutes.
const DISPOSABLE: [&str; 20] = [
    "10minutemail.com",
    "dispostable.com",
    "fakeinbox.com",
    "getnada.com",
    "grr.la",
    "guerrillamail.com",
    "guerrillamail.net",
    "mailcatch.com",
    "maildrop.cc",
    "mailinator.com",
    "mailnesia.com",
    "mintemail.com",
    "mytemp.email",
    "sharklasers.com",
    "spam4.me",
    "temp-mail.org",
    "tempmail.com",
    "throwawaymail.com",
    "trashmail.com",
    "yopmail.com",
];

/// The well-known domain that this one was meant to be: exactly one is one typing error away (a letter too many, too
/// few, wrong, or two exchanged).
pub(super) fn misspelled(domain: &str) -> Option<&'static str> {
    if WELL_KNOWN.contains(&domain) || NEIGHBOURS.contains(&domain) {
        return None;
    }
    let mut near = WELL_KNOWN.into_iter().filter(|known| {
        // the cheap questions first: most domains are not as long as any of these
        known.len() >= SHORTEST_GUESSED
            && known.len().abs_diff(domain.len()) <= 1
            && strsim::osa_distance(known, domain) == 1
            && !is_branch(domain, known)
    });
    let found = near.next()?;
    near.next().is_none().then_some(found)
}

/// The same provider in another country: `hotmail.be` is not meant to be `hotmail.de`.
fn is_branch(domain: &str, known: &str) -> bool {
    match (domain.split_once('.'), known.split_once('.')) {
        (Some((name, country)), Some((known, _))) => {
            let exists = psl::List.suffix(country.as_bytes()).is_some_and(|suffix| suffix.is_known());
            name == known && exists && !HASTY_COUNTRIES.contains(&country)
        }
        _ => false,
    }
}

pub(super) fn misspelled_top_level(top: &str) -> Option<&'static str> {
    TOP_LEVELS.into_iter().find_map(|(wrong, right)| (wrong == top).then_some(right))
}

pub(super) fn is_reserved(domain: &str) -> bool {
    let top = domain.rsplit('.').next().unwrap_or_default();
    let under = |reserved: &str| domain == reserved || domain.ends_with(&format!(".{reserved}"));
    RESERVED_TOP_LEVELS.contains(&top) || RESERVED.into_iter().any(under)
}

pub(super) fn is_disposable(domain: &str) -> bool {
    DISPOSABLE.contains(&domain)
}

/// Labels of letters, digits and inner hyphens, at least two of them.
pub(super) fn is_plain(domain: &str) -> bool {
    let label = |label: &str| {
        !label.is_empty()
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    domain.contains('.') && domain.split('.').all(label)
}
