//! Replacements of Rego functions in tests: the engine finds them by the name that the call is written with, so a bare call would silently stay.

use super::at;
use super::paths::canonical;
use super::walk::Found;
use crate::Problem;

/// Refuses each replacement that would not reach every call.
pub(super) fn check(found: &Found, problems: &mut Vec<Problem>) {
    for (path, span, bare_target) in &found.mocks {
        let name = canonical(path);
        if let Some(call) = found.bare_calls.get(path) {
            let place = format!("{}:{}:{}", call.source.file(), call.line, call.col);
            let message = format!("replacing `{name}` does not reach the call at {place}, which names it bare: write `{name}(..)` there");
            problems.push(at(span, "policy.mock", message));
        } else if *bare_target {
            problems.push(at(span, "policy.mock", format!("a function is replaced by its whole name only: write `with {name} as ..`")));
        }
    }
}
