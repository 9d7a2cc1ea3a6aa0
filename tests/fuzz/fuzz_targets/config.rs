//! The configuration: whatever the files hold, it is a configuration or a list of problems with places, and never one that enforces less
//! than its mode promises. The first byte tells which file the rest is.
#![no_main]

use config::{Active, Config, Document, Modes, Problem};
use libfuzzer_sys::fuzz_target;
use std::path::Path;
use std::sync::LazyLock;

const MODES: &str = include_str!("../../../config/modes.yaml");

static ACTIVE: LazyLock<Vec<Active>> = LazyLock::new(|| {
    let modes = Modes::parse(&document("modes.yaml", MODES.as_bytes()), None).expect("the shipped modes");
    modes.iter().map(|(mode, settings)| Active { mode, settings: settings.clone(), overlay: None }).collect()
});

fn document(name: &str, bytes: &[u8]) -> Document {
    Document { name: name.to_owned(), bytes: bytes.to_vec() }
}

fn told(problems: &[Problem]) {
    assert!(!problems.is_empty());
    for problem in problems {
        assert!(problem.place.line > 0 && problem.place.column > 0 && !problem.message.is_empty());
        assert!(!problem.to_string().chars().any(char::is_control));
    }
}

fn modes(modes: &Document, overlay: Option<&Document>) {
    match Modes::parse(modes, overlay) {
        Ok(modes) => assert!(modes.iter().all(|(mode, settings)| settings.rules().no_looser_than(&mode.promises()).is_ok())),
        Err(problems) => told(&problems),
    }
}

fuzz_target!(|bytes: &[u8]| {
    let Some((which, bytes)) = bytes.split_first() else { return };
    match which % 6 {
        0 => modes(&document("modes.yaml", bytes), None),
        1 => modes(&document("modes.yaml", MODES.as_bytes()), Some(&document("overlay.yaml", bytes))),
        mode => {
            let active = &ACTIVE[usize::from(mode) - 2];
            match Config::parse(&document("toolgate.yaml", bytes), Path::new("/"), active) {
                Ok(config) => assert_eq!(config.rules(), active.settings.rules(), "{}", active.mode.name()),
                Err(problems) => told(&problems),
            }
        }
    }
});
