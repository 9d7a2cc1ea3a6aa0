//! One thread: takes a question, answers it, takes the next. If it was given up meanwhile, it ends.

use super::queue::Queue;
use policy::{Decision, Input, Snapshot, Visibility};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// What is asked.
pub(super) enum Question {
    /// One call.
    Decide(Box<Input>),
    /// The tools of a list.
    Visible(Vec<Input>),
}

/// What is answered.
pub(super) enum Answer {
    /// To `Decide`.
    Decision(Decision),
    /// To `Visible`.
    Visible(Vec<Visibility>),
}

/// A question, whom it is asked of and who waits.
pub(super) struct Job {
    pub(super) snapshot: Arc<Snapshot>,
    pub(super) question: Question,
    pub(super) reply: oneshot::Sender<Answer>,
}

/// Since when a thread works on its question, in microseconds of the pool's life: `IDLE`, a time, or `LOST`.
#[derive(Debug, Default)]
pub(super) struct Busy(AtomicU64);

const IDLE: u64 = 0;
const LOST: u64 = u64::MAX;

impl Busy {
    /// Gives the thread up if its question is older; true if it was.
    pub(super) fn lose_if_older(&self, oldest: u64) -> bool {
        let since = self.0.load(Ordering::Acquire);
        // A thread that ends its question at this very moment keeps its place: the exchange fails.
        since != IDLE && since < oldest && self.0.compare_exchange(since, LOST, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }

    fn begin(&self, now: u64) {
        self.0.store(now, Ordering::Release);
    }

    /// False if the thread was given up meanwhile.
    fn end(&self) -> bool {
        self.0.swap(IDLE, Ordering::AcqRel) != LOST
    }
}

pub(super) fn spawn(queue: Arc<Queue>, busy: Arc<Busy>, stack_bytes: usize) -> std::io::Result<()> {
    let thread = thread::Builder::new().name("policy".to_owned()).stack_size(stack_bytes);
    thread.spawn(move || work(&queue, &busy)).map(drop)
}

fn work(queue: &Arc<Queue>, busy: &Busy) {
    while let Some(Job { snapshot, question, reply }) = queue.take() {
        if reply.is_closed() {
            // The asker went away while the question waited.
            continue;
        }
        busy.begin(queue.now());
        // The engine's panics are caught where it is called; this catches ours, so that no thread is silently fewer.
        let answer = catch_unwind(AssertUnwindSafe(|| answer(&snapshot, question, queue.limit())));
        if let Ok(answer) = answer {
            // The asker may have gone: then nobody is answered.
            let _ = reply.send(answer);
        }
        if !busy.end() {
            queue.found();
            return;
        }
    }
}

fn answer(snapshot: &Snapshot, question: Question, limit: Duration) -> Answer {
    let begun = Instant::now();
    let left = || limit.saturating_sub(begun.elapsed());
    match question {
        Question::Decide(input) => Answer::Decision(snapshot.evaluate(&input.asked(), &left)),
        Question::Visible(inputs) => Answer::Visible(inputs.into_iter().map(|input| snapshot.visible(&input.asked(), &left)).collect()),
    }
}
