//! Effective now: the wall clock, but never before the newest record.

use canon::Micros;
use std::sync::atomic::{AtomicI64, Ordering};

/// Whether the wall clock can be believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clock {
    /// It is not behind the newest record by more than `clock_skew_ms`.
    Steady,
    /// It is behind by this many milliseconds: calls go on, permissions are not honoured.
    Behind(u64),
}

/// The one reading of the clock that a call uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Now {
    /// max(wall clock, newest record).
    pub at: Micros,
    /// Whether the wall clock is far behind.
    pub clock: Clock,
}

/// The wall clock and the newest time that was recorded.
#[derive(Debug)]
pub(crate) struct Time {
    wall: fn() -> Micros,
    newest: AtomicI64,
    skew_ms: u64,
}

impl Time {
    pub(crate) fn new(wall: fn() -> Micros, newest: Micros, skew_ms: u64) -> Self {
        Self { wall, newest: AtomicI64::new(newest.0), skew_ms }
    }

    pub(crate) fn now(&self) -> Now {
        let (wall, newest) = ((self.wall)().0, self.newest.load(Ordering::Acquire));
        let behind_ms = u64::try_from(newest.saturating_sub(wall) / 1000).unwrap_or(0);
        let clock = if behind_ms > self.skew_ms { Clock::Behind(behind_ms) } else { Clock::Steady };
        Now { at: Micros(wall.max(newest)), clock }
    }

    /// A record of this time is on the disk.
    pub(crate) fn recorded(&self, at: Micros) {
        self.newest.fetch_max(at.0, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::{Clock, Time};
    use canon::Micros;

    #[test]
    fn time_never_runs_back() {
        for (newest, at, clock) in [
            (0, 10_000_000, Clock::Steady),
            (11_000_000, 11_000_000, Clock::Steady),
            (12_000_999, 12_000_999, Clock::Steady),
            (12_001_000, 12_001_000, Clock::Behind(2001)),
        ] {
            let time = Time::new(|| Micros(10_000_000), Micros(newest), 2000);
            assert_eq!((time.now().at, time.now().clock), (Micros(at), clock));
        }
    }
}
