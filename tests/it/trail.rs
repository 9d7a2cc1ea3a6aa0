//! The auditor's commands on a real trail: the same calls from ClickHouse and from the journal, in every form; the schema made twice.

mod places;
mod tails;

use crate::ledger::held;
use crate::notes::{self, delete, put};
use crate::peers::{AUDITOR, ClickHouse, Folder, OWNER, Recorder, ask, command, until};
use crate::sidecar::decision;
use audit::table::end;
use serde_json::Value;
use std::path::Path;
use std::time::Duration;

/// For a record to reach ClickHouse.
const SOON: Duration = Duration::from_secs(60);
/// The widest line of a table.
const COLUMNS_MAX: usize = 100;

/// Another tenant's notes.
const ACME: &str = "{name: acme, listener: pod, prefix: /acme, upstream: notes, protocol: http, tenant: acme, tools: [{method: POST, path: '/acme/{id}', tool: notes.put}]}";

/// Writes `<user>.yaml`: the sidecar's configuration for another user of ClickHouse.
fn configure(folder: &Folder, (user, password): (&str, &str)) -> String {
    let text = std::fs::read_to_string(folder.path().join("toolgate.yaml")).unwrap();
    folder.write(&format!("{user}.password"), password);
    let name = format!("{user}.yaml");
    folder.write(
        &name,
        text.replace("user: writer, password_file: writer.password", &format!("user: {user}, password_file: {user}.password")),
    );
    name
}

/// What a command prints; it must succeed.
fn said(folder: &Path, arguments: &[&str]) -> String {
    // Only the schema depends on the mode: how long rows are kept.
    let mode = if arguments[0] == "migrate" { &[("SOMA_AGENT_MODE", "PRODUCTION")][..] } else { &[] };
    let output = command(folder, arguments, mode);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_schema_is_made_twice_and_the_trail_reads_the_same_from_both_places() {
    let (recorder, clickhouse) = (Recorder::start(), ClickHouse::start());
    let (plan, at) = notes::plan_with_key(&recorder, &clickhouse);
    let mut sidecar = plan.route(ACME).start("LOCAL");
    let folder = sidecar.toolgate.folder().path().to_owned();
    let (owner, auditor) = (configure(sidecar.toolgate.folder(), OWNER), configure(sidecar.toolgate.folder(), AUDITOR));

    let schema = || {
        ["audit_events", "audit_bodies", "tool_calls"]
            .map(|table| clickhouse.query(OWNER, &format!("SHOW CREATE TABLE toolgate.{table}")).unwrap())
    };
    let as_owner = ["--user", OWNER.0, "--password-file", &format!("{}.password", OWNER.0)];
    assert!(said(&folder, &[&["migrate", "--config", &auditor][..], &as_owner].concat()).contains("the schema is in place"));
    let first = schema();
    assert!(said(&folder, &["migrate", "--config", &owner]).contains("the schema is in place"));
    assert_eq!(schema(), first, "a second migration changes nothing");

    assert_eq!(delete(at, "warned", None).unwrap().status, 200, "LOCAL warns");
    sidecar.toolgate.sigterm();
    sidecar.toolgate.set_env("SOMA_AGENT_MODE", "PRODUCTION");
    sidecar.toolgate.restart();
    let answers = [put(at, "one"), put(at, "two"), delete(at, "kept", None).unwrap()];
    assert_eq!(answers.each_ref().map(|answer| answer.status), [200, 200, 403]);
    let acme = ask(&at.into(), hyper::Request::post("/acme/three").header("content-type", "application/json"), b"{}".to_vec()).unwrap();
    assert_eq!(acme.status, 200, "{}", acme.text());
    let kept = decision(&answers[2]);
    said(
        &folder,
        &[
            "permission",
            "sign",
            "--admin",
            "unix:admin.sock",
            "--decision",
            &kept,
            "--kind",
            "override",
            "--key",
            "maria.pem",
            "--reason",
            "tidy",
            "--deposit",
            "--yes",
        ],
    );
    assert_eq!(delete(at, "kept", None).unwrap().status, 200, "a person signed");
    until("every record to be in ClickHouse", SOON, || {
        let ledger = notes::ledger(&sidecar);
        let ended = ledger.forwarded().values().all(|call| !call.outcomes.is_empty());
        (ended && held(&clickhouse) == ledger.keys()).then_some(())
    });

    filters(&folder, &auditor);
    forms(&folder, &auditor);
    shown(&folder, &auditor, &kept);

    places::every_way_to_name_them_reads_the_same(&folder, &clickhouse, &calls(&folder, &auditor, &[]));
    places::a_page_begins_after_the_last(&folder, &clickhouse);
    tails::tell_each_call_once(sidecar.toolgate.folder(), &auditor, &kept, at);
    notes::end(&mut sidecar).is_in(&clickhouse);
}

/// The calls that a query gives as JSON, from ClickHouse; the journal must give the same.
fn calls(folder: &Path, config: &str, filter: &[&str]) -> Vec<Value> {
    let query = ["audit", "query", "-o", "json", "--config", config];
    let clickhouse = said(folder, &[&query, filter].concat());
    let journal = said(folder, &[&query, filter, &["--journal", "journal"]].concat());
    assert_eq!(clickhouse, journal, "{filter:?}");
    serde_json::from_str(&clickhouse).unwrap()
}

fn filters(folder: &Path, config: &str) {
    let all = calls(folder, config, &[]);
    let times: Vec<&str> = all.iter().map(|call| call["time"].as_str().unwrap()).collect();
    assert!(times.is_sorted() && times.len() == 6, "{times:?}");
    for (filter, expected) in [
        (["--tenant", "acme"], 1),
        (["--tenant", "default"], 5),
        (["--subject", "spiffe://example.org/ns/agents/sa/agent"], 6),
        (["--subject", "agent"], 6),
        (["--subject", "gent"], 0),
        (["--tool", "notes.delete"], 3),
        (["--would", "deny"], 3),
        (["--verdict", "allow"], 3),
        (["--done", "refuse"], 1),
        (["--reason", "notes.kept"], 3),
        (["--reason", "toolgate.denied"], 2),
        (["--mode", "LOCAL"], 1),
        (["--since", times[1]], 5),
        (["--until", times[1]], 1),
        (["--since", "1h"], 6),
        (["--until", "1h"], 0),
        (["--limit", "2"], 2),
    ] {
        let found = calls(folder, config, &filter);
        assert_eq!(found.len(), expected, "{filter:?}: {found:#?}");
    }
    assert_eq!(calls(folder, config, &["--limit", "2"]), all[4..], "the newest");
    assert_eq!(calls(folder, config, &["--tool", "notes.delete", "--mode", "PRODUCTION", "--done", "forward"]).len(), 1, "filters add up");
    let signed = all.iter().filter(|call| call["signer"] != "").count();
    assert_eq!(signed, 1, "one call rests on a signature");
}

fn forms(folder: &Path, config: &str) {
    let all = calls(folder, config, &[]);
    let form = |form: &str| said(folder, &["audit", "query", "--config", config, "-o", form]);
    let lines: Vec<Value> = form("jsonl").lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines, all);
    let csv = form("csv");
    assert_eq!(csv.lines().count(), all.len() + 1);
    assert!(csv.lines().all(|line| line.split("\",\"").count() == 16), "{csv}");
    let table = form("table");
    for line in table.lines() {
        assert!(line.chars().count() <= COLUMNS_MAX, "{} columns: {line}", line.chars().count());
    }
    for call in &all {
        let id = call["id"].as_str().unwrap();
        assert!(csv.contains(id) && table.contains(end(id, 8)), "{call} in\n{table}");
    }
    for word in ["TIME", "OUTCOME", "notes.kept", "acme", "completed", "refuse"] {
        assert!(table.contains(word), "`{word}` is not in\n{table}");
    }
}

fn shown(folder: &Path, config: &str, id: &str) {
    for more in [&[][..], &["--json"]] {
        let show = [&["audit", "show", "--config", config, id], more].concat();
        let clickhouse = said(folder, &show);
        assert_eq!(clickhouse, said(folder, &[&show[..], &["--journal", "journal"]].concat()));
        let short = [&["audit", "show", "--config", config, end(id, 8)], more].concat();
        assert_eq!(clickhouse, said(folder, &short));
        assert_eq!(clickhouse, said(folder, &[&short[..], &["--journal", "journal"]].concat()));
        assert!(clickhouse.contains("notes are not deleted") && clickhouse.contains(id), "{clickhouse}");
    }
    let lifted = &calls(folder, config, &["--tool", "notes.delete", "--mode", "PRODUCTION", "--done", "forward"])[0]["id"];
    let lifted = lifted.as_str().unwrap();
    for (id, words) in [
        (
            id,
            vec![
                "reason     notes.kept: notes are not deleted",
                "answered   deposited at ",
                &format!("answered   used with the call {lifted} at "),
            ],
        ),
        (lifted, vec!["signed     override by maria@example.org (key ", "): tidy", &format!("answers    the refusal {id}")]),
    ] {
        for source in [&["--config", config][..], &["--journal", "journal"]] {
            let told = said(folder, &[&["audit", "show", id][..], source].concat());
            assert!(words.iter().all(|word| told.contains(word)), "{words:?} in\n{told}");
        }
    }
    for (part, code, why) in [
        ("01a21002-1e63-770d-a35c-8b09e2d1fd5a", 1, "no record"),
        ("0123456789ab", 1, "no record"),
        ("ab1", 2, "at least 4"),
        ("notes.put", 2, "no id"),
    ] {
        for source in [&["--config", config][..], &["--journal", "journal"]] {
            let output = command(folder, &[&["audit", "show", part], source].concat(), &[]);
            let told = String::from_utf8_lossy(&output.stderr).into_owned();
            assert_eq!((output.status.code(), told.contains(why)), (Some(code), true), "{part}: {told}");
        }
    }
}
