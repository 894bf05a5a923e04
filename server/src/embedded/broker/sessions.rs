//! Members of groups that fall silent.
//!
//! `noida-db` forgets a member only when it leaves by itself: one that was killed keeps its partitions for ever, and
//! the others wait for it in every new round. A real broker ends a session after the member's own time-out. So the
//! requests that keep a session alive are watched here, and for a silent member a LeaveGroup is sent.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

const JOIN_GROUP: i16 = 11;
const HEARTBEAT: i16 = 12;
const SYNC_GROUP: i16 = 14;
/// Kafka's default, for a session of which no JoinGroup was seen.
const DEFAULT_SESSION: Duration = Duration::from_secs(45);

/// A member of a group.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Member {
    group: String,
    id: String,
}

struct Seen {
    at: Instant,
    session: Duration,
    /// It waits for the answer to a JoinGroup and cannot give a sign.
    joining: bool,
}

/// What a connection has said about its session.
#[derive(Default)]
pub(super) struct Session {
    limit: Option<Duration>,
    member: Option<Member>,
}

/// All sessions of the broker.
#[derive(Default)]
pub(super) struct Sessions {
    members: Mutex<HashMap<Member, Seen>>,
}

impl Sessions {
    fn lock(&self) -> MutexGuard<'_, HashMap<Member, Seen>> {
        self.members.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks at a request on its way (without the length in front).
    pub(super) fn request(&self, session: &mut Session, request: &[u8]) {
        let Some((api, version)) = api_of(request) else { return };
        if !matches!(api, JOIN_GROUP | HEARTBEAT | SYNC_GROUP) {
            return;
        }
        let flexible = version >= if api == JOIN_GROUP { 6 } else { 4 };
        let Some(member) = read(session, request, api, version, flexible) else { return };
        let seen = Seen {
            at: Instant::now(),
            session: session.limit.unwrap_or(DEFAULT_SESSION),
            joining: api == JOIN_GROUP,
        };
        self.lock().insert(member.clone(), seen);
        session.member = Some(member);
    }

    /// The connection was closed: its member may come back on another, within its time.
    pub(super) fn closed(&self, session: &Session) {
        let Some(member) = &session.member else { return };
        if let Some(seen) = self.lock().get_mut(member) {
            seen.joining = false;
        }
    }

    /// Takes out the members whose time is over.
    pub(super) fn expired(&self) -> Vec<Member> {
        let mut members = self.lock();
        let silent = |seen: &Seen| !seen.joining && seen.at.elapsed() > seen.session;
        let gone: Vec<Member> = members.iter().filter(|(_, s)| silent(s)).map(|(m, _)| m.clone()).collect();
        members.retain(|_, seen| !silent(seen));
        gone
    }
}

/// A LeaveGroup request (version 1) in a frame.
pub(super) fn leave(member: &Member) -> Vec<u8> {
    let mut body = vec![0, 13, 0, 1, 0, 0, 0, 0, 0xff, 0xff];
    for text in [&member.group, &member.id] {
        // both came out of fields of this size
        let length = u16::try_from(text.len()).unwrap_or(u16::MAX);
        body.extend(length.to_be_bytes());
        body.extend(&text.as_bytes()[..usize::from(length)]);
    }
    let length = u32::try_from(body.len()).unwrap_or(u32::MAX);
    [length.to_be_bytes().as_slice(), &body].concat()
}

/// The member that a request speaks for; a JoinGroup also says how long its session may be silent.
fn read(session: &mut Session, request: &[u8], api: i16, version: i16, flexible: bool) -> Option<Member> {
    let mut fields = Fields { rest: request.get(8..)?, flexible: false };
    // the client's name is in the old form in every version; flexible ones have tagged fields after it, in practice none
    fields.text()?;
    if flexible {
        fields.take(1)?;
    }
    fields.flexible = flexible;
    let group = fields.text()?;
    let number = fields.int32()?;
    if api == JOIN_GROUP {
        session.limit = u64::try_from(number).ok().map(Duration::from_millis);
        if version >= 1 {
            fields.int32()?;
        }
    }
    let id = fields.text()?;
    (!id.is_empty()).then_some(Member { group, id })
}

fn api_of(request: &[u8]) -> Option<(i16, i16)> {
    let mut fields = Fields { rest: request, flexible: false };
    Some((fields.int16()?, fields.int16()?))
}

/// Reads the protocol's primitives.
struct Fields<'a> {
    rest: &'a [u8],
    flexible: bool,
}

impl<'a> Fields<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(count)?;
        self.rest = rest;
        Some(taken)
    }

    fn int16(&mut self) -> Option<i16> {
        Some(i16::from_be_bytes(self.take(2)?.try_into().ok()?))
    }

    fn int32(&mut self) -> Option<i32> {
        Some(i32::from_be_bytes(self.take(4)?.try_into().ok()?))
    }

    /// A text; null reads as empty.
    fn text(&mut self) -> Option<String> {
        let length = if self.flexible {
            self.varint()?.saturating_sub(1)
        } else {
            usize::try_from(self.int16()?).unwrap_or(0)
        };
        String::from_utf8(self.take(length)?.to_vec()).ok()
    }

    fn varint(&mut self) -> Option<usize> {
        let mut value = 0;
        for shift in [0, 7, 14, 21, 28] {
            let byte = *self.take(1)?.first()?;
            value |= usize::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heartbeat(flexible: bool) -> Vec<u8> {
        let mut request = vec![0, 12, 0, if flexible { 4 } else { 3 }, 0, 0, 0, 9, 0, 1, b'c'];
        if flexible {
            request.extend([0, 2, b'g', 0, 0, 0, 7, 3, b'm', b'1', 0, 0]);
        } else {
            request.extend([0, 1, b'g', 0, 0, 0, 7, 0, 2, b'm', b'1', 0xff, 0xff]);
        }
        request
    }

    #[test]
    fn both_forms_of_a_heartbeat_name_their_member() {
        for flexible in [false, true] {
            let (sessions, mut session) = (Sessions::default(), Session::default());
            session.limit = Some(Duration::ZERO);
            sessions.request(&mut session, &heartbeat(flexible));
            let member = Member { group: "g".to_owned(), id: "m1".to_owned() };
            assert_eq!(session.member.as_ref(), Some(&member));
            std::thread::sleep(Duration::from_millis(2));
            assert_eq!(sessions.expired(), [member]);
            assert!(sessions.expired().is_empty());
        }
    }

    #[test]
    fn who_waits_to_join_is_not_silent() {
        let (sessions, mut session) = (Sessions::default(), Session::default());
        // JoinGroup, version 2: no client name, group g, session 0 ms, rebalance 1 ms, member m
        let join = [0, 11, 0, 2, 0, 0, 0, 1, 0xff, 0xff, 0, 1, b'g', 0, 0, 0, 0, 0, 0, 0, 1, 0, 1, b'm'];
        sessions.request(&mut session, &join);
        std::thread::sleep(Duration::from_millis(2));
        assert!(sessions.expired().is_empty());
        sessions.closed(&session);
        assert_eq!(sessions.expired().len(), 1);
    }
}
