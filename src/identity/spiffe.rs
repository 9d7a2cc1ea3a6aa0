//! SPIFFE ids of workloads, parsed strictly (SPIFFE-ID standard, section 2), and what a Kubernetes path says of one.

use std::fmt;
use std::str::FromStr;

const SCHEME: &str = "spiffe://";
/// The standard's limit on an id, in bytes.
const ID_BYTES_MAX: usize = 2048;
/// The standard's limit on a trust domain, in bytes.
const TRUST_DOMAIN_BYTES_MAX: usize = 255;

/// The id of a workload: `spiffe://<trust domain>/<path>`, the path never empty. One spelling: equal ids are equal bytes.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SpiffeId {
    text: String,
    path_start: usize,
}

impl SpiffeId {
    /// Parses by the letter; nothing is normalised.
    ///
    /// # Errors
    /// What the standard refuses, and an id without a path, which names no workload.
    pub fn parse(text: &str) -> Result<Self, BadSpiffeId> {
        if text.len() > ID_BYTES_MAX {
            return Err(BadSpiffeId::TooLong);
        }
        let rest = text.strip_prefix(SCHEME).ok_or(BadSpiffeId::Scheme)?;
        let (domain, path) = rest.split_once('/').ok_or(BadSpiffeId::NoPath)?;
        check_trust_domain(domain)?;
        path.split('/').try_for_each(check_segment)?;
        Ok(Self { text: text.to_owned(), path_start: SCHEME.len().saturating_add(domain.len()) })
    }

    /// The whole id.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The trust domain, such as `example.org`.
    #[must_use]
    pub fn trust_domain(&self) -> &str {
        self.text.get(SCHEME.len()..self.path_start).unwrap_or_default()
    }

    /// The path with its leading slash, such as `/ns/shop/sa/agent`.
    #[must_use]
    pub fn path(&self) -> &str {
        self.text.get(self.path_start..).unwrap_or_default()
    }
}

fn check_trust_domain(domain: &str) -> Result<(), BadSpiffeId> {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'.' | b'-' | b'_');
    if domain.is_empty() || domain.len() > TRUST_DOMAIN_BYTES_MAX || !domain.bytes().all(allowed) {
        return Err(BadSpiffeId::TrustDomain);
    }
    Ok(())
}

fn check_segment(segment: &str) -> Result<(), BadSpiffeId> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    match segment {
        "" | "." | ".." => Err(BadSpiffeId::Segment),
        segment if !segment.bytes().all(allowed) => Err(BadSpiffeId::PathCharacter),
        _ => Ok(()),
    }
}

impl FromStr for SpiffeId {
    type Err = BadSpiffeId;
    fn from_str(text: &str) -> Result<Self, BadSpiffeId> {
        Self::parse(text)
    }
}

impl fmt::Display for SpiffeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for SpiffeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl serde::Serialize for SpiffeId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de> serde::Deserialize<'de> for SpiffeId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(|bad| serde::de::Error::custom(format!("`{}`: {bad}", canon::text::shown(&text, 100))))
    }
}

/// The name of a trust domain.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TrustDomain(String);

impl TrustDomain {
    /// Parses a bare name such as `example.org`.
    ///
    /// # Errors
    /// `BadSpiffeId::TrustDomain`.
    pub fn parse(name: &str) -> Result<Self, BadSpiffeId> {
        check_trust_domain(name)?;
        Ok(Self(name.to_owned()))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

// The map of trust domains is looked up by the bare name of an id.
impl std::borrow::Borrow<str> for TrustDomain {
    fn borrow(&self) -> &str {
        &self.0
    }
}

/// Why a text is not a workload's SPIFFE id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadSpiffeId {
    /// Over 2048 bytes.
    #[error("a SPIFFE id has at most {ID_BYTES_MAX} bytes")]
    TooLong,
    /// Not `spiffe://`.
    #[error("a SPIFFE id begins with `spiffe://`")]
    Scheme,
    /// Empty, over 255 bytes, or a character outside `a-z 0-9 . - _` (a port, a user, capitals).
    #[error("a trust domain is 1 to {TRUST_DOMAIN_BYTES_MAX} of `a-z`, `0-9`, `.`, `-` and `_`")]
    TrustDomain,
    /// A trust domain alone names no workload.
    #[error("a workload's SPIFFE id has a path after its trust domain")]
    NoPath,
    /// An empty or dot segment, or a trailing slash.
    #[error("a SPIFFE id's path has no empty segment, no `.`, no `..` and no slash at its end")]
    Segment,
    /// A character outside `A-Z a-z 0-9 . - _` (a query, a fragment, percent-encoding).
    #[error("a SPIFFE id's path is made of `A-Z`, `a-z`, `0-9`, `.`, `-`, `_` and `/` alone")]
    PathCharacter,
}

/// An identified workload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Workload {
    /// Its id.
    pub id: SpiffeId,
    /// The namespace, where the path is `/ns/<namespace>/sa/<service account>`.
    pub namespace: Option<String>,
    /// The service account, from the same form of path.
    pub service_account: Option<String>,
}

impl From<SpiffeId> for Workload {
    fn from(id: SpiffeId) -> Self {
        let mut segments = id.path().split('/').skip(1);
        let kubernetes = match (segments.next(), segments.next(), segments.next(), segments.next(), segments.next()) {
            (Some("ns"), Some(namespace), Some("sa"), Some(account), None) => Some((namespace.to_owned(), account.to_owned())),
            _ => None,
        };
        let (namespace, service_account) = kubernetes.unzip();
        Self { id, namespace, service_account }
    }
}

#[cfg(test)]
mod tests;
