//! The shipped files, and what the loader says to broken ones.

use std::path::{Path, PathBuf};

use enforcement::{Level, Mode};

use super::{Days, Modes};
use crate::Document;

fn shipped(path: &str) -> Document {
    let path: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../config").join(path);
    Document { name: "modes.yaml".into(), bytes: std::fs::read(path).expect("a shipped file") }
}

fn text(name: &str, text: &str) -> Document {
    Document { name: name.into(), bytes: text.as_bytes().to_vec() }
}

/// The problems of the shipped modes under an overlay.
fn check_overlay(overlay: &str, expected: &[&str]) {
    let modes = Modes::parse(&shipped("modes.yaml"), Some(&text("o.yaml", overlay)));
    check(modes, overlay, expected);
}

/// The problems of the shipped modes with one text replaced.
fn check_changed(from: &str, to: &str, expected: &[&str]) {
    let base = String::from_utf8(shipped("modes.yaml").bytes).expect("UTF-8");
    assert!(base.contains(from), "{from}");
    check(Modes::parse(&text("modes.yaml", &base.replacen(from, to, 1)), None), to, expected);
}

fn check(modes: Result<Modes, Vec<crate::Problem>>, case: &str, expected: &[&str]) {
    let problems: Vec<String> = modes.err().unwrap_or_default().iter().map(ToString::to_string).collect();
    assert_eq!(problems.len(), expected.len(), "{case}: {problems:#?}");
    for (problem, expected) in problems.iter().zip(expected) {
        assert!(problem.contains(expected), "{case}: {problem:?} lacks {expected:?}");
    }
}

#[test]
fn the_shipped_modes_are_what_each_mode_asks_for() {
    let modes = Modes::parse(&shipped("modes.yaml"), None).expect("valid");
    let level = |mode| modes.of(mode).enforcement;
    assert_eq!(Mode::ALL.map(level), [Level::Warn, Level::Observe, Level::Strict, Level::FailClosed]);
    assert_eq!(modes.of(Mode::Local).kafka.retention_days, Days::Forever);
    assert!(modes.of(Mode::Development).kafka.retention_days >= Days::Count(7));
    assert_eq!(Mode::ALL.map(|mode| modes.of(mode).somabrain.namespace.as_str()), ["local", "dev", "training", "prod"]);
    assert_eq!(Mode::ALL.map(|mode| modes.of(mode).training_lock), [false, false, true, false]);
}

#[test]
fn every_shipped_overlay_fits() {
    for environment in ["local", "development", "training", "production"] {
        let overlay = shipped(&format!("overlays/{environment}/modes.yaml"));
        let modes = Modes::parse(&shipped("modes.yaml"), Some(&overlay)).expect("valid");
        assert_ne!(modes, Modes::parse(&shipped("modes.yaml"), None).expect("valid"), "{environment} changes nothing");
    }
}

#[test]
fn no_persona_has_a_setting() {
    let base = String::from_utf8(shipped("modes.yaml").bytes).expect("UTF-8").to_lowercase();
    assert!(!base.contains("persona"));
}

#[test]
fn an_overlay_replaces_values_and_nothing_else() {
    check_overlay("LOCAL:\n  redis: {ttl_s: 5}\n", &[]);
    check_overlay("LOCAL:\n  redis: {ttl_m: 5}\n", &["o.yaml:2:11: LOCAL.redis.ttl_m: an overlay adds no key"]);
    check_overlay("TEST:\n  redis: {ttl_s: 5}\n", &["o.yaml:1:1: TEST: an overlay adds no key"]);
    check_overlay("LOCAL: 5\n", &["o.yaml:1:8: LOCAL: the file below has a map here"]);
    check_overlay("LOCAL:\n  redis: {ttl_s: [5]}\n", &["o.yaml:2:18: LOCAL.redis.ttl_s: this is a list, wanted is a whole number"]);
    check_overlay("PRODUCTION:\n  learning: {areas: [one]}\n", &[]);
    let overlay = text("o.yaml", "LOCAL:\n  enforcement: strict\n  redis: {ttl_s: 5}\n");
    let modes = Modes::parse(&shipped("modes.yaml"), Some(&overlay)).expect("valid");
    let local = modes.of(Mode::Local);
    assert_eq!((local.enforcement, local.redis.ttl_s, local.postgres.schema.as_str()), (Level::Strict, 5, "soma_local"));
}

#[test]
fn an_overlay_never_loosens_but_may_lift_the_training_lock() {
    check_overlay("PRODUCTION:\n  enforcement: strict\n", &["PRODUCTION asks for more", "an overlay does not loosen: write `fail_closed`"]);
    check_overlay(
        "TRAINING:\n  sensitive_tools: recorded\n",
        &["TRAINING asks for more", "an overlay does not loosen: write `needs_approval`"],
    );
    check_overlay("TRAINING:\n  training_lock: false\n", &[]);
}

#[test]
fn the_file_itself_is_no_looser_than_its_modes_promise() {
    check_changed("enforcement: fail_closed\n", "enforcement: warn\n", &["PRODUCTION.enforcement: PRODUCTION asks for more"]);
    check_changed("enforcement: warn\n", "enforcement: fail_closed\n", &[]);
    check_changed("topic_prefix: training. ", "topic_prefix: train. ", &["TRAINING.kafka: the topics of TRAINING begin with `training.`"]);
    check_changed("retention_days: 7 ", "retention_days: 6 ", &["DEVELOPMENT.kafka: DEVELOPMENT keeps events longer: write 7"]);
    check_changed("retention_days: forever ", "retention_days: 9999 ", &["LOCAL.kafka: LOCAL keeps events longer: write `forever`"]);
}

#[test]
fn mistakes_are_reported_with_line_and_key() {
    check_changed(
        "  redis:\n",
        "  reddis:\n",
        &[
            "modes.yaml:12:3: LOCAL.redis.failover: the key is missing",
            "ttl_s: the key is missing",
            "LOCAL.reddis: unknown key; known here: `enforcement`",
        ],
    );
    check_changed("training_lock: false", "training_lock: no", &["training_lock: this is `no`, wanted is `true` or `false`"]);
    check_changed("pool_connections_min: 1\n", "pool_connections_min: 6\n", &["LOCAL.postgres.pool_connections_min: it is above"]);
    check_changed("namespace: local", "namespace: \"\"", &["LOCAL.somabrain.namespace: this is ``, wanted is letters, digits"]);
    check_changed("namespace: local", &format!("namespace: {}", "x".repeat(64)), &["LOCAL.somabrain.namespace: this is `xxx"]);
    check_changed("ttl_s: 86400", "ttl_s: 086400", &["this is the number `086400`, wanted is a whole number from 1"]);
    check_changed("areas: [] ", "areas: [a] ", &["LOCAL.learning.areas: areas are approved here"]);
    check_changed("credentials: static ", "credentials: rotated ", &["LOCAL.secrets.credentials: secrets of a `.env` file do not rotate"]);
    check_changed("https://slm.example.org/v1", "https://a b/", &["LOCAL.slm.base_url: `https://a b/` is not an `http://`"]);
    check_changed("TRAINING:\n", "TRAIN:\n", &["TRAINING: the key is missing", "TRAIN: unknown key"]);
}
