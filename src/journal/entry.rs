//! What is appended in one transaction: events, uses, and rows that later calls look for.

use canon::{CallId, Keyed, Micros};
use record::Event;

/// One transaction: all of it reaches the disk, or none.
#[derive(Debug)]
pub struct Entry {
    /// The call, or for what belongs to no call an id of its own.
    pub key: CallId,
    /// What is recorded, in this order. Of decisions at most one, and it is of the call `key`.
    pub events: Vec<Event>,
    /// Uses that are spent. If one is spent already, nothing of the entry is recorded: `Cause::AlreadyUsed`.
    pub claims: Vec<Claim>,
    /// Rows that change with it.
    pub puts: Vec<Put>,
}

impl Entry {
    /// Events alone.
    #[must_use]
    pub fn of(key: CallId, events: Vec<Event>) -> Self {
        Self { key, events, claims: Vec::new(), puts: Vec::new() }
    }

    /// Whether it does nothing but add to the log.
    #[must_use]
    pub fn is_log_alone(&self) -> bool {
        self.claims.is_empty() && self.puts.is_empty()
    }
}

/// The one use of a permission. Spending it removes its deposit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// The permission's issuer.
    pub iss: String,
    /// The permission's id.
    pub jti: String,
    /// When the permission ends; the use is remembered until then and `rollback_max_s` more.
    pub exp: Micros,
}

/// A row that changes with the records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Put {
    /// A refused decision that a permission may answer.
    Refusal(Refusal),
    /// A permission that waits for its call. `Cause::AlreadyUsed` if its use is spent, `Cause::TooManyDeposits` if too many wait.
    Deposit(Deposit),
    /// A place that is redacted in answers. The same again changes nothing.
    Redaction(Redaction),
}

/// A place in the answers of an upstream that agents do not get: an upstream may give the same answer again after a restart of toolgate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redaction {
    /// The upstream.
    pub upstream: String,
    /// A JSON pointer into the result.
    pub place: String,
}

/// A refused decision, as a permission's `decision_id` finds it for `refusal_keep_s`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The decision.
    pub call: CallId,
    /// When it was refused.
    pub at: Micros,
    /// The caller's SPIFFE id.
    pub subject: String,
    /// The user that it acted for: issuer and subject.
    pub user: Option<(String, String)>,
    /// The tenant.
    pub tenant: String,
    /// The upstream.
    pub upstream: String,
    /// The tool.
    pub tool: String,
    /// The arguments' digest.
    pub arguments_digest: Keyed,
    /// What stood in its way.
    pub blocked: Blocked,
    /// The reason codes.
    pub reasons: Vec<String>,
}

/// What stood in a refused call's way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Blocked {
    /// Allowed, once a person approves.
    NeedsApproval,
    /// Denied.
    Denied,
    /// Without an answer.
    Error,
}

/// Which call a permission is for: what a deposit is found by.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Binding {
    /// The caller's SPIFFE id.
    pub subject: String,
    /// The tenant.
    pub tenant: String,
    /// The upstream.
    pub upstream: String,
    /// The tool.
    pub tool: String,
}

/// A permission that waits for its call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deposit {
    /// Its issuer.
    pub iss: String,
    /// Its id.
    pub jti: String,
    /// Whose call.
    pub binding: Binding,
    /// The arguments' digest (`hmac-sha256:<hex>`), or `*`.
    pub arguments_digest: String,
    /// When it ends.
    pub exp: Micros,
    /// The token, as it was deposited: it is verified again when the call comes.
    pub token: String,
}
