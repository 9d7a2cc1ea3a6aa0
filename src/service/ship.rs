//! Bringing the journal's records to ClickHouse, round by round, until the process stops and as long after as it may.

use super::House;
use crate::cli::clickhouse;
use peers::clickhouse::delivery::{Delivery, Failure, Round};
use std::mem::discriminant;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Ships until `stop`, then once more what is left, for at most `grace`. Gives how many records are not delivered.
pub(crate) async fn ship_until(house: Arc<House>, stop: CancellationToken, grace: Duration) -> u64 {
    let Some(client) = house.config.audit.clickhouse.as_ref() else { return 0 };
    let client = match clickhouse::client(client) {
        Ok(client) => client,
        Err(error) => {
            tracing::error!(%error, "nothing is delivered to ClickHouse");
            stop.cancelled().await;
            return house.journal.stats().unread;
        }
    };
    let mut delivery = Delivery::new(house.journal.clone(), client, house.config.audit.delivery.clone());
    let mut failing = None;
    while !stop.is_cancelled() {
        // A round that is given up acknowledges nothing: what it sent is read back by the next one, or by the next start.
        let more = tokio::select! {
            () = stop.cancelled() => break,
            more = round(&house, &mut delivery, &mut failing) => more,
        };
        if !more {
            let pause = delivery.pause(uuid::Uuid::new_v4().as_u64_pair().0);
            // Cancelled or over: the loop looks.
            let _ = tokio::time::timeout(pause, stop.cancelled()).await;
        }
    }
    let last = async {
        while house.journal.stats().unread > 0 {
            // The journal keeps what ClickHouse does not take now: an end is not held up for it.
            if !round(&house, &mut delivery, &mut failing).await && failing.is_some() {
                return;
            }
        }
    };
    let _ = tokio::time::timeout(grace, last).await;
    house.journal.stats().unread
}

/// One round; whether there is more to do at once.
async fn round(house: &House, delivery: &mut Delivery, failing: &mut Option<Failure>) -> bool {
    match delivery.round().await {
        Ok(round) => {
            if failing.take().is_some() {
                tracing::info!("records reach ClickHouse again");
            }
            let (count, more) = match round {
                Round::More(count) => (count, true),
                Round::Done(count) => (count, false),
            };
            house.metrics.records_delivered.inc_by(count as u64);
            more
        }
        Err(failure) => {
            house.metrics.delivery_failures.inc();
            if failing.as_ref().is_some_and(|known| alike(known, &failure)) {
                tracing::debug!(%failure, "records still do not reach ClickHouse");
            } else {
                tracing::error!(%failure, "records do not reach ClickHouse: the journal keeps them");
            }
            *failing = Some(failure);
            false
        }
    }
}

/// Whether two failures are of one sort. Each new sort is said once: behind a server that was away may stand one that hides records.
fn alike(one: &Failure, other: &Failure) -> bool {
    if let (Failure::ClickHouse(one), Failure::ClickHouse(other)) = (one, other) {
        return discriminant(one) == discriminant(other);
    }
    discriminant(one) == discriminant(other)
}
