//! A good client: one connection, a call at a steady pace, and how long each answer took. Knows nothing of floods.

use super::target::TOOL;
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;

/// From the start of one call to the start of the next, if the answer is there by then.
const PACE: Duration = Duration::from_millis(40);
/// For one answer, on a busy machine under a flood.
const PATIENCE: Duration = Duration::from_secs(10);

/// The client.
pub(super) struct Good {
    runtime: Runtime,
    sender: http1::SendRequest<Full<Bytes>>,
}

/// What it saw in some time: every answer was a 200.
#[derive(Clone, Copy, Debug)]
pub(super) struct Figures {
    pub(super) calls: usize,
    /// Of the answers; each took the time since its call was due.
    pub(super) median: Duration,
    pub(super) p99: Duration,
    /// Calls of a second.
    pub(super) rate: f64,
}

impl Good {
    /// Connects.
    pub(super) fn connect(at: SocketAddr) -> Good {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let sender = runtime.block_on(async {
            let stream = tokio::net::TcpStream::connect(at).await.unwrap();
            stream.set_nodelay(true).unwrap();
            let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
            tokio::spawn(connection);
            sender
        });
        Good { runtime, sender }
    }

    /// Calls until `over`, at least once.
    pub(super) fn call_until(&mut self, over: impl Fn() -> bool) -> Figures {
        let Good { runtime, sender } = self;
        let (begun, mut took) = (Instant::now(), Vec::new());
        runtime.block_on(async {
            // What a late answer delays is late, too: the calls that were due meanwhile are made at once, each measured from when it was due.
            let mut due = tokio::time::interval(PACE);
            while took.is_empty() || !over() {
                let due = due.tick().await;
                tokio::time::timeout(PATIENCE, call(sender)).await.unwrap_or_else(|_| panic!("a good call waited for {PATIENCE:?}"));
                took.push(due.elapsed());
            }
        });
        let (calls, elapsed) = (took.len(), begun.elapsed());
        took.sort_unstable();
        Figures { calls, median: took[calls / 2], p99: took[calls * 99 / 100], rate: calls as f64 / elapsed.as_secs_f64() }
    }
}

async fn call(sender: &mut http1::SendRequest<Full<Bytes>>) {
    let request = hyper::Request::post(TOOL).header("host", "localhost").header("content-type", "application/json");
    sender.ready().await.unwrap();
    let answer = sender.send_request(request.body(Full::from(r#"{"text":"good"}"#)).unwrap()).await.unwrap();
    let (head, body) = answer.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    assert_eq!(head.status, 200, "{}", String::from_utf8_lossy(&body));
}
