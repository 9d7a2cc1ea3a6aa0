//! Docs against code: metrics, configuration keys, the files that people look for.

use super::tree::{FILES, ROOT, file, report};
use std::collections::BTreeSet;

/// The metrics that the code registers, under their full names.
fn registered() -> BTreeSet<String> {
    let code = file("src/telemetry.rs");
    let mut found = BTreeSet::new();
    for call in code.text.split("all.register").skip(1) {
        let call = call.split(");").next().unwrap();
        let name = call.split('"').nth(1).unwrap();
        let unit = ["Bytes", "Seconds"].into_iter().find(|unit| call.contains(&format!("Unit::{unit}")));
        let unit = unit.map_or_else(String::new, |unit| format!("_{}", unit.to_lowercase()));
        found.insert(format!("toolgate_{name}{unit}"));
    }
    assert!(found.len() > 10, "only {found:?} were found in {}", code.path);
    found
}

#[test]
fn every_metric_is_documented() {
    let docs = file("docs/metrics.md");
    // A counter's `_total` is added when it is rendered.
    let rows = docs.lines().filter_map(|(number, line)| Some((number, line.strip_prefix("| `toolgate_")?.split_once('`')?.0)));
    let documented: Vec<_> =
        rows.map(|(number, name)| (number, format!("toolgate_{}", name.strip_suffix("_total").unwrap_or(name)))).collect();
    let registered = registered();
    let missing = registered.iter().filter(|name| !documented.iter().any(|(_, known)| known == *name));
    let gone = documented.iter().filter(|(_, name)| !registered.contains(name));
    report(
        missing
            .map(|name| format!("src/telemetry.rs:1: `{name}` is not in {}", docs.path))
            .chain(gone.map(|(line, name)| format!("{}:{line}: nothing registers `{name}`", docs.path))),
    );
}

/// A key of a YAML line: how far in it stands, its name, and what follows the colon.
fn key(line: &str) -> Option<(usize, &str, &str)> {
    let text = line.trim_start_matches([' ', '-']);
    let (name, rest) = text.split_once(':')?;
    let is_key = !name.is_empty() && name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_'));
    (is_key && (rest.is_empty() || rest.starts_with(' '))).then_some((line.len() - text.len(), name, rest))
}

#[test]
fn every_configuration_key_is_explained() {
    let reference = file("config/toolgate.yaml");
    let lines: Vec<_> = reference.text.lines().collect();
    let (mut path, mut explained, mut seen) = (Vec::<(usize, &str)>::new(), BTreeSet::new(), Vec::new());
    for (index, line) in lines.iter().enumerate() {
        let Some((indent, name, rest)) = key(line) else { continue };
        path.retain(|(outer, _)| *outer < indent);
        path.push((indent, name));
        let full = path.iter().map(|(_, name)| *name).collect::<Vec<_>>().join(".");
        let neighbour = |at: Option<usize>| at.and_then(|at| lines.get(at)).is_some_and(|line| line.trim_start().starts_with('#'));
        // A key that only holds others is explained by them.
        if rest.is_empty() || line.contains(" #") || neighbour(index.checked_sub(1)) || neighbour(Some(index + 1)) {
            explained.insert(full.clone());
        }
        seen.push((index + 1, full));
    }
    assert!(seen.len() > 50, "only {} keys were found in {}", seen.len(), reference.path);
    let silent = seen.iter().filter(|(_, key)| !explained.contains(key));
    report(silent.map(|(line, key)| {
        format!("{}:{line}: `{key}` is not explained: say required, optional or default, and what it does", reference.path)
    }));
}

#[test]
fn what_people_look_for_is_there() {
    for name in ["README.md", "ARCHITECTURE.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "LICENSE", "deny.toml"] {
        assert!(!file(name).text.is_empty());
    }
}

#[test]
fn every_path_that_a_page_names_exists() {
    let roots = ["src/", "config/", "policies/", "fixtures/", "tests/", "deploy/", "docs/"];
    let pages =
        FILES.iter().filter(|file| file.path == "ARCHITECTURE.md" || file.path == "CONTRIBUTING.md" || file.path.starts_with("docs/"));
    report(pages.flat_map(|page| {
        page.lines().flat_map(|(number, line)| line.split('`').skip(1).step_by(2).map(move |span| (number, span))).filter_map(
            move |(number, span)| {
                let path = span.split_whitespace().next()?;
                let is_path = roots.iter().any(|root| path.starts_with(root)) && !path.contains(['*', '<', '{', '$']);
                // The map names rooms' files from src/ on.
                let exists = ["", "src/"].iter().any(|from| ROOT.join(format!("{from}{path}")).exists());
                (is_path && !exists).then(|| format!("{}:{number}: there is no `{path}`", page.path))
            },
        )
    }));
}
