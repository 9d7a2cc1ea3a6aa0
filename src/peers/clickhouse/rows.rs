//! `RowBinary`, the part of ClickHouse's format that the audit tables need: strings, numbers, fixed strings.

use super::Error;

/// Writes rows.
#[derive(Debug, Default)]
pub struct Writer(Vec<u8>);

impl Writer {
    /// A `String` of any bytes.
    pub fn string(&mut self, bytes: &[u8]) -> &mut Self {
        let mut length = bytes.len();
        while length >= 0x80 {
            self.0.push(u8::try_from(length & 0x7f).unwrap_or_default() | 0x80);
            length >>= 7;
        }
        self.0.push(u8::try_from(length).unwrap_or_default());
        self.0.extend_from_slice(bytes);
        self
    }

    /// A `UInt64`.
    pub fn number(&mut self, value: u64) -> &mut Self {
        self.0.extend_from_slice(&value.to_le_bytes());
        self
    }

    /// A `FixedString(32)`.
    pub fn fixed(&mut self, bytes: &[u8; 32]) -> &mut Self {
        self.0.extend_from_slice(bytes);
        self
    }

    /// The bytes of all rows.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }
}

/// Reads rows; every read fails cleanly at the end.
#[derive(Debug)]
pub struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// Reads `bytes` from the start.
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// True where nothing is left.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A `String`.
    ///
    /// # Errors
    /// Where the bytes end early or the length does not fit.
    pub fn string(&mut self) -> Result<&'a [u8], Error> {
        let mut length = 0_usize;
        for shift in (0..35).step_by(7) {
            let byte = self.take(1)?.first().copied().unwrap_or_default();
            length |= usize::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return self.take(length);
            }
        }
        Err(Error::Shape("a string's length is over 32 bits".to_owned()))
    }

    /// A `UInt64`.
    ///
    /// # Errors
    /// Where the bytes end early.
    pub fn number(&mut self) -> Result<u64, Error> {
        let bytes = self.take(8)?;
        Ok(bytes.iter().rev().fold(0, |value, byte| value << 8 | u64::from(*byte)))
    }

    /// A `FixedString(32)`.
    ///
    /// # Errors
    /// Where the bytes end early.
    pub fn fixed(&mut self) -> Result<[u8; 32], Error> {
        self.take(32)?.try_into().map_err(|_| Error::Shape("a fixed string is short".to_owned()))
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8], Error> {
        let (taken, rest) =
            self.0.split_at_checked(count).ok_or_else(|| Error::Shape(format!("{count} bytes wanted, {} left", self.0.len())))?;
        self.0 = rest;
        Ok(taken)
    }
}

#[cfg(test)]
mod tests {
    use super::{Reader, Writer};

    #[test]
    fn what_is_written_is_read_and_no_cut_is_taken_for_whole() {
        let long = vec![b'x'; 20_000];
        let mut writer = Writer::default();
        writer.string(b"").string(&long).number(u64::MAX - 1).fixed(&[9; 32]);
        let bytes = writer.into_bytes();
        let mut reader = Reader::new(&bytes);
        assert_eq!(reader.string().unwrap(), b"");
        assert_eq!(reader.string().unwrap(), long);
        assert_eq!(reader.number().unwrap(), u64::MAX - 1);
        assert_eq!(reader.fixed().unwrap(), [9; 32]);
        assert!(reader.is_empty());
        for cut in 0..bytes.len() {
            let mut reader = Reader::new(&bytes[..cut]);
            let whole = reader.string().is_ok() && reader.string().is_ok() && reader.number().is_ok() && reader.fixed().is_ok();
            assert!(!whole, "{cut} of {} bytes read as whole", bytes.len());
        }
    }
}
