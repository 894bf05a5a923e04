//! Keeps the rows whose e-mail address is well formed.

use std::str::FromStr;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, Ordering};

use email_address::EmailAddress;
use podium_objects::ObjectStore;
use regex::Regex;

use crate::file_work::{self, FileWork};
use crate::request::Request;
use crate::service::{FileSettings, Outcome, Parts, Service, ServiceError};
use crate::table::{Reason, RowCheck};

/// The documented rule, applied to the cell as it is, untrimmed.
static RULE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^[a-zA-Z0-9._%+-]+@[a-zA-Z0-9.-]+\.[a-zA-Z]{2,}$").expect("the pattern is a constant")
});

/// The rule of this validator.
#[derive(Clone, Copy, Debug, Default)]
pub struct EmailRule {
    /// Also ask for RFC 5321: no leading, trailing or doubled dots, label and total lengths.
    pub strict: bool,
}

impl RowCheck for EmailRule {
    fn column(&self) -> &'static str {
        "email"
    }

    fn check(&self, cell: &str) -> Result<(), Reason> {
        if !RULE.is_match(cell) {
            return Err("pattern");
        }
        if self.strict && EmailAddress::from_str(cell).is_err() {
            return Err("rfc5321");
        }
        Ok(())
    }
}

/// The service.
pub struct EmailValidator {
    store: ObjectStore,
    settings: FileSettings,
    failed: AtomicBool,
}

impl EmailValidator {
    pub fn new(store: ObjectStore, settings: FileSettings) -> Self {
        Self { store, settings, failed: AtomicBool::new(false) }
    }
}

impl Service for EmailValidator {
    const NAME: &'static str = "email-validator";
    const TOPIC: &'static str = "email-validation-requests";
    const GROUP: &'static str = "email-validator-group";
    const REQUEST_TYPE: &'static str = "email_validation_request";
    const COMPLETED_TYPE: &'static str = "email_validation_completed";
    const STAGE: &'static str = "email_validation";

    async fn open(parts: &Parts) -> Result<Self, ServiceError> {
        Ok(Self::new(parts.objects.clone(), parts.files.clone()))
    }

    async fn handle(&self, request: &Request) -> Result<Outcome, ServiceError> {
        let fail = self.settings.fail_once && !self.failed.swap(true, Ordering::Relaxed);
        file_work::prelude(&self.settings, fail).await?;
        let rule = EmailRule { strict: self.settings.strict };
        let work = FileWork {
            role: "validator",
            name: Self::NAME,
            stem: "email_validated",
            keep_rejected: rule.strict,
        };
        work.validate(&self.store, rule, request).await
    }
}

#[cfg(test)]
mod tests {
    use super::EmailRule;
    use crate::table::RowCheck;

    #[test]
    fn follows_the_documented_pattern() {
        let rule = EmailRule::default();
        for good in ["a@b.co", "A.b+c%d_e-f@x-y.example.org", ".a@b.co", "a..b@b.co", "a@-b..co"] {
            assert_eq!(rule.check(good), Ok(()), "{good}");
        }
        for bad in [" a@b.co", "a@b.co ", "a@b.c", "a@b", "a b@c.de", "ü@b.co", "a@b.co\n", "a@b.c1", "@b.co"]
        {
            assert_eq!(rule.check(bad), Err("pattern"), "{bad:?}");
        }
    }

    #[test]
    fn strict_mode_asks_for_more() {
        let rule = EmailRule { strict: true };
        for bad in [".a@b.co", "a..b@b.co", "a@-b..co"] {
            assert_eq!(rule.check(bad), Err("rfc5321"), "{bad}");
        }
        assert_eq!(rule.check("a.b@example.org"), Ok(()));
    }
}
