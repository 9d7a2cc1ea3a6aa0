//! `toolgate audit`: which calls were made, by whom, what was decided and why, what happened then. Read from ClickHouse, or from the journal.

mod show;
mod source;
mod summary;
mod tail;

use super::say::{put, say};
use super::table;
use crate::service::wall;
use audit::table::{COLUMNS, Line, csv, telling_apart};
use audit::{Filter, Instant};
use clap::Subcommand;
use config::Mode;
use source::Source;
use std::process::ExitCode;

/// Commands about the audit trail.
#[derive(Subcommand)]
pub(super) enum Command {
    /// List calls
    #[command(
        after_help = "Examples:\n  toolgate audit query --since 1h --would deny\n  toolgate audit query --clickhouse https://clickhouse:8443 --roots ca.crt --user auditor \\\n    --password-file auditor.password"
    )]
    Query(QueryArgs),
    /// List calls as they come
    #[command(after_help = "Example:\n  toolgate audit tail --tenant acme")]
    Tail(tail::Args),
    /// Show everything that is recorded of one call
    #[command(after_help = "Example:\n  toolgate audit show e2d1fd5a    # the end of an id, as the tables show it")]
    Show(show::Args),
}

/// Which calls.
#[derive(clap::Args)]
struct Wanted {
    /// From then on: `2026-01-02`, `2026-01-02T03:04:05Z`, or `30m`, `12h`, `7d` ago
    #[arg(long, value_name = "TIME")]
    since: Option<Instant>,
    /// Before then
    #[arg(long, value_name = "TIME")]
    until: Option<Instant>,
    /// The tenant
    #[arg(long)]
    tenant: Option<String>,
    /// The workload: its SPIFFE id, or the end of it after a `/`
    #[arg(long)]
    subject: Option<String>,
    /// The tool, or the method of a call without one
    #[arg(long)]
    tool: Option<String>,
    /// What the policy would do
    #[arg(long, alias = "verdict", value_parser = ["allow", "deny", "error"])]
    would: Option<String>,
    /// What was done
    #[arg(long, value_parser = ["forward", "refuse"])]
    done: Option<String>,
    /// A reason or warning code
    #[arg(long)]
    reason: Option<String>,
    /// The runtime mode
    #[arg(long)]
    mode: Option<Mode>,
}

/// A list of calls.
#[derive(clap::Args)]
pub(super) struct QueryArgs {
    #[command(flatten)]
    source: Source,
    #[command(flatten)]
    wanted: Wanted,
    /// The newest so many
    #[arg(long, value_name = "COUNT", default_value = "100")]
    limit: usize,
    /// The form
    #[arg(short, long, value_name = "FORM", value_enum, default_value = "table")]
    output: table::Form,
}

/// Runs a command.
pub(super) fn run(command: &Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Query(args) => query(args),
        Command::Tail(args) => tail::run(args),
        Command::Show(args) => show::run(args),
    }
}

impl Wanted {
    fn filter(&self) -> Filter {
        let now = wall();
        Filter {
            since: self.since.map(|instant| instant.from(now)),
            until: self.until.map(|instant| instant.from(now)),
            call: None,
            tenant: self.tenant.clone(),
            subject: self.subject.clone(),
            tool: self.tool.clone(),
            verdict: self.would.clone(),
            done: self.done.clone(),
            reason: self.reason.clone(),
            mode: self.mode.map(|mode| mode.name().to_owned()),
        }
    }
}

fn query(args: &QueryArgs) -> anyhow::Result<ExitCode> {
    let lines: Vec<Line> = args.source.open()?.calls(&args.wanted.filter(), args.limit)?.iter().map(Line::of).collect();
    match args.output {
        table::Form::Table if lines.is_empty() => say!("no such calls"),
        table::Form::Table => {
            let ids: Vec<&str> = lines.iter().map(|line| line.id.as_str()).collect();
            let chars = telling_apart(&ids);
            say!("{}", table::table(&COLUMNS, lines.iter().map(|line| line.cells(chars).to_vec())));
            eprintln!("\nall that is recorded of one: `toolgate audit show ID`; `-o jsonl` has the whole ids");
        }
        table::Form::Json => say!("{}", serde_json::to_string_pretty(&lines)?),
        table::Form::Jsonl => {
            for line in &lines {
                say!("{}", serde_json::to_string(line)?);
            }
        }
        table::Form::Csv => {
            put!("{}", csv(&Line::FIELDS.map(str::to_owned)));
            for line in &lines {
                put!("{}", csv(&line.fields()));
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}
