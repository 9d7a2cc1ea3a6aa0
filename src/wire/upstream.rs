//! One upstream: whom we reach, how, and one request sent once.
//!
//! INVARIANT: a request is never sent twice. A connection that turns out closed gives the request back untouched, and only then is
//! another one tried; once a byte may have left, the outcome is unknown and stays so. Redirects are answers like any other.

mod answer;
mod connect;
mod pool;

use crate::WireError;
use crate::headers::{self, Authenticated};
use crate::secret::Credential;
use crate::settings::{UpstreamLimits, millis};
use crate::shares::{CountedAs, Seat, Shares};
use crate::tally::{Limit, Tally};
use crate::tls::{Own, Roots};
use arc_swap::ArcSwap;
use bytes::Bytes;
use connect::Connector;
use gate::{Clearance, Open, Outgoing};
use http::header::{self, HeaderMap, HeaderValue};
use http::uri::{Authority, Uri};
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use identity::{Anchors, SpiffeId};
use pool::{Lease, Pool};
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use tokio::time::Instant;

pub use answer::{Answer, Broken};

/// `host:port`; the host is a name or an address, an IPv6 address in brackets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    host: String,
    port: u16,
}

impl FromStr for Address {
    type Err = WireError;

    fn from_str(text: &str) -> Result<Self, WireError> {
        let wrong = || WireError::Address(text.to_owned());
        let (host, port) = text.rsplit_once(':').ok_or_else(wrong)?;
        let port = port.parse().map_err(|_| wrong())?;
        let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        if bare.is_empty() || (bare.contains(':') && bare == host) {
            return Err(wrong());
        }
        Ok(Self { host: bare.to_owned(), port })
    }
}

impl Address {
    /// The port.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') { write!(f, "[{}]:{}", self.host, self.port) } else { write!(f, "{}:{}", self.host, self.port) }
    }
}

/// How far plain HTTP may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Reach {
    /// Loopback alone: a name that resolves elsewhere is not connected to.
    #[default]
    Loopback,
    /// Anywhere; for the modes that let it through.
    Anywhere,
}

/// How an upstream is reached, and who it must be.
#[derive(Debug, Clone)]
pub enum Target {
    /// TLS both ways.
    Mtls {
        /// Where.
        address: Address,
        /// Exactly this workload.
        id: SpiffeId,
        /// By these bundles, as they are at each handshake.
        anchors: Arc<ArcSwap<Anchors>>,
        /// Our own certificate.
        own: Own,
    },
    /// TLS with a certificate for a name.
    Https {
        /// Where.
        address: Address,
        /// The name that the certificate must have.
        name: String,
        /// The authorities that may have signed it.
        roots: Roots,
    },
    /// Plain HTTP over TCP.
    Plain {
        /// Where.
        address: Address,
        /// How far.
        reach: Reach,
    },
    /// Plain HTTP on a Unix socket.
    Unix {
        /// The socket's path.
        path: PathBuf,
    },
}

/// Which host the upstream is told. There is no default: one who keeps the client's lets it choose among the servers behind an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HostRule {
    /// The one that the client asked for.
    Kept,
    /// Always this one.
    Fixed(Authority),
}

/// Why there is no answer. `left` tells whether the upstream may have acted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// No connection, or not to whom it must be.
    #[error("the upstream could not be reached: {0}")]
    Unreachable(String),
    /// No connection in time.
    #[error("the upstream could not be reached in time (`connect_timeout_ms`)")]
    ConnectTimeout,
    /// No place among the calls in flight.
    #[error("the upstream has as many calls in flight as are allowed (`{}`)", .0.name())]
    Busy(Limit),
    /// The connection ended after the request began.
    #[error("the upstream gave no answer, and may have acted on the request: {0}")]
    Lost(String),
    /// No head of an answer in time.
    #[error("the upstream did not answer in time, and may have acted on the request (`{}`)", .0.name())]
    AnswerTimeout(Limit),
}

impl Failure {
    /// Whether a byte of the request may have left: then its outcome is unknown.
    #[must_use]
    pub const fn left(&self) -> bool {
        match self {
            Self::Unreachable(_) | Self::ConnectTimeout | Self::Busy(_) => false,
            Self::Lost(_) | Self::AnswerTimeout(_) => true,
        }
    }

    /// 502, 503 or 504.
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        match self {
            Self::Unreachable(_) | Self::Lost(_) => StatusCode::BAD_GATEWAY,
            Self::Busy(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::ConnectTimeout | Self::AnswerTimeout(_) => StatusCode::GATEWAY_TIMEOUT,
        }
    }
}

/// There is no answer to a call that was cleared.
#[derive(Debug)]
pub struct Failed {
    /// The call, to be concluded: not sent, or with an unknown outcome.
    pub open: Open,
    /// Why.
    pub failure: Failure,
}

/// An upstream and its connections.
#[derive(Debug)]
pub struct Upstream {
    pool: Arc<Pool>,
    shares: Arc<Shares>,
    limits: UpstreamLimits,
    host: HostRule,
    credential: Option<Arc<Credential>>,
    tally: Arc<Tally>,
}

impl Upstream {
    /// Prepares it; nothing is connected yet.
    ///
    /// # Errors
    /// The name is no server name, or TLS cannot be set up.
    pub fn new(
        target: Target,
        limits: UpstreamLimits,
        host: HostRule,
        credential: Option<Arc<Credential>>,
        tally: Arc<Tally>,
    ) -> Result<Self, WireError> {
        let pool = Arc::new(Pool::new(Connector::new(target, &limits)?, &limits));
        let shares = Shares::new(limits.calls_per_caller_max, Limit::UpstreamCallsPerCaller, Arc::clone(&tally));
        Ok(Self { pool, shares, limits, host, credential, tally })
    }

    /// Connects, as far as TLS goes, and sends nothing of any request. The connection is kept for the next call.
    ///
    /// # Errors
    /// It cannot be reached.
    pub async fn reach(&self) -> Result<(), Failure> {
        self.checkout(false).await.map(Lease::give_back)
    }

    /// Forgets every connection that is not in use, and lets none that is be used again: certificates or roots have changed.
    pub fn renew(&self) {
        self.pool.renew();
    }

    /// Sends a cleared request of `caller`, once, and waits for the head of its answer, at most until `deadline`.
    ///
    /// The answer's body ends at the same time, unless it is an event stream. Dropped before its end, the upstream sees the call
    /// cancelled.
    ///
    /// # Errors
    /// There is no answer.
    pub async fn send(&self, clearance: Clearance, caller: CountedAs, deadline: Instant) -> Result<(Response<Answer>, Open), Failed> {
        let (outgoing, open) = clearance.open();
        match self.exchange(outgoing, caller, deadline).await {
            Ok(response) => Ok((response, open)),
            Err(failure) => Err(Failed { open, failure }),
        }
    }

    // INVARIANT: not public. Outside this room only a clearance leaves.
    pub(crate) async fn exchange(&self, outgoing: Outgoing, caller: CountedAs, deadline: Instant) -> Result<Response<Answer>, Failure> {
        let now = Instant::now();
        let until = deadline.min(now + millis(self.limits.total_timeout_ms));
        let head_until = until.min(now + millis(self.limits.response_header_timeout_ms));
        let mut request = self.request(outgoing);
        let share_until = until.min(now + millis(self.limits.connect_timeout_ms));
        let seat = tokio::time::timeout_at(share_until, self.shares.wait(caller)).await;
        let seat = seat.map_err(|_| Failure::Busy(self.shares.met()))?;
        let mut fresh = false;
        loop {
            let mut lease = tokio::time::timeout_at(until, self.checkout(fresh)).await.unwrap_or(Err(Failure::ConnectTimeout))?;
            lease.address(&mut request);
            let Ok(sent) = tokio::time::timeout_at(head_until, lease.send(request)).await else {
                let limit = if head_until < until { Limit::UpstreamHeaderTime } else { Limit::UpstreamTotalTime };
                self.tally.count(limit);
                return Err(Failure::AnswerTimeout(limit));
            };
            match sent {
                Ok(response) => return Ok(self.answer(response, (lease, seat), until)),
                Err(mut error) => match error.take_message() {
                    // The connection had closed before it took the request: not a byte has left.
                    Some(untouched) if !fresh => (request, fresh) = (untouched, true),
                    Some(_) => return Err(Failure::Unreachable("the connection closed at once".to_owned())),
                    None => return Err(Failure::Lost(told(&error.into_error()))),
                },
            }
        }
    }

    async fn checkout(&self, fresh: bool) -> Result<Lease, Failure> {
        let lease = tokio::time::timeout(millis(self.limits.connect_timeout_ms), self.pool.lease(fresh)).await;
        let lease =
            lease.unwrap_or_else(|_| Err(if self.pool.is_full() { Failure::Busy(Limit::UpstreamCalls) } else { Failure::ConnectTimeout }));
        match &lease {
            Err(Failure::Busy(limit)) => self.tally.count(*limit),
            Err(Failure::ConnectTimeout) => self.tally.count(Limit::UpstreamConnectTime),
            Ok(_) | Err(Failure::Unreachable(_) | Failure::Lost(_) | Failure::AnswerTimeout(_)) => {}
        }
        lease
    }

    fn request(&self, outgoing: Outgoing) -> Request<Full<Bytes>> {
        let mut request = Request::new(Full::new(outgoing.body));
        *request.method_mut() = outgoing.method;
        *request.uri_mut() = Uri::from(outgoing.path_and_query);
        *request.headers_mut() = outgoing.headers;
        let headers = request.headers_mut();
        if let HostRule::Fixed(host) = &self.host
            && let Ok(host) = HeaderValue::from_str(host.as_str())
        {
            headers.insert(header::HOST, host);
        }
        if let Some(credential) = &self.credential {
            credential.put(headers);
        }
        if let Ok(call) = HeaderValue::from_str(&outgoing.call.to_string()) {
            headers.insert(protocol::DECISION_ID, call);
        }
        request
    }

    fn answer(&self, response: Response<hyper::body::Incoming>, places: (Lease, Seat), until: Instant) -> Response<Answer> {
        let (mut head, body) = response.into_parts();
        let authenticated = if self.credential.is_some() { Authenticated::ByUs } else { Authenticated::ByTheAgent };
        headers::answered(&mut head.headers, authenticated);
        let timing = if is_event_stream(&head.headers) {
            answer::Timing::Silence(self.limits.stream_idle_timeout_ms.map(millis))
        } else {
            answer::Timing::Until(until)
        };
        Response::from_parts(head, Answer::new(body, places, timing, Arc::clone(&self.tally)))
    }
}

fn is_event_stream(headers: &HeaderMap) -> bool {
    let media = headers.get(header::CONTENT_TYPE).map(|value| value.as_bytes().split(|byte| *byte == b';').next().unwrap_or_default());
    media.is_some_and(|media| media.trim_ascii().eq_ignore_ascii_case(b"text/event-stream"))
}

/// hyper's error with what caused it.
fn told(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        text.push_str(": ");
        text.push_str(&next.to_string());
        cause = next.source();
    }
    text
}

#[cfg(test)]
mod tests;
