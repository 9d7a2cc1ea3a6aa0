//! Whether a permission is good for one call: signature, key, time, every claim against the call and against the decision that refused it.

use crate::claims::{ANY_ARGUMENTS, Claims, ERROR, Kind};
use crate::keys::{Arguments, Key, Keys, Role};
use crate::rejected::Rejected;
use crate::settings::Ticket;
use crate::token::Token;
use canon::{CallId, InstanceId, Keyed, Micros};
use ed25519_dalek::Signature;
use identity::{Actor, SpiffeId};

/// The call that a permission must fit, and where it is checked.
#[derive(Debug, Clone, Copy)]
pub struct Binding<'a> {
    /// Our own trust domain.
    pub audience: &'a str,
    /// This journal.
    pub instance: InstanceId,
    /// The workload that calls.
    pub subject: &'a SpiffeId,
    /// The user behind it.
    pub user: Option<&'a Actor>,
    /// Who acts for the user.
    pub actors: &'a [Actor],
    /// The call's tenant.
    pub tenant: &'a str,
    /// The call's upstream.
    pub upstream: &'a str,
    /// The call's tool.
    pub tool: &'a str,
    /// The digest of the call's arguments.
    pub arguments_digest: Keyed,
    /// The decision that the permission names, as this journal knows it.
    pub refused: Option<&'a RefusedDecision>,
}

/// A decision of this journal that refused a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedDecision {
    /// Its id.
    pub id: CallId,
    /// When it was made.
    pub at: Micros,
    /// The workload that called.
    pub subject: SpiffeId,
    /// The user behind it.
    pub user: Option<Actor>,
    /// The call's tenant.
    pub tenant: String,
    /// The call's upstream.
    pub upstream: String,
    /// The call's tool.
    pub tool: String,
    /// The digest of the call's arguments.
    pub arguments_digest: Keyed,
    /// What kind of block it was.
    pub blocked: Blocked,
    /// The reason codes that blocked it.
    pub reasons: Vec<String>,
}

impl RefusedDecision {
    /// The call that was refused, for checking a permission when it is deposited, before the call comes again.
    #[must_use]
    pub fn binding<'a>(&'a self, audience: &'a str, instance: InstanceId) -> Binding<'a> {
        Binding {
            audience,
            instance,
            subject: &self.subject,
            user: self.user.as_ref(),
            actors: &[],
            tenant: &self.tenant,
            upstream: &self.upstream,
            tool: &self.tool,
            arguments_digest: self.arguments_digest,
            refused: Some(self),
        }
    }
}

/// What stands in a call's way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blocked {
    /// It is allowed once a person approves.
    NeedsApproval,
    /// It is denied.
    Denied,
    /// There is no answer.
    Error,
}

/// What a verified permission is against a block, as the table asks it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lift {
    /// An approval that covers the block.
    Approval,
    /// An override that names every reason of the block.
    Override,
    /// An override that names `error`, by a key that may.
    BreakGlass,
    /// It leaves a reason unnamed.
    Short,
}

/// A permission that passed every check for one call. A proof: only `verify` makes one. Its use is still to be written.
#[must_use]
#[derive(Debug)]
pub struct Verified {
    kind: Kind,
    kid: String,
    claims: Claims,
}

impl Verified {
    /// Override or approval.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// Who issued it; the same as `person`. Uses are unique on (`iss`, `jti`).
    #[must_use]
    pub fn iss(&self) -> &str {
        &self.claims.iss
    }

    /// Its own id.
    #[must_use]
    pub fn jti(&self) -> &str {
        &self.claims.jti
    }

    /// The key that signed it.
    #[must_use]
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// Who signed it.
    #[must_use]
    pub fn person(&self) -> &str {
        &self.claims.iss
    }

    /// The decision that it answers.
    #[must_use]
    pub const fn decision_id(&self) -> CallId {
        self.claims.decision_id
    }

    /// The reason codes that it lifts.
    #[must_use]
    pub fn lifts(&self) -> &[String] {
        &self.claims.lifts
    }

    /// When it ends.
    #[must_use]
    pub const fn exp(&self) -> Micros {
        Micros(self.claims.exp.saturating_mul(1_000_000))
    }

    /// The ticket that it names.
    #[must_use]
    pub fn ticket(&self) -> Option<&str> {
        self.claims.ticket.as_deref()
    }

    /// The person's words.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.claims.reason
    }

    /// What it is against the block that stands in the call's way now, which may be another than the one that was refused.
    #[must_use]
    pub fn lift<'r>(&self, blocked: Blocked, reasons: impl IntoIterator<Item = &'r str>) -> Lift {
        match (unnamed(&self.claims.lifts, blocked, reasons), self.kind, blocked) {
            (Some(_), _, _) => Lift::Short,
            (None, Kind::Approval, _) => Lift::Approval,
            (None, Kind::Override, Blocked::Error) => Lift::BreakGlass,
            (None, Kind::Override, Blocked::NeedsApproval | Blocked::Denied) => Lift::Override,
        }
    }
}

/// Verifies a permission for one call at the effective instant `at`, which never runs backwards.
///
/// # Errors
/// The first check that it fails. A good signature by a good key comes before anything is said of the claims.
pub fn verify(token: &str, keys: &Keys, binding: &Binding<'_>, at: Micros) -> Result<Verified, Rejected> {
    let token = Token::parse(token, &keys.settings)?;
    let key = keys.by_kid.get(&token.kid).ok_or(Rejected::UnknownKey)?;
    if !keys.has_current_revocations(at) {
        return Err(Rejected::StaleRevocations);
    }
    if keys.revocations().is_some_and(|list| list.kids.contains(&token.kid)) {
        return Err(Rejected::RevokedKey);
    }
    let signature = Signature::from_slice(&token.jws.signature).map_err(|_| Rejected::Signature)?;
    key.verifying.verify_strict(token.jws.signed.as_bytes(), &signature).map_err(|_| Rejected::Signature)?;
    let claims = token.claims()?;
    if keys.revocations().is_some_and(|list| list.jtis.contains(&claims.jti)) {
        return Err(Rejected::Revoked);
    }
    check_key(&claims, token.kind, key)?;
    check_time(&claims, key, keys, at)?;
    check_call(&claims, key, binding)?;
    check_decision(&claims, token.kind, key, keys, binding, at)?;
    match (keys.settings.ticket, &claims.ticket) {
        (Ticket::Required, None) => return Err(Rejected::Ticket),
        (Ticket::Required, Some(_)) | (Ticket::Optional, _) => {}
    }
    if key.is_of(binding.subject, binding.user.into_iter().chain(binding.actors)) {
        return Err(Rejected::SelfSigned);
    }
    Ok(Verified { kind: token.kind, kid: token.kid, claims })
}

fn require(good: bool, rejected: Rejected) -> Result<(), Rejected> {
    if good { Ok(()) } else { Err(rejected) }
}

/// Whether this key may say this at all.
fn check_key(claims: &Claims, kind: Kind, key: &Key) -> Result<(), Rejected> {
    require(claims.iss == key.entry.person, Rejected::Issuer)?;
    let may = match kind {
        Kind::Approval => key.may(Role::Approver),
        Kind::Override => key.may(Role::Override) || key.may(Role::BreakGlass),
    };
    require(may, Rejected::Role(kind.name()))?;
    require(key.is_for_tenant(&claims.tenant), Rejected::KeyTenant)?;
    require(key.is_for_tool(&claims.tool), Rejected::KeyTool)?;
    require(claims.uses == 1, Rejected::Uses)?;
    let names_error = claims.lifts.iter().any(|code| code == ERROR);
    require(!names_error || (kind == Kind::Override && key.may(Role::BreakGlass)), Rejected::BreakGlass)?;
    require(claims.arguments_digest != ANY_ARGUMENTS || key.entry.arguments == Arguments::Any, Rejected::AnyArguments)
}

/// The signer's clock may be ahead by the skew; nothing makes `exp` later.
fn check_time(claims: &Claims, key: &Key, keys: &Keys, at: Micros) -> Result<(), Rejected> {
    let (now, skew) = (at.seconds(), i64::from(keys.settings.clock_skew_seconds));
    let lifetime_max = key.entry.lifetime_seconds_max.min(keys.settings.lifetime_seconds_max);
    let lifetime = claims.exp.saturating_sub(claims.iat.min(claims.nbf));
    require(lifetime <= i64::from(lifetime_max), Rejected::Lifetime(lifetime_max))?;
    require(claims.iat.max(claims.nbf) <= now.saturating_add(skew), Rejected::NotYetValid)?;
    require(now < claims.exp, Rejected::Expired)?;
    require(key.signs_at(now) && key.signs_at(claims.iat), Rejected::KeyValidity)
}

fn check_call(claims: &Claims, key: &Key, binding: &Binding<'_>) -> Result<(), Rejected> {
    require(claims.aud == binding.audience, Rejected::Audience)?;
    require(claims.instance == binding.instance, Rejected::Instance)?;
    require(claims.sub == binding.subject.as_str(), Rejected::Subject)?;
    require(claims.tenant == binding.tenant, Rejected::Tenant)?;
    require(claims.upstream == binding.upstream, Rejected::Upstream)?;
    require(claims.tool == binding.tool, Rejected::Tool)?;
    require(fits(claims, key, binding.arguments_digest), Rejected::Arguments)
}

fn fits(claims: &Claims, key: &Key, digest: Keyed) -> bool {
    match key.entry.arguments {
        Arguments::Any if claims.arguments_digest == ANY_ARGUMENTS => true,
        Arguments::Any | Arguments::Exact => claims.arguments_digest == digest.to_string(),
    }
}

/// Against the decision that refused: it is known here, about the same call, recent, and its every reason is named.
fn check_decision(claims: &Claims, kind: Kind, key: &Key, keys: &Keys, binding: &Binding<'_>, at: Micros) -> Result<(), Rejected> {
    let refused = binding.refused.filter(|refused| refused.id == claims.decision_id).ok_or(Rejected::DecisionUnknown)?;
    let same = [
        ("workload", refused.subject == *binding.subject),
        ("user", refused.user.as_ref() == binding.user),
        ("tenant", refused.tenant == binding.tenant),
        ("upstream", refused.upstream == binding.upstream),
        ("tool", refused.tool == binding.tool),
        ("set of arguments", fits(claims, key, refused.arguments_digest)),
    ];
    if let Some((what, _)) = same.into_iter().find(|(_, same)| !same) {
        return Err(Rejected::DecisionMismatch(what));
    }
    let age_max = keys.settings.decision_age_seconds_max;
    require(at.seconds().saturating_sub(refused.at.seconds()) <= i64::from(age_max), Rejected::DecisionAge(age_max))?;
    match (unnamed(&claims.lifts, refused.blocked, refused.reasons.iter().map(String::as_str)), kind, refused.blocked) {
        (None, _, _) => Ok(()),
        (Some(_), Kind::Approval, Blocked::Error) => Err(Rejected::BreakGlass),
        (Some(code), _, _) => Err(Rejected::Lifts(code)),
    }
}

/// The first reason of a block that `lifts` leaves unnamed. An error decision as a whole goes by the name `error`.
fn unnamed<'r>(lifts: &[String], blocked: Blocked, reasons: impl IntoIterator<Item = &'r str>) -> Option<String> {
    let is_unnamed = |code: &&str| !lifts.iter().any(|named| named == code);
    match blocked {
        Blocked::NeedsApproval => None,
        Blocked::Denied => reasons.into_iter().find(is_unnamed),
        Blocked::Error => Some(ERROR).filter(is_unnamed),
    }
    .map(str::to_owned)
}

#[cfg(test)]
mod tests;
