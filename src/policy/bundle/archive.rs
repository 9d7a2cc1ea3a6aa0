//! Reads a `.tar.gz` bundle from bytes. An archive is hostile until it is signed: no links, no way out, no bomb.

use super::Source;
use crate::Problem;
use flate2::read::MultiGzDecoder;
use std::io::Read;
use tar::{Archive, EntryType};

/// What an archive may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ArchiveLimits {
    /// Bytes of the archive as it comes.
    pub packed_bytes_max: usize,
    /// Bytes of all its files together.
    pub unpacked_bytes_max: u64,
    /// Bytes of one file.
    pub file_bytes_max: u64,
    /// Files and folders.
    pub entries_max: usize,
}

impl Default for ArchiveLimits {
    fn default() -> Self {
        Self { packed_bytes_max: 64 << 20, unpacked_bytes_max: 256 << 20, file_bytes_max: 128 << 20, entries_max: 10_000 }
    }
}

pub(super) fn read(bytes: &[u8], limits: &ArchiveLimits) -> Result<Source, Problem> {
    let wrong = |why: String| Problem::of_file("", "policy.bundle_archive", why);
    if bytes.len() > limits.packed_bytes_max {
        return Err(wrong(format!("the archive has {} bytes, at most {} are read", bytes.len(), limits.packed_bytes_max)));
    }
    // The whole stream is bounded, headers and padding too: a bomb ends here whatever its entries claim.
    let framing = (limits.entries_max as u64).saturating_mul(2048).saturating_add(1 << 16);
    let stream = MultiGzDecoder::new(bytes).take(limits.unpacked_bytes_max.saturating_add(framing));
    let unreadable = |error: std::io::Error| wrong(format!("the archive cannot be read: {error}"));
    let mut out = Source::default();
    let mut left = limits.unpacked_bytes_max;
    for (count, entry) in Archive::new(stream).entries().map_err(unreadable)?.enumerate() {
        let mut entry = entry.map_err(unreadable)?;
        if count >= limits.entries_max {
            return Err(wrong(format!("the archive has more than {} entries", limits.entries_max)));
        }
        let path = String::from_utf8(entry.path_bytes().into_owned()).map_err(|_| wrong("a path is not utf-8".to_owned()))?;
        let here = |why: String| Problem::of_file(&canon::text::shown(&path, 200), "policy.bundle_archive", why);
        let kind = entry.header().entry_type();
        if matches!(kind, EntryType::Directory | EntryType::XGlobalHeader) {
            continue;
        }
        if !matches!(kind, EntryType::Regular | EntryType::Continuous) {
            return Err(here("this is neither a file nor a folder: links and devices are refused".to_owned()));
        }
        let size = entry.header().size().map_err(unreadable)?;
        if size > limits.file_bytes_max || size > left {
            return Err(here(format!(
                "this file has {size} bytes: a file may have {}, all together {}",
                limits.file_bytes_max, limits.unpacked_bytes_max
            )));
        }
        left -= size;
        let mut content = Vec::new();
        entry.by_ref().take(size).read_to_end(&mut content).map_err(|error| here(format!("this file cannot be read: {error}")))?;
        if content.len() as u64 != size {
            return Err(here("this file is shorter than the archive says".to_owned()));
        }
        out.put(&path, content)?;
    }
    Ok(out)
}
