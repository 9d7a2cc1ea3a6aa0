//! Waiting for something that another process does, with an end. The one place in these tests that lets time pass.

use std::time::{Duration, Instant};

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(5);

/// Looks until `look` finds something. Fails with `what` when `limit` is over.
pub(crate) fn until<T>(what: &str, limit: Duration, mut look: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + limit;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < end, "waited {limit:?} in vain for {what}");
        std::thread::sleep(PAUSE);
    }
}

/// What is done at a steady pace, as an attacker does it; no test waits for anything by it.
pub(crate) struct Pace {
    every: Duration,
    due: Instant,
}

impl Pace {
    /// The first time is now.
    pub(crate) fn new(every: Duration) -> Pace {
        Pace { every, due: Instant::now() }
    }

    /// Returns when it is time again. What came too late is not made up for.
    pub(crate) fn await_next(&mut self) {
        let now = Instant::now();
        std::thread::sleep(self.due.saturating_duration_since(now));
        self.due = self.due.max(now) + self.every;
    }
}
