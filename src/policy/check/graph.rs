//! Which rules read which: no rule may read itself, and no chain may be so long that it fills the stack.

use super::Rules;
use super::paths::canonical;
use crate::Problem;
use std::collections::{BTreeMap, BTreeSet};

/// Rules that depend on one another in one chain. The engine takes about 4 KiB of stack for each; 64 MiB hold 16,000.
pub(super) const CHAIN_MAX: usize = 500;

/// Finds cycles and chains that are too long.
pub(super) fn check(rules: &Rules, edges: &BTreeMap<usize, BTreeSet<usize>>, problems: &mut Vec<Problem>) {
    let mut search = Search { edges, depths: BTreeMap::new(), cycles: BTreeSet::new() };
    for start in 0..rules.all().len() {
        search.from(start);
    }
    let name = |index: &usize| rules.all().get(*index).map(|rule| format!("`{}`", canonical(&rule.path))).unwrap_or_default();
    for cycle in &search.cycles {
        let Some(rule) = cycle.first().and_then(|first| rules.all().get(*first)) else { continue };
        let way = cycle.iter().chain(cycle.first()).map(name).collect::<Vec<_>>().join(" -> ");
        problems.push(rule.problem("policy.recursion", format!("a rule may not read itself: {way}")));
    }
    // Only the beginning of each chain, else every rule on it would be told.
    let reached = edges.values().flatten().copied().collect::<BTreeSet<_>>();
    for (index, rule) in rules.all().iter().enumerate() {
        let depth = search.depths.get(&index).copied().unwrap_or(0);
        if depth > CHAIN_MAX && !reached.contains(&index) {
            let message = format!("`{}` begins a chain of {depth} rules, at most {CHAIN_MAX} are evaluated", canonical(&rule.path));
            problems.push(rule.problem("policy.chain", message));
        }
    }
}

struct Search<'a> {
    edges: &'a BTreeMap<usize, BTreeSet<usize>>,
    /// Rules on the longest chain from each rule that is done.
    depths: BTreeMap<usize, usize>,
    /// Each turned so that its smallest rule is first.
    cycles: BTreeSet<Vec<usize>>,
}

/// A rule on the way, the rules that it reads and that are still to be visited, and the longest chain below so far.
type Frame = (usize, Vec<usize>, usize);

impl Search<'_> {
    /// Visits everything that can be reached, deepest first, on a stack of its own.
    fn from(&mut self, start: usize) {
        if self.depths.contains_key(&start) {
            return;
        }
        let mut way: Vec<Frame> = vec![self.frame(start)];
        while let Some((_, open, _)) = way.last_mut() {
            if let Some(next) = open.pop() {
                if let Some(position) = way.iter().position(|(rule, ..)| *rule == next) {
                    self.cycle(way.iter().skip(position).map(|(rule, ..)| *rule).collect());
                } else if let Some(depth) = self.depths.get(&next).copied() {
                    deepen(&mut way, depth);
                } else {
                    way.push(self.frame(next));
                }
            } else if let Some((rule, _, below)) = way.pop() {
                self.depths.insert(rule, below + 1);
                deepen(&mut way, below + 1);
            }
        }
    }

    fn frame(&self, rule: usize) -> Frame {
        (rule, self.edges.get(&rule).map(|next| next.iter().copied().collect()).unwrap_or_default(), 0)
    }

    fn cycle(&mut self, mut rules: Vec<usize>) {
        if let Some(smallest) = rules.iter().enumerate().min_by_key(|(_, rule)| **rule).map(|(position, _)| position) {
            rules.rotate_left(smallest);
        }
        self.cycles.insert(rules);
    }
}

fn deepen(way: &mut [Frame], depth: usize) {
    if let Some((.., below)) = way.last_mut() {
        *below = (*below).max(depth);
    }
}
