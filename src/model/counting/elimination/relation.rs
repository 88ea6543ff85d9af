//! What two decisions with many members allow each other.
//!
//! In: a constraint over two decisions. Out: a [`Relation`]: for each member of one the runs of members of the other. A table over both would have a row for
//! each pair; runs are as many as the members of one, where a constraint is a comparison. The members of a decision are summed in blocks, and blocks of
//! blocks, so that a run is the sum of a few of them: a chain of n decisions of m members takes about n·m·log m steps.

use crate::ir::Expr;
use crate::model::counting::region::{self, Run};
use crate::model::decision::Decisions;

/// So many members make a block, and so many blocks the next larger one.
pub const BLOCK: u64 = 4;
/// Runs of all members together.
const MOST_RUNS: usize = 1 << 21;

/// Pairs of members that may occur together.
#[derive(Debug, Clone, PartialEq)]
pub struct Relation {
    /// The constraints that it is, by number.
    pub constraints: Vec<usize>,
    /// Two variables.
    pub variables: [usize; 2],
    /// For each member of one, the members of the other.
    runs: [Vec<Vec<Run>>; 2],
}

impl Relation {
    /// The pairs of members of two decisions, which are these variables, that meet a constraint. `None` if that is too much work, or not much less than
    /// to go through all of them.
    pub fn new(
        number: usize,
        expr: &Expr,
        of: [usize; 2],
        variables: [usize; 2],
        decisions: &Decisions,
        work: &mut u64,
    ) -> Option<Relation> {
        let boxes = region::boxes(expr, of, decisions, work)?;
        let runs = [0, 1].map(|side| {
            let decision = &decisions.all[of[side]];
            let optional = u64::from(decision.guard != Expr::bool(true));
            let members = decision.choices.len().unwrap_or(0) + optional;
            let mut runs: Vec<Vec<Run>> = vec![Vec::new(); members as usize];
            let mut count = 0;
            for at in &boxes {
                count += (at[side].end - at[side].start) as usize;
                if count > MOST_RUNS {
                    return None;
                }
                for member in at[side].clone() {
                    runs[member as usize].push(at[1 - side].clone());
                }
            }
            Some(runs.into_iter().map(region::joined).collect())
        });
        let [Some(one), Some(other)] = runs else {
            return None;
        };
        Some(Relation {
            constraints: vec![number],
            variables,
            runs: [one, other],
        })
    }

    /// The side of a variable; `None` if it is of other ones.
    pub fn side(&self, variable: usize) -> Option<usize> {
        self.variables.iter().position(|v| *v == variable)
    }

    /// What both allow, of the same variables.
    pub fn meet(&mut self, other: &Relation) {
        self.constraints.extend(&other.constraints);
        for (mine, its) in self.runs.iter_mut().zip(&other.runs) {
            for (mine, its) in mine.iter_mut().zip(its) {
                *mine = region::both(mine, its);
            }
        }
    }

    /// Calls `visit` with the blocks, each by its level and number, whose members a member of this side allows on the other one: there are `sizes` of each level.
    pub fn blocks(
        &self,
        side: usize,
        member: u64,
        sizes: &[u64],
        mut visit: impl FnMut(usize, u64),
    ) {
        let Some((_, inner)) = sizes.split_last() else {
            return;
        };
        for run in &self.runs[side][member as usize] {
            let (mut start, mut end) = (run.start, run.end);
            for (level, size) in inner.iter().enumerate() {
                while start < end && !start.is_multiple_of(BLOCK) {
                    visit(level, start);
                    start += 1;
                }
                // The last block may be shorter.
                while start < end && end != *size && !end.is_multiple_of(BLOCK) {
                    end -= 1;
                    visit(level, end);
                }
                if start == end {
                    break;
                }
                (start, end) = (start / BLOCK, end.div_ceil(BLOCK));
            }
            (start..end).for_each(|block| visit(inner.len(), block));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ir::BinaryOp;
    use crate::model::counting::tests::{always, chosen, op, ordered};

    #[test]
    fn blocks_are_the_members_that_a_member_allows() {
        use BinaryOp::*;
        let decisions = Decisions {
            all: vec![ordered(37, always()), ordered(50, always())],
            constraints: Vec::new(),
        };
        let product = op(Multiply, chosen(0), chosen(1));
        type Holds = fn(u64, u64) -> bool;
        let cases: [(Expr, Holds); 5] = [
            (op(LessEqual, chosen(0), chosen(1)), |x, y| x <= y),
            (op(NotEqual, chosen(1), chosen(0)), |x, y| x != y),
            (op(Equal, product.clone(), Expr::number(36.0)), |x, y| {
                x * y == 36
            }),
            (op(Less, product, Expr::number(100.0)), |x, y| x * y < 100),
            (Expr::bool(true), |_, _| true),
        ];
        for (expr, holds) in cases {
            let found = Relation::new(0, &expr, [0, 1], [0, 1], &decisions, &mut { 1_000_000 });
            let found = found.unwrap();
            for (side, members, sizes) in [(0, 37, vec![50, 13, 4]), (1, 50, vec![37, 10, 3])] {
                for member in 0..members {
                    let mut allowed = vec![0; sizes[0] as usize];
                    found.blocks(side, member, &sizes, |level, block| {
                        let width = BLOCK.pow(level as u32);
                        let end = sizes[0].min((block + 1) * width);
                        (block * width..end).for_each(|m| allowed[m as usize] += 1);
                    });
                    for (other, count) in (0..).zip(allowed) {
                        let (x, y) = if side == 0 {
                            (member, other)
                        } else {
                            (other, member)
                        };
                        assert_eq!(count, usize::from(holds(x, y)), "{x} {y} of {expr:?}");
                    }
                }
            }
        }
    }
}
