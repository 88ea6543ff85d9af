//! What a trial is worth, given what a model expects of it. Logarithms throughout, so that a comparison of tiny worths still means
//! something (Ament et al. 2023, arXiv:2310.20708).
//!
//! ```text
//! Y ~ N(mean, deviation²)    the modelled goal of a candidate
//! EI(l) = E max(0, Y - l)    = deviation · h(z),   z = (mean - l) / deviation
//! h(z)  = φ(z) + z Φ(z)
//! ```

use statrs::distribution::{Continuous, ContinuousCDF, Normal};

use super::pareto::hypervolume;

/// `log h(z)`.
fn log_h(z: f64) -> f64 {
    let normal = Normal::standard();
    if z > -4.0 {
        return libm::log(normal.pdf(z) + z * normal.cdf(z));
    }
    // With t = -z and Mills' ratio Φ(-t) / φ(t) = 1 / (t + c), c = 1 / (t + 2 / (t + 3 / …)) (Laplace's continued fraction),
    // h = φ (1 - t / (t + c)) = φ c / (t + c): nothing cancels. From t = 4 on, 40 terms are exact to 1e-15.
    let t = -z;
    let mut tail = t;
    for k in (2..=40).rev() {
        tail = t + f64::from(k) / tail;
    }
    let c = 1.0 / tail;
    normal.ln_pdf(z) + libm::log(c / (t + c))
}

/// `log EI(level)`: how much a candidate is expected to exceed `level`.
pub fn log_expected_improvement(mean: f64, deviation: f64, level: f64) -> f64 {
    if deviation > 0.0 {
        libm::log(deviation) + log_h((mean - level) / deviation)
    } else {
        libm::log((mean - level).max(0.0))
    }
}

/// `log P(Y > 0)`.
pub fn log_probability_positive(mean: f64, deviation: f64) -> f64 {
    // Below z = -30 the tail is beyond use; a floor keeps the order of what multiplies it.
    libm::log(Normal::standard().cdf(mean / deviation).max(1e-200))
}

/// A front of which one goal is modelled and all others are known of every candidate before it is tried.
#[derive(Debug, Clone)]
pub struct Front {
    /// Known goals and the modelled one of each member, by ascending modelled goal.
    members: Vec<(Vec<f64>, f64)>,
    /// What counts as reached in the known goals.
    floor: Vec<f64>,
    /// The same in the modelled one.
    level: f64,
}

impl Front {
    /// The front of these members (dominated ones do no harm) above a reference point.
    pub fn new(mut members: Vec<(Vec<f64>, f64)>, floor: Vec<f64>, level: f64) -> Self {
        members.sort_by(|a, b| a.1.total_cmp(&b.1));
        Front {
            members,
            floor,
            level,
        }
    }

    /// Logarithm of the expected growth of the dominated volume by a candidate with these known goals, exact.
    ///
    /// At a height `t` of the modelled goal, the candidate adds the cross-section `A(t)`: its box of known goals without those of members
    /// that are at least that high. `A` grows in steps at the members' heights `l_k`, so the growth is
    /// `Σ_k (A_k - A_{k-1}) · max(0, Y - l_k)`, and its expectation `Σ_k (A_k - A_{k-1}) · EI(l_k)`. With one known goal the differences are
    /// the widths of the strips of the front; all are positive, so the sum is safe in logarithms.
    pub fn log_expected_improvement(&self, known: &[f64], mean: f64, deviation: f64) -> f64 {
        if known.iter().zip(&self.floor).any(|(k, f)| k <= f) {
            return f64::NEG_INFINITY;
        }
        let whole: f64 = known.iter().zip(&self.floor).map(|(k, f)| k - f).product();
        // From the top down: above all members, nothing of the box is covered.
        let mut terms = Vec::with_capacity(self.members.len() + 1);
        let mut covering: Vec<Vec<f64>> = Vec::new();
        let mut free = whole;
        for (others, height) in self.members.iter().rev() {
            if *height <= self.level {
                break;
            }
            covering.push(others.iter().zip(known).map(|(o, k)| o.min(*k)).collect());
            let below = whole - hypervolume(&covering, &self.floor);
            if free > below {
                terms.push(
                    libm::log(free - below) + log_expected_improvement(mean, deviation, *height),
                );
                free = below;
            }
        }
        if free > 1e-15 * whole {
            terms.push(libm::log(free) + log_expected_improvement(mean, deviation, self.level));
        }
        log_sum(&terms)
    }
}

/// `log Σ exp(terms)`.
fn log_sum(terms: &[f64]) -> f64 {
    let top = terms.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if top == f64::NEG_INFINITY {
        return top;
    }
    top + libm::log(terms.iter().map(|t| libm::exp(t - top)).sum())
}

/// Several goals as one: the augmented Chebyshev function of ParEGO (Knowles 2006, Eq. 2), for maximization and with a part for known
/// and a part for modelled goals,
///
/// ```text
/// value = min(known part, modelled part),   part = min_j w_j z_j + 0.05 Σ_j w_j z_j
/// ```
///
/// where `z_j` is goal j, 0 at the worst observed value and 1 at the best. Random weights per trial spread trials along the front.
#[derive(Debug, Clone)]
pub struct Scalarization {
    /// Weight, worst and range of each goal.
    goals: Vec<(f64, f64, f64)>,
}

impl Scalarization {
    /// The scalarization with these weights for goals that were observed at these points.
    pub fn new(weights: &[f64], observed: &[&[f64]]) -> Self {
        let goals = weights
            .iter()
            .enumerate()
            .map(|(j, w)| {
                let (worst, best) = observed
                    .iter()
                    .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), goals| {
                        (low.min(goals[j]), high.max(goals[j]))
                    });
                let range = best - worst;
                (*w, worst, if range > 0.0 { range } else { 1.0 })
            })
            .collect();
        Scalarization { goals }
    }

    /// The part of the goals that have a value here; infinite if there are none.
    pub fn part(&self, goals: impl Iterator<Item = Option<f64>>) -> f64 {
        let (mut least, mut sum) = (f64::INFINITY, 0.0);
        for ((weight, worst, range), goal) in self.goals.iter().zip(goals) {
            if let Some(goal) = goal {
                let z = weight * (goal - worst) / range;
                least = least.min(z);
                sum += z;
            }
        }
        least + 0.05 * sum
    }
}

/// `log E max(0, min(cap, Y) - level)`: expected improvement of what a known part caps, `EI(level) - EI(cap)`.
pub fn log_capped_improvement(mean: f64, deviation: f64, level: f64, cap: f64) -> f64 {
    if cap <= level {
        return f64::NEG_INFINITY;
    }
    let low = log_expected_improvement(mean, deviation, level);
    let high = log_expected_improvement(mean, deviation, cap);
    if low == f64::NEG_INFINITY {
        low
    } else {
        low + libm::log1p(-libm::exp(high - low).min(1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stream::{Purpose, normal, stream, uniform};

    /// E max(0, Y - level) by Simpson's rule over the part above the level, relative to the density at the level.
    fn by_quadrature(mean: f64, deviation: f64, level: f64) -> f64 {
        let z = (level - mean) / deviation;
        let (n, width) = (200_000, 40.0 / (1.0 + z.max(0.0)));
        let step = width / f64::from(n);
        let f = |x: f64| x * (-0.5 * x * x - z * x).exp();
        let sum: f64 = (0..=n)
            .map(|i| {
                let weight = if i == 0 || i == n {
                    1.0
                } else if i % 2 == 1 {
                    4.0
                } else {
                    2.0
                };
                weight * f(f64::from(i) * step)
            })
            .sum();
        let log_density = -0.5 * z * z - 0.5 * (2.0 * std::f64::consts::PI).ln();
        deviation.ln() + log_density + (sum * step / 3.0).ln()
    }

    #[test]
    fn expected_improvement_agrees_with_quadrature() {
        for (mean, deviation, level) in [
            (0.0, 1.0, 0.0),
            (1.0, 2.0, 0.5),
            (0.0, 1.0, 3.0),
            (0.0, 1.0, 3.999),
            (0.0, 1.0, 4.001),
            (0.0, 1.0, 8.0),
            (0.0, 0.1, 5.0),
            (0.0, 1e-3, 1.0),
        ] {
            let got = log_expected_improvement(mean, deviation, level);
            let want = by_quadrature(mean, deviation, level);
            assert!(
                (got - want).abs() < 1e-8 * want.abs().max(1.0),
                "{mean} {deviation} {level}: {got} {want}"
            );
        }
        assert_eq!(log_expected_improvement(3.0, 0.0, 1.0), 2.0_f64.ln());
        assert_eq!(log_expected_improvement(1.0, 0.0, 1.0), f64::NEG_INFINITY);
    }

    #[test]
    fn hypervolume_improvement_agrees_with_sampling() {
        for known_goals in 1..=2 {
            let mut rng = stream(known_goals as u64, 0, Purpose::Search);
            for _ in 0..10 {
                let members: Vec<(Vec<f64>, f64)> = (0..5)
                    .map(|_| {
                        let known = (0..known_goals).map(|_| uniform(&mut rng)).collect();
                        (known, uniform(&mut rng))
                    })
                    .collect();
                let known: Vec<f64> = (0..known_goals)
                    .map(|_| 0.2 + 0.8 * uniform(&mut rng))
                    .collect();
                let (mean, deviation) = (uniform(&mut rng), 0.5 * uniform(&mut rng));
                let floor = vec![0.05; known_goals];
                let front = Front::new(members.clone(), floor.clone(), 0.1);
                let exact = front
                    .log_expected_improvement(&known, mean, deviation)
                    .exp();
                let mut reference = floor;
                reference.push(0.1);
                let join = |known: &[f64], height: f64| {
                    let mut point = known.to_vec();
                    point.push(height);
                    point
                };
                let mut points: Vec<Vec<f64>> = members.iter().map(|(k, h)| join(k, *h)).collect();
                let before = hypervolume(&points, &reference);
                let draws = 20_000;
                let (mut sum, mut squares) = (0.0, 0.0);
                for _ in 0..draws {
                    points.push(join(&known, mean + deviation * normal(&mut rng)));
                    let growth = hypervolume(&points, &reference) - before;
                    points.pop();
                    sum += growth;
                    squares += growth * growth;
                }
                let sampled = sum / f64::from(draws);
                let error = (squares / f64::from(draws) - sampled * sampled)
                    .max(0.0)
                    .sqrt()
                    / f64::from(draws).sqrt();
                assert!(
                    (exact - sampled).abs() < 4.5 * error + 1e-9,
                    "{exact} {sampled} ± {error}"
                );
            }
        }
    }

    #[test]
    fn capped_improvement_agrees_with_sampling() {
        let mut rng = stream(9, 0, Purpose::Search);
        let (mean, deviation, level, cap) = (0.3, 0.5, 0.4, 0.7);
        let draws = 200_000;
        let sampled = (0..draws)
            .map(|_| ((mean + deviation * normal(&mut rng)).min(cap) - level).max(0.0))
            .sum::<f64>()
            / f64::from(draws);
        let exact = log_capped_improvement(mean, deviation, level, cap).exp();
        assert!((exact - sampled).abs() < 2e-3, "{exact} {sampled}");
    }

    #[test]
    fn scalarization_is_its_formula() {
        let observed: [&[f64]; 2] = [&[0.0, 10.0], &[2.0, 30.0]];
        let s = Scalarization::new(&[0.25, 0.75], &observed);
        let value = s.part([Some(1.0), Some(20.0)].into_iter());
        assert!((value - (0.125 + 0.05 * 0.5)).abs() < 1e-15);
        assert_eq!(s.part([None, None].into_iter()), f64::INFINITY);
    }
}
