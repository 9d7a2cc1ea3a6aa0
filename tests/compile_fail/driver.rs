//! Nobody forges, copies, uses twice or goes around a proof: programs that try must not compile.
//!
//! A case is a file in `cases/`. Each `//~ WORDS` wants one error at its line that has the words (its code, as a rule), and there
//! may be no other. The same file without those lines must compile: so it is they alone that are refused, and for the reason named.
//! The compiler is run over each file with the libraries that Cargo has just built for this test; nothing is built anew.

#![cfg(test)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const MARK: &str = "//~";

/// The folder of this test's own libraries, and in it the newest build of `lib.rs`: the one that this test was built beside.
fn library() -> (PathBuf, PathBuf) {
    let deps = std::env::current_exe().unwrap().parent().unwrap().to_path_buf();
    let built = fs::read_dir(&deps).unwrap().map(|entry| entry.unwrap().path());
    let proofs = built.filter(|path| {
        let name = path.file_name().unwrap().to_string_lossy();
        name.starts_with("libproofs-") && name.ends_with(".rlib")
    });
    let newest = proofs.max_by_key(|path| fs::metadata(path).unwrap().modified().unwrap());
    let newest = newest.unwrap_or_else(|| panic!("no library `proofs` in {}: run this test by cargo", deps.display()));
    (deps, newest)
}

/// The errors in `source`: the line of each, and its code and text. None: it compiles.
fn errors(name: &str, source: &str) -> Vec<(usize, String)> {
    let (deps, proofs) = library();
    let scratch = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let file = scratch.join(name);
    fs::write(&file, source).unwrap();
    let output = Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()))
        .args(["--edition=2024", "--crate-type=lib", "--emit=metadata", "--error-format=short", "--color=never"])
        .args(["--allow=warnings", "--deny=unused_must_use"])
        .arg(format!("--extern=proofs={}", proofs.display()))
        .arg(format!("-Ldependency={}", deps.display()))
        .arg(format!("--out-dir={}", scratch.display()))
        .arg(&file)
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    let prefix = format!("{}:", file.display());
    let errors: Vec<_> = said
        .lines()
        .filter_map(|line| {
            let (place, text) = line.strip_prefix(&prefix)?.split_once(": ")?;
            Some((place.split(':').next()?.parse().ok()?, text.strip_prefix("error")?.to_owned()))
        })
        .collect();
    assert_eq!(output.status.success(), errors.is_empty(), "{name}: the compiler did not get to judge it:\n{said}");
    errors
}

fn check(path: &Path) {
    let name = path.file_name().unwrap().to_str().unwrap();
    let source = fs::read_to_string(path).unwrap();
    let control: Vec<_> = source.lines().map(|line| if line.contains(MARK) { "" } else { line }).collect();
    assert_eq!(errors(&format!("control_{name}"), &control.join("\n")), [], "{name} without its marked lines");

    let mut found = errors(name, &source);
    assert!(!found.is_empty(), "{name} attempts nothing");
    for (index, line) in source.lines().enumerate() {
        for words in line.split(MARK).skip(1).map(str::trim) {
            let hit = found.iter().position(|(at, text)| *at == index + 1 && text.contains(words));
            let hit = hit.unwrap_or_else(|| panic!("{name}:{}: wanted an error with `{words}`; unexplained are {found:#?}", index + 1));
            found.remove(hit);
        }
    }
    assert_eq!(found, [], "{name}: errors that no mark explains");
}

#[test]
fn no_proof_is_forged_copied_reused_or_skipped() {
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("cases");
    let mut names: Vec<_> = fs::read_dir(&cases).unwrap().map(|entry| entry.unwrap().path()).collect();
    names.sort();
    assert!(names.len() >= 6, "cases are missing from {}", cases.display());
    for path in names {
        check(&path);
    }
}
