//! Lays one tree over another: maps merge by key, scalars and lists replace, there are no new keys. Knows no key but those of enforcement.

use std::collections::HashMap;

use enforcement::{Level, Sensitive};

use crate::problem::{Found, quoted};
use crate::yaml::{Node, Value};

/// Lays `over` over `base`; each replaced value keeps the place where the overlay has it.
pub(crate) fn apply(base: &mut Node, over: Node, found: &Found) {
    merge(base, over, "", found);
}

fn merge(base: &mut Node, over: Node, path: &str, found: &Found) {
    match (&mut base.value, over.value) {
        (Value::Map(entries), Value::Map(over)) => {
            let mut under: HashMap<&str, &mut Node> = entries.iter_mut().map(|entry| (entry.key.as_str(), &mut entry.node)).collect();
            for entry in over {
                let path = if path.is_empty() { entry.key.clone() } else { format!("{path}.{}", entry.key) };
                match under.get_mut(entry.key.as_str()) {
                    Some(node) => {
                        keep_strict(node, &entry.node, &entry.key, &path, found);
                        merge(node, entry.node, &path, found);
                    }
                    None => found.add(&entry.key_at, &path, "an overlay adds no key: it is not in the file below it"),
                }
            }
        }
        (Value::Map(_), Value::Scalar(_) | Value::List(_)) => {
            found.add(&over.at, path, "the file below has a map here: an overlay replaces the values in it, one by one");
        }
        (Value::Scalar(_) | Value::List(_), value) => *base = Node { at: over.at, value },
    }
}

/// An overlay may enforce more, never less. Words that are no level are reported when the values are read.
fn keep_strict(base: &Node, over: &Node, key: &str, path: &str, found: &Found) {
    let rank = |node: &Node| match &node.value {
        Value::Scalar(scalar) if key == "enforcement" => Level::ALL.iter().position(|level| level.name() == scalar.text),
        Value::Scalar(scalar) if key == "sensitive_tools" => match scalar.text.as_str() {
            "recorded" => Some(Sensitive::Recorded as usize),
            "needs_approval" => Some(Sensitive::NeedsApproval as usize),
            _ => None,
        },
        Value::Scalar(_) | Value::List(_) | Value::Map(_) => None,
    };
    if let (Some(base_rank), Some(over_rank)) = (rank(base), rank(over))
        && over_rank < base_rank
        && let Value::Scalar(base) = &base.value
    {
        found.add(&over.at, path, format!("an overlay does not loosen: write {} or stricter, or leave the key out", quoted(&base.text)));
    }
}
