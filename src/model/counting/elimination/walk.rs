//! Points at random: a walk from the last table back to the first ones, with odds by the counts.

use std::sync::Arc;

use super::histogram::Histogram;
use super::layout::{Choice, row};
use super::order::Step;
use super::tally::Tally;
use super::tree::Tree;
use crate::model::counting::graph::Draw;

impl<N: Tally> Tree<N> {
    /// For each decision, the number of its member where it is a variable and exists. `None` if there is no point.
    pub fn draw(&self, decisions: usize, draw: &mut dyn Draw) -> Option<Vec<Option<u64>>> {
        if self.total.is_zero() {
            return None;
        }
        let mut values = vec![0; self.layout.variables.len()];
        let last = self.layout.steps.len() - 1;
        let whole = &self.tables[last][0];
        let sum = match self.sums.len() {
            1 => {
                let start = whole.sums.partition_point(|sum| !self.sums.accepts(*sum));
                self.pick_from(start, (last, 0), self.voice(last), draw)
            }
            _ => {
                let accepted = || whole.iter().filter(|(sum, _)| self.sums.accepts(*sum));
                self.pick(accepted, &self.total, self.voice(last), draw).0
            }
        };
        self.walk(last, sum, &mut values, draw);
        Some(self.layout.members(decisions, &values))
    }

    /// Chooses what a row with this sum is made of, and walks on from there.
    fn walk(&self, step: usize, sum: u64, values: &mut Vec<u64>, draw: &mut dyn Draw) {
        let at = row(&self.layout.scopes[step], &self.layout.variables, values);
        let here = &self.tables[step][at];
        let found = here.find(sum);
        let total = &here.counts[found.expect("invariant: only sums that occur are chosen")];
        match self.layout.steps[step] {
            Step::Factor(_) => {}
            Step::SumOut { .. } | Step::Blocks { .. } | Step::Through { .. } => {
                let choices = self.layout.choices(step, values);
                let rows: Vec<(&Choice, usize)> = (choices.iter())
                    .map(|choice| {
                        values[choice.variable] = choice.value;
                        let scope = &self.layout.scopes[choice.of];
                        (choice, row(scope, &self.layout.variables, values))
                    })
                    .collect();
                let members = || {
                    rows.iter().filter_map(|(choice, at)| {
                        let of_member = &self.tables[choice.of][*at];
                        Some((*choice, &of_member.counts[of_member.find(sum)?]))
                    })
                };
                let (choice, _) = self.pick(members, total, self.voice(step), draw);
                values[choice.variable] = choice.value;
                self.walk(choice.of, sum, values, draw);
            }
            Step::Times(x, y) => {
                let at = |step: usize| {
                    let scope = &self.layout.scopes[step];
                    (step, row(scope, &self.layout.variables, values))
                };
                let of = |step: usize| &self.tables[step][at(step).1];
                let (short, long) = match of(x).len() <= of(y).len() {
                    true => (x, y),
                    false => (y, x),
                };
                let splits = self.splits(of(short), at(long), sum);
                let odds = || splits.iter().map(|(split, count)| (*split, count));
                let (split, _) = self.pick(odds, total, self.voice(short), draw);
                let (part, rest) = match split {
                    (part, Some(rest)) => (part, rest),
                    (part, None) if self.sums.len() == 1 => {
                        let start = self.start(part, of(long), sum);
                        (
                            part,
                            self.pick_from(start, at(long), self.voice(long), draw),
                        )
                    }
                    (part, None) => {
                        let others = || {
                            of(long)
                                .iter()
                                .filter(|(rest, _)| self.is(part, *rest, sum))
                        };
                        let mut all = N::zero();
                        others().for_each(|(_, count)| all.add(count));
                        let (rest, _) = self.pick(others, &all, self.voice(long), draw);
                        (part, rest)
                    }
                };
                self.walk(short, part, values, draw);
                self.walk(long, rest, values, draw);
            }
        }
    }

    /// The ways in which a sum is that of two parts, by the first part, with their counts; the second part where it is one.
    fn splits(
        &self,
        short: &Histogram<N>,
        of_long: (usize, usize),
        sum: u64,
    ) -> Vec<((u64, Option<u64>), N)> {
        let long = &self.tables[of_long.0][of_long.1];
        let product = |x: &N, y: &N| {
            let mut product = N::zero();
            product.add_product(x, y);
            product
        };
        if !self.sums.is_full(sum) {
            let split = |(part, count): (u64, &N)| {
                let rest = self.sums.minus(sum, part)?;
                let of_rest = &long.counts[long.find(rest)?];
                Some(((part, Some(rest)), product(count, of_rest)))
            };
            return short.iter().filter_map(split).collect();
        }
        // Whatever is not less fills a sum. Of one sum, that is the end of the other histogram.
        let mut splits = Vec::with_capacity(short.len());
        let tails = (self.sums.len() == 1).then(|| self.tails(of_long));
        for (part, count) in short.iter() {
            let of_end = match &tails {
                Some(tails) => tails[self.start(part, long, sum)].clone(),
                None => {
                    let fitting = long.iter().filter(|(rest, _)| self.is(part, *rest, sum));
                    fitting.fold(N::zero(), |mut all, (_, count)| {
                        all.add(count);
                        all
                    })
                }
            };
            if !of_end.is_zero() {
                splits.push(((part, None), product(count, &of_end)));
            }
        }
        splits
    }

    fn is(&self, part: u64, rest: u64, sum: u64) -> bool {
        self.sums.plus(part, rest, self.sums.whole()) == Some(sum)
    }

    /// Of one sum, from where on the others fill it with this part.
    fn start(&self, part: u64, others: &Histogram<N>, sum: u64) -> usize {
        (others.sums).partition_point(|rest| !self.is(part, *rest, sum))
    }

    /// How many there are from each sum of a row on, and none behind the last.
    fn tails(&self, of: (usize, usize)) -> Arc<[N]> {
        self.tails.of(of, || {
            let counts = &self.tables[of.0][of.1].counts;
            let mut tails = vec![N::zero(); counts.len() + 1];
            for (number, count) in counts.iter().enumerate().rev() {
                tails[number] = tails[number + 1].clone();
                tails[number].add(count);
            }
            tails.into()
        })
    }

    /// One of the sums of a row from a place on, with odds by their counts: what [`Tree::pick`] picks of them.
    fn pick_from(
        &self,
        start: usize,
        of: (usize, usize),
        decision: usize,
        draw: &mut dyn Draw,
    ) -> u64 {
        let sums = &self.tables[of.0][of.1].sums;
        if start + 1 == sums.len() {
            return sums[start];
        }
        let tails = self.tails(of);
        let below = draw.below(decision, &tails[start].big());
        let below = N::of(&below).expect("invariant: it is below a count");
        let mut left = tails[start].clone();
        left.subtract(&below);
        // The first behind which there are fewer than what is left.
        let hit = tails[start + 1..].partition_point(|tail| !tail.is_below(&left));
        sums[start + hit]
    }

    /// One of several with odds by their counts, whose sum is given.
    fn pick<'a, T, I: Iterator<Item = (T, &'a N)>>(
        &self,
        odds: impl Fn() -> I,
        total: &N,
        decision: usize,
        draw: &mut dyn Draw,
    ) -> (T, &'a N)
    where
        N: 'a,
    {
        let mut all = odds();
        let (first, second) = (all.next(), all.next());
        if let (Some(only), None) = (first, second) {
            return only;
        }
        let below = draw.below(decision, &total.big());
        let mut left = N::of(&below).expect("invariant: it is below a count");
        let hit = odds().find(|(_, count)| {
            let is_here = left.is_below(count);
            if !is_here {
                left.subtract(count);
            }
            is_here
        });
        hit.expect("invariant: a count is the sum of what it is made of")
    }

    /// The decision that a choice of a sum is closest to: the first that is taken back on the way to it.
    fn voice(&self, step: usize) -> usize {
        match self.layout.steps[step] {
            Step::SumOut { variable, .. } | Step::Blocks { from: variable, .. } => {
                self.layout.variables[variable].decision
            }
            Step::Through { ref levels, .. } => self.layout.variables[levels[0].1].decision,
            Step::Times(_, y) => self.voice(y),
            Step::Factor(_) => {
                (self.layout.scopes[step].first()).map_or(0, |v| self.layout.variables[*v].decision)
            }
        }
    }
}
