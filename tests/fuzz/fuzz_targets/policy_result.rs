//! Any value that a policy may give: reading it never panics, and allows only where the value says so in as many words.
#![no_main]

use canon::json::Limits;
use libfuzzer_sys::fuzz_target;
use policy::{Decision, Rego, Value, Verdict};

fuzz_target!(|data: &[u8]| {
    let Ok(value) = canon::json::parse::<Rego>(data, &Limits::default()) else { return };
    let decision = Decision::from_result(&value);
    let allow = Value::from("allow");
    let says_so = value == Value::from(true) || matches!(&value, Value::Object(members) if members.get(&allow) == Some(&Value::from(true)));
    assert!(decision.verdict != Verdict::Allow || says_so);
    assert!(decision.verdict == Verdict::Allow || !decision.reasons.is_empty());
    // Joined with anything, it grants no more than by itself.
    assert!(decision.clone().join(Decision::no_policy()).verdict == Verdict::Error);
});
