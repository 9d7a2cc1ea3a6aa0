//! Serving: connections and calls within their limits, each request handed to one handler, and drain.

mod admission;
mod connection;

use crate::inbound::Inbound;
use crate::listener::Bound;
use crate::peer::Peer;
use crate::reply::ReplyBody;
use crate::settings::Limits;
use crate::tally::{Limit, Tally};
use admission::Admission;
use connection::Server;
use http::Response;
use protocol::Head;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::task::TaskTracker;

/// Pause after an accept that failed, most often for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// One request, as it came in.
#[derive(Debug)]
pub struct Accepted {
    /// Its head, as it came.
    pub head: Head,
    /// Its body, not read yet; an unsound head shows there.
    pub body: Inbound,
    /// Who sent it, as far as the connection shows.
    pub peer: Arc<Peer>,
    /// The name of the listener that it came in by.
    pub listener: Arc<str>,
    /// Whether there is room for it.
    pub load: Load,
    /// When its answer, unless that is a stream, must have ended.
    pub deadline: Instant,
}

impl Accepted {
    /// The host that it asks for: the target's authority (HTTP/2), else the `host` header. `protocol` refuses two that differ.
    #[must_use]
    pub fn host(&self) -> Option<&str> {
        let named = || self.head.headers.get(http::header::HOST).and_then(|host| host.to_str().ok());
        self.head.uri.authority().map(http::uri::Authority::as_str).or_else(named)
    }
}

/// Whether there is room for a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Load {
    /// There is.
    Within,
    /// There is not, by this limit: answer so and do no work for it.
    Over(Limit),
}

/// What answers requests.
pub trait Handler: Send + Sync + 'static {
    /// Answers one request. Dropped before it is done, or the reply's body before its end: the client is gone, or was cut off by a drain.
    fn call(&self, accepted: Accepted) -> impl Future<Output = Response<ReplyBody>> + Send;

    /// Told of a connection whose bytes are no HTTP; it has been answered with a bare 400 or 431, and closed.
    fn unreadable(&self, _peer: &Peer, _listener: &str, _why: &str) {}
}

/// Ends `serve` from outside. Clones are the same one.
#[derive(Debug, Clone)]
pub struct Stop(Arc<watch::Sender<Phase>>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    Serving,
    Draining,
    Cut,
}

impl Default for Stop {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(Phase::Serving)))
    }
}

impl Stop {
    /// No new connections; idle ones are closed, calls in flight go on for the grace period.
    pub fn drain(&self) {
        self.0.send_if_modified(|phase| {
            let serving = *phase == Phase::Serving;
            if serving {
                *phase = Phase::Draining;
            }
            serving
        });
    }

    async fn draining(&self) {
        // The sender lives in `self`, so this ends by the value alone.
        let _ = self.0.subscribe().wait_for(|phase| *phase != Phase::Serving).await;
    }
}

/// How a drain ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Drained {
    /// Calls that the grace period did not suffice for.
    pub cut: usize,
}

/// Serves until `stop`, then drains for at most `grace`.
pub async fn serve<H: Handler>(
    listeners: Vec<Bound>,
    limits: Limits,
    handler: Arc<H>,
    tally: Arc<Tally>,
    stop: Stop,
    grace: Duration,
) -> Drained {
    let connections = TaskTracker::new();
    let server = Arc::new(Server::new(limits, handler, Arc::clone(&tally), stop.clone()));
    let admission = Arc::new(Admission::new(server.limits().clone(), Arc::clone(&tally)));
    let doors: Vec<_> = listeners
        .into_iter()
        .map(|bound| tokio::spawn(admit(bound, Arc::clone(&server), Arc::clone(&admission), connections.clone())))
        .collect();
    stop.draining().await;
    for door in doors {
        // A door ends with the drain; one that panicked has closed as well.
        let _ = door.await;
    }
    connections.close();
    if tokio::time::timeout(grace, connections.wait()).await.is_ok() {
        return Drained { cut: 0 };
    }
    let cut = tally.calls();
    stop.0.send_replace(Phase::Cut);
    connections.wait().await;
    Drained { cut }
}

async fn admit<H: Handler>(bound: Bound, server: Arc<Server<H>>, admission: Arc<Admission>, connections: TaskTracker) {
    let stop = server.stop().clone();
    loop {
        let accepted = tokio::select! {
            biased;
            () = stop.draining() => return,
            accepted = bound.accept() => accepted,
        };
        match accepted {
            Ok(knock) => {
                if let Some(ticket) = admission.ticket(knock.counted_as.clone()) {
                    connections.spawn(Arc::clone(&server).connection(knock, bound.shared_name(), ticket, stop.0.subscribe()));
                }
            }
            Err(error) => {
                tracing::warn!(listener = bound.name(), %error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

#[cfg(test)]
mod tests;
