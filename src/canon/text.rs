//! Text from outside, made safe to show: no control, escape or bidirectional character reaches a terminal or a log.

use std::fmt::Write as _;

/// Characters that a terminal or a reader's eye could be driven with: C0, C1, DEL, line and paragraph separators, bidi controls, zero width.
fn drives(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{2028}' | '\u{2029}' | '\u{061c}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// `text` with every such character written as `\u{..}`, at most `chars_max` characters, an ellipsis where it was cut.
#[must_use]
pub fn shown(text: &str, chars_max: usize) -> String {
    let mut out = String::with_capacity(text.len().min(chars_max.saturating_mul(4)));
    for (count, character) in text.chars().enumerate() {
        if count == chars_max {
            out.push('\u{2026}');
            break;
        }
        if drives(character) {
            // Writing into a String cannot fail.
            let _ = write!(out, "\\u{{{:x}}}", u32::from(character));
        } else {
            out.push(character);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::shown;

    #[test]
    fn nothing_shown_drives_a_terminal() {
        assert_eq!(shown("a\u{1b}[31mb\nc\u{202e}d", 99), "a\\u{1b}[31mb\\u{a}c\\u{202e}d");
        assert_eq!(shown("abcdef", 3), "abc\u{2026}");
    }
}
