//! A call's records, joined: its decision, what was seen of permissions, its outcome.

use crate::Filter;
use record::Row;
use std::collections::HashMap;

/// One call as its records tell it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Story {
    /// What was decided.
    pub decision: Row,
    /// Permissions that were presented, used or turned down, in the order of the log.
    pub permissions: Vec<Row>,
    /// How it ended; none for a refused call, and for one that is still open or whose end is not written yet.
    pub outcome: Option<Row>,
}

impl Story {
    /// The key that signed the permission that let the call through.
    #[must_use]
    pub fn signer(&self) -> Option<&str> {
        self.decision.permission_kid.as_deref()
    }

    /// What is called: the tool, else the method.
    #[must_use]
    pub fn called(&self) -> &str {
        self.decision.tool.as_deref().or(self.decision.method.as_deref()).unwrap_or("-")
    }
}

/// Joins rows into stories. Rows come in any order; the stories keep that of their decisions.
#[derive(Debug)]
pub struct Stories<'a> {
    filter: &'a Filter,
    stories: Vec<Story>,
    /// Where a call's story stands.
    places: HashMap<String, usize>,
    /// What came before its decision.
    early: HashMap<String, Vec<Row>>,
}

impl<'a> Stories<'a> {
    /// Stories of the decisions that `filter` asks for.
    #[must_use]
    pub fn new(filter: &'a Filter) -> Self {
        Self { filter, stories: Vec::new(), places: HashMap::new(), early: HashMap::new() }
    }

    /// Takes one row. A second decision or outcome of one call is ignored here: that is what `verify` is for.
    pub fn take(&mut self, row: Row) {
        let Some(call) = row.call.clone() else { return };
        if row.kind != "decision" {
            match self.places.get(&call).and_then(|place| self.stories.get_mut(*place)) {
                Some(story) => join(story, row),
                None => self.early.entry(call).or_default().push(row),
            }
            return;
        }
        let before = self.early.remove(&call).unwrap_or_default();
        if !self.filter.matches(&row) || self.places.contains_key(&call) {
            return;
        }
        let mut story = Story { decision: row, permissions: Vec::new(), outcome: None };
        before.into_iter().for_each(|row| join(&mut story, row));
        self.places.insert(call, self.stories.len());
        self.stories.push(story);
    }

    /// The stories, the newest `most` of them, oldest first.
    #[must_use]
    pub fn newest(mut self, most: usize) -> Vec<Story> {
        self.stories.sort_by(|one, other| one.decision.time.cmp(&other.decision.time));
        let surplus = self.stories.len().saturating_sub(most);
        self.stories.drain(..surplus);
        self.stories
    }
}

fn join(story: &mut Story, row: Row) {
    match row.kind.as_ref() {
        "outcome" => {
            story.outcome.get_or_insert(row);
        }
        "permission" => story.permissions.push(row),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::Stories;
    use crate::Filter;
    use record::Row;

    fn row(kind: &'static str, call: &str, time: &str) -> Row {
        Row {
            kind: kind.into(),
            call: Some(call.to_owned()),
            time: time.to_owned(),
            outcome: (kind == "outcome").then(|| "completed".into()),
            ..Row::default()
        }
    }

    #[test]
    fn rows_in_any_order_make_the_same_stories() {
        let rows = [
            row("decision", "a", "1"),
            row("outcome", "a", "2"),
            row("permission", "b", "3"),
            row("decision", "b", "4"),
            row("outcome", "b", "5"),
            row("decision", "c", "6"),
        ];
        let filter = Filter::default();
        for turn in 0..rows.len() {
            let mut stories = Stories::new(&filter);
            rows.iter().cycle().skip(turn).take(rows.len()).cloned().for_each(|row| stories.take(row));
            let told: Vec<_> = stories
                .newest(9)
                .into_iter()
                .map(|story| (story.decision.call.unwrap(), story.permissions.len(), story.outcome.is_some()))
                .collect();
            assert_eq!(told, [("a".to_owned(), 0, true), ("b".to_owned(), 1, true), ("c".to_owned(), 0, false)], "from row {turn}");
        }
    }

    #[test]
    fn the_newest_are_kept() {
        let filter = Filter::default();
        let mut stories = Stories::new(&filter);
        for (call, time) in [("a", "3"), ("b", "1"), ("c", "2")] {
            stories.take(row("decision", call, time));
        }
        let calls: Vec<_> = stories.newest(2).into_iter().map(|story| story.decision.call.unwrap()).collect();
        assert_eq!(calls, ["c", "a"]);
    }
}
