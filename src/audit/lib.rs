//! Reading the trail: which calls were made, by whom, what was decided and why, what happened then.
//!
//! Knows records as rows, wherever they were read from. Knows no disk, no database and no terminal.

mod filter;
mod story;
pub mod table;
mod tail;

pub use filter::{Condition, Filter, Instant, NotAnInstant};
pub use story::{Stories, Story};
pub use tail::Tail;
