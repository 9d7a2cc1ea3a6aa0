//! Where a request ends: heads with two answers, cut at every byte.

use super::Framing;

/// Fed whole and byte by byte: the numbers of the heads with both lengths, and whether it ends inside a head.
fn check(stream: &str, expected: &[u64], inside_head: bool) {
    let mut whole = Framing::new(4096);
    let first = whole.see(stream.as_bytes());
    assert_eq!(first, expected.first().copied(), "{stream:?}");
    assert_eq!(whole.inside_head(), inside_head, "{stream:?}");
    let mut slow = Framing::new(4096);
    let found: Vec<u64> = stream.bytes().filter_map(|byte| slow.see(&[byte])).collect();
    assert_eq!(found, expected, "{stream:?} byte by byte");
    assert_eq!(slow.inside_head(), inside_head, "{stream:?} byte by byte");
}

#[test]
fn finds_the_head_with_both_lengths() {
    const GET: &str = "GET / HTTP/1.1\r\nhost: a\r\n\r\n";
    const SIZED: &str = "POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nGET /";
    const CHUNKED: &str = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5;x=1\r\na: b\n\r\n0\r\nt: 1\r\n\r\n";
    const LENGTH_FIRST: &str = "POST / HTTP/1.1\r\ncontent-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n";
    const CODING_FIRST: &str = "POST / HTTP/1.1\r\nTRANSFER-ENCODING: chunked\r\nCONTENT-LENGTH: x\r\n\r\n0\r\n\r\n";
    check(GET, &[], false);
    check(&format!("{GET}{SIZED}{CHUNKED}{GET}"), &[], false);
    check(LENGTH_FIRST, &[1], false);
    check(CODING_FIRST, &[1], false);
    check(&format!("\r\n{SIZED}{CHUNKED}{LENGTH_FIRST}"), &[3], false);
    check(&format!("{SIZED}{}", LENGTH_FIRST.replace("\r\n", "\n")), &[2], false);
}

#[test]
fn a_body_is_no_head() {
    let body = "content-length: 1\r\ntransfer-encoding: chunked\r\n\r\n";
    check(&format!("POST / HTTP/1.1\r\ncontent-length: {}\r\n\r\n{body}", body.len()), &[], false);
    check(&format!("POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n{:x}\r\n{body}\r\n0\r\n\r\n", body.len()), &[], false);
}

#[test]
fn knows_when_it_is_inside_a_head() {
    check("", &[], false);
    check("\r\n", &[], false);
    check("G", &[], true);
    check("GET / HTTP/1.1\r\n", &[], true);
    check("GET / HTTP/1.1\r\nhost: a\r\n", &[], true);
    check("POST / HTTP/1.1\r\ncontent-length: 5\r\n\r\nab", &[], false);
}

#[test]
fn stops_looking_at_what_it_does_not_understand() {
    check("GET / HTTP/1.1\r\nno colon\r\n\r\nPOST / HTTP/1.1\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n", &[], false);
    check("POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\nxyz\r\n", &[], false);
    check(&format!("GET /{}", "a".repeat(5000)), &[], false);
}

/// However the bytes are cut, the same is found; and nothing makes it panic.
#[test]
fn cut_anywhere() {
    const PIECES: [&str; 16] = [
        "GET / HTTP/1.1\r\n",
        "\r\n",
        "\n",
        "\r",
        ":",
        "Content-Length: ",
        "transfer-encoding: chunked\r\n",
        "5\r\n",
        "0\r\n",
        "ffffffffffffffff\r\n",
        "18446744073709551615\r\n",
        "abcde",
        "x: y\r\n",
        ";",
        "content-length:3\n",
        "\0",
    ];
    // xorshift64, from a fixed seed.
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = |below: usize| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        usize::try_from(random % below as u64).unwrap()
    };
    for _ in 0..20_000 {
        let stream: String = (0..next(14)).map(|_| PIECES[next(PIECES.len())]).collect();
        let (mut whole, mut cut, mut found, mut rest) = (Framing::new(64), Framing::new(64), None, stream.as_bytes());
        let first = whole.see(stream.as_bytes());
        while !rest.is_empty() {
            let (part, after) = rest.split_at(1 + next(rest.len()));
            found = found.or(cut.see(part));
            rest = after;
        }
        assert_eq!((found, cut.inside_head()), (first, whole.inside_head()), "{stream:?}");
    }
}
