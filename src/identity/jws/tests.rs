//! A token has one spelling and one reading.

use super::{Jws, NotJws, decode, encode};
use canon::json::Reason;
use proptest::prelude::*;

fn check(token: &str, expected: Option<NotJws>) {
    assert_eq!(Jws::split(token, 64).err(), expected, "`{token}`");
}

#[test]
fn taken_apart() {
    let json = |part, reason| Some(NotJws::Json { part, reason });
    check("e30.e30.", None);
    check("e30.e30.AA", None);
    check("e30.e30", Some(NotJws::Form));
    check("e30", Some(NotJws::Form));
    check("e30.e30.e30.e30", Some(NotJws::Base64 { part: "payload" }));
    check("e30=.e30.AA", Some(NotJws::Base64 { part: "header" }));
    check("e30.e31.AA", Some(NotJws::Base64 { part: "payload" }));
    check("e30.e30.AB", Some(NotJws::Base64 { part: "signature" }));
    check("e30.e30.A A", Some(NotJws::Base64 { part: "signature" }));
    check(".e30.AA", json("header", Reason::Syntax));
    check("e30..AA", json("payload", Reason::Syntax));
    check("W10.e30.AA", Some(NotJws::NotAnObject { part: "header" }));
    check("e30.MQ.AA", Some(NotJws::NotAnObject { part: "payload" }));
    check(&format!("e30.e30.{}", "A".repeat(56)), None);
    check(&format!("e30.e30.{}", "A".repeat(57)), Some(NotJws::TooLong { bytes_max: 64 }));
}

proptest! {
    #[test]
    fn what_is_taken_apart_has_one_spelling(token in "(e30|e3|[A-Za-z0-9_=+-]{0,6})\\.(e30|eyJhIjoxfQ)\\.[A-Za-z0-9_=-]{0,8}") {
        if let Ok(jws) = Jws::split(&token, 64) {
            prop_assert_eq!(format!("{}.{}.{}", encode(&jws.header), encode(&jws.payload), encode(&jws.signature)), token);
        }
    }

    #[test]
    fn bytes_survive(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
        prop_assert_eq!(decode(&encode(&bytes), "signature"), Ok(bytes));
    }
}
