//! One request over a new connection, one answer: to look at a server from a test that has no client of its own.

use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper_util::rt::TokioIo;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// For the whole exchange.
const LIMIT: Duration = Duration::from_secs(30);

/// Where a server listens.
#[derive(Clone, Debug)]
pub(crate) enum Door {
    /// TCP, plain.
    Tcp(SocketAddr),
    /// A Unix socket.
    Unix(PathBuf),
}

impl From<SocketAddr> for Door {
    fn from(at: SocketAddr) -> Door {
        Door::Tcp(at)
    }
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    /// The HTTP status.
    pub(crate) status: u16,
    /// The headers.
    pub(crate) headers: hyper::HeaderMap,
    /// The whole body.
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// The body as text.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// GET.
pub(crate) fn get(door: impl Into<Door>, path: &str) -> io::Result<Answer> {
    ask(&door.into(), hyper::Request::get(path), Vec::new())
}

/// POST with headers and a body.
pub(crate) fn post(door: impl Into<Door>, path: &str, headers: &[(&str, &str)], body: impl Into<Vec<u8>>) -> io::Result<Answer> {
    let request = headers.iter().fold(hyper::Request::post(path), |request, (name, value)| request.header(*name, *value));
    ask(&door.into(), request, body.into())
}

/// Sends a request whose head is in `request`; `Host` is added where it has none. On a thread of its own, since the caller may be inside a runtime.
pub(crate) fn ask(door: &Door, mut request: hyper::http::request::Builder, body: Vec<u8>) -> io::Result<Answer> {
    if request.headers_ref().is_some_and(|headers| !headers.contains_key("host")) {
        request = request.header("host", "localhost");
    }
    let request = request.body(Full::new(Bytes::from(body))).map_err(io::Error::other)?;
    let exchange = async {
        match door {
            Door::Tcp(at) => exchange(tokio::net::TcpStream::connect(at).await?, request).await,
            Door::Unix(path) => exchange(tokio::net::UnixStream::connect(path).await?, request).await,
        }
    };
    std::thread::scope(|scope| {
        let asked = scope.spawn(|| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(async { tokio::time::timeout(LIMIT, exchange).await.unwrap_or_else(|late| Err(late.into())) })
        });
        asked.join().unwrap()
    })
}

async fn exchange<S>(stream: S, request: hyper::Request<Full<Bytes>>) -> io::Result<Answer>
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
{
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
    let connection = tokio::spawn(connection);
    let answer = sender.send_request(request).await.map_err(io::Error::other)?;
    let (head, body) = answer.into_parts();
    let body = body.collect().await.map_err(io::Error::other)?.to_bytes().to_vec();
    connection.abort();
    Ok(Answer { status: head.status.as_u16(), headers: head.headers, body })
}
