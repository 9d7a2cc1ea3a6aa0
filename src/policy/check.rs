//! The check at load: what OPA's compiler finds and the engine does not, and what only toolgate refuses. Everything that is wrong is found in one go.
//!
//! The engine's syntax tree is an unstable interface: its version is pinned, and this room alone knows it.

mod calls;
mod codes;
mod coverage;
mod graph;
mod mocks;
mod nested;
mod nesting;
mod packages;
mod paths;
mod rules;
mod walk;

use crate::bundle::Document;
use crate::extensions::{self, Patterns};
use crate::snapshot::{TOOLS, VISIBLE};
use crate::{Problem, schema};
use regorus::unstable::{Module, Ref, Span};
use std::collections::BTreeMap;

pub(crate) use nested::{Names, in_full};
pub(crate) use nesting::nesting;
pub(crate) use packages::Packages;
pub(crate) use paths::{canonical, module_path};
pub(crate) use rules::Rules;

/// A bundle whose policies were parsed.
pub(crate) struct Bundle<'a> {
    pub(crate) modules: &'a [Ref<Module>],
    pub(crate) rules: &'a Rules,
    pub(crate) documents: &'a [Document],
    /// The folder has the file that `opa build` marks the top of a bundle with.
    pub(crate) marked: bool,
    pub(crate) roots: &'a [Vec<String>],
    pub(crate) patterns: &'a Patterns,
    /// The rule that decides every call.
    pub(crate) entry_point: &'a str,
}

/// What the names of functions stand for.
pub(crate) type Functions = BTreeMap<&'static str, extensions::Capability>;

/// Whether a file holds tests.
pub(crate) fn is_test(path: &str) -> bool {
    path.ends_with("_test.rego")
}

pub(crate) fn rules(modules: &[Ref<Module>]) -> Rules {
    Rules::of(modules)
}

/// The codes of problems that may follow from a file that could not be read: what is missed may stand in it.
pub(crate) const MAY_FOLLOW: [&str; 3] = [ENTRY_POINT, calls::UNKNOWN_FUNCTION, coverage::ABOVE];
const ENTRY_POINT: &str = "policy.entry_point";

/// Finds every problem of the bundle; gives its packages, and the names of imports that the engine must see in full.
pub(crate) fn run(bundle: &Bundle<'_>, problems: &mut Vec<Problem>) -> (Packages, Names) {
    let functions: Functions = extensions::capabilities().into_iter().map(|capability| (capability.name, capability)).collect();
    let mut found = walk::Found::default();
    let nested = nested::Nested::of(bundle.modules);
    for module in bundle.modules {
        walk::module(module, bundle, &functions, &nested, &mut found);
    }
    problems.append(&mut found.problems);
    graph::check(bundle.rules, &found.edges, problems);
    mocks::check(&found, problems);
    rules::check(bundle.rules, problems);
    coverage::data_over_rules(bundle, problems);
    coverage::outside_roots(bundle, problems);
    coverage::above_the_bundle(bundle, &found.reads, problems);
    entry_points(bundle, problems);
    (Packages::of(bundle.modules, bundle.rules, &found.reads), found.names)
}

fn entry_points(bundle: &Bundle<'_>, problems: &mut Vec<Problem>) {
    const CODE: &str = ENTRY_POINT;
    let entry_point = bundle.entry_point;
    match bundle.rules.at(entry_point) {
        None if bundle.modules.is_empty() => {
            problems.push(Problem::of_file("", CODE, "the bundle has no policy: write a `.rego` file with `package toolgate`"))
        }
        None => problems.push(Problem::of_file("", CODE, format!("no rule `{entry_point}`: it is asked for every call"))),
        Some(rule) if rule.arity.is_some() => problems.push(rule.problem(CODE, format!("`{entry_point}` is a function: make it a rule"))),
        Some(_) => {}
    }
    for rule in [bundle.rules.at(VISIBLE)].into_iter().flatten().chain(bundle.rules.decisions_of_tools()) {
        if rule.arity.is_some() {
            problems.push(rule.problem(CODE, format!("`{}` is a function: make it a rule", canonical(&rule.path))));
        }
    }
    // A package for a tool that decides nothing is a mistake that would be found only by a call that was let through.
    for module in bundle.modules.iter().filter(|module| !is_test(module.package.span.source.file())) {
        let path = module_path(module);
        let Some([tool]) = path.strip_prefix(TOOLS.map(str::to_owned).as_slice()) else { continue };
        if !bundle.rules.tools().contains_key(tool) {
            let message = format!("the package of the tool `{tool}` has no rule `decision`, so its rules are never asked");
            problems.push(at(&module.package.span, CODE, message));
        }
    }
}

/// A problem at a place of a policy.
fn at(span: &Span, code: &'static str, message: impl Into<String>) -> Problem {
    Problem::at(span.source.file(), span.line, span.col, code, message)
}

/// The path `input...` of a policy, if the schema does not have it.
fn input_path(steps: &[schema::Step], span: &Span) -> Option<Problem> {
    let unknown = schema::unknown(steps)?;
    Some(at(span, "policy.unknown_input", format!("`{unknown}` is not in the input's schema: see `toolgate policy schema`")))
}

#[cfg(test)]
mod tests;
