//! The kinds of audit events, as plain values. What goes into the envelope stands in the struct, what is beside it in its `body`.
//!
//! Knows no other room's types: verdicts, levels and names arrive as words. Codes match `[a-z0-9_.]{1,64}`.

use crate::Masked;
use canon::{CallId, Digest, Keyed, Micros, Seq, Writer};

/// One thing to record.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// The first record of a writer.
    Genesis(Genesis),
    /// A call was judged; written before anything of it leaves.
    Decision(Box<Decision>),
    /// How a forwarded call ended.
    Outcome(Concluded),
    /// A signed permission was seen.
    Permission(Box<Permission>),
    /// A policy was loaded or turned down.
    Policy(Policy),
    /// Keys, revocations or trust anchors were loaded or turned down.
    Key(Key),
    /// The process itself.
    Lifecycle(Lifecycle),
}

impl Event {
    /// When.
    #[must_use]
    pub fn at(&self) -> Micros {
        match self {
            Self::Genesis(event) => event.at,
            Self::Decision(event) => event.at,
            Self::Outcome(event) => event.at,
            Self::Permission(event) => event.at,
            Self::Policy(event) => event.at,
            Self::Key(event) => event.at,
            Self::Lifecycle(event) => event.at,
        }
    }
}

/// The newest record of a writer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// Whose log.
    pub writer: Writer,
    /// Its last sequence number.
    pub seq: Seq,
    /// That record's leaf hash.
    pub leaf: Digest,
}

/// A writer begins: `seq` 0 of its log.
#[derive(Debug, Clone, PartialEq)]
pub struct Genesis {
    /// When the start was taken.
    pub at: Micros,
    /// The program's version.
    pub version: String,
    /// The runtime mode's name.
    pub mode: String,
    /// The enforcement level's word.
    pub enforcement: String,
    /// The durability class of the disk: `pod`, `node`, `volume` or `remote`.
    pub durability: String,
    /// Where the same journal's log ended before this start; none for its first.
    pub predecessor: Option<Head>,
}

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

word! {
    /// What happened to something that is loaded from outside.
    LoadAction {
        /// It was loaded at start.
        Load = "load",
        /// It took the place of the one before.
        Reload = "reload",
        /// It was turned down; the one before stays.
        Reject = "reject",
    }
}

/// A policy was loaded or turned down.
#[derive(Debug, Clone, PartialEq)]
pub struct Policy {
    /// When.
    pub at: Micros,
    /// What happened.
    pub action: LoadAction,
    /// The policy's digest.
    pub digest: Option<Digest>,
    /// The policy's revision.
    pub revision: Option<String>,
    /// What may be free text.
    pub body: SourceBody,
}

/// Keys, revocations or anchors were loaded or turned down.
#[derive(Debug, Clone, PartialEq)]
pub struct Key {
    /// When.
    pub at: Micros,
    /// What happened.
    pub action: LoadAction,
    /// Which: `permission`, `revocation`, `issuer`, `trust`, `certificate`.
    pub material: String,
    /// The digest of the bytes read.
    pub digest: Option<Digest>,
    /// How many keys, revocations or anchors.
    pub count: Option<u64>,
    /// What may be free text.
    pub body: SourceBody,
}

/// Where something was read from, and what was wrong with it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SourceBody {
    /// The file or address.
    pub source: Option<String>,
    /// What was wrong.
    pub problems: Vec<String>,
}

word! {
    /// What happened to the process.
    LifecycleAction {
        /// It serves.
        Start = "start",
        /// It stops serving.
        Stop = "stop",
        /// The journal was opened after an unclean end; `count` decisions were without an outcome.
        Recovery = "recovery",
        /// `count` calls went on or were refused without a record, since the last such record.
        Loss = "loss",
    }
}

/// The process itself.
#[derive(Debug, Clone, PartialEq)]
pub struct Lifecycle {
    /// When.
    pub at: Micros,
    /// What happened.
    pub action: LifecycleAction,
    /// How many, where the action counts something.
    pub count: Option<u64>,
    /// Codes that say more.
    pub reasons: Vec<String>,
    /// In words, for people; stands in the body.
    pub detail: Option<String>,
}
