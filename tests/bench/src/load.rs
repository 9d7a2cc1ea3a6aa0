//! The load generator: mTLS connections that each have one call at a time, as fast as answers come or at a given rate.
//!
//! Every answer is looked at: one that is not the upstream's own, byte by byte with status 200, fails the whole run.

use crate::upstream::ANSWER;
use crate::{Failure, pki};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use rustls_pki_types::ServerName;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::net::TcpStream;
use tokio::sync::{Mutex, mpsc};
use tokio_rustls::TlsConnector;

/// A call: `write_file`, which the default policy judges by two packages, with so many bytes of text.
#[derive(Clone)]
pub(crate) struct Call(Bytes);

impl Call {
    /// `content_bytes` of source text, quotes and line ends escaped as in any real file.
    pub(crate) fn new(content_bytes: usize) -> Self {
        let line = r#"    let answer = \"the quick brown fox\";\n"#;
        let content: String = line.chars().cycle().take(content_bytes / line.len() * line.len()).collect();
        let arguments = format!(r#"{{"path":"/srv/notes/today.txt","content":"{content}"}}"#);
        Self(Bytes::from(format!(
            r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"write_file","arguments":{arguments}}}}}"#
        )))
    }

    fn request(&self) -> Result<Request<Full<Bytes>>, Failure> {
        let request = Request::builder().method(Method::POST).uri("/mcp").header("host", pki::NAME).header("user-agent", "toolgate-bench");
        let request = request.header("content-type", "application/json").header("accept", "application/json, text/event-stream");
        let request = request.header("mcp-protocol-version", "2025-11-25").header("mcp-session-id", "0123456789abcdef0123456789abcdef");
        Ok(request.body(Full::new(self.0.clone()))?)
    }
}

/// Where the calls go, and by which TLS.
#[derive(Clone)]
pub(crate) struct Client {
    address: String,
    tls: TlsConnector,
}

/// How long each call took, and all of them together.
#[derive(Default)]
pub(crate) struct Times {
    /// Microseconds, sorted.
    pub(crate) each: Vec<f64>,
    /// The time of the whole.
    pub(crate) whole: Duration,
}

impl Times {
    /// The time that `part` of the calls did not exceed, in microseconds.
    pub(crate) fn at(&self, part: f64) -> f64 {
        let index = (self.each.len() as f64 * part) as usize;
        self.each.get(index.min(self.each.len().saturating_sub(1))).copied().unwrap_or(f64::NAN)
    }

    /// Calls a second.
    pub(crate) fn rate(&self) -> f64 {
        self.each.len() as f64 / self.whole.as_secs_f64()
    }
}

impl Client {
    /// For the server at `address`.
    pub(crate) fn new(folder: &Path, address: &str) -> Result<Self, Failure> {
        Ok(Self { address: address.to_owned(), tls: TlsConnector::from(Arc::new(pki::client_config(folder)?)) })
    }

    async fn connect(&self) -> Result<SendRequest<Full<Bytes>>, Failure> {
        let stream = TcpStream::connect(&self.address).await?;
        stream.set_nodelay(true)?;
        let stream = self.tls.connect(ServerName::try_from(pki::NAME)?, stream).await?;
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        Ok(sender)
    }

    async fn connections(&self, count: usize) -> Result<Vec<SendRequest<Full<Bytes>>>, Failure> {
        let mut all = Vec::with_capacity(count);
        for _ in 0..count {
            all.push(self.connect().await?);
        }
        Ok(all)
    }

    /// `clients` that call for `time`, each anew as soon as it has its answer.
    pub(crate) async fn flat_out(&self, clients: usize, time: Duration, call: &Call) -> Result<Times, Failure> {
        let connections = self.connections(clients).await?;
        let begun = Instant::now();
        let tasks = connections.into_iter().map(|mut sender| {
            let call = call.clone();
            tokio::spawn(async move {
                let mut each = Vec::new();
                while begun.elapsed() < time {
                    let sent = Instant::now();
                    one(&mut sender, &call).await?;
                    each.push(micros(sent));
                }
                Ok::<_, Failure>(each)
            })
        });
        gathered(tasks.collect(), begun).await
    }

    /// Calls at a steady `rate` for `time`, over so many connections: a call that finds none free waits, and its wait counts.
    pub(crate) async fn steady(&self, connections: usize, rate: f64, time: Duration, call: &Call) -> Result<Times, Failure> {
        let connections = self.connections(connections).await?;
        let (due, waiting) = mpsc::unbounded_channel::<Instant>();
        let waiting = Arc::new(Mutex::new(waiting));
        let begun = Instant::now();
        let tasks = connections.into_iter().map(|mut sender| {
            let (call, waiting) = (call.clone(), Arc::clone(&waiting));
            tokio::spawn(async move {
                let mut each = Vec::new();
                loop {
                    let next = waiting.lock().await.recv().await;
                    let Some(sent) = next else { return Ok::<_, Failure>(each) };
                    one(&mut sender, &call).await?;
                    each.push(micros(sent));
                }
            })
        });
        let tasks = tasks.collect();
        let pace = Duration::from_secs_f64(1.0 / rate);
        let total = (rate * time.as_secs_f64()) as u32;
        let paced = tokio::task::spawn_blocking(move || {
            for number in 0..total {
                let at = begun + pace * number;
                std::thread::sleep(at.saturating_duration_since(Instant::now()));
                // From when it really left: that this machine woke us late is not the server's doing.
                if due.send(Instant::now()).is_err() {
                    return;
                }
            }
        });
        paced.await?;
        gathered(tasks, begun).await
    }
}

async fn gathered(tasks: Vec<tokio::task::JoinHandle<Result<Vec<f64>, Failure>>>, begun: Instant) -> Result<Times, Failure> {
    let mut times = Times::default();
    for task in tasks {
        times.each.append(&mut task.await??);
    }
    times.whole = begun.elapsed();
    times.each.sort_by(f64::total_cmp);
    Ok(times)
}

fn micros(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1e6
}

async fn one(sender: &mut SendRequest<Full<Bytes>>, call: &Call) -> Result<(), Failure> {
    sender.ready().await?;
    let response = sender.send_request(call.request()?).await?;
    let status = response.status();
    let body = response.into_body().collect().await?.to_bytes();
    if status != StatusCode::OK || body != ANSWER.as_bytes() {
        return Err(format!("an answer is not the upstream's: {status}: {}", String::from_utf8_lossy(&body)).into());
    }
    Ok(())
}
