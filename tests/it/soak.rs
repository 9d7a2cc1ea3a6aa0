//! The switch of `make soak`: the same stories, longer. Knows no story.

use std::time::Duration;

/// Seconds for which the crashes go on.
const SECONDS: &str = "TOOLGATE_CRASH_SECONDS";

/// For how long, if this is a soak.
pub(crate) fn time() -> Option<Duration> {
    let seconds = std::env::var(SECONDS).ok()?;
    Some(Duration::from_secs(seconds.parse().unwrap_or_else(|why| panic!("{SECONDS}: {why}: {seconds}"))))
}
