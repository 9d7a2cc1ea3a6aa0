//! `config/toolgate.yaml` is complete and true: it loads in every mode, shows every key, and its defaults are the defaults.

use std::collections::BTreeSet;

use super::{Spot, at, judge, lines, parse, reference, root, spots, without};
use crate::Mode;
use crate::yaml::{Entry, Value};

/// Keys that have a default and show an example in its place; the comment names the default.
const EXAMPLES: [&str; 8] = [
    "identity.trust_bundles",
    "identity.issuers",
    "identity.issuers[].claims",
    "identity.tenants",
    "routes[].prefix",
    "routes[].policy_headers",
    "audit.durability",
    "audit.clickhouse.user",
];

#[test]
fn loads_in_every_mode() {
    for mode in Mode::ALL {
        parse(&reference(), mode).expect("the reference is valid");
    }
}

#[test]
fn shows_every_key_that_is_known() {
    let root = root(&reference());
    let shown: BTreeSet<String> = spots(&root).into_iter().map(|spot| spot.path).collect();
    let mut known = BTreeSet::new();
    // An unknown key in a map makes the loader list those that it knows there.
    let top = Spot { steps: Vec::new(), path: String::new(), line: 0 };
    for Spot { steps, path, .. } in std::iter::once(top).chain(spots(&root)) {
        let mut root = root.clone();
        let Value::Map(entries) = &mut at(&mut root, &steps).value else { continue };
        let Some(Entry { key_at, node, .. }) = entries.first().cloned() else { continue };
        entries.push(Entry { key: "ZZ!".into(), key_at, node });
        for problem in judge(&root, Mode::Local).expect_err("an unknown key") {
            if let Some((_, list)) = problem.message.split_once("unknown key; known here: ") {
                known.extend(list.split(", ").map(|key| format!("{path}.{}", key.trim_matches('`')).trim_start_matches('.').to_owned()));
            }
        }
    }
    assert!(known.len() > 130, "{}", known.len());
    let hidden: Vec<_> = known.difference(&shown).collect();
    assert!(hidden.is_empty(), "known, and not in config/toolgate.yaml: {hidden:?}");
}

#[test]
fn says_of_each_key_what_happens_without_it() {
    let text = reference();
    let mut root = root(&text);
    let full = format!("{:?}", parse(&text, Mode::Local).expect("valid"));
    let mut seen = BTreeSet::new();
    for Spot { steps, path, line } in spots(&root.clone()) {
        if path.ends_with(['*', ']']) || !seen.insert(path.clone()) {
            continue;
        }
        let says = comment(&text, line);
        let is_example = EXAMPLES.contains(&path.as_str());
        match judge(&without(&root, &steps), Mode::Local) {
            Ok(config) if format!("{config:?}") == full => assert_ne!(says, "required", "{path}"),
            // A section without a comment of its own holds examples.
            Ok(_) => assert!(says == "optional" || says.is_empty() || is_example, "{path}: its default is not the one that is shown"),
            Err(problems) => assert!(says != "default" || is_example, "{path}: {:#?}", lines(&problems)),
        }
        let is_map = matches!(at(&mut root, &steps).value, Value::Map(_));
        assert!(!says.is_empty() || is_map || path == "listeners" || path == "upstreams" || path == "routes", "{path} has no comment");
    }
}

/// The word that begins the comment of a key: on its line, else on a line of its own below.
fn comment(text: &str, line: usize) -> &'static str {
    let own = text.lines().nth(line - 1).and_then(|text| text.split_once(" # ")).map(|(_, comment)| comment);
    let below = text.lines().nth(line).and_then(|text| text.trim_start().strip_prefix("# "));
    let comment = own.or(below).unwrap_or_default();
    ["default", "required", "optional"].into_iter().find(|word| comment.starts_with(word)).unwrap_or_default()
}
