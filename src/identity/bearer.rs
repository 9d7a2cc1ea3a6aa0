//! The person behind a call: a bearer JWT (RFC 7519, RFC 6750), its signature, its claims, and who acts for the person (RFC 8693).
//!
//! A token is read strictly and believed only after its signature. Neither the token nor a value from it stands in an error.

use crate::issuers::{Algorithm, Issuer, Issuers};
use crate::jws::{Jws, NotJws};
use canon::json::{Build as _, Tree};
use canon::{Json, Micros, Number};
use serde::Deserialize;

/// The longest token that is looked at.
const TOKEN_BYTES_MAX: usize = 16 * 1024;
/// The longest chain of actors.
const ACTORS_MAX: usize = 8;
/// The longest `sub` or `iss`.
const NAME_BYTES_MAX: usize = 1024;

/// A person whom an issuer vouches for.
#[derive(Debug, Clone, PartialEq)]
pub struct User {
    /// `iss`.
    pub issuer: String,
    /// `sub`.
    pub subject: String,
    /// What the issuer's `tenant_claim` says, as it came.
    pub tenant: Option<String>,
    /// An object of the claims that the config passes on, those that the token has.
    pub claims: Json,
}

/// Somebody who acts for the user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// The actor's own `iss`, else the token's.
    pub issuer: String,
    /// The actor's `sub`.
    pub subject: String,
}

/// The token in the value of an `Authorization` header (RFC 6750 section 2.1).
///
/// # Errors
/// `BadToken::Missing` for another scheme, or bytes that are not ASCII.
pub fn bearer_token(authorization: &[u8]) -> Result<&str, BadToken> {
    let text = std::str::from_utf8(authorization).map_err(|_| BadToken::Missing)?;
    let (scheme, token) = text.trim().split_once(' ').ok_or(BadToken::Missing)?;
    if scheme.eq_ignore_ascii_case("bearer") { Ok(token.trim_start()) } else { Err(BadToken::Missing) }
}

/// Verifies a token: the person, and who acts for the person, outermost (the one who acts now) first.
///
/// # Errors
/// The first rule that the token breaks.
pub fn verify_bearer(token: &str, issuers: &Issuers, at: Micros) -> Result<(User, Vec<Actor>), BadToken> {
    let jws = Jws::split(token, TOKEN_BYTES_MAX)?;
    let header: Header = serde_json::from_slice(&jws.header).map_err(|_| BadToken::Header)?;
    header.check_type()?;
    let algorithm = Algorithm::named(&header.alg).ok_or(BadToken::Algorithm)?;
    // Unverified, and used for one thing: to look up whose keys must have signed.
    let name = text(&jws.claims, "iss")?.ok_or(BadToken::Claim("iss"))?;
    let issuer = issuers.by_name.get(name).ok_or(BadToken::Issuer)?;
    if !issuer.settings.algorithms.contains(&algorithm) {
        return Err(BadToken::Algorithm);
    }
    let key = issuer.key(&header.kid, algorithm).ok_or(BadToken::Key)?;
    match jsonwebtoken::crypto::verify(jws.signature_text, jws.signed.as_bytes(), key, algorithm.verifier()) {
        Ok(true) => believe(&jws.claims, issuer, at),
        Ok(false) | Err(_) => Err(BadToken::Signature),
    }
}

/// The headers that are understood; `jwk`, `jku`, `x5u`, `x5c`, `crit` and `b64` are not, so that a token cannot bring its own key or rules.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    alg: String,
    kid: String,
    typ: Option<String>,
    #[serde(rename = "x5t")]
    _x5t: Option<String>,
    #[serde(rename = "x5t#S256")]
    _x5t_sha256: Option<String>,
}

impl Header {
    /// Absent, `JWT`, or `at+jwt` (RFC 9068): not a token made for something else (RFC 8725 section 3.11).
    fn check_type(&self) -> Result<(), BadToken> {
        let Some(typ) = &self.typ else { return Ok(()) };
        let typ = typ.to_ascii_lowercase();
        match typ.strip_prefix("application/").unwrap_or(&typ) {
            "jwt" | "at+jwt" => Ok(()),
            _ => Err(BadToken::Type),
        }
    }
}

/// The claims of a token whose signature is good.
fn believe(claims: &Json, issuer: &Issuer, at: Micros) -> Result<(User, Vec<Actor>), BadToken> {
    let settings = &issuer.settings;
    check_audience(claims, &settings.audience)?;
    let (now, skew) = (at.seconds(), i64::from(settings.clock_skew_seconds));
    let expires = date(claims, "exp")?.ok_or(BadToken::Claim("exp"))?;
    if now >= expires.saturating_add(skew) {
        return Err(BadToken::Expired);
    }
    for name in ["nbf", "iat"] {
        if date(claims, name)?.is_some_and(|from| now.saturating_add(skew) < from) {
            return Err(BadToken::NotYetValid);
        }
    }
    let subject = text(claims, "sub")?.ok_or(BadToken::Claim("sub"))?.to_owned();
    let tenant = match &settings.tenant_claim {
        Some(name) => text(claims, name).map_err(|_| BadToken::Tenant)?.map(str::to_owned),
        None => None,
    };
    let passed = settings.claims.iter().filter_map(|name| Some((name.clone(), Tree::get(claims, name)?.clone()))).collect();
    let user = User { issuer: settings.issuer.clone(), subject, tenant, claims: Json::Object(passed) };
    Ok((user, actors(claims, &settings.issuer)?))
}

fn check_audience(claims: &Json, audience: &str) -> Result<(), BadToken> {
    let is_ours = |value: &Json| matches!(value, Json::String(name) if name == audience);
    let found = match Tree::get(claims, "aud") {
        Some(Json::Array(several)) => several.iter().any(is_ours),
        Some(one) => is_ours(one),
        None => false,
    };
    if found { Ok(()) } else { Err(BadToken::Audience) }
}

/// RFC 8693 section 4.1: each `act` holds the one before it.
fn actors(claims: &Json, issuer: &str) -> Result<Vec<Actor>, BadToken> {
    let (mut actors, mut holder) = (Vec::new(), claims);
    while let Some(act) = Tree::get(holder, "act") {
        if actors.len() == ACTORS_MAX {
            return Err(BadToken::Actors);
        }
        let subject = text(act, "sub").ok().flatten().ok_or(BadToken::Claim("act"))?.to_owned();
        let issuer = text(act, "iss").map_err(|_| BadToken::Claim("act"))?.unwrap_or(issuer).to_owned();
        actors.push(Actor { issuer, subject });
        holder = act;
    }
    Ok(actors)
}

/// A claim that must be a text where it is present.
fn text<'a>(object: &'a Json, name: &str) -> Result<Option<&'a str>, BadToken> {
    match Tree::get(object, name) {
        None => Ok(None),
        Some(Json::String(value)) if !value.is_empty() && value.len() <= NAME_BYTES_MAX => Ok(Some(value)),
        Some(Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) | Json::Array(_) | Json::Object(_)) => {
            Err(BadToken::claim(name))
        }
    }
}

/// A NumericDate (RFC 7519 section 2) in whole seconds; a fraction is cut off.
fn date(claims: &Json, name: &str) -> Result<Option<i64>, BadToken> {
    match Tree::get(claims, name) {
        None => Ok(None),
        Some(Json::Number(Number::Int(seconds))) => Ok(Some(*seconds)),
        Some(Json::Number(Number::Float(seconds))) =>
        {
            #[expect(clippy::cast_possible_truncation, reason = "the cast saturates, and a fraction is to be cut off")]
            Ok(Some(*seconds as i64))
        }
        Some(Json::Null | Json::Bool(_) | Json::String(_) | Json::Array(_) | Json::Object(_)) => Err(BadToken::claim(name)),
    }
}

/// Why a user token is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadToken {
    /// No token where the route asks for one.
    #[error("this route asks for a user token: send `authorization: Bearer <token>`")]
    Missing,
    /// Not a compact JWS, or two parsers could read it differently.
    #[error("the user token cannot be read: {0}")]
    Malformed(#[from] NotJws),
    /// A header member that is missing, of the wrong kind, or not understood (`jwk`, `jku`, `x5u`, `crit`, `b64` among them).
    #[error("the user token's header must have `alg` and `kid`, and beside them only `typ`, `x5t` and `x5t#S256`")]
    Header,
    /// A token made for something else.
    #[error("the user token's `typ` is not `JWT` or `at+jwt`")]
    Type,
    /// Not one that the issuer is allowed.
    #[error("the user token is signed with an algorithm that the config does not allow its issuer")]
    Algorithm,
    /// Nobody whom the config names.
    #[error("the user token's issuer is not one that the config names")]
    Issuer,
    /// No such key, or one for another algorithm.
    #[error("the user token's `kid` is not a key of its issuer for this algorithm; is the JWKS file current?")]
    Key,
    /// It does not verify.
    #[error("the user token's signature does not verify")]
    Signature,
    /// Meant for somebody else.
    #[error("the user token is for another audience")]
    Audience,
    /// At or after `exp`.
    #[error("the user token has expired")]
    Expired,
    /// Before `nbf` or `iat`.
    #[error("the user token is not valid yet; compare the clocks")]
    NotYetValid,
    /// A claim that is missing or of the wrong kind.
    #[error("the user token's claim `{0}` is missing or of the wrong kind")]
    Claim(&'static str),
    /// The claim that names the tenant is of the wrong kind.
    #[error("the user token's tenant claim is not a text")]
    Tenant,
    /// More actors than are followed.
    #[error("the user token names more than {ACTORS_MAX} actors, one inside another")]
    Actors,
}

impl BadToken {
    fn claim(name: &str) -> Self {
        Self::Claim(["iss", "sub", "exp", "nbf", "iat"].into_iter().find(|known| *known == name).unwrap_or("act"))
    }

    /// The stable reason code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Missing => "toolgate.identity.token_missing",
            Self::Malformed(_) => "toolgate.identity.token_malformed",
            Self::Header => "toolgate.identity.token_header",
            Self::Type => "toolgate.identity.token_type",
            Self::Algorithm => "toolgate.identity.token_algorithm",
            Self::Issuer => "toolgate.identity.token_issuer",
            Self::Key => "toolgate.identity.token_key",
            Self::Signature => "toolgate.identity.token_signature",
            Self::Audience => "toolgate.identity.token_audience",
            Self::Expired => "toolgate.identity.token_expired",
            Self::NotYetValid => "toolgate.identity.token_not_yet_valid",
            Self::Claim(_) => "toolgate.identity.token_claim",
            Self::Tenant => "toolgate.identity.token_tenant",
            Self::Actors => "toolgate.identity.token_actors",
        }
    }
}

#[cfg(test)]
mod tests;
