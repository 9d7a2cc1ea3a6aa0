//! From a target to an HTTP connection that may carry a request: name resolution, TCP, TLS with the check of who answers, HTTP.

use super::{Address, Failure, Reach, Target, told};
use crate::WireError;
use crate::listener::Stream;
use crate::settings::{UpstreamLimits, millis};
use crate::tls::{self, ExactSpiffe, Oldest, Rooted};
use bytes::Bytes;
use http::uri::Scheme;
use http_body_util::Full;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use rustls::ClientConfig;
use rustls_pki_types::ServerName;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::net::{TcpStream, UnixStream};

const H1_BUFFER_MIN: usize = 64 * 1024;

#[derive(Debug)]
pub(super) struct Connector {
    way: Way,
    http1: http1::Builder,
    http2: http2::Builder<TokioExecutor>,
}

enum Way {
    Tls { address: Address, name: ServerName<'static>, config: Arc<ClientConfig> },
    Plain { address: Address, reach: Reach },
    Unix { path: PathBuf },
}

impl std::fmt::Debug for Way {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Tls { address, .. } => write!(f, "Tls({address})"),
            Self::Plain { address, reach } => write!(f, "Plain({address}, {reach:?})"),
            Self::Unix { path } => write!(f, "Unix({})", path.display()),
        }
    }
}

/// What a request is handed to.
pub(super) enum Sender {
    Http1(http1::SendRequest<Full<Bytes>>),
    Http2(http2::SendRequest<Full<Bytes>>, Scheme),
}

impl Connector {
    pub(super) fn new(target: Target, limits: &UpstreamLimits) -> Result<Self, WireError> {
        let way = match target {
            Target::Mtls { address, id, anchors, own } => {
                let config = tls::client_config(Arc::new(ExactSpiffe { id, anchors }), Some(&own), Oldest::Tls13)?;
                let name = server_name(address.host.clone())?;
                Way::Tls { address, name, config: Arc::new(config) }
            }
            Target::Https { address, name, roots } => {
                let config = tls::client_config(Arc::new(Rooted(roots)), None, Oldest::Tls12)?;
                Way::Tls { address, name: server_name(name)?, config: Arc::new(config) }
            }
            Target::Plain { address, reach } => Way::Plain { address, reach },
            Target::Unix { path } => Way::Unix { path },
        };
        let mut http1 = http1::Builder::new();
        http1
            .max_headers(limits.headers_max)
            .max_header_size(limits.header_bytes_max)
            .max_buf_size(limits.header_bytes_max.max(H1_BUFFER_MIN));
        let mut http2 = http2::Builder::new(TokioExecutor::new());
        http2
            .timer(TokioTimer::new())
            .max_header_list_size(u32::try_from(limits.header_bytes_max).unwrap_or(u32::MAX))
            .keep_alive_interval(millis(limits.h2_ping_interval_ms))
            .keep_alive_timeout(millis(limits.h2_ping_timeout_ms));
        Ok(Self { way, http1, http2 })
    }

    /// Opens a connection and lets it run on a task of its own, until its sender is dropped or it breaks.
    pub(super) async fn connect(&self) -> Result<Sender, Failure> {
        let unreachable = |error: io::Error| Failure::Unreachable(error.to_string());
        match &self.way {
            Way::Tls { address, name, config } => {
                let tcp = dial(address, Reach::Anywhere).await.map_err(unreachable)?;
                let stream = tokio_rustls::TlsConnector::from(Arc::clone(config))
                    .connect(name.clone(), tcp)
                    .await
                    .map_err(|error| Failure::Unreachable(tls::told(&error)))?;
                let h2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
                let stream = Stream::Tls(Box::new(stream.into()));
                if h2 { self.begin_h2(stream).await } else { self.begin_h1(stream).await }
            }
            Way::Plain { address, reach } => self.begin_h1(Stream::Tcp(dial(address, *reach).await.map_err(unreachable)?)).await,
            Way::Unix { path } => self.begin_h1(Stream::Unix(UnixStream::connect(path).await.map_err(unreachable)?)).await,
        }
    }

    async fn begin_h1(&self, stream: Stream) -> Result<Sender, Failure> {
        let (sender, connection) = self.http1.handshake(TokioIo::new(stream)).await.map_err(|error| Failure::Unreachable(told(&error)))?;
        tokio::spawn(connection);
        Ok(Sender::Http1(sender))
    }

    async fn begin_h2(&self, stream: Stream) -> Result<Sender, Failure> {
        let (sender, connection) = self.http2.handshake(TokioIo::new(stream)).await.map_err(|error| Failure::Unreachable(told(&error)))?;
        tokio::spawn(connection);
        Ok(Sender::Http2(sender, Scheme::HTTPS))
    }
}

fn server_name(name: String) -> Result<ServerName<'static>, WireError> {
    ServerName::try_from(name).map_err(|error| WireError::Material { what: "the server name", why: format!("cannot be used: {error}") })
}

async fn dial(address: &Address, reach: Reach) -> io::Result<TcpStream> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, format!("`{address}` has no address"));
    for found in tokio::net::lookup_host((address.host.as_str(), address.port)).await? {
        if reach == Reach::Loopback && !found.ip().is_loopback() {
            last = io::Error::new(io::ErrorKind::PermissionDenied, format!("`{address}` is {found}, and plain HTTP goes to loopback only"));
            continue;
        }
        match TcpStream::connect(found).await {
            Ok(stream) => {
                stream.set_nodelay(true)?;
                return Ok(stream);
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}
