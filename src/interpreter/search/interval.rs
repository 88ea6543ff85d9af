//! How sure a mean of few measurements is.
//!
//! In: one measurement for each repeat. Out: half the width of the 95 % confidence interval of their mean,
//!
//! ```text
//! t(0.975, n - 1) * sqrt(sum over i of (x[i] - mean)^2 / (n - 1)) / sqrt(n)
//! ```
//!
//! with `t` the quantile of Student's distribution (Student, 1908): the measurements are taken to be normal and independent, and their
//! variance is as unknown as their mean. Knows nothing of what was measured.

use statrs::distribution::{ContinuousCDF, StudentsT};

/// The arithmetic mean; 0 of nothing.
pub fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

/// Half the width of the 95 % confidence interval of the mean; `None` for less than two values, which say nothing of their spread.
pub fn half_width(values: &[f64]) -> Option<f64> {
    let freedom = values.len().checked_sub(1).filter(|n| *n > 0)? as f64;
    let mean = mean(values);
    let variance = values.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / freedom;
    let student = StudentsT::new(0.0, 1.0, freedom).ok()?;
    Some(student.inverse_cdf(0.975) * (variance / values.len() as f64).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two values at ±1 have the standard error 1, so that the half width is the quantile itself; likewise by symmetry for more.
    #[test]
    fn the_quantiles_are_those_of_the_tables() {
        for (count, quantile) in [(2, 12.7062), (3, 4.30265), (4, 3.18245), (10, 2.26216)] {
            let values: Vec<f64> = (0..count).map(f64::from).collect();
            let n = f64::from(count);
            // The variance of 0, 1, …, n - 1 is n (n + 1) / 12.
            let error = ((n + 1.0) / 12.0).sqrt();
            let half = half_width(&values).unwrap();
            assert!((half / error - quantile).abs() < 1e-4, "{count}: {half}");
        }
    }

    #[test]
    fn one_value_has_no_interval_and_equal_ones_a_narrow_one() {
        assert_eq!(half_width(&[0.5]), None);
        assert_eq!(half_width(&[]), None);
        assert_eq!(half_width(&[0.5, 0.5, 0.5]), Some(0.0));
        assert_eq!(mean(&[1.0, 2.0]), 1.5);
    }
}
