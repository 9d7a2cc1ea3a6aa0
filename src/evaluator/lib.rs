//! The threads that evaluate policies: large stacks, a bounded queue, a deadline that holds even where the engine does not look at its timer.
//!
//! Knows threads and time. Knows nothing of what a policy says: `policy` does. The server, `policy test` and `replay` all evaluate through here.
//!
//! The process has to run with `RUST_LIB_BACKTRACE=0` (`backtraces` tells): with backtraces on, the engine's errors capture one at every level, and what
//! takes 20 ms takes half a minute. Setting a variable inside a process is unsafe; the images set it, and `main` starts itself anew with it where it is
//! missing (`std::os::unix::process::CommandExt::exec`).

mod aside;
mod pool;

pub use aside::{LoadError, Loading, on_large_stack};
pub use pool::{Evaluator, Health, Settings, StartError};

use std::backtrace::{Backtrace, BacktraceStatus};

/// Whether errors of this process capture backtraces, which makes a failing evaluation a thousand times slower.
#[must_use]
pub fn backtraces() -> bool {
    Backtrace::capture().status() == BacktraceStatus::Captured
}
