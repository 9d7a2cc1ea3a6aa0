//! A stream of server-sent events (HTML Standard section 9.2), taken apart into lines and messages and put together as it came.
//!
//! Lines before an event's first `data` line pass at once; from there on the event is held until its end, because its data must be read.
//! A line ends with LF, CRLF or CR, and with nothing else that Unicode calls a line's end. Some clients know no CR alone (the Go SDK): it is
//! passed on as LF, so that nobody reads other lines than were read here.

use super::{Broken, Reading};
use bytes::{Bytes, BytesMut};

const BOM: &[u8] = b"\xef\xbb\xbf";

#[derive(Debug, Default)]
pub(super) struct Events {
    /// What was not yet looked at.
    input: BytesMut,
    /// Bytes of it that hold no line end.
    scanned: usize,
    /// The event from its first `data` line on, as it came.
    event: BytesMut,
    /// Its lines that are not `data`.
    others: BytesMut,
    /// Its data: the lines' values, joined by line feeds.
    data: Option<BytesMut>,
    /// The line that ends the event.
    end: Bytes,
    begun: bool,
}

impl Events {
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.input.extend_from_slice(bytes);
    }

    /// Moves lines to `ready` up to the end of an event that has data, which is then to be passed by `pass` or replaced by `put`.
    pub(super) fn next(&mut self, finished: bool, reading: &Reading, ready: &mut BytesMut) -> Result<Option<Bytes>, Broken> {
        while let Some(line) = self.line(finished) {
            if self.event.len() + line.len() > reading.bytes_max {
                return Err(Broken::TooLong { bytes_max: reading.bytes_max });
            }
            if let Some(data) = self.take(line, reading, ready)? {
                return Ok(Some(data));
            }
        }
        if self.event.len() + self.input.len() > reading.bytes_max {
            return Err(Broken::TooLong { bytes_max: reading.bytes_max });
        }
        // Some clients take what stands at the end of the stream for an event, though it has no end.
        Ok(if finished { self.data.take().map(BytesMut::freeze) } else { None })
    }

    /// The next line with its end; at the end of the stream what is left.
    fn line(&mut self, finished: bool) -> Option<Bytes> {
        let fresh = self.input.get(self.scanned..).unwrap_or_default();
        let found = fresh.iter().position(|byte| matches!(byte, b'\n' | b'\r')).map(|at| self.scanned + at);
        self.scanned = found.unwrap_or(self.input.len());
        let length = match found.map(|at| (at, self.input.get(at), self.input.get(at + 1))) {
            Some((at, Some(b'\r'), Some(b'\n'))) => at + 2,
            // Whether a line feed belongs to it is not known yet.
            Some((_, Some(b'\r'), None)) if !finished => return None,
            Some((at, ..)) => {
                if let Some(end) = self.input.get_mut(at) {
                    *end = b'\n';
                }
                at + 1
            }
            None if finished && !self.input.is_empty() => self.input.len(),
            None => return None,
        };
        self.scanned = 0;
        Some(self.input.split_to(length).freeze())
    }

    fn take(&mut self, line: Bytes, reading: &Reading, ready: &mut BytesMut) -> Result<Option<Bytes>, Broken> {
        let content = line.strip_suffix(b"\n").unwrap_or(&line);
        let content = content.strip_suffix(b"\r").unwrap_or(content);
        let content = if std::mem::replace(&mut self.begun, true) { content } else { content.strip_prefix(BOM).unwrap_or(content) };
        let colon = content.iter().position(|byte| *byte == b':').unwrap_or(content.len());
        let (field, value) = content.split_at_checked(colon).unwrap_or((content, &[]));
        let value = value.strip_prefix(b":").unwrap_or(value);
        let value = value.strip_prefix(b" ").unwrap_or(value);
        if field == b"event" && value == b"endpoint" && reading.stream {
            return Err(Broken::OldTransport);
        }
        if field == b"data" {
            match &mut self.data {
                Some(data) => {
                    data.extend_from_slice(b"\n");
                    data.extend_from_slice(value);
                }
                None => self.data = Some(BytesMut::from(value)),
            }
            self.event.extend_from_slice(&line);
        } else if self.data.is_none() {
            ready.extend_from_slice(&line);
        } else if content.is_empty() {
            let data = self.data.take();
            self.end = line;
            return Ok(data.map(BytesMut::freeze));
        } else {
            self.event.extend_from_slice(&line);
            self.others.extend_from_slice(content);
            self.others.extend_from_slice(b"\n");
        }
        Ok(None)
    }

    /// The event as it came.
    pub(super) fn pass(&mut self, ready: &mut BytesMut) {
        ready.extend_from_slice(&self.event);
        self.close(ready);
    }

    /// The event with other data, which has no line breaks; id and name stay.
    pub(super) fn put(&mut self, message: &[u8], ready: &mut BytesMut) {
        for piece in [b"data: ", message, b"\n", &self.others] {
            ready.extend_from_slice(piece);
        }
        self.close(ready);
    }

    fn close(&mut self, ready: &mut BytesMut) {
        ready.extend_from_slice(&self.end);
        self.end = Bytes::new();
        self.event.clear();
        self.others.clear();
    }
}
