//! Rounds that alternate between what is compared, so that whatever else the machine does hits all of them.

use crate::Failure;
use crate::load::{Call, Client, Times};
use crate::process::{Process, Spent};
use std::time::Duration;

/// What one round gave.
pub(crate) struct Round {
    pub(crate) times: Times,
    /// Processor time of the measured process, microseconds a call.
    pub(crate) cpu_us: f64,
    /// Time that it waited for its core, per second of the round.
    pub(crate) waited: f64,
}

/// A server that is measured.
pub(crate) struct Subject<'a> {
    pub(crate) process: &'a Process,
    pub(crate) client: Client,
}

/// How a round loads its subject.
#[derive(Clone, Copy)]
pub(crate) enum Load {
    /// So many clients, as fast as answers come.
    FlatOut(usize),
    /// So many calls a second, over 16 connections.
    Steady(f64),
}

impl Subject<'_> {
    /// One round.
    pub(crate) async fn round(&self, load: Load, time: Duration, call: &Call) -> Result<Round, Failure> {
        let before = self.process.spent()?;
        let times = match load {
            Load::FlatOut(clients) => self.client.flat_out(clients, time, call).await?,
            Load::Steady(rate) => self.client.steady(16, rate, time, call).await?,
        };
        let Spent { ran, waited } = self.process.spent()?;
        let calls = times.each.len() as f64;
        Ok(Round { cpu_us: (ran - before.ran) * 1e6 / calls, waited: (waited - before.waited) / times.whole.as_secs_f64(), times })
    }
}

/// `rounds` rounds of each subject, one after the other, again and again. The first of each is not counted: it warms.
pub(crate) async fn alternate(
    subjects: &[&Subject<'_>],
    load: Load,
    time: Duration,
    rounds: usize,
    call: &Call,
) -> Result<Vec<Vec<Round>>, Failure> {
    let mut all: Vec<Vec<Round>> = subjects.iter().map(|_| Vec::new()).collect();
    for number in 0..=rounds {
        for (subject, into) in subjects.iter().zip(&mut all) {
            let round = subject.round(load, time, call).await?;
            if number > 0 {
                into.push(round);
            }
        }
    }
    Ok(all)
}

/// The middle of some figures.
pub(crate) fn median(figures: impl IntoIterator<Item = f64>) -> f64 {
    let mut figures: Vec<f64> = figures.into_iter().collect();
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or(f64::NAN)
}

/// The median over rounds of a figure of each.
pub(crate) fn middle(rounds: &[Round], figure: impl Fn(&Round) -> f64) -> f64 {
    median(rounds.iter().map(figure))
}

/// The median over pairs of rounds that ran one after the other.
pub(crate) fn paired(left: &[Round], right: &[Round], figure: impl Fn(&Round, &Round) -> f64) -> f64 {
    median(left.iter().zip(right).map(|(left, right)| figure(left, right)))
}
