//! The end: of the server, of a client, and streams while they run.

use crate::trial::{AGENT, Authority, Client, PATIENCE, Running, SIDECAR, eventually, exchange, loopback, mtls, rest, text, until};
use crate::{Limits, ReplyBody, tls::Oldest};
use bytes::Bytes;
use http::Response;
use http_body::{Body, Frame};
use http_body_util::BodyExt as _;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::sync::{Semaphore, mpsc};

const GET: &str = "GET / HTTP/1.1\r\nhost: a\r\n\r\n";

/// Frames from a channel; counts its own end.
struct Events(mpsc::Receiver<&'static str>, Arc<AtomicUsize>);

impl Body for Events {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, std::io::Error>>> {
        self.0.poll_recv(cx).map(|event| event.map(|event| Ok(Frame::data(Bytes::from(event)))))
    }
}

impl Drop for Events {
    fn drop(&mut self) {
        self.1.fetch_add(1, Ordering::AcqRel);
    }
}

/// A handler that waits for a permit, and the number of calls that were dropped before they were done.
fn held(gate: &Arc<Semaphore>, dropped: &Arc<AtomicUsize>) -> impl Fn(crate::Accepted) -> crate::trial::Waiting + Send + Sync + 'static {
    let (gate, dropped) = (Arc::clone(gate), Arc::clone(dropped));
    move |_| {
        let (gate, guard) = (Arc::clone(&gate), Guard(Arc::clone(&dropped)));
        Box::pin(async move {
            gate.acquire().await.unwrap().forget();
            guard.done();
            text("done")
        })
    }
}

struct Guard(Arc<AtomicUsize>);

impl Guard {
    fn done(self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::AcqRel);
    }
}

#[tokio::test]
async fn calls_in_flight_finish_and_nothing_new_begins() {
    let (ours, gate, dropped) = (Authority::new(), Arc::new(Semaphore::new(0)), Arc::default());
    let server = Running::start(mtls(ours.leaf(SIDECAR).own(), Oldest::Tls13), Limits::default(), PATIENCE, held(&gate, &dropped));
    let agent = ours.leaf(AGENT);
    let mut clients = Vec::new();
    for alpn in [&b"h2"[..], b"http/1.1"] {
        let mut client = Client::connect(server.address, ours.client(Some(&agent), alpn)).await;
        clients.push(tokio::spawn(async move { (client.said("x").await, client) }));
    }
    let idle = Client::connect(server.address, ours.client(Some(&agent), b"h2")).await;
    let tally = Arc::clone(&server.tally);
    eventually("both are in flight", || tally.calls() == 2 && tally.connections() == 3).await;
    server.stop.drain();
    eventually("the idle one is closed", || tally.connections() == 2).await;
    assert!(TcpStream::connect(server.address).await.is_err(), "the door is shut");
    gate.add_permits(2);
    for client in clients {
        assert_eq!(client.await.unwrap().0, "done");
    }
    assert_eq!(server.drained().await.cut, 0);
    assert_eq!(dropped.load(Ordering::Acquire), 0, "each was done");
    drop(idle);
}

#[tokio::test]
async fn what_takes_too_long_is_cut_and_counted() {
    let (gate, dropped) = (Arc::new(Semaphore::new(0)), Arc::default());
    let server = Running::start(loopback(), Limits::default(), Duration::from_millis(50), held(&gate, &dropped));
    let mut streams = Vec::new();
    for _ in 0..3 {
        let mut stream = server.connect().await;
        stream.write_all(GET.as_bytes()).await.unwrap();
        streams.push(stream);
    }
    let tally = Arc::clone(&server.tally);
    eventually("all are in flight", || tally.calls() == 3).await;
    assert_eq!(server.drained().await.cut, 3);
    assert_eq!(dropped.load(Ordering::Acquire), 3, "each is dropped, so that its outcome is recorded");
    for stream in streams {
        assert_eq!(rest(stream).await, "");
    }
}

#[tokio::test]
async fn an_idle_server_drains_at_once() {
    let server = Running::plain(Limits::default(), |_| async { text("ok") });
    let mut idle = server.connect().await;
    idle.write_all(GET.as_bytes()).await.unwrap();
    until(&mut idle, "ok").await;
    let silent = server.connect().await;
    let tally = Arc::clone(&server.tally);
    eventually("both are accepted", || tally.connections() == 2).await;
    assert_eq!(server.drained().await.cut, 0);
    assert_eq!((rest(idle).await, rest(silent).await), (String::new(), String::new()));
}

#[tokio::test]
async fn a_client_that_goes_away_drops_its_call() {
    let (ours, gate, dropped) = (Authority::new(), Arc::new(Semaphore::new(0)), Arc::default());
    let server = Running::tls(ours.leaf(SIDECAR).own(), held(&gate, &dropped));
    for (gone, alpn) in [(1, &b"h2"[..]), (2, b"http/1.1")] {
        let mut client = Client::connect(server.address, ours.client(None, alpn)).await;
        let waiting = tokio::spawn(async move { client.post("x").await.map(drop) });
        let tally = Arc::clone(&server.tally);
        eventually("it is in flight", || tally.calls() == 1).await;
        waiting.abort();
        eventually("it is dropped", || dropped.load(Ordering::Acquire) == gone && tally.calls() == 0).await;
    }
}

#[tokio::test]
async fn events_pass_as_they_come_until_the_client_goes() {
    let (ours, ended) = (Authority::new(), Arc::new(AtomicUsize::new(0)));
    let (senders, mut begun) = mpsc::unbounded_channel();
    let count = Arc::clone(&ended);
    let server = Running::tls(ours.leaf(SIDECAR).own(), move |_| {
        let (sender, receiver) = mpsc::channel(8);
        senders.send(sender).unwrap();
        std::future::ready(Response::new(ReplyBody::stream(Events(receiver, Arc::clone(&count)))))
    });
    for (gone, alpn) in [(1, &b"h2"[..]), (2, b"http/1.1")] {
        let mut client = Client::connect(server.address, ours.client(None, alpn)).await;
        let mut body = client.post("x").await.unwrap().into_body();
        let sender = begun.recv().await.unwrap();
        for event in ["data: 1\n\n", "data: 2\n\n", ": still here\n\n"] {
            sender.send(event).await.unwrap();
            // The next one is sent only after this one has arrived.
            let frame = tokio::time::timeout(PATIENCE, body.frame()).await.unwrap().unwrap().unwrap();
            assert_eq!(frame.into_data().unwrap(), event);
        }
        assert_eq!(server.tally.calls(), 1);
        drop((body, client));
        let tally = Arc::clone(&server.tally);
        eventually("the stream is dropped", || ended.load(Ordering::Acquire) == gone && tally.calls() == 0).await;
    }
}

#[tokio::test]
async fn a_stream_that_breaks_has_no_end() {
    struct Breaks(bool);
    impl Body for Breaks {
        type Data = Bytes;
        type Error = std::io::Error;
        fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, std::io::Error>>> {
            if std::mem::replace(&mut self.0, true) {
                return Poll::Ready(Some(Err(std::io::Error::other("broken"))));
            }
            cx.waker().wake_by_ref();
            Poll::Ready(Some(Ok(Frame::data(Bytes::from("part")))))
        }
    }
    let server = Running::plain(Limits::default(), |_| async { Response::new(ReplyBody::stream(Breaks(false))) });
    let answer = exchange(server.connect().await, GET).await;
    assert!(!answer.ends_with("0\r\n\r\n"), "{answer:?}");
}
