//! Upstreams that break off, are slow, or have no room. Each is a socket that reads and writes what the test says.

use super::{Trial, plain};
use crate::trial::{PATIENCE, Running, eventually, read, text, until};
use crate::{Broken, CountedAs, Failure, Limit, Limits, ReplyBody, UpstreamLimits};
use bytes::Bytes;
use http::Response;
use http::header::{CONTENT_TYPE, HeaderValue};
use http_body::{Body, Frame};
use http_body_util::BodyExt as _;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, Semaphore};

/// Short for a person, long for a machine under load.
const SHORT_MS: u64 = 200;
const OK: &str = "HTTP/1.1 200 OK\r\n";

/// Listens, and hands each connection to `each` with its number from 1; counts the requests whose body `x` has come.
async fn script<F, R>(each: F) -> Trial
where
    F: Fn(usize, TcpStream) -> R + Send + 'static,
    R: Future<Output = ()> + Send + 'static,
{
    script_with(UpstreamLimits::default(), each).await
}

async fn script_with<F, R>(limits: UpstreamLimits, each: F) -> Trial
where
    F: Fn(usize, TcpStream) -> R + Send + 'static,
    R: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let trial = Trial::new(plain(listener.local_addr().unwrap()), limits);
    tokio::spawn(async move {
        for number in 1.. {
            let (stream, _) = listener.accept().await.unwrap();
            tokio::spawn(each(number, stream));
        }
    });
    trial
}

async fn request(stream: &mut TcpStream) {
    until(stream, "\r\n\r\nx").await;
}

#[tokio::test]
async fn no_answer_is_unknown_and_is_not_sent_again() {
    for answer in ["", "HTTP/1.1 200", "nonsense\r\n\r\n", "HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\n\r\n"] {
        let requests = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&requests);
        let trial = script(move |_, mut stream| {
            let count = Arc::clone(&count);
            async move {
                request(&mut stream).await;
                count.fetch_add(1, Ordering::AcqRel);
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
        })
        .await;
        match trial.send("x").await {
            Err(failure) => {
                assert!(matches!(failure, Failure::Lost(_)) && failure.left() && failure.status() == 502, "{answer:?}: {failure}")
            }
            // To us it is an answer like any other: no protocol is switched.
            Ok(response) => assert_eq!(response.status(), 101),
        }
        assert_eq!(requests.load(Ordering::Acquire), 1, "{answer:?}");
    }
}

#[tokio::test]
async fn an_answer_whose_head_is_too_large() {
    let limits = UpstreamLimits { headers_max: 3, header_bytes_max: 200, ..UpstreamLimits::default() };
    for (headers, good) in [("a: 1\r\n".repeat(2), true), ("a: 1\r\n".repeat(3), false), (format!("a: {}\r\n", "1".repeat(200)), false)] {
        let head = format!("{OK}content-length: 0\r\n{headers}\r\n");
        let trial = script_with(limits.clone(), move |_, mut stream| {
            let head = head.clone();
            async move {
                request(&mut stream).await;
                stream.write_all(head.as_bytes()).await.unwrap();
            }
        })
        .await;
        let answer = trial.send("x").await;
        assert!(if good { answer.is_ok() } else { matches!(answer, Err(Failure::Lost(_))) }, "{headers:?}: {answer:?}");
    }
}

#[tokio::test]
async fn an_answer_that_breaks_off_has_no_end() {
    for answer in [
        "content-length: 9\r\n\r\npart",
        "transfer-encoding: chunked\r\n\r\n4\r\npart\r\n",
        "transfer-encoding: chunked\r\n\r\n4\r\npart\r\nzz\r\n",
    ] {
        let trial = script(move |_, mut stream| async move {
            request(&mut stream).await;
            stream.write_all(format!("{OK}{answer}").as_bytes()).await.unwrap();
        })
        .await;
        let mut body = trial.send("x").await.unwrap().into_body();
        assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap(), "part");
        let end = body.frame().await;
        assert!(matches!(end, Some(Err(Broken::Off(_)))), "{answer:?}: {end:?}");
    }
}

#[tokio::test]
async fn a_closed_connection_is_not_used_and_nothing_is_sent_twice() {
    let (requests, closed) = (Arc::new(AtomicUsize::new(0)), Arc::new(Notify::new()));
    let (count, close) = (Arc::clone(&requests), Arc::clone(&closed));
    let trial = script(move |number, mut stream| {
        let (count, close) = (Arc::clone(&count), Arc::clone(&close));
        async move {
            request(&mut stream).await;
            count.fetch_add(1, Ordering::AcqRel);
            stream.write_all(format!("{OK}content-length: 2\r\n\r\n{number:02}").as_bytes()).await.unwrap();
            drop(stream);
            close.notify_one();
        }
    })
    .await;
    for number in 1..=20 {
        match trial.send("x").await {
            Ok(response) => assert_eq!(read(response.into_body()).await, format!("{number:02}")),
            Err(failure) => panic!("{number}: {failure}"),
        }
        closed.notified().await;
        // The end of the connection reaches its task.
        tokio::task::yield_now().await;
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert_eq!(requests.load(Ordering::Acquire), 20);
}

#[tokio::test]
async fn a_second_answer_that_nobody_asked_for_goes_to_nobody() {
    let trial = script(|number, mut stream| async move {
        request(&mut stream).await;
        let smuggled = if number == 1 { "HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nforged" } else { "" };
        stream.write_all(format!("{OK}content-length: 1\r\n\r\n{number}{smuggled}").as_bytes()).await.unwrap();
        let _ = stream.read_u8().await;
    })
    .await;
    assert_eq!(trial.said("x").await, "1");
    assert_eq!(trial.said("x").await, "2");
}

#[tokio::test]
async fn times() {
    let limits = UpstreamLimits {
        connect_timeout_ms: SHORT_MS,
        response_header_timeout_ms: SHORT_MS * 2,
        total_timeout_ms: SHORT_MS * 4,
        stream_idle_timeout_ms: Some(SHORT_MS * 4),
        ..UpstreamLimits::default()
    };
    let answering = |answer: &'static str| {
        script_with(limits.clone(), move |_, mut stream| async move {
            request(&mut stream).await;
            stream.write_all(answer.as_bytes()).await.unwrap();
            let _ = stream.read_u8().await;
        })
    };
    let trial = answering("").await;
    let failure = trial.send("x").await.unwrap_err();
    assert!(failure == Failure::AnswerTimeout(Limit::UpstreamHeaderTime) && failure.left() && failure.status() == 504, "{failure}");
    assert_eq!(trial.tally.met(Limit::UpstreamHeaderTime), 1);

    let failure = trial
        .upstream
        .exchange(super::outgoing("x"), CountedAs::User(None), tokio::time::Instant::now() + Duration::from_millis(SHORT_MS))
        .await
        .unwrap_err();
    assert_eq!(failure, Failure::AnswerTimeout(Limit::UpstreamTotalTime), "the caller's deadline holds too");

    for (answer, limit) in [
        ("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\npart", Limit::UpstreamTotalTime),
        ("HTTP/1.1 200 OK\r\ncontent-type: Text/Event-Stream; charset=utf-8\r\n\r\ndata", Limit::UpstreamStreamIdleTime),
    ] {
        let trial = answering(answer).await;
        let mut body = trial.send("x").await.unwrap().into_body();
        body.frame().await.unwrap().unwrap();
        assert_eq!(body.frame().await.unwrap().unwrap_err(), Broken::Timeout(limit));
        assert_eq!(trial.tally.met(limit), 1);
    }
}

#[tokio::test]
async fn an_upstream_that_never_finishes_its_handshake() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let ours = crate::trial::Authority::new();
    let target = crate::Target::Https {
        address: super::address(listener.local_addr().unwrap()),
        name: "localhost".into(),
        roots: crate::tls::Roots::from_pem(ours.pem().as_bytes()).unwrap(),
    };
    let trial = Trial::new(target, UpstreamLimits { connect_timeout_ms: SHORT_MS, ..UpstreamLimits::default() });
    let failure = trial.send("x").await.unwrap_err();
    assert!(failure == Failure::ConnectTimeout && !failure.left() && failure.status() == 504, "{failure}");
    assert_eq!(trial.tally.met(Limit::UpstreamConnectTime), 1);
}

#[tokio::test]
async fn an_event_stream_outlives_every_timeout() {
    let go_on = Arc::new(Semaphore::new(0));
    let held = Arc::clone(&go_on);
    let limits = UpstreamLimits { total_timeout_ms: SHORT_MS, ..UpstreamLimits::default() };
    let trial = script_with(limits, move |_, mut stream| {
        let held = Arc::clone(&held);
        async move {
            request(&mut stream).await;
            stream.write_all(format!("{OK}content-type: text/event-stream\r\n\r\ndata: 1\n\n").as_bytes()).await.unwrap();
            held.acquire().await.unwrap().forget();
            stream.write_all(b"data: 2\n\n").await.unwrap();
        }
    })
    .await;
    let mut body = trial.send("x").await.unwrap().into_body();
    assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap(), "data: 1\n\n", "it passes before the next one is there");
    let rest = tokio::spawn(read(body));
    tokio::time::sleep(Duration::from_millis(SHORT_MS * 4)).await;
    go_on.add_permits(1);
    assert_eq!(rest.await.unwrap(), "data: 2\n\n");
}

#[tokio::test]
async fn whoever_drops_an_answer_cancels_the_call() {
    let (begun, ended) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (b, e) = (Arc::clone(&begun), Arc::clone(&ended));
    let trial = script(move |number, mut stream| {
        let (begun, ended) = (Arc::clone(&b), Arc::clone(&e));
        async move {
            request(&mut stream).await;
            if number == 1 {
                stream.write_all(format!("{OK}content-type: text/event-stream\r\n\r\ndata: 1\n\n").as_bytes()).await.unwrap();
            }
            begun.fetch_add(1, Ordering::AcqRel);
            assert_eq!(stream.read(&mut [0]).await.unwrap_or(0), 0, "nothing more comes");
            ended.fetch_add(1, Ordering::AcqRel);
        }
    })
    .await;
    let mut body = trial.send("x").await.unwrap().into_body();
    body.frame().await.unwrap().unwrap();
    drop(body);
    eventually("the upstream sees its stream closed", || ended.load(Ordering::Acquire) == 1).await;
    // So it does when nobody waits for the head any more.
    let waiting = tokio::spawn(async move { trial.send("x").await.map(drop) });
    eventually("the second call is there", || begun.load(Ordering::Acquire) == 2).await;
    waiting.abort();
    eventually("the upstream sees it closed", || ended.load(Ordering::Acquire) == 2).await;
}

#[tokio::test]
async fn no_more_calls_at_once_than_allowed() {
    let gate = Arc::new(Semaphore::new(0));
    let held = Arc::clone(&gate);
    let server = Running::plain(Limits::default(), move |_| {
        let held = Arc::clone(&held);
        async move {
            held.acquire().await.unwrap().forget();
            text("done")
        }
    });
    let limits = UpstreamLimits { calls_max: 1, connect_timeout_ms: SHORT_MS, ..UpstreamLimits::default() };
    let trial = Arc::new(Trial::new(plain(server.address), limits));
    let first = Arc::clone(&trial);
    let first = tokio::spawn(async move { first.said("x").await });
    let tally = Arc::clone(&server.tally);
    eventually("the first is there", || tally.calls() == 1).await;
    let failure = trial.send("x").await.unwrap_err();
    assert!(failure == Failure::Busy(Limit::UpstreamCalls) && !failure.left() && failure.status() == 503, "{failure}");
    assert_eq!(trial.tally.met(Limit::UpstreamCalls), 1);
    gate.add_permits(2);
    assert_eq!(first.await.unwrap(), "done");
    assert_eq!(tokio::time::timeout(PATIENCE, trial.said("x")).await.unwrap(), "done");
    assert_eq!(server.tally.connections(), 1);
}

#[tokio::test]
async fn a_callers_streams_leave_places_for_others() {
    let server = Running::plain(Limits::default(), |_| async {
        let mut reply = Response::new(ReplyBody::stream(Endless));
        reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
        reply
    });
    let limits = UpstreamLimits { calls_max: 3, calls_per_caller_max: 2, connect_timeout_ms: SHORT_MS, ..UpstreamLimits::default() };
    let trial = Trial::new(plain(server.address), limits);
    let held = [trial.send_as(1, "x").await.unwrap(), trial.send_as(1, "x").await.unwrap()];
    let failure = trial.send_as(1, "x").await.unwrap_err();
    assert!(failure == Failure::Busy(Limit::UpstreamCallsPerCaller) && !failure.left() && failure.status() == 503, "{failure}");
    assert_eq!(trial.tally.met(Limit::UpstreamCallsPerCaller), 1);
    trial.send_as(2, "x").await.unwrap();
    drop(held);
    trial.send_as(1, "x").await.unwrap();
}

/// A stream that is open and says nothing.
struct Endless;

impl Body for Endless {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, std::io::Error>>> {
        Poll::Pending
    }
}
