//! A request's body, read whole within its limits or not at all. Judging a part of a body is not possible with it.

use crate::head::Unsound;
use crate::tally::{Limit, Tally};
use bytes::{Bytes, BytesMut};
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
    body_bytes_max: usize,
    tally: Arc<Tally>,
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
    /// 400, 408, 413 or 431.
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        match self {
            Self::Unsound(unsound) => unsound.status(),
            Self::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Timeout => StatusCode::REQUEST_TIMEOUT,
            Self::Trailers | Self::Broken(_) => StatusCode::BAD_REQUEST,
        }
    }
}

impl Inbound {
    pub(crate) const fn new(body: Incoming, sound: Result<(), Unsound>, until: Instant, body_bytes_max: usize, tally: Arc<Tally>) -> Self {
        Self { body, sound, until, body_bytes_max, tally }
    }

    /// Reads it whole, up to the listener's `body_bytes_max`.
    ///
    /// # Errors
    /// There is no sound, whole body within the limits; nothing of it may be judged then.
    pub async fn collect(self) -> Result<Bytes, BodyError> {
        self.sound?;
        let (tally, limit, until) = (self.tally, self.body_bytes_max, self.until);
        let read = tokio::time::timeout_at(until, read(self.body, limit)).await.unwrap_or(Err(BodyError::Timeout));
        match &read {
            Err(BodyError::TooLarge(_)) => tally.count(Limit::BodyBytes),
            Err(BodyError::Timeout) => tally.count(Limit::BodyReadTime),
            Ok(_) | Err(BodyError::Unsound(_) | BodyError::Trailers | BodyError::Broken(_)) => {}
        }
        read
    }
}

async fn read(mut body: Incoming, limit: usize) -> Result<Bytes, BodyError> {
    let announced = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    if announced > limit {
        return Err(BodyError::TooLarge(limit));
    }
    let (mut first, mut whole) = (Bytes::new(), BytesMut::new());
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| BodyError::Broken(error.to_string()))?;
        let data = frame.into_data().map_err(|_| BodyError::Trailers)?;
        if first.len().saturating_add(whole.len()).saturating_add(data.len()) > limit {
            return Err(BodyError::TooLarge(limit));
        }
        if first.is_empty() && whole.is_empty() {
            first = data;
        } else {
            // The usual body is one frame and is not copied.
            if whole.is_empty() {
                whole.reserve(announced.max(first.len().saturating_add(data.len())));
                whole.extend_from_slice(&std::mem::take(&mut first));
            }
            whole.extend_from_slice(&data);
        }
    }
    Ok(if whole.is_empty() { first } else { whole.freeze() })
}
