//! X.509-SVIDs by the letter (SPIFFE X509-SVID, sections 2 to 5), of callers and of upstreams.
//!
//! The chain is verified by webpki, the leaf's own rules by us: webpki accepts two URI names, none at all, and any key usage.

use crate::anchors::{Anchors, Authorities, validity, within};
use crate::spiffe::{SpiffeId, Workload};
use crate::unidentified::{Unidentified, WrongPeer};
use canon::{Digest, Micros};
use rustls_pki_types::{CertificateDer, UnixTime};
use std::time::Duration;
use webpki::{EndEntityCert, Error, KeyUsage};
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer as _, X509Certificate};

/// The longest chain that is looked at, leaf included, in certificates.
const CHAIN_CERTIFICATES_MAX: usize = 8;

/// A verified X.509-SVID. Only verification makes one; a connection may keep it, and `holds` says for how long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Svid {
    workload: Workload,
    not_before: Micros,
    not_after: Micros,
    generation: Digest,
}

impl Svid {
    /// Whom it names.
    #[must_use]
    pub const fn workload(&self) -> &Workload {
        &self.workload
    }

    /// The leaf's last second.
    #[must_use]
    pub const fn not_after(&self) -> Micros {
        self.not_after
    }

    /// Whether what was verified still holds: same anchors, leaf within its validity. Otherwise verify the chain again.
    #[must_use]
    pub fn holds(&self, anchors: &Anchors, at: Micros) -> bool {
        self.generation == anchors.generation() && within(at, self.not_before, self.not_after)
    }
}

/// Verifies what a TLS client presented; `chain` is leaf first, as TLS sends it. The handshake has proved possession of the leaf's key.
///
/// # Errors
/// The first rule that the chain breaks.
pub fn verify_svid(chain: &[CertificateDer<'_>], anchors: &Anchors, at: Micros) -> Result<Svid, Unidentified> {
    verify(chain, anchors, at, KeyUsage::client_auth())
}

/// Verifies what an upstream presented, and that it is `expected` and nobody else.
///
/// # Errors
/// Not a valid SVID, or that of another workload.
pub fn verify_upstream_svid(chain: &[CertificateDer<'_>], expected: &SpiffeId, anchors: &Anchors, at: Micros) -> Result<(), WrongPeer> {
    let svid = verify(chain, anchors, at, KeyUsage::server_auth()).map_err(WrongPeer::NotAnSvid)?;
    if svid.workload.id != *expected {
        return Err(WrongPeer::WrongId { expected: expected.clone(), found: svid.workload.id });
    }
    Ok(())
}

/// A leaf that keeps its own rules. Whether somebody vouches for it is not known: of our own certificate, that is for others to judge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leaf {
    id: SpiffeId,
    not_before: Micros,
    not_after: Micros,
}

impl Leaf {
    /// Reads one.
    ///
    /// # Errors
    /// The first rule of a leaf that it breaks.
    pub fn read(leaf: &CertificateDer<'_>) -> Result<Self, Unidentified> {
        let (rest, certificate) = X509Certificate::from_der(leaf).map_err(|_| Unidentified::Unreadable)?;
        if !rest.is_empty() {
            return Err(Unidentified::Unreadable);
        }
        let id = spiffe_id(&certificate)?;
        check_usage(&certificate)?;
        let (not_before, not_after) = validity(&certificate);
        Ok(Self { id, not_before, not_after })
    }

    /// The same, if `at` is within its validity.
    ///
    /// # Errors
    /// It is expired, or not valid yet.
    pub fn current(self, at: Micros) -> Result<Self, Unidentified> {
        if at.seconds() < self.not_before.seconds() {
            return Err(Unidentified::NotYetValid { not_before: self.not_before });
        }
        if at.seconds() > self.not_after.seconds() {
            return Err(Unidentified::Expired { not_after: self.not_after });
        }
        Ok(self)
    }

    /// Its last second.
    #[must_use]
    pub const fn not_after(&self) -> Micros {
        self.not_after
    }
}

fn verify(chain: &[CertificateDer<'_>], anchors: &Anchors, at: Micros, usage: KeyUsage) -> Result<Svid, Unidentified> {
    let (leaf, intermediates) = chain.split_first().ok_or(Unidentified::NoCertificate)?;
    if chain.len() > CHAIN_CERTIFICATES_MAX {
        return Err(Unidentified::Chain(format!("it has {} certificates, at most {CHAIN_CERTIFICATES_MAX} are looked at", chain.len())));
    }
    let Leaf { id, not_before, not_after } = Leaf::read(leaf)?.current(at)?;
    let authorities = anchors.of(id.trust_domain()).ok_or_else(|| Unidentified::TrustDomain(id.trust_domain().to_owned()))?;
    verify_chain(leaf, intermediates, &id, authorities, at, usage)?;
    Ok(Svid { workload: id.into(), not_before, not_after, generation: anchors.generation() })
}

/// The one URI name (section 2). Names of other kinds are tolerated; a URI that cannot be read still counts.
fn spiffe_id(certificate: &X509Certificate<'_>) -> Result<SpiffeId, Unidentified> {
    let names = certificate.subject_alternative_name().map_err(|_| Unidentified::Unreadable)?;
    let names = names.iter().flat_map(|extension| &extension.value.general_names);
    let uris: Vec<Option<&str>> = names.filter_map(uri).collect();
    match uris.as_slice() {
        [] => Err(Unidentified::NoUri),
        [None] => Err(Unidentified::Unreadable),
        [Some(uri)] => SpiffeId::parse(uri).map_err(Unidentified::BadId),
        several => Err(Unidentified::SeveralUris(several.len())),
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "the enum is x509-parser's; every other kind of name is tolerated")]
fn uri<'a>(name: &GeneralName<'a>) -> Option<Option<&'a str>> {
    match name {
        GeneralName::URI(uri) => Some(Some(uri)),
        GeneralName::Invalid(tag, _) if tag.0 == 6 => Some(None),
        _ => None,
    }
}

/// Sections 4.1, 4.3 and 4.4 for a leaf.
fn check_usage(certificate: &X509Certificate<'_>) -> Result<(), Unidentified> {
    let basic = certificate.basic_constraints().map_err(|_| Unidentified::Unreadable)?;
    if basic.is_some_and(|basic| basic.value.ca) {
        return Err(Unidentified::Authority);
    }
    let usage = certificate.key_usage().map_err(|_| Unidentified::Unreadable)?.ok_or(Unidentified::KeyUsage)?;
    if !usage.critical || !usage.value.digital_signature() || usage.value.key_cert_sign() || usage.value.crl_sign() {
        return Err(Unidentified::KeyUsage);
    }
    let extended = certificate.extended_key_usage().map_err(|_| Unidentified::Unreadable)?;
    if extended.is_some_and(|extended| !extended.value.server_auth || !extended.value.client_auth) {
        return Err(Unidentified::ExtendedKeyUsage);
    }
    Ok(())
}

fn verify_chain(
    leaf: &CertificateDer<'_>,
    intermediates: &[CertificateDer<'_>],
    id: &SpiffeId,
    authorities: &Authorities,
    at: Micros,
    usage: KeyUsage,
) -> Result<(), Unidentified> {
    let end = EndEntityCert::try_from(leaf).map_err(|error| refused(&error, id))?;
    // Two readers of the same bytes must find the same one name.
    if !end.valid_uri_names().eq([id.as_str()]) {
        return Err(Unidentified::Unreadable);
    }
    let time = UnixTime::since_unix_epoch(Duration::from_secs(at.seconds().try_into().unwrap_or(0)));
    let current =
        |path: &webpki::VerifiedPath<'_>| if authorities.is_current(path.anchor(), at) { Ok(()) } else { Err(Error::CertDistrusted) };
    end.verify_for_usage(webpki::ALL_VERIFICATION_ALGS, &authorities.anchors, intermediates, time, usage, None, Some(&current))
        .map_err(|error| refused(&error, id))?;
    Ok(())
}

/// The leaf's own validity was checked before, so what webpki says of validity here is said of an authority.
#[expect(clippy::wildcard_enum_match_arm, reason = "the enum is webpki's and not exhaustive; the rest is told in its own words")]
fn refused(error: &Error, id: &SpiffeId) -> Unidentified {
    match error {
        Error::UnknownIssuer | Error::InvalidSignatureForPublicKey => Unidentified::UnknownAuthority(id.trust_domain().to_owned()),
        Error::CertExpired { .. } | Error::CertNotValidYet { .. } | Error::CertDistrusted => Unidentified::AuthorityValidity,
        Error::BadDer | Error::BadDerTime | Error::TrailingData(_) | Error::UnsupportedCertVersion => Unidentified::Unreadable,
        other => Unidentified::Chain(format!("{other:?}")),
    }
}

#[cfg(test)]
mod tests;
