//! Patterns read as RE2 reads them.

use super::compile;

#[test]
fn classes_are_those_of_re2() {
    for (pattern, text, expected) in [
        (r"^\d+$", "42", true),
        (r"^\d+$", "\u{663}", false),
        (r"^[\d]+$", "\u{663}", false),
        (r"^\D$", "\u{663}", true),
        (r"^[^\d]$", "\u{663}", true),
        (r"^\w$", "\u{e9}", false),
        (r"^\W$", "\u{e9}", true),
        (r"^\s$", "\u{a0}", false),
        (r"^[\S]$", "\u{a0}", true),
        (r"\bb", "\u{e9}b", true),
        (r"^[\d-x]+$", "1-x", true),
        (r"^[\w.-]+$", "a.b-c", true),
        (r"^[a&&b]+$", "a&b", true),
        (r"^[a~~b]+$", "~", true),
        (r"^[a[b]+$", "[", true),
        (r"^[]a]+$", "]a", true),
        (r"^[^]a]+$", "b", true),
        (r"^[[:alpha:]]+$", "ab", true),
        (r"^[[:alpha:]_]+1$", "a_1", true),
        (r"^\[\]$", "[]", true),
        (r"^(?i)abc$", "ABC", true),
        (r"^\\d$", r"\d", true),
        (r"^\p{Greek}$", "\u{3b1}", true),
    ] {
        assert_eq!(compile(pattern).map(|regex| regex.is_match(text)), Ok(expected), "{pattern} {text}");
    }
    for pattern in ["(", "[", r"\", "a{1001}{1001}", "(?=a)"] {
        assert!(compile(pattern).is_err(), "{pattern}");
    }
}
