//! How many connections are open, in all and by peer, and which of them are too many.

use super::Load;
use crate::settings::Limits;
use crate::shares::CountedAs;
use crate::tally::{Limit, Tally};
use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};

pub(super) struct Admission {
    limits: Limits,
    tally: Arc<Tally>,
    by_peer: Mutex<HashMap<CountedAs, usize>>,
}

/// The place of one connection; dropped, the place is free.
pub(crate) struct Ticket {
    admission: Arc<Admission>,
    counted_as: Option<CountedAs>,
    load: Load,
}

impl Admission {
    pub(super) fn new(limits: Limits, tally: Arc<Tally>) -> Self {
        Self { limits, tally, by_peer: Mutex::default() }
    }

    /// A place for one connection; none where even those that are only told so are too many.
    pub(super) fn ticket(self: &Arc<Self>, counted_as: Option<CountedAs>) -> Option<Ticket> {
        let open = self.tally.open_connections().fetch_add(1, Ordering::Relaxed);
        let mut ticket = Ticket { admission: Arc::clone(self), counted_as: None, load: Load::Within };
        ticket.within(open, self.limits.connections_max, Limit::Connections)?;
        match counted_as {
            Some(counted_as) => ticket.of(counted_as),
            None => Some(ticket),
        }
    }

    fn change(&self, counted_as: &CountedAs, by: impl FnOnce(usize) -> usize) -> usize {
        let mut by_peer = self.by_peer.lock().unwrap_or_else(PoisonError::into_inner);
        let count = by_peer.entry(counted_as.clone()).or_default();
        *count = by(*count);
        let now = *count;
        if now == 0 {
            by_peer.remove(counted_as);
        }
        now
    }
}

impl Ticket {
    /// The same, counted as a peer's. None where too many of that one are only told so.
    pub(super) fn of(mut self, counted_as: CountedAs) -> Option<Self> {
        if self.counted_as.is_none() {
            let before = self.admission.change(&counted_as, |count| count.saturating_add(1)).saturating_sub(1);
            self.counted_as = Some(counted_as);
            self.within(before, self.admission.limits.connections_per_peer_max, Limit::ConnectionsPerPeer)?;
        }
        Some(self)
    }

    fn within(&mut self, before: usize, max: usize, limit: Limit) -> Option<()> {
        let Admission { limits, tally, .. } = &*self.admission;
        if before < max {
            return Some(());
        }
        tally.count(limit);
        if before >= max.saturating_add(limits.connections_over_max) {
            tally.count(Limit::ConnectionsOver);
            return None;
        }
        if self.load == Load::Within {
            self.load = Load::Over(limit);
        }
        Some(())
    }

    /// It is one too many for another reason, found after it was let in.
    pub(super) fn over(&mut self, limit: Limit) {
        self.admission.tally.count(limit);
        self.load = Load::Over(limit);
    }

    pub(super) const fn load(&self) -> Load {
        self.load
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.admission.tally.open_connections().fetch_sub(1, Ordering::Relaxed);
        if let Some(counted_as) = &self.counted_as {
            self.admission.change(counted_as, |count| count.saturating_sub(1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Admission;
    use crate::shares::CountedAs;
    use crate::{Limit, Limits, Load, Tally};
    use std::sync::Arc;

    #[test]
    fn places_are_counted_in_all_and_by_peer() {
        let limits = Limits { connections_max: 3, connections_per_peer_max: 2, connections_over_max: 1, ..Limits::default() };
        let tally = Arc::new(Tally::default());
        let admission = Arc::new(Admission::new(limits, Arc::clone(&tally)));
        let mut held = Vec::new();
        for (uid, expected) in [
            (1, Some(Load::Within)),
            (1, Some(Load::Within)),
            (1, Some(Load::Over(Limit::ConnectionsPerPeer))),
            (2, Some(Load::Over(Limit::Connections))),
            (2, None),
        ] {
            let ticket = admission.ticket(Some(CountedAs::User(Some(uid))));
            assert_eq!(ticket.as_ref().map(super::Ticket::load), expected, "user {uid}");
            held.extend(ticket);
        }
        assert_eq!((tally.connections(), tally.met(Limit::ConnectionsOver)), (4, 1));
        held.clear();
        assert_eq!(tally.connections(), 0);
        assert!(admission.by_peer.lock().unwrap().is_empty());
    }

    #[test]
    fn who_is_known_once_the_connection_is_there_is_counted_then() {
        let limits = Limits { connections_per_peer_max: 1, connections_over_max: 1, ..Limits::default() };
        let admission = Arc::new(Admission::new(limits, Arc::default()));
        let mut held = Vec::new();
        for (uid, expected) in
            [(1, Some(Load::Within)), (1, Some(Load::Over(Limit::ConnectionsPerPeer))), (1, None), (2, Some(Load::Within))]
        {
            let ticket = admission.ticket(None).and_then(|ticket| ticket.of(CountedAs::User(Some(uid))));
            assert_eq!(ticket.as_ref().map(super::Ticket::load), expected, "user {uid}");
            held.extend(ticket.map(|ticket| ticket.of(CountedAs::User(Some(3)))));
        }
        assert_eq!(admission.by_peer.lock().unwrap().len(), 2, "counted once");
        held.clear();
        assert!(admission.by_peer.lock().unwrap().is_empty());
    }
}
