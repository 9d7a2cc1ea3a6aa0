//! Equal shares: how many places of a bounded number one caller may have, so that nobody takes them all.

use crate::tally::{Limit, Tally};
use identity::SpiffeId;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// What tells one caller from another where they are counted.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum CountedAs {
    /// A workload, wherever and however often it connects.
    Workload(SpiffeId),
    /// A user of this machine, where the system said which.
    User(Option<u32>),
    /// Whoever calls from there.
    Address(IpAddr),
}

/// The shares of all callers in one thing. An entry is there for as long as its caller has a place or waits for one.
#[derive(Debug)]
pub struct Shares {
    each: usize,
    limit: Limit,
    tally: Arc<Tally>,
    open: Mutex<HashMap<CountedAs, Arc<Semaphore>>>,
}

/// Places of a caller's share; dropped, they are free.
#[derive(Debug)]
pub struct Seat {
    of: Arc<Shares>,
    whose: CountedAs,
    /// There until it is dropped.
    share: Option<Arc<Semaphore>>,
    place: Option<OwnedSemaphorePermit>,
}

impl Shares {
    /// Shares of `each` places, named in the configuration as `limit` is.
    #[must_use]
    pub fn new(each: usize, limit: Limit, tally: Arc<Tally>) -> Arc<Self> {
        Arc::new(Self { each: each.min(Semaphore::MAX_PERMITS), limit, tally, open: Mutex::default() })
    }

    /// A place for `whose`, at once.
    ///
    /// # Errors
    /// It has all of its places; the limit is counted.
    pub fn take(self: &Arc<Self>, whose: CountedAs) -> Result<Seat, Limit> {
        let mut seat = self.join(whose);
        seat.place = seat.share.clone().and_then(|share| share.try_acquire_owned().ok());
        if seat.place.is_some() { Ok(seat) } else { Err(self.met()) }
    }

    /// A place for `whose`, waited for.
    pub(crate) async fn wait(self: &Arc<Self>, whose: CountedAs) -> Seat {
        let mut seat = self.join(whose);
        if let Some(share) = seat.share.clone() {
            seat.place = share.acquire_owned().await.ok();
        }
        seat
    }

    /// Counts the limit as met.
    pub(crate) fn met(&self) -> Limit {
        self.tally.count(self.limit);
        self.limit
    }

    /// Nothing yet of what `whose` may have.
    pub(crate) fn join(self: &Arc<Self>, whose: CountedAs) -> Seat {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let share = Arc::clone(open.entry(whose.clone()).or_insert_with(|| Arc::new(Semaphore::new(self.each))));
        Seat { of: Arc::clone(self), whose, share: Some(share), place: None }
    }
}

impl Seat {
    /// So many places more, at once.
    ///
    /// # Errors
    /// Its caller has all of its places; the limit is counted.
    pub(crate) fn more(&mut self, places: u32) -> Result<(), Limit> {
        let more = self.share.clone().and_then(|share| share.try_acquire_many_owned(places).ok()).ok_or_else(|| self.of.met())?;
        match &mut self.place {
            Some(place) => place.merge(more),
            none => *none = Some(more),
        }
        Ok(())
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut open = self.of.open.lock().unwrap_or_else(PoisonError::into_inner);
        // Under the lock: of two that go at once the second sees that it is the last.
        (self.place, self.share) = (None, None);
        // The map's alone: nobody else has a place or waits, and nobody can join meanwhile.
        if open.get(&self.whose).is_some_and(|share| Arc::strong_count(share) == 1) {
            open.remove(&self.whose);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{CountedAs, Shares};
    use crate::{Limit, Tally};
    use std::sync::Arc;

    #[tokio::test]
    async fn each_caller_has_its_own_places() {
        let tally = Arc::new(Tally::default());
        let shares = Shares::new(2, Limit::CallsPerCaller, Arc::clone(&tally));
        let user = |uid| CountedAs::User(Some(uid));
        let held = [shares.take(user(1)).unwrap(), shares.take(user(1)).unwrap(), shares.take(user(2)).unwrap()];
        assert_eq!((shares.take(user(1)).unwrap_err(), tally.met(Limit::CallsPerCaller)), (Limit::CallsPerCaller, 1));
        {
            let mut waiting = std::pin::pin!(shares.wait(user(1)));
            assert!(is_pending(waiting.as_mut()).await, "its places are taken");
            {
                let mut given_up = std::pin::pin!(shares.wait(user(1)));
                assert!(is_pending(given_up.as_mut()).await, "and one waits already");
            }
            drop(held);
            drop(waiting.await);
        }
        assert!(shares.open.lock().unwrap().is_empty(), "what nobody uses is forgotten");
    }

    #[test]
    fn seats_that_are_given_back_at_once_are_all_forgotten() {
        let shares = Shares::new(8, Limit::CallsPerCaller, Arc::new(Tally::default()));
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..5_000).for_each(|_| drop(shares.take(CountedAs::User(None)).unwrap())));
            }
        });
        assert!(shares.open.lock().unwrap().is_empty());
    }

    async fn is_pending<F: Future>(mut future: std::pin::Pin<&mut F>) -> bool {
        std::future::poll_fn(|cx| std::task::Poll::Ready(future.as_mut().poll(cx).is_pending())).await
    }
}
