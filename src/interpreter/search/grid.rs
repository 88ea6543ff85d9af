//! Grid search.

use super::feasible::Feasible;
use super::sampler::{Observation, Sampler, Suggestion};
use crate::model::Point;
use crate::model::counting::{Endless, Members, Next, members};

/// Parts of constraints that are looked at without a feasible member before the search ends: half a minute. To price a member is as much
/// work as so many.
const MOST_WORK: u64 = 300_000_000;
const PRICING: u64 = 2_000;

/// Every feasible member in order: the first decision changes slowest. Trial `k` is the member with number `k` among those that known
/// requirements allow.
pub struct Grid<'a> {
    feasible: Feasible<'a>,
    members: Members<'a>,
    /// The trial that the next feasible member belongs to.
    next: usize,
}

impl<'a> Grid<'a> {
    /// A grid over a space; an error names the first decision over reals.
    pub fn new(feasible: Feasible<'a>) -> Result<Self, Endless> {
        Ok(Grid {
            members: members(feasible.decisions)?,
            feasible,
            next: 0,
        })
    }
}

impl Sampler for Grid<'_> {
    fn suggest(&mut self, trial: usize, _: &[Observation], _: &[Point]) -> Suggestion {
        if trial < self.next {
            self.members.restart();
            self.next = 0;
        }
        let (mut tries, mut work) = (0, MOST_WORK);
        loop {
            let point = match self.feasible.next(&mut self.members, &mut work) {
                Next::Member(point) => point,
                Next::End => {
                    return Suggestion::Exhausted {
                        tries,
                        used_up: true,
                    };
                }
                Next::TooFar => {
                    return Suggestion::Exhausted {
                        tries,
                        used_up: false,
                    };
                }
            };
            tries += 1;
            work = work.saturating_sub(PRICING);
            if self.feasible.price(&point).is_some() {
                self.next += 1;
                if self.next > trial {
                    return Suggestion::Evaluate {
                        point,
                        tries,
                        accepted: 1,
                    };
                }
                work = MOST_WORK;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::interpreter::search::fixtures::{at_most, decisions, integers, reals};
    use crate::interpreter::search::sampler::Unknown;
    use crate::ir::{BinaryOp, Expr};

    fn numbers(suggestion: Suggestion) -> Option<Vec<f64>> {
        match suggestion {
            Suggestion::Evaluate { point, .. } => Some(
                point
                    .0
                    .iter()
                    .flatten()
                    .filter_map(|v| v.as_number())
                    .collect(),
            ),
            Suggestion::Exhausted { .. } => None,
        }
    }

    #[test]
    fn members_in_order_and_then_the_end() {
        let mut space = decisions(vec![integers("a", 1, 2), integers("b", 1, 3)]);
        space.constraints.push(at_most(&[0, 1], 4.0));
        let mut grid = Grid::new(Feasible::new(&space, &Unknown { goals: 1 })).unwrap();
        let got: Vec<Vec<f64>> = (0..5)
            .map(|k| numbers(grid.suggest(k, &[], &[])).unwrap())
            .collect();
        assert_eq!(
            got,
            [[1.0, 1.0], [1.0, 2.0], [1.0, 3.0], [2.0, 1.0], [2.0, 2.0]]
        );
        assert_eq!(numbers(grid.suggest(5, &[], &[])), None);
        // A resumed run may ask for any trial.
        assert_eq!(numbers(grid.suggest(2, &[], &[])).unwrap(), [1.0, 3.0]);
        let mut other = Grid::new(Feasible::new(&space, &Unknown { goals: 1 })).unwrap();
        assert_eq!(numbers(other.suggest(4, &[], &[])).unwrap(), [2.0, 2.0]);
    }

    #[test]
    fn a_grid_without_a_feasible_member_in_reach_ends() {
        let space = decisions((0..12).map(|_| integers("a", 1, 100)).collect());
        let known = |_: &Point| None;
        let mut grid = Grid::new(Feasible::new(&space, &known)).unwrap();
        let Suggestion::Exhausted { tries, used_up } = grid.suggest(0, &[], &[]) else {
            panic!("no member is feasible");
        };
        assert!(tries > 10_000 && !used_up);
        let space = decisions(vec![integers("a", 1, 100)]);
        let mut grid = Grid::new(Feasible::new(&space, &known)).unwrap();
        let end = Suggestion::Exhausted {
            tries: 100,
            used_up: true,
        };
        assert_eq!(grid.suggest(0, &[], &[]), end);
    }

    #[test]
    fn what_cannot_be_completed_is_stepped_over() {
        // Of 10^20 members those whose digits add up to 177 of 180: the first digits must be large. In order, 0 comes first.
        let mut space = decisions((0..20).map(|_| integers("a", 0, 9)).collect());
        let binary = |op, x, y| Expr::Binary(op, Arc::new(x), Arc::new(y));
        let sum = (1..20).fold(Expr::Decision(0), |sum, i| {
            binary(BinaryOp::Add, sum, Expr::Decision(i))
        });
        let tight = binary(BinaryOp::GreaterEqual, sum, Expr::number(177.0));
        space.constraints.push(tight);
        let mut grid = Grid::new(Feasible::new(&space, &Unknown { goals: 1 })).unwrap();
        let first = grid.suggest(0, &[], &[]);
        assert!(matches!(first, Suggestion::Evaluate { tries: 1, .. }));
        let first = numbers(first).unwrap();
        assert_eq!(first[0], 6.0);
        assert!(first[1..].iter().all(|digit| *digit == 9.0));
        // All of them, as often as there are ways to take at most 3 away in 20 places: C(23, 3).
        let mut grid = Grid::new(Feasible::new(&space, &Unknown { goals: 1 })).unwrap();
        let mut count = 0;
        let mut last = Vec::new();
        while let Some(next) = numbers(grid.suggest(count, &[], &[])) {
            assert!(next > last && next.iter().sum::<f64>() >= 177.0);
            (last, count) = (next, count + 1);
        }
        assert_eq!(count, 1771);
    }

    #[test]
    fn reals_have_no_grid() {
        let space = decisions(vec![integers("a", 1, 2), reals("rate", 0.0, 1.0)]);
        let Err(error) = Grid::new(Feasible::new(&space, &Unknown { goals: 1 })) else {
            panic!("reals can't be listed");
        };
        assert_eq!(error.path, "rate");
    }
}
