//! The tokens of a document (RFC 8259), one after the other. Knows nothing of what is built from them.

use super::{Number, Reason, number};

/// Keys that serde_json, with features that any crate may switch on, takes for another value.
const RESERVED: &str = "$serde_json::private::";

/// Bytes that are taken at once for a string with escapes; a longer one takes more as it grows.
const UNESCAPED_BYTES: usize = 64 << 10;

/// Why and where a document is refused, before the place is known.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fault {
    pub(super) reason: Reason,
    pub(super) offset: usize,
}

pub(super) struct Reader<'a> {
    text: &'a str,
    at: usize,
    string_bytes_max: usize,
    /// Holds the one string that has escapes while it is read.
    unescaped: String,
}

impl<'a> Reader<'a> {
    pub(super) fn new(text: &'a str, string_bytes_max: usize) -> Self {
        Self { text, at: 0, string_bytes_max, unescaped: String::new() }
    }

    pub(super) fn fault(&self, reason: Reason) -> Fault {
        Fault { reason, offset: self.at }
    }

    /// Byte of the document that comes next.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// The first byte of the next token, which stays unread.
    pub(super) fn token(&mut self) -> Option<u8> {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.byte() {
            self.at += 1;
        }
        self.byte()
    }

    pub(super) fn skip(&mut self) {
        self.at += 1;
    }

    /// Whether the next token is `byte`; if so it is read.
    pub(super) fn takes(&mut self, byte: u8) -> bool {
        let hit = self.token() == Some(byte);
        self.at += usize::from(hit);
        hit
    }

    pub(super) fn end(&mut self) -> Result<(), Fault> {
        match self.token() {
            None => Ok(()),
            Some(_) => Err(self.fault(Reason::TrailingBytes)),
        }
    }

    pub(super) fn word(&mut self, word: &str) -> Result<(), Fault> {
        let rest = self.text.get(self.at..).unwrap_or_default();
        if !rest.starts_with(word) {
            return Err(self.fault(Reason::Syntax));
        }
        self.at += word.len();
        Ok(())
    }

    /// A key and the colon after it.
    pub(super) fn key(&mut self) -> Result<String, Fault> {
        if self.token() != Some(b'"') {
            return Err(self.fault(Reason::Syntax));
        }
        let start = self.at;
        let key = self.string()?.to_owned();
        if key.starts_with(RESERVED) {
            return Err(Fault { reason: Reason::ReservedKey, offset: start });
        }
        if self.takes(b':') { Ok(key) } else { Err(self.fault(Reason::Syntax)) }
    }

    /// A string whose opening quote is next.
    pub(super) fn string(&mut self) -> Result<&str, Fault> {
        self.at += 1;
        let start = self.at;
        self.plain();
        if self.byte() == Some(b'"') {
            let end = self.at;
            self.at += 1;
            if end - start > self.string_bytes_max {
                return Err(Fault { reason: Reason::StringTooLong, offset: start });
            }
            return Ok(self.text.get(start..end).unwrap_or_default());
        }
        self.escaped(start)?;
        Ok(&self.unescaped)
    }

    /// Goes on to the next byte that means something inside a string.
    fn plain(&mut self) {
        let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
        self.at += rest.iter().position(|byte| matches!(byte, b'"' | b'\\' | 0..=0x1f)).unwrap_or(rest.len());
    }

    fn escaped(&mut self, start: usize) -> Result<(), Fault> {
        self.unescaped.clear();
        self.unescaped.reserve((self.text.len() - start).min(UNESCAPED_BYTES));
        let mut piece = start;
        loop {
            self.unescaped.push_str(self.text.get(piece..self.at).unwrap_or_default());
            if self.unescaped.len() > self.string_bytes_max {
                return Err(Fault { reason: Reason::StringTooLong, offset: start });
            }
            match self.byte() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(());
                }
                Some(b'\\') => {
                    let character = self.escape()?;
                    self.unescaped.push(character);
                }
                Some(_) | None => return Err(self.fault(Reason::Syntax)),
            }
            piece = self.at;
            self.plain();
        }
    }

    fn escape(&mut self) -> Result<char, Fault> {
        let start = self.at;
        self.at += 1;
        let letter = self.byte();
        let syntax = self.fault(Reason::Syntax);
        self.at += 1;
        Ok(match letter {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => return self.unicode(Fault { reason: Reason::LoneSurrogate, offset: start }),
            Some(_) | None => return Err(syntax),
        })
    }

    fn unicode(&mut self, lone: Fault) -> Result<char, Fault> {
        let first = self.unit()?;
        let code = match first {
            0xd800..=0xdbff => {
                if !self.text.get(self.at..).unwrap_or_default().starts_with("\\u") {
                    return Err(lone);
                }
                self.at += 2;
                match self.unit()? {
                    second @ 0xdc00..=0xdfff => 0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00),
                    _ => return Err(lone),
                }
            }
            code => code,
        };
        char::from_u32(code).ok_or(lone)
    }

    /// Four hexadecimal digits.
    fn unit(&mut self) -> Result<u32, Fault> {
        let syntax = self.fault(Reason::Syntax);
        let digits = self.text.as_bytes().get(self.at..self.at + 4).ok_or(syntax)?;
        self.at += 4;
        digits.iter().try_fold(0, |unit, digit| char::from(*digit).to_digit(16).map(|digit| unit * 16 + digit)).ok_or(syntax)
    }

    pub(super) fn number(&mut self) -> Result<Number, Fault> {
        let start = self.at;
        self.number_token()?;
        let token = self.text.get(start..self.at).unwrap_or_default();
        number::read(token).map_err(|reason| Fault { reason, offset: start })
    }

    /// Goes over a number, whatever its value.
    pub(super) fn number_token(&mut self) -> Result<(), Fault> {
        self.at += usize::from(self.byte() == Some(b'-'));
        if self.byte() == Some(b'0') {
            self.at += 1;
        } else {
            self.digits()?;
        }
        if self.byte() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.byte() {
            self.at += 1;
            self.at += usize::from(matches!(self.byte(), Some(b'+' | b'-')));
            self.digits()?;
        }
        Ok(())
    }

    /// Goes over a string, whatever surrogates it has.
    pub(super) fn string_token(&mut self) -> Result<(), Fault> {
        self.at += 1;
        loop {
            self.plain();
            match self.byte() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(());
                }
                Some(b'\\') => match self.escape() {
                    Err(fault) if fault.reason != Reason::LoneSurrogate => return Err(fault),
                    Ok(_) | Err(_) => {}
                },
                Some(_) | None => return Err(self.fault(Reason::Syntax)),
            }
        }
    }

    /// One digit or more.
    fn digits(&mut self) -> Result<(), Fault> {
        let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
        match rest.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(rest.len()) {
            0 => Err(self.fault(Reason::Syntax)),
            count => {
                self.at += count;
                Ok(())
            }
        }
    }
}
