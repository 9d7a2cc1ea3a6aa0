//! Patterns compiled once for a snapshot and shared by its calls: the engine's own cache copies a pattern at each use and is one lock for all policies.

use super::glob::Glob;
use super::regexes;
use regex::Regex;
use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

/// Globs, and regular expressions, that are kept; more are compiled at each use, so that patterns made from input fill no memory.
const KEPT_MAX: usize = 1024;

/// The globs of one text, each for its separators.
type BySeparators = Vec<(Vec<char>, Arc<Glob>)>;

/// Compiled patterns.
#[derive(Debug, Default)]
pub(crate) struct Patterns {
    globs: RwLock<HashMap<String, BySeparators>>,
    regexes: RwLock<HashMap<String, Arc<Regex>>>,
}

impl Patterns {
    pub(crate) fn glob(&self, pattern: &str, separators: &[char]) -> Result<Arc<Glob>, String> {
        let known = self.globs.read().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, glob)) = known.get(pattern).and_then(|all| all.iter().find(|(of, _)| of == separators)) {
            return Ok(Arc::clone(glob));
        }
        drop(known);
        let glob = Arc::new(Glob::compile(pattern, separators)?);
        let mut known = self.globs.write().unwrap_or_else(PoisonError::into_inner);
        if known.len() < KEPT_MAX {
            known.entry(pattern.to_owned()).or_default().push((separators.to_vec(), Arc::clone(&glob)));
        }
        Ok(glob)
    }

    pub(crate) fn regex(&self, pattern: &str) -> Result<Arc<Regex>, String> {
        let known = self.regexes.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(regex) = known.get(pattern) {
            return Ok(Arc::clone(regex));
        }
        drop(known);
        let regex = Arc::new(regexes::compile(pattern)?);
        let mut known = self.regexes.write().unwrap_or_else(PoisonError::into_inner);
        if known.len() < KEPT_MAX {
            known.insert(pattern.to_owned(), Arc::clone(&regex));
        }
        Ok(regex)
    }
}
