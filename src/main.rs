//! The binary. `pipeline.rs` shows the way of a call: read it first.

mod admin;
mod cli;
mod pipeline;
mod service;
mod sources;
mod telemetry;
mod view;

use std::process::ExitCode;

/// Evaluation is made of small allocations: a fifth to a quarter of its time is saved by this allocator (measured).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    if let Some(code) = without_backtraces() {
        return code;
    }
    cli::run()
}

/// The engine's parser makes an error value at each back-track; with `RUST_BACKTRACE` set each would capture a backtrace, and a
/// reload would take seconds. The variable can be changed only for a new process image, so the process replaces itself once.
fn without_backtraces() -> Option<ExitCode> {
    use std::os::unix::process::CommandExt as _;
    if std::env::var_os("RUST_BACKTRACE").is_none() || std::env::var_os("RUST_LIB_BACKTRACE").is_some() {
        return None;
    }
    let path = std::env::current_exe().ok()?;
    let error = std::process::Command::new(path).args(std::env::args_os().skip(1)).env("RUST_LIB_BACKTRACE", "0").exec();
    eprintln!("toolgate: cannot start itself again without library backtraces: {error}; unset RUST_BACKTRACE or set RUST_LIB_BACKTRACE=0");
    Some(ExitCode::from(2))
}
