//! `toolgate mode`: what each runtime mode sets, for people and for the environment of agents. Knows no setting by name.

mod list;

use clap::{Subcommand, ValueEnum};
use comfy_table::{ContentArrangement, Table, presets};
use config::modes::{self, MODE_VARIABLE, MODES_FILE};
use config::{Active, Mode, Problem, Surroundings};
use std::path::PathBuf;
use std::process::ExitCode;

/// The widest line of a table for people.
const TABLE_COLUMNS: u16 = 100;

/// Commands about the runtime modes.
#[derive(Subcommand)]
pub(super) enum Command {
    /// List the modes
    #[command(after_help = "Example:\n  toolgate mode list -o json")]
    List(list::Args),
    /// Show every setting of a mode
    #[command(after_help = "Example:\n  toolgate mode show PRODUCTION --overlay config/overlays/production")]
    Show(ShowArgs),
    /// Write a mode's settings for agents and scripts
    #[command(after_help = "Example:\n  toolgate mode render PRODUCTION -o env > agent.env")]
    Render(RenderArgs),
}

/// Which files are read.
#[derive(clap::Args)]
struct Files {
    /// The file of the modes [default: modes.yaml, else config/modes.yaml]
    #[arg(long, value_name = "FILE")]
    modes: Option<PathBuf>,
    /// The overlay's folder, instead of the mode's own
    #[arg(long, value_name = "DIR", env = modes::OVERLAY_VARIABLE)]
    overlay: Option<PathBuf>,
}

/// A mode and its files.
#[derive(clap::Args)]
pub(super) struct ShowArgs {
    /// The mode [default: that of SOMA_AGENT_MODE]
    mode: Option<String>,
    #[command(flatten)]
    files: Files,
}

/// A mode, its files and the form.
#[derive(clap::Args)]
pub(super) struct RenderArgs {
    #[command(flatten)]
    show: ShowArgs,
    /// The form: `env` is `NAME=value` lines
    #[arg(short, long, value_enum)]
    output: Form,
}

/// A form of the settings.
#[derive(Clone, Copy, ValueEnum)]
enum Form {
    Env,
    Json,
    Yaml,
}

/// Runs a command; exit 2 where the files have mistakes.
pub(super) fn run(command: &Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::List(args) => list::run(args),
        Command::Show(args) => args.active().map(|active| show(&active)),
        Command::Render(args) => args.show.active().map(|active| {
            let view = active.view();
            match args.output {
                Form::Env => print!("{}", view.env()),
                Form::Json => print!("{}", view.json()),
                Form::Yaml => print!("{}", view.yaml()),
            }
        }),
    }?;
    Ok(ExitCode::SUCCESS)
}

impl Files {
    fn load(&self, mode: Mode) -> anyhow::Result<Active> {
        let near = PathBuf::from(MODES_FILE);
        let shipped = PathBuf::from("config").join(MODES_FILE);
        let file = self.modes.clone().unwrap_or(if near.exists() || !shipped.exists() { near } else { shipped });
        Active::load(&file, self.overlay.as_deref(), mode).map_err(told)
    }
}

impl ShowArgs {
    fn active(&self) -> anyhow::Result<Active> {
        let mode = match &self.mode {
            Some(name) => name.parse().map_err(|problem| anyhow::anyhow!("{problem}"))?,
            None => modes::named(Surroundings::observe().mode.as_deref())
                .map_err(|problem| anyhow::anyhow!("{problem}, or name the mode: `toolgate mode show {}`", example()))?,
        };
        self.files.load(mode)
    }
}

/// Some mode's name, for an example.
fn example() -> &'static str {
    Mode::ALL.first().map_or(MODE_VARIABLE, |mode| mode.name())
}

fn told(problems: Vec<Problem>) -> anyhow::Error {
    let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
    anyhow::anyhow!("the modes cannot be read:\n{}", lines.join("\n"))
}

fn show(active: &Active) {
    let mut table = table(["setting", "value"]);
    for (path, value) in active.view().leaves() {
        table.add_row([path.join("."), value]);
    }
    println!("{table}");
    println!("overlay: {}", active.overlay.as_deref().unwrap_or("none"));
    warn(active);
}

/// Says on standard error where a mode forwards what the policy refuses.
fn warn(active: &Active) {
    let level = active.settings.enforcement;
    if level.is_permissive() {
        let mode = active.mode.name();
        eprintln!("warning: {mode} is permissive: with enforcement `{level}` calls that the policy refuses are forwarded with a warning");
    }
}

/// An empty table that fits a terminal.
fn table<const N: usize>(header: [&str; N]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_HORIZONTAL_ONLY).set_content_arrangement(ContentArrangement::Dynamic).set_width(TABLE_COLUMNS).set_header(header);
    table
}
