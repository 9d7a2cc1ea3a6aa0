//! What the tests of this room share: an authority and its certificates, a server with an answer for each test, and clients.

use crate::tls::{Material, Oldest, Own};
use crate::{Accepted, Bound, Drained, Handler, Limits, Listener, Place, ReplyBody, Stop, Tally, serve};
use bytes::Bytes;
use canon::Micros;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo};
use identity::{Anchors, SpiffeId};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose as Eku, IsCa, KeyPair, KeyUsagePurpose as Ku, SanType,
};
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

pub(crate) const SIDECAR: &str = "spiffe://example.org/ns/shop/sa/toolgate";
pub(crate) const AGENT: &str = "spiffe://example.org/ns/shop/sa/agent";
/// Longer than anything that works takes; a test that waits for it has failed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) fn now() -> Micros {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    Micros(i64::try_from(since.as_micros()).unwrap())
}

/// An authority of `example.org`.
pub(crate) struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A chain and its key, PEM.
pub(crate) struct Leaf {
    pub(crate) chain: String,
    pub(crate) key: String,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![Ku::KeyCertSign, Ku::CrlSign];
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    pub(crate) fn pem(&self) -> String {
        self.0.pem()
    }

    pub(crate) fn der(&self) -> CertificateDer<'static> {
        self.0.der().clone()
    }

    pub(crate) fn anchors(&self) -> Anchors {
        Anchors::build([("example.org", self.pem().as_bytes())]).unwrap()
    }

    pub(crate) fn leaf(&self, id: &str) -> Leaf {
        self.leaf_with(id, |_| {})
    }

    /// For `localhost` as well, so that ordinary clients take it.
    pub(crate) fn leaf_with(&self, id: &str, change: fn(&mut CertificateParams)) -> Leaf {
        let mut params = CertificateParams::default();
        params.subject_alt_names = vec![SanType::URI(id.try_into().unwrap()), SanType::DnsName("localhost".try_into().unwrap())];
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![Ku::DigitalSignature];
        params.extended_key_usages = vec![Eku::ServerAuth, Eku::ClientAuth];
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        Leaf { chain: params.signed_by(&key, &self.0).unwrap().pem(), key: key.serialize_pem() }
    }

    /// A client's configuration as any rustls program would have it, not made by this room.
    pub(crate) fn client(&self, leaf: Option<&Leaf>, alpn: &[u8]) -> ClientConfig {
        let mut roots = RootCertStore::empty();
        roots.add(self.0.der().clone()).unwrap();
        let builder = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots);
        let mut config = match leaf {
            Some(leaf) => builder.with_client_auth_cert(leaf.chain(), leaf.key()).unwrap(),
            None => builder.with_no_client_auth(),
        };
        config.alpn_protocols = vec![alpn.to_vec()];
        config
    }
}

impl Leaf {
    pub(crate) fn material(&self) -> Material {
        Material::from_pem(self.chain.as_bytes(), self.key.as_bytes()).unwrap()
    }

    pub(crate) fn own(&self) -> Own {
        Own::new(self.material())
    }

    pub(crate) fn chain(&self) -> Vec<CertificateDer<'static>> {
        CertificateDer::pem_slice_iter(self.chain.as_bytes()).map(Result::unwrap).collect()
    }

    pub(crate) fn key(&self) -> PrivateKeyDer<'static> {
        PrivateKeyDer::from_pem_slice(self.key.as_bytes()).unwrap()
    }
}

pub(crate) fn id(text: &str) -> SpiffeId {
    SpiffeId::parse(text).unwrap()
}

pub(crate) type Waiting = Pin<Box<dyn Future<Output = Response<ReplyBody>> + Send>>;

/// A handler from a closure.
pub(crate) struct Answers {
    answer: Box<dyn Fn(Accepted) -> Waiting + Send + Sync>,
    pub(crate) unreadable: Mutex<Vec<String>>,
}

impl Handler for Answers {
    fn call(&self, accepted: Accepted) -> impl Future<Output = Response<ReplyBody>> + Send {
        (self.answer)(accepted)
    }

    fn unreadable(&self, _peer: &crate::Peer, listener: &str, why: &str) {
        self.unreadable.lock().unwrap().push(format!("{listener}: {why}"));
    }
}

/// A server that runs until it is stopped or dropped.
pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    pub(crate) stop: Stop,
    pub(crate) tally: Arc<Tally>,
    pub(crate) handler: Arc<Answers>,
    pub(crate) task: JoinHandle<Drained>,
}

impl Running {
    pub(crate) fn start<F, R>(bound: Bound, limits: Limits, grace: Duration, answer: F) -> Self
    where
        F: Fn(Accepted) -> R + Send + Sync + 'static,
        R: Future<Output = Response<ReplyBody>> + Send + 'static,
    {
        let address = bound.address().unwrap_or_else(|| SocketAddr::from(([0, 0, 0, 0], 0)));
        let (stop, tally) = (Stop::default(), Arc::new(Tally::default()));
        let handler = Arc::new(Answers { answer: Box::new(move |accepted| Box::pin(answer(accepted))), unreadable: Mutex::default() });
        let task = tokio::spawn(serve(vec![bound], limits, Arc::clone(&handler), Arc::clone(&tally), stop.clone(), grace));
        Self { address, stop, tally, handler, task }
    }

    /// On loopback.
    pub(crate) fn plain<F, R>(limits: Limits, answer: F) -> Self
    where
        F: Fn(Accepted) -> R + Send + Sync + 'static,
        R: Future<Output = Response<ReplyBody>> + Send + 'static,
    {
        Self::start(loopback(), limits, PATIENCE, answer)
    }

    /// With TLS.
    pub(crate) fn tls<F, R>(own: Own, answer: F) -> Self
    where
        F: Fn(Accepted) -> R + Send + Sync + 'static,
        R: Future<Output = Response<ReplyBody>> + Send + 'static,
    {
        Self::start(mtls(own, Oldest::Tls13), Limits::default(), PATIENCE, answer)
    }

    pub(crate) async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    pub(crate) async fn drained(self) -> Drained {
        self.stop.drain();
        tokio::time::timeout(PATIENCE, self.task).await.expect("drains in time").unwrap()
    }
}

pub(crate) fn loopback() -> Bound {
    Listener { name: "local".into(), place: Place::Loopback { address: "127.0.0.1:0".parse().unwrap(), subject: None } }.open().unwrap()
}

pub(crate) fn mtls(own: Own, oldest: Oldest) -> Bound {
    Listener { name: "agents".into(), place: Place::Mtls { address: "127.0.0.1:0".parse().unwrap(), own, oldest } }.open().unwrap()
}

pub(crate) fn text(text: impl Into<Bytes>) -> Response<ReplyBody> {
    Response::new(ReplyBody::full(text))
}

/// The body, or the status and text of what is wrong with it.
pub(crate) async fn echo(accepted: Accepted) -> Response<ReplyBody> {
    let whose = accepted.peer.counted_as();
    match accepted.body.collect(whose).await {
        Ok(body) => text(body),
        Err(error) => {
            let mut response = text(error.to_string());
            *response.status_mut() = error.status();
            response
        }
    }
}

/// Sends bytes and reads until the server closes.
pub(crate) async fn exchange(mut stream: impl AsyncRead + AsyncWrite + Unpin, bytes: impl AsRef<[u8]>) -> String {
    stream.write_all(bytes.as_ref()).await.unwrap();
    rest(stream).await
}

/// Reads until the server closes, however it does.
pub(crate) async fn rest(mut stream: impl AsyncRead + Unpin) -> String {
    let (mut all, mut part) = (Vec::new(), [0; 4096]);
    tokio::time::timeout(PATIENCE, async {
        while let Ok(read @ 1..) = stream.read(&mut part).await {
            all.extend_from_slice(&part[..read]);
        }
    })
    .await
    .expect("the server closes");
    String::from_utf8_lossy(&all).into_owned()
}

/// Reads until `mark` has come.
pub(crate) async fn until(stream: &mut (impl AsyncRead + Unpin), mark: &str) -> String {
    let mut all = Vec::new();
    tokio::time::timeout(PATIENCE, async {
        while !String::from_utf8_lossy(&all).contains(mark) {
            let byte = stream.read_u8().await.unwrap_or_else(|_| panic!("`{mark}` after {:?}", String::from_utf8_lossy(&all)));
            all.push(byte);
        }
    })
    .await
    .unwrap_or_else(|_| panic!("`{mark}` comes"));
    String::from_utf8(all).unwrap()
}

/// Waits, as short as may be, until something has happened on another task.
pub(crate) async fn eventually(what: &str, mut so: impl FnMut() -> bool) {
    let waiting = async {
        while !so() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.unwrap_or_else(|_| panic!("{what}"));
}

pub(crate) async fn handshake(
    address: SocketAddr,
    config: impl Into<Arc<ClientConfig>>,
) -> std::io::Result<tokio_rustls::client::TlsStream<TcpStream>> {
    let stream = TcpStream::connect(address).await?;
    tokio_rustls::TlsConnector::from(config.into()).connect(ServerName::try_from("localhost").unwrap(), stream).await
}

/// A client connection, over either HTTP, that is not this room's.
pub(crate) enum Client {
    Http1(hyper::client::conn::http1::SendRequest<Full<Bytes>>),
    Http2(hyper::client::conn::http2::SendRequest<Full<Bytes>>),
}

impl Client {
    pub(crate) async fn connect(address: SocketAddr, config: impl Into<Arc<ClientConfig>>) -> Self {
        let config = config.into();
        let h2 = config.alpn_protocols == [b"h2"];
        let stream = TokioIo::new(handshake(address, config).await.unwrap());
        if h2 {
            let (sender, connection) = hyper::client::conn::http2::handshake(TokioExecutor::new(), stream).await.unwrap();
            tokio::spawn(connection);
            Self::Http2(sender)
        } else {
            let (sender, connection) = hyper::client::conn::http1::handshake(stream).await.unwrap();
            tokio::spawn(connection);
            Self::Http1(sender)
        }
    }

    pub(crate) async fn post(&mut self, body: &str) -> hyper::Result<Response<Incoming>> {
        let request = Request::post("https://localhost/mcp").header("host", "localhost").body(Full::from(body.to_owned())).unwrap();
        match self {
            Self::Http1(sender) => {
                sender.ready().await?;
                sender.send_request(request).await
            }
            Self::Http2(sender) => sender.send_request(request).await,
        }
    }

    pub(crate) async fn said(&mut self, body: &str) -> String {
        read(self.post(body).await.unwrap().into_body()).await
    }
}

pub(crate) async fn read(body: impl http_body::Body<Data = Bytes, Error: std::fmt::Debug>) -> String {
    String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap()
}
