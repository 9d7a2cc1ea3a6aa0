//! Where data and policies may lie: data that lies over a rule silently takes the rule's place in this engine, and what a bundle does not own it may not define.

use super::paths::canonical;
use super::{Bundle, at, is_test, module_path};
use crate::Problem;
use crate::bundle::Document;
use crate::rego::Rego;
use canon::{Build, Kind};
use regorus::Value;
use std::collections::{BTreeMap, BTreeSet};

pub(super) const ABOVE: &str = "policy.above_bundle";

/// Data at, above or below the path of a rule.
pub(super) fn data_over_rules(bundle: &Bundle<'_>, problems: &mut Vec<Problem>) {
    for rule in bundle.rules.all() {
        for Document { file, value, .. } in bundle.documents {
            if lies_over(value, rule.path.get(1..).unwrap_or(&[])) {
                let message =
                    format!("data in `{file}` lies over the rule `{}` and would take its place: move the data", canonical(&rule.path));
                problems.push(rule.problem("policy.data_over_rule", message));
            }
        }
    }
}

fn lies_over(value: &Value, path: &[String]) -> bool {
    let Some((name, rest)) = path.split_first() else { return true };
    match Rego::kind(value) {
        Kind::Object => Rego::get(value, name).is_some_and(|member| lies_over(member, rest)),
        // A value where the rule's packages should be.
        Kind::Null | Kind::Bool(_) | Kind::Number(_) | Kind::String(_) | Kind::Array => true,
    }
}

/// Packages and data outside the roots that the manifest names.
pub(super) fn outside_roots(bundle: &Bundle<'_>, problems: &mut Vec<Problem>) {
    const CODE: &str = "policy.roots";
    if bundle.roots.is_empty() {
        return;
    }
    for module in bundle.modules {
        let path = module_path(module);
        let inner = path.get(1..).unwrap_or(&[]);
        if !bundle.roots.iter().any(|root| inner.starts_with(root)) {
            problems.push(at(&module.package.span, CODE, format!("the package `{}` lies under no root of the manifest", canonical(&path))));
        }
    }
    for Document { file, value, .. } in bundle.documents {
        if !covered(value, &mut Vec::new(), bundle.roots) {
            problems.push(Problem::of_file(file, CODE, "this data lies under no root of the manifest"));
        }
    }
}

fn covered(value: &Value, path: &mut Vec<String>, roots: &[Vec<String>]) -> bool {
    if roots.iter().any(|root| path.starts_with(root)) {
        return true;
    }
    let Kind::Object = Rego::kind(value) else { return false };
    let mut all = true;
    Rego::each_member(value, &mut |key, member| {
        path.push(key.to_owned());
        all &= covered(member, path, roots);
        path.pop();
    });
    all
}

/// A folder that holds the bundle is taken for it: the data stands one name deeper than the policy reads it, and silently is nowhere. What tells it from
/// a bundle whose policies lie in folders: nothing lies at the top, and no policy reads the data where it is.
pub(super) fn above_the_bundle(bundle: &Bundle<'_>, reads: &BTreeMap<Vec<String>, BTreeSet<Vec<String>>>, problems: &mut Vec<Problem>) {
    let served = || bundle.modules.iter().map(|module| module.package.span.source.file()).filter(|file| !is_test(file));
    let at_the_top =
        served().map(String::as_str).chain(bundle.documents.iter().map(|document| document.file.as_str())).any(|file| !file.contains('/'));
    let Some(rule) = bundle.rules.at(bundle.entry_point) else { return };
    let Some((folder, _)) = rule.file().rsplit_once('/') else { return };
    if bundle.marked || at_the_top {
        return;
    }
    let place: Vec<String> = std::iter::once("data").chain(folder.split('/')).map(str::to_owned).collect();
    let below = bundle.documents.iter().filter(|document| document.file.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/')));
    let named = reads.values().flatten().any(|path| path.starts_with(&place) || place.starts_with(path));
    if let (Some(document), false) = (below.map(|document| &document.file).next(), named) {
        let message = format!(
            "no policy and no data lie at the top of this folder, and no policy reads `{}`, where `{document}` stands: the bundle seems to be the \
             folder `{folder}` in it, name that one",
            canonical(&place)
        );
        problems.push(Problem::of_file("", ABOVE, message));
    }
}
