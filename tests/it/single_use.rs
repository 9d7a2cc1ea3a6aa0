//! A person's permission lets one call through: whatever races for it, across kill -9, restarts and a clock that is set back.

use crate::ledger::Ledger;
use crate::notes::{self, delete};
use crate::peers::{ClickHouse, Folder, Recorder, command, run};
use crate::sidecar::{Sidecar, decision};
use std::hash::{BuildHasher, RandomState};
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::sync::{Barrier, mpsc};
use std::time::Duration;

/// Callers that present one permission at once.
const CALLERS: usize = 32;
/// Permissions, each raced for and cut off by a kill.
const RACES: usize = 6;
/// For one answer, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn a_permission_lets_one_call_through_however_many_race_and_whenever_it_is_killed() {
    let (recorder, clickhouse) = (Recorder::start(), ClickHouse::start());
    let (mut sidecar, at) = notes::begin_with_key(&recorder, &clickhouse);
    for race in 0..RACES {
        let note = format!("race-{race}");
        let token = permission(&sidecar, at, &note);
        let passed = killed_in_a_race(&mut sidecar, at, &note, &token, RandomState::new().hash_one(race) as usize % CALLERS);
        sidecar.toolgate.restart();
        let later = [Some(token.as_str()), None, Some(token.as_str())].map(|token| delete(at, &note, token).unwrap().status);
        let passed = passed + later.iter().filter(|status| **status == 200).count();
        assert!(passed <= 1, "{note}: {passed} callers were let through; after the restart {later:?}");
        assert_eq!(later[2], 403, "{note}: what is used stays used");
        used_once(&notes::ledger(&sidecar), &recorder, &note, &token);
    }
    let ledger = notes::end(&mut sidecar);
    let lost = ledger.rows().iter().filter(|row| row.reasons.iter().any(|code| code == "toolgate.permission.used")).count();
    assert!(lost > RACES, "nobody came second: {lost}");
    ledger.is_in(&clickhouse);
}

/// A used permission, and one that was never used: neither passes while the clock is behind what is recorded, and the used one never again.
#[test]
fn a_clock_that_is_set_back_revives_nothing() {
    let (recorder, clickhouse) = (Recorder::start(), ClickHouse::start());
    let (mut sidecar, at) = notes::begin_with_key(&recorder, &clickhouse);
    let (used, fresh) = (permission(&sidecar, at, "used"), permission(&sidecar, at, "fresh"));
    assert_eq!(delete(at, "used", Some(&used)).unwrap().status, 200);
    for (name, value) in [("LD_PRELOAD", "/usr/$LIB/faketime/libfaketime.so.1"), ("FAKETIME", "-1h"), ("FAKETIME_DONT_FAKE_MONOTONIC", "1")]
    {
        sidecar.toolgate.set_env(name, value);
    }
    restarted(&mut sidecar);
    for (note, token) in [("used", &used), ("fresh", &fresh)] {
        refused(&sidecar, at, note, token, "toolgate.permission.clock");
    }
    sidecar.toolgate.set_env("FAKETIME", "+1s");
    restarted(&mut sidecar);
    refused(&sidecar, at, "used", &used, "toolgate.permission.used");
    assert_eq!(delete(at, "fresh", Some(&fresh)).unwrap().status, 200, "it was good all the time");
    sidecar.toolgate.set_env("FAKETIME", "+1d");
    restarted(&mut sidecar);
    for note in ["used", "fresh"] {
        refused(&sidecar, at, note, if note == "used" { &used } else { &fresh }, "toolgate.permission.expired");
    }
    sidecar.toolgate.set_env("FAKETIME", "+0s");
    restarted(&mut sidecar);
    for (note, token) in [("used", &used), ("fresh", &fresh)] {
        refused(&sidecar, at, note, token, "toolgate.permission.clock");
    }
    assert_eq!(recorder.received().len(), 2, "each note was deleted once");
    notes::end(&mut sidecar).is_one_chain();
}

/// The key is at a desk that no toolgate can be reached from: the refusal comes in a file or a pipe, the permission goes back.
#[test]
fn a_person_signs_where_no_toolgate_is() {
    let (recorder, clickhouse) = (Recorder::start(), ClickHouse::start());
    let (mut sidecar, at) = notes::begin_with_key(&recorder, &clickhouse);
    let id = decision(&delete(at, "desk", None).unwrap());
    let (folder, desk, admin) = (sidecar.toolgate.folder(), Folder::new("desk"), ["--admin", "unix:admin.sock"]);
    let refusal = said(folder, &[&["permission", "refusal", "--decision", &id][..], &admin].concat());
    assert!(refusal.contains(&id) && refusal.contains("arguments_digest"), "{refusal}");
    desk.write("refusal.json", &refusal);
    desk.write("half.json", refusal.lines().next().unwrap());
    desk.write("other.json", "{}");
    std::fs::copy(folder.path().join("maria.pem"), desk.path().join("maria.pem")).unwrap();
    let sign = ["permission", "sign", "--kind", "override", "--key", "maria.pem", "--reason", "a desk", "--yes"];
    for (more, why) in [
        (&["--refusal", "half.json"][..], "is not JSON"),
        (&["--refusal", "other.json"], "is no refusal"),
        (&["--refusal", "nowhere.json"], "cannot read the refusal from `nowhere.json`"),
        (&["--refusal", "refusal.json", "--deposit"], "--admin"),
        (&["--decision", &id], "--admin"),
        (&[], "--decision <ID>"),
    ] {
        let output = command(desk.path(), &[&sign, more].concat(), &[]);
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!((output.status.code(), told.contains(why)), (Some(2), true), "{more:?}: {told}");
    }
    let token = said(&desk, &[&sign[..], &["--refusal", "refusal.json"]].concat());
    folder.write("override.jwt", &token);
    said(folder, &[&["permission", "deposit", "override.jwt"][..], &admin].concat());
    assert_eq!(delete(at, "desk", None).unwrap().status, 200);
    let id = decision(&delete(at, "desk", None).unwrap());
    let piped = format!(
        "toolgate permission refusal --admin unix:admin.sock --decision {id} | toolgate {} --refusal - | toolgate permission deposit --admin unix:admin.sock -",
        sign.map(|word| format!("'{word}'")).join(" ")
    );
    let path = format!("{}:{}", Path::new(env!("CARGO_BIN_EXE_toolgate")).parent().unwrap().display(), std::env::var("PATH").unwrap());
    let output = run(Command::new("bash").args(["-o", "pipefail", "-c", &piped]).current_dir(folder.path()).env("PATH", path), PATIENCE);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(delete(at, "desk", None).unwrap().status, 200);
    notes::end(&mut sidecar).is_one_chain();
}

/// What a command prints; it must succeed.
fn said(folder: &Folder, arguments: &[&str]) -> String {
    let output = command(folder.path(), arguments, &[]);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn restarted(sidecar: &mut Sidecar) {
    sidecar.toolgate.kill9();
    sidecar.toolgate.restart();
}

/// The call is refused, and the permission's record says why.
fn refused(sidecar: &Sidecar, at: SocketAddr, note: &str, token: &str, code: &str) {
    let answer = delete(at, note, Some(token)).unwrap();
    let record = sidecar.record(&decision(&answer), "permission");
    assert_eq!((answer.status, &record["envelope"]["reasons"][0]), (403, &code.into()), "{note}");
}

/// A refused call, and the permission for it: signed, and deposited, too.
fn permission(sidecar: &Sidecar, at: SocketAddr, note: &str) -> String {
    let id = decision(&delete(at, note, None).unwrap());
    let (folder, admin) = (sidecar.toolgate.folder(), "unix:admin.sock");
    let signed = sidecar.sign_override(&id, "a race");
    assert!(signed.status.success(), "{}", String::from_utf8_lossy(&signed.stderr));
    let token = String::from_utf8(signed.stdout).unwrap().trim().to_owned();
    folder.write("override.jwt", &token);
    let deposited = command(folder.path(), &["permission", "deposit", "--admin", admin, "override.jwt"], &[]);
    assert!(deposited.status.success(), "{}", String::from_utf8_lossy(&deposited.stderr));
    token
}

/// All callers make the same call, every second one with the permission in its header; kill -9 after so many answers. How many were let through.
fn killed_in_a_race(sidecar: &mut Sidecar, at: SocketAddr, note: &str, token: &str, answers: usize) -> usize {
    let (ready, (tell, told)) = (Barrier::new(CALLERS), mpsc::channel());
    std::thread::scope(|scope| {
        for caller in 0..CALLERS {
            let (ready, tell) = (&ready, tell.clone());
            scope.spawn(move || {
                ready.wait();
                // A call that the kill cuts off was let through or not: the upstream knows.
                let status = delete(at, note, (caller % 2 == 0).then_some(token)).map(|answer| answer.status);
                // The count is over for those that come after the kill.
                let _ = tell.send(status);
            });
        }
        let mut seen: Vec<_> = (0..answers).map(|_| told.recv_timeout(PATIENCE).unwrap()).collect();
        sidecar.toolgate.kill9();
        seen.extend((answers..CALLERS).map(|_| told.recv_timeout(PATIENCE).unwrap()));
        seen.iter().filter(|status| matches!(status, Ok(200))).count()
    })
}

/// One use is recorded, its decision right after it, and nothing but that decision's call reached the upstream.
fn used_once(ledger: &Ledger, recorder: &Recorder, note: &str, token: &str) {
    let claimed = permission::peek(token, &permission::Settings::default()).unwrap();
    let uses: Vec<_> = ledger
        .rows()
        .iter()
        .filter(|row| row.action.as_deref() == Some("used") && row.decision_id.as_deref() == Some(&claimed.decision_id.to_string()))
        .collect();
    let [used] = uses.as_slice() else { panic!("{note}: the uses {uses:?}") };
    let decided = ledger.rows().iter().find(|row| row.writer == used.writer && row.seq == used.seq + 1).unwrap();
    assert_eq!((decided.kind.as_ref(), decided.done.as_deref(), &decided.call), ("decision", Some("forward"), &used.call), "{note}");
    let arrived: Vec<_> = recorder
        .received()
        .into_iter()
        .filter(|received| received.target == format!("/notes/{note}"))
        .map(|received| received.decision_id)
        .collect();
    let outcome = &ledger.forwarded()[used.call.as_deref().unwrap()].outcomes;
    match arrived.as_slice() {
        [id] => assert_eq!(Some(id), used.call.as_ref(), "{note}"),
        [] => assert_eq!(outcome.as_slice(), ["unknown"], "{note}: used and cut off before it left"),
        more => panic!("{note}: {more:?} arrived"),
    }
}
