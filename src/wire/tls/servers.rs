//! Towards upstreams: exactly the SPIFFE id that the config names, or a name under exactly the roots that it names.
//!
//! Both refuse inside the handshake, before a byte of the request leaves.

use super::{PROVIDER, Roots};
use arc_swap::ArcSwap;
use canon::Micros;
use identity::{Anchors, SpiffeId};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::{CertificateError, DigitallySignedStruct, Error, OtherError, SignatureScheme};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use std::sync::Arc;

/// The upstream is this workload and no other.
#[derive(Debug)]
pub(crate) struct ExactSpiffe {
    pub(crate) id: SpiffeId,
    pub(crate) anchors: Arc<ArcSwap<Anchors>>,
}

/// The upstream has a certificate for its name under these roots.
#[derive(Debug)]
pub(crate) struct Rooted(pub(crate) Roots);

macro_rules! possession {
    () => {
        fn verify_tls12_signature(
            &self,
            message: &[u8],
            leaf: &CertificateDer<'_>,
            signed: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            rustls::crypto::verify_tls12_signature(message, leaf, signed, &PROVIDER.signature_verification_algorithms)
        }

        fn verify_tls13_signature(
            &self,
            message: &[u8],
            leaf: &CertificateDer<'_>,
            signed: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            rustls::crypto::verify_tls13_signature(message, leaf, signed, &PROVIDER.signature_verification_algorithms)
        }

        fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
            PROVIDER.signature_verification_algorithms.supported_schemes()
        }
    };
}

impl ServerCertVerifier for ExactSpiffe {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        rest: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let chain: Vec<CertificateDer<'_>> = std::iter::once(leaf).chain(rest).cloned().collect();
        let at = Micros(i64::try_from(now.as_secs()).unwrap_or(i64::MAX).saturating_mul(1_000_000));
        identity::verify_upstream_svid(&chain, &self.id, &self.anchors.load(), at)
            .map_err(|wrong| Error::InvalidCertificate(CertificateError::Other(OtherError(Arc::new(wrong)))))?;
        Ok(ServerCertVerified::assertion())
    }

    possession!();
}

impl ServerCertVerifier for Rooted {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        rest: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.0.newest().verify_server_cert(leaf, rest, name, ocsp, now)
    }

    possession!();
}
