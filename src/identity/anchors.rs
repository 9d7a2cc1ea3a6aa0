//! Trust anchors: per trust domain the authorities of its bundle. Never one merged store: a federated domain must not vouch for ours.

use crate::spiffe::TrustDomain;
use canon::{Digest, Micros};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, TrustAnchor};
use std::collections::BTreeMap;
use x509_parser::prelude::{FromDer as _, X509Certificate};

/// The authorities of every configured trust domain. Built whole, swapped whole.
#[derive(Debug, Clone)]
pub struct Anchors {
    domains: BTreeMap<TrustDomain, Authorities>,
    generation: Digest,
}

/// The authorities of one trust domain, and beside each when it is valid (webpki keeps no validity of an anchor).
#[derive(Debug, Clone, Default)]
pub(crate) struct Authorities {
    pub(crate) anchors: Vec<TrustAnchor<'static>>,
    validity: Vec<(Micros, Micros)>,
}

impl Authorities {
    /// Whether this anchor, one of ours, is within its validity at `at`.
    pub(crate) fn is_current(&self, anchor: &TrustAnchor<'_>, at: Micros) -> bool {
        let same = |own: &&TrustAnchor<'_>| own.subject == anchor.subject && own.subject_public_key_info == anchor.subject_public_key_info;
        self.anchors.iter().zip(&self.validity).any(|(own, (from, to))| same(&own) && within(at, *from, *to))
    }
}

/// Both ends count, to the second (RFC 5280 section 4.1.2.5).
pub(crate) fn within(at: Micros, not_before: Micros, not_after: Micros) -> bool {
    not_before.seconds() <= at.seconds() && at.seconds() <= not_after.seconds()
}

impl Anchors {
    /// Builds from bundles: for each trust domain the PEM text of its authorities' certificates.
    ///
    /// # Errors
    /// Every mistake of every bundle at once.
    pub fn build<'a>(bundles: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> Result<Self, Vec<AnchorProblem>> {
        let (mut domains, mut problems, mut digests) = (BTreeMap::new(), Vec::new(), Vec::new());
        for (name, pem) in bundles {
            match TrustDomain::parse(name) {
                Ok(domain) => {
                    let authorities = authorities(name, pem, &mut problems);
                    if domains.insert(domain, authorities).is_some() {
                        problems.push(AnchorProblem::Twice(name.to_owned()));
                    }
                }
                Err(_) => problems.push(AnchorProblem::TrustDomain(name.to_owned())),
            }
            // The digests of fixed length keep two bundles apart, whatever their bytes.
            digests.extend([Digest::of(&[name.as_bytes()]).0, Digest::of(&[pem]).0]);
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        Ok(Self { domains, generation: Digest::of(&[digests.as_flattened()]) })
    }

    /// Tells one set of bundles from another: an SVID verified under one generation is verified again under the next.
    #[must_use]
    pub const fn generation(&self) -> Digest {
        self.generation
    }

    /// The authorities of one trust domain.
    pub(crate) fn of(&self, trust_domain: &str) -> Option<&Authorities> {
        self.domains.get(trust_domain)
    }
}

fn authorities(domain: &str, pem: &[u8], problems: &mut Vec<AnchorProblem>) -> Authorities {
    let mut found = Authorities::default();
    for (place, certificate) in CertificateDer::pem_slice_iter(pem).enumerate() {
        let wrong = |why: &'static str| AnchorProblem::Certificate { domain: domain.to_owned(), place: place.saturating_add(1), why };
        let read = certificate.map_err(|_| wrong("is not PEM")).and_then(|der| authority(&der).map_err(wrong));
        match read {
            Ok((anchor, validity)) => {
                found.anchors.push(anchor);
                found.validity.push(validity);
            }
            Err(problem) => problems.push(problem),
        }
    }
    if found.anchors.is_empty() {
        problems.push(AnchorProblem::Empty(domain.to_owned()));
    }
    found
}

fn authority(der: &CertificateDer<'_>) -> Result<(TrustAnchor<'static>, (Micros, Micros)), &'static str> {
    let anchor = webpki::anchor_from_trusted_cert(der).map_err(|_| "cannot be read as X.509")?.to_owned();
    let (_, certificate) = X509Certificate::from_der(der).map_err(|_| "cannot be read as X.509")?;
    if !certificate.is_ca() {
        return Err("is not that of an authority (its basic constraints do not say CA)");
    }
    Ok((anchor, validity(&certificate)))
}

/// First and last second of a certificate.
pub(crate) fn validity(certificate: &X509Certificate<'_>) -> (Micros, Micros) {
    let micros = |seconds: i64| Micros(seconds.saturating_mul(1_000_000));
    (micros(certificate.validity().not_before.timestamp()), micros(certificate.validity().not_after.timestamp()))
}

/// A mistake in the trust bundles.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AnchorProblem {
    /// The name is not a trust domain's.
    #[error("`{0}` is not a trust domain: write a bare name such as `example.org`")]
    TrustDomain(String),
    /// Two bundles for one domain.
    #[error("the trust domain `{0}` has two bundles: put all its authorities into one")]
    Twice(String),
    /// A bundle without a usable authority.
    #[error("the bundle of the trust domain `{0}` has no authority: give it PEM certificates")]
    Empty(String),
    /// One certificate is unusable.
    #[error("certificate {place} in the bundle of the trust domain `{domain}` {why}")]
    Certificate {
        /// The trust domain.
        domain: String,
        /// Which one, from 1.
        place: usize,
        /// What is wrong with it.
        why: &'static str,
    },
}

#[cfg(test)]
mod tests;
