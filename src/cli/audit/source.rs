//! Where the records are: a journal, or ClickHouse, named on the command line or by two sections of the configuration. Reading needs no mode.

use crate::cli::clickhouse;
use anyhow::{Context as _, bail};
use audit::{Filter, Stories, Story};
use config::{ClickHouse, Trail, Transport};
use journal::{Cursor, Reader, Stored};
use peers::clickhouse::{Client, trail};
use record::Row;
use std::path::{Path, PathBuf};
use tokio::runtime::Runtime;

/// Records that are read from a journal at once.
const JOURNAL_RECORDS: usize = 4096;
/// Bytes of records that are read from a journal at once.
const JOURNAL_BYTES: usize = 16 << 20;

/// Where the records are.
#[derive(clap::Args)]
pub(super) struct Source {
    /// The configuration: its `audit.clickhouse`, else its `journal.dir` is read, and nothing else of it
    #[arg(long, value_name = "FILE", default_value = "toolgate.yaml")]
    config: PathBuf,
    /// Read this journal
    #[arg(long, value_name = "DIR", conflicts_with_all = ["clickhouse", "user", "password_file", "database", "roots"])]
    journal: Option<PathBuf>,
    /// Read this ClickHouse, without a configuration: the URL of its HTTP interface
    #[arg(long, value_name = "URL")]
    clickhouse: Option<String>,
    /// The user of ClickHouse, instead of the configuration's
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// The file with that user's password
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// The database of the audit tables
    #[arg(long, value_name = "NAME")]
    database: Option<String>,
    /// The PEM file of the authorities of ClickHouse's certificate
    #[arg(long, value_name = "FILE")]
    roots: Option<PathBuf>,
}

/// A place that can be read.
pub(super) enum Place {
    Journal(Reader),
    ClickHouse { client: Box<Client>, runtime: Runtime },
}

impl Source {
    /// Finds the place; nothing is read of it yet.
    pub(super) fn open(&self) -> anyhow::Result<Place> {
        if let Some(dir) = &self.journal {
            return Place::journal(dir);
        }
        let server = match &self.clickhouse {
            Some(url) => ClickHouse::at(url, self.roots.clone()).map_err(|why| anyhow::anyhow!("{why} (`--clickhouse`, `--roots`)"))?,
            None => match self.configured()? {
                Trail { clickhouse: Some(server), .. } => server,
                Trail { clickhouse: None, journal } => return self.journal_alone(&journal),
            },
        };
        let client = Box::new(clickhouse::client(&self.as_whom(server)?)?);
        Ok(Place::ClickHouse { client, runtime: tokio::runtime::Builder::new_current_thread().enable_all().build()? })
    }

    fn configured(&self) -> anyhow::Result<Trail> {
        anyhow::ensure!(
            self.config.symlink_metadata().is_ok(),
            "the configuration `{}` is not there: name it with `--config FILE`, or the records with `--clickhouse URL` or `--journal DIR`",
            self.config.display()
        );
        Trail::read(&self.config).map_err(|problems| {
            let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
            anyhow::anyhow!("where the records are cannot be read:\n{}", lines.join("\n"))
        })
    }

    fn journal_alone(&self, dir: &Path) -> anyhow::Result<Place> {
        if self.user.is_some() || self.password_file.is_some() || self.database.is_some() || self.roots.is_some() {
            bail!("`{}` names no `audit.clickhouse`: name it with `--clickhouse URL`, too", self.config.display());
        }
        Place::journal(dir)
    }

    /// The command line's words over the configuration's. Another user has no password until one is named.
    fn as_whom(&self, mut server: ClickHouse) -> anyhow::Result<ClickHouse> {
        if let Some(user) = &self.user {
            server.password_file = None;
            server.user.clone_from(user);
        }
        if let Some(file) = &self.password_file {
            server.password_file = Some(file.clone());
        }
        if let Some(database) = &self.database {
            server.database.clone_from(database);
        }
        match (&self.roots, &server.tls) {
            (Some(roots), Transport::Tls { .. }) => server.tls = Transport::Tls { roots: roots.clone() },
            (Some(_), Transport::Plain) => bail!("`audit.clickhouse.url` is plain HTTP, which asks no authority: leave `--roots` out"),
            (None, _) => {}
        }
        Ok(server)
    }
}

impl Place {
    fn journal(dir: &Path) -> anyhow::Result<Self> {
        let reader = Reader::open(dir).with_context(|| {
            format!("no journal can be read in `{}`: has toolgate run here, or should `--journal DIR` name another", dir.display())
        })?;
        Ok(Self::Journal(reader))
    }

    /// The newest calls, oldest first.
    pub(super) fn calls(&self, filter: &Filter, most: usize) -> anyhow::Result<Vec<Story>> {
        match self {
            Self::Journal(reader) => {
                let mut stories = Stories::new(filter);
                records_after(reader, Cursor::default(), |stored| {
                    stories.take(record::read(&stored.envelope)?);
                    Ok(())
                })?;
                Ok(stories.newest(most))
            }
            Self::ClickHouse { client, runtime } => Ok(runtime.block_on(trail::calls(client, filter, most))?),
        }
    }

    /// What became of the permissions that were signed for a refused call, in the order of the log.
    pub(super) fn answers(&self, id: &str) -> anyhow::Result<Vec<Row>> {
        match self {
            Self::Journal(reader) => {
                let mut rows = Vec::new();
                records_after(reader, Cursor::default(), |stored| {
                    let row = record::read(&stored.envelope)?;
                    if row.kind == "permission" && row.decision_id.as_deref() == Some(id) {
                        rows.push(row);
                    }
                    Ok(())
                })?;
                Ok(rows)
            }
            Self::ClickHouse { client, runtime } => Ok(runtime.block_on(trail::answers(client, id))?),
        }
    }

    /// Every record of one call in the order of the log: envelope and body.
    pub(super) fn records(&self, id: &str) -> anyhow::Result<Vec<(Vec<u8>, Vec<u8>)>> {
        match self {
            Self::Journal(reader) => {
                let mut records = Vec::new();
                records_after(reader, Cursor::default(), |stored| {
                    if record::read(&stored.envelope)?.call.as_deref() == Some(id) {
                        records.push((stored.envelope, stored.body));
                    }
                    Ok(())
                })?;
                Ok(records)
            }
            Self::ClickHouse { client, runtime } => Ok(runtime.block_on(trail::records(client, id))?),
        }
    }
}

/// Every record of a journal after `cursor`, in order; gives the place of the last. The journal may be in use.
pub(super) fn records_after(
    reader: &Reader,
    mut cursor: Cursor,
    mut take: impl FnMut(Stored) -> anyhow::Result<()>,
) -> anyhow::Result<Cursor> {
    loop {
        let records = reader.read_after(cursor, JOURNAL_RECORDS, JOURNAL_BYTES)?;
        let Some(last) = records.last().map(|stored| stored.cursor) else { return Ok(cursor) };
        cursor = last;
        for stored in records {
            take(stored)?;
        }
    }
}
