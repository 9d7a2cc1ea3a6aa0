//! How deep brackets nest in a text that was not parsed: the engine's parser takes time exponential in it.

use crate::Problem;

/// Brackets and braces inside one another, a rule's body counted too.
pub(crate) const NESTING_MAX: usize = 11;

/// The first place that is too deep.
pub(crate) fn nesting(path: &str, text: &str) -> Option<Problem> {
    let (mut line, mut col) = (1_u32, 0_u32);
    let mut depth = 0_usize;
    let mut state = State::Code;
    for character in text.chars() {
        if character == '\n' {
            (line, col) = (line.saturating_add(1), 0);
        } else {
            col = col.saturating_add(1);
        }
        state = match (state, character) {
            (State::Code, '"') => State::Text,
            (State::Code, '`') => State::Raw,
            (State::Code, '#') => State::Comment,
            (State::Code, '[' | '{') => {
                depth += 1;
                if depth > NESTING_MAX {
                    let message = format!("brackets nest deeper than {NESTING_MAX}: give the inner part a name of its own");
                    return Some(Problem::at(path, line, col, "policy.nesting", message));
                }
                State::Code
            }
            (State::Code, ']' | '}') => {
                depth = depth.saturating_sub(1);
                State::Code
            }
            (State::Text, '\\') => State::Escaped,
            (State::Escaped, _) => State::Text,
            (State::Text, '"') | (State::Raw, '`') | (State::Comment, '\n') => State::Code,
            // A string of one line that does not end is a syntax error: the parser says it.
            (State::Text, '\n') => State::Code,
            (same, _) => same,
        };
    }
    None
}

#[derive(Clone, Copy)]
enum State {
    Code,
    Text,
    Escaped,
    Raw,
    Comment,
}
