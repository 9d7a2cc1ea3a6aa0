//! The shape of the code: lengths, headings, attributes, names of files.

use super::tree::{FILES, File, report};

const FILE_LINES_MAX: usize = 400;
const FUNCTION_LINES_MAX: usize = 70;

fn rust() -> impl Iterator<Item = &'static File> {
    FILES.iter().filter(|file| file.is_rust())
}

#[test]
fn no_file_is_longer_than_400_lines() {
    report(rust().filter_map(|file| {
        let lines = file.text.lines().count();
        (lines > FILE_LINES_MAX).then(|| format!("{}:{lines}: {lines} lines, more than {FILE_LINES_MAX}: split it by subject", file.path))
    }));
}

/// Whether a line begins a function. The code is formatted by rustfmt, which puts the head's first line so.
fn begins_function(line: &str) -> bool {
    let mut words = line.split(' ').skip_while(|word| {
        matches!(*word, "pub" | "const" | "async" | "unsafe" | "extern" | "\"C\"") || word.starts_with("pub(") || word.ends_with(')')
    });
    words.next() == Some("fn")
}

/// The functions of a file: where each begins and how many lines it has. It ends at the brace that stands as far in as its head.
fn functions(file: &File) -> Vec<(usize, usize)> {
    let lines: Vec<_> = file.text.lines().collect();
    let mut found = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        let head = line.trim_start();
        if begins_function(head) && !line.ends_with(['}', ';']) {
            let end = format!("{:1$}}}", "", line.len() - head.len());
            let length = lines[index..].iter().position(|line| *line == end).map_or(1, |position| position + 1);
            found.push((index + 1, length));
        }
    }
    found
}

#[test]
fn no_function_is_longer_than_70_lines() {
    let all: Vec<_> = rust().flat_map(|file| functions(file).into_iter().map(move |(line, length)| (file, line, length))).collect();
    assert!(all.len() > 500, "only {} functions were found", all.len());
    report(all.into_iter().filter(|(_, _, length)| *length > FUNCTION_LINES_MAX).map(|(file, line, length)| {
        format!("{}:{line}: a function of {length} lines, more than {FUNCTION_LINES_MAX}: give its parts names", file.path)
    }));
}

#[test]
fn every_file_opens_with_what_it_knows() {
    report(
        rust()
            .filter(|file| !file.text.starts_with("//! "))
            .map(|file| format!("{}:1: opens with `//!`: what it knows and what not", file.path)),
    );
}

#[test]
fn a_lint_is_expected_with_a_reason_and_never_allowed() {
    let attribute = ["#[al", "#![al"].map(|start| format!("{start}low("));
    report(rust().flat_map(|file| {
        let attribute = attribute.clone();
        file.lines().filter(move |(_, line)| attribute.iter().any(|attribute| line.contains(attribute))).map(move |(number, _)| {
            format!("{}:{number}: write `#[expect(lint, reason = \"..\")]`: it fails once it is not needed", file.path)
        })
    }));
}

#[test]
fn a_file_is_named_after_its_subject() {
    const SUBJECTLESS: [&str; 10] = ["mod", "util", "utils", "common", "helper", "helpers", "manager", "misc", "types", "shared"];
    report(rust().filter_map(|file| {
        let stem = file.path.rsplit('/').next()?.strip_suffix(".rs")?;
        SUBJECTLESS
            .contains(&stem)
            .then(|| format!("{}:1: `{stem}` names no subject; a module with parts is `foo.rs` and `foo/`", file.path))
    }));
}
