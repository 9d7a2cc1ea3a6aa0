//! From the journal into ClickHouse: sent at least once, read back, and only then acknowledged. As a set keyed by (writer, seq, leaf) each record is there once.
//!
//! No answer of an insert is believed, good or bad: what counts is what can be read back. Where a whole answer is missing the old query is
//! first made dead, then the range is read back, then what is missing is sent. Nothing here is on the path of a call.

use super::rows::{Reader, Writer};
use super::{Client, Error};
use bytes::Bytes;
use journal::{Cursor, Journal, Stored};
use std::collections::{BTreeMap, HashSet};
use std::time::{Duration, Instant};

/// How records are batched and retried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Records of one batch at the most.
    pub batch_records_max: usize,
    /// Bytes of one batch at the most; one larger record goes alone.
    pub batch_bytes_max: usize,
    /// How long a record waits for company, in milliseconds.
    pub batch_age_ms: u64,
    /// The first pause after a failure, in milliseconds; it doubles with each further one.
    pub retry_ms: u64,
    /// The longest such pause, in milliseconds.
    pub retry_ms_max: u64,
    /// After a start of toolgate or of ClickHouse, records acknowledged within so many seconds before are read back again.
    pub recheck_s: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            batch_records_max: 10_000,
            batch_bytes_max: 16 << 20,
            batch_age_ms: 1000,
            retry_ms: 200,
            retry_ms_max: 30_000,
            recheck_s: 600,
        }
    }
}

/// Why a round ended without an acknowledgement.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// ClickHouse.
    #[error(transparent)]
    ClickHouse(#[from] Error),
    /// It took the records and does not show them: a row policy, a quota, a token or a TTL may hide or drop them.
    #[error(
        "{missing} of {sent} records were taken by ClickHouse and cannot be read back: look for a row policy, a TTL or missing rights of the writer"
    )]
    Vanished {
        /// How many are not there.
        missing: usize,
        /// How many were sent.
        sent: usize,
    },
    /// The journal.
    #[error("cannot read or mark the journal: {0}")]
    Journal(String),
}

/// What one round did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Round {
    /// So many records were read back and acknowledged, and there may be more at once.
    More(usize),
    /// The same, and the journal is delivered up to now.
    Done(usize),
}

/// Delivers one journal.
pub struct Delivery {
    journal: Journal,
    client: Client,
    settings: Settings,
    /// Up to here everything was read back by this process.
    cursor: Option<Cursor>,
    /// Whether what comes next may be there already.
    suspect: bool,
    /// For how many seconds ClickHouse had run, and when it said so.
    uptime: Option<(u64, Instant)>,
    failures: u32,
}

impl Delivery {
    /// Nothing is sent before the first round.
    #[must_use]
    pub const fn new(journal: Journal, client: Client, settings: Settings) -> Self {
        Self { journal, client, settings, cursor: None, suspect: true, uptime: None, failures: 0 }
    }

    /// How long to wait before the next round; `jitter` is a random number.
    #[must_use]
    pub fn pause(&self, jitter: u64) -> Duration {
        if self.failures == 0 {
            return Duration::from_millis(self.settings.batch_age_ms);
        }
        let doubled = self.settings.retry_ms.saturating_mul(1 << self.failures.min(20).saturating_sub(1));
        let longest = doubled.min(self.settings.retry_ms_max);
        // Half of it fixed, half random: a fleet does not come back at one moment.
        Duration::from_millis(longest / 2 + jitter.checked_rem(longest / 2 + 1).unwrap_or_default())
    }

    /// One batch: read, send, read back, acknowledge. After a failure nothing is acknowledged, and the next round begins with a read-back.
    ///
    /// # Errors
    /// As [`Failure`] says; the journal keeps what was not acknowledged.
    pub async fn round(&mut self) -> Result<Round, Failure> {
        let ended = self.attempt().await;
        if ended.is_ok() {
            self.failures = 0;
        } else {
            self.failures = self.failures.saturating_add(1);
            self.suspect = true;
        }
        if let Err(Failure::ClickHouse(Error::Unreachable { .. } | Error::Unknown { .. })) = &ended {
            // It may have been restarted meanwhile, sooner than its uptime in whole seconds can tell.
            self.cursor = None;
        }
        ended
    }

    async fn attempt(&mut self) -> Result<Round, Failure> {
        self.notice_restart().await?;
        let after = match self.cursor {
            Some(cursor) => cursor,
            None => self.recheck_from().await?,
        };
        let (most, bytes) = (self.settings.batch_records_max, self.settings.batch_bytes_max);
        let batch = self.of_journal(move |journal| journal.reader().read_after(after, most, bytes)).await?;
        let Some(last) = batch.last().map(|stored| stored.cursor) else {
            self.cursor = Some(after);
            self.suspect = false;
            return Ok(Round::Done(0));
        };
        self.place(&batch).await?;
        let journal = self.journal.clone();
        journal.acknowledge(last).await.map_err(|error| Failure::Journal(error.to_string()))?;
        self.cursor = Some(last);
        Ok(if batch.len() < most { Round::Done(batch.len()) } else { Round::More(batch.len()) })
    }

    /// After a restart of ClickHouse an acknowledgement may not hold any more: what was read back lately is looked at again.
    async fn notice_restart(&mut self) -> Result<(), Failure> {
        let asked = Instant::now();
        let answer = self.client.query("SELECT toUInt64(uptime()) FORMAT RowBinary", &[]).await?;
        let uptime = Reader::new(&answer).number()?;
        // Measured by clocks that nobody sets. It runs for at least as long as it then said and as has passed since; each is cut to a second.
        if self
            .uptime
            .is_some_and(|(before, at)| uptime.saturating_add(1) < before.saturating_add(asked.saturating_duration_since(at).as_secs()))
        {
            self.cursor = None;
            self.suspect = true;
        }
        self.uptime = Some((uptime, Instant::now()));
        Ok(())
    }

    async fn recheck_from(&self) -> Result<Cursor, Failure> {
        let back = i64::try_from(self.settings.recheck_s).unwrap_or(i64::MAX).saturating_mul(1_000_000);
        self.of_journal(move |journal| {
            let at = canon::Micros(journal.now().at.0.saturating_sub(back));
            journal.reader().acknowledged_before(at)
        })
        .await
    }

    /// The journal's reader blocks on the disk.
    async fn of_journal<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Journal) -> Result<T, journal::ReadError> + Send + 'static,
    ) -> Result<T, Failure> {
        let journal = self.journal.clone();
        tokio::task::spawn_blocking(move || read(&journal))
            .await
            .map_err(|error| Failure::Journal(error.to_string()))?
            .map_err(|error| Failure::Journal(error.to_string()))
    }

    /// Makes every record of the batch readable in ClickHouse.
    async fn place(&mut self, batch: &[Stored]) -> Result<(), Failure> {
        let mut missing: Vec<&Stored> = batch.iter().collect();
        if self.suspect {
            missing = self.missing(batch).await?;
        }
        if missing.is_empty() {
            return Ok(());
        }
        let sent = missing.len();
        self.send("audit_events", "(writer, seq, leaf, raw)", &missing, events(&missing)).await?;
        self.send("audit_bodies", "(writer, seq, leaf, salt, body)", &missing, bodies(&missing)).await?;
        // crash here: the rows may be there and are not acknowledged; the next start reads them back and sends none twice that it finds.
        let missing = self.missing(batch).await?.len();
        if missing > 0 {
            return Err(Failure::Vanished { missing, sent });
        }
        self.suspect = false;
        Ok(())
    }

    async fn send(&self, table: &str, columns: &str, batch: &[&Stored], rows: Bytes) -> Result<(), Failure> {
        let insert = format!("INSERT INTO {}.{table} {columns} FORMAT RowBinary", self.client.database());
        let query_id = query_id(table, batch);
        let options = [
            ("query_id", query_id.as_str()),
            ("insert_deduplicate", "0"),
            ("async_insert", "0"),
            ("max_insert_block_size", "10000000"),
            ("min_insert_block_size_rows", "0"),
            ("min_insert_block_size_bytes", "0"),
        ];
        match self.client.insert(&insert, &options, rows).await {
            Ok(_) => Ok(()),
            Err(error @ Error::Unknown { .. }) => {
                self.kill(&query_id).await;
                Err(error.into())
            }
            Err(error @ (Error::Unreachable { .. } | Error::Refused { .. } | Error::Shape(_) | Error::Password { .. })) => {
                Err(error.into())
            }
        }
    }

    /// An insert whose answer was lost may still run and land later. It would do no harm (its rows are the same), but the read-back would be
    /// asked too early. Where the kill itself fails the read-back decides all the same.
    async fn kill(&self, query_id: &str) {
        if let Err(error) = self.client.query("KILL QUERY WHERE query_id = {id:String} SYNC", &[("id", query_id)]).await {
            tracing::debug!(%error, query_id, "an insert of unknown outcome could not be ended");
        }
    }

    /// The records of the batch that cannot be read back, with envelope and body.
    async fn missing<'a>(&self, batch: &'a [Stored]) -> Result<Vec<&'a Stored>, Failure> {
        let mut by_writer: BTreeMap<String, Vec<&Stored>> = BTreeMap::new();
        for stored in batch {
            by_writer.entry(stored.writer.to_string()).or_default().push(stored);
        }
        let mut missing = Vec::new();
        for (writer, records) in by_writer {
            let seqs = records.iter().map(|stored| stored.seq.0);
            let (first, last) = (seqs.clone().min().unwrap_or_default().to_string(), seqs.max().unwrap_or_default().to_string());
            let events = self.present("audit_events", &writer, &first, &last).await?;
            let bodies = self.present("audit_bodies", &writer, &first, &last).await?;
            missing.extend(records.into_iter().filter(|stored| {
                let key = (stored.seq.0, stored.leaf.0);
                !events.contains(&key) || !bodies.contains(&key)
            }));
        }
        Ok(missing)
    }

    async fn present(&self, table: &str, writer: &str, first: &str, last: &str) -> Result<HashSet<(u64, [u8; 32])>, Failure> {
        let sql = format!(
            "SELECT seq, leaf FROM {}.{table} WHERE writer = {{writer:String}} AND seq BETWEEN {{first:UInt64}} AND {{last:UInt64}} FORMAT RowBinary",
            self.client.database()
        );
        let answer = self.client.query(&sql, &[("writer", writer), ("first", first), ("last", last)]).await?;
        let (mut rows, mut present) = (Reader::new(&answer), HashSet::new());
        while !rows.is_empty() {
            present.insert((rows.number()?, rows.fixed()?));
        }
        Ok(present)
    }
}

/// The same batch has the same id, so that its unknown end can be waited for.
fn query_id(table: &str, batch: &[&Stored]) -> String {
    let ends =
        [batch.first(), batch.last()].map(|stored| stored.map(|stored| format!("{}/{}", stored.writer, stored.seq)).unwrap_or_default());
    format!(
        "toolgate-{table}-{}-{}-{}",
        ends.concat().replace('/', "-"),
        batch.len(),
        canon::Digest::of(&batch.iter().map(|stored| stored.leaf.0.as_slice()).collect::<Vec<_>>())
    )
}

fn events(batch: &[&Stored]) -> Bytes {
    let mut rows = Writer::default();
    for stored in batch {
        rows.string(stored.writer.to_string().as_bytes()).number(stored.seq.0).fixed(&stored.leaf.0).string(&stored.envelope);
    }
    rows.into_bytes().into()
}

fn bodies(batch: &[&Stored]) -> Bytes {
    let mut rows = Writer::default();
    for stored in batch {
        rows.string(stored.writer.to_string().as_bytes())
            .number(stored.seq.0)
            .fixed(&stored.leaf.0)
            .fixed(&stored.salt)
            .string(&stored.body);
    }
    rows.into_bytes().into()
}
