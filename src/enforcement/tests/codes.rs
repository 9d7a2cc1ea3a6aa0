//! The reserved codes of this room are in `fixtures/enforcement/codes.txt`, and only there is a sentence for each.

use crate::Code;

#[test]
#[expect(clippy::disallowed_methods, reason = "the list is a fixture")]
fn every_code_has_a_sentence() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/enforcement/codes.txt");
    let list = std::fs::read_to_string(path).unwrap();
    for code in Code::ALL {
        let code = code.as_str();
        let lines: Vec<_> = list.lines().filter(|line| line.split_whitespace().next() == Some(code)).collect();
        assert_eq!(lines.len(), 1, "`{code}` needs one line in fixtures/enforcement/codes.txt: the code and a sentence");
        assert!(lines[0].trim_end().ends_with('.'), "`{code}` needs a sentence");
        assert!(code.len() <= 64 && code.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'.')), "{code}");
    }
}
