//! One run: starts what is compared, takes the figures, prints the table.

use crate::figures::Figures;
use crate::load::{Call, Client};
use crate::process::{MEASURED, Process, free_address};
use crate::sample::{Load, Subject};
use crate::table::Table;
use crate::toolgate::{Setting, Toolgate};
use crate::{Failure, pki, serve};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// The core of the load generator and the upstream.
const OTHER: &str = "0";

/// True if all that was asked was reached. `programs` holds `toolgate`, `journal-load` and `evaluation`, built as they are delivered.
pub(crate) fn run(root: &Path, programs: &Path, csv: &Path) -> Result<bool, Failure> {
    let (folder, memory) = (scratch("/var/tmp")?, scratch("/dev/shm")?);
    let ended = serve::runtime()?.block_on(measure(root, programs, &folder, &memory));
    let _ = (std::fs::remove_dir_all(&folder), std::fs::remove_dir_all(&memory));
    let table = ended?;
    table.tell(csv)?;
    Ok(table.is_reached())
}

fn scratch(parent: &str) -> Result<PathBuf, Failure> {
    let folder = Path::new(parent).join(format!("toolgate-bench-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    Ok(folder)
}

async fn measure(root: &Path, programs: &Path, folder: &Path, memory: &Path) -> Result<Table, Failure> {
    pki::write(folder)?;
    let own = std::env::current_exe()?;
    let (upstream, proxy) = (free_address()?, free_address()?);
    let _upstream = Process::start("upstream", OTHER, &own, &["upstream", &upstream], &[], folder)?.listens(&upstream)?;
    let path = folder.display().to_string();
    let bare = Process::start("proxy", MEASURED, &own, &["proxy", &path, &proxy, &upstream], &[], folder)?.listens(&proxy)?;
    let bare = Subject { process: &bare, client: Client::new(folder, &proxy)? };
    let setting = Setting { root, binary: programs.join("toolgate"), folder, upstream: &upstream };
    let mut figures = Figures::new(&bare);

    figures.evaluation(programs, root)?;
    figures.readiness(&setting)?;
    {
        let (disk, ram) = (setting.start("disk", "LOCAL", &folder.join("local"))?, setting.start("ram", "LOCAL", &memory.join("local"))?);
        tokio::time::sleep(Duration::from_secs(1)).await;
        figures.idle(&disk)?;
        let (on_disk, in_ram) = (subject(folder, &disk)?, subject(folder, &ram)?);
        figures.warn(&on_disk, &in_ram).await?;
        figures.sizes(&on_disk).await?;
        figures.loaded("warn", &disk)?;
    }
    let closed = setting.start("closed", "PRODUCTION", &folder.join("production"))?;
    let subject = subject(folder, &closed)?;
    figures.fail_closed(&subject, programs, folder).await?;
    figures.loaded("fail_closed", &closed)?;
    Ok(figures.table)
}

/// What toolgate spends its time on in `mode`: a recording of Linux' `perf` under the load of 32 clients, and what is resident before.
pub(crate) fn profile(root: &Path, programs: &Path, mode: &str, out: &Path) -> Result<(), Failure> {
    let folder = scratch("/var/tmp")?;
    let ended = serve::runtime()?.block_on(record(root, programs, &folder, mode, out));
    let _ = std::fs::remove_dir_all(&folder);
    ended
}

async fn record(root: &Path, programs: &Path, folder: &Path, mode: &str, out: &Path) -> Result<(), Failure> {
    pki::write(folder)?;
    let upstream = free_address()?;
    let _upstream =
        Process::start("upstream", OTHER, &std::env::current_exe()?, &["upstream", &upstream], &[], folder)?.listens(&upstream)?;
    let setting = Setting { root, binary: programs.join("toolgate"), folder, upstream: &upstream };
    let toolgate = setting.start("profiled", mode, &folder.join("journal"))?;
    let (call, subject) = (Call::new(1024), subject(folder, &toolgate)?);
    for line in ["VmRSS", "RssAnon", "RssFile"] {
        println!("{line} {:.1} MiB", toolgate.process.mebibytes(line)?);
    }
    subject.round(Load::FlatOut(32), Duration::from_secs(2), &call).await?;
    let pid = toolgate.process.id().to_string();
    let perf = Command::new("perf")
        .args(["record", "-q", "-e", "cpu-clock", "-F", "499", "--call-graph", "dwarf,16384", "-p", &pid, "-o"])
        .arg(out)
        .spawn()?;
    let round = subject.round(Load::FlatOut(32), Duration::from_secs(10), &call).await?;
    println!("{} calls, {:.0} us of processor time each", round.times.each.len(), round.cpu_us);
    Command::new("kill").args(["-INT", &perf.id().to_string()]).status()?;
    let mut perf = perf;
    perf.wait()?;
    Ok(())
}

fn subject<'a>(folder: &Path, toolgate: &'a Toolgate) -> Result<Subject<'a>, Failure> {
    Ok(Subject { process: &toolgate.process, client: Client::new(folder, &toolgate.address)? })
}
