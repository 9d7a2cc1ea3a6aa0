//! Room for bodies: how many bytes of them may be in memory at once, in all and of one caller. Knows no frame and no request.

use crate::settings::Limits;
use crate::shares::{CountedAs, Seat, Shares};
use crate::tally::{Limit, Tally};
use bytes::Bytes;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// What the bodies of all requests share.
#[derive(Debug)]
pub(crate) struct Bodies {
    /// Of one body.
    pub(crate) body_bytes_max: usize,
    pub(crate) tally: Arc<Tally>,
    all: Arc<Semaphore>,
    shares: Arc<Shares>,
}

/// The room that one body takes; dropped, it is free.
#[derive(Debug)]
pub(crate) struct Room {
    bodies: Arc<Bodies>,
    bytes: usize,
    of_all: Option<OwnedSemaphorePermit>,
    of_share: Seat,
}

impl Bodies {
    /// One caller has half of it, or as much as one body may have where that is more.
    pub(crate) fn new(limits: &Limits, tally: Arc<Tally>) -> Self {
        let Limits { body_bytes_max, bodies_bytes_max, .. } = *limits;
        let share = (bodies_bytes_max / 2).max(body_bytes_max);
        let all = Arc::new(Semaphore::new(bodies_bytes_max.min(Semaphore::MAX_PERMITS)));
        Self { body_bytes_max, all, shares: Shares::new(share, Limit::BodiesBytes, Arc::clone(&tally)), tally }
    }

    /// Room for a body of `whose`, none of it taken yet.
    pub(crate) fn room(self: &Arc<Self>, whose: CountedAs) -> Room {
        Room { bodies: Arc::clone(self), bytes: 0, of_all: None, of_share: self.shares.join(whose) }
    }
}

impl Room {
    /// Takes as much more as makes it `bytes`.
    ///
    /// # Errors
    /// There is not so much; the limit is counted.
    pub(crate) fn grow(&mut self, bytes: usize) -> Result<(), Limit> {
        let full = |_| self.bodies.shares.met();
        let more = u32::try_from(bytes.saturating_sub(self.bytes)).map_err(|_| self.bodies.shares.met())?;
        self.of_share.more(more)?;
        let more = Arc::clone(&self.bodies.all).try_acquire_many_owned(more).map_err(full)?;
        match &mut self.of_all {
            Some(place) => place.merge(more),
            none => *none = Some(more),
        }
        self.bytes = self.bytes.max(bytes);
        Ok(())
    }

    /// The body, which has its room until the last of it is dropped: it was refused, or it was sent.
    pub(crate) fn keep(self, body: Bytes) -> Bytes {
        if body.is_empty() { body } else { Bytes::from_owner(Held { body, _room: self }) }
    }
}

struct Held {
    body: Bytes,
    _room: Room,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.body
    }
}
