//! Measures toolgate beside a bare proxy, in one run: `toolgate-bench run` starts everything else, itself as `upstream` and as `proxy`.
//!
//! Knows toolgate from outside alone: its configuration, its sockets and what the kernel says of its process.

mod figures;
mod load;
mod pki;
mod process;
mod proxy;
mod run;
mod sample;
mod serve;
mod table;
mod toolgate;
mod upstream;

use std::error::Error;
use std::process::ExitCode;

/// What went wrong, in words.
pub(crate) type Failure = Box<dyn Error + Send + Sync>;

/// The same allocator as toolgate's: the bare proxy is not to lose by it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let ended = match words.as_slice() {
        ["upstream", address] => upstream::run(address).map(|()| true),
        ["proxy", folder, address, upstream] => proxy::run(folder.as_ref(), address, upstream).map(|()| true),
        ["run", root, programs, csv] => run::run(root.as_ref(), programs.as_ref(), csv.as_ref()),
        ["profile", root, programs, mode, out] => run::profile(root.as_ref(), programs.as_ref(), mode, out.as_ref()).map(|()| true),
        _ => Err("usage: toolgate-bench run ROOT PROGRAMS CSV | profile ROOT PROGRAMS MODE OUT | upstream ADDRESS | proxy FOLDER ADDRESS UPSTREAM".into()),
    };
    match ended {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            eprintln!("bench: {error}");
            ExitCode::from(2)
        }
    }
}
