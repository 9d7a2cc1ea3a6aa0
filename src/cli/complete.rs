//! `toolgate completions` and `toolgate man`: made from the one definition of the command line.

use super::say::put;
use anyhow::Context as _;
use clap_complete::Shell;
use std::process::ExitCode;

/// Which shell.
#[derive(clap::Args)]
#[command(after_help = "Example:\n  toolgate completions bash > /etc/bash_completion.d/toolgate")]
pub(super) struct Args {
    /// The shell
    shell: Shell,
}

/// Which page.
#[derive(clap::Args)]
#[command(after_help = "Example:\n  toolgate man > toolgate.1\n  toolgate man policy test | man -l -")]
pub(super) struct Page {
    /// The command whose page is printed, such as `policy test`; without it that of toolgate
    command: Vec<String>,
}

/// Prints the shell's completion script.
pub(super) fn completions(args: &Args) -> anyhow::Result<ExitCode> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut super::definition(), "toolgate", &mut script);
    put!("{}", String::from_utf8_lossy(&script));
    Ok(ExitCode::SUCCESS)
}

/// Prints a manual page.
pub(super) fn man(page: &Page) -> anyhow::Result<ExitCode> {
    let mut whole = super::definition();
    whole.build();
    let mut command = &whole;
    for name in &page.command {
        command = command.find_subcommand(name).with_context(|| format!("`{name}` is no command: see `toolgate help`"))?;
    }
    let mut text = Vec::new();
    clap_mangen::Man::new(command.clone()).render(&mut text)?;
    put!("{}", String::from_utf8_lossy(&text));
    Ok(ExitCode::SUCCESS)
}
