//! How long the default policy takes on whole calls: `evaluation ROOT` prints lines `STORY MICROSECONDS`.
//!
//! Measures `policy::Snapshot::evaluate` alone, in batches that are short beside the scheduler's slices; what is said is the median batch.

use policy::{Asked, Settings, Snapshot, Source, Verdict};
use std::backtrace::{Backtrace, BacktraceStatus};
use std::error::Error;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// As in the binary.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Calls that the default policy lets through: nothing is formatted, as for nearly all calls.
const STORIES: [&str; 3] = ["read_allowed", "write_allowed", "initialize"];
const BATCHES: usize = 2001;
const BATCH: u32 = 10;
const STACK_BYTES: usize = 64 << 20;

fn main() -> Result<(), Box<dyn Error>> {
    if Backtrace::capture().status() == BacktraceStatus::Captured {
        return Err("the engine's errors would capture backtraces: set RUST_LIB_BACKTRACE=0".into());
    }
    let arguments: Vec<String> = std::env::args().collect();
    let [_, root] = arguments.as_slice() else { return Err("usage: evaluation ROOT".into()) };
    let root = PathBuf::from(root);
    let source = Source::of_files(files(&root.join("policies/default"))?).map_err(|problems| format!("{problems:?}"))?;
    let measured =
        std::thread::Builder::new().stack_size(STACK_BYTES).spawn(move || measure(&source, &root).map_err(|error| error.to_string()))?;
    measured.join().map_err(|_| "the thread ended")??;
    Ok(())
}

fn measure(source: &Source, root: &Path) -> Result<(), Box<dyn Error>> {
    let snapshot = Snapshot::load(source, &Settings::default()).map_err(|problems| format!("{problems:?}"))?;
    for story in STORIES {
        let input = std::fs::read(root.join("fixtures/policies").join(story).join("input.json"))?;
        let asked = Asked::parse(story, &input).map_err(|problems| format!("{problems:?}"))?;
        // On a busy machine 20 ms of the wall clock may be another process's.
        let left = || Duration::from_secs(10);
        let mut batches = Vec::with_capacity(BATCHES);
        for _ in 0..BATCHES {
            let begun = Instant::now();
            for _ in 0..BATCH {
                if std::hint::black_box(snapshot.evaluate(&asked, &left)).verdict != Verdict::Allow {
                    return Err(format!("`{story}` is not allowed").into());
                }
            }
            batches.push(begun.elapsed().as_secs_f64() * 1e6 / f64::from(BATCH));
        }
        batches.sort_by(f64::total_cmp);
        println!("{story} {:.2}", batches.get(BATCHES / 2).copied().unwrap_or_default());
    }
    Ok(())
}

/// A path inside the folder, and what is there.
type File = (String, Vec<u8>);

/// Every file below `folder`.
fn files(folder: &Path) -> Result<Vec<File>, Box<dyn Error>> {
    let (mut found, mut waiting) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(next) = waiting.pop() {
        for entry in std::fs::read_dir(next)? {
            let path = entry?.path();
            if path.is_dir() {
                waiting.push(path);
            } else {
                found.push((path.strip_prefix(folder)?.to_string_lossy().into_owned(), std::fs::read(&path)?));
            }
        }
    }
    Ok(found)
}
