//! The parameters of a Gaussian process: those of most posterior density given the observations.
//!
//! Notation as in [`gaussian_process`](super::gaussian_process). w, s and g maximize the marginal likelihood of y (Rasmussen and Williams
//! 2006, Eq. 5.8, gradient Eq. 5.9) times log-normal priors, from a few fixed starts: no random numbers, no time limits, and all sums in a
//! fixed order, so equal observations give equal bits.

use super::cholesky::{Cholesky, dot};
use super::kernel::{Kernel, Layout, correlation};
use super::minimize::minimize;

/// A log-normal prior of a positive parameter, and the bounds of its search.
#[derive(Debug, Clone, Copy)]
struct Prior {
    /// Logarithm of the median.
    center: f64,
    /// Standard deviation of the logarithm.
    width: f64,
    /// Smallest and largest logarithm.
    bounds: (f64, f64),
}

/// The posterior of the parameters, as a function of their logarithms (w …, s, g).
pub struct Likelihood<'a> {
    layout: &'a Layout,
    n: usize,
    y: Vec<f64>,
    /// For each weight, what it multiplies between points i > j, at i (i - 1) / 2 + j.
    differences: Vec<Vec<f64>>,
    priors: Vec<Prior>,
}

impl<'a> Likelihood<'a> {
    /// Of observations `y` at `x`.
    pub fn new(layout: &'a Layout, x: Vec<&[f64]>, y: Vec<f64>) -> Self {
        let n = x.len();
        let mut differences = vec![Vec::with_capacity(n * n / 2); layout.weights()];
        let mut terms = vec![0.0; layout.weights()];
        for i in 0..n {
            for j in 0..i {
                layout.differences(x[i], x[j], &mut terms);
                for (all, term) in differences.iter_mut().zip(&terms) {
                    all.push(*term);
                }
            }
        }
        Likelihood {
            layout,
            n,
            y,
            differences,
            priors: priors(layout),
        }
    }

    /// The kernel and the noise of most posterior density among the maxima reached from fixed starts.
    pub fn best_parameters(&self) -> (Kernel, f64) {
        let centers: Vec<f64> = self.priors.iter().map(|p| p.center).collect();
        let low: Vec<f64> = self.priors.iter().map(|p| p.bounds.0).collect();
        let high: Vec<f64> = self.priors.iter().map(|p| p.bounds.1).collect();
        let weights = self.layout.weights();
        // The prior's center, and a rougher function.
        let starts = [0.0, 2.0].map(|shift| {
            let mut start = centers.clone();
            start[..weights].iter_mut().for_each(|w| *w += shift);
            start
        });
        let mut best = (centers, f64::INFINITY);
        for start in &starts {
            let found = minimize(|u, g| self.loss(u, g), start, &low, &high, EVALUATIONS);
            if found.1 < best.1 {
                best = found;
            }
        }
        let values: Vec<f64> = best.0.iter().map(|u| libm::exp(*u)).collect();
        let kernel = Kernel {
            layout: self.layout.clone(),
            weights: values[..weights].to_vec(),
            signal: values[weights],
        };
        (kernel, values[weights + 1])
    }

    /// The negative logarithm of the posterior density up to a constant, and its gradient.
    fn loss(&self, u: &[f64], gradient: &mut [f64]) -> f64 {
        let (n, weights, numbers) = (self.n, self.layout.weights(), self.layout.numbers());
        let values: Vec<f64> = u.iter().map(|u| libm::exp(*u)).collect();
        let (s, g) = (values[weights], values[weights + 1]);
        let pairs = n * (n - 1) / 2;
        let (mut r2, mut h) = (vec![0.0; pairs], vec![0.0; pairs]);
        for (i, (w, terms)) in values.iter().zip(&self.differences).enumerate() {
            let sum = if i < numbers { &mut r2 } else { &mut h };
            sum.iter_mut().zip(terms).for_each(|(sum, d)| *sum += w * d);
        }
        // Correlations and their derivatives with respect to r², in the place of r² and h.
        let (mut slope, mut rho) = (r2, h);
        for (a, b) in slope.iter_mut().zip(rho.iter_mut()) {
            (*b, *a) = correlation(*a, *b);
        }
        let mut k = vec![0.0; n * n];
        for i in 0..n {
            let start = i * i.saturating_sub(1) / 2;
            for j in 0..i {
                k[i * n + j] = s * rho[start + j];
            }
            k[i * n + i] = s + g;
        }
        let Some(chol) = Cholesky::new(n, k) else {
            return f64::INFINITY;
        };
        let alpha = chol.solve(&self.y);
        let mut loss = 0.5 * dot(&self.y, &alpha) + chol.half_log_determinant();
        let inverse = chol.inverse();
        // With G = α αᵀ - K⁻¹, the log likelihood has the derivative Σ_{i>j} G_ij dK_ij + ½ Σ_i G_ii dK_ii.
        let mut trace = 0.0;
        for i in 0..n {
            let start = i * i.saturating_sub(1) / 2;
            for j in 0..i {
                let weight = s * (alpha[i] * alpha[j] - inverse[i * n + j]);
                slope[start + j] *= weight;
                rho[start + j] *= weight;
            }
            trace += alpha[i] * alpha[i] - inverse[i * n + i];
        }
        for (i, terms) in self.differences.iter().enumerate() {
            let change = if i < numbers {
                dot(&slope, terms)
            } else {
                -dot(&rho, terms)
            };
            gradient[i] = -values[i] * change;
        }
        gradient[weights] = -(rho.iter().sum::<f64>() + 0.5 * s * trace);
        gradient[weights + 1] = -0.5 * g * trace;
        for ((u, prior), gradient) in u.iter().zip(&self.priors).zip(gradient) {
            let z = (u - prior.center) / prior.width;
            loss += 0.5 * z * z;
            *gradient += z / prior.width;
        }
        loss
    }
}

/// Calls of the likelihood per start.
const EVALUATIONS: usize = 40;

/// Weak priors. A weight's median falls with the number of weights, so that distances between random points don't grow with it
/// (Hvarfner et al. 2024, arXiv:2402.02229).
fn priors(layout: &Layout) -> Vec<Prior> {
    let count = layout.weights().max(1) as f64;
    let number = Prior {
        center: libm::log(4.0 / count),
        width: 1.5,
        bounds: (-12.0, 8.0),
    };
    let category = Prior {
        center: libm::log(1.0 / count),
        width: 1.5,
        bounds: (-12.0, 4.0),
    };
    let signal = Prior {
        center: 0.0,
        width: 1.5,
        bounds: (-5.0, 7.0),
    };
    let noise = Prior {
        center: libm::log(1e-4),
        width: 3.0,
        bounds: (libm::log(1e-7), 0.0),
    };
    (0..layout.weights())
        .map(|i| {
            if i < layout.numbers() {
                number
            } else {
                category
            }
        })
        .chain([signal, noise])
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::interpreter::search::fixtures::{mixed, vectors};

    #[test]
    fn gradient_is_the_derivative() {
        let layout = mixed();
        let x = vectors(12);
        let y: Vec<f64> = x.iter().map(|x| (5.0 * x[0]).sin() + x[2] - 0.8).collect();
        let likelihood = Likelihood::new(&layout, x.iter().map(Vec::as_slice).collect(), y);
        let u = [0.3, -0.5, -0.2, -1.0, 0.4, -3.0];
        let mut gradient = vec![0.0; 6];
        likelihood.loss(&u, &mut gradient);
        for i in 0..6 {
            let at = |step: f64| {
                let mut moved = u;
                moved[i] += step;
                likelihood.loss(&moved, &mut [0.0; 6])
            };
            let slope = (at(1e-5) - at(-1e-5)) / 2e-5;
            assert!(
                (slope - gradient[i]).abs() < 1e-6,
                "{i}: {slope} {gradient:?}"
            );
        }
    }
}
