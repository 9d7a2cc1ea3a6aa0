//! Calls as they end, from rows as they come: what was told is not told again, and what is still open is kept until its outcome comes.

use crate::{Filter, Story};
use record::Row;
use std::collections::{BTreeMap, BTreeSet};

/// Calls that are open at once, and calls that are remembered as told. The oldest are forgotten: ids of version 7 are in the order of time.
const CALLS_MAX: usize = 65_536;

/// Calls that `filter` asks for, each told once: when it was refused, or when it has ended.
#[derive(Debug)]
pub struct Tail {
    filter: Filter,
    open: BTreeMap<String, Row>,
    told: BTreeSet<String>,
}

impl Tail {
    /// Nothing told yet.
    #[must_use]
    pub const fn new(filter: Filter) -> Self {
        Self { filter, open: BTreeMap::new(), told: BTreeSet::new() }
    }

    /// What it asks for.
    #[must_use]
    pub const fn filter(&self) -> &Filter {
        &self.filter
    }

    /// Takes a row; gives the call that is over with it. Rows come in the order of their logs and may come again. Permissions are left out.
    pub fn take(&mut self, row: Row) -> Option<Story> {
        let call = row.call.clone()?;
        match row.kind.as_ref() {
            "decision" if self.told.contains(&call) || !self.filter.matches(&row) => None,
            "decision" if row.done.as_deref() == Some("refuse") => self.tell(call, row, None),
            "decision" => {
                self.open.entry(call).or_insert(row);
                if self.open.len() > CALLS_MAX {
                    self.open.pop_first();
                }
                None
            }
            "outcome" => {
                let decision = self.open.remove(&call)?;
                self.tell(call, decision, Some(row))
            }
            _ => None,
        }
    }

    fn tell(&mut self, call: String, decision: Row, outcome: Option<Row>) -> Option<Story> {
        self.told.insert(call);
        if self.told.len() > CALLS_MAX {
            self.told.pop_first();
        }
        Some(Story { decision, permissions: Vec::new(), outcome })
    }
}

#[cfg(test)]
mod tests {
    use super::Tail;
    use crate::Filter;
    use record::Row;

    fn row(kind: &'static str, call: &str, done: Option<&'static str>) -> Row {
        Row { kind: kind.into(), call: Some(call.to_owned()), done: done.map(Into::into), tenant: Some("t".to_owned()), ..Row::default() }
    }

    #[test]
    fn a_call_is_told_once_and_when_it_is_over() {
        let mut tail = Tail::new(Filter { tenant: Some("t".to_owned()), ..Filter::default() });
        let elsewhere = Row { tenant: Some("other".to_owned()), ..row("decision", "d", Some("refuse")) };
        for (row, told) in [
            (row("outcome", "a", None), false),
            (row("decision", "a", Some("forward")), false),
            (row("decision", "b", Some("refuse")), true),
            (row("permission", "a", None), false),
            (row("decision", "a", Some("forward")), false),
            (row("outcome", "a", None), true),
            (row("outcome", "a", None), false),
            (row("decision", "a", Some("forward")), false),
            (row("outcome", "a", None), false),
            (row("decision", "b", Some("refuse")), false),
            (elsewhere, false),
        ] {
            let what = format!("{} of {:?}", row.kind, row.call);
            let story = tail.take(row);
            assert_eq!(story.is_some(), told, "{what}");
            assert!(story.is_none_or(|story| story.outcome.is_some() == (story.decision.done.as_deref() == Some("forward"))), "{what}");
        }
    }
}
