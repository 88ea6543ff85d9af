//! Softmax cross-entropy over rows of logits, with label smoothing (Szegedy et al., 2016, section 7).
//!
//! ```text
//! p[r, k] = exp(z[r, k]) / sum over j of exp(z[r, j])
//! q[r, k] = (1 - smoothing) * [k == target[r]] + smoothing / classes
//! loss    = mean over r of -(sum over k of q[r, k] * ln p[r, k])         dz[r, k] = (p[r, k] - q[r, k]) / rows
//! ```
//!
//! The divergence of a student from its teacher (Hinton et al., 2015, arXiv:1503.02531, section 2), with logits `z` and `v` and the
//! temperature `T`, scaled so that its gradient is as large for every `T`:
//!
//! ```text
//! p = softmax(z / T), t = softmax(v / T)
//! loss = T^2 * mean over r of (sum over k of t[r, k] * ln(t[r, k] / p[r, k]))         dz[r, k] = T * (p[r, k] - t[r, k]) / rows
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

/// The divergence of `logits` from those of a teacher, and the difference `p - t` of their probabilities, which the gradient needs.
pub fn divergence(
    logits: &[f32],
    teacher: &[f32],
    classes: usize,
    temperature: f64,
) -> (f32, Vec<f32>) {
    assert!(classes > 0 && !logits.is_empty() && logits.len().is_multiple_of(classes));
    assert_eq!(logits.len(), teacher.len());
    let mut differences = Vec::with_capacity(logits.len());
    let mut total = 0.0;
    let rows = logits
        .chunks_exact(classes)
        .zip(teacher.chunks_exact(classes));
    for (student, teacher) in rows {
        let student = log_softmax(student, temperature);
        let teacher = log_softmax(teacher, temperature);
        for (s, t) in student.iter().zip(&teacher) {
            let (p, q) = (libm::exp(*s), libm::exp(*t));
            // A class that the teacher rules out altogether says nothing.
            total += if q > 0.0 { q * (t - s) } else { 0.0 };
            differences.push((p - q) as f32);
        }
    }
    let rows = (logits.len() / classes) as f64;
    (
        (temperature * temperature * total / rows) as f32,
        differences,
    )
}

/// Adds to `dlogits` the gradient of [`divergence`] times `dloss`, given its differences.
pub fn divergence_backward(
    differences: &[f32],
    classes: usize,
    temperature: f64,
    dloss: f64,
    dlogits: &mut [f32],
) {
    assert_eq!(dlogits.len(), differences.len());
    let factor = dloss * temperature * classes as f64 / differences.len() as f64;
    for (difference, dz) in differences.iter().zip(dlogits) {
        *dz += (f64::from(*difference) * factor) as f32;
    }
}

/// ln softmax(row / temperature).
fn log_softmax(row: &[f32], temperature: f64) -> Vec<f64> {
    let scaled: Vec<f64> = row.iter().map(|z| f64::from(*z) / temperature).collect();
    let larger = |a: f64, b: &f64| if *b > a || b.is_nan() { *b } else { a };
    let largest = scaled.iter().fold(f64::NEG_INFINITY, larger);
    let sum: f64 = scaled.iter().map(|z| libm::exp(z - largest)).sum();
    let log_sum = libm::log(sum);
    scaled.iter().map(|z| z - largest - log_sum).collect()
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
    fn divergence_agrees_with_its_definition_and_with_differences_of_it() {
        for (classes, rows, temperature) in [(10, 3, 1.0), (7, 2, 4.0), (3, 5, 0.5)] {
            let logits = |salt| -> Vec<f32> {
                let noise = noise(classes * rows, salt);
                noise.iter().map(|v| 3.0 * v).collect()
            };
            let (z, v) = (logits(2), logits(3));
            let f = |z: &[f64]| {
                let softmax = |row: &[f64]| -> Vec<f64> {
                    let exps: Vec<f64> = row.iter().map(|x| (x / temperature).exp()).collect();
                    let sum: f64 = exps.iter().sum();
                    exps.iter().map(|e| e / sum).collect()
                };
                let v: Vec<f64> = v.iter().map(|x| f64::from(*x)).collect();
                let pairs = z.chunks(classes).zip(v.chunks(classes));
                let losses = pairs.map(|(z, v)| {
                    let (p, t) = (softmax(z), softmax(v));
                    let terms = t.iter().zip(&p).map(|(t, p)| t * (t / p).ln());
                    terms.sum::<f64>()
                });
                temperature * temperature * losses.sum::<f64>() / rows as f64
            };
            let (loss, differences) = divergence(&z, &v, classes, temperature);
            let wide: Vec<f64> = z.iter().map(|z| f64::from(*z)).collect();
            assert!((f64::from(loss) - f(&wide)).abs() < 1e-5);
            let mut dz = vec![0.0; z.len()];
            divergence_backward(&differences, classes, temperature, 1.0, &mut dz);
            assert_close(&dz, &numeric_gradient(&z, f), 1e-6);
        }
    }

    #[test]
    fn who_agrees_with_the_teacher_loses_nothing() {
        let z = [1.0, -2.0, 0.5, 1e30];
        let (loss, differences) = divergence(&z, &z, 2, 3.0);
        assert_eq!(loss, 0.0);
        assert!(differences.iter().all(|d| *d == 0.0));
        // Logits matter up to a constant only.
        let (loss, _) = divergence(&[1.0, 2.0], &[4.0, 5.0], 2, 1.0);
        assert!(loss.abs() < 1e-7);
        assert!(divergence(&[f32::NAN, 1.0], &[0.0, 1.0], 2, 1.0).0.is_nan());
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
