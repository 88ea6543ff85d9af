//! Random search.

use super::feasible::Feasible;
use super::sampler::{Observation, Sampler, Suggestion};
use crate::model::Point;
use crate::stream::{Purpose, stream};

/// Uniform over the feasible points that are still new: each is equally likely, and reals are drawn in their declared scale once everything
/// else is. What cannot be counted is drawn again. Where a decision opens others (a depth, an optimizer), a member that opens many points
/// is drawn as often as it has points: uniform over depths would be another distribution.
pub struct Random<'a> {
    feasible: Feasible<'a>,
    seed: u64,
}

impl<'a> Random<'a> {
    /// Random search over a space.
    pub fn new(feasible: Feasible<'a>, seed: u64) -> Self {
        Random { feasible, seed }
    }
}

impl Sampler for Random<'_> {
    fn suggest(&mut self, trial: usize, seen: &[Observation], pending: &[Point]) -> Suggestion {
        let mut rng = stream(self.seed, trial as u64, Purpose::Search);
        let taken = self.feasible.taken(seen, pending);
        self.feasible.draw(&mut rng, &taken, None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::interpreter::search::fixtures::{at_most, categories, decisions, integers};
    use crate::interpreter::search::sampler::{KnownCosts, Unknown};
    use crate::model::counting::members;

    #[test]
    fn uniform_over_a_constrained_space() {
        // 4 x 4 x 3 members, of which those with a + b <= 5 remain.
        let mut space = decisions(vec![
            integers("a", 1, 4),
            integers("b", 1, 4),
            categories("c", 3),
        ]);
        space.constraints.push(at_most(&[0, 1], 5.0));
        let all: Vec<Point> = members(&space).unwrap().collect();
        assert_eq!(all.len(), 30);
        let mut counts = vec![0_u32; all.len()];
        let mut sampler = Random::new(Feasible::new(&space, &Unknown { goals: 1 }), 3);
        let draws = 6000;
        let mut tried = 0;
        for trial in 0..draws {
            let Suggestion::Evaluate { point, tries, .. } = sampler.suggest(trial, &[], &[]) else {
                panic!("the space is not empty");
            };
            tried += tries;
            counts[all.iter().position(|p| *p == point).unwrap()] += 1;
        }
        let expected = draws as f64 / all.len() as f64;
        let chi: f64 = counts
            .iter()
            .map(|c| (f64::from(*c) - expected).powi(2) / expected)
            .sum();
        // 29 degrees of freedom: below 58.3 in 99.9 % of cases.
        assert!(chi < 58.3, "{chi} {counts:?}");
        // None of the 18 others is ever drawn.
        assert_eq!(tried, draws as u64);
    }

    #[test]
    fn stays_within_what_is_known_and_ends_when_it_is_used_up() {
        let space = decisions(vec![integers("a", 1, 10), integers("b", 1, 10)]);
        let known = |point: &Point| {
            let product: f64 = point
                .0
                .iter()
                .flatten()
                .filter_map(|v| v.as_number())
                .product();
            Some(KnownCosts {
                goals: vec![None],
                feasible: product >= 90.0,
            })
        };
        let mut sampler = Random::new(Feasible::new(&space, &known), 1);
        let mut pending = Vec::new();
        for trial in 0..3 {
            match sampler.suggest(trial, &[], &pending) {
                Suggestion::Evaluate { point, .. } => {
                    assert!(known(&point).unwrap().feasible && !pending.contains(&point));
                    pending.push(point);
                }
                other => panic!("{other:?}"),
            }
        }
        // 9 x 10, 10 x 9 and 10 x 10.
        let Suggestion::Exhausted { tries, used_up } = sampler.suggest(3, &[], &pending) else {
            panic!("only three points are feasible");
        };
        assert!(tries >= 100 && used_up);
    }
}
