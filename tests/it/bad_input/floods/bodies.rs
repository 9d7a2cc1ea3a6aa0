//! Bodies that are too large, too deep or too wide, and calls that are refused.

use super::http2::pour;
use super::target::{REFUSED, TOOL, Target};
use crate::peers;
use std::io::{Read, Write};
use std::sync::LazyLock;
use std::time::Instant;

/// Of this, in megabytes, a sender may get rid of what buffers hold.
const GIGABYTE: usize = 1 << 10;
const BUFFERED_MAX: usize = 200;
/// Of depth, of keys, of items.
const MILLION: usize = 1_000_000;
/// Bodies at once that stop before they are whole, after so many bytes.
const STALLED: usize = 200;
const STALLED_BYTES: usize = 1_000_000;
/// At once, each with a batch of refused calls.
const REFUSED_CONNECTIONS: usize = 8;
const REFUSED_BATCH: usize = 100;

/// A gigabyte, with its length and in chunks.
pub(super) fn gigabyte(target: &Target, _: Instant) {
    let post = format!("POST {TOOL} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n");
    let piece = vec![b' '; 1 << 20];
    let chunk = [b"100000\r\n".as_slice(), &piece, b"\r\n"].concat();
    for (length, piece) in [(format!("content-length: {}", GIGABYTE << 20), piece), ("transfer-encoding: chunked".to_owned(), chunk)] {
        let head = format!("{post}{length}\r\n\r\n").into_bytes();
        let taken = pour(target.connect(), std::iter::once(head).chain((0..GIGABYTE).map(|_| piece.clone())));
        assert!(taken < BUFFERED_MAX, "{length}: {taken} MB were taken");
    }
}

/// Large bodies that never get whole, as many as would be several times what all bodies together may have in memory.
pub(super) fn stalled(target: &Target, _: Instant) {
    static BODY: LazyLock<Vec<u8>> = LazyLock::new(|| {
        let head = format!("POST {TOOL} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: {}", 1 << 20);
        [format!("{head}\r\n\r\n").into_bytes(), vec![b' '; STALLED_BYTES]].concat()
    });
    let begun = |_| {
        let mut stream = target.connect();
        // Whoever finds no room is told so before he is done.
        let _ = stream.write_all(&BODY);
        stream
    };
    target.sees_the_end_of((0..STALLED).map(begun).collect());
}

/// A million lists in one another, and as many objects.
pub(super) fn depth(target: &Target, _: Instant) {
    static BODIES: LazyLock<[String; 2]> = LazyLock::new(|| ["[".repeat(MILLION), "{\"a\":".repeat(MILLION)]);
    all_refused(target, &*BODIES, 400);
}

/// A million keys of one object, and of one list as many items.
pub(super) fn width(target: &Target, _: Instant) {
    static BODIES: LazyLock<[String; 2]> = LazyLock::new(|| {
        let keys: Vec<_> = (0..MILLION).map(|number| format!("\"k{number}\":1")).collect();
        [format!("{{{}}}", keys.join(",")), format!("[{}]", vec!["1"; MILLION].join(","))]
    });
    all_refused(target, &*BODIES, 400);
}

/// One number, a short number that is a large one, and a text beyond what a body may have.
pub(super) fn length(target: &Target, _: Instant) {
    static BODIES: LazyLock<[String; 2]> = LazyLock::new(|| ["1".repeat(MILLION), "1e999999999".to_owned()]);
    all_refused(target, &*BODIES, 400);
    all_refused(target, &[format!("\"{}\"", "x".repeat(1 << 20))], 413);
}

fn all_refused(target: &Target, bodies: &[String], status: u16) {
    for body in bodies {
        let answer = peers::post(target.crowd, TOOL, &[("content-type", "application/json")], body.as_bytes()).unwrap();
        assert_eq!(answer.status, status, "{:.20}: {}", body, answer.text());
    }
}

/// Calls that the policy refuses, each decided and recorded.
pub(super) fn refusals(target: &Target, _: Instant) {
    let call = format!("POST {REFUSED} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 2\r\n");
    let batch = format!("{}{call}connection: close\r\n\r\n{{}}", format!("{call}\r\n{{}}").repeat(REFUSED_BATCH - 1));
    std::thread::scope(|scope| {
        for _ in 0..REFUSED_CONNECTIONS {
            scope.spawn(|| {
                let (mut stream, mut answers) = (target.connect(), String::new());
                stream.write_all(batch.as_bytes()).unwrap();
                stream.read_to_string(&mut answers).unwrap();
                assert_eq!(answers.matches("HTTP/1.1 403 ").count(), REFUSED_BATCH, "{answers:.500}");
            });
        }
    });
}
