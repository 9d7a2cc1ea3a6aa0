//! A call was judged: what is recorded before anything of it leaves.

use super::Token;
use crate::Masked;
use canon::{CallId, Digest, Keyed, Micros};

word! {
    /// What the policy says by itself.
    Would {
        /// A clean allow.
        Allow = "allow",
        /// A deny.
        Deny = "deny",
        /// No answer that could be trusted: DESIGN section 2.
        Error = "error",
    }
}

word! {
    /// What toolgate does with the call.
    Done {
        /// It is sent to the upstream: an outcome follows.
        Forward = "forward",
        /// It is answered here and goes nowhere: no outcome follows.
        Refuse = "refuse",
    }
}

/// A call was judged.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    /// When the call was read; the same instant that the policy saw.
    pub at: Micros,
    /// The call's id, which is the decision's id everywhere.
    pub call: CallId,
    /// The runtime mode's name.
    pub mode: String,
    /// The enforcement level's word.
    pub enforcement: String,
    /// `mcp`, `http`, ...
    pub protocol: String,
    /// The route's name.
    pub route: Option<String>,
    /// The upstream's name.
    pub upstream: Option<String>,
    /// The protocol's method, such as `tools/call`.
    pub method: Option<String>,
    /// The tool's name.
    pub tool: Option<String>,
    /// The tenant.
    pub tenant: Option<String>,
    /// The caller's SPIFFE id.
    pub workload: Option<String>,
    /// The user (issuer and subject) under the tenant's key.
    pub user: Option<Keyed>,
    /// The session's id as DESIGN section 2 makes it: never the raw one.
    pub session: Option<String>,
    /// The arguments' keyed digest.
    pub arguments_digest: Option<Keyed>,
    /// What the policy says; none where it was not asked (malformed, overload).
    pub would: Option<Would>,
    /// What is done.
    pub done: Done,
    /// Reason codes.
    pub reasons: Vec<String>,
    /// Warning codes.
    pub warnings: Vec<String>,
    /// `low`, `medium`, `high` or `critical`.
    pub risk: Option<String>,
    /// Whether the policy calls the tool sensitive.
    pub sensitive: bool,
    /// Whether the policy or the table asks for a person's approval.
    pub approval: bool,
    /// The kinds of the obligations.
    pub obligations: Vec<String>,
    /// The policy's digest.
    pub policy_digest: Option<Digest>,
    /// The policy's revision.
    pub policy_revision: Option<String>,
    /// The configuration's digest.
    pub config_digest: Option<Digest>,
    /// The digest of everything that judged: policy, keys, rules.
    pub view_digest: Option<Digest>,
    /// The verified permission that this decision rests on.
    pub permission: Option<Token>,
    /// The HTTP status of a refusal.
    pub status: Option<u16>,
    /// From the call's arrival to this decision, in microseconds.
    pub duration_us: Option<u64>,
    /// What may be personal or free text.
    pub body: DecisionBody,
}

impl Decision {
    /// A call of which nothing is known but its id and instant, and that goes nowhere.
    #[must_use]
    pub fn of(at: Micros, call: CallId, mode: &str, enforcement: &str) -> Self {
        Self {
            at,
            call,
            mode: mode.to_owned(),
            enforcement: enforcement.to_owned(),
            protocol: "http".to_owned(),
            route: None,
            upstream: None,
            method: None,
            tool: None,
            tenant: None,
            workload: None,
            user: None,
            session: None,
            arguments_digest: None,
            would: None,
            done: Done::Refuse,
            reasons: Vec::new(),
            warnings: Vec::new(),
            risk: None,
            sensitive: false,
            approval: false,
            obligations: Vec::new(),
            policy_digest: None,
            policy_revision: None,
            config_digest: None,
            view_digest: None,
            permission: None,
            status: None,
            duration_us: None,
            body: DecisionBody::default(),
        }
    }
}

/// What stands beside a decision's envelope.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct DecisionBody {
    /// The reasons' messages.
    pub messages: Vec<Message>,
    /// The user.
    pub user: Option<Person>,
    /// The delegation chain, outermost first.
    pub actors: Vec<Person>,
    /// The arguments.
    pub arguments: Option<Masked>,
    /// The request's headers.
    pub headers: Option<Masked>,
    /// The request's path and query.
    pub target: Option<Masked>,
    /// The resource's URI.
    pub resource: Option<Masked>,
    /// The peer's address, or its uid on a Unix socket.
    pub peer: Option<String>,
}

/// A reason in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// The reason's code.
    pub code: String,
    /// What the policy wrote.
    pub message: String,
}

/// Somebody named by a token.
#[derive(Debug, Clone, PartialEq)]
pub struct Person {
    /// The token's issuer.
    pub issuer: String,
    /// The token's subject.
    pub subject: String,
    /// The claims that the configuration lists.
    pub claims: Option<Masked>,
}
