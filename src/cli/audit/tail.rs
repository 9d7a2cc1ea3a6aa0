//! `toolgate audit tail`: calls as they end. Reads what came after what it has read, never the whole trail again.

use super::Wanted;
use super::source::{Place, Source, records_after};
use crate::cli::say::say;
use crate::cli::table;
use crate::service::wall;
use audit::table::{COLUMNS, ID_CHARS_MIN, Line};
use audit::{Story, Tail};
use journal::{Cursor, Reader};
use peers::clickhouse::Client;
use peers::clickhouse::trail::{Mark, after};
use std::process::ExitCode;
use std::time::Duration;
use tokio::runtime::Runtime;

/// How often it looks.
const EVERY: Duration = Duration::from_millis(500);
/// Records that are read from ClickHouse at once.
const PAGE_RECORDS: usize = 10_000;
/// How long an insert may take from the time that ClickHouse writes down until others see it.
const VISIBLE_AFTER: Duration = Duration::from_secs(10);
/// How wide each of `COLUMNS` is; with one space between them a line has 100.
const WIDTHS: [u16; 9] = [14, 8, 7, 8, 16, 5, 7, 17, 10];

/// Calls as they come.
#[derive(clap::Args)]
pub(in crate::cli) struct Args {
    #[command(flatten)]
    source: Source,
    #[command(flatten)]
    wanted: Wanted,
    /// One JSON object a line instead of columns
    #[arg(long)]
    json: bool,
}

/// Follows the trail; a call is printed once it has ended, or was refused. Ends with the process.
pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let mut filter = args.wanted.filter();
    anyhow::ensure!(filter.until.is_none(), "`audit tail` has no end, so it takes no `--until`: `toolgate audit query` does");
    let from_now = filter.since.is_none();
    filter.since = filter.since.or_else(|| Some(wall()));
    let (mut tail, json) = (Tail::new(filter), args.json);
    let place = args.source.open()?;
    if !json {
        say!("{}", table::line(&WIDTHS, &COLUMNS.map(str::to_uppercase)));
    }
    match &place {
        Place::Journal(reader) => of_journal(reader, &mut tail, from_now, json),
        Place::ClickHouse { client, runtime } => of_clickhouse(client, runtime, &mut tail, json),
    }
}

fn of_journal(reader: &Reader, tail: &mut Tail, from_now: bool, json: bool) -> anyhow::Result<ExitCode> {
    let newest = if from_now { reader.newest()? } else { None };
    let mut cursor = newest.map_or_else(Cursor::default, |stored| stored.cursor);
    loop {
        cursor =
            records_after(reader, cursor, |stored| tail.take(record::read(&stored.envelope)?).map_or(Ok(()), |story| tell(&story, json)))?;
        std::thread::sleep(EVERY);
    }
}

fn of_clickhouse(client: &Client, runtime: &Runtime, tail: &mut Tail, json: bool) -> anyhow::Result<ExitCode> {
    let (mut mark, mut newest) = (Mark::default(), Mark::default());
    loop {
        let (rows, last) = runtime.block_on(after(client, tail.filter(), &mark, PAGE_RECORDS))?;
        let more = rows.len() == PAGE_RECORDS;
        for story in rows.into_iter().filter_map(|row| tail.take(row)) {
            tell(&story, json)?;
        }
        newest = newest.max(last.clone());
        mark = if more { last } else { newest.before(VISIBLE_AFTER) };
        if !more {
            std::thread::sleep(EVERY);
        }
    }
}

fn tell(story: &Story, json: bool) -> anyhow::Result<()> {
    let line = Line::of(story);
    if json {
        say!("{}", serde_json::to_string(&line)?);
    } else {
        say!("{}", table::line(&WIDTHS, &line.cells(ID_CHARS_MIN)));
    }
    Ok(())
}
