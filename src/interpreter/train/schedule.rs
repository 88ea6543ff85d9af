//! Factors on the learning rate over the steps of a stage.

use crate::model::Schedule;

/// The factor of step `step` of `steps`, which counts from 0.
pub fn factor(schedule: Schedule, step: usize, steps: usize) -> f64 {
    match schedule {
        Schedule::Constant => 1.0,
        Schedule::Cosine => {
            let share = step as f64 / steps.max(1) as f64;
            0.5 * (1.0 + libm::cos(std::f64::consts::PI * share))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cosine_goes_from_one_to_zero() {
        assert_eq!(factor(Schedule::Cosine, 0, 100), 1.0);
        assert!((factor(Schedule::Cosine, 50, 100) - 0.5).abs() < 1e-15);
        assert_eq!(factor(Schedule::Cosine, 100, 100), 0.0);
        let all: Vec<f64> = (0..=100)
            .map(|s| factor(Schedule::Cosine, s, 100))
            .collect();
        assert!(all.windows(2).all(|w| w[1] < w[0]));
        // Symmetric about the middle.
        assert!((0..=100).all(|s| (all[s] + all[100 - s] - 1.0).abs() < 1e-15));
    }

    #[test]
    fn constant_stays() {
        assert_eq!(factor(Schedule::Constant, 99, 100), 1.0);
    }
}
