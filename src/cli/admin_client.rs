//! One request to the admin listener of a running toolgate, on loopback or a Unix socket.

use anyhow::{Context as _, bail};
use bytes::Bytes;
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;
use tokio::net::{TcpStream, UnixStream};

/// Bytes of an answer.
const ANSWER_BYTES_MAX: usize = 16 << 20;
/// Longest time for one request.
const LIMIT: Duration = Duration::from_secs(10);

/// Where the admin listener is: `http://127.0.0.1:9901` or `unix:/run/toolgate/admin.sock`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    Tcp(String),
    Unix(PathBuf),
}

impl FromStr for Place {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        if let Some(path) = text.strip_prefix("unix:") {
            return Ok(Self::Unix(PathBuf::from(path)));
        }
        match text.strip_prefix("http://") {
            Some(address) => Ok(Self::Tcp(address.trim_end_matches('/').to_owned())),
            None => bail!("`{text}` is no admin listener: write `http://127.0.0.1:9901` or `unix:/path/to/admin.sock`"),
        }
    }
}

impl Place {
    /// Asks, and gives the JSON answer; a refusal is an error with its code and words.
    pub(super) fn ask(&self, method: Method, path: &str, body: Bytes) -> anyhow::Result<Value> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (status, answer) = runtime.block_on(async {
            tokio::time::timeout(LIMIT, self.exchange(method, path, body))
                .await
                .with_context(|| format!("the admin listener did not answer within {} s", LIMIT.as_secs()))?
        })?;
        let value: Value = serde_json::from_slice(&answer).context("the answer is not JSON: is this toolgate's admin listener?")?;
        if status.is_success() {
            return Ok(value);
        }
        let word = |name: &str| value.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        match word("code").as_str() {
            "" => bail!("what answered with status {status} is no admin listener: `admin` in the configuration says where that is"),
            code => bail!("{} ({code})", word("detail")),
        }
    }

    async fn exchange(&self, method: Method, path: &str, body: Bytes) -> anyhow::Result<(StatusCode, Bytes)> {
        match self {
            Self::Tcp(address) => {
                let socket = TcpStream::connect(address)
                    .await
                    .with_context(|| format!("cannot reach the admin listener at `{address}`: does toolgate run?"))?;
                send(TokioIo::new(socket), method, path, body).await
            }
            Self::Unix(socket) => {
                let stream = UnixStream::connect(socket)
                    .await
                    .with_context(|| format!("cannot reach the admin listener at `{}`: does toolgate run?", socket.display()))?;
                send(TokioIo::new(stream), method, path, body).await
            }
        }
    }
}

async fn send<S>(stream: S, method: Method, path: &str, body: Bytes) -> anyhow::Result<(StatusCode, Bytes)>
where
    S: hyper::rt::Read + hyper::rt::Write + Unpin + Send + 'static,
{
    let (mut sender, connection) = hyper::client::conn::http1::handshake(stream).await?;
    let connection = tokio::spawn(connection);
    let request = Request::builder().method(method).uri(path).header("host", "localhost").body(Full::new(body))?;
    let response = sender.send_request(request).await?;
    let status = response.status();
    let answer = Limited::new(response.into_body(), ANSWER_BYTES_MAX)
        .collect()
        .await
        .map_err(|error| anyhow::anyhow!("the answer broke off: {error}"))?;
    connection.abort();
    Ok((status, answer.to_bytes()))
}
