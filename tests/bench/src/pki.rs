//! A throw-away authority, one SVID for the servers and one for the client, as files that toolgate and the bare proxy read alike.

use crate::Failure;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    SanType,
};
use rustls::RootCertStore;
use rustls::client::Resumption;
use rustls::crypto::CryptoProvider;
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::{ClientConfig, ServerConfig};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use std::path::Path;
use std::sync::Arc;

/// The name in the servers' certificate.
pub(crate) const NAME: &str = "localhost";
/// Whom the default policy lets write files.
const AGENT: &str = "spiffe://example.org/ns/agents/sa/coder";

/// Writes `bundle.pem`, `server.pem`, `server.key`, `client.pem` and `client.key`.
pub(crate) fn write(folder: &Path) -> Result<(), Failure> {
    let key = KeyPair::generate()?;
    let mut authority = CertificateParams::default();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    authority.distinguished_name = named("bench");
    authority.subject_alt_names = vec![SanType::URI("spiffe://example.org".try_into()?)];
    let certificate = authority.self_signed(&key)?;
    std::fs::write(folder.join("bundle.pem"), certificate.pem())?;
    let issuer = Issuer::new(authority, key);
    let server = [SanType::URI("spiffe://example.org/ns/tools/sa/toolgate".try_into()?), SanType::DnsName(NAME.try_into()?)];
    leaf(folder, "server", server.to_vec(), &issuer)?;
    leaf(folder, "client", vec![SanType::URI(AGENT.try_into()?)], &issuer)
}

fn named(name: &str) -> DistinguishedName {
    let mut named = DistinguishedName::new();
    named.push(DnType::CommonName, name);
    named
}

fn leaf(folder: &Path, stem: &str, names: Vec<SanType>, issuer: &Issuer<'_, KeyPair>) -> Result<(), Failure> {
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::default();
    params.distinguished_name = named(stem);
    params.subject_alt_names = names;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    let certificate = params.signed_by(&key, issuer)?;
    std::fs::write(folder.join(stem).with_extension("pem"), certificate.pem())?;
    let secret = folder.join(stem).with_extension("key");
    std::fs::write(&secret, key.serialize_pem())?;
    use std::os::unix::fs::PermissionsExt as _;
    Ok(std::fs::set_permissions(secret, std::fs::Permissions::from_mode(0o400))?)
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

fn roots(folder: &Path) -> Result<Arc<RootCertStore>, Failure> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(folder.join("bundle.pem"))?)?;
    Ok(Arc::new(roots))
}

fn pair(folder: &Path, stem: &str) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), Failure> {
    let chain = CertificateDer::from_pem_file(folder.join(stem).with_extension("pem"))?;
    Ok((vec![chain], PrivateKeyDer::from_pem_file(folder.join(stem).with_extension("key"))?))
}

/// TLS 1.3 alone, a client certificate is asked for, no session is resumed: as toolgate's listener.
pub(crate) fn server_config(folder: &Path) -> Result<ServerConfig, Failure> {
    let verifier = WebPkiClientVerifier::builder_with_provider(roots(folder)?, provider()).build()?;
    let (chain, key) = pair(folder, "server")?;
    let builder = ServerConfig::builder_with_provider(provider()).with_protocol_versions(&[&rustls::version::TLS13])?;
    let mut config = builder.with_client_cert_verifier(verifier).with_single_cert(chain, key)?;
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(config)
}

/// The load generator's side.
pub(crate) fn client_config(folder: &Path) -> Result<ClientConfig, Failure> {
    let (chain, key) = pair(folder, "client")?;
    let builder = ClientConfig::builder_with_provider(provider()).with_protocol_versions(&[&rustls::version::TLS13])?;
    let mut config = builder.with_root_certificates(roots(folder)?).with_client_auth_cert(chain, key)?;
    config.resumption = Resumption::disabled();
    Ok(config)
}
