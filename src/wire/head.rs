//! What of a request's head is refused before anybody reads it: that it is too large, and what hyper hides. Everything else about a
//! head is `protocol`'s.

use crate::settings::Limits;
use crate::tally::Limit;
use http::StatusCode;
use http::header::HeaderMap;

/// Why a request's head is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unsound {
    /// RFC 9112 section 6.3. hyper takes the length out of the head, so nobody after it can see this.
    #[error("`content-length` and `transfer-encoding` both stand: send one")]
    TwoLengths,
    /// More than `headers_max`.
    #[error("the request has more headers than `headers_max`")]
    Headers,
    /// More than `header_bytes_max`.
    #[error("the request's headers are larger than `header_bytes_max`")]
    HeaderBytes,
}

impl Unsound {
    /// 400, or 431 where a limit is met.
    #[must_use]
    pub const fn status(self) -> StatusCode {
        match self {
            Self::TwoLengths => StatusCode::BAD_REQUEST,
            Self::Headers | Self::HeaderBytes => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
        }
    }

    /// The limit that was met, where it is one.
    pub(crate) const fn limit(self) -> Option<Limit> {
        match self {
            Self::TwoLengths => None,
            Self::Headers => Some(Limit::Headers),
            Self::HeaderBytes => Some(Limit::HeaderBytes),
        }
    }
}

/// Checks a head against the limits, and for what the guard of its connection found.
pub(crate) fn check(headers: &HeaderMap, two_lengths: bool, limits: &Limits) -> Result<(), Unsound> {
    let bytes = || headers.iter().map(|(name, value)| name.as_str().len().saturating_add(value.len())).fold(0, usize::saturating_add);
    if two_lengths {
        Err(Unsound::TwoLengths)
    } else if headers.len() > limits.headers_max {
        Err(Unsound::Headers)
    } else if bytes() > limits.header_bytes_max {
        Err(Unsound::HeaderBytes)
    } else {
        Ok(())
    }
}
