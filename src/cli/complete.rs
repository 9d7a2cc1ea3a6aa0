//! `toolgate completions` and `toolgate man`: made from the one definition of the command line.

use clap_complete::Shell;
use std::process::ExitCode;

/// `toolgate completions bash > /etc/bash_completion.d/toolgate`
#[derive(clap::Args)]
pub(super) struct Args {
    /// The shell
    shell: Shell,
}

/// Prints the shell's completion script.
pub(super) fn completions(args: &Args) -> anyhow::Result<ExitCode> {
    clap_complete::generate(args.shell, &mut super::definition(), "toolgate", &mut std::io::stdout());
    Ok(ExitCode::SUCCESS)
}

/// Prints the manual page.
pub(super) fn man() -> anyhow::Result<ExitCode> {
    clap_mangen::Man::new(super::definition()).render(&mut std::io::stdout())?;
    Ok(ExitCode::SUCCESS)
}
