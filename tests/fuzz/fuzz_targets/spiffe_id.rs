//! A SPIFFE id that parses is kept byte for byte, in its parts too, and stays within the alphabet of the standard.
#![no_main]

use identity::{SpiffeId, Workload};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let Ok(id) = SpiffeId::parse(text) else { return };
    assert_eq!(id.as_str(), text);
    assert_eq!(format!("spiffe://{}{}", id.trust_domain(), id.path()), text);
    assert!(text.len() <= 2048 && id.trust_domain().len() <= 255);
    assert!(id.trust_domain().bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-_".contains(&byte)));
    let mut segments = id.path().split('/');
    assert_eq!(segments.next(), Some(""));
    assert!(segments.all(|segment| !segment.is_empty() && segment != "." && segment != ".."));
    assert_eq!(Workload::from(id.clone()).id, id);
});
