//! The connections of one upstream: used again while they are young, open and clean; never more than calls are allowed.

use super::Failure;
use super::connect::{Connector, Sender};
use crate::settings::{UpstreamLimits, millis};
use crate::tally::Limit;
use bytes::Bytes;
use http::header::{self, HeaderValue};
use http::uri::{Authority, Scheme, Uri};
use http::{Request, Response, Version};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::TrySendError;
use hyper::client::conn::http1::SendRequest;
use std::collections::VecDeque;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

pub(super) struct Pool {
    connector: Connector,
    places: Arc<Semaphore>,
    /// Oldest use first. HTTP/2: at most one, which stays while it is in use.
    kept: Mutex<VecDeque<Kept>>,
    /// Grows when certificates or roots change.
    generation: AtomicU64,
    idle_max: Duration,
    age_max: Duration,
}

struct Kept {
    sender: Sender,
    born: Birth,
    since: Instant,
}

#[derive(Debug, Clone, Copy)]
struct Birth {
    at: Instant,
    generation: u64,
}

/// A connection for one call, and the call's place.
pub(super) struct Lease {
    sender: Sender,
    born: Birth,
    pool: Arc<Pool>,
    _place: OwnedSemaphorePermit,
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pool({:?})", self.connector)
    }
}

impl Pool {
    pub(super) fn new(connector: Connector, limits: &UpstreamLimits) -> Self {
        Self {
            connector,
            places: Arc::new(Semaphore::new(limits.calls_max.min(Semaphore::MAX_PERMITS))),
            kept: Mutex::default(),
            generation: AtomicU64::new(0),
            idle_max: millis(limits.idle_timeout_ms),
            age_max: millis(limits.connection_age_max_ms),
        }
    }

    pub(super) fn is_full(&self) -> bool {
        self.places.available_permits() == 0
    }

    pub(super) fn renew(&self) {
        self.generation.fetch_add(1, Ordering::AcqRel);
        self.kept().clear();
    }

    /// Waits for a place, then takes a kept connection, or a new one where none is kept or `fresh` is asked for.
    pub(super) async fn lease(self: &Arc<Self>, fresh: bool) -> Result<Lease, Failure> {
        let place = Arc::clone(&self.places).acquire_owned().await.map_err(|_| Failure::Busy(Limit::UpstreamCalls))?;
        let kept = if fresh { None } else { self.take() };
        let (sender, born) = match kept {
            Some(kept) => kept,
            None => {
                let born = Birth { at: Instant::now(), generation: self.generation.load(Ordering::Acquire) };
                let sender = self.connector.connect().await?;
                self.share(&sender, born);
                (sender, born)
            }
        };
        Ok(Lease { sender, born, pool: Arc::clone(self), _place: place })
    }

    fn take(&self) -> Option<(Sender, Birth)> {
        let now = Instant::now();
        let mut kept = self.kept();
        while let Some(last) = kept.pop_back() {
            if !self.usable(&last, now) {
                continue;
            }
            if let Sender::Http2(sender, scheme) = &last.sender {
                let taken = Sender::Http2(sender.clone(), scheme.clone());
                let born = last.born;
                kept.push_back(Kept { since: now, ..last });
                return Some((taken, born));
            }
            return Some((last.sender, last.born));
        }
        None
    }

    fn usable(&self, kept: &Kept, now: Instant) -> bool {
        let open = match &kept.sender {
            Sender::Http1(sender) => sender.is_ready(),
            Sender::Http2(sender, _) => sender.is_ready(),
        };
        open && self.young(kept.born, now) && now.saturating_duration_since(kept.since) < self.idle_max
    }

    fn young(&self, born: Birth, now: Instant) -> bool {
        born.generation == self.generation.load(Ordering::Acquire) && now.saturating_duration_since(born.at) < self.age_max
    }

    /// A new HTTP/2 connection serves other calls from its start. The one before it ends with its last call.
    fn share(&self, sender: &Sender, born: Birth) {
        if let Sender::Http2(shared, scheme) = sender {
            let mut kept = self.kept();
            kept.clear();
            kept.push_back(Kept { sender: Sender::Http2(shared.clone(), scheme.clone()), born, since: Instant::now() });
        }
    }

    fn put(&self, sender: SendRequest<Full<Bytes>>, born: Birth) {
        let now = Instant::now();
        if sender.is_closed() || !self.young(born, now) {
            return;
        }
        let mut kept = self.kept();
        while kept.front().is_some_and(|oldest| now.saturating_duration_since(oldest.since) >= self.idle_max) {
            kept.pop_front();
        }
        kept.push_back(Kept { sender: Sender::Http1(sender), born, since: now });
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, VecDeque<Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lease {
    /// Gives the request the form of this connection's HTTP: version 2 wants scheme and authority in the target, version 1.1 the
    /// `host` header.
    pub(super) fn address(&self, request: &mut Request<Full<Bytes>>) {
        match &self.sender {
            Sender::Http1(_) => address_h1(request),
            Sender::Http2(_, scheme) => address_h2(request, scheme),
        }
    }

    pub(super) async fn send(&mut self, request: Request<Full<Bytes>>) -> Result<Response<Incoming>, TrySendError<Request<Full<Bytes>>>> {
        match &mut self.sender {
            Sender::Http1(sender) => sender.try_send_request(request).await,
            Sender::Http2(sender, _) => sender.try_send_request(request).await,
        }
    }

    /// The call is over and its answer read to the end: the connection may be used again. Dropped instead, an HTTP/1.1 connection closes.
    pub(super) fn give_back(self) {
        if let Sender::Http1(sender) = self.sender {
            self.pool.put(sender, self.born);
        }
    }
}

fn address_h2(request: &mut Request<Full<Bytes>>, scheme: &Scheme) {
    let Some(authority) = request.headers().get(header::HOST).and_then(|host| Authority::try_from(host.as_bytes()).ok()) else { return };
    request.headers_mut().remove(header::HOST);
    *request.version_mut() = Version::HTTP_2;
    let mut parts = std::mem::take(request.uri_mut()).into_parts();
    (parts.scheme, parts.authority) = (Some(scheme.clone()), Some(authority));
    // Three valid parts make a target.
    *request.uri_mut() = Uri::from_parts(parts).unwrap_or_default();
}

/// Undoes `address_h2`, for a request that a connection gave back.
fn address_h1(request: &mut Request<Full<Bytes>>) {
    if request.uri().authority().is_none() {
        return;
    }
    let mut parts = std::mem::take(request.uri_mut()).into_parts();
    let Some(host) = parts.authority.take().and_then(|authority| HeaderValue::from_str(authority.as_str()).ok()) else { return };
    parts.scheme = None;
    request.headers_mut().insert(header::HOST, host);
    *request.version_mut() = Version::HTTP_11;
    *request.uri_mut() = Uri::from_parts(parts).unwrap_or_default();
}
