//! What waits, and which threads work on it.

use super::worker::{self, Busy, Job};
use super::{Health, Settings};
use std::collections::VecDeque;
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// A question was not taken: too many wait.
#[derive(Debug)]
pub(super) struct Full;

/// The questions and the threads.
pub(super) struct Queue {
    settings: Settings,
    begun: Instant,
    state: Mutex<State>,
    came: Condvar,
    /// Evaluators that may still ask.
    askers: AtomicUsize,
}

struct State {
    jobs: VecDeque<Job>,
    /// What each thread does that is not lost.
    workers: Vec<Arc<Busy>>,
    idle: usize,
    /// Threads that are lost now; each takes itself out if it ever comes back.
    lost: usize,
    lost_ever: u64,
    closed: bool,
}

impl fmt::Debug for Queue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queue").field("health", &self.health()).finish()
    }
}

impl Queue {
    pub(super) fn start(settings: Settings) -> std::io::Result<Arc<Self>> {
        let state = State { jobs: VecDeque::new(), workers: Vec::new(), idle: 0, lost: 0, lost_ever: 0, closed: false };
        let queue =
            Arc::new(Self { settings, begun: Instant::now(), state: Mutex::new(state), came: Condvar::new(), askers: AtomicUsize::new(1) });
        for _ in 0..settings.threads.get() {
            if let Err(error) = queue.spawn(&mut queue.state()) {
                queue.close();
                return Err(error);
            }
        }
        Ok(queue)
    }

    /// How long an asker waits.
    pub(super) fn patience(&self) -> Duration {
        self.settings.limit.saturating_mul(2)
    }

    pub(super) const fn limit(&self) -> Duration {
        self.settings.limit
    }

    /// Microseconds since the pool was started, never 0.
    pub(super) fn now(&self) -> u64 {
        u64::try_from(self.begun.elapsed().as_micros()).unwrap_or(u64::MAX - 1).max(1)
    }

    pub(super) fn put(self: &Arc<Self>, job: Job) -> Result<(), Full> {
        let mut state = self.state();
        if state.idle == 0 {
            // Nobody is free: perhaps because somebody will never be. Askers that went away have told nobody.
            self.reap_in(&mut state);
        }
        if state.jobs.len() >= self.settings.waiting_max || state.workers.is_empty() {
            return Err(Full);
        }
        state.jobs.push_back(job);
        let wake = state.idle > 0;
        drop(state);
        if wake {
            self.came.notify_one();
        }
        Ok(())
    }

    /// The next question; `None` once the pool is closed.
    pub(super) fn take(&self) -> Option<Job> {
        let mut state = self.state();
        loop {
            if let Some(job) = state.jobs.pop_front() {
                return Some(job);
            }
            if state.closed {
                return None;
            }
            state.idle += 1;
            state = self.came.wait(state).unwrap_or_else(PoisonError::into_inner);
            state.idle -= 1;
        }
    }

    /// Takes threads out that are over their time and starts others in their place.
    pub(super) fn reap(self: &Arc<Self>) {
        self.reap_in(&mut self.state());
    }

    fn reap_in(self: &Arc<Self>, state: &mut State) {
        // Less than an asker's patience, which began before the thread did: whoever waited in vain finds the thread over its time.
        let allowed = self.settings.limit.saturating_mul(3) / 2;
        let oldest = self.now().saturating_sub(u64::try_from(allowed.as_micros()).unwrap_or(u64::MAX));
        let before = state.workers.len();
        state.workers.retain(|busy| !busy.lose_if_older(oldest));
        let newly = before - state.workers.len();
        state.lost += newly;
        state.lost_ever = state.lost_ever.saturating_add(newly as u64);
        while state.workers.len() < self.settings.threads.get() && state.lost <= self.settings.lost_max {
            // Without a thread the pool is smaller until the next try; with none left, `put` says so.
            if self.spawn(state).is_err() {
                break;
            }
        }
    }

    /// A lost thread came back.
    pub(super) fn found(self: &Arc<Self>) {
        let mut state = self.state();
        state.lost = state.lost.saturating_sub(1);
        self.reap_in(&mut state);
    }

    fn spawn(self: &Arc<Self>, state: &mut State) -> std::io::Result<()> {
        if state.closed {
            return Ok(());
        }
        let busy = Arc::new(Busy::default());
        worker::spawn(Arc::clone(self), Arc::clone(&busy), self.settings.stack_bytes)?;
        state.workers.push(busy);
        Ok(())
    }

    pub(super) fn health(&self) -> Health {
        let state = self.state();
        let ready = state.lost <= self.settings.lost_max && !state.workers.is_empty();
        Health { ready, lost: state.lost, lost_ever: state.lost_ever, waiting: state.jobs.len() }
    }

    pub(super) fn another_asker(&self) {
        self.askers.fetch_add(1, Ordering::Relaxed);
    }

    /// One asker less; without any, the threads end.
    pub(super) fn asker_gone(&self) {
        if self.askers.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.close();
        }
    }

    fn close(&self) {
        self.state().closed = true;
        self.came.notify_all();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing panics while the lock is held; if it did, the counts are still counts.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
