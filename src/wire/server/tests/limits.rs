//! Each limit, gone over.

use crate::tls::Oldest;
use crate::trial::{Authority, PATIENCE, Running, SIDECAR, echo, eventually, exchange, loopback, mtls, rest, text, until};
use crate::{Accepted, Limit, Limits, Load, ReplyBody};
use bytes::Bytes;
use http::Response;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::Semaphore;

const GET: &str = "GET / HTTP/1.1\r\nhost: a\r\n\r\n";
/// Short for a person, long for a machine under load.
const SHORT_MS: u64 = 300;

fn post(headers: &str, body: &str) -> String {
    format!("POST /mcp HTTP/1.1\r\nhost: a\r\n{headers}\r\n{body}")
}

async fn load(accepted: Accepted) -> Response<ReplyBody> {
    text(match accepted.load {
        Load::Within => "within".to_owned(),
        Load::Over(limit) => format!("over {}", limit.name()),
    })
}

/// What is sent on a plain connection, what the answer contains, and which limit was met.
async fn check(limits: Limits, sent: &str, answer: &str, met: Limit) {
    let server = Running::plain(limits, echo);
    let got = exchange(server.connect().await, sent).await;
    assert!(if answer.is_empty() { got.is_empty() } else { got.contains(answer) }, "{}: {got:?}", met.name());
    assert_eq!(server.tally.met(met), 1, "{}", met.name());
}

#[tokio::test]
async fn sizes() {
    let limits = Limits { body_bytes_max: 4, headers_max: 3, header_bytes_max: 100, ..Limits::default() };
    let long = "y".repeat(100);
    check(limits.clone(), &post("connection: close\r\ncontent-length: 5\r\n", "abcde"), "HTTP/1.1 413 ", Limit::BodyBytes).await;
    check(
        limits.clone(),
        &post("connection: close\r\ntransfer-encoding: chunked\r\n", "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"),
        "HTTP/1.1 413 ",
        Limit::BodyBytes,
    )
    .await;
    check(limits.clone(), &post("connection: close\r\na: 1\r\nb: 1\r\n", ""), "HTTP/1.1 431 ", Limit::Headers).await;
    check(limits.clone(), &post(&format!("connection: close\r\nx: {long}\r\n"), ""), "HTTP/1.1 431 ", Limit::HeaderBytes).await;
    let server = Running::plain(limits.clone(), echo);
    assert!(exchange(server.connect().await, post("content-length: 4\r\nconnection: close\r\n", "abcd")).await.ends_with("abcd"));
    // Far over, hyper answers by itself.
    for headers in ["x: 1\r\n".repeat(200), format!("x: {}\r\n", "y".repeat(70_000))] {
        let server = Running::plain(limits.clone(), echo);
        assert!(exchange(server.connect().await, post(&headers, "")).await.starts_with("HTTP/1.1 431 "));
        assert_eq!(server.tally.unreadable(), 1);
    }
}

#[tokio::test]
async fn times() {
    let head = Limits { header_read_timeout_ms: SHORT_MS, ..Limits::default() };
    check(head.clone(), "", "", Limit::HeaderReadTime).await;
    check(head.clone(), "GET / HTTP/1.1\r\nhost:", "", Limit::HeaderReadTime).await;
    check(head.clone(), &format!("{GET}GET / HTTP/1.1\r\nhost: a\r\n"), "HTTP/1.1 200 ", Limit::HeaderReadTime).await;
    check(head, "PRI * HTTP/2.0\r\n\r\nSM", "", Limit::HeaderReadTime).await;
    let body = Limits { body_read_timeout_ms: SHORT_MS, ..Limits::default() };
    check(body, &post("content-length: 5\r\n", "abc"), "HTTP/1.1 408 ", Limit::BodyReadTime).await;
    let idle = Limits { idle_timeout_ms: SHORT_MS, handshake_timeout_ms: SHORT_MS, ..Limits::default() };
    check(idle.clone(), GET, "HTTP/1.1 200 ", Limit::IdleTime).await;
    // HTTP/2: the preface and empty settings. The client does not go when asked to, and is cut off.
    check(idle, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\u{4}\0\0\0\0\0", "\u{7}", Limit::IdleTime).await;
}

#[tokio::test]
async fn a_slow_head_is_slow_byte_by_byte_too() {
    let server = Running::plain(Limits { header_read_timeout_ms: SHORT_MS, ..Limits::default() }, echo);
    let (mut reader, mut writer) = server.connect().await.into_split();
    let dripping = tokio::spawn(async move {
        for byte in GET.bytes().cycle().filter(|byte| *byte != b'\r' && *byte != b'\n') {
            if writer.write_all(&[byte]).await.is_err() {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(SHORT_MS / 10)).await;
        }
    });
    assert_eq!(rest(&mut reader).await, "");
    assert_eq!(server.tally.met(Limit::HeaderReadTime), 1);
    dripping.abort();
}

#[tokio::test]
async fn a_call_in_flight_is_not_idle() {
    let gate = Arc::new(Semaphore::new(0));
    let held = Arc::clone(&gate);
    let limits = Limits { idle_timeout_ms: 20, header_read_timeout_ms: 20, write_stall_timeout_ms: 20, ..Limits::default() };
    let server = Running::plain(limits, move |_| {
        let held = Arc::clone(&held);
        async move {
            held.acquire().await.unwrap().forget();
            text("done")
        }
    });
    let mut stream = server.connect().await;
    stream.write_all(GET.as_bytes()).await.unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    gate.add_permits(1);
    assert!(rest(stream).await.ends_with("done"));
}

#[tokio::test]
async fn a_handshake_that_does_not_come() {
    let limits = Limits { handshake_timeout_ms: SHORT_MS, ..Limits::default() };
    let server = Running::start(mtls(Authority::new().leaf(SIDECAR).own(), Oldest::Tls13), limits, PATIENCE, echo);
    assert_eq!(rest(server.connect().await).await, "");
    assert_eq!(server.tally.met(Limit::HandshakeTime), 1);
}

#[tokio::test]
async fn a_client_that_reads_nothing() {
    let limits = Limits { write_stall_timeout_ms: SHORT_MS, ..Limits::default() };
    let server = Running::plain(limits, |_| async { Response::new(ReplyBody::stream(Endless(vec![b'x'; 1 << 20].into()))) });
    let mut stream = server.connect().await;
    stream.write_all(GET.as_bytes()).await.unwrap();
    let tally = Arc::clone(&server.tally);
    eventually("the stall is seen", || tally.met(Limit::WriteStallTime) == 1).await;
    eventually("the call ends", || tally.calls() == 0).await;
}

/// The same block for ever.
struct Endless(Bytes);

impl http_body::Body for Endless {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<http_body::Frame<Bytes>, std::io::Error>>> {
        Poll::Ready(Some(Ok(http_body::Frame::data(self.0.clone()))))
    }
}

#[tokio::test]
async fn connections() {
    for (limits, over) in [
        (Limits { connections_max: 1, connections_over_max: 1, header_read_timeout_ms: SHORT_MS, ..Limits::default() }, Limit::Connections),
        (
            Limits { connections_per_peer_max: 1, connections_over_max: 1, header_read_timeout_ms: SHORT_MS, ..Limits::default() },
            Limit::ConnectionsPerPeer,
        ),
    ] {
        let server = Running::plain(limits, load);
        let mut first = server.connect().await;
        first.write_all(GET.as_bytes()).await.unwrap();
        until(&mut first, "within").await;
        let mut second = server.connect().await;
        second.write_all(GET.as_bytes()).await.unwrap();
        until(&mut second, &format!("over {}", over.name())).await;
        assert_eq!(rest(server.connect().await).await, "", "the third is closed unread");
        assert_eq!((server.tally.met(over), server.tally.met(Limit::ConnectionsOver)), (2, 1));
        assert_eq!(rest(second).await, "", "the second may not stay");
        drop(first);
        let tally = Arc::clone(&server.tally);
        eventually("places are free again", || tally.connections() == 0).await;
        let mut again = server.connect().await;
        again.write_all(GET.as_bytes()).await.unwrap();
        until(&mut again, "within").await;
    }
}

#[tokio::test]
async fn calls() {
    let gate = Arc::new(Semaphore::new(0));
    let held = Arc::clone(&gate);
    let server = Running::plain(Limits { calls_max: 1, ..Limits::default() }, move |accepted: Accepted| {
        let held = Arc::clone(&held);
        async move {
            if accepted.load == Load::Within {
                held.acquire().await.unwrap().forget();
            }
            load(accepted).await
        }
    });
    let mut first = server.connect().await;
    first.write_all(GET.as_bytes()).await.unwrap();
    let tally = Arc::clone(&server.tally);
    eventually("the first is being worked on", || tally.calls() == 1).await;
    let mut second = server.connect().await;
    second.write_all(GET.as_bytes()).await.unwrap();
    until(&mut second, "over calls_max").await;
    assert_eq!(server.tally.met(Limit::Calls), 1);
    gate.add_permits(2);
    until(&mut first, "within").await;
    second.write_all(GET.as_bytes()).await.unwrap();
    until(&mut second, "within").await;
}

/// One HTTP/2 frame.
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// The kinds of the frames that come until the connection ends.
async fn kinds(mut stream: impl tokio::io::AsyncRead + Unpin) -> Vec<u8> {
    let mut kinds = Vec::new();
    let reading = async {
        let mut head = [0; 9];
        while stream.read_exact(&mut head).await.is_ok() {
            let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
            let mut payload = vec![0; length];
            if stream.read_exact(&mut payload).await.is_err() {
                break;
            }
            kinds.push(head[3]);
        }
    };
    tokio::time::timeout(PATIENCE, reading).await.expect("the server ends the connection");
    kinds
}

/// :method GET, :scheme http, :path /, :authority a (RFC 7541 appendix A).
const HEAD: [u8; 6] = [0x82, 0x86, 0x84, 0x41, 1, b'a'];

/// Sends the opening of HTTP/2, then `frames`, and reads until the server ends the connection: it says GOAWAY, and no call stays.
async fn ended(limits: Limits, frames: Vec<u8>) {
    let server = Running::start(loopback(), limits, PATIENCE, |_| std::future::pending());
    let (reader, mut writer) = server.connect().await.into_split();
    let sent = [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(), frame(4, 0, 0, &[]), frames].concat();
    let writing = tokio::spawn(async move {
        let _ = writer.write_all(&sent).await;
        writer
    });
    assert!(kinds(reader).await.contains(&7), "GOAWAY");
    let tally = Arc::clone(&server.tally);
    eventually("no call stays", || tally.calls() == 0).await;
    writing.abort();
}

#[tokio::test]
async fn hostile_streams() {
    let open_then = |kind: u8, payload: &'static [u8]| {
        (1..2000).step_by(2).flat_map(move |stream| [frame(1, 5, stream, &HEAD), frame(kind, 0, stream, payload)].concat()).collect()
    };
    // RST_STREAM at once (CVE-2023-44487); a window update of nothing, for which the server must reset (CVE-2025-8671).
    ended(Limits { h2_pending_resets_max: 5, ..Limits::default() }, open_then(3, &[0, 0, 0, 8])).await;
    ended(Limits { h2_forced_resets_max: 5, ..Limits::default() }, open_then(8, &[0, 0, 0, 0])).await;
}

#[tokio::test]
async fn a_ping_without_an_answer() {
    let limits = Limits { h2_ping_interval_ms: SHORT_MS, h2_ping_timeout_ms: SHORT_MS, ..Limits::default() };
    ended(limits, frame(1, 5, 1, &HEAD)).await;
}

#[tokio::test]
async fn a_call_has_a_deadline() {
    let limits = Limits { request_total_timeout_ms: 7_000, ..Limits::default() };
    let server = Running::plain(limits, |accepted| async move {
        let left = accepted.deadline.saturating_duration_since(tokio::time::Instant::now()).as_millis();
        text((6_000..=7_000).contains(&left).to_string())
    });
    let mut stream = server.connect().await;
    stream.write_all(GET.as_bytes()).await.unwrap();
    until(&mut stream, "true").await;
}

#[tokio::test]
async fn too_many_streams_are_refused() {
    let server = Running::start(loopback(), Limits { h2_streams_max: 2, ..Limits::default() }, PATIENCE, |_| std::future::pending());
    let mut stream = server.connect().await;
    stream.write_all(&[b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(), frame(4, 0, 0, &[]), frame(4, 1, 0, &[])].concat()).await.unwrap();
    for id in [1, 3, 5] {
        stream.write_all(&frame(1, 5, id, &HEAD)).await.unwrap();
    }
    let (mut refused, mut head) = (None, [0; 9]);
    while refused.is_none() {
        tokio::time::timeout(PATIENCE, stream.read_exact(&mut head)).await.unwrap().unwrap();
        let mut payload = vec![0; u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize];
        stream.read_exact(&mut payload).await.unwrap();
        if head[3] == 3 {
            refused = Some((head[8], payload[3]));
        }
    }
    assert_eq!(refused, Some((5, 7)), "the third stream, REFUSED_STREAM");
    assert_eq!(server.tally.calls(), 2);
}
