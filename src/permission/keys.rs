//! The keys that may sign permissions: a JWKS (RFC 7517, RFC 8037) whose entries say whose each key is and what it may do.

use crate::revocations::Revocations;
use crate::settings::Settings;
use canon::json::{Limits, Tree};
use canon::{Digest, Json, Micros};
use ed25519_dalek::VerifyingKey;
use identity::{Actor, SpiffeId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

const KID_BYTES_MAX: usize = 128;

/// What a key may sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Approvals.
    Approver,
    /// Overrides.
    Override,
    /// Overrides, those of error decisions too.
    BreakGlass,
}

/// One key, as its JWKS spells it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyEntry {
    /// `OKP`.
    pub kty: String,
    /// `Ed25519`.
    pub crv: String,
    /// The public key, base64url.
    pub x: String,
    /// The key's name in a token's header.
    pub kid: String,
    /// `Ed25519` or `EdDSA`, where it is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alg: Option<String>,
    /// `sig`, where it is said.
    #[serde(default, rename = "use", skip_serializing_if = "Option::is_none")]
    pub purpose: Option<String>,
    /// Who holds it; the `iss` of what it signs.
    pub person: String,
    /// What it may sign.
    pub roles: Vec<Role>,
    /// For which tenants; `*` is all.
    pub tenants: Vec<String>,
    /// For which tools; `*` is all, and a name with `*` at its end is all that begin so.
    pub tools: Vec<String>,
    /// The longest life of what it signs, in seconds.
    pub lifetime_seconds_max: u32,
    /// From when it may sign, in seconds since the epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nbf: Option<i64>,
    /// Until when, that second not counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exp: Option<i64>,
    /// Whether what it signs may fit any arguments.
    #[serde(default, skip_serializing_if = "Arguments::is_exact")]
    pub arguments: Arguments,
    /// The workloads that the person is: none of their calls may be permitted with it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub spiffe_ids: Vec<SpiffeId>,
    /// The users that the person is, by issuer and subject: none of their calls may be permitted with it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub users: Vec<Login>,
}

/// Whether a key's permissions must name the arguments' digest.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Arguments {
    /// They must.
    #[default]
    Exact,
    /// `*` is accepted.
    Any,
}

impl Arguments {
    const fn is_exact(&self) -> bool {
        matches!(self, Self::Exact)
    }
}

/// A user of an issuer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Login {
    /// The `iss` of the user's tokens.
    pub issuer: String,
    /// The `sub`.
    pub subject: String,
}

#[derive(Debug, Clone)]
pub(crate) struct Key {
    pub(crate) entry: KeyEntry,
    pub(crate) verifying: VerifyingKey,
}

impl Key {
    pub(crate) fn may(&self, role: Role) -> bool {
        self.entry.roles.contains(&role)
    }

    pub(crate) fn signs_at(&self, seconds: i64) -> bool {
        self.entry.nbf.is_none_or(|from| from <= seconds) && self.entry.exp.is_none_or(|until| seconds < until)
    }

    pub(crate) fn is_for_tenant(&self, tenant: &str) -> bool {
        self.entry.tenants.iter().any(|own| own == "*" || own == tenant)
    }

    pub(crate) fn is_for_tool(&self, tool: &str) -> bool {
        self.entry.tools.iter().any(|own| own == tool || own.strip_suffix('*').is_some_and(|prefix| tool.starts_with(prefix)))
    }

    /// Whether the key's person is the one who asks: the workload, or one of the people behind the call.
    pub(crate) fn is_of<'a>(&self, subject: &SpiffeId, mut people: impl Iterator<Item = &'a Actor>) -> bool {
        let entry = &self.entry;
        let login = |one: &Actor| entry.users.iter().any(|own| own.issuer == one.issuer && own.subject == one.subject);
        entry.person == subject.as_str()
            || entry.spiffe_ids.contains(subject)
            || people.any(|one| entry.person == one.subject || login(one))
    }
}

/// Every key, the revocations, and how permissions are checked. Built whole, swapped whole.
#[derive(Debug, Clone)]
pub struct Keys {
    pub(crate) by_kid: BTreeMap<String, Key>,
    pub(crate) settings: Settings,
    revocations: Option<Revocations>,
    digest: Digest,
}

impl Keys {
    /// Builds from the bytes of a JWKS and, where the config names one, of a revocation list.
    ///
    /// # Errors
    /// Every mistake at once.
    pub fn build(jwks: &[u8], revocations: Option<&[u8]>, settings: Settings) -> Result<Self, Vec<KeyProblem>> {
        let mut problems = Vec::new();
        let by_kid = keys(jwks, &mut problems);
        let list = revocations.and_then(|bytes| read::<Revocations>(bytes).map_err(|why| problems.push(KeyProblem::Revocations(why))).ok());
        if !problems.is_empty() {
            return Err(problems);
        }
        let digest = Digest::of(&[&Digest::of(&[jwks]).0, &Digest::of(&[revocations.unwrap_or_default()]).0]);
        Ok(Self { by_kid, settings, revocations: list, digest })
    }

    /// No keys: every permission is rejected.
    #[must_use]
    pub fn none(settings: Settings) -> Self {
        Self { by_kid: BTreeMap::new(), settings, revocations: None, digest: Digest::of(&[]) }
    }

    /// Tells one set of keys and revocations from another.
    #[must_use]
    pub const fn digest(&self) -> Digest {
        self.digest
    }

    /// The revocation list, where there is one.
    #[must_use]
    pub const fn revocations(&self) -> Option<&Revocations> {
        self.revocations.as_ref()
    }

    /// Whether there is no list, or one that may be trusted at `at`.
    #[must_use]
    pub fn has_current_revocations(&self, at: Micros) -> bool {
        self.revocations.as_ref().is_none_or(|list| list.is_current(at, self.settings.clock_skew_seconds))
    }

    /// The second since the epoch from which the list is overdue, if there is one.
    #[must_use]
    pub fn revocations_end(&self) -> Option<i64> {
        self.revocations.as_ref().map(|list| list.next_update)
    }

    /// The keys, by `kid`.
    pub fn entries(&self) -> impl Iterator<Item = &KeyEntry> {
        self.by_kid.values().map(|key| &key.entry)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Jwks {
    keys: Vec<serde_json::Value>,
}

/// Strict JSON first, so that the typed reading is the only one.
fn read<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, String> {
    match canon::json::parse::<Tree>(bytes, &Limits::default()).map_err(|rejected| rejected.to_string())? {
        Json::Object(_) => serde_json::from_slice(bytes).map_err(|error| error.to_string()),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) | Json::Array(_) => Err("it is not an object".to_owned()),
    }
}

fn keys(jwks: &[u8], problems: &mut Vec<KeyProblem>) -> BTreeMap<String, Key> {
    let mut keys: BTreeMap<String, Key> = BTreeMap::new();
    let set: Jwks = match read(jwks) {
        Ok(set) => set,
        Err(why) => {
            problems.push(KeyProblem::Jwks(why));
            return keys;
        }
    };
    for (place, value) in set.keys.into_iter().enumerate() {
        let place = place.saturating_add(1);
        match key(value) {
            Ok(key) if keys.contains_key(&key.entry.kid) => problems.push(KeyProblem::Twice { place, what: "kid" }),
            // One key under two names could pass for two persons.
            Ok(key) if keys.values().any(|other| other.verifying == key.verifying) => problems.push(KeyProblem::Twice { place, what: "x" }),
            Ok(key) => drop(keys.insert(key.entry.kid.clone(), key)),
            Err(why) => problems.push(KeyProblem::Key { place, why }),
        }
    }
    keys
}

fn require(good: bool, why: &str) -> Result<(), String> {
    if good { Ok(()) } else { Err(why.to_owned()) }
}

fn key(value: serde_json::Value) -> Result<Key, String> {
    require(value.is_object(), "is not an object")?;
    if value.get("d").is_some() {
        return Err("holds a private key (`d`): keep that with its person".to_owned());
    }
    let entry: KeyEntry = serde_json::from_value(value).map_err(|error| error.to_string())?;
    require(entry.kty == "OKP" && entry.crv == "Ed25519", "is not of `kty` `OKP` and `crv` `Ed25519`")?;
    require(matches!(entry.alg.as_deref(), None | Some("Ed25519" | "EdDSA")), "has another `alg` than `Ed25519`")?;
    require(matches!(entry.purpose.as_deref(), None | Some("sig")), "has another `use` than `sig`")?;
    require(!entry.kid.is_empty() && entry.kid.len() <= KID_BYTES_MAX, "has a `kid` that is empty or over 128 bytes")?;
    require(!entry.person.trim().is_empty(), "has no `person`")?;
    require(!entry.roles.is_empty(), "has no `roles`: name `approver`, `override` or `break_glass`")?;
    require(!entry.tenants.is_empty() && !entry.tools.is_empty(), "has no `tenants` or no `tools`: name them, or write `*`")?;
    require(entry.lifetime_seconds_max > 0, "has a `lifetime_seconds_max` of 0")?;
    let verifying = verifying(&entry.x)?;
    Ok(Key { entry, verifying })
}

/// A point that only its holder can sign for: spelled canonically, in the group of prime order (so of no small order).
fn verifying(x: &str) -> Result<VerifyingKey, String> {
    let bytes = identity::jws::decode(x, "x").map_err(|_| "has an `x` that is not base64url without padding".to_owned())?;
    let bytes: [u8; 32] = bytes.try_into().map_err(|_| "has an `x` that is not 32 bytes".to_owned())?;
    let key = VerifyingKey::from_bytes(&bytes).map_err(|_| "has an `x` that is no point of the curve".to_owned())?;
    let point = key.to_edwards();
    if key.is_weak() || !point.is_torsion_free() || point.compress().to_bytes() != bytes {
        return Err("is a weak key: others could sign for it".to_owned());
    }
    Ok(key)
}

/// A mistake in the keys or the revocation list.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyProblem {
    /// The JWKS as a whole.
    #[error("the permission keys cannot be read: {0}; write `{{\"keys\": [..]}}`")]
    Jwks(String),
    /// One key.
    #[error("permission key {place} {why}")]
    Key {
        /// Which one, from 1.
        place: usize,
        /// What is wrong.
        why: String,
    },
    /// Two entries with one name or one key.
    #[error("permission key {place} has the same `{what}` as one before it")]
    Twice {
        /// Which one, from 1.
        place: usize,
        /// The member.
        what: &'static str,
    },
    /// The revocation list.
    #[error("the revocation list cannot be read: {0}")]
    Revocations(String),
}

#[cfg(test)]
mod tests;
