//! What calls to an upstream had redacted in their answers: a stream of the same upstream may replay such an answer (MCP, "Resumability and
//! Redelivery"), and does not say of which call it was.

use canon::json::Pointer;
use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

/// Places that are remembered of one upstream. Beyond them its streams redact every result whole.
const PLACES_MAX: usize = 256;

/// Places by upstream, since the start.
#[derive(Default)]
pub(crate) struct Redacted(RwLock<HashMap<Arc<str>, Vec<Pointer>>>);

impl Redacted {
    /// Remembers the places of a call's answer. Before the call leaves: its answer may be replayed at once.
    pub(crate) fn put(&self, upstream: &Arc<str>, places: &[Pointer]) {
        let known = |known: &[Pointer]| places.iter().all(|place| known.contains(place));
        if self.of(upstream, known) {
            return;
        }
        let mut by_upstream = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let kept = by_upstream.entry(Arc::clone(upstream)).or_default();
        for place in places {
            if kept.len() >= PLACES_MAX {
                *kept = vec![Pointer::of(&[])];
                return;
            }
            if !kept.contains(place) {
                kept.push(place.clone());
            }
        }
    }

    /// The places of every call to `upstream`.
    pub(crate) fn all(&self, upstream: &str) -> Vec<Pointer> {
        self.of(upstream, <[Pointer]>::to_vec)
    }

    fn of<T>(&self, upstream: &str, ask: impl FnOnce(&[Pointer]) -> T) -> T {
        let by_upstream = self.0.read().unwrap_or_else(PoisonError::into_inner);
        ask(by_upstream.get(upstream).map(Vec::as_slice).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::{PLACES_MAX, Redacted};
    use canon::json::Pointer;
    use std::sync::Arc;

    #[test]
    fn places_are_kept_by_upstream_and_too_many_are_everything() {
        let (redacted, upstream) = (Redacted::default(), Arc::from("files"));
        let place = |number: usize| Pointer::of(&["rows", &number.to_string()]);
        redacted.put(&upstream, &[]);
        redacted.put(&upstream, &[place(0), place(1)]);
        redacted.put(&upstream, &[place(1), place(2)]);
        assert_eq!(redacted.all("files"), [place(0), place(1), place(2)]);
        assert_eq!(redacted.all("other"), []);
        for number in 0..=PLACES_MAX {
            redacted.put(&upstream, &[place(number)]);
        }
        assert!(redacted.all("files").contains(&Pointer::of(&[])), "nothing of an answer passes");
    }
}
