//! What a permission says: one schema for overrides and approvals, closed.

use canon::{CallId, InstanceId};
use serde::{Deserialize, Serialize};

/// The word in `lifts` that stands for an error decision as a whole.
pub(crate) const ERROR: &str = "error";
/// The `arguments_digest` that fits every call.
pub(crate) const ANY_ARGUMENTS: &str = "*";

const REASON_BYTES_MAX: usize = 2000;
const ID_BYTES_MAX: usize = 128;
const LIFTS_MAX: usize = 64;
const CODE_BYTES_MAX: usize = 64;

/// What a permission is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Lifts a block.
    Override,
    /// Lets one call through that needs a person.
    Approval,
}

impl Kind {
    /// The `typ` of its header.
    #[must_use]
    pub const fn typ(self) -> &'static str {
        match self {
            Self::Override => "toolgate-override+jwt",
            Self::Approval => "toolgate-approval+jwt",
        }
    }

    /// `override` or `approval`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Override => "override",
            Self::Approval => "approval",
        }
    }

    pub(crate) fn of_typ(typ: &str) -> Option<Self> {
        [Self::Override, Self::Approval].into_iter().find(|kind| kind.typ() == typ)
    }
}

/// The claims of an override or approval. Plain data: what is here was said, not verified.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claims {
    /// The person who signs: the `person` of the key.
    pub iss: String,
    /// The workload whose call it is for, an exact SPIFFE id.
    pub sub: String,
    /// The trust domain that it is for.
    pub aud: String,
    /// The tenant of the call.
    pub tenant: String,
    /// When it was signed, in seconds since the epoch.
    pub iat: i64,
    /// From when it holds, in seconds since the epoch.
    pub nbf: i64,
    /// Until when it holds, that second not counted.
    pub exp: i64,
    /// Its own id, unique for its issuer: a use is a row under (`iss`, `jti`).
    pub jti: String,
    /// Why the person signs, in the person's words.
    pub reason: String,
    /// The upstream of the call.
    pub upstream: String,
    /// The tool of the call.
    pub tool: String,
    /// The digest of the call's arguments, from the refusal; `*` for any, where the key may.
    pub arguments_digest: String,
    /// The decision that refused the call.
    pub decision_id: CallId,
    /// The journal that keeps that decision.
    pub instance: InstanceId,
    /// The reason codes that are lifted; `error` for an error decision.
    pub lifts: Vec<String>,
    /// The ticket that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticket: Option<String>,
    /// How often it may be used: 1.
    pub uses: u32,
}

impl Claims {
    /// The first claim whose form is not its own, whatever the call.
    pub(crate) fn malformed(&self) -> Option<&'static str> {
        let id = |text: &str| !text.is_empty() && text.len() <= ID_BYTES_MAX && text.bytes().all(|byte| byte.is_ascii_graphic());
        let code = |text: &String| {
            let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'_' | b'.');
            !text.is_empty() && text.len() <= CODE_BYTES_MAX && text.bytes().all(allowed)
        };
        let checks = [
            ("jti", id(&self.jti)),
            ("ticket", self.ticket.as_deref().is_none_or(id)),
            ("reason", !self.reason.trim().is_empty() && self.reason.len() <= REASON_BYTES_MAX),
            ("lifts", self.lifts.len() <= LIFTS_MAX && self.lifts.iter().all(code)),
        ];
        checks.into_iter().find_map(|(name, good)| (!good).then_some(name))
    }
}
