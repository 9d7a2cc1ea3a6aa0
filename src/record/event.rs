//! The kinds of audit events, as plain values. What goes into the envelope stands in the struct, what is beside it in its `body`.
//!
//! Knows no other room's types: verdicts, levels and names arrive as words. Codes match `[a-z0-9_.]{1,64}`.

mod decision;
mod outcome;
mod permission;

pub use decision::{Decision, DecisionBody, Done, Message, Person, Would};
pub use outcome::{Concluded, Outcome, OutcomeBody, OutcomeKind};
pub use permission::{Permission, PermissionAction, PermissionBody, Token, TokenKind};

use canon::{Digest, Micros, Seq, Writer};

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
