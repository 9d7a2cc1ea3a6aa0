//! A bundle as a list of files: which are policies, where their data goes, what its digest is. Where the bytes come from is the caller's business.

mod archive;
mod data;
mod yaml;

use crate::Problem;
use canon::Digest;
use std::collections::BTreeMap;

pub use archive::ArchiveLimits;
pub(crate) use data::{Document, MANIFEST, documents, manifest};

/// The files of one bundle, by their paths inside it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Source {
    files: BTreeMap<String, Vec<u8>>,
}

impl Source {
    /// A bundle of these files. Paths are relative, parts joined by `/`; two that are equal, and one that leaves the bundle, are problems.
    pub fn of_files(files: impl IntoIterator<Item = (String, Vec<u8>)>) -> Result<Self, Vec<Problem>> {
        let (mut out, mut problems) = (Self::default(), Vec::new());
        for (path, bytes) in files {
            if let Err(problem) = out.put(&path, bytes) {
                problems.push(problem);
            }
        }
        if problems.is_empty() { Ok(out) } else { Err(problems) }
    }

    /// A bundle of the files of a gzipped tar archive, as `opa build` writes one.
    pub fn of_archive(bytes: &[u8], limits: &ArchiveLimits) -> Result<Self, Vec<Problem>> {
        archive::read(bytes, limits).map_err(|problem| vec![problem])
    }

    /// SHA-256 over the files in the order of their paths, each as length and path, length and bytes.
    #[must_use]
    pub fn digest(&self) -> Digest {
        let mut listing = b"toolgate.bundle.v1\0".to_vec();
        for (path, bytes) in &self.files {
            for part in [path.as_bytes(), Digest::of(&[bytes]).0.as_slice()] {
                listing.extend_from_slice(&(part.len() as u64).to_be_bytes());
                listing.extend_from_slice(part);
            }
        }
        Digest::of(&[&listing])
    }

    /// The paths, in order.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.files.keys().map(String::as_str)
    }

    /// The bytes of a file.
    #[must_use]
    pub fn file(&self, path: &str) -> Option<&[u8]> {
        self.files.get(path).map(Vec::as_slice)
    }

    /// The same with other bytes in these files.
    pub(crate) fn with<'a>(&self, changed: impl Iterator<Item = (&'a str, Vec<u8>)>) -> Self {
        let mut files = self.files.clone();
        files.extend(changed.map(|(path, bytes)| (path.to_owned(), bytes)));
        Self { files }
    }

    /// Each file that ends so, in the order of paths.
    pub(crate) fn ending<'a>(&'a self, end: &'a str) -> impl Iterator<Item = (&'a str, &'a [u8])> {
        self.files.iter().filter(move |(path, _)| path.ends_with(end)).map(|(path, bytes)| (path.as_str(), bytes.as_slice()))
    }

    fn put(&mut self, path: &str, bytes: Vec<u8>) -> Result<(), Problem> {
        let plain = path.strip_prefix("./").unwrap_or(path).trim_start_matches('/');
        let bad = |why: &str| Problem::of_file(&canon::text::shown(path, 200), "policy.bundle_path", why);
        if plain.is_empty() || plain.contains('\\') || plain.split('/').any(|part| matches!(part, "" | "." | "..")) {
            return Err(bad("this path leaves the bundle or is not plain: write `folder/file`"));
        }
        if self.files.insert(plain.to_owned(), bytes).is_some() {
            return Err(bad("this path stands twice in the bundle"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
