//! `toolgate mode list`: one line for each mode.

use super::{Files, table, warn};
use clap::ValueEnum;
use config::{Active, Mode};
use serde::Serialize;

/// Which files are read and the form of the list.
#[derive(clap::Args)]
pub(in crate::cli) struct Args {
    #[command(flatten)]
    files: Files,
    /// The form
    #[arg(short, long, value_enum, default_value = "table")]
    output: Form,
}

#[derive(Clone, Copy, ValueEnum)]
enum Form {
    Table,
    Json,
    Jsonl,
    Csv,
}

/// A line of the list. Every value is a word or a path of words.
#[derive(Serialize)]
struct Line {
    mode: &'static str,
    enforcement: &'static str,
    permissive: bool,
    training_lock: bool,
    somabrain: String,
    topics: String,
    overlay: Option<String>,
}

impl Line {
    const HEADER: [&str; 7] = ["mode", "enforcement", "permissive", "training_lock", "somabrain", "topics", "overlay"];

    fn of(active: &Active) -> Self {
        let settings = &active.settings;
        Self {
            mode: active.mode.name(),
            enforcement: settings.enforcement.name(),
            permissive: settings.enforcement.is_permissive(),
            training_lock: settings.training_lock,
            somabrain: settings.somabrain.namespace.clone(),
            topics: format!("{}*{}", settings.kafka.topic_prefix, settings.kafka.topic_suffix),
            overlay: active.overlay.clone(),
        }
    }

    fn cells(&self) -> [String; 7] {
        let overlay = self.overlay.clone().unwrap_or_else(|| "none".to_owned());
        let (permissive, lock) = (self.permissive.to_string(), self.training_lock.to_string());
        [self.mode.to_owned(), self.enforcement.to_owned(), permissive, lock, self.somabrain.clone(), self.topics.clone(), overlay]
    }
}

/// Prints the list; each mode with its own overlay, or all with the one that is named.
pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    let modes = Mode::ALL.iter().map(|mode| args.files.load(*mode)).collect::<anyhow::Result<Vec<_>>>()?;
    let lines: Vec<Line> = modes.iter().map(Line::of).collect();
    match args.output {
        Form::Table => {
            let mut table = table(Line::HEADER);
            lines.iter().for_each(|line| drop(table.add_row(line.cells())));
            println!("{table}");
            modes.iter().for_each(warn);
        }
        Form::Json => println!("{}", serde_json::to_string_pretty(&lines)?),
        Form::Jsonl => lines.iter().try_for_each(|line| serde_json::to_string(line).map(|line| println!("{line}")))?,
        Form::Csv => {
            println!("{}", Line::HEADER.join(","));
            lines.iter().for_each(|line| println!("{}", line.cells().map(|cell| csv(&cell)).join(",")));
        }
    }
    Ok(())
}

/// A cell as RFC 4180 has it, and no formula for a spreadsheet.
fn csv(cell: &str) -> String {
    let inert = if cell.starts_with(['=', '+', '-', '@']) { format!("'{cell}") } else { cell.to_owned() };
    if inert.contains([',', '"', '\n', '\r']) { format!("\"{}\"", inert.replace('"', "\"\"")) } else { inert }
}
