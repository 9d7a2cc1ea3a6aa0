//! Runs the `test_` rules of a bundle with the meaning and the exit codes of `opa test`.

use crate::check::{Rules, canonical};
use crate::run::Run;
use crate::{Asked, Snapshot};
use canon::Micros;
use regex::Regex;
use regorus::Value;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// Time that one test may take, in milliseconds, as in `opa test`.
pub const TEST_MS: u64 = 5_000;

/// How one test ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// The rule is `true`.
    Pass,
    /// It is not.
    Fail,
    /// Its evaluation failed: what the engine says, with the place.
    Error(String),
    /// A `todo_test_` rule: not run.
    Skipped,
}

/// One test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// `data.<package>.<rule>`.
    pub name: String,
    /// File of the rule.
    pub file: String,
    /// Line of the rule, from 1.
    pub line: u32,
    /// How it ended.
    pub ending: Ending,
    /// How long it took.
    pub took: Duration,
    /// What it printed, each as `file:line: text`.
    pub prints: Vec<String>,
}

/// Which tests are run: those whose names hold a match of a regular expression, as `opa test --run` has it. The default is all.
#[derive(Debug, Clone, Default)]
pub struct Wanted(Option<Regex>);

impl FromStr for Wanted {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Regex::new(text).map(|regex| Self(Some(regex))).map_err(|error| error.to_string())
    }
}

impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_ref().map(Regex::as_str).unwrap_or_default())
    }
}

impl Wanted {
    /// Whether the test of this name is run.
    #[must_use]
    pub fn takes(&self, name: &str) -> bool {
        self.0.as_ref().is_none_or(|regex| regex.is_match(name))
    }
}

/// Runs every test that is wanted, in the order of their names. `at` is what the clock says in a policy; `elapsed` is any growing clock.
#[must_use]
pub fn run(snapshot: &Snapshot, wanted: &Wanted, at: Micros, elapsed: &dyn Fn() -> Duration) -> Vec<Outcome> {
    let tests = snapshot.tests().iter().filter(|test| wanted.takes(&test.name));
    tests.map(|test| run_one(snapshot, test.clone(), at, elapsed)).collect()
}

/// The exit code of `opa test`: 2 if a test failed, broke or was left for later, else 0. (1, for a bundle that does not load, is the caller's.)
#[must_use]
pub fn exit_code(outcomes: &[Outcome]) -> u8 {
    let bad = |outcome: &Outcome| match outcome.ending {
        Ending::Fail | Ending::Error(_) | Ending::Skipped => true,
        Ending::Pass => false,
    };
    if outcomes.iter().any(bad) { 2 } else { 0 }
}

fn run_one(snapshot: &Snapshot, test: Found, at: Micros, elapsed: &dyn Fn() -> Duration) -> Outcome {
    let Found { name, file, line, todo } = test;
    if todo {
        return Outcome { name, file, line, ending: Ending::Skipped, took: Duration::ZERO, prints: Vec::new() };
    }
    let begun = elapsed();
    let mut run = Run::start(snapshot.whole(), &Asked { time: at, value: Value::Undefined, tool: None });
    let ending = match run.rule(&name, &|| Duration::from_millis(TEST_MS)) {
        Ok(Value::Bool(true)) => Ending::Pass,
        Ok(_) => Ending::Fail,
        Err(fault) => Ending::Error(fault.message),
    };
    Outcome { name, file, line, ending, took: elapsed().saturating_sub(begun), prints: run.prints() }
}

/// A rule that is a test.
#[derive(Debug, Clone)]
pub(crate) struct Found {
    name: String,
    file: String,
    line: u32,
    todo: bool,
}

/// Every test of a bundle, in the order of their names. Table tests are not among them: the check at load refuses those.
pub(crate) fn discover(rules: &Rules) -> Vec<Found> {
    let test = |name: &str| name.starts_with("test_") || name.starts_with("todo_test_");
    let tests = rules.all().iter().filter(|rule| rule.arity.is_none() && test(rule.name()));
    let mut tests = tests
        .map(|rule| Found {
            name: canonical(&rule.path),
            file: rule.file().to_owned(),
            line: rule.line(),
            todo: rule.name().starts_with("todo_"),
        })
        .collect::<Vec<_>>();
    tests.sort_by(|one, other| one.name.cmp(&other.name));
    tests
}

#[cfg(test)]
mod tests;
