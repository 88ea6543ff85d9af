//! Which members of one decision, or of two, meet an expression.
//!
//! In: an expression, and the decisions that it mentions. Out: boxes of members that meet it, none in two. What bounds do not decide is halved, so
//! that `a <= b` over a million pairs takes some thousand looks, and `a * b == 36` as many as it has divisors.

use std::ops::Range;

use crate::ir::{Expr, Value};
use crate::model::decision::{Choices, Decisions};
use crate::model::expression::bounds::{self, Abstract, Interval};
use crate::model::expression::evaluate::{self, Scope};

/// Consecutive members, by number. Behind the last one of a decision that may not exist: it does not.
pub(super) type Run = Range<u64>;

/// So few members or pairs are as quickly looked at one by one.
const FEW: u64 = 16;

/// The members that meet an expression over these decisions. `None` if a decision is over reals, or there is more to look at than `work`, in parts of
/// expressions, which is taken from it.
pub(super) fn boxes<const N: usize>(
    expr: &Expr,
    of: [usize; N],
    decisions: &Decisions,
    work: &mut u64,
) -> Option<Vec<[Run; N]>> {
    let mut starts: Vec<[Run; N]> = vec![std::array::from_fn(|_| 0..0)];
    for (side, index) in of.iter().enumerate() {
        let decision = &decisions.all[*index];
        let members = decision.choices.len()?;
        let optional = decision.guard != Expr::bool(true);
        let absent = optional.then_some(members..members + 1);
        let parts: Vec<Run> = std::iter::once(0..members).chain(absent).collect();
        let with = |start: &[Run; N]| {
            let start = start.clone();
            parts.clone().into_iter().map(move |part| {
                let mut start = start.clone();
                start[side] = part;
                start
            })
        };
        starts = starts.iter().flat_map(with).collect();
    }
    let mut search = Search {
        expr,
        size: evaluate::size(expr),
        of,
        choices: of.map(|index| &decisions.all[index].choices),
        work,
        found: Vec::new(),
    };
    for start in starts {
        search.look(start)?;
    }
    Some(search.found)
}

/// Runs in order, neighbors as one.
pub(super) fn joined(mut runs: Vec<Run>) -> Vec<Run> {
    runs.sort_unstable_by_key(|run| run.start);
    let mut found: Vec<Run> = Vec::with_capacity(runs.len());
    for run in runs {
        match found.last_mut() {
            Some(last) if last.end >= run.start => last.end = last.end.max(run.end),
            _ => found.push(run),
        }
    }
    found
}

/// What is in both.
pub(super) fn both(x: &[Run], y: &[Run]) -> Vec<Run> {
    let (mut x, mut y) = (x.iter().peekable(), y.iter().peekable());
    let mut found = Vec::new();
    while let (Some(a), Some(b)) = (x.peek(), y.peek()) {
        let common = a.start.max(b.start)..a.end.min(b.end);
        if !common.is_empty() {
            found.push(common);
        }
        match a.end <= b.end {
            true => x.next(),
            false => y.next(),
        };
    }
    found
}

struct Search<'a, const N: usize> {
    expr: &'a Expr,
    size: u64,
    of: [usize; N],
    choices: [&'a Choices; N],
    work: &'a mut u64,
    found: Vec<[Run; N]>,
}

/// A member of each decision.
struct Members<const N: usize>([(usize, Option<Value>); N]);

impl<const N: usize> Scope for Members<N> {
    fn name(&self, _: &str) -> Option<Value> {
        None
    }

    fn decision(&self, index: usize) -> Option<Value> {
        let mut all = self.0.iter();
        all.find(|(of, _)| *of == index)?.1.clone()
    }
}

impl<const N: usize> Search<'_, N> {
    fn look(&mut self, at: [Run; N]) -> Option<()> {
        let lengths = at.clone().map(|run| run.end - run.start);
        let cells = lengths.iter().copied().fold(1, u64::saturating_mul);
        if cells <= FEW {
            *self.work = self.work.checked_sub(self.size * cells)?;
            for cell in 0..cells {
                let mut left = cell;
                let mut member = at.clone();
                for (run, length) in member.iter_mut().zip(lengths) {
                    run.start += left % length;
                    run.end = run.start + 1;
                    left /= length;
                }
                if self.holds(&member) {
                    self.found.push(member);
                }
            }
            return Some(());
        }
        *self.work = self.work.checked_sub(self.size)?;
        match self.is_decided(&at) {
            Some(true) => self.found.push(at),
            Some(false) => {}
            None => {
                let longest = lengths.iter().copied().max().unwrap_or(0);
                let side = lengths.iter().position(|length| *length == longest)?;
                let (mut low, mut high) = (at.clone(), at);
                low[side].end -= longest - longest / 2;
                high[side].start += longest / 2;
                self.look(low)?;
                self.look(high)?;
            }
        }
        Some(())
    }

    fn holds(&self, at: &[Run; N]) -> bool {
        let member = |side: usize| (self.of[side], self.choices[side].member(at[side].start));
        evaluate::truth(self.expr, &Members::<N>(std::array::from_fn(member))).unwrap_or(false)
    }

    /// Whether all members, or none, meet the expression, as far as their ends tell.
    fn is_decided(&self, at: &[Run; N]) -> Option<bool> {
        let mut ends = Vec::with_capacity(N);
        for ((run, choices), index) in at.iter().zip(self.choices).zip(self.of) {
            let end = |member: u64| choices.member(member);
            let Some(first) = end(run.start) else {
                // It does not exist here.
                continue;
            };
            if matches!(choices, Choices::Categories(_)) {
                return None;
            }
            let (low, high) = (first.as_number()?, end(run.end - 1)?.as_number()?);
            ends.push((index, Abstract::Interval(Interval::new(low, high)?)));
        }
        bounds::proves_within(self.expr, ends)
    }
}
