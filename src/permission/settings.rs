//! The settings of this room, as the config spells them.

use serde::Deserialize;

/// How permissions are checked.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// The spellings of `alg` that are accepted.
    pub algorithms: Vec<Algorithm>,
    /// Whether each permission must name a ticket.
    pub ticket: Ticket,
    /// The longest token that is looked at, in bytes.
    pub token_bytes_max: usize,
    /// The longest life of any permission, from `iat` (or `nbf`, if that is earlier) to `exp`; a key may set less. In seconds.
    pub lifetime_seconds_max: u32,
    /// How old the refused decision may be when a permission for it is used, in seconds.
    pub decision_age_seconds_max: u32,
    /// How far ahead a signer's clock may be, in seconds. It never extends `exp`.
    pub clock_skew_seconds: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            algorithms: vec![Algorithm::Ed25519],
            ticket: Ticket::Optional,
            token_bytes_max: 8 * 1024,
            lifetime_seconds_max: 24 * 3600,
            decision_age_seconds_max: 24 * 3600,
            clock_skew_seconds: 30,
        }
    }
}

/// A spelling of Ed25519 as a JOSE algorithm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum Algorithm {
    /// RFC 9864.
    Ed25519,
    /// RFC 8037, deprecated by RFC 9864.
    EdDSA,
}

/// Whether a permission names a ticket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Ticket {
    /// It may.
    Optional,
    /// It must.
    Required,
}
