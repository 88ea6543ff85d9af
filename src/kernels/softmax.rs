//! Softmax cross-entropy over rows of logits, with label smoothing (Szegedy et al., 2016, section 7).
//!
//! ```text
//! p[r, k] = exp(z[r, k]) / sum over j of exp(z[r, j])
//! q[r, k] = (1 - smoothing) * [k == target[r]] + smoothing / classes
//! loss    = mean over r of -(sum over k of q[r, k] * ln p[r, k])         dz[r, k] = (p[r, k] - q[r, k]) / rows
//! ```
//!
//! Computed in `f64` through `libm`, so that every platform gives the same bits. Nothing here is worth vectors: a row
//! has as many numbers as there are classes.

/// The loss and the probabilities `p`, which the gradient needs. Targets are class indices, one per row.
pub fn cross_entropy(
    logits: &[f32],
    classes: usize,
    targets: &[usize],
    smoothing: f32,
) -> (f32, Vec<f32>) {
    check(logits.len(), classes, targets);
    let smoothing = f64::from(smoothing);
    let mut probabilities = Vec::with_capacity(logits.len());
    let mut total = 0.0;
    for (row, &target) in logits.chunks_exact(classes).zip(targets) {
        let largest =
            row.iter().copied().fold(
                f32::NEG_INFINITY,
                |a, b| {
                    if b > a || b.is_nan() { b } else { a }
                },
            );
        let shifted = |z: f32| f64::from(z) - f64::from(largest);
        let sum: f64 = row.iter().map(|&z| libm::exp(shifted(z))).sum();
        let log_sum = libm::log(sum);
        let mean_shifted = row.iter().map(|&z| shifted(z)).sum::<f64>() / classes as f64;
        let expected = (1.0 - smoothing) * shifted(row[target]) + smoothing * mean_shifted;
        total += log_sum - expected;
        probabilities.extend(row.iter().map(|&z| (libm::exp(shifted(z)) / sum) as f32));
    }
    ((total / targets.len() as f64) as f32, probabilities)
}

/// Adds to `dlogits` the gradient of [`cross_entropy`] times `dloss`, given its probabilities.
pub fn cross_entropy_backward(
    probabilities: &[f32],
    classes: usize,
    targets: &[usize],
    smoothing: f32,
    dloss: f32,
    dlogits: &mut [f32],
) {
    check(probabilities.len(), classes, targets);
    assert_eq!(dlogits.len(), probabilities.len());
    let smoothing = f64::from(smoothing);
    let factor = f64::from(dloss) / targets.len() as f64;
    let rows = probabilities
        .chunks_exact(classes)
        .zip(dlogits.chunks_exact_mut(classes));
    for ((p, dz), &target) in rows.zip(targets) {
        for (k, (p, dz)) in p.iter().zip(dz).enumerate() {
            let hit = if k == target { 1.0 - smoothing } else { 0.0 };
            let q = hit + smoothing / classes as f64;
            *dz += ((f64::from(*p) - q) * factor) as f32;
        }
    }
}

fn check(len: usize, classes: usize, targets: &[usize]) {
    assert!(classes > 0 && !targets.is_empty() && len == classes * targets.len());
    assert!(
        targets.iter().all(|&target| target < classes),
        "targets are classes"
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::testing::{assert_close, noise, numeric_gradient};

    /// The loss straight from its definition.
    fn reference(z: &[f64], classes: usize, targets: &[usize], smoothing: f64) -> f64 {
        let rows = z.chunks_exact(classes).zip(targets);
        let losses = rows.map(|(row, &target)| {
            let sum: f64 = row.iter().map(|z| z.exp()).sum();
            let terms = row.iter().enumerate().map(|(k, z)| {
                let hit = if k == target { 1.0 - smoothing } else { 0.0 };
                -(hit + smoothing / classes as f64) * (z.exp() / sum).ln()
            });
            terms.sum::<f64>()
        });
        losses.sum::<f64>() / targets.len() as f64
    }

    #[test]
    fn agrees_with_the_definition_and_with_differences_of_it() {
        for (classes, targets, smoothing) in [
            (10, vec![3, 0, 9, 9], 0.0),
            (7, vec![1, 2, 6], 0.1),
            (1, vec![0], 0.0),
        ] {
            let z: Vec<f32> = noise(classes * targets.len(), 1)
                .iter()
                .map(|v| 4.0 * v)
                .collect();
            let (loss, p) = cross_entropy(&z, classes, &targets, smoothing);
            let smoothing_wide = f64::from(smoothing);
            let f = |z: &[f64]| reference(z, classes, &targets, smoothing_wide);
            let wide: Vec<f64> = z.iter().map(|z| f64::from(*z)).collect();
            assert!((f64::from(loss) - f(&wide)).abs() < 1e-6);
            let mut dz = vec![0.0; z.len()];
            cross_entropy_backward(&p, classes, &targets, smoothing, 1.0, &mut dz);
            assert_close(&dz, &numeric_gradient(&z, f), 1e-6);
        }
    }

    #[test]
    fn equal_logits_lose_the_logarithm_of_the_classes() {
        let (loss, p) = cross_entropy(&[2.0; 8], 8, &[5], 0.0);
        assert!((loss - 8f32.ln()).abs() < 1e-6);
        assert_eq!(p, [0.125; 8]);
    }

    #[test]
    fn huge_logits_do_not_overflow_and_nan_is_seen() {
        let (loss, _) = cross_entropy(&[1e30, -1e30], 2, &[0], 0.0);
        assert_eq!(loss, 0.0);
        let (loss, _) = cross_entropy(&[0.0, f32::NAN], 2, &[0], 0.0);
        assert!(loss.is_nan());
    }
}
