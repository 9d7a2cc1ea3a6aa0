//! One run: starts what is compared, takes the figures, prints the table.

use crate::figures::Figures;
use crate::load::Client;
use crate::process::{MEASURED, Process, free_address};
use crate::sample::Subject;
use crate::table::Table;
use crate::toolgate::{Setting, Toolgate};
use crate::{Failure, pki, serve};
use std::path::{Path, PathBuf};
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

fn subject<'a>(folder: &Path, toolgate: &'a Toolgate) -> Result<Subject<'a>, Failure> {
    Ok(Subject { process: &toolgate.process, client: Client::new(folder, &toolgate.address)? })
}
