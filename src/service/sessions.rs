//! Who opened which session of MCP, since the start: whoever has the id of a session has the session, so it is its owner's alone.
//!
//! Knows digests of ids and of owners, never an id.

use canon::Digest;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// Sessions that are remembered: some 8 MB. Beyond them the one that was unused for longest is forgotten.
const SESSIONS_MAX: usize = 65_536;
/// Sessions of one owner among them: nobody makes others' be forgotten before it has forgotten so many of its own.
const SESSIONS_OF_ONE_MAX: usize = 4_096;

/// By the digest of upstream and id.
#[derive(Default)]
pub(crate) struct Sessions(Mutex<Known>);

#[derive(Default)]
struct Known {
    sessions: HashMap<Digest, Session>,
    /// Grows with each use.
    uses: u64,
}

struct Session {
    owner: Digest,
    used: u64,
}

/// Whose a session is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Holder {
    /// Nobody was seen to open it: it is older than this process, or forgotten.
    Unknown,
    /// Who asks opened it.
    Own,
    /// Somebody else did.
    Another,
}

impl Sessions {
    /// Whose `session` is, for `owner`, who uses it.
    pub(crate) fn holder(&self, session: Digest, owner: Digest) -> Holder {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.uses += 1;
        let now = known.uses;
        match known.sessions.get_mut(&session) {
            None => Holder::Unknown,
            Some(session) if session.owner == owner => {
                session.used = now;
                Holder::Own
            }
            Some(_) => Holder::Another,
        }
    }

    /// The upstream gave this session to `owner`. One that gives the same to several gives it to the last.
    pub(crate) fn opened(&self, session: Digest, owner: Digest) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.uses += 1;
        known.sessions.remove(&session);
        let own = known.sessions.values().filter(|session| session.owner == owner).count();
        if own >= SESSIONS_OF_ONE_MAX {
            known.forget_oldest(|session| session.owner == owner);
        } else if known.sessions.len() >= SESSIONS_MAX {
            known.forget_oldest(|_| true);
        }
        let used = known.uses;
        known.sessions.insert(session, Session { owner, used });
    }
}

impl Known {
    fn forget_oldest(&mut self, among: impl Fn(&Session) -> bool) {
        let oldest = self.sessions.iter().filter(|(_, session)| among(session)).min_by_key(|(_, session)| session.used);
        if let Some(id) = oldest.map(|(id, _)| *id) {
            self.sessions.remove(&id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Holder, SESSIONS_MAX, SESSIONS_OF_ONE_MAX, Sessions};
    use canon::Digest;

    fn session(owner: usize, number: usize) -> Digest {
        Digest::of(&[&owner.to_le_bytes(), &number.to_le_bytes()])
    }

    fn owner(number: usize) -> Digest {
        Digest::of(&[&number.to_le_bytes()])
    }

    #[test]
    fn a_session_is_its_owners() {
        let sessions = Sessions::default();
        assert_eq!(sessions.holder(session(1, 1), owner(1)), Holder::Unknown);
        sessions.opened(session(1, 1), owner(1));
        let held = |by| sessions.holder(session(1, 1), owner(by));
        assert_eq!([held(1), held(2), held(1)], [Holder::Own, Holder::Another, Holder::Own]);
        sessions.opened(session(1, 1), owner(2));
        assert_eq!([held(1), held(2)], [Holder::Another, Holder::Own], "the upstream gave it anew");
    }

    #[test]
    fn the_oldest_is_forgotten_and_ones_own_first() {
        let sessions = Sessions::default();
        let known = |of, number| sessions.holder(session(of, number), owner(of)) == Holder::Own;
        sessions.opened(session(1, 0), owner(1));
        for number in 0..SESSIONS_OF_ONE_MAX {
            sessions.opened(session(0, number), owner(0));
        }
        assert!(known(0, 0));
        sessions.opened(session(0, SESSIONS_OF_ONE_MAX), owner(0));
        assert_eq!([known(0, 0), known(0, 1), known(1, 0)], [true, false, true], "used a moment ago, unused, another's");
        // Room for all; then one owner more.
        {
            let mut known = sessions.0.lock().unwrap();
            let room = SESSIONS_MAX - known.sessions.len();
            for number in 0..room {
                known.sessions.insert(session(2 + number, 0), super::Session { owner: owner(2 + number), used: u64::MAX });
            }
        }
        sessions.opened(session(usize::MAX, 0), owner(usize::MAX));
        assert_eq!([known(0, 2), known(0, 0), known(usize::MAX, 0)], [false, true, true], "the longest unused of all");
        assert_eq!(sessions.0.lock().unwrap().sessions.len(), SESSIONS_MAX);
    }
}
