//! Keys that a reader without regard to case takes for one: Unicode simple case folding (CaseFolding.txt, status C and S).

use std::cmp::Ordering;

fn folded(character: char) -> char {
    if character.is_ascii() {
        return character.to_ascii_lowercase();
    }
    unicode_case_mapping::case_folded(character).and_then(|code| char::from_u32(code.get())).unwrap_or(character)
}

/// Whether two keys are equal, or equal once folded.
#[must_use]
pub fn twins(one: &str, other: &str) -> bool {
    if one.len() == other.len() && one.eq_ignore_ascii_case(other) {
        return true;
    }
    !(one.is_ascii() && other.is_ascii()) && order(one, other) == Ordering::Equal
}

/// The order of keys once folded.
pub(super) fn order(one: &str, other: &str) -> Ordering {
    one.chars().map(folded).cmp(other.chars().map(folded))
}

#[cfg(test)]
mod tests {
    use super::twins;

    #[test]
    fn twins_are_what_simple_folding_makes_equal() {
        for (one, other, expected) in [
            ("name", "name", true),
            ("name", "Name", true),
            ("k", "\u{212a}", true),
            ("s", "\u{17f}", true),
            ("\u{e4}", "\u{c4}", true),
            ("\u{3c3}", "\u{3c2}", true),
            ("\u{df}", "\u{1e9e}", true),
            ("\u{10428}", "\u{10400}", true),
            ("\u{df}", "ss", false),
            ("i", "\u{130}", false),
            ("i", "\u{131}", false),
            ("\u{e4}", "a\u{308}", false),
            ("a", "b", false),
            ("a", "aa", false),
        ] {
            assert_eq!(twins(one, other), expected, "{one} {other}");
            assert_eq!(twins(other, one), expected, "{other} {one}");
        }
    }
}
