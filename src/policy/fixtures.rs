//! A fixture: a story with an input and what the policy has to say of it.

use crate::{Asked, Problem, Snapshot};
use canon::Json;
use canon::json::{Limits, Tree, canonical};
use std::time::Duration;

/// One folder of `fixtures/policies/`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fixture {
    /// The folder's name.
    pub story: String,
    /// `input.json`: a whole input.
    pub input: Vec<u8>,
    /// `expected.json`: a subset of the decision as `Decision::json` spells it. Members left out are not compared, arrays are compared whole, in any
    /// order.
    pub expected: Vec<u8>,
}

/// Evaluates the fixture and says every way in which the decision is not the expected one; none is good.
///
/// # Errors
/// Everything that is wrong with the fixture itself.
pub fn check(fixture: &Fixture, snapshot: &Snapshot, left: &dyn Fn() -> Duration) -> Result<Vec<String>, Vec<Problem>> {
    let name = |file: &str| format!("{}/{file}", fixture.story);
    let asked = Asked::parse(&name("input.json"), &fixture.input)?;
    let unreadable = |message: String| vec![Problem::of_file(&name("expected.json"), "policy.fixture", message)];
    let expected =
        canon::json::parse::<Tree>(&fixture.expected, &Limits::default()).map_err(|rejected| unreadable(rejected.to_string()))?;
    if !matches!(&expected, Json::Object(members) if !members.is_empty()) {
        return Err(unreadable("write an object with at least one member of the decision, as `verdict`".to_owned()));
    }
    let mut differences = Vec::new();
    compare("decision", &expected, &snapshot.evaluate(&asked, left).json(), &mut differences);
    Ok(differences)
}

fn compare(path: &str, expected: &Json, found: &Json, differences: &mut Vec<String>) {
    match (expected, found) {
        (Json::Object(expected), Json::Object(found)) => {
            for (name, expected) in expected {
                match found.iter().find(|(found, _)| found == name) {
                    Some((_, found)) => compare(&format!("{path}.{name}"), expected, found, differences),
                    None => differences.push(format!("`{path}` has no member `{name}`")),
                }
            }
        }
        (Json::Array(wanted), Json::Array(items)) => {
            // Greedy is enough: an expected item that fits two found ones differs from them only in what it leaves out.
            let mut open = items.iter().collect::<Vec<_>>();
            for item in wanted {
                match open.iter().position(|found| fits(item, found)) {
                    Some(position) => {
                        open.swap_remove(position);
                    }
                    None => differences.push(format!("`{path}` lacks {}", text(item))),
                }
            }
            differences.extend(open.into_iter().map(|found| format!("`{path}` has {} besides", text(found))));
        }
        _ if expected == found => {}
        _ => differences.push(format!("`{path}` is {}, not {}", text(found), text(expected))),
    }
}

fn fits(expected: &Json, found: &Json) -> bool {
    let mut differences = Vec::new();
    compare("", expected, found, &mut differences);
    differences.is_empty()
}

fn text(json: &Json) -> String {
    let mut out = Vec::new();
    canonical::<Tree>(json, &mut out);
    canon::text::shown(&String::from_utf8_lossy(&out), 300)
}

#[cfg(test)]
mod tests;
