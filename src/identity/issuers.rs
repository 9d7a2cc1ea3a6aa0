//! The issuers of user tokens that are believed: for each its keys (RFC 7517), algorithms, audience and what of a token is passed on.

use crate::jws;
use canon::Json;
use canon::json::{Limits, Tree};
use jsonwebtoken::DecodingKey;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fmt;

/// RSA keys below this are not believed, in bytes of the modulus.
const RSA_BYTES_MIN: usize = 256;

/// One issuer, as the config names it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IssuerSettings {
    /// The exact `iss` of its tokens.
    pub issuer: String,
    /// The file of its JWKS, read by the caller.
    pub jwks: String,
    /// What `aud` must be or contain.
    pub audience: String,
    /// The algorithms that are accepted. Nothing is taken from a token's header on trust.
    pub algorithms: Vec<Algorithm>,
    /// How far the issuer's clock may differ, in seconds.
    #[serde(default = "default_skew")]
    pub clock_skew_seconds: u32,
    /// The claims that are passed on to policy and record.
    #[serde(default)]
    pub claims: Vec<String>,
    /// The claim that names the caller's tenant.
    #[serde(default)]
    pub tenant_claim: Option<String>,
}

const fn default_skew() -> u32 {
    30
}

/// A signature algorithm (RFC 7518 section 3.1, RFC 8037). Symmetric ones and `none` cannot be spelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum Algorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    RS256,
    /// RSASSA-PSS with SHA-256.
    PS256,
    /// ECDSA on P-256 with SHA-256.
    ES256,
    /// ECDSA on P-384 with SHA-384.
    ES384,
    /// Ed25519, spelled `EdDSA` or, as RFC 9864 has it, `Ed25519`.
    EdDSA,
}

impl Algorithm {
    pub(crate) fn named(name: &str) -> Option<Self> {
        match name {
            "RS256" => Some(Self::RS256),
            "PS256" => Some(Self::PS256),
            "ES256" => Some(Self::ES256),
            "ES384" => Some(Self::ES384),
            "EdDSA" | "Ed25519" => Some(Self::EdDSA),
            _ => None,
        }
    }

    pub(crate) const fn verifier(self) -> jsonwebtoken::Algorithm {
        match self {
            Self::RS256 => jsonwebtoken::Algorithm::RS256,
            Self::PS256 => jsonwebtoken::Algorithm::PS256,
            Self::ES256 => jsonwebtoken::Algorithm::ES256,
            Self::ES384 => jsonwebtoken::Algorithm::ES384,
            Self::EdDSA => jsonwebtoken::Algorithm::EdDSA,
        }
    }

    const fn family(self) -> Family {
        match self {
            Self::RS256 | Self::PS256 => Family::Rsa,
            Self::ES256 => Family::P256,
            Self::ES384 => Family::P384,
            Self::EdDSA => Family::Ed25519,
        }
    }
}

/// Every issuer with its keys. Built whole, swapped whole.
#[derive(Clone, Default)]
pub struct Issuers {
    pub(crate) by_name: BTreeMap<String, Issuer>,
}

impl fmt::Debug for Issuers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.by_name.keys()).finish()
    }
}

#[derive(Clone)]
pub(crate) struct Issuer {
    pub(crate) settings: IssuerSettings,
    keys: BTreeMap<String, Key>,
}

#[derive(Clone)]
struct Key {
    family: Family,
    only: Option<Algorithm>,
    key: DecodingKey,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Family {
    Rsa,
    P256,
    P384,
    Ed25519,
}

impl Issuer {
    /// The key `kid`, if it is one for `algorithm`.
    pub(crate) fn key(&self, kid: &str, algorithm: Algorithm) -> Option<&DecodingKey> {
        let key = self.keys.get(kid)?;
        let fits = key.family == algorithm.family() && key.only.is_none_or(|only| only == algorithm);
        fits.then_some(&key.key)
    }
}

impl Issuers {
    /// Builds from the settings of each issuer and the bytes of its JWKS.
    ///
    /// # Errors
    /// Every mistake of every issuer at once.
    pub fn build<'a>(issuers: impl IntoIterator<Item = (&'a IssuerSettings, &'a [u8])>) -> Result<Self, Vec<IssuerProblem>> {
        let (mut by_name, mut problems) = (BTreeMap::new(), Vec::new());
        for (settings, jwks) in issuers {
            let mut wrong = |why: String| problems.push(IssuerProblem { issuer: settings.issuer.clone(), why });
            if settings.issuer.is_empty() || settings.audience.is_empty() {
                wrong("`issuer` and `audience` must not be empty".to_owned());
            }
            if settings.algorithms.is_empty() {
                wrong("`algorithms` is empty: name at least one".to_owned());
            }
            let keys = keys(jwks, &mut wrong);
            if by_name.insert(settings.issuer.clone(), Issuer { settings: settings.clone(), keys }).is_some() {
                wrong("is named twice".to_owned());
            }
        }
        if problems.is_empty() { Ok(Self { by_name }) } else { Err(problems) }
    }
}

/// A mistake in an issuer's settings or keys.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("issuer `{issuer}`: {why}")]
pub struct IssuerProblem {
    /// The issuer.
    pub issuer: String,
    /// What is wrong and what to do.
    pub why: String,
}

#[derive(Deserialize)]
struct Jwks {
    keys: Vec<serde_json::Value>,
}

/// RFC 7517 section 4; members that are not named here are ignored, as it asks.
#[derive(Deserialize)]
struct Jwk {
    kty: String,
    kid: Option<String>,
    #[serde(rename = "use")]
    purpose: Option<String>,
    alg: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

/// Strict JSON first, so that the typed reading is the only one.
fn read(jwks: &[u8]) -> Result<Jwks, String> {
    match canon::json::parse::<Tree>(jwks, &Limits::default()).map_err(|rejected| rejected.to_string())? {
        Json::Object(_) => serde_json::from_slice(jwks).map_err(|error| error.to_string()),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) | Json::Array(_) => Err("it is not an object".to_owned()),
    }
}

fn keys(jwks: &[u8], wrong: &mut dyn FnMut(String)) -> BTreeMap<String, Key> {
    let mut keys = BTreeMap::new();
    let set = match read(jwks) {
        Ok(set) => set,
        Err(why) => {
            wrong(format!("its JWKS cannot be read: {why}"));
            return keys;
        }
    };
    for (place, value) in set.keys.into_iter().enumerate() {
        match serde_json::from_value(value).map_err(|error| error.to_string()).and_then(key) {
            Ok(Some((kid, key))) => {
                if keys.insert(kid.clone(), key).is_some() {
                    wrong(format!("two keys of its JWKS have the `kid` `{}`", canon::text::shown(&kid, 80)));
                }
            }
            Ok(None) => {}
            Err(why) => wrong(format!("key {} of its JWKS {why}", place.saturating_add(1))),
        }
    }
    if keys.is_empty() {
        wrong("its JWKS has no key that can verify: it needs RSA, P-256, P-384 or Ed25519 keys with `kid`".to_owned());
    }
    keys
}

/// `None` for a key that is not for us: for encryption, or of a kind that we do not verify with (RFC 7517 section 5).
fn key(jwk: Jwk) -> Result<Option<(String, Key)>, String> {
    if jwk.kty == "oct" {
        return Err("is symmetric: a user token is never verified with a shared secret".to_owned());
    }
    let ours = jwk.purpose.as_deref().is_none_or(|purpose| purpose == "sig");
    let only = jwk.alg.as_deref().map(Algorithm::named);
    let (Some(family), true, None | Some(Some(_))) = (family(&jwk), ours, only) else { return Ok(None) };
    let part = |text: Option<&String>, name: &'static str| {
        text.and_then(|text| jws::decode(text, name).ok()).ok_or_else(|| format!("has no `{name}` in base64url"))
    };
    let key = match family {
        Family::Rsa => {
            let modulus = part(jwk.n.as_ref(), "n")?;
            if modulus.len() < RSA_BYTES_MIN {
                return Err("is an RSA key of less than 2048 bits".to_owned());
            }
            DecodingKey::from_rsa_raw_components(&modulus, &part(jwk.e.as_ref(), "e")?)
        }
        Family::P256 => point(&part(jwk.x.as_ref(), "x")?, &part(jwk.y.as_ref(), "y")?, 32)?,
        Family::P384 => point(&part(jwk.x.as_ref(), "x")?, &part(jwk.y.as_ref(), "y")?, 48)?,
        Family::Ed25519 => {
            let x = part(jwk.x.as_ref(), "x")?;
            if x.len() != 32 {
                return Err("has an `x` that is not 32 bytes".to_owned());
            }
            DecodingKey::from_ed_der(&x)
        }
    };
    let kid = jwk.kid.filter(|kid| !kid.is_empty()).ok_or("has no `kid`")?;
    Ok(Some((kid, Key { family, only: only.flatten(), key })))
}

fn family(jwk: &Jwk) -> Option<Family> {
    match (jwk.kty.as_str(), jwk.crv.as_deref()) {
        ("RSA", _) => Some(Family::Rsa),
        ("EC", Some("P-256")) => Some(Family::P256),
        ("EC", Some("P-384")) => Some(Family::P384),
        ("OKP", Some("Ed25519")) => Some(Family::Ed25519),
        _ => None,
    }
}

/// The uncompressed form (SEC 1 section 2.3.3).
fn point(x: &[u8], y: &[u8], bytes: usize) -> Result<DecodingKey, String> {
    if x.len() != bytes || y.len() != bytes {
        return Err(format!("has an `x` or `y` that is not {bytes} bytes"));
    }
    Ok(DecodingKey::from_ec_der(&[&[4], x, y].concat()))
}

#[cfg(test)]
mod tests;
