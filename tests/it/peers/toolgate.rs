//! The binary under test as a process, in a folder that outlives its crashes.

use super::process::PATIENCE;
use super::{Door, Folder, Process, get};
use rustix::process::Signal;
use std::path::Path;
use std::process::{Command, ExitStatus, Output};
use std::time::Duration;

/// A running (or ended, until [`Toolgate::restart`]) sidecar.
pub(crate) struct Toolgate {
    process: Process,
    folder: Folder,
    envs: Vec<(String, String)>,
    admin: Door,
    ready: String,
}

impl Toolgate {
    /// Runs `toolgate run --config <folder>/toolgate.yaml` with the current folder `folder` and the mode in its environment.
    /// Ready when `/readyz` at `admin`, which the configuration must name, answers 200.
    pub(crate) fn start(folder: Folder, config: &str, mode: &str, admin: impl Into<Door>) -> Toolgate {
        Toolgate::start_until(folder, config, vec![("SOMA_AGENT_MODE".to_owned(), mode.to_owned())], admin, "/readyz")
    }

    /// The same with this environment, and it counts as started when `ready`, a path of the admin listener, answers 200.
    pub(crate) fn start_until(folder: Folder, config: &str, envs: Vec<(String, String)>, admin: impl Into<Door>, ready: &str) -> Toolgate {
        folder.write("toolgate.yaml", config);
        let admin = admin.into();
        let process = launch(&folder, &envs, &admin, ready);
        Toolgate { process, folder, envs, admin, ready: ready.to_owned() }
    }

    /// Its folder: configuration, journal, log.
    pub(crate) fn folder(&self) -> &Folder {
        &self.folder
    }

    /// Its log so far, a line each.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.process.lines()
    }

    /// Waits for a line of the log with this text, from line number `from` on.
    pub(crate) fn await_line(&self, from: usize, text: &str) -> String {
        self.process.await_line(from, text)
    }

    /// `kill -9`, gone when this returns.
    pub(crate) fn kill9(&mut self) {
        self.process.kill9();
    }

    /// Asks it to end. It drains first.
    pub(crate) fn sigterm(&self) {
        self.process.signal(Signal::TERM);
    }

    /// How it ended.
    pub(crate) fn wait(&mut self, limit: Duration) -> ExitStatus {
        self.process.wait(limit)
    }

    /// A variable of its environment from the next start on.
    pub(crate) fn set_env(&mut self, name: &str, value: &str) {
        self.envs.retain(|(known, _)| known != name);
        self.envs.push((name.to_owned(), value.to_owned()));
    }

    /// Starts it again in the same folder, once it has ended.
    pub(crate) fn restart(&mut self) {
        self.process.wait(PATIENCE);
        self.process = launch(&self.folder, &self.envs, &self.admin, &self.ready);
    }

    /// Its process id.
    pub(crate) fn pid(&self) -> u32 {
        self.process.pid()
    }
}

/// Runs one command of the binary to its end, in `folder`.
pub(crate) fn command(folder: &Path, arguments: &[&str], envs: &[(&str, &str)]) -> Output {
    let mut command = binary();
    super::run(command.current_dir(folder).args(arguments).envs(envs.iter().copied()), PATIENCE)
}

fn launch(folder: &Folder, envs: &[(String, String)], admin: &Door, ready: &str) -> Process {
    let mut command = binary();
    command.current_dir(folder.path()).args(["run", "--config", "toolgate.yaml"]).envs(envs.iter().cloned());
    let mut process = Process::start("toolgate", command, folder);
    process.await_ready(&format!("`{ready}` answers 200"), |_| get(admin.clone(), ready).ok().filter(|answer| answer.status == 200));
    process
}

fn binary() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_toolgate"));
    command.env_remove("SOMA_AGENT_MODE").env_remove("TOOLGATE_OVERLAY");
    command
}
