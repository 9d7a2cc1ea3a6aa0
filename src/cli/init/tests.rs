//! What `init` writes is a valid configuration, a policy whose tests pass, and fixtures that hold.

use super::{FILES, WORKSTATION, next, word, write};
use canon::Micros;
use config::{Config, Surroundings};
use policy::fixtures::{Fixture, check};
use policy::{Settings, Snapshot, Source, TestModules};
use std::fs;
use std::path::Path;
use std::time::Duration;

fn written() -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a folder");
    write(dir.path()).expect("written");
    dir
}

/// The policy that was written, with its tests.
fn snapshot(dir: &Path) -> Snapshot {
    let policies = FILES.iter().filter_map(|(name, _)| name.strip_prefix("policies/"));
    let files = policies.map(|name| (name.to_owned(), fs::read(dir.join("policies").join(name)).expect("there")));
    let source = Source::of_files(files).expect("a bundle");
    Snapshot::load(&source, &Settings { tests: TestModules::Load, ..Settings::default() }).expect("a policy")
}

#[test]
fn the_configuration_is_valid() {
    let dir = written();
    let around = Surroundings { mode: Some(WORKSTATION.name().into()), ..Surroundings::default() };
    let config = Config::load(&dir.path().join("toolgate.yaml"), None, &around).expect("a configuration");
    assert_eq!((config.listeners.len(), config.routes.len()), (1, 1));
    assert!(config.rules().level.is_permissive());
}

#[test]
fn the_policy_passes_its_tests() {
    let dir = written();
    let outcomes = policy::test::run(&snapshot(dir.path()), &policy::test::Wanted::default(), Micros(0), &|| Duration::ZERO);
    assert_eq!(outcomes.len(), 5);
    assert_eq!(policy::test::exit_code(&outcomes), 0, "{outcomes:#?}");
}

#[test]
fn the_fixtures_hold() {
    let dir = written();
    let snapshot = snapshot(dir.path());
    for story in ["read_allowed", "write_refused"] {
        let read = |name: &str| fs::read(dir.path().join("fixtures").join(story).join(name)).expect("there");
        let fixture = Fixture { story: story.into(), input: read("input.json"), expected: read("expected.json") };
        let differences = check(&fixture, &snapshot, &|| Duration::from_secs(1)).expect("a fixture");
        assert!(differences.is_empty(), "{story}: {differences:?}");
    }
}

#[test]
fn nothing_is_overwritten() {
    let dir = written();
    fs::remove_file(dir.path().join("toolgate.yaml")).expect("removed");
    let told = write(dir.path()).expect_err("files are there").to_string();
    assert!(told.contains("already has modes.yaml, permissions.jwks.json, revocations.json"), "{told}");
    assert!(!dir.path().join("toolgate.yaml").exists(), "all or nothing");
}

#[test]
fn the_last_line_shows_a_refusal() {
    let last = |dir: &str| next(Path::new(dir)).lines().last().unwrap_or_default().trim().to_owned();
    assert_eq!(last("."), "toolgate policy eval policies --fixture fixtures/write_refused");
    assert_eq!(last("demo"), "cd demo && toolgate policy eval policies --fixture fixtures/write_refused");
    assert_eq!(word("it's"), r"./'it'\''s'");
}
