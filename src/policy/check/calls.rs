//! What is called: that it exists, with that many arguments, and may be; that literal patterns compile. And which names a rule declares itself.

use super::paths::{self, Chain, canonical, names};
use super::walk::{Walk, declares};
use super::{Functions, at};
use crate::Problem;
use crate::extensions::{ANY_ARITY, forbidden};
use regorus::unstable::{Expr, Literal, Query, Ref, Rule, RuleHead, Span};
use std::collections::HashSet;

pub(super) const UNKNOWN_FUNCTION: &str = "policy.unknown_function";

/// Parts of OPA that the engine does not have.
const MISSING: [&str; 7] = ["crypto.", "io.jwt.", "graphql.", "rego.", "providers.", "uri.", "net."];

/// Checks one call.
pub(super) fn check(walk: &mut Walk<'_>, function: &Ref<Expr>, params: &[Ref<Expr>]) {
    let Ok(Chain { root, steps, .. }) = paths::chain(function) else { return };
    let span = root;
    walk.named(root);
    let own = walk.own(root.text()).into_iter().chain(names(&steps)).collect::<Vec<_>>();
    let resolved = match walk.resolve(root.text(), &steps) {
        Some((path, rest)) => path.into_iter().chain(names(rest)).collect(),
        None => own.clone(),
    };
    if root.text() == "data" {
        walk.names_data(&resolved);
    }
    if let Some(rule) = walk.bundle.rules.get(&resolved) {
        let problem = match rule.arity {
            None => Some(at(span, "policy.not_a_function", format!("`{}` is a rule, not a function", canonical(&resolved)))),
            Some(arity) => arguments(&canonical(&resolved), arity, true, params.len(), span),
        };
        walk.found.problems.extend(problem);
        if resolved == own && root.text() != "data" {
            walk.found.bare_calls.entry(resolved.clone()).or_insert_with(|| span.clone());
        }
        walk.depends_on(&resolved);
        return;
    }
    let name = std::iter::once(root.text().to_owned()).chain(names(&steps)).collect::<Vec<_>>().join(".");
    if let Some(problem) = unknown(&name, span, walk.functions) {
        walk.found.problems.push(problem);
        return;
    }
    if let Some(capability) = walk.functions.get(name.as_str()).filter(|capability| capability.arity != ANY_ARITY) {
        // The engine gives the result to one argument more, as in `walk(x, [path, value])`; not of ours.
        walk.found.problems.extend(arguments(&name, usize::from(capability.arity), !capability.own, params.len(), span));
    }
    walk.found.problems.extend(pattern(walk, &name, params));
}

fn arguments(name: &str, wanted: usize, one_more: bool, given: usize, span: &Span) -> Option<Problem> {
    if given == wanted || (one_more && given == wanted + 1) {
        return None;
    }
    let hint = if given == wanted + 1 { ": write `x := f(..)` for its result" } else { "" };
    Some(at(span, "policy.arity", format!("`{name}` takes {wanted} argument(s), not {given}{hint}")))
}

/// The problem of a name that may not be called.
pub(super) fn unknown(name: &str, span: &Span, functions: &Functions) -> Option<Problem> {
    if let Some(why) = forbidden(name) {
        return Some(at(span, "policy.forbidden_function", format!("`{name}` may not be called: {why}")));
    }
    if functions.contains_key(name) {
        return None;
    }
    let hint = if MISSING.iter().any(|prefix| name.starts_with(prefix)) { ": OPA may have it, this engine does not" } else { "" };
    Some(at(span, UNKNOWN_FUNCTION, format!("there is no function `{name}`{hint}")))
}

/// Compiles a pattern that stands in the text; it is then ready for the first call.
fn pattern(walk: &Walk<'_>, name: &str, params: &[Ref<Expr>]) -> Option<Problem> {
    let position = match name {
        "regex.match" | "regex.find_n" | "regex.split" | "regex.find_all_string_submatch_n" | "glob.match" => 0,
        "regex.replace" => 1,
        _ => return None,
    };
    let param = params.get(position)?;
    let pattern = literal(param)?;
    let patterns = walk.bundle.patterns;
    let compiled = if name == "glob.match" {
        patterns.glob(&pattern, &separators(params.get(1)?)?).map(drop)
    } else {
        patterns.regex(&pattern).map(drop)
    };
    let why = compiled.err()?;
    Some(at(param.span(), "policy.pattern", format!("`{}` is no pattern of `{name}`: {why}", canon::text::shown(&pattern, 80))))
}

fn literal(expr: &Expr) -> Option<String> {
    let (Expr::String { value, .. } | Expr::RawString { value, .. }) = expr else { return None };
    value.as_string().ok().map(ToString::to_string)
}

fn separators(expr: &Expr) -> Option<Vec<char>> {
    if matches!(expr, Expr::Null { .. }) {
        return Some(Vec::new());
    }
    let Expr::Array { items, .. } = expr else { return None };
    if items.is_empty() { Some(vec!['.']) } else { items.iter().map(|item| literal(item)?.chars().next()).collect() }
}

/// The names that a rule declares: arguments, `:=`, `some`, `every`.
pub(super) fn declared(rule: &Rule) -> HashSet<String> {
    let mut names = HashSet::new();
    match rule {
        Rule::Spec { head, bodies, .. } => {
            match head {
                RuleHead::Compr { assign, .. } => assign.iter().for_each(|assign| inside(&assign.value, &mut names)),
                RuleHead::Set { key, .. } => key.iter().for_each(|key| inside(key, &mut names)),
                RuleHead::Func { args, assign, .. } => {
                    args.iter().for_each(|arg| pattern_names(arg, &mut names));
                    assign.iter().for_each(|assign| inside(&assign.value, &mut names));
                }
            }
            for body in bodies {
                body.assign.iter().for_each(|assign| inside(&assign.value, &mut names));
                declared_in(&body.query, &mut names);
            }
        }
        Rule::Default { args, value, .. } => {
            args.iter().for_each(|arg| pattern_names(arg, &mut names));
            inside(value, &mut names);
        }
    }
    names
}

fn declared_in(query: &Query, names: &mut HashSet<String>) {
    for stmt in &query.stmts {
        match &stmt.literal {
            Literal::SomeVars { vars, .. } => names.extend(vars.iter().map(|var| var.text().to_owned())),
            Literal::SomeIn { key, value, collection, .. } => {
                key.iter().for_each(|key| pattern_names(key, names));
                pattern_names(value, names);
                inside(collection, names);
            }
            Literal::Expr { expr, .. } | Literal::NotExpr { expr, .. } => inside(expr, names),
            Literal::Every { key, value, domain, query, .. } => {
                names.extend(key.iter().chain([value]).map(|var| var.text().to_owned()));
                inside(domain, names);
                declared_in(query, names);
            }
        }
    }
}

/// The names that a pattern binds: `[a, {"k": b}]`.
fn pattern_names(expr: &Expr, names: &mut HashSet<String>) {
    if let Expr::Var { span, .. } = expr {
        names.insert(span.text().to_owned());
    } else if let Expr::Array { items, .. } | Expr::Set { items, .. } = expr {
        items.iter().for_each(|item| pattern_names(item, names));
    } else if let Expr::Object { fields, .. } = expr {
        fields.iter().for_each(|(_, _, value)| pattern_names(value, names));
    }
}

/// The names that are declared somewhere inside an expression.
fn inside(expr: &Expr, names: &mut HashSet<String>) {
    match expr {
        Expr::AssignExpr { op, lhs, rhs, .. } => {
            if declares(op) {
                pattern_names(lhs, names);
            }
            inside(lhs, names);
            inside(rhs, names);
        }
        Expr::Array { items, .. } | Expr::Set { items, .. } => items.iter().for_each(|item| inside(item, names)),
        Expr::Object { fields, .. } => fields.iter().for_each(|(_, key, value)| {
            inside(key, names);
            inside(value, names);
        }),
        Expr::ArrayCompr { term, query, .. } | Expr::SetCompr { term, query, .. } => {
            inside(term, names);
            declared_in(query, names);
        }
        Expr::ObjectCompr { key, value, query, .. } => {
            inside(key, names);
            inside(value, names);
            declared_in(query, names);
        }
        Expr::Call { params, .. } => params.iter().for_each(|param| inside(param, names)),
        Expr::UnaryExpr { expr, .. } => inside(expr, names),
        Expr::RefDot { refr, .. } => inside(refr, names),
        Expr::RefBrack { refr, index, .. } => {
            inside(refr, names);
            inside(index, names);
        }
        Expr::BinExpr { lhs, rhs, .. } | Expr::BoolExpr { lhs, rhs, .. } | Expr::ArithExpr { lhs, rhs, .. } => {
            inside(lhs, names);
            inside(rhs, names);
        }
        Expr::Membership { key, value, collection, .. } => {
            key.iter().for_each(|key| inside(key, names));
            inside(value, names);
            inside(collection, names);
        }
        Expr::String { .. } | Expr::RawString { .. } | Expr::Number { .. } | Expr::Bool { .. } | Expr::Null { .. } | Expr::Var { .. } => {}
    }
}
