//! The map: which rooms there are, and what each manifest says it may touch.

use super::tree::{FILES, File, file, report};
use std::collections::BTreeSet;

/// The rooms in their order: a room may use only rooms above it.
const ROOMS: [&str; 14] = [
    "canon",
    "identity",
    "protocol",
    "policy",
    "permission",
    "enforcement",
    "record",
    "journal",
    "gate",
    "evaluator",
    "audit",
    "wire",
    "peers",
    "config",
];

/// Values in, values out. The gate and the audit room see other rooms' types besides, but touch the world no more than these.
const PURE: [&str; 9] = ["canon", "identity", "protocol", "policy", "permission", "enforcement", "record", "gate", "audit"];

/// What no pure room may name.
const WORLDLY: [&str; 14] = [
    "tokio",
    "tokio-util",
    "tokio-rustls",
    "hyper",
    "hyper-util",
    "rustls",
    "rusqlite",
    "rustix",
    "notify",
    "getrandom",
    "tracing",
    "prometheus-client",
    "mimalloc",
    "clap",
];

/// The names in one section of a manifest, with their lines.
fn names<'a>(manifest: &'a File, section: &'a str) -> impl Iterator<Item = (usize, &'a str)> {
    let lines = manifest.lines().skip_while(move |(_, line)| line.trim() != section).skip(1);
    lines.take_while(|(_, line)| !line.starts_with('[')).filter_map(|(number, line)| {
        let name = line.split_once(['=', '.', ' '])?.0;
        (!name.is_empty() && !name.starts_with('#')).then_some((number, name))
    })
}

fn manifest(room: &str) -> &'static File {
    file(&format!("src/{room}/Cargo.toml"))
}

#[test]
fn the_workspace_lists_every_room() {
    let root = file("Cargo.toml");
    let list = |key: &str| -> Vec<&str> {
        let start = format!("{key} = [");
        let lines = root.text.lines().skip_while(|line| *line != start).skip(1).take_while(|line| *line != "]");
        lines.map(|line| line.trim().trim_matches([',', '"'])).collect()
    };
    let (members, defaults) = (list("members"), list("default-members"));
    assert_eq!(members, defaults, "Cargo.toml: plain `cargo test` runs the `default-members` only: list there what is in `members`");
    let listed: Vec<_> = members.iter().filter_map(|member| member.strip_prefix("src/")).collect();
    assert_eq!(listed, ROOMS, "Cargo.toml: the rooms in their order");
    let folders: BTreeSet<_> = FILES.iter().filter_map(|file| file.path.strip_prefix("src/")?.strip_suffix("/Cargo.toml")).collect();
    assert_eq!(folders, BTreeSet::from(ROOMS), "the folders of src/ that are crates");
}

#[test]
fn arrows_go_up() {
    let mut findings = Vec::new();
    for (place, room) in ROOMS.iter().enumerate() {
        let manifest = manifest(room);
        for (line, name) in names(manifest, "[dependencies]") {
            if ROOMS.iter().skip(place).any(|below| *below == name) {
                findings.push(format!("{}:{line}: `{room}` may use only rooms above it, not `{name}`", manifest.path));
            }
        }
    }
    report(findings);
}

#[test]
fn pure_rooms_touch_nothing() {
    let mut findings = Vec::new();
    for room in PURE {
        let manifest = manifest(room);
        for (line, name) in names(manifest, "[dependencies]").filter(|(_, name)| WORLDLY.contains(name)) {
            findings.push(format!("{}:{line}: a pure room does not name `{name}`: take what it would give as an argument", manifest.path));
        }
        let root = file("clippy.toml");
        let path = format!("src/{room}/clippy.toml");
        let Some(lints) = FILES.iter().find(|file| file.path == path) else {
            findings.push(format!("{path}:1: it is missing: what a pure room must not touch is banned there, with reasons"));
            continue;
        };
        for banned in ["std::env::var", "std::time::SystemTime::now", "std::time::Instant::now", "std::fs::", "std::net::"] {
            if !lints.text.contains(banned) {
                findings.push(format!("{}:1: `{banned}` is not banned", lints.path));
            }
        }
        for (_, line) in root.lines().filter(|(_, line)| line.starts_with("allow-") && !lints.text.contains(line)) {
            findings.push(format!("{}:1: `{line}` of the root is missing; a room's file replaces the root's", lints.path));
        }
    }
    report(findings);
}

#[test]
fn a_manifest_takes_versions_and_lints_from_the_root() {
    let mut findings = Vec::new();
    for room in ROOMS {
        let manifest = manifest(room);
        for section in ["[dependencies]", "[dev-dependencies]"] {
            for (line, name) in names(manifest, section) {
                let text = manifest.text.lines().nth(line - 1).unwrap();
                if !text.contains("workspace = true") {
                    findings.push(format!("{}:{line}: `{name}` takes its version from the root: `{name}.workspace = true`", manifest.path));
                }
            }
        }
        if !manifest.text.contains("[lints]\nworkspace = true") {
            findings.push(format!("{}:1: lints are the workspace's", manifest.path));
        }
    }
    report(findings);
}

#[test]
fn a_declared_dependency_is_used() {
    let root = file("Cargo.toml");
    report(
        names(root, "[workspace.dependencies]")
            .filter(|(_, name)| {
                let uses = |file: &File| {
                    file.path.ends_with("Cargo.toml")
                        && file.lines().any(|(_, line)| {
                            line.starts_with(&format!("{name}.workspace")) || line.starts_with(&format!("{name} = {{ workspace"))
                        })
                };
                !FILES.iter().any(uses)
            })
            .map(|(line, name)| format!("{}:{line}: nothing uses `{name}`", root.path)),
    );
}

#[test]
fn the_map_says_why_each_dependency_is_there() {
    let (root, map) = (file("Cargo.toml"), file("ARCHITECTURE.md"));
    let rows = map.lines().skip_while(|(_, line)| !line.starts_with("## Dependencies")).filter(|(_, line)| line.starts_with("| ")).skip(1);
    let explained: Vec<_> = rows
        .flat_map(|(number, line)| line.split('|').nth(1).unwrap_or_default().split(',').map(move |name| (number, name.trim())))
        .collect();
    let libraries: Vec<_> = names(root, "[workspace.dependencies]").filter(|(_, name)| !ROOMS.contains(name)).collect();
    let unexplained = libraries.iter().filter(|(_, name)| !explained.iter().any(|(_, known)| known == name));
    let gone = explained.iter().filter(|(_, name)| !libraries.iter().any(|(_, known)| known == name));
    report(
        unexplained
            .map(|(line, name)| format!("{}:{line}: `{name}` has no reason in {}", root.path, map.path))
            .chain(gone.map(|(line, name)| format!("{}:{line}: `{name}` is no dependency", map.path))),
    );
}
