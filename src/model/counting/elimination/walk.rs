//! Points at random: a walk from the last table back to the first ones, with odds by the counts.

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
        let accepted = || whole.iter().filter(|(sum, _)| self.sums.accepts(*sum));
        let (sum, _) = self.pick(accepted, &self.total, self.voice(last), draw);
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
                let of = |step: usize| {
                    let at = row(&self.layout.scopes[step], &self.layout.variables, values);
                    &self.tables[step][at]
                };
                let (short, long) = match of(x).len() <= of(y).len() {
                    true => (x, y),
                    false => (y, x),
                };
                let splits = self.splits(of(short), of(long), sum);
                let odds = || splits.iter().map(|(split, count)| (*split, count));
                let (split, _) = self.pick(odds, total, self.voice(short), draw);
                let (part, rest) = match split {
                    (part, Some(rest)) => (part, rest),
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
        long: &Histogram<N>,
        sum: u64,
    ) -> Vec<((u64, Option<u64>), N)> {
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
        let (mut end, mut of_end) = (long.len(), N::zero());
        for (part, count) in short.iter() {
            if self.sums.len() == 1 {
                while end > 0 && self.is(part, long.sums[end - 1], sum) {
                    end -= 1;
                    of_end.add(&long.counts[end]);
                }
            } else {
                of_end = N::zero();
                let fitting = long.iter().filter(|(rest, _)| self.is(part, *rest, sum));
                fitting.for_each(|(_, count)| of_end.add(count));
            }
            if !of_end.is_zero() {
                splits.push(((part, None), product(count, &of_end)));
            }
        }
        splits
    }

    fn is(&self, part: u64, rest: u64, sum: u64) -> bool {
        self.sums.plus(part, rest, self.sums.whole()) == Some(sum)
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
