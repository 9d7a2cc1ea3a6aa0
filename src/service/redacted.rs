//! What calls to an upstream had redacted in their answers: a stream of the same upstream may replay such an answer (MCP, "Resumability and
//! Redelivery"), whoever asks for a task gets the answer of the call that began it, and any other answer may have it beside its own.
//!
//! The journal keeps them, since the upstream's session outlives a restart.

use canon::json::Pointer;
use journal::{Put, Redaction};
use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

/// Places that are remembered of one upstream. Beyond them every result that is not the call's own is redacted whole.
const PLACES_MAX: usize = 256;

/// Places by upstream.
#[derive(Default)]
pub(crate) struct Redacted(RwLock<HashMap<Arc<str>, Arc<[Pointer]>>>);

impl Redacted {
    /// Those that a journal kept. One that does not read is everything.
    pub(crate) fn kept(redactions: &[Redaction]) -> Self {
        let redacted = Self::default();
        for Redaction { upstream, place } in redactions {
            redacted.put(&Arc::from(upstream.as_str()), &[Pointer::parse(place).unwrap_or(Pointer::of(&[]))]);
        }
        redacted
    }

    /// Remembers the places of a call's answer, before the call leaves: its answer may be replayed at once. Gives what the journal is to keep
    /// with the call's decision, at most `PLACES_MAX` places and the whole for each upstream.
    pub(crate) fn put(&self, upstream: &Arc<str>, places: &[Pointer]) -> Vec<Put> {
        let put = |place: &Pointer| Put::Redaction(Redaction { upstream: upstream.to_string(), place: place.to_string() });
        if self.remember(upstream, places) { places.iter().map(put).collect() } else { vec![put(&Pointer::of(&[]))] }
    }

    /// Whether there was room; the whole is remembered otherwise.
    fn remember(&self, upstream: &Arc<str>, places: &[Pointer]) -> bool {
        let known = self.all(upstream);
        if places.iter().all(|place| known.contains(place)) {
            return true;
        }
        let mut by_upstream = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let kept = by_upstream.entry(Arc::clone(upstream)).or_default();
        let mut all = kept.to_vec();
        for place in places {
            if all.len() >= PLACES_MAX || all.contains(&Pointer::of(&[])) {
                *kept = Arc::new([Pointer::of(&[])]);
                return false;
            }
            if !all.contains(place) {
                all.push(place.clone());
            }
        }
        *kept = all.into();
        true
    }

    /// The places of every call to `upstream`.
    pub(crate) fn all(&self, upstream: &str) -> Arc<[Pointer]> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(upstream).cloned().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::{PLACES_MAX, Redacted};
    use canon::json::Pointer;
    use journal::{Put, Redaction};
    use std::collections::HashSet;
    use std::sync::Arc;

    #[test]
    fn places_are_kept_by_upstream_and_too_many_are_everything() {
        let (redacted, upstream) = (Redacted::default(), Arc::from("files"));
        let place = |number: usize| Pointer::of(&["rows", &number.to_string()]);
        let mut rows = HashSet::new();
        let mut put = |places: &[Pointer]| {
            let puts = redacted.put(&upstream, places);
            let kept = puts.into_iter().map(|put| match put {
                Put::Redaction(row) => (row.upstream, row.place),
                Put::Refusal(_) | Put::Deposit(_) => panic!("a place alone"),
            });
            rows.extend(kept);
            rows.len()
        };
        assert_eq!([put(&[]), put(&[place(0), place(1)]), put(&[place(1), place(2)])], [0, 2, 3]);
        assert_eq!(*redacted.all("files"), [place(0), place(1), place(2)]);
        assert_eq!(*redacted.all("other"), []);
        for number in 0..3 * PLACES_MAX {
            put(&[place(number)]);
        }
        assert_eq!(*redacted.all("files"), [Pointer::of(&[])], "nothing of an answer passes");
        assert_eq!(put(&[place(0)]), PLACES_MAX + 1, "the rows are bounded too");

        let rows: Vec<Redaction> = rows.into_iter().map(|(upstream, place)| Redaction { upstream, place }).collect();
        assert_eq!(*Redacted::kept(&rows).all("files"), [Pointer::of(&[])], "in whatever order they are read");
        let few = [("files", "/b"), ("crm", "no pointer"), ("files", "/a")];
        let kept = Redacted::kept(&few.map(|(upstream, place)| Redaction { upstream: upstream.to_owned(), place: place.to_owned() }));
        assert_eq!((kept.all("files").len(), &*kept.all("crm")), (2, &[Pointer::of(&[])][..]));
    }
}
