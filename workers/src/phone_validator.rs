//! Keeps the rows whose phone number has the right digits.

use std::sync::atomic::{AtomicBool, Ordering};

use phonenumber::country;
use podium_objects::ObjectStore;

use crate::file_work::{self, FileWork};
use crate::request::Request;
use crate::service::{FileSettings, Outcome, Parts, Service, ServiceError};
use crate::table::{Reason, RowCheck};

/// The rule of this validator.
#[derive(Clone, Copy, Debug, Default)]
pub struct PhoneRule {
    /// Also ask that the number is one that the numbering plan hands out; numbers without a country code are
    /// read as of this region.
    pub strict: Option<country::Id>,
}

impl PhoneRule {
    /// The rule of these settings.
    ///
    /// # Errors
    /// When the region is not known.
    pub fn of(settings: &FileSettings) -> Result<Self, String> {
        if !settings.strict {
            return Ok(Self { strict: None });
        }
        let region = settings
            .region
            .parse()
            .map_err(|_| format!("phone region {:?} is not known", settings.region))?;
        Ok(Self { strict: Some(region) })
    }
}

impl RowCheck for PhoneRule {
    fn column(&self) -> &'static str {
        "phone"
    }

    fn check(&self, cell: &str) -> Result<(), Reason> {
        let mut digits = cell.bytes().filter(u8::is_ascii_digit);
        let first = digits.next();
        let count = usize::from(first.is_some()) + digits.count();
        if count != 10 && !(count == 11 && first == Some(b'1')) {
            return Err("digits");
        }
        if let Some(region) = self.strict {
            let number = phonenumber::parse(Some(region), cell).map_err(|_| "unreadable")?;
            if !phonenumber::is_valid(&number) {
                return Err("numbering_plan");
            }
        }
        Ok(())
    }
}

/// The service.
pub struct PhoneValidator {
    store: ObjectStore,
    settings: FileSettings,
    rule: PhoneRule,
    failed: AtomicBool,
}

impl PhoneValidator {
    /// # Errors
    /// When the region of strict mode is not known.
    pub fn new(store: ObjectStore, settings: FileSettings) -> Result<Self, String> {
        let rule = PhoneRule::of(&settings)?;
        Ok(Self { store, settings, rule, failed: AtomicBool::new(false) })
    }
}

impl Service for PhoneValidator {
    const NAME: &'static str = "phone-validator";
    const TOPIC: &'static str = "phone-validation-requests";
    const GROUP: &'static str = "phone-validator-group";
    const REQUEST_TYPE: &'static str = "phone_validation_request";
    const COMPLETED_TYPE: &'static str = "phone_validation_completed";
    const STAGE: &'static str = "phone_validation";

    async fn open(parts: &Parts) -> Result<Self, ServiceError> {
        Self::new(parts.objects.clone(), parts.files.clone()).map_err(ServiceError::permanent)
    }

    async fn handle(&self, request: &Request) -> Result<Outcome, ServiceError> {
        let fail = self.settings.fail_once && !self.failed.swap(true, Ordering::Relaxed);
        file_work::prelude(&self.settings, fail).await?;
        let work = FileWork {
            role: "validator",
            name: Self::NAME,
            stem: "phone_validated",
            keep_rejected: self.rule.strict.is_some(),
        };
        work.validate(&self.store, self.rule, request).await
    }
}

#[cfg(test)]
mod tests {
    use super::PhoneRule;
    use crate::service::FileSettings;
    use crate::table::RowCheck;

    #[test]
    fn counts_digits_only() {
        let rule = PhoneRule::default();
        for good in ["5551234567", "(555) 123-4567", "+1 555 123 4567", "1-555-123-4567", "tel 555.123.4567"]
        {
            assert_eq!(rule.check(good), Ok(()), "{good}");
        }
        for bad in ["-", "555123456", "25551234567", "15551234567 ext 1", "n/a"] {
            assert_eq!(rule.check(bad), Err("digits"), "{bad}");
        }
    }

    #[test]
    fn strict_mode_knows_the_numbering_plan() {
        let settings = FileSettings { strict: true, ..FileSettings::default() };
        let rule = PhoneRule::of(&settings).expect("US is known");
        assert_eq!(rule.check("(212) 736-5000"), Ok(()));
        assert_eq!(rule.check("(199) 736-5000"), Err("numbering_plan"));
        let unknown = FileSettings { strict: true, region: "XX".into(), ..FileSettings::default() };
        assert!(PhoneRule::of(&unknown).is_err());
    }
}
