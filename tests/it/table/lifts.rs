//! What a person's signature lifts in the strict levels, in the header and deposited, once.

use super::signer::{Signer, claims, jwks};
use super::{
    ALLOWED, BROKEN, DENIED, DENIED_FOR_GOOD, NEEDS_APPROVAL, SENSITIVE, STRICT_MODES, Then, Upstreams, WAYS, Way, call, call_with, check,
    mcp, sidecar,
};
use crate::peers::{get, post};
use crate::sidecar::{Sidecar, decision};
use permission::{Kind, Role};
use serde_json::json;
use std::net::SocketAddr;

/// What is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Signed {
    Approval,
    Override,
    BreakGlass,
}

/// How it comes to toolgate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    Header,
    Deposit,
}

/// A block, what is signed for it, and whether that lifts it in `strict` and in `fail_closed`.
const LIFTS: [(&str, &str, Signed, [bool; 2]); 11] = [
    (NEEDS_APPROVAL, "toolgate.approval_required", Signed::Approval, [true, true]),
    (NEEDS_APPROVAL, "toolgate.approval_required", Signed::Override, [false, false]),
    (SENSITIVE, "toolgate.sensitive", Signed::Approval, [true, true]),
    (SENSITIVE, "toolgate.sensitive", Signed::Override, [false, false]),
    (DENIED, "toolgate.denied", Signed::Approval, [true, false]),
    (DENIED, "toolgate.denied", Signed::Override, [true, true]),
    (DENIED, "toolgate.denied", Signed::BreakGlass, [false, false]),
    (DENIED_FOR_GOOD, "toolgate.denied", Signed::Override, [false, false]),
    (DENIED_FOR_GOOD, "toolgate.denied", Signed::Approval, [false, false]),
    (BROKEN, "toolgate.error", Signed::BreakGlass, [false, true]),
    (BROKEN, "toolgate.error", Signed::Override, [false, false]),
];

#[test]
fn a_signature_lifts_what_the_table_says_and_lets_one_call_through() {
    let upstreams = Upstreams::start();
    let maria = Signer::new("maria@example.org", &[Role::Approver, Role::Override, Role::BreakGlass]);
    let mut lifted = 0;
    for (number, mode) in STRICT_MODES.into_iter().enumerate() {
        let (sidecar, at) = sidecar(&upstreams, mode, |plan| {
            plan.folder().write("keys.json", jwks(&[&maria]));
            plan.more("permissions: {keys: keys.json}")
        });
        for way in WAYS {
            for by in [By::Header, By::Deposit] {
                for (tool, code, signed, lifts) in LIFTS {
                    // The mode asks for no approval of a sensitive tool: there is nothing to lift.
                    if mode == "PRODUCTION" && tool == SENSITIVE {
                        continue;
                    }
                    let story = Story { sidecar: &sidecar, at, mode, way, by, tool, code };
                    lifted += usize::from(story.told(&maria, signed, lifts[number]));
                }
            }
        }
    }
    assert_eq!(lifted, (4 + 3) * WAYS.len() * 2);
}

/// One refused call and the permission that answers it.
struct Story<'a> {
    sidecar: &'a Sidecar,
    at: SocketAddr,
    mode: &'a str,
    way: Way,
    by: By,
    tool: &'a str,
    code: &'static str,
}

impl Story<'_> {
    /// Refused, signed for, tried again, and once more. Gives whether it was lifted.
    fn told(&self, maria: &Signer, signed: Signed, lifts: bool) -> bool {
        // Arguments of its own, so that no other story's permission fits.
        let arguments = json!({"story": uuid::Uuid::new_v4().to_string()});
        let again = |more: &[(&str, &str)]| call_with(self.at, self.way, self.tool, &arguments, more);
        let what = format!("{} {signed:?} by {:?}", self.tool, self.by);
        let judge = |answer, then| check(self.sidecar, &answer, (self.mode, self.way, &what), then);

        let refused = again(&[]);
        let first = decision(&refused);
        judge(refused, Then::Refuse(self.code));
        let mut claims = claims_where_answerable(self.sidecar, &first, maria);
        let Some(claims) = claims.as_mut() else {
            assert!(!lifts, "{what}: nothing can be signed for it");
            return false;
        };
        let kind = match signed {
            Signed::Approval => Kind::Approval,
            Signed::Override => Kind::Override,
            Signed::BreakGlass => {
                claims.lifts = vec!["error".to_owned()];
                Kind::Override
            }
        };
        let token = maria.sign(kind, claims);
        let header = [("toolgate-permission", token.as_str())];
        let more: &[(&str, &str)] = match self.by {
            By::Header => &header,
            By::Deposit => {
                let deposited = post(self.sidecar.admin.clone(), "/v1/permissions", &[], token.as_str()).unwrap();
                assert!(deposited.status == 201 || !lifts, "{what}: {}", deposited.text());
                &[]
            }
        };
        let second = again(more);
        let id = decision(&second);
        assert!(!self.sidecar.record(&id, "decision").to_string().contains(&token), "a permission is in no record");
        if !lifts {
            judge(second, Then::Refuse(self.code));
            return false;
        }
        let record = judge(second, Then::Forward);
        let envelope = &record["envelope"];
        assert_eq!(
            (&envelope["permission_jti"], &envelope["permission_iss"]),
            (&json!(claims.jti), &json!(maria.person())),
            "{what}: {record}"
        );
        let used = self.sidecar.record(&id, "permission");
        assert_eq!((&used["envelope"]["action"], &used["envelope"]["decision_id"]), (&json!("used"), &json!(first)), "{what}: {used}");

        let third = again(more);
        let id = decision(&third);
        judge(third, Then::Refuse(self.code));
        if self.by == By::Header {
            let rejected = self.sidecar.record(&id, "permission");
            assert_eq!(rejected["envelope"]["action"], "rejected", "{what}: {rejected}");
            assert_eq!(rejected["envelope"]["reasons"], json!(["toolgate.permission.used"]), "{what}: {rejected}");
        }
        true
    }
}

/// The claims for a refusal, if it is one that a person can answer.
fn claims_where_answerable(sidecar: &Sidecar, id: &str, maria: &Signer) -> Option<permission::Claims> {
    let known = crate::peers::get(sidecar.admin.clone(), &format!("/v1/refusals/{id}")).unwrap().status == 200;
    known.then(|| claims(sidecar, id, &maria.person()))
}

#[test]
fn a_permission_fits_what_stands_beside_the_arguments_too() {
    let upstreams = Upstreams::start();
    let maria = Signer::new("maria@example.org", &[Role::Override]);
    let (sidecar, at) = sidecar(&upstreams, "PRODUCTION", |plan| {
        plan.folder().write("keys.json", jwks(&[&maria]));
        plan.more("permissions: {keys: keys.json}")
    });
    let ask = |ttl: u32, more: &[(&str, &str)]| {
        mcp(at, more, Some(7), "tools/call", json!({"name": DENIED, "arguments": {}, "task": {"ttl": ttl}}))
    };
    let refused = decision(&ask(1, &[]));
    let token = maria.sign(Kind::Override, &claims(&sidecar, &refused, &maria.person()));
    let header = [("toolgate-permission", token.as_str())];
    let story = |answer, then| check(&sidecar, &answer, ("PRODUCTION", Way::Mcp, "beside the arguments"), then);
    let record = story(ask(2, &header), Then::Refuse("toolgate.denied"));
    let rejected = sidecar.record(record["envelope"]["call"].as_str().unwrap(), "permission");
    assert_eq!(rejected["envelope"]["reasons"], json!(["toolgate.permission.arguments"]), "{rejected}");
    story(ask(1, &header), Then::Forward);
}

#[test]
fn a_permission_of_another_kind_is_not_kept_and_keeps_none_from_being_tried() {
    let upstreams = Upstreams::start();
    let maria = Signer::new("maria@example.org", &[Role::Approver, Role::Override]);
    let (sidecar, at) = sidecar(&upstreams, "PRODUCTION", |plan| {
        plan.folder().write("keys.json", jwks(&[&maria]));
        plan.more("permissions: {keys: keys.json}")
    });
    let refused = decision(&call(at, Way::Http, NEEDS_APPROVAL));
    let [other, right] = [Kind::Override, Kind::Approval].map(|kind| maria.sign(kind, &claims(&sidecar, &refused, &maria.person())));
    let deposit = |token: &str| post(sidecar.admin.clone(), "/v1/permissions", &[], token.to_owned()).unwrap();
    let kept = deposit(&other);
    assert_eq!(kept.status, 422);
    for word in ["toolgate.permission.kind", "an approval (`--kind approval`)"] {
        assert!(kept.text().contains(word), "{}", kept.text());
    }
    assert_eq!(deposit(&right).status, 201);
    // The one in the header is valid, and lifts nothing; the one that waits does.
    let header = [("toolgate-permission", other.as_str())];
    let again = call_with(at, Way::Http, NEEDS_APPROVAL, &json!({}), &header);
    let record = check(&sidecar, &again, ("PRODUCTION", Way::Http, "two permissions"), Then::Forward);
    let used = sidecar.record(record["envelope"]["call"].as_str().unwrap(), "permission");
    assert_eq!(used["envelope"]["action"], "used", "{used}");
}

#[test]
fn a_permission_fits_one_set_of_arguments_however_it_is_written() {
    let upstreams = Upstreams::start();
    let maria = Signer::new("maria@example.org", &[Role::Override]);
    let (sidecar, at) = sidecar(&upstreams, "PRODUCTION", |plan| {
        plan.folder().write("keys.json", jwks(&[&maria]));
        plan.more("permissions: {keys: keys.json}")
    });
    let (one, other) = (json!({"amount": 1}), json!({"amount": 2}));
    let refused = decision(&call_with(at, Way::Http, DENIED, &one, &[]));
    let token = maria.sign(Kind::Override, &claims(&sidecar, &refused, &maria.person()));
    let header = [("toolgate-permission", token.as_str())];
    let story = |answer, then| check(&sidecar, &answer, ("PRODUCTION", Way::Http, "arguments"), then);
    story(call_with(at, Way::Http, DENIED, &other, &header), Then::Refuse("toolgate.denied"));
    // The same value written in another way is the same set of arguments.
    let headers = [("content-type", "application/json"), ("toolgate-permission", token.as_str())];
    story(post(at, &format!("/tools/{DENIED}"), &headers, "{ \"amount\" : 1.0 }").unwrap(), Then::Forward);
    story(call(at, Way::Http, ALLOWED), Then::Forward);
    assert_eq!(upstreams.recorder.received().len(), 2);
}

#[test]
fn a_refusal_is_found_by_the_end_of_its_id_and_where_there_is_none_it_is_said_why() {
    let upstreams = Upstreams::start();
    let (sidecar, at) = sidecar(&upstreams, "PRODUCTION", |plan| plan);
    let asked = |tool| decision(&call(at, Way::Mcp, tool));
    let (refused, for_good, forwarded) = (asked(DENIED), asked(DENIED_FOR_GOOD), asked(ALLOWED));
    let end = |id: &str| id.get(id.len() - 8..).unwrap().to_owned();
    let refusal = |id: &str| {
        let folder = sidecar.toolgate.folder().path();
        let output = crate::peers::command(folder, &["permission", "refusal", "--admin", "unix:admin.sock", "--decision", id], &[]);
        String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
    };
    let nobodys = "01890a5d-ac96-774b-bcce-b302099a8057".to_owned();
    for (id, words) in [
        (&refused, format!("\"decision_id\": \"{refused}\"")),
        (&forwarded, format!("the call {forwarded} was not refused: it went through")),
        (&for_good, format!("no permission lifts the refusal {for_good} (case.reason, toolgate.denied)")),
        (&nobodys, "knows no such decision".to_owned()),
    ] {
        for part in [id.clone(), end(id), end(id).to_uppercase()] {
            let told = refusal(&part);
            assert!(told.contains(&words), "{part}: {told}");
        }
    }
    for no_end in ["7", "none", &format!("{refused}0")] {
        assert!(refusal(no_end).contains("a decision's id is a uuid, or the end of one"), "{no_end}: {}", refusal(no_end));
    }
}

/// What is kept for a permission that may never come is small, whatever the agent calls.
#[test]
fn a_refusal_of_a_name_that_is_too_long_can_not_be_answered() {
    let upstreams = Upstreams::start();
    let (sidecar, at) = sidecar(&upstreams, "PRODUCTION", |plan| {
        plan.folder().write("policies/toolgate.rego", "package toolgate\n\ndecision := false\n");
        plan
    });
    for (bytes, status) in [(512, 200), (513, 404)] {
        let refused = call(at, Way::Mcp, &"t".repeat(bytes));
        let answer = get(sidecar.admin.clone(), &format!("/v1/refusals/{}", decision(&refused))).unwrap();
        assert_eq!(answer.status, status, "{bytes} bytes: {}", answer.text());
    }
}
