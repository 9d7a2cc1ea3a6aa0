//! What a command prints. A reader that has gone away, such as `head`, ends the command quietly.

use std::fmt::Arguments;
use std::io::{ErrorKind, Write as _};

/// Prints to standard output, as `print!` does.
macro_rules! put {
    ($($word:tt)*) => { $crate::cli::say::write(format_args!($($word)*)) };
}

/// Prints a line to standard output, as `println!` does.
macro_rules! say {
    () => { $crate::cli::say::write(format_args!("\n")) };
    ($($word:tt)*) => { $crate::cli::say::write(format_args!("{}\n", format_args!($($word)*))) };
}

pub(super) use {put, say};

/// Writes; ends the process where nobody reads any more, or where it cannot be written.
pub(super) fn write(words: Arguments<'_>) {
    match std::io::stdout().lock().write_fmt(words) {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::BrokenPipe => std::process::exit(0),
        Err(error) => {
            eprintln!("toolgate: cannot write to standard output: {error}");
            std::process::exit(2);
        }
    }
}
