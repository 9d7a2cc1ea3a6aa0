//! The decision's record, and the way out that it opens. Knows who waits for a record, not what it says.

use super::facts::Facts;
use super::stopped::{Refused, Stopped};
use crate::service::House;
use enforcement::{Rules, awaits_record};
use gate::{Clearance, Permit, Unclear};
use journal::{Entry, Waiting};
use std::sync::Arc;

impl From<Unclear> for Refused {
    fn from(unclear: Unclear) -> Self {
        match unclear {
            Unclear::Stopped(gate::Stopped(refusal)) => Self::Table(refusal),
            Unclear::Mixup(mixup) => Self::Mixup(mixup),
        }
    }
}

/// Records the decision and clears the call. It waits for the disk where the table refuses what is not recorded; elsewhere only for what changes
/// more than the log, and while the journal refuses entries, so that the answer can say so.
pub(super) async fn clear(house: &House, rules: &Rules, facts: &mut Facts, permit: Permit, entry: Entry) -> Result<Clearance, Stopped> {
    let waits = awaits_record(rules) || !entry.is_log_alone() || house.journal.is_refusing();
    let unrecorded = if waits {
        match house.metrics.timed(&house.metrics.commit_time, house.journal.append(entry)).await {
            Ok(receipt) => return Ok(permit.clear(receipt).map_err(Refused::Mixup)?),
            Err(unrecorded) => unrecorded,
        }
    } else {
        match house.journal.note(entry) {
            Ok((noted, waiting)) => {
                watch(house, waiting);
                return Ok(permit.clear_noted(rules, noted).map_err(Refused::from)?);
            }
            Err(unrecorded) => unrecorded,
        }
    };
    facts.unrecorded(&unrecorded)?;
    let why = unrecorded.to_string();
    let clearance = permit.clear_unrecorded(rules, unrecorded).map_err(|stopped| Refused::Table(stopped.0))?;
    house.losses.count(&why);
    Ok(clearance)
}

/// Counts the record as lost if the journal does not take it after all.
pub(super) fn watch(house: &House, waiting: Waiting) {
    let (losses, metrics) = (Arc::clone(&house.losses), Arc::clone(&house.metrics));
    tokio::spawn(async move {
        if let Err(unrecorded) = metrics.timed(&metrics.commit_time, waiting.told()).await {
            losses.count(&unrecorded.to_string());
        }
    });
}
