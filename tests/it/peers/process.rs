//! A server process: its group, its log file, its end. Knows no particular server.

use super::{Folder, until};
use rustix::process::{Pid, Signal, kill_process_group};
use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{OnceLock, mpsc};
use std::time::Duration;

/// How long a server may take to come up or to go, on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Killed with its whole group on drop, and by the kernel when the test process dies.
pub(crate) struct Process {
    name: String,
    child: Child,
    log: PathBuf,
    ended: Option<ExitStatus>,
}

impl Process {
    /// Starts `command` with both its outputs appended to `<folder>/<name>.log`.
    pub(crate) fn start(name: &str, command: Command, folder: &Folder) -> Process {
        let log = folder.path().join(format!("{name}.log"));
        let out = std::fs::File::options().create(true).append(true).open(&log).unwrap();
        let mut bound = Command::new("setpriv");
        bound.args(["--pdeathsig", "KILL", "--"]).arg(command.get_program()).args(command.get_args());
        for (key, value) in command.get_envs() {
            match value {
                Some(value) => bound.env(key, value),
                None => bound.env_remove(key),
            };
        }
        if let Some(dir) = command.get_current_dir() {
            bound.current_dir(dir);
        }
        bound.stdin(Stdio::null()).stdout(out.try_clone().unwrap()).stderr(out).process_group(0);
        let child = spawn(bound).unwrap_or_else(|why| panic!("cannot start {name}: {why}"));
        Process { name: name.to_owned(), child, log, ended: None }
    }

    /// From here on these system calls of a process fail, for as long as what is returned lives: every thread is held when this returns.
    pub(crate) fn spoil(calls: &str, error: &str, pid: u32, folder: &Folder) -> Process {
        let mut command = Command::new("strace");
        command.args([
            "-f",
            "-qq",
            "-e",
            &format!("trace={calls}"),
            "-e",
            &format!("inject={calls}:error={error}"),
            "-p",
            &pid.to_string(),
        ]);
        let strace = Process::start("strace", command, folder);
        until("strace to hold every thread", PATIENCE, || {
            let threads = std::fs::read_dir(format!("/proc/{pid}/task")).ok()?;
            let free = |status: String| status.lines().any(|line| line.split_whitespace().eq(["TracerPid:", "0"]));
            let held = |thread: std::fs::DirEntry| std::fs::read_to_string(thread.path().join("status")).is_ok_and(|status| !free(status));
            threads.flatten().all(held).then_some(())
        });
        strace
    }

    /// All that it has written so far, whole lines only.
    pub(crate) fn lines(&self) -> Vec<String> {
        let text = String::from_utf8_lossy(&std::fs::read(&self.log).unwrap()).into_owned();
        text.rsplit_once('\n').map_or("", |(whole, _)| whole).lines().map(str::to_owned).collect()
    }

    /// Looks until `look` finds something; fails with the end of the log when time is up or the process is gone.
    pub(crate) fn await_ready<T>(&mut self, what: &str, mut look: impl FnMut(&Process) -> Option<T>) -> T {
        until(&format!("{} to be ready ({what}), log {}", self.name, self.log.display()), PATIENCE, || {
            if let Some(status) = self.poll() {
                let lines = self.lines();
                panic!("{} ended at its start with {status}: {}", self.name, lines[lines.len().saturating_sub(20)..].join("\n"));
            }
            look(self)
        })
    }

    /// Waits for the first line of the log, from line number `from` on, that contains `text`.
    pub(crate) fn await_line(&self, from: usize, text: &str) -> String {
        let what = format!("a line with `{text}` of {}, log {}", self.name, self.log.display());
        until(&what, PATIENCE, || self.lines().into_iter().skip(from).find(|line| line.contains(text)))
    }

    /// Sends a signal to the whole group.
    pub(crate) fn signal(&self, signal: Signal) {
        if self.ended.is_none()
            && let Some(group) = Pid::from_raw(self.child.id().cast_signed())
        {
            kill_process_group(group, signal).unwrap_or_else(|why| panic!("cannot signal {}: {why}", self.name));
        }
    }

    /// `SIGSTOP`, and every thread stands still when this returns: the kernel stops each of them in its own time.
    pub(crate) fn freeze(&self) {
        self.signal(Signal::STOP);
        let stands = |task: std::io::Result<std::fs::DirEntry>| {
            let stat = std::fs::read_to_string(task.unwrap().path().join("stat"));
            // A thread that ended meanwhile does not move either.
            stat.map_or(true, |stat| stat.rsplit_once(") ").is_some_and(|(_, state)| state.starts_with('T')))
        };
        let tasks = format!("/proc/{}/task", self.pid());
        until(&format!("{} to stand still", self.name), PATIENCE, || std::fs::read_dir(&tasks).unwrap().all(stands).then_some(()));
    }

    /// `kill -9`, and gone when this returns.
    pub(crate) fn kill9(&mut self) {
        self.signal(Signal::KILL);
        self.wait(PATIENCE);
    }

    /// How it ended, if it has.
    pub(crate) fn poll(&mut self) -> Option<ExitStatus> {
        if self.ended.is_none() {
            self.ended = self.child.try_wait().unwrap();
        }
        self.ended
    }

    /// How it ended, which must be within `limit`.
    pub(crate) fn wait(&mut self, limit: Duration) -> ExitStatus {
        let what = format!("the end of {}, log {}", self.name, self.log.display());
        until(&what, limit, || self.poll())
    }

    /// Its process id.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.ended.is_none()
            && let Some(group) = Pid::from_raw(self.child.id().cast_signed())
        {
            // The group may be gone already; what counts is that it is gone.
            let _ = kill_process_group(group, Signal::KILL);
            let _ = self.child.wait();
        }
    }
}

/// Starts from one thread that lives as long as the test process: the kernel ends a child with the thread that started it, not with the process.
fn spawn(command: Command) -> std::io::Result<Child> {
    type Wish = (Command, mpsc::Sender<std::io::Result<Child>>);
    static STARTER: OnceLock<mpsc::Sender<Wish>> = OnceLock::new();
    let starter = STARTER.get_or_init(|| {
        let (wishes, wished) = mpsc::channel::<Wish>();
        std::thread::spawn(move || {
            for (mut command, answer) in wished {
                // Whoever wished may have given up.
                let _ = answer.send(command.spawn());
            }
        });
        wishes
    });
    let (answer, answered) = mpsc::channel();
    starter.send((command, answer)).unwrap();
    answered.recv().unwrap()
}

/// Runs a program to its end, at most `limit`; beyond that it is killed and the test fails.
pub(crate) fn run(command: &mut Command, limit: Duration) -> Output {
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0).spawn();
    let child = child.unwrap_or_else(|why| panic!("cannot run {command:?}: {why}"));
    let group = Pid::from_raw(child.id().cast_signed()).unwrap();
    let (done, finished) = mpsc::channel();
    std::thread::spawn(move || done.send(child.wait_with_output()));
    match finished.recv_timeout(limit) {
        Ok(output) => output.unwrap(),
        Err(_) => {
            kill_process_group(group, Signal::KILL).unwrap();
            panic!("{command:?} had not ended after {limit:?}");
        }
    }
}

/// A port of 127.0.0.1 that nobody listens on, for servers that cannot say which one the kernel gave them. It lies below the range that the kernel takes
/// for outgoing connections, so that no client can have it between here and the server's start, and no two calls give the same.
pub(crate) fn free_port() -> u16 {
    const FIRST: u32 = 20_000;
    const COUNT: u32 = 12_000;
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let start = std::process::id().wrapping_mul(97);
    until("a free port", PATIENCE, || {
        let offset = start.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed)) % COUNT;
        let port = u16::try_from(FIRST + offset).unwrap();
        TcpListener::bind(("127.0.0.1", port)).ok().map(|_| port)
    })
}
