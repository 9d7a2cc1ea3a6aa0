//! What the journal holds, what ClickHouse holds, and whether the two are one set. The promises of the audit trail as assertions.
//!
//! Knows the members of a record. Does not know how the records came about.

use crate::peers::{AUDITOR, ClickHouse};
use canon::{Digest, Writer};
use journal::{Cursor, Reader, Stored};
use record::Row;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// A record's key and digests: writer, seq, leaf, SHA-256 over 0x00 and the envelope, SHA-256 over salt and body.
pub(crate) type Key = (String, u64, String, String, String);

/// Every record of a journal in its order, with its envelope read.
pub(crate) struct Ledger {
    stored: Vec<Stored>,
    rows: Vec<Row>,
}

/// One forwarded call.
#[derive(Debug, Default)]
pub(crate) struct Forwarded {
    /// The words of its outcomes.
    pub(crate) outcomes: Vec<String>,
}

impl Ledger {
    /// Reads the journal in `dir`, which may be in use.
    pub(crate) fn read(dir: &Path) -> Ledger {
        let stored = Reader::open(dir).unwrap().read_after(Cursor(0), usize::MAX, usize::MAX).unwrap();
        let rows = stored.iter().map(|stored| record::read(&stored.envelope).unwrap()).collect();
        Ledger { stored, rows }
    }

    /// Every envelope.
    pub(crate) fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// Every record as it stands on the disk.
    pub(crate) fn stored(&self) -> &[Stored] {
        &self.stored
    }

    /// The ids of the decisions with this end.
    pub(crate) fn decided(&self, done: &str) -> BTreeSet<String> {
        let decisions = self.rows.iter().filter(|row| row.kind == "decision" && row.done.as_deref() == Some(done));
        decisions.map(|row| row.call.clone().unwrap()).collect()
    }

    /// The forwarded calls by their ids, each with its outcomes. An outcome before or without its decision fails.
    pub(crate) fn forwarded(&self) -> BTreeMap<String, Forwarded> {
        let mut calls: BTreeMap<String, Forwarded> = BTreeMap::new();
        for row in &self.rows {
            match (row.kind.as_ref(), row.done.as_deref()) {
                ("decision", Some("forward")) => {
                    let twice = calls.insert(row.call.clone().unwrap(), Forwarded::default()).is_some();
                    assert!(!twice, "two decisions to forward one call: {row:?}");
                }
                ("outcome", _) => {
                    let call = calls.get_mut(row.call.as_deref().unwrap());
                    call.unwrap_or_else(|| panic!("an outcome without a decision before it: {row:?}"))
                        .outcomes
                        .push(row.outcome.clone().unwrap().into_owned());
                }
                _ => {}
            }
        }
        calls
    }

    /// How many forwarded calls ended in each way. Each must have ended exactly once.
    pub(crate) fn outcomes(&self) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for (call, forwarded) in self.forwarded() {
            let [outcome] = forwarded.outcomes.as_slice() else { panic!("{call} has the outcomes {:?}", forwarded.outcomes) };
            *counts.entry(outcome.clone()).or_default() += 1;
        }
        counts
    }

    /// Each writer's `seq` runs from 0 without gaps, each begins with a genesis, and each genesis names the head of the writer before it.
    pub(crate) fn is_one_chain(&self) {
        let mut head: Option<&Stored> = None;
        for (stored, row) in self.stored.iter().zip(&self.rows) {
            assert_eq!(
                (row.writer.as_str(), row.seq),
                (stored.writer.to_string().as_str(), stored.seq.0),
                "the envelope says where it stands"
            );
            match head.filter(|head| head.writer == stored.writer) {
                Some(head) => assert_eq!(stored.seq.0, head.seq.0 + 1, "a gap in {}", stored.writer),
                None => {
                    assert_eq!((stored.seq.0, row.kind.as_ref()), (0, "genesis"), "how {} begins", stored.writer);
                    let named = (row.predecessor_writer.clone(), row.predecessor_seq, row.predecessor_leaf.clone());
                    let before =
                        (head.map(|head| head.writer.to_string()), head.map(|head| head.seq.0), head.map(|head| head.leaf.to_string()));
                    assert_eq!(named, before, "whom {} follows", stored.writer);
                }
            }
            head = Some(stored);
        }
    }

    /// How many starts the journal has seen.
    pub(crate) fn writers(&self) -> usize {
        self.stored.iter().map(|stored| stored.writer).collect::<BTreeSet<Writer>>().len()
    }

    /// The keys and digests of every record, as [`held`] gives them.
    pub(crate) fn keys(&self) -> BTreeSet<Key> {
        let key = |(stored, row): (&Stored, &Row)| {
            let leaf = Digest::of(&[&[0], &stored.envelope]).to_string();
            (stored.writer.to_string(), stored.seq.0, stored.leaf.to_string(), leaf, row.body_commitment.clone())
        };
        self.stored.iter().zip(&self.rows).map(key).collect()
    }

    /// ClickHouse holds exactly these records, envelope and body, each once as a set.
    pub(crate) fn is_in(&self, clickhouse: &ClickHouse) {
        let (wanted, held) = (self.keys(), held(clickhouse));
        let missing: Vec<_> = wanted.difference(&held).take(5).collect();
        let surplus: Vec<_> = held.difference(&wanted).take(5).collect();
        assert!(
            missing.is_empty() && surplus.is_empty(),
            "{} in the journal, {} in ClickHouse; missing {missing:?}; surplus {surplus:?}",
            wanted.len(),
            held.len()
        );
        assert_eq!(wanted.len(), self.stored.len(), "no two records have one key");
    }
}

/// What ClickHouse holds, digests computed by itself over the bytes that it has. Two rows of one key and different content are two.
pub(crate) fn held(clickhouse: &ClickHouse) -> BTreeSet<Key> {
    let sql = "SELECT event.writer, event.seq, lower(hex(event.leaf)), lower(hex(SHA256(concat(char(0), event.raw)))), lower(hex(SHA256(concat(body.salt, body.body)))) \
        FROM (SELECT writer, seq, leaf, raw FROM toolgate.audit_events FINAL) AS event \
        FULL OUTER JOIN (SELECT writer, seq, leaf, salt, body FROM toolgate.audit_bodies FINAL) AS body USING (writer, seq, leaf) FORMAT TSV";
    let mut keys = BTreeSet::new();
    for line in clickhouse.query(AUDITOR, sql).unwrap().lines() {
        let [writer, seq, leaf, envelope, body] = line.split('\t').collect::<Vec<_>>().try_into().unwrap();
        let new = keys.insert((writer.to_owned(), seq.parse().unwrap(), leaf.to_owned(), envelope.to_owned(), body.to_owned()));
        assert!(new, "twice after FINAL: {line}");
    }
    keys
}

/// How many rows there are before any are merged away: copies of one record count.
pub(crate) fn copies(clickhouse: &ClickHouse) -> usize {
    clickhouse.query(AUDITOR, "SELECT count() FROM toolgate.audit_events").unwrap().trim().parse().unwrap()
}
