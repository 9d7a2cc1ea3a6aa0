//! The stricter of two parts wins.

use crate::{Approval, Decision, Obligation, Reason, Risk, Verdict};
use canon::json::Pointer;

fn part(verdict: Verdict, code: &str, risk: Option<Risk>, hard: bool) -> Decision {
    let reasons = vec![Reason { code: code.to_owned(), message: String::new() }];
    let obligations = vec![Obligation::Mask(vec![Pointer::parse("/a").unwrap()])];
    Decision {
        verdict,
        reasons,
        risk,
        sensitive: hard,
        approval: if hard { Approval::Required } else { Approval::NotRequired },
        overridable: !hard,
        obligations,
    }
}

#[test]
fn no_part_softens_another() {
    let verdicts = [Verdict::Allow, Verdict::Deny, Verdict::Error];
    for one in verdicts {
        for other in verdicts {
            let joined = part(one, "one", Some(Risk::Low), false).join(part(other, "other", Some(Risk::High), true));
            let expected = if one == Verdict::Error || other == Verdict::Error {
                Verdict::Error
            } else if one == Verdict::Deny || other == Verdict::Deny {
                Verdict::Deny
            } else {
                Verdict::Allow
            };
            assert_eq!(joined.verdict, expected, "{one:?} {other:?}");
            let codes = joined.reasons.iter().map(|reason| reason.code.as_str()).collect::<Vec<_>>();
            let wanted = match (one, other) {
                (Verdict::Allow, Verdict::Allow) => vec!["one", "other"],
                (Verdict::Allow, Verdict::Deny | Verdict::Error) => vec!["other"],
                (Verdict::Deny | Verdict::Error, Verdict::Allow) => vec!["one"],
                (Verdict::Deny | Verdict::Error, Verdict::Deny | Verdict::Error) => vec!["one", "other"],
            };
            assert_eq!(codes, wanted, "{one:?} {other:?}");
            assert_eq!(
                (joined.risk, joined.sensitive, joined.approval, joined.overridable),
                (Some(Risk::High), true, Approval::Required, false)
            );
            assert_eq!(joined.obligations.len(), 1);
        }
    }
}
