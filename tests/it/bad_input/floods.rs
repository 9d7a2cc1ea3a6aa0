//! Floods over real sockets, each kept up for a time while a good client of another principal calls at a steady pace: memory stays bounded, every good
//! call is answered about as soon as before, nothing of a flood is forwarded that should not be, and nothing panics.

mod bodies;
mod connections;
mod good;
mod http2;
mod target;

use crate::peers::Pace;
use crate::soak;
use good::{Figures, Good};
use rustix::process::setpriority_process;
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use target::Target;

/// Kilobytes of resident memory that a flood may add; where it may add more, its test says why.
const GROWTH_KIB_MAX: u64 = 32 << 10;
/// From the start of a round to that of the next, if it is over by then: beyond it the flood's own work would be what the good client waits for.
const PACE: Duration = Duration::from_millis(20);
/// Times that let a round end soon.
const SHORT: &str = "header_read_timeout_ms: 1000, body_read_timeout_ms: 1000, idle_timeout_ms: 1000";
/// So many that each of ten thousand is a connection like any other.
const ROOM_FOR_A_CROWD: &str = "connections_max: 12000, connections_per_peer_max: 12000, header_read_timeout_ms: 60000";
/// So large that it is not their size for which they are refused.
const LARGE_BODIES: &str = "body_bytes_max: 16777216";

/// A kind of flood.
struct Flood {
    /// What its sidecar is told beside the defaults, in YAML.
    limits: &'static str,
    growth_kib_max: u64,
    /// The good client's p99 under the flood, in p99s at idle; a floor is added.
    p99_times: u32,
    /// What is done again and again; it looks at the time itself if it would be long.
    round: fn(&Target, until: Instant),
}

/// How long, and what is asked of the good client.
struct Measure {
    idle: Duration,
    flooded: Duration,
    /// What is added to the p99 that is allowed under a flood.
    p99_floor: Duration,
    /// Of the rate at idle.
    rate_kept: f64,
}

impl Measure {
    fn of_this_run() -> Measure {
        match soak::time() {
            Some(time) => Measure {
                idle: Duration::from_secs(10).min(time),
                flooded: Duration::from_secs(60).min(time),
                p99_floor: Duration::from_millis(10),
                rate_kept: 0.95,
            },
            // Other stories run meanwhile on the same processors, servers and disk, and the p99 of so few calls is the worst of them: what is held here is
            // that nobody is locked out.
            None => Measure {
                idle: Duration::from_millis(500),
                flooded: Duration::from_millis(2500),
                p99_floor: Duration::from_secs(5),
                rate_kept: 0.2,
            },
        }
    }
}

#[test]
fn rapid_reset() {
    withstands("rapid reset", &flood("", http2::rapid_reset));
}

#[test]
fn made_you_reset() {
    withstands("made you reset", &flood("", http2::made_you_reset));
}

#[test]
fn continuation() {
    withstands("CONTINUATION", &flood("", http2::continuation));
}

#[test]
fn hpack_bomb() {
    withstands("HPACK bomb", &flood("", http2::hpack_bomb));
}

#[test]
fn slow_heads() {
    withstands("slow heads", &flood(SHORT, connections::slow_heads));
}

#[test]
fn slow_bodies() {
    withstands("slow bodies", &flood(SHORT, connections::slow_bodies));
}

#[test]
fn more_connections_than_places() {
    withstands("more connections than places", &flood(SHORT, connections::crowd));
}

#[test]
fn ten_thousand_idle_connections() {
    let count = connections::idle_count();
    // Each has its task and its timers.
    let growth_kib_max = 80 << 10;
    withstands(&format!("{count} idle connections"), &Flood { growth_kib_max, ..flood(ROOM_FOR_A_CROWD, connections::idle) });
}

#[test]
fn answers_that_never_end() {
    withstands("answers that never end", &flood("", connections::endless_answers));
}

#[test]
fn bodies_that_stop_short_of_their_end() {
    // Half of the room for bodies is the crowd's; and each connection has its buffers.
    let growth_kib_max = 64 << 10;
    withstands("bodies that stop", &Flood { growth_kib_max, ..flood("body_read_timeout_ms: 3000", bodies::stalled) });
}

#[test]
fn a_gigabyte() {
    withstands("a gigabyte", &flood("", bodies::gigabyte));
}

#[test]
fn a_million_deep() {
    withstands("a million deep", &flood(LARGE_BODIES, bodies::depth));
}

#[test]
fn a_million_wide() {
    // The body itself is 13 MB, in pieces as it comes, then whole, and the allocator gives back late what the one before it had.
    let growth_kib_max = 96 << 10;
    withstands("a million wide", &Flood { growth_kib_max, ..flood(LARGE_BODIES, bodies::width) });
}

#[test]
fn long_values() {
    withstands("long values", &flood("", bodies::length));
}

#[test]
fn refused_calls() {
    // Eight others call as fast as they are answered, so that a ninth of the machine is the good client's share, and all that it asks for is its rate.
    withstands("refused calls", &Flood { p99_times: 10, ..flood("", bodies::refusals) });
}

const fn flood(limits: &'static str, round: fn(&Target, Instant)) -> Flood {
    Flood { limits, growth_kib_max: GROWTH_KIB_MAX, p99_times: 3, round }
}

fn withstands(name: &str, flood: &Flood) {
    let measure = Measure::of_this_run();
    let target = Target::start(flood.limits);
    let mut good = Good::connect(target.good);
    let end = Instant::now() + measure.idle;
    let idle = good.call_until(|| Instant::now() >= end);
    let before = target.resident_kib();
    let (rounds, flooded) = keep_up(flood, &target, &mut good, measure.flooded);
    let (grown, kept) = (target.resident_kib() - before, flooded.rate / idle.rate);
    let (calls, forwarded, panicked) = (idle.calls + flooded.calls, target.forwarded(), target.panicked());
    let figures = format!(
        "{name}: {rounds} rounds; {} good calls, half within {:.1?}, p99 {:.1?}; at idle {}, {:.1?}, {:.1?}; {:.0} % of the rate; {grown} KiB above {before}",
        flooded.calls,
        flooded.median,
        flooded.p99,
        idle.calls,
        idle.median,
        idle.p99,
        100.0 * kept
    );
    println!("{figures}");
    assert_eq!(panicked, None, "{figures}");
    assert_eq!(forwarded, calls, "the good calls alone are forwarded: {figures}");
    assert!(grown < flood.growth_kib_max, "{figures}");
    assert!(flooded.p99 < flood.p99_times * idle.p99 + measure.p99_floor, "{figures}");
    assert!(kept > measure.rate_kept, "{figures}");
}

/// Rounds of the flood for this time, at least one; how many, and what the good client saw meanwhile.
fn keep_up(flood: &Flood, target: &Target, good: &mut Good, time: Duration) -> (usize, Figures) {
    let (until, over) = (Instant::now() + time, AtomicBool::new(false));
    std::thread::scope(|scope| {
        let flooding = scope.spawn(|| {
            let _over = Ends(&over);
            // It must not be the flood's own work that the good client waits for: this thread, and those that it starts, come last.
            setpriority_process(None, 19).unwrap();
            let (mut rounds, mut pace) = (0, Pace::new(PACE));
            while rounds == 0 || Instant::now() < until {
                pace.await_next();
                (flood.round)(target, until);
                rounds += 1;
            }
            rounds
        });
        let figures = good.call_until(|| over.load(Ordering::SeqCst));
        (flooding.join().unwrap_or_else(|why| resume_unwind(why)), figures)
    })
}

/// Says so when a flood is over, well or not.
struct Ends<'a>(&'a AtomicBool);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}
