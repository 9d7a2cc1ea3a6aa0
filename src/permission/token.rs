//! A permission as it came: its closed header, its claims, its signature. Nothing here is verified.

use crate::claims::{Claims, Kind};
use crate::rejected::Rejected;
use crate::settings::{Algorithm, Settings};
use canon::{CallId, InstanceId};
use identity::jws::Jws;
use serde::Deserialize;

/// What a token says of itself. Not verified: good for looking things up before `verify`, and for nothing else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claimed {
    /// Override or approval.
    pub kind: Kind,
    /// The key that it names.
    pub kid: String,
    /// The person that it names.
    pub iss: String,
    /// Its own id.
    pub jti: String,
    /// The refused decision: look it up for `Binding::refused`.
    pub decision_id: CallId,
    /// The journal that it names.
    pub instance: InstanceId,
}

/// Reads what a token says of itself, so that the refused decision can be looked up.
///
/// # Errors
/// The token cannot be read.
pub fn peek(token: &str, settings: &Settings) -> Result<Claimed, Rejected> {
    let token = Token::parse(token, settings)?;
    let claims = token.claims()?;
    let Claims { iss, jti, decision_id, instance, .. } = claims;
    Ok(Claimed { kind: token.kind, kid: token.kid, iss, jti, decision_id, instance })
}

/// A token whose header is good. It holds a credential: no Debug.
pub(crate) struct Token<'a> {
    pub(crate) kind: Kind,
    pub(crate) kid: String,
    pub(crate) jws: Jws<'a>,
}

/// RFC 7515 section 4, closed: no `crit`, `b64`, `jwk`, `jku`, `x5u` or `x5c`, and no second algorithm to confuse.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    alg: String,
    typ: String,
    kid: String,
}

impl<'a> Token<'a> {
    pub(crate) fn parse(token: &'a str, settings: &Settings) -> Result<Self, Rejected> {
        let jws = Jws::split(token, settings.token_bytes_max)?;
        let header: Header = serde_json::from_slice(&jws.header).map_err(|_| Rejected::Header)?;
        let algorithm = match header.alg.as_str() {
            "Ed25519" => Algorithm::Ed25519,
            "EdDSA" => Algorithm::EdDSA,
            _ => return Err(Rejected::Algorithm),
        };
        if !settings.algorithms.contains(&algorithm) {
            return Err(Rejected::Algorithm);
        }
        let kind = Kind::of_typ(&header.typ).ok_or(Rejected::Type)?;
        Ok(Self { kind, kid: header.kid, jws })
    }

    pub(crate) fn claims(&self) -> Result<Claims, Rejected> {
        let claims: Claims = serde_json::from_slice(&self.jws.payload).map_err(|error| Rejected::Claims(wrong(&error)))?;
        match claims.malformed() {
            None => Ok(claims),
            Some(name) => Err(Rejected::Claims(format!("`{name}` is not in its form"))),
        }
    }
}

/// The reader's words, without its types, made safe to show: they may hold a key of the payload.
fn wrong(error: &serde_json::Error) -> String {
    let text = error.to_string();
    canon::text::shown(text.split(", expected").next().unwrap_or_default(), 160)
}
