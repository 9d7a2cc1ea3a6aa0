//! Floods over real sockets: memory stays bounded, a good client is served meanwhile and afterwards, and nothing panics.

use crate::peers::{Recorder, get, post, until};
use crate::sidecar::{ALLOW, Plan, Sidecar, post_json};
use serde_json::json;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

const TOOL: &str = "/tools/note";
/// Beyond what the sidecar has when it is ready: kilobytes of resident memory.
const GROWTH_KIB_MAX: u64 = 200 << 10;
/// For one good call while a flood goes on.
const GOOD_CALL_MAX: Duration = Duration::from_secs(10);
/// A socket of ours that waits longer than this has found what it was looking for: nobody answers.
const SILENCE: Duration = Duration::from_secs(30);
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00";
/// `:method: POST`, `:scheme: http`, `:path: /` of HPACK's static table, and `:authority: a`.
const BLOCK: &[u8] = b"\x83\x86\x84\x41\x01a";
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

/// One sidecar for all floods, with short times so that each ends.
struct Target {
    sidecar: Sidecar,
    at: SocketAddr,
    idle_kib: u64,
}

impl Target {
    fn start(recorder: &Recorder) -> Target {
        let (plan, at) = Plan::new("floods", ALLOW).upstream("notes", recorder.address()).clickhouse_away().loopback("agent");
        let route = format!(
            "{{name: notes, listener: agent, upstream: notes, protocol: http, tools: [{{method: POST, path: {TOOL}, tool: note}}]}}"
        );
        let limits = "limits: {header_read_timeout_ms: 4000, body_read_timeout_ms: 4000, idle_timeout_ms: 4000, connections_max: 256, connections_per_peer_max: 256}";
        let sidecar = plan.route(route).more(limits).start("PRODUCTION");
        let target = Target { sidecar, at, idle_kib: 0 };
        target.good();
        Target { idle_kib: target.resident_kib(), ..target }
    }

    fn resident_kib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.sidecar.toolgate.pid())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.split_whitespace().next().unwrap().parse().unwrap()
    }

    /// A good client is served.
    fn good(&self) {
        let begun = Instant::now();
        let answer = post_json(self.at, TOOL, &[], &json!({"text": "good"}));
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert!(begun.elapsed() < GOOD_CALL_MAX, "{:?}", begun.elapsed());
    }

    /// After a flood.
    fn is_well(&self, flood: &str) {
        self.good();
        let grown = self.resident_kib() - self.idle_kib;
        assert!(grown < GROWTH_KIB_MAX, "{flood}: {grown} KiB more than at rest");
        let panicked = self.sidecar.toolgate.lines().into_iter().find(|line| line.contains("panicked"));
        assert_eq!(panicked, None, "{flood}");
    }

    /// Each connection ends by itself, with or without a word, and its place is free again.
    fn sees_the_end_of(&self, connections: Vec<TcpStream>) {
        for mut stream in connections {
            let ended = stream.read_to_end(&mut Vec::new());
            assert!(ended.as_ref().map_or_else(|why| why.kind() == std::io::ErrorKind::ConnectionReset, |_| true), "{ended:?}");
        }
        until("every place to be free", SILENCE, || {
            let metrics = get(self.sidecar.admin.clone(), "/metrics").unwrap().text();
            metrics.lines().any(|line| line == "toolgate_connections 0").then_some(())
        });
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.at).unwrap();
        stream.set_read_timeout(Some(SILENCE)).unwrap();
        stream.set_write_timeout(Some(SILENCE)).unwrap();
        stream
    }
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// Sends until the other side has had enough or nothing is left; gives how many pieces it took.
fn pour(mut stream: TcpStream, pieces: impl Iterator<Item = Vec<u8>>) -> usize {
    let mut reader = stream.try_clone().unwrap();
    let drained = std::thread::spawn(move || std::io::copy(&mut reader, &mut std::io::sink()));
    let taken = pieces.take_while(|piece| stream.write_all(piece).is_ok()).count();
    // Whether it was closed already is the other side's matter.
    let _ = stream.shutdown(Shutdown::Both);
    let _ = drained.join().unwrap();
    taken
}

/// Streams of our own are odd.
fn streams(count: u32) -> impl Iterator<Item = u32> {
    (0..count).map(|number| 2 * number + 1)
}

fn preface() -> impl Iterator<Item = Vec<u8>> {
    std::iter::once(PREFACE.to_vec())
}

#[test]
fn http2_floods_end_their_own_connection() {
    let recorder = Recorder::start();
    let target = Target::start(&recorder);
    const COUNT: u32 = 100_000;
    let reset = |stream: u32| [frame(HEADERS, END_HEADERS, stream, BLOCK), frame(RST_STREAM, 0, stream, &8_u32.to_be_bytes())].concat();
    let taken = pour(target.connect(), preface().chain(streams(COUNT).map(reset)));
    assert!(taken < COUNT as usize, "rapid resets are not taken for ever: {taken}");
    target.is_well("rapid reset");

    let never_ends =
        std::iter::once(frame(HEADERS, END_STREAM, 1, BLOCK)).chain((0..COUNT).map(|_| frame(CONTINUATION, 0, 1, b"\x00\x01x\x01y")));
    let taken = pour(target.connect(), preface().chain(never_ends));
    assert!(taken < COUNT as usize, "nor a head without an end: {taken}");
    target.is_well("CONTINUATION flood");

    // One header of 4000 bytes put into the table, then named 16000 times: 64 MB of headers in 20 KB.
    let entry = [b"\x40\x01x\x7f".as_slice(), &[0xa1, 0x1e], &[b'v'; 4000]].concat();
    let bomb = [BLOCK, &entry, &[0xbe; 12_000]].concat();
    for _ in 0..20 {
        pour(target.connect(), preface().chain([frame(HEADERS, END_STREAM | END_HEADERS, 1, &bomb)]));
    }
    target.is_well("HPACK bomb");
    assert_eq!(recorder.received().len(), 4, "the good calls alone");
}

#[test]
fn slow_idle_endless_and_deep_requests_hold_nothing_up() {
    let recorder = Recorder::start();
    let target = Target::start(&recorder);
    let begin = |bytes: &[u8]| {
        let mut stream = target.connect();
        stream.write_all(bytes).map(|()| stream)
    };
    let post = format!("POST {TOOL} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n");
    let slow_body = format!("{post}content-length: 1000\r\n\r\n{{");
    // A head that never ends, a body that never comes, nothing at all; a place for the good client is left.
    let held: Vec<TcpStream> =
        (0..80).flat_map(|_| [begin(b"POST / HTTP/1.1\r\nhost"), begin(slow_body.as_bytes()), begin(b"")]).map(Result::unwrap).collect();
    target.good();
    target.sees_the_end_of(held);
    target.is_well("240 slow connections");

    // More connections than there is room for: the kernel takes them, the sidecar tells them why or closes.
    let crowd: Vec<TcpStream> = (0..1500).map(|_| target.connect()).collect();
    target.sees_the_end_of(crowd);
    target.is_well("1500 idle connections");

    let gigabyte = format!("{post}content-length: {}\r\n\r\n", 1_u64 << 30);
    let piece = vec![b' '; 1 << 20];
    let taken = pour(target.connect(), std::iter::once(gigabyte.into_bytes()).chain((0..1024).map(|_| piece.clone())));
    assert!(taken < 200, "{taken} MB of a gigabyte");
    let chunked = format!("{post}transfer-encoding: chunked\r\n\r\n");
    let chunk = [b"100000\r\n".as_slice(), &piece, b"\r\n"].concat();
    let taken = pour(target.connect(), std::iter::once(chunked.into_bytes()).chain((0..1024).map(|_| chunk.clone())));
    assert!(taken < 200, "{taken} MB in chunks");
    target.is_well("a gigabyte");
}

#[test]
fn a_document_beyond_its_limits_is_refused_for_little() {
    let recorder = Recorder::start();
    let target = Target::start(&recorder);
    let sent = |body: Vec<u8>| post(target.at, TOOL, &[("content-type", "application/json")], body).unwrap();
    let keys: Vec<String> = (0..60_000).map(|number| format!("\"k{number}\":1")).collect();
    let long = |count: usize| format!("[{}]", vec!["1"; count].join(","));
    for (what, body, status) in [
        ("depth", "[".repeat(1_000_000), 400),
        ("depth of objects", "{\"a\":".repeat(200_000), 400),
        ("members", format!("{{{}}}", keys.join(",")), 400),
        ("items", long(400_000), 400),
        ("one number", "1".repeat(1_000_000), 400),
        ("an exponent", "1e999999999".to_owned(), 400),
        ("bytes", format!("\"{}\"", "x".repeat(1 << 20)), 413),
    ] {
        for _ in 0..8 {
            let answer = sent(body.clone().into_bytes());
            assert_eq!(answer.status, status, "{what}: {}", answer.text());
        }
        target.is_well(what);
    }
}
