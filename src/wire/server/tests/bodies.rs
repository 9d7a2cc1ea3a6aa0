//! Room for bodies: what takes it, who is told that there is none, and when it is free again.

use crate::trial::{PATIENCE, Running, exchange, text, until};
use crate::{Accepted, CountedAs, Limit, Limits};
use bytes::Bytes;
use std::sync::{Arc, Mutex};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

/// Bodies that were read and are not dropped yet.
type Kept = Arc<Mutex<Vec<Bytes>>>;

const LIMITS: fn() -> Limits = || Limits { body_bytes_max: 40, bodies_bytes_max: 100, ..Limits::default() };

/// Echoes each body, counted as that of the user whom the path names, and keeps it.
fn keeping(limits: Limits) -> (Running, Kept) {
    let kept = Kept::default();
    let keep = Arc::clone(&kept);
    let server = Running::plain(limits, move |accepted: Accepted| {
        let keep = Arc::clone(&keep);
        async move {
            let whose = CountedAs::User(accepted.head.uri.path().trim_start_matches('/').parse().ok());
            match accepted.body.collect(whose).await {
                Ok(body) => {
                    keep.lock().unwrap().push(body.clone());
                    text(body)
                }
                Err(error) => {
                    let mut response = text(error.to_string());
                    *response.status_mut() = error.status();
                    response
                }
            }
        }
    });
    (server, kept)
}

fn head(user: u32, more: &str) -> String {
    format!("POST /{user} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n{more}\r\n")
}

/// A whole body of this many bytes: whether there was room for it.
async fn fits(server: &Running, user: u32, bytes: usize) -> bool {
    let body = "x".repeat(bytes);
    let answer = exchange(server.connect().await, head(user, &format!("content-length: {bytes}\r\n")) + &body).await;
    let fits = answer.starts_with("HTTP/1.1 200 ") && answer.ends_with(&body);
    assert!(fits || (answer.starts_with("HTTP/1.1 503 ") && answer.contains("`bodies_bytes_max`")), "{answer:?}");
    fits
}

/// A body that stops after these bytes of the forty that were announced.
async fn stalled(server: &Running, user: u32, sent: &str) -> TcpStream {
    let mut stream = server.connect().await;
    stream.write_all((head(user, "content-length: 40\r\n") + sent).as_bytes()).await.unwrap();
    stream
}

/// Until a body has room, or has none. Nothing is kept meanwhile.
async fn until_fits(server: &Running, kept: &Kept, (user, bytes): (u32, usize), wanted: bool) {
    let waiting = async {
        while fits(server, user, bytes).await != wanted {
            kept.lock().unwrap().clear();
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.unwrap_or_else(|_| panic!("{bytes} bytes of user {user} have room: {wanted}"));
    kept.lock().unwrap().clear();
}

#[tokio::test]
async fn nobody_has_more_than_half_of_the_room_nor_all_more_than_the_whole() {
    let (server, kept) = keeping(LIMITS());
    assert!(fits(&server, 1, 40).await);
    assert!(!fits(&server, 1, 11).await, "its half is fifty");
    assert_eq!(server.tally.met(Limit::BodiesBytes), 1);
    assert!(fits(&server, 1, 10).await);
    assert!(fits(&server, 2, 40).await, "another's half is its own");
    assert!(!fits(&server, 3, 11).await, "ten are left of the whole");
    assert!(fits(&server, 3, 10).await);
    assert!(fits(&server, 4, 0).await, "no body needs no room");
    kept.lock().unwrap().clear();
    assert!(fits(&server, 1, 40).await && fits(&server, 3, 40).await, "what is dropped gives its room back");
}

#[tokio::test]
async fn room_is_taken_by_what_has_come_for_as_long_as_it_may_go_on() {
    let (server, kept) = keeping(LIMITS());
    let mut announced = Vec::new();
    for _ in 0..4 {
        let mut stream = server.connect().await;
        stream.write_all(head(1, "content-length: 40\r\nexpect: 100-continue\r\n").as_bytes()).await.unwrap();
        // It is being read.
        until(&mut stream, "100 Continue\r\n\r\n").await;
        announced.push(stream);
    }
    assert!(fits(&server, 1, 40).await, "a hundred and sixty bytes were announced, and none came");
    kept.lock().unwrap().clear();
    let held = stalled(&server, 1, &"x".repeat(30)).await;
    until_fits(&server, &kept, (1, 21), false).await;
    assert!(fits(&server, 1, 20).await && fits(&server, 2, 40).await);
    kept.lock().unwrap().clear();
    drop(held);
    until_fits(&server, &kept, (1, 40), true).await;
    // It finds no room for the rest.
    assert!(fits(&server, 1, 40).await);
    announced[0].write_all(&[b'x'; 40]).await.unwrap();
    until(&mut announced[0], "HTTP/1.1 503 ").await;
}

#[tokio::test]
async fn a_body_in_pieces_takes_no_more_room_than_one_may_have() {
    let (server, kept) = keeping(Limits { bodies_bytes_max: 40, ..LIMITS() });
    let pieces = head(1, "transfer-encoding: chunked\r\n") + &"1\r\nx\r\n".repeat(40) + "0\r\n\r\n";
    for _ in 0..2 {
        assert!(exchange(server.connect().await, &pieces).await.ends_with(&"x".repeat(40)));
        assert!(!fits(&server, 1, 1).await, "one may have all where there is room for one only");
        kept.lock().unwrap().clear();
    }
    let over = pieces.replacen("1\r\nx\r\n", "2\r\nxx\r\n", 1);
    assert!(exchange(server.connect().await, &over).await.starts_with("HTTP/1.1 413 "), "it is too large for ever, and told so");
}
