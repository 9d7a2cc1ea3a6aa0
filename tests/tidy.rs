//! What can be checked of this project's habits, as tests over its own files: lengths, arrows between rooms, words, docs against code.
//!
//! Reads files and nothing else; std only. A finding is `file:line: what is wrong and what to do`.
#![cfg(test)]

#[path = "tidy/code.rs"]
mod code;
#[path = "tidy/docs.rs"]
mod docs;
#[path = "tidy/rooms.rs"]
mod rooms;
#[path = "tidy/tree.rs"]
mod tree;
#[path = "tidy/words.rs"]
mod words;
