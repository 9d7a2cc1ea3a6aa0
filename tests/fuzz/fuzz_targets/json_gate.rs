//! The JSON gate: what it accepts has one reading, and one spelling.
#![no_main]

use canon::json::{Json, Limits, Outline, Tree, canonical, parse};
use libfuzzer_sys::fuzz_target;

fn spelled(value: &Json) -> Vec<u8> {
    let mut out = Vec::new();
    canonical::<Tree>(value, &mut out);
    out
}

fuzz_target!(|body: &[u8]| {
    let limits = Limits::default();
    let Ok(value) = parse::<Tree>(body, &limits) else { return };
    // Another parser takes it too.
    serde_json::from_slice::<serde_json::Value>(body).expect("accepted, so it is JSON");
    // The canonical form is accepted and is its own canonical form.
    let once = spelled(&value);
    let again = parse::<Tree>(&once, &limits).expect("the canonical form is accepted");
    assert_eq!(spelled(&again), once);
    // The outline says the same of it.
    let outline = Outline::of(body, &limits).expect("the outline is no stricter");
    assert_eq!(spelled(&outline.value::<Tree>(body)), once);
});
