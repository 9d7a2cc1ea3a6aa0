//! The person's side: making a key, writing its public entry, signing a permission.

use crate::claims::{Claims, Kind};
use crate::keys::{Arguments, KeyEntry, Role};
use canon::Digest;
use ed25519_dalek::Signer as _;
use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
use ed25519_dalek::pkcs8::{DecodePrivateKey as _, EncodePrivateKey as _, KeypairBytes};
use identity::jws;
use std::fmt;
use zeroize::Zeroizing;

/// A private key of Ed25519. It prints as its `kid`.
pub struct SigningKey(ed25519_dalek::SigningKey);

impl SigningKey {
    /// From 32 random bytes, made elsewhere.
    #[must_use]
    pub fn from_seed(seed: &Zeroizing<[u8; 32]>) -> Self {
        Self(ed25519_dalek::SigningKey::from_bytes(seed))
    }

    /// Reads PKCS#8 in PEM (RFC 8410).
    ///
    /// # Errors
    /// `BadKey`.
    pub fn from_pem(pem: &str) -> Result<Self, BadKey> {
        ed25519_dalek::SigningKey::from_pkcs8_pem(pem).map(Self).map_err(|_| BadKey)
    }

    /// Writes PKCS#8 version 1 in PEM, which every tool reads.
    ///
    /// # Errors
    /// `BadKey`; no key is known to give it.
    pub fn to_pem(&self) -> Result<Zeroizing<String>, BadKey> {
        KeypairBytes { secret_key: self.0.to_bytes(), public_key: None }.to_pkcs8_pem(LineEnding::LF).map_err(|_| BadKey)
    }

    /// The key's name: its JWK thumbprint (RFC 7638, RFC 8037 appendix A.3).
    #[must_use]
    pub fn kid(&self) -> String {
        let jwk = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{}"}}"#, self.x());
        jws::encode(&Digest::of(&[jwk.as_bytes()]).0)
    }

    pub(crate) fn x(&self) -> String {
        jws::encode(self.0.verifying_key().as_bytes())
    }

    pub(crate) fn sign_bytes(&self, bytes: &[u8]) -> [u8; 64] {
        self.0.sign(bytes).to_bytes()
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SigningKey").field(&self.kid()).finish()
    }
}

/// Not a private key that can sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is not an Ed25519 private key in PKCS#8 PEM: make one with `toolgate permission keygen`")]
pub struct BadKey;

/// Whose a new key is and what it may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// Who holds it.
    pub person: String,
    /// What it may sign.
    pub roles: Vec<Role>,
    /// For which tenants.
    pub tenants: Vec<String>,
    /// For which tools.
    pub tools: Vec<String>,
    /// The longest life of what it signs, in seconds.
    pub lifetime_seconds_max: u32,
}

/// The key's entry for the JWKS.
#[must_use]
pub fn published(key: &SigningKey, of: Published) -> KeyEntry {
    KeyEntry {
        kty: "OKP".to_owned(),
        crv: "Ed25519".to_owned(),
        x: key.x(),
        kid: key.kid(),
        alg: Some("Ed25519".to_owned()),
        purpose: Some("sig".to_owned()),
        person: of.person,
        roles: of.roles,
        tenants: of.tenants,
        tools: of.tools,
        lifetime_seconds_max: of.lifetime_seconds_max,
        nbf: None,
        exp: None,
        arguments: Arguments::Exact,
        spiffe_ids: Vec::new(),
        users: Vec::new(),
    }
}

/// Signs a permission under the key's own `kid`.
///
/// # Errors
/// A claim that no verifier would accept, by name.
pub fn sign(kind: Kind, claims: &Claims, key: &SigningKey) -> Result<String, crate::Rejected> {
    if let Some(name) = claims.malformed() {
        return Err(crate::Rejected::Claims(format!("`{name}` is not in its form")));
    }
    let header = format!(r#"{{"alg":"Ed25519","typ":"{}","kid":"{}"}}"#, kind.typ(), key.kid());
    let payload = serde_json::to_vec(claims).map_err(|error| crate::Rejected::Claims(error.to_string()))?;
    let signed = format!("{}.{}", jws::encode(header.as_bytes()), jws::encode(&payload));
    Ok(format!("{signed}.{}", jws::encode(&key.sign_bytes(signed.as_bytes()))))
}

#[cfg(test)]
mod tests;
