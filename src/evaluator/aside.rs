//! Work that may never end, on a thread that may be thrown away: parsing and checking a policy, running its tests.

use policy::{Problem, Settings, Snapshot, Source};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;
use tokio::sync::{Semaphore, oneshot};

/// Stack of a throw-away thread, in bytes; reserved, and touched as needed.
const STACK_BYTES: usize = 64 << 20;
/// Loads at once: those that do not end are not joined by ever more.
const LOADS_MAX: usize = 4;

/// Why a bundle was not loaded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LoadError {
    /// Everything that is wrong with it.
    #[error("the policy has {} problem(s), the first: {}", .0.len(), .0.first().map_or_else(String::new, ToString::to_string))]
    Problems(Vec<Problem>),
    /// Loading took longer than allowed, and goes on.
    #[error("the policy did not load within {} ms: make its literals less deep or its files smaller", .0.as_millis())]
    Timeout(Duration),
    /// The engine panicked while loading, or no thread could be started.
    #[error("the policy did not load: {0}")]
    Broken(&'static str),
}

/// A bundle that is being parsed and checked off the data path. Dropped, its thread is abandoned.
#[derive(Debug)]
pub struct Loading {
    loaded: oneshot::Receiver<Result<Vec<Snapshot>, Vec<Problem>>>,
}

impl Loading {
    /// Begins, once for each of `settings`.
    ///
    /// # Errors
    /// `Broken` if no thread could be started, or too many have not ended.
    pub fn begin(source: Source, settings: Vec<Settings>) -> Result<Self, LoadError> {
        static ROOM: Semaphore = Semaphore::const_new(LOADS_MAX);
        let room = ROOM.try_acquire().map_err(|_| LoadError::Broken("too many earlier loads have not ended: restart toolgate"))?;
        let (send, loaded) = oneshot::channel();
        spawn(move || {
            let _room = room;
            // Nobody may be listening any more.
            let _ = send.send(settings.iter().map(|settings| Snapshot::load(&source, settings)).collect());
        })?;
        Ok(Self { loaded })
    }

    /// The bundle's snapshots, in the order of the settings; what took longer than this may be asked for again.
    ///
    /// # Errors
    /// See `LoadError`.
    pub async fn within(&mut self, limit: Duration) -> Result<Vec<Snapshot>, LoadError> {
        let loaded = tokio::time::timeout(limit, &mut self.loaded).await.map_err(|_| LoadError::Timeout(limit))?;
        loaded.map_err(|_| LoadError::Broken("the engine failed"))?.map_err(LoadError::Problems)
    }
}

/// Runs `work` on a thread of its own with a large stack and waits for it, at most until the deadline; then the thread is abandoned. For commands that
/// have no runtime: `policy test`, `policy check`, `policy eval`.
///
/// # Errors
/// `Timeout`, or `Broken` if the work panicked.
pub fn on_large_stack<T: Send + 'static>(deadline: Duration, work: impl FnOnce() -> T + Send + 'static) -> Result<T, LoadError> {
    let (send, receive) = mpsc::sync_channel(1);
    spawn(move || {
        let _ = send.send(work());
    })?;
    receive.recv_timeout(deadline).map_err(|error| match error {
        mpsc::RecvTimeoutError::Timeout => LoadError::Timeout(deadline),
        mpsc::RecvTimeoutError::Disconnected => LoadError::Broken("the engine failed"),
    })
}

fn spawn(work: impl FnOnce() + Send + 'static) -> Result<(), LoadError> {
    let thread = thread::Builder::new().name("policy-aside".to_owned()).stack_size(STACK_BYTES);
    thread.spawn(work).map(drop).map_err(|_| LoadError::Broken("no thread could be started"))
}
