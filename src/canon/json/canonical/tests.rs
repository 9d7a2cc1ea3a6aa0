//! RFC 8785's own examples, and the edges of its number form.

use super::super::{Json, Limits, Number, Tree, parse};
use super::canonical;

fn check(text: &str, expected: &str) {
    let value = parse::<Tree>(text.as_bytes(), &Limits::default()).expect(text);
    let mut out = Vec::new();
    canonical::<Tree>(&value, &mut out);
    assert_eq!(String::from_utf8_lossy(&out), expected);
}

#[test]
fn members_strings_and_numbers_have_one_spelling() {
    for (text, expected) in [
        (" { \"b\" : 1.0 , \"a\" : [ ] } ", "{\"a\":[],\"b\":1}"),
        ("[true,false,null,{}]", "[true,false,null,{}]"),
        // RFC 8785 section 3.2.3
        (
            r#"{"\u20ac":"Euro Sign","\r":"Carriage Return","\ufb33":"Hebrew Letter Dalet With Dagesh","1":"One","\ud83d\ude00":"Emoji: Grinning Face","\u0080":"Control","\u00f6":"Latin Small Letter O With Diaeresis"}"#,
            "{\"\\r\":\"Carriage Return\",\"1\":\"One\",\"\u{80}\":\"Control\",\"\u{f6}\":\"Latin Small Letter O With Diaeresis\",\"\u{20ac}\":\"Euro Sign\",\"\u{1f600}\":\"Emoji: Grinning Face\",\"\u{fb33}\":\"Hebrew Letter Dalet With Dagesh\"}",
        ),
        // RFC 8785 section 3.2.2
        (
            r#"{"numbers":[1E30,4.50,2e-3,0.000000000000000000000000001],"string":"\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/","literals":[null,true,false]}"#,
            "{\"literals\":[null,true,false],\"numbers\":[1e+30,4.5,0.002,1e-27],\"string\":\"\u{20ac}$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\"}",
        ),
    ] {
        check(text, expected);
    }
}

#[test]
fn doubles_are_spelled_as_ecmascript_does() {
    // RFC 8785 appendix B, and the borders of each form.
    for (value, expected) in [
        (0.0, "0"),
        (-0.0, "0"),
        (5e-324, "5e-324"),
        (-5e-324, "-5e-324"),
        (f64::MAX, "1.7976931348623157e+308"),
        (9_007_199_254_740_992.0, "9007199254740992"),
        (295_147_905_179_352_830_000.0, "295147905179352830000"),
        (9.999_999_999_999_997e22, "9.999999999999997e+22"),
        (1e23, "1e+23"),
        (999_999_999_999_999_900_000.0, "999999999999999900000"),
        (1e21, "1e+21"),
        (1e20, "100000000000000000000"),
        (0.000_001, "0.000001"),
        (1e-7, "1e-7"),
        (9.999_999_999_999_997e-7, "9.999999999999997e-7"),
        (333_333_333.333_333_3, "333333333.3333333"),
        (1_424_953_923_781_206.2, "1424953923781206.2"),
        (f64::NAN, "null"),
        (f64::INFINITY, "null"),
    ] {
        let mut out = Vec::new();
        canonical::<Tree>(&Json::Number(Number::Float(value)), &mut out);
        assert_eq!(String::from_utf8_lossy(&out), expected);
    }
}
