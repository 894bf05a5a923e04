//! What the part before the `@` tells.

/// Mailboxes of offices.
const ROLES: [&str; 32] = [
    "abuse",
    "accounts",
    "admin",
    "administrator",
    "billing",
    "contact",
    "customerservice",
    "enquiries",
    "feedback",
    "hello",
    "help",
    "helpdesk",
    "hostmaster",
    "hr",
    "info",
    "inquiries",
    "jobs",
    "mailer-daemon",
    "marketing",
    "media",
    "no-reply",
    "noreply",
    "office",
    "orders",
    "postmaster",
    "press",
    "root",
    "sales",
    "service",
    "support",
    "team",
    "webmaster",
];
/// What people write who do not want to give an address.
const PLACEHOLDERS: [&str; 30] = [
    "abc",
    "abc123",
    "anonymous",
    "asdf",
    "asdfasdf",
    "blank",
    "declined",
    "donotemail",
    "donthave",
    "email",
    "fake",
    "n/a",
    "na",
    "nil",
    "no",
    "no-email",
    "no.email",
    "no_email",
    "nobody",
    "noemail",
    "nomail",
    "none",
    "noone",
    "notgiven",
    "null",
    "qwerty",
    "refused",
    "test",
    "testing",
    "unknown",
];

pub(super) fn is_role(local: &str) -> bool {
    ROLES.contains(&local)
}

/// One of the words, or one letter over and over.
pub(super) fn is_placeholder(local: &str) -> bool {
    let mut letters = local.chars();
    let first = letters.next();
    let same = local.len() >= 3 && letters.all(|c| Some(c) == first);
    same || PLACEHOLDERS.contains(&local)
}

/// Only signs that mailboxes in use have. RFC 5321 allows more, which here are nearly always errors.
pub(super) fn is_plain(local: &str) -> bool {
    local.bytes().all(|b| b.is_ascii_alphanumeric() || b"._%+-'&/=!#$*?^`{|}~".contains(&b))
}
