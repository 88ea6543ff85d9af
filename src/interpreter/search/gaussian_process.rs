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
//! w, s and g are those of most posterior density, see [`likelihood`](super::likelihood).

use super::cholesky::{Cholesky, dot};
use super::kernel::{Kernel, Layout};
use super::likelihood::Likelihood;

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::interpreter::search::encoding::Feature;
    use crate::interpreter::search::fixtures::{mixed, vectors};

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
