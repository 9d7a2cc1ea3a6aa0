//! Why a caller, or an upstream, is not who it should be. Each reason has a stable code and a sentence for people.

use crate::spiffe::{BadSpiffeId, SpiffeId};
use canon::Micros;

/// Why a caller is not identified.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unidentified {
    /// The TLS client sent no certificate.
    #[error("the caller sent no client certificate; give it an X.509-SVID")]
    NoCertificate,
    /// The leaf does not read as X.509 version 3, or has an extension twice.
    #[error("the certificate cannot be read as X.509")]
    Unreadable,
    /// No URI among the subject alternative names. A common name identifies nobody.
    #[error("the certificate has no SPIFFE id: it needs one URI as subject alternative name")]
    NoUri,
    /// More than one URI (X509-SVID section 2).
    #[error("the certificate has {0} URI names; an X.509-SVID has exactly one")]
    SeveralUris(usize),
    /// The one URI is not a workload's id.
    #[error("the URI of the certificate is not a workload's SPIFFE id: {0}")]
    BadId(BadSpiffeId),
    /// The leaf is a certificate authority (X509-SVID section 4.1).
    #[error("the certificate is that of a certificate authority; an authority never authenticates as a workload")]
    Authority,
    /// Key usage missing, not critical, without digitalSignature, or with keyCertSign or cRLSign (X509-SVID section 4.3).
    #[error("the key usage of the certificate must be present, critical, have digitalSignature and neither keyCertSign nor cRLSign")]
    KeyUsage,
    /// Extended key usage present without both serverAuth and clientAuth (X509-SVID section 4.4).
    #[error("the extended key usage of the certificate must have both serverAuth and clientAuth, or be absent")]
    ExtendedKeyUsage,
    /// After its last second.
    #[error("the certificate expired at {not_after}")]
    Expired {
        /// Its last second.
        not_after: Micros,
    },
    /// Before its first second.
    #[error("the certificate is not valid before {not_before}; compare the clocks")]
    NotYetValid {
        /// Its first second.
        not_before: Micros,
    },
    /// No bundle for the leaf's trust domain.
    #[error("no trust bundle is configured for the trust domain `{0}`")]
    TrustDomain(String),
    /// The chain does not end at an authority of the leaf's own trust domain.
    #[error("the certificate does not chain to an authority of its trust domain `{0}`")]
    UnknownAuthority(String),
    /// An authority on the chain is expired or not yet valid.
    #[error("an authority in the chain of the certificate is not valid now")]
    AuthorityValidity,
    /// Anything else that makes the chain invalid: too long, a name constraint, a critical extension that is not understood.
    #[error("the chain of the certificate is not valid: {0}")]
    Chain(String),
    /// On a local listener: the system did not say whose process the peer is.
    #[error("the user id of the local peer is not known")]
    PeerUnknown,
    /// On a local listener: a user that is not in `peer_uids`.
    #[error("the local peer runs as uid {0}, which is not in the listener's `peer_uids`")]
    PeerUid(u32),
}

impl Unidentified {
    /// The stable reason code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NoCertificate => "toolgate.identity.no_certificate",
            Self::Unreadable => "toolgate.identity.unreadable",
            Self::NoUri => "toolgate.identity.no_uri",
            Self::SeveralUris(_) => "toolgate.identity.several_uris",
            Self::BadId(_) => "toolgate.identity.bad_id",
            Self::Authority => "toolgate.identity.authority",
            Self::KeyUsage => "toolgate.identity.key_usage",
            Self::ExtendedKeyUsage => "toolgate.identity.extended_key_usage",
            Self::Expired { .. } => "toolgate.identity.expired",
            Self::NotYetValid { .. } => "toolgate.identity.not_yet_valid",
            Self::TrustDomain(_) => "toolgate.identity.trust_domain",
            Self::UnknownAuthority(_) => "toolgate.identity.unknown_authority",
            Self::AuthorityValidity => "toolgate.identity.authority_validity",
            Self::Chain(_) => "toolgate.identity.chain",
            Self::PeerUnknown => "toolgate.identity.peer_unknown",
            Self::PeerUid(_) => "toolgate.identity.peer_uid",
        }
    }
}

/// Why a server is not the upstream that the config names.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WrongPeer {
    /// Its certificate is not a valid X.509-SVID.
    #[error("what the upstream shows is not a valid X.509-SVID: {0}")]
    NotAnSvid(Unidentified),
    /// A valid SVID of somebody else.
    #[error("the upstream is `{found}`, where `{expected}` is expected")]
    WrongId {
        /// Whom the config names.
        expected: SpiffeId,
        /// Whom the certificate names.
        found: SpiffeId,
    },
}
