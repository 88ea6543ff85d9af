//! Local search: from a point uphill to one that no small change improves.
//!
//! A change sets one decision to another member and repairs what depends on it; reals move by a step that shrinks where nothing helps
//! any more, one at a time and all together.

use rand_chacha::ChaCha8Rng;

use super::encoding::{member_at, position};
use crate::ir::Value;
use crate::model::{Choices, Decisions, Point};
use crate::stream::{below, normal, shuffle};

/// Categories with more members are sampled.
const MOST_MEMBERS: u64 = 8;
/// First and last step along the axis of a real.
const STEPS: (f64, f64) = (0.1, 1e-4);

/// Climbs from `start`, whose worth is `worth`. `ask` gives the worth of a point, `None` where it is not allowed; it is called about
/// `budget` times at most.
pub fn climb(
    decisions: &Decisions,
    start: Point,
    worth: f64,
    rng: &mut ChaCha8Rng,
    mut budget: usize,
    ask: &mut dyn FnMut(&Point) -> Option<f64>,
) -> (Point, f64) {
    let (mut best, mut best_worth) = (start, worth);
    let has_reals = decisions
        .all
        .iter()
        .any(|d| matches!(d.choices, Choices::Reals { .. }));
    let mut step = STEPS.0;
    let mut order: Vec<usize> = (0..decisions.all.len()).collect();
    loop {
        let before = best_worth;
        shuffle(rng, &mut order);
        for &i in &order {
            for point in changes(decisions, &best, i, step, rng) {
                if budget == 0 {
                    return (best, best_worth);
                }
                budget -= 1;
                if let Some(w) = ask(&point).filter(|w| *w > best_worth) {
                    (best, best_worth) = (point, w);
                }
            }
        }
        if has_reals {
            for _ in 0..2 {
                let point = all_reals(decisions, &best, step, rng);
                budget = budget.saturating_sub(1);
                if let Some(w) = ask(&point).filter(|w| *w > best_worth) {
                    (best, best_worth) = (point, w);
                }
            }
        }
        if best_worth == before {
            step *= 0.3;
            if !has_reals || step < STEPS.1 {
                return (best, best_worth);
            }
        }
    }
}

/// Every point that differs from `point` in one decision by a small change, and in what follows from it.
pub fn neighbors(
    decisions: &Decisions,
    point: &Point,
    step: f64,
    rng: &mut ChaCha8Rng,
) -> Vec<Point> {
    (0..decisions.all.len())
        .flat_map(|i| changes(decisions, point, i, step, rng))
        .collect()
}

fn changes(
    decisions: &Decisions,
    point: &Point,
    i: usize,
    step: f64,
    rng: &mut ChaCha8Rng,
) -> Vec<Point> {
    let Some(value) = point.0.get(i).and_then(Option::as_ref) else {
        return Vec::new();
    };
    others(&decisions.all[i].choices, value, step, rng)
        .into_iter()
        .map(|other| {
            let mut changed = point.clone();
            changed.0[i] = Some(other);
            decisions.repair(&changed)
        })
        .collect()
}

/// Members to try instead of `value`.
fn others(choices: &Choices, value: &Value, step: f64, rng: &mut ChaCha8Rng) -> Vec<Value> {
    let Some(len) = choices.len() else {
        let u = position(choices, value);
        return [u - step, u + step]
            .into_iter()
            .map(|u| member_at(choices, u.clamp(0.0, 1.0)))
            .filter(|other| other != value)
            .collect();
    };
    let at = choices
        .index_of(value)
        .expect("invariant: the values of a point are members of its decisions");
    let mut indices: Vec<u64> = if len <= MOST_MEMBERS {
        (0..len).collect()
    } else {
        let far = ((step * len as f64) as u64).max(2);
        let any =
            |rng: &mut ChaCha8Rng| u64::from(below(rng, u32::try_from(len).unwrap_or(u32::MAX)));
        match choices {
            Choices::Categories(_) => (0..MOST_MEMBERS).map(|_| any(rng)).collect(),
            _ => vec![
                at.saturating_sub(1),
                at + 1,
                at.saturating_sub(far),
                at + far,
                any(rng),
            ],
        }
    };
    indices.sort_unstable();
    indices.dedup();
    indices
        .into_iter()
        .filter(|i| *i != at)
        .filter_map(|i| choices.member(i))
        .collect()
}

/// All reals moved at once.
fn all_reals(decisions: &Decisions, point: &Point, step: f64, rng: &mut ChaCha8Rng) -> Point {
    let mut moved = point.clone();
    for (value, decision) in moved.0.iter_mut().zip(&decisions.all) {
        if let (Some(value), Choices::Reals { .. }) = (value, &decision.choices) {
            let u = position(&decision.choices, value) + step * normal(rng);
            *value = member_at(&decision.choices, u.clamp(0.0, 1.0));
        }
    }
    decisions.repair(&moved)
}
