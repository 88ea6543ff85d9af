//! What is believed after some trials, and what another one would be worth.
//!
//! * **Goals** known before training enter exactly, only measured goals are modelled. One measured goal: expected improvement, with known
//!   goals expected hypervolume improvement above a reference point 10 % of the range of all trials below the worst of
//!   them. Several measured goals, or more than three known ones: the scalarization of ParEGO with weights drawn per trial.
//! * **Best so far** is judged by the model's mean at trials, not by their noisy values.
//! * **Requirements on measurements and failures** teach a second process, over +1 and -1; its probability of +1 multiplies the acquisition,
//!   and is the acquisition as long as no trial is acceptable. Failed trials have no values and don't enter the first process.
//! * **Pending trials** are believed to give the model's mean.

use rand_chacha::ChaCha8Rng;

use super::acquisition::{
    Front, Scalarization, log_capped_improvement, log_expected_improvement,
    log_probability_positive,
};
use super::feasible::Feasible;
use super::gaussian_process::GaussianProcess;
use super::kernel::Layout;
use super::pareto::non_dominated;
use super::sampler::{KnownCosts, Observation};
use crate::model::Point;
use crate::stream::uniform;

/// What is believed after some trials.
pub struct Belief {
    /// The modelled quantity; absent if every goal is known.
    model: Option<GaussianProcess>,
    /// Over +1 and -1; absent as long as every trial was acceptable.
    acceptance: Option<GaussianProcess>,
    /// Which goals are known.
    known: Vec<bool>,
    /// Absent as long as no trial is acceptable.
    gain: Option<Gain>,
}

/// How a mean and a deviation become worth.
enum Gain {
    /// One goal, modelled: improvement over this level.
    Single(f64),
    /// One goal, known: more of it than this level, or, as long as nothing can go wrong, just more of it.
    Value(f64),
    /// One modelled goal (or, if all are known, the last one) and some known ones.
    Front(Front),
    /// All goals in one, above a level.
    Scalar(Scalarization, f64),
}

impl Belief {
    /// What `seen` says, and of `pending` trials the model's means.
    pub fn new(
        feasible: &Feasible,
        layout: &Layout,
        seen: &[Observation],
        pending: &[Point],
        rng: &mut ChaCha8Rng,
    ) -> Self {
        let known = feasible.known_goals(&seen[0].point, seen[0].goals.len());
        let encode = |point: &Point| feasible.encoding.encode(point);
        let valued: Vec<&Observation> = seen.iter().filter(|o| o.has_values()).collect();
        let measured: Vec<usize> = (0..known.len()).filter(|j| !known[*j]).collect();
        let several = measured.len() > 1 || known.len() > 4;
        // Drawn in any case, so that the stream does not depend on what was observed.
        let weights = random_weights(known.len(), rng);
        let scalarization = several.then(|| {
            let goals: Vec<&[f64]> = valued.iter().map(|o| o.goals.as_slice()).collect();
            Scalarization::new(&weights, &goals)
        });

        let modelled = |goals: &[f64]| match &scalarization {
            Some(s) => s.part(goals.iter().zip(&known).map(|(g, k)| (!k).then_some(*g))),
            None => goals[measured[0]],
        };
        let model = (!measured.is_empty() && !valued.is_empty()).then(|| {
            let x = valued.iter().map(|o| encode(&o.point)).collect();
            let y: Vec<f64> = valued.iter().map(|o| modelled(&o.goals)).collect();
            GaussianProcess::fit(layout, x, &y).believe(pending.iter().map(encode).collect())
        });
        let acceptance = seen.iter().any(|o| !o.is_acceptable()).then(|| {
            let x = seen.iter().map(|o| encode(&o.point)).collect();
            let y: Vec<f64> = seen
                .iter()
                .map(|o| if o.is_acceptable() { 1.0 } else { -1.0 })
                .collect();
            GaussianProcess::fit(layout, x, &y)
        });

        // What is reached: known goals as they are, the modelled quantity by its mean; pending trials count as believed.
        let observed = valued
            .iter()
            .filter(|o| o.is_acceptable())
            .map(|o| (&o.point, o.goals.iter().map(|g| Some(*g)).collect()));
        let believed = pending
            .iter()
            .filter_map(|p| Some((p, feasible.price(p)?.goals)));
        let any_acceptable = valued.iter().any(|o| o.is_acceptable());
        let reached: Vec<(Vec<Option<f64>>, f64)> = observed
            .chain(believed)
            .map(|(point, goals): (&Point, Vec<Option<f64>>)| {
                let exact = goals
                    .into_iter()
                    .zip(&known)
                    .map(|(g, known)| g.filter(|_| *known))
                    .collect();
                let mean = model
                    .as_ref()
                    .map_or(f64::NEG_INFINITY, |m| m.predict(&encode(point)).0);
                (exact, mean)
            })
            .collect();
        let gain = any_acceptable.then(|| match scalarization {
            Some(s) => {
                let level = reached
                    .iter()
                    .map(|(exact, mean)| s.part(exact.iter().copied()).min(*mean))
                    .fold(f64::NEG_INFINITY, f64::max);
                Gain::Scalar(s, level)
            }
            None if known == [true] => Gain::Value(
                reached
                    .iter()
                    .filter_map(|(exact, _)| exact[0])
                    .fold(f64::NEG_INFINITY, f64::max),
            ),
            None if known.len() == 1 => Gain::Single(
                reached
                    .iter()
                    .map(|r| r.1)
                    .fold(f64::NEG_INFINITY, f64::max),
            ),
            None => Gain::Front(front(reached)),
        });
        Belief {
            model,
            acceptance,
            known,
            gain,
        }
    }

    /// The logarithm of what a trial is worth, up to a constant.
    pub fn log_worth(&self, vector: &[f64], costs: &KnownCosts) -> f64 {
        let chance = self.acceptance.as_ref().map_or(0.0, |process| {
            let (mean, deviation) = process.predict(vector);
            log_probability_positive(mean, deviation)
        });
        let Some(gain) = &self.gain else {
            return chance;
        };
        let predicted = self.model.as_ref().map(|model| model.predict(vector));
        let mut exact: Vec<f64> = costs.goals.iter().copied().flatten().collect();
        let worth = match (gain, predicted) {
            (Gain::Single(level), Some((mean, deviation))) => {
                log_expected_improvement(mean, deviation, *level)
            }
            (Gain::Front(front), Some((mean, deviation))) => {
                front.log_expected_improvement(&exact, mean, deviation)
            }
            (Gain::Front(front), None) => {
                let last = exact.pop().unwrap_or(f64::NEG_INFINITY);
                front.log_expected_improvement(&exact, last, 0.0)
            }
            (Gain::Scalar(s, level), Some((mean, deviation))) => {
                let cap = s.part(costs.goals.iter().copied());
                log_capped_improvement(mean, deviation, *level, cap)
            }
            (Gain::Scalar(s, level), None) => {
                let value = s.part(costs.goals.iter().copied());
                log_expected_improvement(value, 0.0, *level)
            }
            (Gain::Value(level), _) => {
                let value = exact.pop().unwrap_or(f64::NEG_INFINITY);
                if self.acceptance.is_none() {
                    return value;
                }
                log_expected_improvement(value, 0.0, *level)
            }
            (Gain::Single(_), None) => f64::NEG_INFINITY,
        };
        debug_assert_eq!(self.known.len(), costs.goals.len());
        worth + chance
    }
}

/// Known goals and the modelled one of what is reached, above the reference point.
fn front(reached: Vec<(Vec<Option<f64>>, f64)>) -> Front {
    let members: Vec<(Vec<f64>, f64)> = reached
        .into_iter()
        .map(|(exact, mean)| {
            let mut known: Vec<f64> = exact.into_iter().flatten().collect();
            // Without a modelled goal, the last known one takes its place.
            let height = if mean == f64::NEG_INFINITY {
                known.pop().unwrap_or(mean)
            } else {
                mean
            };
            (known, height)
        })
        .collect();
    let joined: Vec<Vec<f64>> = members
        .iter()
        .map(|(known, height)| known.iter().copied().chain([*height]).collect())
        .collect();
    let best = non_dominated(&joined);
    let mut reference = reference_point(&joined);
    let level = reference.pop().unwrap_or(f64::NEG_INFINITY);
    let members = best.into_iter().map(|i| members[i].clone()).collect();
    Front::new(members, reference, level)
}

/// A tenth of the range of all points below the worst of them in each goal.
///
/// The range of the front alone, which is BoTorch's rule, would not do: whatever costs more than the dearest member of the front would be worth nothing,
/// however accurate it may be. Once a cheap trial is the best in accuracy, the search could not leave its neighborhood any more.
fn reference_point(points: &[Vec<f64>]) -> Vec<f64> {
    let goals = points.first().map_or(0, Vec::len);
    (0..goals)
        .map(|j| {
            let span = |values: &mut dyn Iterator<Item = f64>| {
                values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| {
                    (low.min(v), high.max(v))
                })
            };
            let (worst, best) = span(&mut points.iter().map(|p| p[j]));
            let range = [best - worst, worst.abs()].into_iter().find(|r| *r > 0.0);
            worst - 0.1 * range.unwrap_or(1.0)
        })
        .collect()
}

/// Weights that sum to 1, uniform over all such vectors.
fn random_weights(goals: usize, rng: &mut ChaCha8Rng) -> Vec<f64> {
    let parts: Vec<f64> = (0..goals).map(|_| -libm::log(1.0 - uniform(rng))).collect();
    let sum: f64 = parts.iter().sum();
    parts.iter().map(|p| p / sum.max(1e-300)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_dearer_than_the_front_is_worth_something() {
        // Negative energy, and the mean of the accuracy: the cheap one is better than the dear one, and the front alone.
        let reached = vec![(vec![Some(-10.0)], 0.6), (vec![Some(-90.0)], 0.5)];
        let front = front(reached);
        let worth = |energy: f64, mean: f64| front.log_expected_improvement(&[-energy], mean, 0.1);
        assert!(worth(80.0, 0.9).is_finite());
        assert!(worth(80.0, 0.9) > worth(80.0, 0.5));
        assert!(worth(20.0, 0.9) > worth(80.0, 0.9));
    }
}
