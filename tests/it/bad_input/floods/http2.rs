//! Frames of HTTP/2 that cost the one who reads them more than the one who sends them, each until the connection is ended.

use super::target::{TOOL, Target};
use std::io::Write;
use std::net::{Shutdown, TcpStream};
use std::time::Instant;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00";
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
/// What is tried on one connection; nobody may take it all.
const COUNT: u32 = 100_000;

/// Streams that are cancelled as soon as they are open (CVE-2023-44487).
pub(super) fn rapid_reset(target: &Target, _: Instant) {
    let reset = |stream: u32| [frame(HEADERS, END_HEADERS, stream, &block()), frame(RST_STREAM, 0, stream, &8_u32.to_be_bytes())].concat();
    let taken = pour(target.connect(), preface().chain(streams().map(reset)));
    assert!(taken < COUNT as usize, "resets are taken for ever: {taken}");
}

/// Streams that the server has to reset: a window that grows by nothing, or beyond its size (CVE-2025-8671).
pub(super) fn made_you_reset(target: &Target, _: Instant) {
    for growth in [0, u32::MAX >> 1] {
        let forced =
            |stream: u32| [frame(HEADERS, END_HEADERS, stream, &block()), frame(WINDOW_UPDATE, 0, stream, &growth.to_be_bytes())].concat();
        let taken = pour(target.connect(), preface().chain(streams().map(forced)));
        assert!(taken < COUNT as usize, "streams are reset for ever: {taken}");
    }
}

/// A head without an end (CVE-2024-27316 and its like).
pub(super) fn continuation(target: &Target, _: Instant) {
    let more = (0..COUNT).map(|_| frame(CONTINUATION, 0, 1, b"\x00\x01x\x01y"));
    let taken = pour(target.connect(), preface().chain([frame(HEADERS, END_STREAM, 1, &block())]).chain(more));
    assert!(taken < COUNT as usize, "a head is read for ever: {taken}");
}

/// One header of 4000 bytes put into the table, then named 12000 times: 48 MB of headers in 16 KB.
pub(super) fn hpack_bomb(target: &Target, _: Instant) {
    let entry = [b"\x40\x01x\x7f".as_slice(), &[0xa1, 0x1e], &[b'v'; 4000]].concat();
    let bomb = [block(), entry, vec![0xbe; 12_000]].concat();
    pour(target.connect(), preface().chain([frame(HEADERS, END_STREAM | END_HEADERS, 1, &bomb)]));
}

/// Sends until the other side has had enough or nothing is left; gives how many pieces it took.
pub(super) fn pour(mut stream: TcpStream, pieces: impl Iterator<Item = Vec<u8>>) -> usize {
    let mut reader = stream.try_clone().unwrap();
    let drained = std::thread::spawn(move || std::io::copy(&mut reader, &mut std::io::sink()));
    let taken = pieces.take_while(|piece| stream.write_all(piece).is_ok()).count();
    // Whether it was closed already is the other side's matter.
    let _ = stream.shutdown(Shutdown::Both);
    let _ = drained.join().unwrap();
    taken
}

/// A call of the tool, as HPACK without its table: `:method: POST`, `:scheme: http`, `:path`, `:authority`, `content-type`.
fn block() -> Vec<u8> {
    let text = |name: &[u8], value: &str| [name, &[u8::try_from(value.len()).unwrap()], value.as_bytes()].concat();
    [vec![0x83, 0x86], text(&[0x04], TOOL), text(&[0x01], "localhost"), text(&[0x0f, 0x10], "application/json")].concat()
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// Streams of our own are odd.
fn streams() -> impl Iterator<Item = u32> {
    (0..COUNT).map(|number| 2 * number + 1)
}

fn preface() -> impl Iterator<Item = Vec<u8>> {
    std::iter::once(PREFACE.to_vec())
}
