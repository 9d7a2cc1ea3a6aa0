//! Connections that are held: slow, silent, too many, or with an answer that never ends.

use super::target::{ENDLESS, MCP, TOOL, Target};
use crate::peers::Pace;
use rustix::net::sockopt::set_socket_recv_buffer_size;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// Connections that are slow at once.
const SLOW: usize = 200;
/// Between two bytes of a slow one.
const DRIP: Duration = Duration::from_millis(50);
/// Connections are opened and closed so many at a time, and so often: thousands in one instant would be the generator's peak, not the flood.
const AT_ONCE: usize = 10;
const STEP: Duration = Duration::from_millis(2);
/// Idle at once, if the machine allows it.
const IDLE: u64 = 10_000;
/// Descriptors that a process needs beside them.
const OTHERS: u64 = 1_000;
/// Far more than the limits of their flood have room for.
const CROWD: usize = 1_500;
/// Answers without an end, at once; half of them are not read.
const ENDLESS_COUNT: usize = 40;
/// What a reader takes at a time.
const SIP_BYTES: usize = 2 << 10;
/// Between two sips.
const SIP: Duration = Duration::from_millis(20);
/// What the kernel keeps for a client: megabytes otherwise, for which the flood would first have to be made.
const KEPT_BYTES: usize = 64 << 10;
/// No round holds its connections longer, so that there are several in a minute.
const HELD_MAX: Duration = Duration::from_secs(10);

/// Heads that come a byte at a time.
pub(super) fn slow_heads(target: &Target, _: Instant) {
    slow(target, "GET / HTTP/1.1\r\nhost: localhost\r\nx", b'-');
}

/// Bodies that come a byte at a time.
pub(super) fn slow_bodies(target: &Target, _: Instant) {
    slow(target, &format!("{}content-length: 100000\r\n\r\n{{", post(TOOL)), b' ');
}

/// Each is ended by the sidecar, however long it goes on.
fn slow(target: &Target, begin: &str, byte: u8) {
    let mut held = connected(target, SLOW);
    for stream in &mut held {
        stream.write_all(begin.as_bytes()).unwrap();
    }
    let mut pace = Pace::new(DRIP);
    while !held.is_empty() {
        pace.await_next();
        held.retain_mut(|stream| stream.write_all(&[byte]).is_ok());
    }
    target.await_places(|taken| taken == 1);
}

/// More connections than there is room for: the kernel takes them, the sidecar tells them why or closes.
pub(super) fn crowd(target: &Target, _: Instant) {
    target.sees_the_end_of(connected(target, CROWD));
}

/// As many as the limits have room for, none of which says a word.
pub(super) fn idle(target: &Target, until: Instant) {
    let count = idle_count();
    let mut held = connected(target, count);
    target.await_places(|taken| taken > count);
    hold(&held[0], until);
    let mut pace = Pace::new(STEP);
    while !held.is_empty() {
        pace.await_next();
        held.truncate(held.len().saturating_sub(AT_ONCE));
    }
    target.await_places(|taken| taken == 1);
}

/// Lets the test, and what it starts from here on, have as many descriptors as the machine allows; how many idle connections that are.
pub(super) fn idle_count() -> usize {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).unwrap();
    let count = maximum.map_or(IDLE, |maximum| IDLE.min(maximum.saturating_sub(OTHERS)));
    usize::try_from(count).unwrap()
}

/// Answers that never end: some read them, some do not. All go away, and the upstream is told.
pub(super) fn endless_answers(target: &Target, until: Instant) {
    let message = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"endless","arguments":{}}}"#;
    let mcp = format!("{}accept: application/json, text/event-stream\r\nmcp-protocol-version: 2025-11-25\r\n", post(MCP));
    let plain = post(ENDLESS);
    let asked = |head: &str, body: &str| {
        let mut stream = target.connect();
        set_socket_recv_buffer_size(&stream, KEPT_BYTES).unwrap();
        write!(stream, "{head}content-length: {}\r\n\r\n{body}", body.len()).unwrap();
        stream
    };
    let mut held: Vec<_> = (0..ENDLESS_COUNT / 2).flat_map(|_| [asked(&plain, "{}"), asked(&mcp, message)]).collect();
    target.ticker.await_open(ENDLESS_COUNT);
    let (readers, _deaf) = held.split_at_mut(ENDLESS_COUNT / 2);
    let until = until.min(Instant::now() + HELD_MAX);
    let (mut sip, mut pace, mut begun) = (vec![0; SIP_BYTES], Pace::new(SIP), false);
    while !begun || Instant::now() < until {
        pace.await_next();
        for reader in readers.iter_mut() {
            reader.read_exact(&mut sip).unwrap();
            assert!(begun || sip.starts_with(b"HTTP/1.1 200 "), "{}", String::from_utf8_lossy(&sip));
        }
        begun = true;
    }
    drop(held);
    target.ticker.await_open(0);
    target.await_places(|taken| taken == 1);
}

/// So many connections, some at a time.
fn connected(target: &Target, count: usize) -> Vec<TcpStream> {
    let mut pace = Pace::new(STEP);
    let mut connect = |number: usize| {
        if number.is_multiple_of(AT_ONCE) {
            pace.await_next();
        }
        target.connect()
    };
    (0..count).map(&mut connect).collect()
}

/// Until then, or until it is ended.
fn hold(mut stream: &TcpStream, until: Instant) {
    let left = until.min(Instant::now() + HELD_MAX).saturating_duration_since(Instant::now());
    if !left.is_zero() {
        stream.set_read_timeout(Some(left)).unwrap();
        // Either is an end of waiting.
        let _ = stream.read(&mut [0]);
    }
}

/// The head of a call without its length.
fn post(path: &str) -> String {
    format!("POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n")
}
