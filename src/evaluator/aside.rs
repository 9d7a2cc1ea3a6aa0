//! Work that may never end, on a thread that may be thrown away: parsing and checking a policy, running its tests.

use policy::{Problem, Settings, Snapshot, Source};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;
use tokio::sync::Semaphore;

/// Stack of a throw-away thread, in bytes; reserved, and touched as needed.
const STACK_BYTES: usize = 64 << 20;
/// Loads at once: those that do not end are not joined by ever more that do not.
const LOADS_MAX: usize = 4;

/// Why a bundle was not loaded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LoadError {
    /// Everything that is wrong with it.
    #[error("the policy has {} problem(s), the first: {}", .0.len(), .0.first().map_or_else(String::new, ToString::to_string))]
    Problems(Vec<Problem>),
    /// Loading took longer than allowed; its thread was abandoned.
    #[error("the policy did not load within {} ms: make its literals less deep or its files smaller", .0.as_millis())]
    Timeout(Duration),
    /// The engine panicked while loading, or no thread could be started.
    #[error("the policy did not load: {0}")]
    Broken(&'static str),
}

/// Loads a bundle off the data path, with a deadline on the wall clock.
///
/// # Errors
/// See `LoadError`.
pub async fn load(source: Source, settings: Settings, deadline: Duration) -> Result<Snapshot, LoadError> {
    static ROOM: Semaphore = Semaphore::const_new(LOADS_MAX);
    let loaded = async {
        let room = ROOM.acquire().await;
        let (send, receive) = tokio::sync::oneshot::channel();
        spawn(move || {
            let _room = room;
            // Nobody may be listening any more.
            let _ = send.send(Snapshot::load(&source, &settings));
        })?;
        receive.await.map_err(|_| LoadError::Broken("the engine failed"))?.map_err(LoadError::Problems)
    };
    tokio::time::timeout(deadline, loaded).await.unwrap_or(Err(LoadError::Timeout(deadline)))
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
