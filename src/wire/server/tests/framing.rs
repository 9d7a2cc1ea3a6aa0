//! What a client may do with the framing of HTTP/1, and what not.

use crate::trial::{Running, echo, eventually, exchange, rest, text, until};
use crate::{BodyError, Limits, Unsound};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::io::AsyncWriteExt as _;

const CLOSE: &str = "connection: close\r\n";

fn post(headers: &str, body: &str) -> String {
    format!("POST /mcp HTTP/1.1\r\nhost: a\r\n{headers}\r\n{body}")
}

/// The status line's number and the body of one answer.
async fn check(request: &str, status: u16, body: &str) {
    let server = Running::plain(Limits::default(), echo);
    let answer = exchange(server.connect().await, request).await;
    let (head, found) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    assert!(head.starts_with(&format!("HTTP/1.1 {status} ")) && found == body, "{request:?}: {answer:?}");
}

#[tokio::test]
async fn one_length_only() {
    let two = Unsound::TwoLengths.to_string();
    // hyperium/hyper#4123: with the length first, hyper up to 1.10.1 handed both on; later ones hand on neither trace nor error.
    check(&post("content-length: 4\r\ntransfer-encoding: chunked\r\n", "0\r\n\r\n"), 400, &two).await;
    check(&post("transfer-encoding: chunked\r\ncontent-length: 4\r\n", "0\r\n\r\n"), 400, &two).await;
    check(&post("Transfer-Encoding: chunked\r\nContent-Length: 0\r\n", "0\r\n\r\n"), 400, &two).await;
    check(&post(&format!("content-length: 2\r\ncontent-length: 2\r\n{CLOSE}"), "ab"), 200, "ab").await;
    check(&post(&format!("transfer-encoding: chunked\r\n{CLOSE}"), "2\r\nab\r\n1\r\nc\r\n0\r\n\r\n"), 200, "abc").await;
    check(&post("content-length: 2\r\ncontent-length: 3\r\n", "abc"), 400, "").await;
    check(&post("content-length: +2\r\n", "ab"), 400, "").await;
    check(&post("transfer-encoding: chunked, identity\r\n", "ab"), 400, "").await;
}

#[tokio::test]
async fn nothing_is_served_after_two_lengths() {
    let server = Running::plain(Limits::default(), echo);
    let smuggled = format!(
        "{}{}{}",
        post("content-length: 1\r\n", "x"),
        post("content-length: 4\r\ntransfer-encoding: chunked\r\n", "0\r\n\r\n"),
        post("", "")
    );
    let answer = exchange(server.connect().await, smuggled).await;
    let statuses: Vec<&str> = answer.split("HTTP/1.1 ").skip(1).filter_map(|rest| rest.split(' ').next()).collect();
    assert_eq!(statuses, ["200", "400"], "{answer:?}");
}

#[tokio::test]
async fn trailers_are_refused() {
    let trailers = BodyError::Trailers.to_string();
    check(&post(&format!("transfer-encoding: chunked\r\ntrailer: x\r\n{CLOSE}"), "2\r\nab\r\n0\r\nx: 1\r\n\r\n"), 400, &trailers).await;
}

#[tokio::test]
async fn a_call_is_begun_though_its_client_has_gone() {
    let begun = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&begun);
    let server = Running::plain(Limits::default(), move |_| {
        let count = Arc::clone(&count);
        async move {
            count.fetch_add(1, Ordering::Relaxed);
            std::future::pending().await
        }
    });
    for number in 1..=10 {
        server.connect().await.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
        eventually("the call is begun", || begun.load(Ordering::Relaxed) == number).await;
    }
    let tally = Arc::clone(&server.tally);
    eventually("and given up", || tally.calls() == 0).await;
}

#[tokio::test]
async fn a_body_that_breaks_off_is_not_judged() {
    let server = Running::plain(Limits::default(), |accepted| async move {
        let read = accepted.body.collect(accepted.peer.counted_as()).await;
        assert!(matches!(read, Err(BodyError::Broken(_))), "{read:?}");
        text("")
    });
    let mut stream = server.connect().await;
    stream.write_all(post("content-length: 10\r\n", "abc").as_bytes()).await.unwrap();
    stream.shutdown().await.unwrap();
    rest(stream).await;
    assert_eq!(server.drained().await.cut, 0);
}

#[tokio::test]
async fn the_client_that_asks_first_is_told_to_go_on() {
    let server = Running::plain(Limits::default(), echo);
    let mut stream = server.connect().await;
    stream.write_all(post(&format!("content-length: 2\r\nexpect: 100-continue\r\n{CLOSE}"), "").as_bytes()).await.unwrap();
    until(&mut stream, "HTTP/1.1 100 Continue\r\n\r\n").await;
    assert!(exchange(stream, "ab").await.ends_with("\r\n\r\nab"));
}

#[tokio::test]
async fn requests_in_one_write_are_answered_in_order() {
    let server = Running::plain(Limits::default(), echo);
    let three = [
        post("content-length: 1\r\n", "1"),
        post("transfer-encoding: chunked\r\n", "1\r\n2\r\n0\r\n\r\n"),
        post(&format!("content-length: 1\r\n{CLOSE}"), "3"),
    ];
    let answer = exchange(server.connect().await, three.concat()).await;
    let bodies: Vec<&str> = answer.split("HTTP/1.1 200 OK").filter_map(|one| one.split_once("\r\n\r\n")).map(|(_, body)| body).collect();
    assert_eq!(bodies, ["1", "2", "3"], "{answer:?}");
}

#[tokio::test]
async fn what_is_no_http_is_told_to_the_handler() {
    for bytes in
        ["GET /\r\n\r\n", "\0\x01\x02\r\n\r\n", "GET / HTTP/1.1\r\nhost : a\r\n\r\n", "POST / HTTP/1.1\r\ncontent-length: x\r\n\r\n"]
    {
        let server = Running::plain(Limits::default(), echo);
        assert!(exchange(server.connect().await, bytes).await.starts_with("HTTP/1.1 400"), "{bytes:?}");
        let (handler, tally) = (std::sync::Arc::clone(&server.handler), std::sync::Arc::clone(&server.tally));
        server.drained().await;
        let told = handler.unreadable.lock().unwrap();
        assert!(told.len() == 1 && told[0].starts_with("local: ") && tally.unreadable() == 1, "{bytes:?}: {told:?}");
    }
}
