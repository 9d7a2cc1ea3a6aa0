//! `toolgate mode`: what each runtime mode sets, for people and for the environment of agents. Knows no setting by name.

use super::say::{put, say};
use super::table;
use clap::{Subcommand, ValueEnum};
use config::modes::{self, MODES_FILE, WORKSTATION};
use config::{Active, Mode, Problem, Surroundings};
use std::path::PathBuf;
use std::process::ExitCode;

/// What a list shows of each mode.
const COLUMNS: [&str; 7] = ["mode", "enforcement", "permissive", "training_lock", "somabrain", "topics", "overlay"];

/// Commands about the runtime modes.
#[derive(Subcommand)]
pub(super) enum Command {
    /// List the modes
    #[command(after_help = "Example:\n  toolgate mode list -o json")]
    List(ListArgs),
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

/// The files and the form of the list.
#[derive(clap::Args)]
pub(super) struct ListArgs {
    #[command(flatten)]
    files: Files,
    /// The form
    #[arg(short, long, value_name = "FORM", value_enum, default_value = "table")]
    output: table::Form,
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
    #[arg(short, long, value_name = "FORM", value_enum)]
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
        Command::List(args) => list(args),
        Command::Show(args) => args.active().map(|active| show(&active)),
        Command::Render(args) => args.show.active().map(|active| {
            let view = active.view();
            match args.output {
                Form::Env => put!("{}", view.env()),
                Form::Json => put!("{}", view.json()),
                Form::Yaml => put!("{}", view.yaml()),
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
        anyhow::ensure!(
            file.symlink_metadata().is_ok(),
            "the file of the modes `{}` is not there: name it with `--modes FILE`",
            file.display()
        );
        Active::load(&file, self.overlay.as_deref(), mode).map_err(told)
    }
}

impl ShowArgs {
    fn active(&self) -> anyhow::Result<Active> {
        let mode = match &self.mode {
            Some(name) => name.parse().map_err(|problem| anyhow::anyhow!("{problem}"))?,
            None => modes::named(Surroundings::observe().mode.as_deref())
                .map_err(|problem| anyhow::anyhow!("{problem}, or name one: `toolgate mode show {}`", WORKSTATION.name()))?,
        };
        self.files.load(mode)
    }
}

fn told(problems: Vec<Problem>) -> anyhow::Error {
    let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
    anyhow::anyhow!("the modes cannot be read:\n{}", lines.join("\n"))
}

/// One line for each mode; each has its own overlay, or all have the one that is named.
fn list(args: &ListArgs) -> anyhow::Result<()> {
    let modes = Mode::ALL.iter().map(|mode| args.files.load(*mode)).collect::<anyhow::Result<Vec<_>>>()?;
    let mut lines: Vec<_> = modes.iter().map(line).collect();
    if args.output == table::Form::Table {
        for (line, active) in lines.iter_mut().zip(&modes) {
            line["overlay"] = active.overlay.as_deref().map(folder).into();
        }
    }
    table::print(args.output, &COLUMNS, &lines)?;
    if args.output == table::Form::Table {
        modes.iter().for_each(warn);
    }
    Ok(())
}

fn line(active: &Active) -> serde_json::Value {
    let settings = &active.settings;
    serde_json::json!({
        "mode": active.mode.name(),
        "enforcement": settings.enforcement.name(),
        "permissive": settings.enforcement.is_permissive(),
        "training_lock": settings.training_lock,
        "somabrain": settings.somabrain.namespace,
        "topics": format!("{}*{}", settings.kafka.topic_prefix, settings.kafka.topic_suffix),
        "overlay": active.overlay,
    })
}

/// The last two names of an overlay's folder: a table has no room for more.
fn folder(overlay: &str) -> String {
    let names: Vec<&str> = overlay.split('/').rev().skip(1).take(2).collect();
    names.into_iter().rev().collect::<Vec<_>>().join("/")
}

fn show(active: &Active) {
    let rows = active.view().leaves().into_iter().map(|(path, value)| vec![path.join("."), value]);
    say!("{}", table::table(&["setting", "value"], rows));
    say!("\noverlay: {}", active.overlay.as_deref().map_or_else(|| "none".to_owned(), |file| canon::text::shown(file, 4096)));
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
