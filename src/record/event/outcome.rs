//! How a forwarded call ended.

use crate::Masked;
use canon::{CallId, Micros};

word! {
    /// How a forwarded call ended.
    OutcomeKind {
        /// The upstream answered and the whole answer was seen, whatever it says (`status`, `tool_error`, `rpc_error`).
        Completed = "completed",
        /// Nothing of the request left: no connection, no TLS session, a wrong peer.
        Unsent = "unsent",
        /// The request may have arrived and no whole answer was seen: the upstream fell silent, broke off, or toolgate ended in between.
        Unknown = "unknown",
        /// The caller went away, or the call was given up, before the answer was whole; the upstream may have acted.
        Abandoned = "abandoned",
        /// The decision reached the disk after its commit deadline: the caller had been refused by then and nothing left.
        Refused = "refused",
    }
}

/// How a forwarded call ended, as the one who forwarded it saw it.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// In one word.
    pub kind: OutcomeKind,
    /// The HTTP status of the upstream's answer.
    pub status: Option<u16>,
    /// From the release of the request to the end of the answer, in microseconds.
    pub duration_us: Option<u64>,
    /// Bytes of request body sent.
    pub request_bytes: Option<u64>,
    /// Bytes of response body received.
    pub response_bytes: Option<u64>,
    /// MCP's `isError` of a tool result.
    pub tool_error: Option<bool>,
    /// The code of a JSON-RPC error.
    pub rpc_error: Option<i64>,
    /// Codes that say more, such as why nothing was sent.
    pub reasons: Vec<String>,
    /// What may be personal or free text.
    pub body: OutcomeBody,
}

impl Outcome {
    /// An outcome of which nothing more is known.
    #[must_use]
    pub fn of(kind: OutcomeKind) -> Self {
        Self {
            kind,
            status: None,
            duration_us: None,
            request_bytes: None,
            response_bytes: None,
            tool_error: None,
            rpc_error: None,
            reasons: Vec::new(),
            body: OutcomeBody::default(),
        }
    }
}

/// What stands beside an outcome's envelope.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct OutcomeBody {
    /// A part of the response.
    pub response: Option<Masked>,
    /// The response's headers.
    pub headers: Option<Masked>,
    /// What went wrong, for people.
    pub error: Option<String>,
}

/// An outcome, placed: the journal makes it from a slot.
#[derive(Debug, Clone, PartialEq)]
pub struct Concluded {
    /// When the outcome was known.
    pub at: Micros,
    /// The call.
    pub call: CallId,
    /// The decision's tenant, so that a tenant's auditor sees both halves.
    pub tenant: Option<String>,
    /// The outcome.
    pub outcome: Outcome,
}
