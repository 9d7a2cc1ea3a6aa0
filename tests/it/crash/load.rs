//! Clients that call without a pause until their connection breaks, and what each was told.

use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use sha2::{Digest, Sha256};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;
use tokio::task::JoinHandle;

/// For one answer, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);
/// Every so many calls of a client is one that the policy refuses.
const REFUSED_EVERY: usize = 5;

/// A whole answer.
#[derive(Debug)]
pub(super) struct Answered {
    pub(super) status: u16,
    /// `toolgate-decision-id`.
    pub(super) decision: String,
    /// SHA-256 of what was sent, in hex.
    pub(super) body: String,
}

/// What the clients of one wave saw.
pub(super) struct Round {
    pub(super) answers: Vec<Answered>,
    /// Calls that were sent and got no whole answer.
    pub(super) broken: usize,
}

/// Clients that are calling.
pub(super) struct Wave {
    runtime: tokio::runtime::Runtime,
    clients: Vec<JoinHandle<(Vec<Answered>, bool)>>,
    told: Receiver<Told>,
    ending: Arc<AtomicBool>,
}

/// What a client tells while it calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    /// Its first call is on its way.
    Calling,
    /// A whole answer came.
    Answered,
}

impl Wave {
    /// `count` clients begin, each over one connection.
    pub(super) fn begin(at: SocketAddr, count: usize, round: u64) -> Wave {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let (tell, told) = channel();
        let ending = Arc::new(AtomicBool::new(false));
        let clients =
            (0..count).map(|client| runtime.spawn(call(at, format!("{round}-{client}"), tell.clone(), Arc::clone(&ending)))).collect();
        Wave { runtime, clients, told, ending }
    }

    /// Until every client has called and so many answers came, all clients together.
    pub(super) fn await_answers(&self, count: usize) {
        let (mut calling, mut answered) = (0, 0);
        while calling < self.clients.len() || answered < count {
            match self.told.recv_timeout(PATIENCE) {
                Ok(Told::Calling) => calling += 1,
                Ok(Told::Answered) => answered += 1,
                Err(_) => panic!("{calling} clients called, and no answer came after {answered}"),
            }
        }
    }

    /// From here on connections may break.
    pub(super) fn expect_the_end(&self) {
        self.ending.store(true, Ordering::SeqCst);
    }

    /// Waits until every client's connection is broken.
    pub(super) fn end(self) -> Round {
        let Wave { runtime, clients, .. } = self;
        let all = async {
            let mut round = Round { answers: Vec::new(), broken: 0 };
            for client in clients {
                let (mut answers, broken) = client.await.unwrap();
                round.answers.append(&mut answers);
                round.broken += usize::from(broken);
            }
            round
        };
        runtime.block_on(async { tokio::time::timeout(PATIENCE, all).await.expect("a client still waits for a process that is gone") })
    }
}

/// One client: what it was told, and whether its last call was broken off.
async fn call(at: SocketAddr, name: String, tell: Sender<Told>, ending: Arc<AtomicBool>) -> (Vec<Answered>, bool) {
    let (mut answers, mut in_flight) = (Vec::new(), false);
    let failure = match converse(at, &name, &tell, &mut answers, &mut in_flight).await {
        Ok(never) => match never {},
        Err(failure) => failure,
    };
    assert!(ending.load(Ordering::SeqCst), "{name}: {failure} before the kill");
    (answers, in_flight)
}

type Failure = Box<dyn std::error::Error + Send + Sync>;

async fn converse(
    at: SocketAddr,
    name: &str,
    tell: &Sender<Told>,
    answers: &mut Vec<Answered>,
    in_flight: &mut bool,
) -> Result<Infallible, Failure> {
    let stream = tokio::net::TcpStream::connect(at).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    loop {
        let number = answers.len();
        let method = if number % REFUSED_EVERY == REFUSED_EVERY - 1 { "DELETE" } else { "POST" };
        let text = if method == "POST" { format!(r#"{{"text":"{name}-{number}"}}"#) } else { String::new() };
        let body = Sha256::digest(&text).iter().map(|byte| format!("{byte:02x}")).collect();
        let request = hyper::Request::builder().method(method).uri(format!("/notes/{name}-{number}"));
        let request = request.header("host", "localhost").header("content-type", "application/json").body(Full::new(Bytes::from(text)))?;
        sender.ready().await?;
        *in_flight = true;
        let sent = sender.send_request(request);
        if number == 0 {
            let _ = tell.send(Told::Calling);
        }
        let (head, rest) = sent.await?.into_parts();
        rest.collect().await?;
        *in_flight = false;
        let decision = head.headers.get("toolgate-decision-id").unwrap().to_str()?.to_owned();
        answers.push(Answered { status: head.status.as_u16(), decision, body });
        // Nobody counts any more once the kill is due.
        let _ = tell.send(Told::Answered);
    }
}
