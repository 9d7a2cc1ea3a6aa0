//! The corpus in `fixtures/tokens/bearer`: each file is named after the answer that it gets.

mod story;

use super::{BadToken, bearer_token, verify_bearer};
use std::collections::BTreeSet;
use story::Story;

fn check(name: &str) {
    let story = Story::read(name);
    let expected = name.split_once('.').unwrap().0;
    let token = story.token();
    match verify_bearer(&token, &story.issuers(), story.at()) {
        Ok((user, actors)) => {
            assert_eq!(expected, "accepted", "{name}");
            story.expect(name, &user, &actors);
        }
        Err(why) => {
            assert_eq!(why.code(), format!("toolgate.identity.token_{expected}"), "{name}");
            if let BadToken::Claim(claim) = why {
                assert!(story.why.contains(&format!("`{claim}`")), "{name}: {why}");
            }
            let said = format!("{why} {why:?}");
            assert!(!token.split('.').any(|part| part.len() > 8 && said.contains(part)), "{name}: {said}");
        }
    }
}

#[test]
fn each_token_gets_the_answer_that_it_is_named_after() {
    let names = story::names();
    assert!(names.len() > 80, "the corpus has shrunk to {}", names.len());
    names.iter().for_each(|name| check(name));
}

#[test]
fn each_answer_has_a_token() {
    let source = include_str!("../bearer.rs");
    let codes: BTreeSet<&str> = source.split("\"toolgate.identity.token_").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    let names = story::names();
    let mut answers: BTreeSet<&str> =
        names.iter().filter_map(|name| name.split('.').next()).filter(|answer| *answer != "accepted").collect();
    // A token that is not there is no file.
    answers.insert("missing");
    assert_eq!(answers, codes);
}

#[test]
fn the_token_in_a_header() {
    for (header, expected) in [
        (&b"Bearer a.b.c"[..], Ok("a.b.c")),
        (b"bearer  a.b.c ", Ok("a.b.c")),
        (b"Basic YTpi", Err(BadToken::Missing)),
        (b"Bearer", Err(BadToken::Missing)),
        (b"", Err(BadToken::Missing)),
        (b"Bearer \xff", Err(BadToken::Missing)),
    ] {
        assert_eq!(bearer_token(header), expected, "{header:?}");
    }
}
