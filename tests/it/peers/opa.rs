//! The real OPA's command line, to compare decisions and test runs with.

use super::{ran, run, tool};
use std::process::{Command, Output};
use std::time::Duration;

/// For one command.
const LIMIT: Duration = Duration::from_secs(60);

/// An installed OPA.
pub(crate) struct Opa;

impl Opa {
    /// Finds it and notes its version.
    pub(crate) fn find() -> Opa {
        let version = Opa.run(&["version"]);
        let version = String::from_utf8(version.stdout).unwrap();
        ran("OPA", version.lines().next().unwrap().trim_start_matches("Version: "));
        Opa
    }

    /// Runs `opa` with these arguments to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        run(Command::new(tool("bin/opa")).args(arguments), LIMIT)
    }
}
