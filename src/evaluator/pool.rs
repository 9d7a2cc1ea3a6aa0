//! The pool: who waits, who works, who is lost.

mod queue;
mod worker;

use policy::{Decision, Input, Reason, Snapshot, Visibility, codes};
use queue::Queue;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::thread;
use std::time::Duration;
use tokio::sync::oneshot;
use worker::{Answer, Job, Question};

/// How much evaluating may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// Threads that evaluate.
    pub threads: NonZeroUsize,
    /// Stack of each, in bytes; reserved, and touched as needed. Below 32 MiB a recursive policy aborts the process before its time is up.
    pub stack_bytes: usize,
    /// Questions that wait; one more is answered with an overload error.
    pub waiting_max: usize,
    /// Time of one question's evaluation. Its asker waits at most twice this.
    pub limit: Duration,
    /// Threads that may be lost in a builtin that does not end before the pool is unhealthy and replaces no more.
    pub lost_max: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            threads: thread::available_parallelism().unwrap_or(NonZeroUsize::MIN),
            stack_bytes: 64 << 20,
            waiting_max: 1024,
            limit: Duration::from_millis(20),
            lost_max: 8,
        }
    }
}

/// Why no pool was started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The system gave no thread.
    #[error("no evaluator thread could be started: {0}")]
    Thread(#[from] std::io::Error),
}

/// How the pool is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Health {
    /// Fewer threads are lost than the settings allow.
    pub ready: bool,
    /// Threads that are lost now.
    pub lost: usize,
    /// Threads that were ever lost.
    pub lost_ever: u64,
    /// Questions that wait now.
    pub waiting: usize,
}

/// Threads that evaluate. Cheap to clone; the threads end when the last clone is dropped.
#[derive(Debug)]
pub struct Evaluator {
    queue: Arc<Queue>,
}

impl Clone for Evaluator {
    fn clone(&self) -> Self {
        self.queue.another_asker();
        Self { queue: Arc::clone(&self.queue) }
    }
}

impl Evaluator {
    /// Starts the threads.
    ///
    /// # Errors
    /// If the system gives no thread.
    pub fn start(settings: Settings) -> Result<Self, StartError> {
        Ok(Self { queue: Queue::start(settings)? })
    }

    /// The policy's answer on a call. Never waits longer than twice the limit, never panics: what goes wrong is an error decision. `None` is a policy that
    /// was never loaded.
    pub async fn decide(&self, snapshot: impl Into<Option<Arc<Snapshot>>>, input: Input) -> Decision {
        let Some(snapshot) = snapshot.into() else { return Decision::no_policy() };
        match self.ask(snapshot, Question::Decide(Box::new(input))).await {
            Ok(Answer::Decision(decision)) => decision,
            Ok(Answer::Visible(_)) => Decision::error(codes::PANIC, "the evaluator answered another question"),
            Err(reason) => Decision::error(reason.0, reason.1),
        }
    }

    /// Whether a list shows the tools that these inputs name, in their order; all of them share one limit.
    pub async fn visible(&self, snapshot: impl Into<Option<Arc<Snapshot>>>, inputs: Vec<Input>) -> Vec<Visibility> {
        let count = inputs.len();
        let failed =
            |(code, message): (&str, &str)| vec![Visibility::Error(Reason { code: code.to_owned(), message: message.to_owned() }); count];
        let Some(snapshot) = snapshot.into() else { return failed((codes::NONE, "no policy is loaded")) };
        match self.ask(snapshot, Question::Visible(inputs)).await {
            Ok(Answer::Visible(answers)) => answers,
            Ok(Answer::Decision(_)) => failed((codes::PANIC, "the evaluator answered another question")),
            Err(reason) => failed(reason),
        }
    }

    /// How the pool is.
    #[must_use]
    pub fn health(&self) -> Health {
        self.queue.health()
    }

    async fn ask(&self, snapshot: Arc<Snapshot>, question: Question) -> Result<Answer, (&'static str, &'static str)> {
        let (reply, answer) = oneshot::channel();
        let overloaded = (codes::OVERLOADED, "too many calls wait to be evaluated");
        self.queue.put(Job { snapshot, question, reply }).map_err(|_| overloaded)?;
        match tokio::time::timeout(self.queue.patience(), answer).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(_)) => Err((codes::PANIC, "the engine failed")),
            Err(_) => {
                self.queue.reap();
                Err((codes::TIMEOUT, "the evaluation did not end in time"))
            }
        }
    }
}

impl Drop for Evaluator {
    fn drop(&mut self) {
        // The threads hold the queue too, so the count of its owners does not tell.
        self.queue.asker_gone();
    }
}

#[cfg(test)]
mod tests;
