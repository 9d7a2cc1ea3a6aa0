//! What calls to an upstream had redacted in their answers: a stream of the same upstream may replay such an answer (MCP, "Resumability and
//! Redelivery"), whoever asks for a task gets the answer of the call that began it, and any other answer may have it beside its own.
//!
//! The journal keeps them, since the upstream's session outlives a restart. Which requests of a session they were is remembered since the start.

use canon::json::Pointer;
use canon::{CallId, Digest};
use journal::{Put, Redaction};
use protocol::{Earlier, Id};
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

/// Places that are remembered of one upstream. Beyond them every result that is not the call's own is redacted whole.
const PLACES_MAX: usize = 256;

/// Requests that are remembered: some 8 MB. Beyond them the oldest is forgotten.
const REQUESTS_MAX: usize = 65_536;

/// Places by upstream, and the requests whose answers have them.
#[derive(Default)]
pub(crate) struct Redacted {
    places: RwLock<HashMap<Arc<str>, Arc<[Pointer]>>>,
    requests: Mutex<Requests>,
}

/// A request of a session of MCP: its answer has an id that the caller chose and may choose again.
#[derive(Clone, Copy)]
pub(crate) struct Request {
    /// Of upstream, session and id.
    pub(crate) digest: Digest,
    pub(crate) call: CallId,
}

#[derive(Default)]
struct Requests {
    /// The call, none where there were several, and its number.
    calls: HashMap<Digest, (Option<CallId>, u64)>,
    by_number: BTreeMap<u64, Digest>,
    /// Grows with each.
    number: u64,
}

impl Redacted {
    /// Those that a journal kept. One that does not read is everything.
    pub(crate) fn kept(redactions: &[Redaction]) -> Self {
        let redacted = Self::default();
        for Redaction { upstream, place } in redactions {
            redacted.put(&Arc::from(upstream.as_str()), None, &[Pointer::parse(place).unwrap_or(Pointer::of(&[]))]);
        }
        redacted
    }

    /// Remembers the places of a call's answer, before the call leaves: its answer may be replayed at once. Gives what the journal is to keep
    /// with the call's decision, at most `PLACES_MAX` places and the whole for each upstream.
    pub(crate) fn put(&self, upstream: &Arc<str>, request: Option<Request>, places: &[Pointer]) -> Vec<Put> {
        if let Some(request) = request.filter(|_| !places.is_empty()) {
            self.requests.lock().unwrap_or_else(PoisonError::into_inner).put(request);
        }
        let put = |place: &Pointer| Put::Redaction(Redaction { upstream: upstream.to_string(), place: place.to_string() });
        if self.remember(upstream, places) { places.iter().map(put).collect() } else { vec![put(&Pointer::of(&[]))] }
    }

    /// Whether there was room; the whole is remembered otherwise.
    fn remember(&self, upstream: &Arc<str>, places: &[Pointer]) -> bool {
        let known = self.all(upstream);
        if places.iter().all(|place| known.contains(place)) {
            return true;
        }
        let mut by_upstream = self.places.write().unwrap_or_else(PoisonError::into_inner);
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

    /// What every call to `upstream` had redacted, for the answer to `request`.
    pub(crate) fn earlier(&self, upstream: &str, request: Option<Request>) -> Earlier {
        let shared = request.is_some_and(|request| self.requests.lock().unwrap_or_else(PoisonError::into_inner).is_another(request));
        Earlier { places: self.all(upstream), id: if shared { Id::Shared } else { Id::Own } }
    }

    fn all(&self, upstream: &str) -> Arc<[Pointer]> {
        self.places.read().unwrap_or_else(PoisonError::into_inner).get(upstream).cloned().unwrap_or_default()
    }
}

impl Requests {
    fn put(&mut self, Request { digest, call }: Request) {
        self.number += 1;
        let known = self.calls.insert(digest, (Some(call), self.number));
        if let Some((_, number)) = known {
            self.by_number.remove(&number);
            self.calls.insert(digest, (None, self.number));
        }
        self.by_number.insert(self.number, digest);
        if self.by_number.len() > REQUESTS_MAX
            && let Some((_, oldest)) = self.by_number.pop_first()
        {
            self.calls.remove(&oldest);
        }
    }

    /// Whether it is the request of another call too.
    fn is_another(&self, request: Request) -> bool {
        self.calls.get(&request.digest).is_some_and(|(call, _)| *call != Some(request.call))
    }
}

#[cfg(test)]
mod tests {
    use super::{PLACES_MAX, REQUESTS_MAX, Redacted, Request};
    use canon::json::Pointer;
    use canon::{CallId, Digest};
    use journal::{Put, Redaction};
    use protocol::Id;
    use std::collections::HashSet;
    use std::sync::Arc;

    #[test]
    fn places_are_kept_by_upstream_and_too_many_are_everything() {
        let (redacted, upstream) = (Redacted::default(), Arc::from("files"));
        let place = |number: usize| Pointer::of(&["rows", &number.to_string()]);
        let mut rows = HashSet::new();
        let mut put = |places: &[Pointer]| {
            let puts = redacted.put(&upstream, None, places);
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

    #[test]
    fn a_request_is_shared_once_another_call_with_its_id_had_something_redacted() {
        let (redacted, upstream) = (Redacted::default(), Arc::from("files"));
        let request =
            |number: usize, call: u128| Request { digest: Digest::of(&[&number.to_be_bytes()]), call: CallId(uuid::Uuid::from_u128(call)) };
        let put = |request, places: &[Pointer]| drop(redacted.put(&upstream, Some(request), places));
        let shared = |request| redacted.earlier("files", Some(request)).id == Id::Shared;
        put(request(0, 1), &[]);
        assert!(!shared(request(0, 2)), "nothing was redacted");
        put(request(0, 1), &[Pointer::of(&["a"])]);
        assert_eq!([request(0, 1), request(0, 2), request(1, 2)].map(shared), [false, true, false]);
        put(request(0, 2), &[Pointer::of(&["b"])]);
        assert_eq!([request(0, 1), request(0, 2)].map(shared), [true, true], "each may get the other's answer");
        assert_eq!(redacted.earlier("files", None).id, Id::Own);

        put(request(1, 1), &[Pointer::of(&["a"])]);
        put(request(0, 3), &[Pointer::of(&["a"])]);
        for number in 2..=REQUESTS_MAX {
            put(request(number, 1), &[Pointer::of(&["a"])]);
        }
        assert_eq!([request(1, 2), request(0, 2), request(2, 2)].map(shared), [false, true, true], "the oldest is forgotten");
        let requests = redacted.requests.lock().unwrap();
        assert_eq!((requests.calls.len(), requests.by_number.len()), (REQUESTS_MAX, REQUESTS_MAX));
    }
}
