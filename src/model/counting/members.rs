//! All points of a finite space, in order.

use super::Counted;
use crate::ir::Value;
use crate::model::decision::{Choices, Decisions, Point};
use crate::model::expression::evaluate::{self, Scope};

/// A space that can't be listed, because a decision is over reals.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endless {
    /// The path of the decision.
    pub path: String,
}

impl std::fmt::Display for Endless {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "`{}` is over reals: its members can't be listed",
            self.path
        )
    }
}

impl std::error::Error for Endless {}

/// Every point that meets all constraints, the first decision changing slowest, members in the order of their domains. Prefixes
/// that already break a constraint are left out with everything below them.
pub fn members(decisions: &Decisions) -> Result<Members<'_>, Endless> {
    let real = |c: &Choices| matches!(c, Choices::Reals { .. });
    if let Some(decision) = decisions.all.iter().find(|d| real(&d.choices)) {
        return Err(Endless {
            path: decision.path.clone(),
        });
    }
    let mut decided_at = vec![Vec::new(); decisions.all.len() + 1];
    let mut sizes = vec![1; decisions.all.len() + 1];
    for (c, constraint) in decisions.constraints.iter().enumerate() {
        let last = evaluate::decisions(constraint).last().map_or(0, |i| i + 1);
        let last = last.min(decisions.all.len());
        decided_at[last].push(c);
        sizes[last] += evaluate::size(constraint);
    }
    Ok(Members {
        decisions,
        decided_at,
        sizes,
        prefix: Point::default(),
        indices: Vec::new(),
        state: State::Start,
    })
}

/// The points of a space, one by one.
#[derive(Debug, Clone)]
pub struct Members<'a> {
    decisions: &'a Decisions,
    /// For each length of a prefix, the constraints that it decides.
    decided_at: Vec<Vec<usize>>,
    /// And how many parts they have.
    sizes: Vec<u64>,
    prefix: Point,
    /// The members' numbers in the prefix; none for decisions that don't exist.
    indices: Vec<Option<u64>>,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum State {
    Start,
    Within,
    End,
}

/// A scope in which only the decisions of a prefix have values.
struct Prefix<'a>(&'a Point);

impl Scope for Prefix<'_> {
    fn name(&self, _: &str) -> Option<Value> {
        None
    }

    fn decision(&self, index: usize) -> Option<Value> {
        self.0.0.get(index).cloned().flatten()
    }
}

impl Members<'_> {
    /// Starts over.
    pub fn restart(&mut self) {
        self.prefix.0.clear();
        self.indices.clear();
        self.state = State::Start;
    }

    /// The members of the point that was found last, by their number; none for decisions that don't exist.
    pub fn numbers(&self) -> &[Option<u64>] {
        &self.indices
    }

    fn holds(&self) -> bool {
        let decided = &self.decided_at[self.prefix.0.len()];
        decided.iter().all(|c| {
            let constraint = &self.decisions.constraints[*c];
            evaluate::truth(constraint, &Prefix(&self.prefix)).unwrap_or(false)
        })
    }

    /// Puts member `index` of the next decision; false if there is none.
    fn push(&mut self, index: u64) -> bool {
        let at = self.prefix.0.len();
        let value = if self.decisions.is_active(at, &self.prefix.0) {
            match self.decisions.all[at].choices.member(index) {
                Some(value) => Some(value),
                None => return false,
            }
        } else if index > 0 {
            return false;
        } else {
            None
        };
        self.indices.push(value.is_some().then_some(index));
        self.prefix.0.push(value);
        true
    }

    /// Replaces the last decision that has a further member by that member, dropping what follows; false if there is none.
    fn advance(&mut self) -> bool {
        while let Some(index) = self.indices.pop() {
            self.prefix.0.pop();
            if self.push(index.unwrap_or(0) + 1) {
                return true;
            }
        }
        false
    }
}

/// What a look for the next point ends with.
#[derive(Debug, Clone, PartialEq)]
pub enum Next {
    /// The point.
    Member(Point),
    /// There is none.
    End,
    /// The work is used up. The next look begins where this one ended.
    TooFar,
}

impl Members<'_> {
    /// The next point, found with so much `work`, in parts of constraints that are evaluated. What cannot be completed as far as `counted`, the same
    /// space counted, knows is stepped over.
    pub fn next_within(&mut self, work: &mut u64, counted: Option<&Counted>) -> Next {
        let mut alive = match self.state {
            State::Start => true,
            State::Within => self.advance(),
            State::End => false,
        };
        self.state = State::Within;
        while alive {
            match work.checked_sub(self.sizes[self.prefix.0.len()]) {
                Some(left) => *work = left,
                None => {
                    // The prefix has not been looked at.
                    self.state = State::Start;
                    return Next::TooFar;
                }
            }
            let mut may_begin = || {
                let is_next = |counted: &Counted| counted.may_begin(&self.indices, work);
                self.indices.is_empty() || counted.is_none_or(is_next)
            };
            if !self.holds() || !may_begin() {
                alive = self.advance();
            } else if self.prefix.0.len() == self.decisions.all.len() {
                return Next::Member(self.prefix.clone());
            } else if !self.push(0) {
                alive = self.advance();
            }
        }
        self.state = State::End;
        Next::End
    }
}

impl Iterator for Members<'_> {
    type Item = Point;

    fn next(&mut self) -> Option<Point> {
        match self.next_within(&mut { u64::MAX }, None) {
            Next::Member(point) => Some(point),
            Next::End | Next::TooFar => None,
        }
    }
}
