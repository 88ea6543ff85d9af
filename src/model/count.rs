//! How many points a space has.
//!
//! In: [`Decisions`]. Out: the number of points that meet all constraints over decisions. Decisions are taken front to back; points that
//! agree on everything that later guards and constraints look at are counted together, so that most spaces are counted exactly
//! however large they are. Requirements on metrics are not counted: they need every candidate's price.

use std::collections::{BTreeMap, BTreeSet};

use num_bigint::BigUint;

use super::decision::Decisions;
use super::evaluate::{self, Scope};
use crate::ir::{Expr, Value};

/// Sets of points that are told apart at most.
const MOST_STATES: usize = 1 << 15;

/// The number of points of a space.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Size {
    /// So many.
    Exactly(BigUint),
    /// Guards and constraints relate too many decisions to count; so many without them.
    AtMost(BigUint),
    /// A real number is among the decisions.
    Infinite,
}

/// Counts the points.
pub fn size(decisions: &Decisions) -> Size {
    let Some(members) = decisions
        .all
        .iter()
        .map(|d| d.choices.len())
        .collect::<Option<Vec<u64>>>()
    else {
        return Size::Infinite;
    };
    match exactly(decisions, &members) {
        Some(count) => Size::Exactly(count),
        None => Size::AtMost(members.iter().map(|n| BigUint::from(*n)).product()),
    }
}

/// Members of the decisions that are still looked at, by decision; absent: it does not exist.
type State = BTreeMap<usize, u64>;

fn exactly(decisions: &Decisions, members: &[u64]) -> Option<BigUint> {
    let guards: Vec<BTreeSet<usize>> = decisions
        .all
        .iter()
        .map(|d| evaluate::decisions(&d.guard))
        .collect();
    let constraints: Vec<(&Expr, BTreeSet<usize>)> = decisions
        .constraints
        .iter()
        .map(|c| (c, evaluate::decisions(c)))
        .collect();

    let start = State::new();
    let holds = |expr: &Expr, state: &State| {
        let scope = OfState { decisions, state };
        evaluate::truth(expr, &scope).unwrap_or(false)
    };
    let constants = constraints.iter().filter(|(_, of)| of.is_empty());
    if !constants.clone().all(|(c, _)| holds(c, &start)) {
        return Some(BigUint::ZERO);
    }
    let mut counts = BTreeMap::from([(start, BigUint::from(1u32))]);
    for (i, guard) in decisions.all.iter().map(|d| &d.guard).enumerate() {
        let due: Vec<&Expr> = constraints
            .iter()
            .filter(|(_, of)| of.last() == Some(&i))
            .map(|(c, _)| *c)
            .collect();
        let later = |j: &usize| {
            guards[i + 1..].iter().any(|of| of.contains(j))
                || constraints
                    .iter()
                    .any(|(_, of)| of.last() > Some(&i) && of.contains(j))
        };
        let matters = !due.is_empty() || later(&i);
        let mut next: BTreeMap<State, BigUint> = BTreeMap::new();
        let mut add = |mut state: State, count: BigUint| {
            state.retain(|j, _| later(j));
            *next.entry(state).or_insert(BigUint::ZERO) += count;
        };
        for (state, count) in &counts {
            let exists = holds(guard, state);
            if !matters {
                let factor = if exists { members[i] } else { 1 };
                add(state.clone(), count * factor);
                continue;
            }
            // A decision that does not exist is one way to go on, too.
            let choices = if exists { members[i] } else { 1 };
            if choices > MOST_STATES as u64 {
                return None;
            }
            for member in 0..choices {
                let mut state = state.clone();
                if exists {
                    state.insert(i, member);
                }
                if due.iter().all(|c| holds(c, &state)) {
                    add(state, count.clone());
                }
            }
        }
        if next.len() > MOST_STATES {
            return None;
        }
        counts = next;
    }
    Some(counts.into_values().sum())
}

struct OfState<'a> {
    decisions: &'a Decisions,
    state: &'a State,
}

impl Scope for OfState<'_> {
    fn name(&self, _: &str) -> Option<Value> {
        None
    }

    fn decision(&self, index: usize) -> Option<Value> {
        let member = self.state.get(&index)?;
        self.decisions.all[index].choices.member(*member)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::ir::BinaryOp;
    use crate::model::{Choices, Decision};
    use crate::source::Span;

    fn decision(path: &str, members: &[f64], guard: Expr) -> Decision {
        Decision {
            path: path.into(),
            choices: Choices::Ordered(members.to_vec()),
            default: Value::Number(members[0]),
            guard,
            span: Span::default(),
        }
    }

    fn compare(op: BinaryOp, x: Expr, y: Expr) -> Expr {
        Expr::Binary(op, Arc::new(x), Arc::new(y))
    }

    /// The independent slow version: every point, one by one.
    fn slow(decisions: &Decisions) -> usize {
        let mut points = vec![Vec::new()];
        for (i, decision) in decisions.all.iter().enumerate() {
            let mut longer = Vec::new();
            for point in points {
                if !decisions.is_active(i, &point) {
                    longer.push([point, vec![None]].concat());
                    continue;
                }
                for member in 0..decision.choices.len().unwrap() {
                    longer.push([point.clone(), vec![decision.choices.member(member)]].concat());
                }
            }
            points = longer;
        }
        let points = points.into_iter().map(crate::model::Point);
        points.filter(|p| decisions.is_feasible(p)).count()
    }

    fn agrees(decisions: &Decisions) {
        let Size::Exactly(count) = size(decisions) else {
            panic!("not counted");
        };
        assert_eq!(count, BigUint::from(slow(decisions)));
    }

    /// `repeat depth as d { width in {…} }` with a constraint between copies.
    #[test]
    fn guards_and_constraints_agree_with_enumeration() {
        let always = Expr::bool(true);
        let exists = |d: f64| compare(BinaryOp::Greater, Expr::Decision(0), Expr::number(d));
        let mut decisions = Decisions {
            all: vec![
                decision("depth", &[1.0, 2.0, 3.0], always.clone()),
                decision("d[0].width", &[8.0, 16.0], always.clone()),
                decision("d[1].width", &[8.0, 16.0, 24.0], exists(1.0)),
                decision("d[2].width", &[8.0, 16.0, 24.0, 32.0], exists(2.0)),
                decision("lr", &[1.0, 2.0, 3.0, 4.0, 5.0], always),
            ],
            constraints: Vec::new(),
        };
        assert_eq!(
            size(&decisions),
            Size::Exactly(((2 + 2 * 3 + 2 * 3 * 4) * 5u32).into())
        );
        agrees(&decisions);
        decisions.constraints = vec![compare(
            BinaryOp::Implies,
            exists(1.0),
            compare(BinaryOp::LessEqual, Expr::Decision(1), Expr::Decision(2)),
        )];
        agrees(&decisions);
        decisions.constraints.push(Expr::bool(false));
        assert_eq!(size(&decisions), Size::Exactly(BigUint::ZERO));
    }

    #[test]
    fn large_spaces_are_counted_exactly() {
        let decisions = Decisions {
            all: (0..100)
                .map(|i| decision(&format!("q[{i}]"), &[1.0, 2.0, 3.0], Expr::bool(true)))
                .collect(),
            constraints: Vec::new(),
        };
        assert_eq!(size(&decisions), Size::Exactly(BigUint::from(3u32).pow(100)));
    }

    #[test]
    fn reals_are_not_counted() {
        let mut real = decision("lr", &[1.0], Expr::bool(true));
        real.choices = Choices::Reals {
            low: 0.0,
            high: 1.0,
            log: false,
        };
        let decisions = Decisions {
            all: vec![real],
            constraints: Vec::new(),
        };
        assert_eq!(size(&decisions), Size::Infinite);
    }
}
