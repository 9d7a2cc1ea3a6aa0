//! A process pinned to one core, and what the kernel says of it: processor time, time it waited for the core, resident memory.

use crate::Failure;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const READY_WITHIN: Duration = Duration::from_secs(30);

/// The core of what is measured, and the core of everything else.
pub(crate) const MEASURED: &str = "1";

/// A child that is ended when it is dropped.
pub(crate) struct Process {
    child: Child,
    name: String,
    log: PathBuf,
}

/// Processor time so far.
#[derive(Clone, Copy)]
pub(crate) struct Spent {
    /// On a core, seconds.
    pub(crate) ran: f64,
    /// Ready to run while another process had the core, seconds: the disturbance of a shared machine.
    pub(crate) waited: f64,
}

/// A port of the loopback that is free now.
pub(crate) fn free_address() -> Result<String, Failure> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string())
}

impl Process {
    /// Starts `program` on `core`; what it says goes to `<name>.log` in `folder`.
    pub(crate) fn start<A: AsRef<OsStr>>(
        name: &str,
        core: &str,
        program: &Path,
        arguments: &[A],
        environment: &[(&str, &str)],
        folder: &Path,
    ) -> Result<Self, Failure> {
        let log = folder.join(name).with_extension("log");
        let out = File::options().create(true).append(true).open(&log)?;
        let mut command = Command::new("taskset");
        command.args(["-c", core]).arg(program).args(arguments).envs(environment.iter().copied()).current_dir(folder);
        let child = command.stdin(Stdio::null()).stdout(out.try_clone()?).stderr(out).spawn()?;
        Ok(Self { child, name: name.to_owned(), log })
    }

    /// Waits until something listens at `address`.
    pub(crate) fn listens(mut self, address: &str) -> Result<Self, Failure> {
        self.until(|| TcpStream::connect(address).is_ok(), Duration::from_millis(20))?;
        Ok(self)
    }

    /// Asks again and again until `ready`; fails if the process ends first.
    pub(crate) fn until(&mut self, mut ready: impl FnMut() -> bool, pause: Duration) -> Result<(), Failure> {
        let begun = Instant::now();
        while !ready() {
            if self.child.try_wait()?.is_some() || begun.elapsed() > READY_WITHIN {
                let said = fs::read_to_string(&self.log).unwrap_or_default();
                return Err(format!("{} did not become ready:\n{said}", self.name).into());
            }
            std::thread::sleep(pause);
        }
        Ok(())
    }

    /// Its id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Processor time of all its threads.
    pub(crate) fn spent(&self) -> Result<Spent, Failure> {
        let mut spent = Spent { ran: 0.0, waited: 0.0 };
        for task in fs::read_dir(format!("/proc/{}/task", self.child.id()))? {
            // A thread may end meanwhile.
            let Ok(figures) = fs::read_to_string(task?.path().join("schedstat")) else { continue };
            let mut figures = figures.split_whitespace().map(|figure| figure.parse::<f64>().unwrap_or(0.0) / 1e9);
            spent.ran += figures.next().unwrap_or(0.0);
            spent.waited += figures.next().unwrap_or(0.0);
        }
        Ok(spent)
    }

    /// A line of `/proc/<pid>/status` in MiB, such as `VmRSS` and `VmHWM`.
    pub(crate) fn mebibytes(&self, line: &str) -> Result<f64, Failure> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let found = status.lines().find_map(|found| found.strip_prefix(line)?.strip_prefix(':')?.split_whitespace().next());
        Ok(found.ok_or("no such line")?.parse::<f64>()? / 1024.0)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // SIGTERM would drain for a while: what is measured is over.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
