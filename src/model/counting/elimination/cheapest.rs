//! The point that costs least.
//!
//! In: a tree whose amounts are costs. Out: its cheapest point. Costs are a semiring, too: of choices the smaller one counts, and the
//! costs of independent parts are added, or the larger or the smaller one of them counts.

use std::marker::PhantomData;

use super::histogram::Histogram;
use super::layout::row;
use super::order::Step;
use super::tally::Amount;
use super::tree::Tree;

/// How the costs of parts become that of the whole.
pub trait Whole: std::fmt::Debug + Clone {
    /// Of two parts.
    fn of(x: f64, y: f64) -> f64;
}

/// The sum of the parts.
#[derive(Debug, Clone)]
pub struct Added;

impl Whole for Added {
    #[inline]
    fn of(x: f64, y: f64) -> f64 {
        x + y
    }
}

/// The largest of the parts.
#[derive(Debug, Clone)]
pub struct Largest;

impl Whole for Largest {
    #[inline]
    fn of(x: f64, y: f64) -> f64 {
        x.max(y)
    }
}

/// The least of the parts, of what is negative: nothing is made of a part that cannot be.
#[derive(Debug, Clone)]
pub struct Least;

impl Whole for Least {
    #[inline]
    fn of(x: f64, y: f64) -> f64 {
        match x.is_infinite() || y.is_infinite() {
            true => f64::INFINITY,
            false => x.min(y),
        }
    }
}

/// The least cost of several ways; infinite if there is none.
#[derive(Debug, Clone)]
pub struct Cost<W> {
    least: f64,
    whole: PhantomData<W>,
}

impl<W> Cost<W> {
    /// One way with this cost.
    pub fn of(least: f64) -> Self {
        Cost {
            least,
            whole: PhantomData,
        }
    }
}

impl<W: Whole> Amount for Cost<W> {
    #[inline]
    fn zero() -> Self {
        Cost::of(f64::INFINITY)
    }

    #[inline]
    fn is_zero(&self) -> bool {
        self.least == f64::INFINITY
    }

    #[inline]
    fn add(&mut self, x: &Self) {
        self.least = self.least.min(x.least);
    }

    #[inline]
    fn add_product(&mut self, x: &Self, y: &Self) {
        let cost = W::of(x.least, y.least);
        if cost < self.least {
            self.least = cost;
        }
    }

    #[inline]
    fn bits(&self) -> u64 {
        0
    }

    /// What adds more and costs as much is of no use.
    fn thin(histogram: &mut Histogram<Self>) {
        let mut least = f64::INFINITY;
        let is_needed: Vec<bool> = (histogram.counts.iter())
            .map(|cost| {
                let is_less = cost.least < least;
                least = least.min(cost.least);
                is_less
            })
            .collect();
        let mut needed = is_needed.iter();
        histogram.sums.retain(|_| needed.next() == Some(&true));
        needed = is_needed.iter();
        histogram.counts.retain(|_| needed.next() == Some(&true));
    }

    const ROOM: u64 = u64::MAX;
    const COST: u64 = 1;
}

impl<W: Whole> Tree<Cost<W>> {
    /// For each decision, the number of its member where it is a variable and exists, and what the point costs. `None` if there is no point.
    pub fn cheapest(&self, decisions: usize) -> Option<(Vec<Option<u64>>, f64)> {
        let last = self.layout.steps.len().checked_sub(1)?;
        let mut values = vec![0; self.layout.variables.len()];
        let accepted = self.tables[last][0].iter();
        let accepted = accepted.filter(|(sum, _)| self.sums.accepts(*sum));
        let (sum, cost) = accepted.min_by(|a, b| a.1.least.total_cmp(&b.1.least))?;
        let mut open = vec![(last, sum)];
        while let Some((step, sum)) = open.pop() {
            self.back(step, sum, &mut values, &mut open)?;
        }
        Some((self.layout.members(decisions, &values), cost.least))
    }

    /// What the cost of a row at this sum is made of. Of equals, the first.
    fn back(
        &self,
        step: usize,
        sum: u64,
        values: &mut [u64],
        open: &mut Vec<(usize, u64)>,
    ) -> Option<()> {
        let at = |step: usize, values: &[u64]| {
            let row = row(&self.layout.scopes[step], &self.layout.variables, values);
            &self.tables[step][row]
        };
        let here = at(step, values);
        let cost = here.counts[here.find(sum)?].least;
        match self.layout.steps[step] {
            Step::Factor(_) => {}
            Step::SumOut { .. } | Step::Blocks { .. } | Step::Through { .. } => {
                let choices = self.layout.choices(step, values);
                let found = choices.iter().find(|choice| {
                    values[choice.variable] = choice.value;
                    let there = at(choice.of, values);
                    let place = there.find(sum);
                    place.is_some_and(|place| there.counts[place].least == cost)
                });
                open.push((found?.of, sum));
            }
            Step::Times(x, y) => {
                let (of_x, of_y) = (at(x, values), at(y, values));
                let room = self.sums.whole();
                let (part, rest) = of_x.iter().find_map(|(part, mine)| {
                    let fits = |rest: u64, its: &Cost<W>| {
                        self.sums.plus(part, rest, room) == Some(sum)
                            && W::of(mine.least, its.least) == cost
                    };
                    // Only a full sum is made in several ways with one part.
                    if !self.sums.is_full(sum) {
                        let rest = self.sums.minus(sum, part)?;
                        let place = of_y.find(rest)?;
                        return fits(rest, &of_y.counts[place]).then_some((part, rest));
                    }
                    let rest = of_y.iter().find(|(rest, its)| fits(*rest, its))?;
                    Some((part, rest.0))
                })?;
                open.push((x, part));
                open.push((y, rest));
            }
        }
        Some(())
    }
}
