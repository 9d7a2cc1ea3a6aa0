//! `toolgate audit`: which calls were made, by whom, what was decided and why, what happened then. Read from ClickHouse, or from the journal.

mod show;

use super::run::Files;
use super::say::{put, say};
use super::{clickhouse, table};
use crate::service::wall;
use anyhow::Context as _;
use audit::table::{COLUMNS, Line, csv};
use audit::{Filter, Instant, Stories, Story};
use clap::Subcommand;
use config::Mode;
use journal::{Cursor, Reader};
use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

/// Records that are read from a journal at once.
const JOURNAL_RECORDS: usize = 4096;
/// Bytes of records that are read from a journal at once.
const JOURNAL_BYTES: usize = 16 << 20;
/// How often `tail` looks.
const TAIL_EVERY: Duration = Duration::from_millis(500);

/// Commands about the audit trail.
#[derive(Subcommand)]
pub(super) enum Command {
    /// List calls
    #[command(after_help = "Example:\n  toolgate audit query --since 1h --verdict deny -o table")]
    Query(QueryArgs),
    /// List calls as they come
    #[command(after_help = "Example:\n  toolgate audit tail --tenant acme")]
    Tail(TailArgs),
    /// Show everything that is recorded of one call
    #[command(after_help = "Example:\n  toolgate audit show 01a21002-1e63-770d-a35c-8b09e2d1fd5a")]
    Show(show::Args),
}

/// Where the records are.
#[derive(clap::Args)]
struct Source {
    #[command(flatten)]
    files: Files,
    /// Read this journal instead of ClickHouse
    #[arg(long, value_name = "DIR")]
    journal: Option<PathBuf>,
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
    #[arg(long, value_parser = ["allow", "deny", "error"])]
    verdict: Option<String>,
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

/// Calls as they come.
#[derive(clap::Args)]
pub(super) struct TailArgs {
    #[command(flatten)]
    source: Source,
    #[command(flatten)]
    wanted: Wanted,
    /// One JSON object a line instead of words
    #[arg(long)]
    json: bool,
}

/// Runs a command.
pub(super) fn run(command: &Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Query(args) => query(args),
        Command::Tail(args) => tail(args),
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
            verdict: self.verdict.clone(),
            done: self.done.clone(),
            reason: self.reason.clone(),
            mode: self.mode.map(|mode| mode.name().to_owned()),
        }
    }
}

impl Source {
    /// The newest calls, oldest first: from the journal that is named, else from ClickHouse, else from the configuration's journal.
    fn calls(&self, filter: &Filter, most: usize) -> anyhow::Result<Vec<Story>> {
        if let Some(dir) = &self.journal {
            return of_journal(dir, filter, most);
        }
        let config = self.files.load()?;
        if config.audit.clickhouse.is_none() {
            return of_journal(&config.journal.dir, filter, most);
        }
        let client = clickhouse::of(&config)?;
        runtime()?.block_on(peers::clickhouse::trail::calls(&client, filter, most)).map_err(Into::into)
    }
}

fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_current_thread().enable_all().build()?)
}

fn of_journal(dir: &Path, filter: &Filter, most: usize) -> anyhow::Result<Vec<Story>> {
    let mut stories = Stories::new(filter);
    each_record(dir, |stored| {
        stories.take(record::read(&stored.envelope)?);
        Ok(())
    })?;
    Ok(stories.newest(most))
}

/// Every record of a journal, in order. The journal may be in use.
fn each_record(dir: &Path, mut take: impl FnMut(journal::Stored) -> anyhow::Result<()>) -> anyhow::Result<()> {
    let reader = Reader::open(dir).with_context(|| {
        format!("no journal can be read in `{}`: has toolgate run here, or should `--journal DIR` name another", dir.display())
    })?;
    let mut cursor = Cursor::default();
    loop {
        let records = reader.read_after(cursor, JOURNAL_RECORDS, JOURNAL_BYTES)?;
        let Some(last) = records.last().map(|stored| stored.cursor) else { return Ok(()) };
        cursor = last;
        for stored in records {
            take(stored)?;
        }
    }
}

fn query(args: &QueryArgs) -> anyhow::Result<ExitCode> {
    let lines: Vec<Line> = args.source.calls(&args.wanted.filter(), args.limit)?.iter().map(Line::of).collect();
    match args.output {
        table::Form::Table if lines.is_empty() => say!("no such calls"),
        table::Form::Table => {
            say!("{}", table::table(&COLUMNS, lines.iter().map(|line| line.cells().to_vec())));
            if let Some(newest) = lines.last() {
                eprintln!("\nall that is recorded of the newest: toolgate audit show {} (`-o jsonl` has every id)", newest.id);
            }
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

/// Looks again and again; a call is printed once it has ended, or was refused. Ends with the process.
fn tail(args: &TailArgs) -> anyhow::Result<ExitCode> {
    let mut filter = args.wanted.filter();
    filter.since = filter.since.or_else(|| Some(wall()));
    let mut told: HashSet<String> = HashSet::new();
    loop {
        for story in args.source.calls(&filter, 1000)? {
            let line = Line::of(&story);
            let ended = story.outcome.is_some() || line.done == "refuse";
            if !ended || !told.insert(line.id.clone()) {
                continue;
            }
            if args.json {
                say!("{}", serde_json::to_string(&line)?);
            } else {
                say!("{}", line.cells().iter().filter(|cell| !cell.is_empty()).cloned().collect::<Vec<_>>().join("  "));
            }
        }
        std::thread::sleep(TAIL_EVERY);
    }
}
