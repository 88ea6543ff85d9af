//! A plan carried out: a table of histograms for each step. Points are drawn by walking back from the last step.

use std::collections::{BTreeMap, BTreeSet};

use num_bigint::BigUint;

use super::factors::Factors;
use super::histogram::{Histogram, Sums};
use super::layout::{Layout, Parts, Variable, row, unrow};
use super::order::Step;
use super::tally::Tally;
use crate::model::counting::graph::Draw;

/// Why a plan was not carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failed {
    /// It is too much work.
    TooMuch,
    /// Counts may have more bits than there is room for.
    NoRoom,
}

/// All tables.
#[derive(Debug, Clone)]
pub struct Tree<N> {
    layout: Layout,
    sums: Sums,
    /// For each step, the histogram of each row.
    tables: Vec<Vec<Histogram<N>>>,
    total: N,
}

impl<N: Tally> Tree<N> {
    /// Carries out a plan with so much `work`, in products of counts.
    pub fn new(factors: &Factors, layout: Layout, work: u64) -> Result<Tree<N>, Failed> {
        let mut tree = Tree {
            layout,
            sums: factors.sums.clone(),
            tables: Vec::new(),
            total: N::zero(),
        };
        let rooms = tree.rooms(factors);
        let (mut scratch, mut work) = (Vec::new(), work);
        for step in 0..tree.layout.steps.len() {
            let table = tree.table(step, factors, &rooms[step], &mut scratch, &mut work)?;
            tree.tables.push(table);
        }
        if let Some(last) = tree.tables.last() {
            for (sum, count) in last[0].iter() {
                if tree.sums.accepts(sum) {
                    tree.total.add(count);
                }
            }
        }
        Ok(tree)
    }

    pub fn total(&self) -> BigUint {
        self.total.big()
    }

    /// For each row of each step, what the sums may be there if whatever else must be added is as little as it can be: `None` if no point
    /// passes there.
    fn rooms(&self, factors: &Factors) -> Vec<Vec<Option<u64>>> {
        let n = self.sums.len();
        let mut least: Vec<Vec<u64>> = Vec::with_capacity(self.layout.steps.len());
        for step in 0..self.layout.steps.len() {
            let mut of_step = vec![u64::MAX; self.layout.rows(step) * n];
            self.layout.each_row(step, |row, parts| {
                let mut offer = |values: &mut dyn Iterator<Item = u64>| {
                    let of_row = &mut of_step[row * n..(row + 1) * n];
                    of_row.iter_mut().zip(values).for_each(|(l, v)| *l = v.min(*l));
                };
                match parts {
                    Parts::Factor(factor) => {
                        if let Some((sum, _)) = &factors.tables[factor].rows[row] {
                            offer(&mut (0..n).map(|d| self.sums.digit(*sum, d)));
                        }
                    }
                    Parts::Product((x, at_x), (y, at_y)) => {
                        let (x, y) = (&least[x][at_x * n..], &least[y][at_y * n..]);
                        offer(&mut (0..n).map(|d| x[d].saturating_add(y[d])));
                    }
                    Parts::Sum((of, at)) => {
                        offer(&mut least[of][at * n..(at + 1) * n].iter().copied());
                    }
                }
            });
            least.push(of_step);
        }
        let mut outside: Vec<Vec<u64>> = least.iter().map(|l| vec![u64::MAX; l.len()]).collect();
        if let Some(last) = outside.last_mut() {
            last.fill(0);
        }
        for step in (0..self.layout.steps.len()).rev() {
            let here = std::mem::take(&mut outside[step]);
            self.layout.each_row(step, |row, parts| {
                let here = &here[row * n..(row + 1) * n];
                let mut offer = |(of, at): (usize, usize), besides: Option<&[u64]>| {
                    for d in 0..n {
                        let with = besides.map_or(0, |b| b[d]);
                        let slot = &mut outside[of][at * n + d];
                        *slot = here[d].saturating_add(with).min(*slot);
                    }
                };
                match parts {
                    Parts::Factor(_) => {}
                    Parts::Product(x, y) => {
                        offer(x, Some(&least[y.0][y.1 * n..]));
                        offer(y, Some(&least[x.0][x.1 * n..]));
                    }
                    Parts::Sum(of) => offer(of, None),
                }
            });
            outside[step] = here;
        }
        let room = |(least, outside): (&[u64], &[u64])| match least[0] {
            u64::MAX => None,
            _ => self.sums.room(outside),
        };
        let of_step = |(least, outside): (&Vec<u64>, &Vec<u64>)| {
            least.chunks(n).zip(outside.chunks(n)).map(room).collect()
        };
        least.iter().zip(&outside).map(of_step).collect()
    }

    fn table(
        &self,
        step: usize,
        factors: &Factors,
        rooms: &[Option<u64>],
        scratch: &mut Vec<N>,
        work: &mut u64,
    ) -> Result<Vec<Histogram<N>>, Failed> {
        let mut table: Vec<Histogram<N>> = vec![Histogram::default(); self.layout.rows(step)];
        let mut pooled: Vec<Vec<(usize, usize)>> = vec![Vec::new(); match self.layout.steps[step] {
            Step::SumOut { .. } => table.len(),
            _ => 0,
        }];
        let mut failed = None;
        self.layout.each_row(step, |row, parts| {
            let Some(room) = rooms[row].filter(|_| failed.is_none()) else {
                return;
            };
            let mut spend = |steps: u64| match work.checked_sub(steps) {
                Some(left) => *work = left,
                None => failed = Some(Failed::TooMuch),
            };
            let made = match parts {
                Parts::Factor(factor) => {
                    let sum = &factors.tables[factor].rows[row];
                    let sum = sum.as_ref().and_then(|(sum, count)| {
                        Some((self.sums.plus(*sum, 0, room)?, N::of(count)))
                    });
                    match sum {
                        Some((sum, count)) => count.map(|count| Histogram::one(sum, count)),
                        None => Some(Histogram::default()),
                    }
                }
                Parts::Product((x, at_x), (y, at_y)) => {
                    let (x, y) = (&self.tables[x][at_x], &self.tables[y][at_y]);
                    let pairs = x.len() as u64 * y.len() as u64;
                    spend(pairs * N::COST * self.sums.cost() + 1);
                    match failed {
                        None => x.times(y, &self.sums, room, scratch),
                        Some(_) => return,
                    }
                }
                Parts::Sum(part) => {
                    spend(self.tables[part.0][part.1].len() as u64 * N::COST);
                    pooled[row].push(part);
                    return;
                }
            };
            match made {
                Some(made) => table[row] = made,
                None => failed = Some(Failed::NoRoom),
            }
        });
        if let Some(failed) = failed {
            return Err(failed);
        }
        for (row, parts) in pooled.into_iter().enumerate() {
            let parts = parts.iter().map(|(of, at)| &self.tables[*of][*at]);
            table[row] = Histogram::joined(parts).ok_or(Failed::NoRoom)?;
        }
        Ok(table)
    }

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
        let mut chosen = vec![None; decisions];
        for (variable, value) in self.layout.variables.iter().zip(values) {
            chosen[variable.decision] = (value < variable.members).then_some(value);
        }
        Some(chosen)
    }

    /// Chooses what a row with this sum is made of, and walks on from there.
    fn walk(&self, step: usize, sum: u64, values: &mut Vec<u64>, draw: &mut dyn Draw) {
        let at = row(&self.layout.scopes[step], &self.layout.variables, values);
        let here = &self.tables[step][at];
        let found = here.find(sum);
        let total = &here.counts[found.expect("invariant: only sums that occur are chosen")];
        match self.layout.steps[step] {
            Step::Factor(_) => {}
            Step::SumOut { of, variable } => {
                let scope = &self.layout.scopes[of];
                let rows: Vec<(u64, usize)> = (0..self.layout.variables[variable].size())
                    .map(|value| {
                        values[variable] = value;
                        (value, row(scope, &self.layout.variables, values))
                    })
                    .collect();
                let members = || {
                    rows.iter().filter_map(|(value, at)| {
                        let of_member = &self.tables[of][*at];
                        Some((*value, &of_member.counts[of_member.find(sum)?]))
                    })
                };
                let decision = self.layout.variables[variable].decision;
                let (value, _) = self.pick(members, total, decision, draw);
                values[variable] = value;
                self.walk(of, sum, values, draw);
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
                        let others = || of(long).iter().filter(|(rest, _)| self.is(part, *rest, sum));
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
    fn splits(&self, short: &Histogram<N>, long: &Histogram<N>, sum: u64) -> Vec<((u64, Option<u64>), N)> {
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
            Step::SumOut { variable, .. } => self.layout.variables[variable].decision,
            Step::Times(_, y) => self.voice(y),
            Step::Factor(_) => (self.layout.scopes[step].first()).map_or(0, |v| self.layout.variables[*v].decision),
        }
    }

    /// For each decision, the members that some point has.
    pub fn reached(&self) -> BTreeMap<usize, BTreeSet<u64>> {
        let mut found: BTreeMap<usize, BTreeSet<u64>> =
            (self.layout.variables.iter().map(|v| (v.decision, BTreeSet::new()))).collect();
        let live = self.live();
        for step in &self.layout.steps {
            let Step::SumOut { of, variable } = *step else {
                continue;
            };
            let mut values = vec![0; self.layout.variables.len()];
            let Variable { decision, members, .. } = self.layout.variables[variable];
            for (at, row) in live[of].iter().enumerate() {
                if row.iter().any(|l| *l) {
                    unrow(&self.layout.scopes[of], &self.layout.variables, at, &mut values);
                    if values[variable] < members {
                        found.entry(decision).or_default().insert(values[variable]);
                    }
                }
            }
        }
        found
    }

    /// Whether some point passes a row of a factor for which this holds.
    pub fn passes(&self, factor: usize, holds: impl Fn(usize) -> bool) -> bool {
        let live = self.live();
        let step = self.layout.steps.iter().position(|s| *s == Step::Factor(factor));
        step.is_some_and(|step| {
            let mut rows = live[step].iter().enumerate();
            rows.any(|(row, live)| holds(row) && live.iter().any(|l| *l))
        })
    }

    /// For each entry of each histogram, whether some point passes there.
    fn live(&self) -> Vec<Vec<Vec<bool>>> {
        let all = |value: bool| -> Vec<Vec<Vec<bool>>> {
            let of_table = |table: &Vec<Histogram<N>>| {
                table.iter().map(|h| vec![value; h.len()]).collect()
            };
            self.tables.iter().map(of_table).collect()
        };
        if self.sums.only_limits() {
            // What does not fit was dropped.
            return all(true);
        }
        let mut live = all(false);
        if let (Some(last), Some(table)) = (live.last_mut(), self.tables.last()) {
            for (l, (sum, _)) in last[0].iter_mut().zip(table[0].iter()) {
                *l = self.sums.accepts(sum);
            }
        }
        for step in (0..self.layout.steps.len()).rev() {
            let here = std::mem::take(&mut live[step]);
            self.layout.each_row(step, |row, parts| {
                let sums = &self.tables[step][row].sums;
                let is_live = |sum: u64| {
                    let at = sums.binary_search(&sum);
                    at.is_ok_and(|at| here[row][at])
                };
                match parts {
                    Parts::Factor(_) => {}
                    Parts::Sum((of, at)) => {
                        for (l, sum) in live[of][at].iter_mut().zip(&self.tables[of][at].sums) {
                            *l = is_live(*sum);
                        }
                    }
                    Parts::Product((x, at_x), (y, at_y)) => {
                        if !here[row].iter().any(|l| *l) {
                            return;
                        }
                        for (i, part) in self.tables[x][at_x].sums.iter().enumerate() {
                            for (j, rest) in self.tables[y][at_y].sums.iter().enumerate() {
                                if live[x][at_x][i] && live[y][at_y][j] {
                                    continue;
                                }
                                let sum = self.sums.plus(*part, *rest, self.sums.whole());
                                if sum.is_some_and(is_live) {
                                    live[x][at_x][i] = true;
                                    live[y][at_y][j] = true;
                                }
                            }
                        }
                    }
                }
            });
            live[step] = here;
        }
        live
    }
}
