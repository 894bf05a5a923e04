//! Ids of DAG runs: the same when a message is read again, another for every message.

use sha2::{Digest, Sha256};

/// `<base>-<session>`, the session eight hex digits that follow from the message and its workflow. `part` tells apart
/// the runs of one message.
pub(crate) fn run_id(base: &str, event_id: &str, workflow_id: &str, part: &str) -> String {
    let mut hash = Sha256::new();
    for field in [event_id, workflow_id, part] {
        // with its length, so that no two lists of fields give the same bytes
        hash.update((field.len() as u64).to_be_bytes());
        hash.update(field);
    }
    let digest = hash.finalize();
    let session: String = digest.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
    format!("{base}-{session}")
}

#[cfg(test)]
mod tests {
    use super::run_id;

    #[test]
    fn follows_from_the_message() {
        let id = run_id("1000861509", "requests/0/17", "w", "");
        assert_eq!(id, run_id("1000861509", "requests/0/17", "w", ""));
        assert!(id.starts_with("1000861509-") && id.len() == "1000861509-3f9a01bc".len(), "{id}");
        for other in [
            run_id("1000861509", "requests/0/18", "w", ""),
            run_id("1000861509", "requests/0/17", "v", ""),
            run_id("1000861509", "requests/0/17", "w", "append"),
        ] {
            assert_ne!(id, other);
        }
    }
}
