//! Who calls, over real TLS, local sockets and user tokens: the good are known, everybody else is told why not, and what is believed may change at any time.

mod own;
mod page;
mod person;
mod reach;
mod spelling;

use crate::peers::pki::Issued;
use crate::peers::{Authority, Recorder, Stunnel, Wrong};
use crate::sidecar::{ALLOW, Plan, Sidecar, decision, header, post_json};
use serde_json::{Value, json};
use std::net::SocketAddr;

/// The path of an agent's SVID.
const AGENT_PATH: &str = "/ns/agents/sa/coder";
const OWN_PATH: &str = "/ns/tools/sa/toolgate";
/// The one tool.
const TOOL: &str = "/tools/note";

/// A sidecar with a listener for certificates, before a recorder.
fn fleet(authority: &Authority, recorder: &Recorder, mode: &str) -> (Sidecar, SocketAddr) {
    let plan = Plan::new("identity", ALLOW).upstream("notes", recorder.address()).clickhouse_away();
    let (plan, at) = plan.mtls("fleet", &authority.svid(OWN_PATH), authority);
    let route =
        format!("{{name: notes, listener: fleet, upstream: notes, protocol: http, tools: [{{method: POST, path: {TOOL}, tool: note}}]}}");
    (plan.route(route).start(mode), at)
}

fn note(at: SocketAddr) -> crate::peers::Answer {
    post_json(at, TOOL, &[], &json!({"text": "hello"}))
}

/// The call is answered by 401 with this reason, for its caller and in its record.
fn is_unknown(sidecar: &Sidecar, answer: &crate::peers::Answer, code: &str) -> Value {
    let told = format!("{code}: {answer:?} {}", answer.text());
    assert_eq!((answer.status, header(answer, "www-authenticate").is_empty()), (401, false), "{told}");
    assert!(answer.text().contains(code) && answer.text().contains(&decision(answer)), "{told}");
    let record = sidecar.record(&decision(answer), "decision");
    let envelope = &record["envelope"];
    assert_eq!((&envelope["done"], &envelope["status"]), (&json!("refuse"), &json!(401)), "{told} {record}");
    assert!(envelope["reasons"].as_array().unwrap().contains(&json!(code)), "{told} {record}");
    record
}

#[test]
fn a_good_svid_is_known_and_every_other_certificate_is_refused_with_its_reason() {
    let (authority, recorder) = (Authority::new("example.org"), Recorder::start());
    let (sidecar, at) = fleet(&authority, &recorder, "PRODUCTION");
    let call = |own: &Issued| note(Stunnel::client(own, authority.bundle(), at).address());

    let good = call(&authority.svid(AGENT_PATH));
    assert_eq!(good.status, 200, "{}", good.text());
    let record = sidecar.record(&decision(&good), "decision");
    assert_eq!(record["envelope"]["workload"], authority.id(AGENT_PATH), "{record}");

    let reason = |wrong| match wrong {
        Wrong::Expired => "toolgate.identity.expired",
        Wrong::NotYet => "toolgate.identity.not_yet_valid",
        Wrong::TwoNames => "toolgate.identity.several_uris",
        Wrong::NoName | Wrong::DnsOnly => "toolgate.identity.no_uri",
        Wrong::OtherScheme => "toolgate.identity.bad_id",
        Wrong::IsAuthority => "toolgate.identity.authority",
        Wrong::ServerOnly => "toolgate.identity.extended_key_usage",
    };
    for wrong in Wrong::ALL {
        let record = is_unknown(&sidecar, &call(&authority.wrong(wrong, AGENT_PATH)), reason(wrong));
        assert!(record["envelope"]["workload"].is_null(), "{wrong:?}: {record}");
    }
    let elsewhere = Authority::new("elsewhere.example").svid(AGENT_PATH);
    is_unknown(&sidecar, &call(&elsewhere), "toolgate.identity.trust_domain");
    let stranger = Authority::new("example.org").svid(AGENT_PATH);
    is_unknown(&sidecar, &call(&stranger), "toolgate.identity.unknown_authority");
    let nobody = note(Stunnel::anonymous(authority.bundle(), at).address());
    is_unknown(&sidecar, &nobody, "toolgate.identity.no_certificate");
    assert_eq!(recorder.received().len(), 1, "the good one alone");
}

#[test]
fn a_permissive_mode_lets_nobody_unknown_in_from_elsewhere() {
    let (authority, recorder) = (Authority::new("example.org"), Recorder::start());
    let (sidecar, at) = fleet(&authority, &recorder, "LOCAL");
    let nobody = note(Stunnel::anonymous(authority.bundle(), at).address());
    is_unknown(&sidecar, &nobody, "toolgate.identity.no_certificate");
    assert!(recorder.received().is_empty());
}

#[test]
fn certificates_and_trust_rotate_while_it_serves() {
    let (old, new, recorder) = (Authority::new("example.org"), Authority::new("example.org"), Recorder::start());
    let (sidecar, at) = fleet(&old, &recorder, "PRODUCTION");
    let pid = sidecar.toolgate.pid();
    let (old_agent, new_agent) = (old.svid(AGENT_PATH), new.svid(AGENT_PATH));
    // One agent each, by which authority of toolgate it believes.
    let hop = |agent: &Issued, believes: &Authority| Stunnel::client(agent, believes.bundle(), at);
    let ask = |hop: &Stunnel| crate::peers::post(hop.address(), TOOL, &[("content-type", "application/json")], "{}");
    let believes_old = hop(&old_agent, &old);
    assert_eq!(ask(&believes_old).unwrap().status, 200);

    let before = sidecar.records().len();
    let reloaded = |from: usize, material: &'static str| {
        sidecar.await_record(from, material, |record| {
            let envelope = &record["envelope"];
            envelope["kind"] == "key" && envelope["action"] == "reload" && envelope["material"] == material
        })
    };
    new.svid(OWN_PATH).write(sidecar.toolgate.folder().path(), "svid");
    reloaded(before, "certificate");
    let believes_new = hop(&old_agent, &new);
    assert_eq!(ask(&believes_new).unwrap().status, 200, "toolgate shows its new certificate");
    assert!(ask(&believes_old).is_err(), "and the old one no more");

    let newcomer = hop(&new_agent, &new);
    is_unknown(&sidecar, &ask(&newcomer).unwrap(), "toolgate.identity.unknown_authority");
    let before = sidecar.records().len();
    sidecar.toolgate.folder().write("bundle.pem", [old.bundle(), new.bundle()].concat());
    reloaded(before, "trust");
    assert_eq!((ask(&newcomer).unwrap().status, ask(&believes_new).unwrap().status), (200, 200), "both while the fleet changes over");
    let before = sidecar.records().len();
    sidecar.toolgate.folder().write("bundle.pem", new.bundle());
    reloaded(before, "trust");
    assert_eq!(ask(&newcomer).unwrap().status, 200);
    is_unknown(&sidecar, &ask(&believes_new).unwrap(), "toolgate.identity.unknown_authority");
    let before = sidecar.records().len();
    sidecar.toolgate.folder().write("bundle.pem", "no certificate");
    sidecar.await_record(before, "the bad bundle", |record| record["envelope"]["action"] == "reject");
    assert_eq!((ask(&newcomer).unwrap().status, sidecar.toolgate.pid()), (200, pid), "the last good one stays, without a restart");
}
