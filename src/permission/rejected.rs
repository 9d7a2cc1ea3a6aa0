//! Why a permission is not honoured. Each reason has a stable code and a sentence for people; none holds a byte of the token.

use identity::jws::NotJws;

/// Why a permission is not honoured.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Rejected {
    /// Not a compact JWS, or two parsers could read it differently.
    #[error("the permission cannot be read: {0}")]
    Malformed(#[from] NotJws),
    /// A header that is not exactly `alg`, `typ` and `kid`.
    #[error("the permission's header must have `alg`, `typ` and `kid` and nothing else")]
    Header,
    /// Another algorithm.
    #[error("the permission's `alg` is not one that the config allows (`Ed25519`)")]
    Algorithm,
    /// Another type.
    #[error("the permission's `typ` is not `toolgate-override+jwt` or `toolgate-approval+jwt`")]
    Type,
    /// No such key.
    #[error("the permission's `kid` is not a key that the config names")]
    UnknownKey,
    /// The key is on the revocation list.
    #[error("the key that signed the permission is revoked")]
    RevokedKey,
    /// The revocation list is overdue or from the future.
    #[error("the revocation list is too old to be trusted: bring the next one")]
    StaleRevocations,
    /// It does not verify.
    #[error("the permission's signature does not verify")]
    Signature,
    /// A claim that is missing, unknown or of the wrong form.
    #[error("the permission's claims are not those of its type: {0}")]
    Claims(String),
    /// The permission is on the revocation list.
    #[error("the permission is revoked")]
    Revoked,
    /// `iss` is not the key's person.
    #[error("the permission's `iss` is not the person of the key that signed it")]
    Issuer,
    /// The key is, or was when it signed, outside its own validity.
    #[error("the key that signed the permission is not valid now, or was not when it signed")]
    KeyValidity,
    /// The key has not the role for this type.
    #[error("the key that signed the permission has not the role for an {0}")]
    Role(&'static str),
    /// The key is not for this tenant.
    #[error("the key that signed the permission is not for this tenant")]
    KeyTenant,
    /// The key is not for this tool.
    #[error("the key that signed the permission is not for this tool")]
    KeyTool,
    /// It lives too long.
    #[error("the permission lives longer than the {0} seconds that its key may give")]
    Lifetime(u32),
    /// Before `nbf` or `iat`.
    #[error("the permission is not valid yet; compare the clocks")]
    NotYetValid,
    /// At or after `exp`.
    #[error("the permission has expired: sign another")]
    Expired,
    /// For another trust domain.
    #[error("the permission's `aud` is not this trust domain")]
    Audience,
    /// From another journal.
    #[error("the permission's `instance` is not this journal: it is for another sidecar")]
    Instance,
    /// For another workload.
    #[error("the permission's `sub` is not the workload that calls")]
    Subject,
    /// For another tenant.
    #[error("the permission's `tenant` is not that of the call")]
    Tenant,
    /// For another upstream.
    #[error("the permission's `upstream` is not that of the call")]
    Upstream,
    /// For another tool.
    #[error("the permission's `tool` is not that of the call")]
    Tool,
    /// For other arguments.
    #[error("the permission is for other arguments")]
    Arguments,
    /// For any arguments, and the key may not.
    #[error("the key that signed the permission may not sign for any arguments: name their digest")]
    AnyArguments,
    /// The decision is not known here.
    #[error("the permission's `decision_id` is no refusal that is known here")]
    DecisionUnknown,
    /// The decision was about something else.
    #[error("the refused decision that the permission names is about another {0}")]
    DecisionMismatch(&'static str),
    /// The decision is too old.
    #[error("the refused decision is older than {0} seconds: call again and sign for the new refusal")]
    DecisionAge(u32),
    /// A reason of the refusal that `lifts` does not name.
    #[error("the permission does not lift `{0}`, which blocks the call: name it in `lifts`")]
    Lifts(String),
    /// `error` without the role for it, or in an approval.
    #[error("an error decision is lifted only by an override from a key with the role `break_glass`")]
    BreakGlass,
    /// No ticket.
    #[error("the permission names no `ticket`, and the config asks for one")]
    Ticket,
    /// Not for one use.
    #[error("the permission's `uses` is not 1")]
    Uses,
    /// The signer is the one who asks.
    #[error("the permission is signed by the one who asks: another person must sign")]
    SelfSigned,
}

impl Rejected {
    /// The stable reason code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Malformed(NotJws::TooLong { .. }) => "toolgate.permission.too_long",
            Self::Malformed(_) => "toolgate.permission.malformed",
            Self::Header => "toolgate.permission.header",
            Self::Algorithm => "toolgate.permission.algorithm",
            Self::Type => "toolgate.permission.type",
            Self::UnknownKey => "toolgate.permission.unknown_key",
            Self::RevokedKey => "toolgate.permission.revoked_key",
            Self::StaleRevocations => "toolgate.permission.stale_revocations",
            Self::Signature => "toolgate.permission.signature",
            Self::Claims(_) => "toolgate.permission.claims",
            Self::Revoked => "toolgate.permission.revoked",
            Self::Issuer => "toolgate.permission.issuer",
            Self::KeyValidity => "toolgate.permission.key_validity",
            Self::Role(_) => "toolgate.permission.role",
            Self::KeyTenant => "toolgate.permission.key_tenant",
            Self::KeyTool => "toolgate.permission.key_tool",
            Self::Lifetime(_) => "toolgate.permission.lifetime",
            Self::NotYetValid => "toolgate.permission.not_yet_valid",
            Self::Expired => "toolgate.permission.expired",
            Self::Audience => "toolgate.permission.audience",
            Self::Instance => "toolgate.permission.instance",
            Self::Subject => "toolgate.permission.subject",
            Self::Tenant => "toolgate.permission.tenant",
            Self::Upstream => "toolgate.permission.upstream",
            Self::Tool => "toolgate.permission.tool",
            Self::Arguments => "toolgate.permission.arguments",
            Self::AnyArguments => "toolgate.permission.any_arguments",
            Self::DecisionUnknown => "toolgate.permission.decision_unknown",
            Self::DecisionMismatch(_) => "toolgate.permission.decision_mismatch",
            Self::DecisionAge(_) => "toolgate.permission.decision_age",
            Self::Lifts(_) => "toolgate.permission.lifts",
            Self::BreakGlass => "toolgate.permission.break_glass",
            Self::Ticket => "toolgate.permission.ticket",
            Self::Uses => "toolgate.permission.uses",
            Self::SelfSigned => "toolgate.permission.self_signed",
        }
    }
}
