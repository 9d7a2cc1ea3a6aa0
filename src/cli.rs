//! The command line: names, help and exit codes. Exit 0 good, 1 the answer is no, 2 usage or configuration.
//!
//! Each command is a file of `cli/`. Nothing is decided here.

mod admin_client;
mod audit;
mod check;
pub(crate) mod clickhouse;
mod complete;
mod init;
mod migrate;
mod mode;
mod permission;
mod policy;
mod run;
mod say;
mod table;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// The policy decision sidecar for AI agents' tool calls.
#[derive(Parser)]
#[command(
    name = "toolgate",
    version,
    about,
    max_term_width = 100,
    after_help = "Environment:\n  SOMA_AGENT_MODE   the runtime mode: LOCAL, DEVELOPMENT, TRAINING or PRODUCTION\n  TOOLGATE_OVERLAY  the \
                  overlay's folder\n\nExample:\n  toolgate init demo && cd demo && toolgate policy test policies"
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Write a first configuration, policy and fixtures
    Init(init::Args),
    /// Run the sidecar
    Run(run::Args),
    /// Check everything that can be checked without serving
    Check(check::Args),
    /// The runtime modes and their settings
    #[command(subcommand, after_help = "Example:\n  toolgate mode list")]
    Mode(mode::Command),
    /// Test, check and evaluate policies
    #[command(subcommand, after_help = "Example:\n  toolgate policy test policies")]
    Policy(policy::Command),
    /// Keys and signed permissions
    #[command(subcommand, after_help = "Example:\n  toolgate permission list --admin http://127.0.0.1:9901")]
    Permission(permission::Command),
    /// Read the audit trail
    #[command(subcommand, after_help = "Example:\n  toolgate audit query --since 1h")]
    Audit(Box<audit::Command>),
    /// Make or complete the ClickHouse schema
    Migrate(migrate::Args),
    /// Print shell completions
    Completions(complete::Args),
    /// Print a manual page
    Man(complete::Page),
}

/// Parses the arguments, runs the command, says what went wrong.
pub(crate) fn run() -> ExitCode {
    let ended = match Cli::parse().command {
        Command::Init(args) => init::run(&args),
        Command::Run(args) => run::run(&args),
        Command::Check(args) => check::run(&args),
        Command::Mode(command) => mode::run(&command),
        Command::Policy(command) => policy::run(&command),
        Command::Permission(command) => permission::run(&command),
        Command::Audit(command) => audit::run(&command),
        Command::Migrate(args) => migrate::run(&args),
        Command::Completions(args) => complete::completions(&args),
        Command::Man(page) => complete::man(&page),
    };
    ended.unwrap_or_else(|error| {
        eprintln!("toolgate: {}", told(&error));
        ExitCode::from(2)
    })
}

/// An error with its causes, each said once: many say their cause themselves.
fn told(error: &anyhow::Error) -> String {
    error.chain().map(ToString::to_string).fold(String::new(), |said, cause| match said {
        said if said.is_empty() => cause,
        said if said.contains(&cause) => said,
        said => format!("{said}: {cause}"),
    })
}

/// The whole command line as clap knows it, for completions and the manual.
fn definition() -> clap::Command {
    <Cli as clap::CommandFactory>::command()
}
