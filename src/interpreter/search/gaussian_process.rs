//! Gaussian-process regression: from values at some points to mean and deviation anywhere.
//!
//! ```text
//! X        observed points as vectors                          (n, d)
//! y        observed values, standardized to mean 0, deviation 1 (n)
//! w, s     weights and signal variance of the kernel k, see `kernel`
//! g        variance of the noise, in units of standardized y
//! K        k(X, X) + g I                                       (n, n)
//! L        lower Cholesky factor of K                          (n, n)
//! alpha    K⁻¹ y                                               (n)
//! k_star   k(X, x*)                                            (n)
//! mean     k_starᵀ alpha                                       Rasmussen and Williams 2006, Eq. 2.25
//! variance s - |L⁻¹ k_star|²                                   Eq. 2.26, of the function without its noise
//! ```
//!
//! w, s and g maximize the marginal likelihood of y (Eq. 5.8, gradient Eq. 5.9) times log-normal priors, from a few fixed starts: no random
//! numbers, no time limits, and all sums in a fixed order, so equal observations give equal bits.

use super::cholesky::{Cholesky, dot};
use super::kernel::{Kernel, Layout, correlation};
use super::minimize::minimize;

/// A fitted process.
#[derive(Debug, Clone)]
pub struct GaussianProcess {
    kernel: Kernel,
    noise: f64,
    x: Vec<Vec<f64>>,
    y: Vec<f64>,
    chol: Cholesky,
    alpha: Vec<f64>,
    /// `y = (value - shift) / scale`.
    shift: f64,
    scale: f64,
}

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

/// More observations than this don't enter the search for parameters (each of its steps costs n³); all enter the prediction.
const MOST_FOR_PARAMETERS: usize = 150;

impl GaussianProcess {
    /// The process that explains `values` at `x`. There must be at least one, and all must be finite.
    pub fn fit(layout: &Layout, x: Vec<Vec<f64>>, values: &[f64]) -> Self {
        let n = values.len() as f64;
        let shift = values.iter().sum::<f64>() / n;
        let variance = values
            .iter()
            .map(|v| (v - shift) * (v - shift))
            .sum::<f64>()
            / n;
        let deviation = variance.sqrt();
        // Equal values: any scale will do.
        let scale = if deviation > 1e-12 * shift.abs().max(1e-300) {
            deviation
        } else {
            1.0
        };
        let y: Vec<f64> = values.iter().map(|v| (v - shift) / scale).collect();
        let stride = y.len().div_ceil(MOST_FOR_PARAMETERS);
        let pick = |from: usize| (from..y.len()).step_by(stride);
        // Counted from the newest.
        let first = (y.len() - 1) % stride;
        let likelihood = Likelihood::new(
            layout,
            pick(first).map(|i| x[i].as_slice()).collect(),
            pick(first).map(|i| y[i]).collect(),
        );
        let (kernel, noise) = likelihood.best_parameters();
        Self::condition(kernel, noise, x, y, shift, scale)
    }

    fn condition(
        kernel: Kernel,
        mut noise: f64,
        x: Vec<Vec<f64>>,
        y: Vec<f64>,
        shift: f64,
        scale: f64,
    ) -> Self {
        let n = x.len();
        let mut k = vec![0.0; n * n];
        let mut terms = vec![0.0; kernel.weights.len()];
        for i in 0..n {
            for j in 0..i {
                k[i * n + j] = kernel.covariance(&x[i], &x[j], &mut terms);
            }
        }
        let chol = loop {
            for i in 0..n {
                k[i * n + i] = kernel.signal + noise;
            }
            // Ends: with enough noise, the diagonal dominates.
            match Cholesky::new(n, k.clone()) {
                Some(chol) => break chol,
                None => noise *= 10.0,
            }
        };
        GaussianProcess {
            alpha: chol.solve(&y),
            kernel,
            noise,
            x,
            y,
            chol,
            shift,
            scale,
        }
    }

    /// Mean and standard deviation of the function at `x_star`, in the units of the values.
    pub fn predict(&self, x_star: &[f64]) -> (f64, f64) {
        let mut terms = vec![0.0; self.kernel.weights.len()];
        let mut k_star: Vec<f64> = self
            .x
            .iter()
            .map(|x| self.kernel.covariance(x, x_star, &mut terms))
            .collect();
        let mean = dot(&k_star, &self.alpha);
        self.chol.forward(&mut k_star);
        let variance = (self.kernel.signal - dot(&k_star, &k_star)).max(0.0);
        (self.shift + self.scale * mean, self.scale * variance.sqrt())
    }

    /// The process after its own means were observed at `x` (kriging believer, Ginsbourger et al. 2010): means stay, deviations shrink
    /// around trials that are still running.
    pub fn believe(&self, x: Vec<Vec<f64>>) -> Self {
        if x.is_empty() {
            return self.clone();
        }
        let (mut all_x, mut all_y) = (self.x.clone(), self.y.clone());
        for x in x {
            all_y.push((self.predict(&x).0 - self.shift) / self.scale);
            all_x.push(x);
        }
        Self::condition(
            self.kernel.clone(),
            self.noise,
            all_x,
            all_y,
            self.shift,
            self.scale,
        )
    }
}

/// The posterior of the parameters, as a function of their logarithms (w …, s, g).
struct Likelihood<'a> {
    layout: &'a Layout,
    n: usize,
    y: Vec<f64>,
    /// For each weight, what it multiplies between points i > j, at i (i - 1) / 2 + j.
    differences: Vec<Vec<f64>>,
    priors: Vec<Prior>,
}

impl<'a> Likelihood<'a> {
    fn new(layout: &'a Layout, x: Vec<&[f64]>, y: Vec<f64>) -> Self {
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
    fn best_parameters(&self) -> (Kernel, f64) {
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
    use crate::interpreter::search::encoding::Feature;

    fn mixed() -> Layout {
        Layout::new(vec![
            Feature::Number,
            Feature::Number,
            Feature::Category,
            Feature::Flag,
            Feature::Flag,
        ])
    }

    /// Mixed vectors that fill the space without pattern.
    fn vectors(n: usize) -> Vec<Vec<f64>> {
        (0..n)
            .map(|i| {
                let i = i as f64;
                vec![
                    (i * 0.618).fract(),
                    (i * 0.755).fract(),
                    (i * 1.3).floor() % 3.0,
                    (i * 0.7).floor() % 2.0,
                    (i * 0.41).floor() % 2.0,
                ]
            })
            .collect()
    }

    #[test]
    fn two_points_in_closed_form() {
        let layout = Layout::new(vec![Feature::Number]);
        let kernel = Kernel {
            layout,
            weights: vec![4.0],
            signal: 1.5,
        };
        let (noise, y) = (0.1, [1.0, -1.0]);
        let x = vec![vec![0.2], vec![0.7]];
        let gp = GaussianProcess::condition(kernel.clone(), noise, x, y.to_vec(), 10.0, 2.0);
        let mut t = [0.0];
        let (mean, deviation) = gp.predict(&[0.4]);
        let (a, b) = (
            kernel.covariance(&[0.2], &[0.4], &mut t),
            kernel.covariance(&[0.7], &[0.4], &mut t),
        );
        // [[p, q], [q, p]]⁻¹ = [[p, -q], [-q, p]] / (p² - q²)
        let (p, q) = (1.6, kernel.covariance(&[0.2], &[0.7], &mut t));
        let det = p * p - q * q;
        let want_mean = (a - b) * (p + q) / det;
        let want_variance = 1.5 - (p * (a * a + b * b) - 2.0 * q * a * b) / det;
        assert!((mean - (10.0 + 2.0 * want_mean)).abs() < 1e-12);
        assert!((deviation - 2.0 * want_variance.sqrt()).abs() < 1e-12);
    }

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

    #[test]
    fn kernel_is_positive_definite_on_mixed_points() {
        let x = vectors(60);
        for weights in [[1.0, 1.0, 1.0, 1.0], [50.0, 0.01, 3.0, 0.2]] {
            let kernel = Kernel {
                layout: mixed(),
                weights: weights.to_vec(),
                signal: 1.0,
            };
            let (n, mut t) = (x.len(), [0.0; 4]);
            let mut k: Vec<f64> = (0..n * n)
                .map(|i| kernel.covariance(&x[i / n], &x[i % n], &mut t))
                .collect();
            (0..n).for_each(|i| k[i * n + i] += 1e-9);
            assert!(Cholesky::new(n, k).is_some());
        }
    }

    #[test]
    fn learns_a_smooth_function_and_what_does_not_matter() {
        let layout = mixed();
        let x = vectors(40);
        let f = |x: &[f64]| (5.0 * x[0]).sin() + 0.5 * x[2];
        let y: Vec<f64> = x.iter().map(|x| f(x)).collect();
        let gp = GaussianProcess::fit(&layout, x, &y);
        for x in &vectors(60)[40..] {
            let (mean, _) = gp.predict(x);
            assert!((mean - f(x)).abs() < 0.1, "{mean} {}", f(x));
        }
        assert!(gp.kernel.weights[1] < 0.1 * gp.kernel.weights[0]);
    }

    #[test]
    fn believed_means_stay_and_deviations_shrink() {
        let x = vectors(15);
        let y: Vec<f64> = x.iter().map(|x| x[0] * x[1]).collect();
        let gp = GaussianProcess::fit(&mixed(), x, &y);
        let pending = vec![0.31, 0.64, 1.0, 1.0, 0.0];
        let believed = gp.believe(vec![pending.clone()]);
        let near = [0.33, 0.6, 1.0, 1.0, 0.0];
        assert!((gp.predict(&near).0 - believed.predict(&near).0).abs() < 1e-6);
        assert!(believed.predict(&pending).1 < 0.5 * gp.predict(&pending).1);
    }

    #[test]
    fn equal_values_are_no_problem() {
        let gp = GaussianProcess::fit(&mixed(), vectors(3), &[2.0; 3]);
        let (mean, deviation) = gp.predict(&vectors(5)[4]);
        assert!((mean - 2.0).abs() < 1e-9 && deviation.is_finite());
    }
}
