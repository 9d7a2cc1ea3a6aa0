//! What is wrong with a request that is no call: a stable code, a status, a JSON-RPC code.

use crate::call::Speech;
use http::StatusCode;

/// A request that is refused in every mode, before anything is judged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Malformed {
    /// What is wrong.
    pub flaw: Flaw,
    /// The same for a reader: what, where, what to do.
    pub message: String,
    /// How to answer, with the request's id if it could be read.
    pub speech: Speech,
}

/// The kinds of things that can be wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Flaw {
    /// The body is not JSON that every reader reads alike.
    Json(canon::json::Reason),
    /// `content-length`, `transfer-encoding`, `connection` or `trailer` leave it open where the body ends.
    Framing,
    /// `upgrade` or CONNECT.
    Upgrade,
    /// An HTTP method that the route does not know.
    Method,
    /// A header stands twice or holds other than visible ASCII; or it, or a `_method`, would make an upstream see another request.
    Header,
    /// No host, or two that differ.
    Host,
    /// The body is compressed.
    ContentEncoding,
    /// The body is not `application/json` in UTF-8.
    ContentType,
    /// A stream is asked for without accepting one.
    Accept,
    /// A path with two readings, or not the route's.
    Path,
    /// A query with two readings.
    Query,
    /// Not one JSON-RPC message.
    Envelope,
    /// An array of messages.
    Batch,
    /// Parameters that the method does not have.
    Params,
    /// A `_meta` member under `dev.toolgate/`.
    ReservedMeta,
    /// A mirrored header is missing or differs from the body.
    HeaderMismatch,
    /// A protocol revision that toolgate does not speak.
    Version,
}

impl Flaw {
    /// Every flaw but the JSON gate's, which `canon::json::Reason::ALL` lists.
    pub const ALL: [Self; 16] = [
        Self::Framing,
        Self::Upgrade,
        Self::Method,
        Self::Header,
        Self::Host,
        Self::ContentEncoding,
        Self::ContentType,
        Self::Accept,
        Self::Path,
        Self::Query,
        Self::Envelope,
        Self::Batch,
        Self::Params,
        Self::ReservedMeta,
        Self::HeaderMismatch,
        Self::Version,
    ];

    /// The stable reason code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Json(reason) => reason.code(),
            Self::Framing => "toolgate.http.framing",
            Self::Upgrade => "toolgate.http.upgrade",
            Self::Method => "toolgate.http.method",
            Self::Header => "toolgate.http.header",
            Self::Host => "toolgate.http.host",
            Self::ContentEncoding => "toolgate.http.content_encoding",
            Self::ContentType => "toolgate.http.content_type",
            Self::Accept => "toolgate.http.accept",
            Self::Path => "toolgate.http.path",
            Self::Query => "toolgate.http.query",
            Self::Envelope => "toolgate.mcp.envelope",
            Self::Batch => "toolgate.mcp.batch",
            Self::Params => "toolgate.mcp.params",
            Self::ReservedMeta => "toolgate.mcp.reserved_meta",
            Self::HeaderMismatch => "toolgate.mcp.header_mismatch",
            Self::Version => "toolgate.mcp.version",
        }
    }

    /// The status of the refusal.
    #[must_use]
    pub fn status(self) -> StatusCode {
        match self {
            Self::Json(canon::json::Reason::BodyTooLong) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::ContentEncoding | Self::ContentType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::Accept => StatusCode::NOT_ACCEPTABLE,
            Self::Json(_)
            | Self::Framing
            | Self::Upgrade
            | Self::Header
            | Self::Host
            | Self::Path
            | Self::Query
            | Self::Envelope
            | Self::Batch
            | Self::Params
            | Self::ReservedMeta
            | Self::HeaderMismatch
            | Self::Version => StatusCode::BAD_REQUEST,
        }
    }

    /// The JSON-RPC code of the refusal (JSON-RPC 2.0 section 5.1; MCP 2026-07-28 for -32020 and -32022).
    #[must_use]
    pub const fn rpc_code(self) -> i64 {
        match self {
            Self::Json(_) => -32700,
            Self::Params => -32602,
            Self::HeaderMismatch => -32020,
            Self::Version => -32022,
            Self::Framing
            | Self::Upgrade
            | Self::Method
            | Self::Header
            | Self::Host
            | Self::ContentEncoding
            | Self::ContentType
            | Self::Accept
            | Self::Path
            | Self::Query
            | Self::Envelope
            | Self::Batch
            | Self::ReservedMeta => -32600,
        }
    }

    /// This flaw, said to a reader.
    pub(crate) fn because(self, message: impl Into<String>) -> Fault {
        Fault { flaw: self, message: message.into() }
    }
}

/// A flaw before it is known how to answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) flaw: Flaw,
    pub(crate) message: String,
}

impl Fault {
    pub(crate) fn to(self, speech: Speech) -> Malformed {
        Malformed { flaw: self.flaw, message: self.message, speech }
    }
}

impl From<canon::json::Rejected> for Fault {
    fn from(rejected: canon::json::Rejected) -> Self {
        Flaw::Json(rejected.reason).because(rejected.to_string())
    }
}
