//! Follows the bytes of an HTTP/1 connection far enough to know where each head begins and ends, and whether it has both a
//! content-length and a transfer-encoding (RFC 9112 section 6.3). No socket here: bytes in.
//!
//! hyper drops the length of such a head without a word (hyperium/hyper#4123), so a handler could not refuse it. hyper alone
//! frames the request; whatever this watcher did not understand, hyper has refused, and it stops looking.

/// Where in the stream of requests the next byte belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    RequestLine,
    Headers { length: Option<u64>, coded: bool },
    Body(u64),
    ChunkSize,
    Chunk(u64),
    Trailers,
    Lost,
}

/// The watcher of one connection.
#[derive(Debug)]
pub(crate) struct Framing {
    state: State,
    /// The beginning of a line whose end has not come yet.
    partial: Vec<u8>,
    line_bytes_max: usize,
    heads: u64,
}

impl Framing {
    pub(crate) const fn new(line_bytes_max: usize) -> Self {
        Self { state: State::RequestLine, partial: Vec::new(), line_bytes_max, heads: 0 }
    }

    /// Takes the next bytes; the number, from 1, of a head in them that has both lengths.
    pub(crate) fn see(&mut self, mut bytes: &[u8]) -> Option<u64> {
        let mut conflict = None;
        while !bytes.is_empty() {
            match &mut self.state {
                State::Lost => return conflict,
                State::Body(left) => {
                    if skip(left, &mut bytes) {
                        self.state = State::RequestLine;
                    }
                }
                State::Chunk(left) => {
                    if skip(left, &mut bytes) {
                        self.state = State::ChunkSize;
                    }
                }
                State::RequestLine | State::Headers { .. } | State::ChunkSize | State::Trailers => {
                    let Some(end) = bytes.iter().position(|byte| *byte == b'\n') else {
                        self.keep(bytes);
                        return conflict;
                    };
                    let (line, rest) = bytes.split_at(end);
                    bytes = rest.get(1..).unwrap_or_default();
                    if self.line(line) {
                        conflict = conflict.or(Some(self.heads));
                    }
                }
            }
        }
        conflict
    }

    /// Whether a head has begun and not ended.
    pub(crate) const fn inside_head(&self) -> bool {
        matches!(self.state, State::Headers { .. }) || (matches!(self.state, State::RequestLine) && !self.partial.is_empty())
    }

    fn keep(&mut self, bytes: &[u8]) {
        if self.partial.len().saturating_add(bytes.len()) > self.line_bytes_max {
            self.state = State::Lost;
        } else {
            self.partial.extend_from_slice(bytes);
        }
    }

    /// One whole line without its end; true where it ends a head with both lengths.
    fn line(&mut self, line: &[u8]) -> bool {
        if self.partial.len().saturating_add(line.len()) > self.line_bytes_max {
            self.state = State::Lost;
            return false;
        }
        if self.partial.is_empty() {
            return self.next(line);
        }
        let mut whole = std::mem::take(&mut self.partial);
        whole.extend_from_slice(line);
        let conflict = self.next(&whole);
        whole.clear();
        self.partial = whole;
        conflict
    }

    fn next(&mut self, line: &[u8]) -> bool {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let (state, conflict) = match self.state {
            // Empty lines before a request are skipped (RFC 9112 section 2.2).
            State::RequestLine if line.is_empty() => (State::RequestLine, false),
            State::RequestLine => (State::Headers { length: None, coded: false }, false),
            State::Headers { length, coded } if line.is_empty() => {
                self.heads = self.heads.saturating_add(1);
                (after_head(length, coded), coded && length.is_some())
            }
            State::Headers { length, coded } => (header(line, length, coded), false),
            State::ChunkSize => (chunk(line), false),
            State::Trailers if line.is_empty() => (State::RequestLine, false),
            same @ (State::Trailers | State::Body(_) | State::Chunk(_) | State::Lost) => (same, false),
        };
        self.state = state;
        conflict
    }
}

/// Passes over what belongs to a body; true where it ends here.
fn skip(left: &mut u64, bytes: &mut &[u8]) -> bool {
    let taken = bytes.len().min(usize::try_from(*left).unwrap_or(usize::MAX));
    *left = left.saturating_sub(taken as u64);
    *bytes = bytes.get(taken..).unwrap_or_default();
    *left == 0
}

const fn after_head(length: Option<u64>, coded: bool) -> State {
    match length {
        _ if coded => State::ChunkSize,
        Some(0) | None => State::RequestLine,
        Some(length) => State::Body(length),
    }
}

fn header(line: &[u8], length: Option<u64>, coded: bool) -> State {
    let Some(colon) = line.iter().position(|byte| *byte == b':') else { return State::Lost };
    let (name, value) = line.split_at(colon);
    if name.eq_ignore_ascii_case(b"transfer-encoding") {
        return State::Headers { length, coded: true };
    }
    if !name.eq_ignore_ascii_case(b"content-length") {
        return State::Headers { length, coded };
    }
    let digits = value.strip_prefix(b":").unwrap_or_default().trim_ascii();
    match std::str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok()) {
        Some(number) => State::Headers { length: Some(number), coded },
        // hyper refuses it, unless a transfer-encoding came before: then it skips it unread.
        None if coded => State::Headers { length: Some(0), coded },
        None => State::Lost,
    }
}

fn chunk(line: &[u8]) -> State {
    let digits = line.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
    match std::str::from_utf8(digits).ok().and_then(|digits| u64::from_str_radix(digits, 16).ok()) {
        Some(0) => State::Trailers,
        // The chunk's own line end comes with it.
        Some(size) => size.checked_add(2).map_or(State::Lost, State::Chunk),
        None => State::Lost,
    }
}

#[cfg(test)]
mod tests;
