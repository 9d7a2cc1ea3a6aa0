//! ClickHouse away, frozen, killed, refusing, slow, forgetful: calls go on, and in the end it holds exactly what the journal holds.

use crate::ledger::copies;
use crate::notes::{self, metric, put};
use crate::peers::{ClickHouse, OWNER, Recorder, WRITER, until};
use crate::sidecar::Sidecar;
use std::net::SocketAddr;
use std::time::Duration;

/// For what takes ClickHouse or a back-off a while.
const SOON: Duration = Duration::from_secs(60);
/// Calls of one step.
const CALLS: usize = 10;

/// ClickHouse misses its first records, then its answers, then its life.
#[test]
fn clickhouse_away_frozen_or_killed_stops_no_call_and_loses_no_record() {
    let (recorder, mut clickhouse) = (Recorder::start(), ClickHouse::start());
    notes::make_tables(&clickhouse);
    clickhouse.kill9();
    let (plan, at) = notes::plan(&recorder, &clickhouse);
    let mut sidecar = plan.start("PRODUCTION");
    failing(&sidecar, at, 0, "cannot reach ClickHouse");
    let told = sidecar.toolgate.lines().len();
    clickhouse.restart();
    delivered(&sidecar, &clickhouse);

    clickhouse.stop();
    failing(&sidecar, at, told, "no whole answer from ClickHouse");
    clickhouse.cont();
    delivered(&sidecar, &clickhouse);

    clickhouse.kill9();
    calls(at);
    clickhouse.restart();
    delivered(&sidecar, &clickhouse);
    notes::end(&mut sidecar).is_in(&clickhouse);
}

/// An acknowledgement is believed for as long as the server lives: what a power cut took from it comes again.
#[test]
fn what_a_restarted_clickhouse_lost_after_its_acknowledgement_comes_again() {
    let (recorder, mut clickhouse) = (Recorder::start(), ClickHouse::start());
    let (mut sidecar, at) = notes::begin(&recorder, &clickhouse);
    calls(at);
    delivered(&sidecar, &clickhouse);
    for table in ["audit_events", "audit_bodies"] {
        // A mutation, not a truncation: what a truncation is still removing when its server is killed comes back broken.
        clickhouse.query(OWNER, &format!("ALTER TABLE toolgate.{table} DELETE WHERE 1 SETTINGS mutations_sync = 1")).unwrap();
    }
    let before = metric(&sidecar, "toolgate_records_delivered_total");
    calls(at);
    until("later records to be delivered", SOON, || (metric(&sidecar, "toolgate_records_delivered_total") > before).then_some(()));
    assert!(copies(&clickhouse) < notes::ledger(&sidecar).rows().len(), "without a restart there is no reason to look again");
    clickhouse.kill9();
    clickhouse.restart();
    delivered(&sidecar, &clickhouse);
    notes::end(&mut sidecar).is_in(&clickhouse);
}

/// The password file is read for every request: a rotation needs no restart.
#[test]
fn a_refused_password_is_retried_until_it_is_rotated() {
    let (recorder, clickhouse) = (Recorder::start(), ClickHouse::start());
    notes::make_tables(&clickhouse);
    let (plan, at) = notes::plan(&recorder, &clickhouse);
    plan.folder().write("writer.password", "wrong");
    let mut sidecar = plan.start("PRODUCTION");
    failing(&sidecar, at, 0, "ClickHouse refused with code 516");
    sidecar.toolgate.folder().write("writer.password", WRITER.1);
    delivered(&sidecar, &clickhouse);
    notes::end(&mut sidecar).is_in(&clickhouse);
}

/// Each insert takes longer than anybody waits for its answer: done and not known to be done.
#[test]
fn an_insert_that_outlasts_its_client_is_read_back_and_not_believed() {
    let (recorder, clickhouse) = (Recorder::start(), ClickHouse::start());
    let (mut sidecar, at) = notes::begin(&recorder, &clickhouse);
    calls(at);
    delivered(&sidecar, &clickhouse);
    clickhouse.query(OWNER, "CREATE TABLE toolgate.slow (one UInt8) ENGINE = ReplacingMergeTree ORDER BY one").unwrap();
    clickhouse
        .query(OWNER, "CREATE MATERIALIZED VIEW toolgate.slowly TO toolgate.slow AS SELECT sleep(3) AS one FROM toolgate.audit_events")
        .unwrap();
    failing(&sidecar, at, 0, "no whole answer from ClickHouse");
    clickhouse.query(OWNER, "DROP VIEW toolgate.slowly SYNC").unwrap();
    delivered(&sidecar, &clickhouse);
    notes::end(&mut sidecar).is_in(&clickhouse);
}

/// What was taken and cannot be read back is not delivered, whatever ClickHouse answered.
#[test]
fn a_record_that_clickhouse_takes_and_hides_is_noticed() {
    let (recorder, mut clickhouse) = (Recorder::start(), ClickHouse::start());
    let (mut sidecar, at) = notes::begin(&recorder, &clickhouse);
    calls(at);
    delivered(&sidecar, &clickhouse);
    let filter = "<clickhouse><users><writer><databases><toolgate><audit_events><filter>seq % 3 != 0</filter></audit_events></toolgate></databases></writer></users></clickhouse>";
    clickhouse.configure_users("hide.xml", filter);
    clickhouse.restart();
    failing(&sidecar, at, 0, "records were taken by ClickHouse and cannot be read back");
    clickhouse.configure_users("hide.xml", "<clickhouse/>");
    clickhouse.restart();
    delivered(&sidecar, &clickhouse);
    notes::end(&mut sidecar).is_in(&clickhouse);
}

/// Some calls, all let through.
fn calls(at: SocketAddr) {
    for number in 0..CALLS {
        let answer = put(at, &number.to_string());
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
}

/// Calls go on while records stay in the journal for the reason that the log gives, from line number `from` on.
fn failing(sidecar: &Sidecar, at: SocketAddr, from: usize, why: &str) {
    let before = metric(sidecar, "toolgate_delivery_failures_total");
    calls(at);
    let line = sidecar.toolgate.await_line(from, why);
    assert!(line.contains("records do not reach ClickHouse"), "{line}");
    until("a second failure", SOON, || (metric(sidecar, "toolgate_delivery_failures_total") >= before + 2.0).then_some(()));
    assert!(metric(sidecar, "toolgate_undelivered_records") > 0.0, "nothing is acknowledged meanwhile");
    calls(at);
}

/// Waits until nothing is undelivered and ClickHouse holds exactly what the journal holds.
fn delivered(sidecar: &Sidecar, clickhouse: &ClickHouse) {
    until("everything to be delivered", SOON, || {
        let keys = notes::ledger(sidecar).keys();
        (metric(sidecar, "toolgate_undelivered_records") == 0.0 && crate::ledger::held(clickhouse) == keys).then_some(())
    });
}
