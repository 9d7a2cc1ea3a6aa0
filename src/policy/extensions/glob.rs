//! `glob.match` with the meaning of gobwas/glob, which OPA uses: `*` stops at a separator, `**` does not, `?` is one character that is no separator.
//!
//! A pattern is spread into its alternatives when it is compiled; matching keeps the set of places in the pattern that can be reached, so its time is
//! at most the product of both lengths, whatever the pattern.

use super::{Answer, Patterns, string, strings};
use regorus::Value;

/// Alternatives that `{a,b}{c,d}` may spread into.
const ALTERNATIVES_MAX: usize = 64;
/// Nesting of `{}`.
const DEPTH_MAX: usize = 8;
/// Steps of one match: characters of the text times tokens of the pattern.
const STEPS_MAX: usize = 1 << 22;

/// `glob.match(pattern, separators, text)`: no separators for `null`, `.` for `[]`.
pub(super) fn matches(args: &[Value], patterns: &Patterns) -> Answer {
    let (pattern, text) = (string(args, 0)?, string(args, 2)?);
    let separators = match args.get(1) {
        Some(Value::Null) => Vec::new(),
        Some(Value::Array(items)) if items.is_empty() => vec!['.'],
        _ => strings(args, 1)?.into_iter().map(one_character).collect::<Result<_, _>>()?,
    };
    patterns.glob(pattern, &separators)?.matches(text).map(Value::Bool)
}

fn one_character(text: &str) -> Result<char, String> {
    let mut characters = text.chars();
    match (characters.next(), characters.next()) {
        (Some(character), None) => Ok(character),
        _ => Err("a separator is one character".to_owned()),
    }
}

/// What stands for one character, or for any number of them.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Literal(char),
    /// `?`.
    One,
    /// `[abc]`, `[!abc]`.
    List(Vec<char>, bool),
    /// `[a-z]`, `[!a-z]`.
    Range(char, char, bool),
    /// `*`.
    Any,
    /// `**`.
    Super,
}

/// A compiled pattern.
#[derive(Debug)]
pub(crate) struct Glob {
    separators: Vec<char>,
    branches: Vec<Branch>,
}

/// One alternative: what it begins with, and the tokens after that.
#[derive(Debug)]
struct Branch {
    prefix: String,
    rest: Vec<Token>,
}

impl Glob {
    pub(crate) fn compile(pattern: &str, separators: &[char]) -> Result<Self, String> {
        let mut parser = Parser { rest: pattern.chars().peekable() };
        let spread = parser.alternatives(0)?;
        let branches = spread.into_iter().map(Branch::of).collect();
        Ok(Self { separators: separators.to_vec(), branches })
    }

    pub(crate) fn matches(&self, text: &str) -> Result<bool, String> {
        for branch in &self.branches {
            if branch.matches(text, &self.separators)? {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

impl Branch {
    fn of(tokens: Vec<Token>) -> Self {
        let mut prefix = String::new();
        let mut rest = tokens.into_iter().peekable();
        while let Some(Token::Literal(character)) = rest.next_if(|token| matches!(token, Token::Literal(_))) {
            prefix.push(character);
        }
        Self { prefix, rest: rest.collect() }
    }

    fn matches(&self, text: &str, separators: &[char]) -> Result<bool, String> {
        let Some(text) = text.strip_prefix(self.prefix.as_str()) else { return Ok(false) };
        match self.rest.as_slice() {
            [] => Ok(text.is_empty()),
            [Token::Super] => Ok(true),
            [Token::Any] => Ok(!text.contains(separators)),
            tokens if text.len().saturating_mul(tokens.len()) > STEPS_MAX => {
                Err(format!("a text of {} bytes is too long for this pattern", text.len()))
            }
            tokens => Ok(reaches_end(tokens, text, separators)),
        }
    }
}

/// Whether the tokens take the whole text: `here[n]` says that the first `n` of them can have taken what was read so far.
fn reaches_end(tokens: &[Token], text: &str, separators: &[char]) -> bool {
    let mut here = vec![false; tokens.len() + 1];
    if let Some(start) = here.first_mut() {
        *start = true;
    }
    skip_stars(&mut here, tokens);
    let mut next = vec![false; here.len()];
    for character in text.chars() {
        next.fill(false);
        let separator = separators.contains(&character);
        for (at, token) in tokens.iter().enumerate() {
            if here.get(at) != Some(&true) {
                continue;
            }
            let (stays, passes) = match token {
                Token::Literal(wanted) => (false, *wanted == character),
                Token::One => (false, !separator),
                Token::List(list, not) => (false, list.contains(&character) != *not),
                Token::Range(low, high, not) => (false, (*low..=*high).contains(&character) != *not),
                Token::Any => (!separator, false),
                Token::Super => (true, false),
            };
            if let Some(place) = next.get_mut(at + usize::from(passes)).filter(|_| stays || passes) {
                *place = true;
            }
        }
        std::mem::swap(&mut here, &mut next);
        skip_stars(&mut here, tokens);
        if !here.contains(&true) {
            return false;
        }
    }
    here.last() == Some(&true)
}

/// A star may take nothing.
fn skip_stars(here: &mut [bool], tokens: &[Token]) {
    for (at, token) in tokens.iter().enumerate() {
        if matches!(token, Token::Any | Token::Super)
            && here.get(at) == Some(&true)
            && let Some(place) = here.get_mut(at + 1)
        {
            *place = true;
        }
    }
}

struct Parser<'a> {
    rest: std::iter::Peekable<std::str::Chars<'a>>,
}

impl Parser<'_> {
    /// The alternatives up to the end of the pattern, or inside braces up to theirs.
    fn alternatives(&mut self, depth: usize) -> Result<Vec<Vec<Token>>, String> {
        if depth > DEPTH_MAX {
            return Err(format!("braces nest deeper than {DEPTH_MAX}"));
        }
        let (mut done, mut open) = (Vec::new(), vec![Vec::new()]);
        loop {
            match self.rest.next() {
                None if depth == 0 => break,
                None => return Err("a `{` is not closed".to_owned()),
                Some('}') if depth > 0 => break,
                Some(',') if depth > 0 => done.append(&mut std::mem::replace(&mut open, vec![Vec::new()])),
                Some('{') => {
                    let inner = self.alternatives(depth + 1)?;
                    if inner.len().saturating_mul(open.len()) > ALTERNATIVES_MAX {
                        return Err(format!("more than {ALTERNATIVES_MAX} alternatives"));
                    }
                    open = open.iter().flat_map(|before| inner.iter().map(move |after| [before.as_slice(), after].concat())).collect();
                }
                Some(character) => {
                    let token = self.token(character)?;
                    open.iter_mut().for_each(|branch| branch.push(token.clone()));
                }
            }
        }
        done.append(&mut open);
        if done.len() > ALTERNATIVES_MAX { Err(format!("more than {ALTERNATIVES_MAX} alternatives")) } else { Ok(done) }
    }

    fn token(&mut self, first: char) -> Result<Token, String> {
        Ok(match first {
            '*' if self.rest.next_if_eq(&'*').is_some() => Token::Super,
            '*' => Token::Any,
            '?' => Token::One,
            '[' => return self.class(),
            '\\' => Token::Literal(self.rest.next().ok_or("a `\\` stands at the end")?),
            other => Token::Literal(other),
        })
    }

    /// What stands between `[` and `]`: one range, or characters.
    fn class(&mut self) -> Result<Token, String> {
        let open = || "a `[` is not closed".to_owned();
        let not = self.rest.next_if_eq(&'!').is_some();
        let first = self.rest.next().ok_or_else(open)?;
        if self.rest.next_if_eq(&'-').is_some() {
            let high = self.rest.next().ok_or_else(open)?;
            if self.rest.next() != Some(']') {
                return Err("a range is `[a-z]`, one in each pair of brackets".to_owned());
            }
            return if first <= high { Ok(Token::Range(first, high, not)) } else { Err(format!("`{first}-{high}` is backwards")) };
        }
        let mut list = Vec::new();
        let mut character = first;
        while character != ']' {
            list.push(if character == '\\' { self.rest.next().ok_or_else(open)? } else { character });
            character = self.rest.next().ok_or_else(open)?;
        }
        if list.is_empty() { Err("brackets are empty".to_owned()) } else { Ok(Token::List(list, not)) }
    }
}
