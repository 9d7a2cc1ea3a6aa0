//! A compact JWS that is taken apart has one spelling; no token, however framed, is believed without a key or breaks a reader.
#![no_main]

use canon::Micros;
use identity::jws::{Jws, encode};
use identity::{Issuers, verify_bearer};
use libfuzzer_sys::fuzz_target;
use permission::{Settings, peek};

const TOKEN_BYTES_MAX: usize = 8192;

fn read(token: &str) {
    if let Ok(jws) = Jws::split(token, TOKEN_BYTES_MAX) {
        assert_eq!(format!("{}.{}.{}", encode(&jws.header), encode(&jws.payload), encode(&jws.signature)), token);
        assert!(serde_json::from_slice::<serde_json::Map<String, serde_json::Value>>(&jws.header).is_ok());
        assert!(serde_json::from_slice::<serde_json::Map<String, serde_json::Value>>(&jws.payload).is_ok());
    }
    assert!(verify_bearer(token, &Issuers::default(), Micros(0)).is_err());
    if let Err(rejected) = peek(token, &Settings::default()) {
        assert!(rejected.code().starts_with("toolgate.permission.") && !rejected.to_string().is_empty());
    }
}

fuzz_target!(|text: &str| {
    read(text);
    // The same bytes as a payload behind a good header, and as a header.
    let header = encode(br#"{"alg":"Ed25519","typ":"toolgate-override+jwt","kid":"a"}"#);
    let (part, signature) = (encode(text.as_bytes()), encode(&[0; 64]));
    read(&format!("{header}.{part}.{signature}"));
    read(&format!("{part}.{}.{signature}", encode(b"{}")));
});
