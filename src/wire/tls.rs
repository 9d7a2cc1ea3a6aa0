//! Certificates, keys and roots that may change while serving, and the TLS configurations made of them.
//!
//! One provider, aws-lc-rs. No session is ever resumed: a resumed one would carry a certificate that nobody checked again.

mod callers;
mod servers;

use crate::WireError;
use arc_swap::ArcSwap;
use identity::{Leaf, Unidentified};
use rustls::client::{Resumption, WebPkiServerVerifier};
use rustls::crypto::CryptoProvider;
use rustls::sign::CertifiedKey;
use rustls::{CertificateError, ClientConfig, OtherError, RootCertStore, ServerConfig, SupportedProtocolVersion};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use std::fmt;
use std::sync::{Arc, LazyLock};

pub(crate) use servers::{ExactSpiffe, Rooted};

/// The one provider of cryptography.
pub(crate) static PROVIDER: LazyLock<Arc<CryptoProvider>> = LazyLock::new(|| Arc::new(rustls::crypto::aws_lc_rs::default_provider()));

static TLS13_ALONE: [&SupportedProtocolVersion; 1] = [&rustls::version::TLS13];
static TLS13_AND_12: [&SupportedProtocolVersion; 2] = [&rustls::version::TLS13, &rustls::version::TLS12];

const ALPN: [&[u8]; 2] = [b"h2", b"http/1.1"];

/// The oldest version of TLS that is spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Oldest {
    /// 1.3 alone.
    #[default]
    Tls13,
    /// 1.2 as well, where the config says so.
    Tls12,
}

impl Oldest {
    const fn versions(self) -> &'static [&'static SupportedProtocolVersion] {
        match self {
            Self::Tls13 => &TLS13_ALONE,
            Self::Tls12 => &TLS13_AND_12,
        }
    }
}

/// A certificate chain and its key, checked to belong together.
pub struct Material(Arc<CertifiedKey>);

impl Material {
    /// Reads a PEM chain, leaf first, and a PEM key (PKCS #8, PKCS #1 or SEC 1).
    ///
    /// # Errors
    /// One of them cannot be read, or the key is not the leaf's.
    pub fn from_pem(chain: &[u8], key: &[u8]) -> Result<Self, WireError> {
        let chain = certificates("the certificate chain", chain)?;
        let wrong = |why: String| WireError::Material { what: "the private key", why };
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|error| wrong(format!("cannot be read as PEM: {error}")))?;
        let pair =
            CertifiedKey::from_der(chain, key, &PROVIDER).map_err(|error| wrong(format!("does not fit the certificate: {error}")))?;
        Ok(Self(Arc::new(pair)))
    }

    /// What the leaf says of itself.
    ///
    /// # Errors
    /// It is no X.509-SVID's.
    pub fn leaf(&self) -> Result<Leaf, Unidentified> {
        leaf(&self.0)
    }
}

fn leaf(pair: &CertifiedKey) -> Result<Leaf, Unidentified> {
    Leaf::read(pair.cert.first().ok_or(Unidentified::NoCertificate)?)
}

impl fmt::Debug for Material {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Material(not shown)")
    }
}

/// Who toolgate is in TLS, towards callers and upstreams. Each handshake takes the newest material.
#[derive(Clone)]
pub struct Own(Arc<ArcSwap<CertifiedKey>>);

impl Own {
    /// Begins with `material`.
    #[must_use]
    pub fn new(material: Material) -> Self {
        Self(Arc::new(ArcSwap::new(material.0)))
    }

    /// Every handshake from now on uses `material`. Connections that are open stay.
    pub fn replace(&self, material: Material) {
        self.0.store(material.0);
    }

    /// What the newest leaf says of itself.
    ///
    /// # Errors
    /// It is no X.509-SVID's.
    pub fn leaf(&self) -> Result<Leaf, Unidentified> {
        leaf(&self.newest())
    }

    fn newest(&self) -> Arc<CertifiedKey> {
        self.0.load_full()
    }
}

impl fmt::Debug for Own {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Own(not shown)")
    }
}

/// Named roots for an HTTPS upstream. Each handshake takes the newest.
#[derive(Debug, Clone)]
pub struct Roots(Arc<ArcSwap<WebPkiServerVerifier>>);

impl Roots {
    /// Reads PEM certificates of authorities.
    ///
    /// # Errors
    /// None is there, or one cannot be read.
    pub fn from_pem(pem: &[u8]) -> Result<Self, WireError> {
        Ok(Self(Arc::new(ArcSwap::new(verifier(pem)?))))
    }

    /// Every handshake from now on trusts these; bad ones keep the last good set.
    ///
    /// # Errors
    /// As `from_pem`.
    pub fn replace(&self, pem: &[u8]) -> Result<(), WireError> {
        self.0.store(verifier(pem)?);
        Ok(())
    }

    fn newest(&self) -> Arc<WebPkiServerVerifier> {
        self.0.load_full()
    }
}

fn verifier(pem: &[u8]) -> Result<Arc<WebPkiServerVerifier>, WireError> {
    let wrong = |why: String| WireError::Material { what: "the roots", why };
    let mut store = RootCertStore::empty();
    for root in certificates("the roots", pem)? {
        store.add(root).map_err(|error| wrong(format!("cannot be used: {error}")))?;
    }
    WebPkiServerVerifier::builder_with_provider(Arc::new(store), Arc::clone(&PROVIDER))
        .build()
        .map_err(|error| wrong(format!("cannot be used: {error}")))
}

fn certificates(what: &'static str, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, WireError> {
    let wrong = |why: String| WireError::Material { what, why };
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let read = read.map_err(|error| wrong(format!("cannot be read as PEM: {error}")))?;
    if read.is_empty() { Err(wrong("have no PEM certificate".to_owned())) } else { Ok(read) }
}

/// For a listener: offers h2 and http/1.1, asks for a client certificate and takes any, or none.
pub(crate) fn server_config(own: &Own, oldest: Oldest) -> Result<ServerConfig, WireError> {
    let mut config = ServerConfig::builder_with_provider(Arc::clone(&PROVIDER))
        .with_protocol_versions(oldest.versions())
        .map_err(|error| unusable(&error))?
        .with_client_cert_verifier(Arc::new(callers::AnyCaller))
        .with_cert_resolver(Arc::new(callers::Newest(own.clone())));
    config.alpn_protocols = ALPN.map(<[u8]>::to_vec).to_vec();
    config.session_storage = Arc::new(rustls::server::NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(config)
}

/// For an upstream: `check` decides who it is, `own` is shown to it where there is one.
pub(crate) fn client_config(
    check: Arc<dyn rustls::client::danger::ServerCertVerifier>,
    own: Option<&Own>,
    oldest: Oldest,
) -> Result<ClientConfig, WireError> {
    let builder = ClientConfig::builder_with_provider(Arc::clone(&PROVIDER))
        .with_protocol_versions(oldest.versions())
        .map_err(|error| unusable(&error))?
        .dangerous()
        .with_custom_certificate_verifier(check);
    let mut config = match own {
        Some(own) => builder.with_client_cert_resolver(Arc::new(callers::Newest(own.clone()))),
        None => builder.with_no_client_auth(),
    };
    config.alpn_protocols = ALPN.map(<[u8]>::to_vec).to_vec();
    config.resumption = Resumption::disabled();
    Ok(config)
}

fn unusable(error: &rustls::Error) -> WireError {
    WireError::Material { what: "the TLS configuration", why: format!("cannot be used: {error}") }
}

/// What went wrong in a handshake: `identity`'s own words where it refused the peer.
pub(crate) fn told(error: &std::io::Error) -> String {
    match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        Some(rustls::Error::InvalidCertificate(CertificateError::Other(OtherError(why)))) => why.to_string(),
        Some(_) | None => error.to_string(),
    }
}
