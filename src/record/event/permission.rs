//! A signed permission was seen.

use crate::Masked;
use canon::{CallId, Micros};

word! {
    /// A permission's type.
    TokenKind {
        /// Lifts a block.
        Override = "override",
        /// Lets one call through that needs a person.
        Approval = "approval",
        /// A trainer supervises a session.
        Session = "session",
    }
}

/// A permission whose signature was verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// Its type.
    pub kind: TokenKind,
    /// Its issuer.
    pub iss: String,
    /// Its id, unique under the issuer.
    pub jti: String,
    /// The key that signed it.
    pub kid: String,
}

word! {
    /// What happened to a permission.
    PermissionAction {
        /// It came with a call.
        Presented = "presented",
        /// It let the call through; its use is spent in the same transaction.
        Used = "used",
        /// It was turned down; `reasons` say why.
        Rejected = "rejected",
        /// A person left it here for a call to come.
        Deposited = "deposited",
    }
}

/// A signed permission was seen.
#[derive(Debug, Clone, PartialEq)]
pub struct Permission {
    /// When.
    pub at: Micros,
    /// What happened to it.
    pub action: PermissionAction,
    /// The call it came with; none for a deposit.
    pub call: Option<CallId>,
    /// Which one; none where the signature does not hold (its words then stand in `body.claimed` alone).
    pub token: Option<Token>,
    /// The tenant.
    pub tenant: Option<String>,
    /// The SPIFFE id that it is for, or that presented it.
    pub workload: Option<String>,
    /// The upstream's name.
    pub upstream: Option<String>,
    /// The tool's name.
    pub tool: Option<String>,
    /// The arguments' digest, or `*`.
    pub arguments_digest: Option<String>,
    /// The refused decision that it answers.
    pub decision_id: Option<CallId>,
    /// The reason codes that it lifts.
    pub lifts: Vec<String>,
    /// Why it was turned down.
    pub reasons: Vec<String>,
    /// What may be personal or free text.
    pub body: PermissionBody,
}

/// What stands beside a permission's envelope.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PermissionBody {
    /// Who signed.
    pub person: Option<String>,
    /// Why, in the person's words.
    pub reason: Option<String>,
    /// The ticket.
    pub ticket: Option<String>,
    /// What an unverified token says of itself.
    pub claimed: Option<Masked>,
}
