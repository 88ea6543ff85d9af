//! How alike two points are.
//!
//! ```text
//! k(x, y) = s · M(r) · exp(-h)
//! r²      = Σ over numbers    w_i (x_i - y_i)²
//! h       = Σ over categories w_j [x_j ≠ y_j]  +  w_f · share of flags that differ
//! M(r)    = (1 + √5 r + 5/3 r²) exp(-√5 r)          Matérn, smoothness 5/2 (Rasmussen and Williams 2006, Eq. 4.17)
//! ```
//!
//! Each factor is positive definite (an indicator of equality plus a constant is; sums in an exponent are products), so is the
//! product. Every weight is learned: a number or a category that does not matter gets a weight near 0.

use super::encoding::Feature;

/// Which weight each feature has.
#[derive(Debug, Clone, PartialEq)]
pub struct Layout {
    features: Vec<Feature>,
    numbers: usize,
    categories: usize,
    flags: usize,
}

impl Layout {
    /// The layout of vectors with these features, numbers first, then categories, then flags.
    pub fn new(features: Vec<Feature>) -> Self {
        let count = |f: Feature| features.iter().filter(|g| **g == f).count();
        Layout {
            numbers: count(Feature::Number),
            categories: count(Feature::Category),
            flags: count(Feature::Flag),
            features,
        }
    }

    /// How many weights there are: one per number, one per category, one for all flags.
    pub fn weights(&self) -> usize {
        self.numbers + self.categories + usize::from(self.flags > 0)
    }

    /// The weights that act on squared distances; the others act on inequalities.
    pub fn numbers(&self) -> usize {
        self.numbers
    }

    /// What each weight multiplies, between two vectors, into `terms` of length [`Layout::weights`].
    pub fn differences(&self, x: &[f64], y: &[f64], terms: &mut [f64]) {
        let flags = self.numbers + self.categories;
        for i in 0..self.numbers {
            terms[i] = (x[i] - y[i]) * (x[i] - y[i]);
        }
        for i in self.numbers..flags {
            terms[i] = if x[i] == y[i] { 0.0 } else { 1.0 };
        }
        if self.flags > 0 {
            let differ = (flags..x.len()).filter(|i| x[*i] != y[*i]).count();
            terms[flags] = differ as f64 / self.flags as f64;
        }
    }
}

/// A kernel with its weights.
#[derive(Debug, Clone, PartialEq)]
pub struct Kernel {
    /// What the weights belong to.
    pub layout: Layout,
    /// One per entry of [`Layout::differences`].
    pub weights: Vec<f64>,
    /// `s`, the variance of the function.
    pub signal: f64,
}

impl Kernel {
    /// `k(x, y)`; `terms` is scratch space of the length of the weights.
    pub fn covariance(&self, x: &[f64], y: &[f64], terms: &mut [f64]) -> f64 {
        self.layout.differences(x, y, terms);
        let numbers = self.layout.numbers;
        let sum = |w: &[f64], d: &[f64]| w.iter().zip(d).map(|(w, d)| w * d).sum();
        let r2 = sum(&self.weights[..numbers], &terms[..numbers]);
        let h = sum(&self.weights[numbers..], &terms[numbers..]);
        self.signal * correlation(r2, h).0
    }
}

/// `M(r) exp(-h)` and its derivative with respect to `r²`; the one with respect to `h` is the negative value.
pub fn correlation(r2: f64, h: f64) -> (f64, f64) {
    let a = (5.0 * r2).sqrt();
    let e = libm::exp(-a - h);
    // dM/dr² = M'(r) / 2r = -5/6 (1 + √5 r) exp(-√5 r)
    ((1.0 + a + a * a / 3.0) * e, -5.0 / 6.0 * (1.0 + a) * e)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matern_at_known_places() {
        assert_eq!(correlation(0.0, 0.0).0, 1.0);
        // r = 1: (1 + √5 + 5/3) exp(-√5)
        let root = 5.0_f64.sqrt();
        let expected = (1.0 + root + 5.0 / 3.0) * (-root).exp();
        assert!((correlation(1.0, 0.0).0 - expected).abs() < 1e-15);
        assert!((correlation(1.0, 2.0).0 - expected * (-2.0_f64).exp()).abs() < 1e-15);
        let slope = (correlation(1.0 + 1e-6, 0.3).0 - correlation(1.0 - 1e-6, 0.3).0) / 2e-6;
        assert!((slope - correlation(1.0, 0.3).1).abs() < 1e-9);
    }
}
