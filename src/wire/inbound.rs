//! A request's body, read whole within its limits or not at all. Judging a part of a body is not possible with it.

use crate::bodies::Bodies;
use crate::head::Unsound;
use crate::shares::CountedAs;
use crate::tally::Limit;
use bytes::Bytes;
use http::StatusCode;
use http_body::Body as _;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use std::sync::Arc;
use tokio::time::Instant;

/// A body that has not been read yet. A request whose head is not sound gives none.
#[derive(Debug)]
pub struct Inbound {
    body: Incoming,
    sound: Result<(), Unsound>,
    until: Instant,
    bodies: Arc<Bodies>,
}

/// Why there is no body to judge.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// The head is refused.
    #[error(transparent)]
    Unsound(#[from] Unsound),
    /// Larger than the limit, in bytes.
    #[error("the body is larger than {0} bytes (`body_bytes_max`)")]
    TooLarge(usize),
    /// Together with the other bodies in memory, too large.
    #[error("there is no room for this body now (`{}`): try again", .0.name())]
    NoRoom(Limit),
    /// Not whole in time.
    #[error("the body did not arrive in time (`body_read_timeout_ms`)")]
    Timeout,
    /// Fields after the body could say what the head did not.
    #[error("the request has trailers; send them as headers")]
    Trailers,
    /// The connection ended or its framing is broken.
    #[error("the body broke off: {0}")]
    Broken(String),
}

impl BodyError {
    /// 400, 408, 413, 431 or 503.
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        match self {
            Self::Unsound(unsound) => unsound.status(),
            Self::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::NoRoom(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Timeout => StatusCode::REQUEST_TIMEOUT,
            Self::Trailers | Self::Broken(_) => StatusCode::BAD_REQUEST,
        }
    }
}

impl Inbound {
    pub(crate) const fn new(body: Incoming, sound: Result<(), Unsound>, until: Instant, bodies: Arc<Bodies>) -> Self {
        Self { body, sound, until, bodies }
    }

    /// Reads it whole, up to the listener's `body_bytes_max`, as one of `whose` bodies in memory: it is counted among them until the last
    /// of what is given here is dropped.
    ///
    /// # Errors
    /// There is no sound, whole body within the limits; nothing of it may be judged then.
    pub async fn collect(self, whose: CountedAs) -> Result<Bytes, BodyError> {
        self.sound?;
        let (tally, until) = (&self.bodies.tally, self.until);
        let read = tokio::time::timeout_at(until, read(self.body, &self.bodies, whose)).await.unwrap_or(Err(BodyError::Timeout));
        match &read {
            Err(BodyError::TooLarge(_)) => tally.count(Limit::BodyBytes),
            Err(BodyError::Timeout) => tally.count(Limit::BodyReadTime),
            Ok(_) | Err(BodyError::Unsound(_) | BodyError::NoRoom(_) | BodyError::Trailers | BodyError::Broken(_)) => {}
        }
        read
    }
}

/// What is counted is what this holds: of a body in one frame its bytes, of any other the buffer that they are gathered in, which grows with what
/// has come and not with what was announced. A body in one frame is a part of its connection's buffer (64 KiB by default) and keeps that whole,
/// however small it is: the rest of the buffer is not counted, since a call has no more than one, and calls have a limit.
async fn read(mut body: Incoming, bodies: &Arc<Bodies>, whose: CountedAs) -> Result<Bytes, BodyError> {
    if body.is_end_stream() {
        return Ok(Bytes::new());
    }
    let limit = bodies.body_bytes_max;
    let announced = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    if announced > limit {
        return Err(BodyError::TooLarge(limit));
    }
    let most = if announced == 0 { limit } else { announced };
    let (mut first, mut whole, mut room) = (Bytes::new(), Vec::new(), bodies.room(whose));
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| BodyError::Broken(error.to_string()))?;
        let data = frame.into_data().map_err(|_| BodyError::Trailers)?;
        let bytes = first.len().saturating_add(whole.len()).saturating_add(data.len());
        if bytes > limit {
            return Err(BodyError::TooLarge(limit));
        }
        if first.is_empty() && whole.is_empty() {
            // The usual body is one frame and is not copied.
            room.grow(bytes).map_err(BodyError::NoRoom)?;
            first = data;
            continue;
        }
        if bytes > whole.capacity() {
            let capacity = whole.capacity().saturating_mul(2).min(most).max(bytes);
            room.grow(capacity).map_err(BodyError::NoRoom)?;
            whole.reserve_exact(capacity.saturating_sub(whole.len()));
        }
        whole.extend_from_slice(&std::mem::take(&mut first));
        whole.extend_from_slice(&data);
    }
    Ok(room.keep(if whole.is_empty() { first } else { whole.into() }))
}
