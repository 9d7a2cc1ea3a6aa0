//! Words that must not stand in what is committed, and names that only some files may know.

use super::tree::{FILES, file, report};
use std::collections::BTreeSet;

/// A search for whole words of ASCII letters, case as given.
fn words(line: &str) -> impl Iterator<Item = &str> {
    line.split(|character: char| !character.is_ascii_alphanumeric() && character != '_')
}

#[test]
fn nothing_is_left_over() {
    let leftover = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("X", "XX"), concat!("HA", "CK"), concat!("W", "IP")];
    report(FILES.iter().flat_map(|file| {
        file.lines()
            .filter(move |(_, line)| words(line).any(|word| leftover.contains(&word)))
            .map(|(number, line)| format!("{}:{number}: `{}`: finish it or leave it out", file.path, line.trim()))
    }));
}

#[test]
fn nothing_stands_for_something_else() {
    // Rego's own word for `with` in a test, which the checks of policies are about.
    const ABOUT_REGO: &str = "src/policy/";
    let pretended = [concat!("mo", "ck"), concat!("fa", "ke"), concat!("st", "ub"), concat!("dum", "my")];
    let is_code = |path: &str| [".rs", ".py", ".sh", ".js", ".mjs", ".ts", ".go", ".rego"].iter().any(|end| path.ends_with(end));
    report(FILES.iter().filter(|file| is_code(&file.path) && !file.path.starts_with(ABOUT_REGO)).flat_map(|file| {
        file.lines().filter_map(move |(number, line)| {
            let parted = line.chars().flat_map(|letter| [letter.is_ascii_uppercase().then_some('_'), Some(letter.to_ascii_lowercase())]);
            let parted: String = parted.flatten().collect();
            let word = words(&parted).flat_map(|word| word.split('_')).find(|word| {
                pretended
                    .iter()
                    .any(|known| word.strip_prefix(known).is_some_and(|end| matches!(end, "" | "s" | "d" | "ed" | "bed" | "ing")))
            })?;
            Some(format!("{}:{number}: `{word}`: talk to the real thing", file.path))
        })
    }));
}

#[test]
fn nothing_names_the_machine_it_was_made_on() {
    let places = [concat!("/wo", "rk/"), concat!("/ro", "ot/"), concat!("/ho", "me/")];
    // Policies are about paths of other machines.
    report(FILES.iter().filter(|file| !file.path.starts_with("policies/")).flat_map(|file| {
        file.lines()
            .filter(move |(_, line)| places.iter().any(|place| begins_path(line, place)))
            .map(|(number, line)| format!("{}:{number}: `{}`: a path of one machine", file.path, line.trim()))
    }));
}

/// Whether `place` occurs in `line` as the start of a path.
fn begins_path(line: &str, place: &str) -> bool {
    let before = line.split(place).map(|before| before.chars().next_back());
    let count = line.matches(place).count();
    before.take(count).any(|last| last.is_none_or(|last| !last.is_ascii_alphanumeric() && !"/._-}$".contains(last)))
}

#[test]
fn packages_come_from_their_public_registries() {
    const REGISTRIES: [&str; 3] =
        ["https://github.com/rust-lang/crates.io-index", "https://registry.npmjs.org/", "https://static.crates.io/"];
    let is_lock = |path: &str| path.ends_with("Cargo.lock") || path.ends_with("package-lock.json") || path.ends_with("requirements.txt");
    report(FILES.iter().filter(|file| is_lock(&file.path)).flat_map(|file| {
        file.lines().filter_map(move |(number, line)| {
            let key = line.trim_start();
            let source = ["\"resolved\"", "source = ", "--index-url", "--extra-index-url"].iter().any(|start| key.starts_with(start));
            (source && !REGISTRIES.iter().any(|registry| line.contains(registry)))
                .then(|| format!("{}:{number}: `{key}`: not a public registry", file.path))
        })
    }));
}

#[test]
fn only_two_files_know_a_modes_name() {
    const KNOWING: [&str; 2] = ["src/enforcement/rules.rs", "src/config/modes.rs"];
    let names = ["Local", "Development", "Training", "Production"];
    let spelled = names.map(|name| [format!("\"{}\"", name.to_uppercase()), format!("Mode::{name}")]).concat();
    let rust = FILES.iter().filter(|file| file.is_rust() && file.path.starts_with("src/") && !KNOWING.contains(&file.path.as_str()));
    report(rust.flat_map(|file| {
        let spelled = spelled.clone();
        file.code().filter_map(move |(number, line)| {
            let name = spelled.iter().find(|name| line.contains(name.as_str()))?;
            Some(format!("{}:{number}: `{name}`: ask a mode's settings, not its name", file.path))
        })
    }));
    for knowing in KNOWING {
        assert!(
            spelled.iter().any(|name| file(knowing).text.contains(name.as_str())),
            "{knowing} knows no mode: this test looks for the wrong names"
        );
    }
}

#[test]
fn no_setting_knows_a_persona() {
    let settings = FILES.iter().filter(|file| file.path.starts_with("config/") || file.path.starts_with("src/config/") && !file.is_test());
    report(settings.flat_map(|file| {
        let lines = file.lines().filter(|(_, line)| !line.trim_start().starts_with(['#', '/']));
        lines
            .filter(|(_, line)| line.to_ascii_lowercase().contains("persona"))
            .map(|(number, line)| format!("{}:{number}: `{}`: settings know modes, never personas", file.path, line.trim()))
    }));
}

/// The reserved codes that the code of the rooms gives, each with where it stands.
fn given() -> Vec<(String, String)> {
    // These are file names that begin alike.
    const ENDINGS: [&str; 5] = [".yaml", ".sock", ".rs", ".json", ".toml"];
    let mut found = Vec::new();
    for file in FILES.iter().filter(|file| file.is_rust() && file.path.starts_with("src/")) {
        for (number, line) in file.code() {
            for rest in line.split("\"toolgate.").skip(1) {
                let code = format!("toolgate.{}", rest.split('"').next().unwrap_or_default());
                let is_code =
                    code.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'.')) && !code.ends_with(['.', '_']);
                if is_code && !ENDINGS.iter().any(|ending| code.ends_with(ending)) {
                    found.push((code, format!("{}:{number}", file.path)));
                }
            }
        }
    }
    assert!(found.len() > 50, "only {} codes were found", found.len());
    found
}

#[test]
fn every_reserved_code_has_a_sentence_and_is_given() {
    let list = file("fixtures/enforcement/codes.txt");
    let entries = list.lines().filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
    let listed: Vec<_> = entries.map(|(number, line)| (number, line.split_once(' ').unwrap_or((line, "")))).collect();
    let given = given();
    let mut findings: Vec<_> = given
        .iter()
        .filter(|(code, _)| !listed.iter().any(|(_, (known, _))| known == code))
        .map(|(code, place)| format!("{place}: `{code}` has no line in {}", list.path))
        .collect();
    let given: BTreeSet<_> = given.iter().map(|(code, _)| code.as_str()).collect();
    for (number, (code, sentence)) in &listed {
        if !given.contains(code) {
            findings.push(format!("{}:{number}: nothing gives `{code}`", list.path));
        }
        if !sentence.trim().ends_with('.') {
            findings.push(format!("{}:{number}: `{code}` needs a sentence", list.path));
        }
        if listed.iter().filter(|(_, (other, _))| other == code).count() > 1 {
            findings.push(format!("{}:{number}: `{code}` stands twice", list.path));
        }
    }
    report(findings);
}
