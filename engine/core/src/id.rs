//! Identifiers.
//!
//! A run's id is a UUIDv7 whose low 20 bits are zero; a task's id is its run's id with the task's
//! number in those 20 bits. So any node finds the run of a bare task id without a look-up, tables need
//! no index on task ids, and what is on the wire is still a time-ordered UUID.
//!
//! ```text
//! | 48 bits: ms since epoch | 4: version 7 | 12: random | 2: variant | 32: random | 10: shard | 20: task number |
//! ```

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::time::Timestamp;

const TASK_BITS: u32 = 20;
const TASK_MASK: u128 = (1 << TASK_BITS) - 1;
const SHARD_BITS: u32 = 10;
const SHARD_MASK: u128 = (1 << SHARD_BITS) - 1;
const BUCKETS: u128 = 64;

/// The largest task number a run can give out: 1,048,575 attempts over its whole life.
pub const MAX_TASK_NO: u32 = TASK_MASK as u32;

/// Id of one run (Conductor: `workflowId`). Time-ordered.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RunId(Uuid);

/// Number of a task row inside its run, from 1, never given out twice.
pub type TaskNo = u32;

/// Under such a number a run's messages are kept that are no task's: what it tells others of changes of status. They are
/// counted from 1 after the last number that a task can have.
pub fn is_notice(no: TaskNo) -> bool {
    no > MAX_TASK_NO
}

/// Id of one attempt of one task (Conductor: `taskId`).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TaskId(Uuid);

impl RunId {
    /// Builds the id of a new run from the instant, 44 bits of randomness and the shard (0..1024).
    pub fn new(at: Timestamp, random: u64, shard: u16) -> Self {
        let ms = (at.as_millis().max(0) as u128) & ((1 << 48) - 1);
        let random = random as u128;
        let bits = (ms << 80)
            | (0x7 << 76)
            | ((random & 0xfff) << 64)
            | (0b10 << 62)
            | (((random >> 12) & 0xffff_ffff) << 30)
            | ((shard as u128 & SHARD_MASK) << TASK_BITS);
        RunId(Uuid::from_u128(bits))
    }

    /// The id of a run that follows from something (an event and what is to be done with it): the same instant and text
    /// always give the same id.
    pub fn derived(at: Timestamp, from: &str, shard: u16) -> Self {
        let digest = Sha256::digest(from.as_bytes());
        let random = digest.iter().take(8).fold(0_u64, |bits, byte| bits << 8 | u64::from(*byte));
        RunId::new(at, random, shard)
    }

    /// When the run was made, as its id says.
    pub fn made_at(self) -> Timestamp {
        Timestamp::from_millis((self.0.as_u128() >> 80) as i64)
    }

    /// Takes a UUID read from a store or a wire as a run's id; `None` if its task number is not zero.
    pub fn from_uuid(uuid: Uuid) -> Option<Self> {
        (uuid.as_u128() & TASK_MASK == 0).then_some(RunId(uuid))
    }

    pub fn uuid(self) -> Uuid {
        self.0
    }

    /// The shard whose tables hold this run.
    pub fn shard(self) -> i16 {
        ((self.0.as_u128() >> TASK_BITS) & SHARD_MASK) as i16
    }

    /// The background bucket (0..64) of this run: which node watches its timers.
    pub fn bucket(self) -> i16 {
        ((self.0.as_u128() >> 30) % BUCKETS) as i16
    }

    pub fn task(self, no: TaskNo) -> TaskId {
        TaskId(Uuid::from_u128(self.0.as_u128() | (no as u128 & TASK_MASK)))
    }
}

impl TaskId {
    pub fn from_uuid(uuid: Uuid) -> Self {
        TaskId(uuid)
    }

    pub fn uuid(self) -> Uuid {
        self.0
    }

    /// The run that this task belongs to.
    pub fn run(self) -> RunId {
        RunId(Uuid::from_u128(self.0.as_u128() & !TASK_MASK))
    }

    pub fn no(self) -> TaskNo {
        (self.0.as_u128() & TASK_MASK) as TaskNo
    }
}

/// The text was no id of ours; such an id names nothing.
#[derive(Debug, thiserror::Error)]
#[error("{0:?} is not an id")]
pub struct NotAnId(pub String);

impl FromStr for RunId {
    type Err = NotAnId;
    fn from_str(s: &str) -> Result<Self, NotAnId> {
        Uuid::parse_str(s).ok().and_then(RunId::from_uuid).ok_or_else(|| NotAnId(s.to_owned()))
    }
}

impl FromStr for TaskId {
    type Err = NotAnId;
    fn from_str(s: &str) -> Result<Self, NotAnId> {
        Uuid::parse_str(s).map(TaskId).map_err(|_| NotAnId(s.to_owned()))
    }
}

macro_rules! shown_as_uuid {
    ($t:ty) => {
        impl fmt::Display for $t {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
        impl fmt::Debug for $t {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}
shown_as_uuid!(RunId);
shown_as_uuid!(TaskId);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_id_carries_its_run_and_number() {
        let run = RunId::new(Timestamp::from_millis(1_700_000_000_123), u64::MAX, 3);
        let task = run.task(77);
        assert_eq!((task.run(), task.no(), run.shard()), (run, 77, 3));
        assert_eq!(run.uuid().get_version_num(), 7);
        assert!(RunId::from_uuid(task.uuid()).is_none());
        assert_eq!(run.to_string().parse::<RunId>().expect("own text"), run);
    }

    #[test]
    fn ids_sort_by_time() {
        let a = RunId::new(Timestamp::from_millis(1), u64::MAX, 0);
        let b = RunId::new(Timestamp::from_millis(2), 0, 0);
        assert!(a < b);
    }
}
