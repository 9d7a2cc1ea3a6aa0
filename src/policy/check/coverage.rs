//! Where data and policies may lie: data that lies over a rule silently takes the rule's place in this engine, and what a bundle does not own it may not define.

use super::paths::canonical;
use super::{Bundle, at, module_path};
use crate::Problem;
use crate::bundle::Document;
use crate::rego::Rego;
use canon::{Build, Kind};
use regorus::Value;

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
