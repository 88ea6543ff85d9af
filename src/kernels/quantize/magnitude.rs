//! What scales and thresholds are found from: the largest magnitude and means of magnitudes, of each channel.

use crate::kernels::simd::{Isa, Kernel, Simd};

/// The largest magnitude of each channel; `channels` is 1 for one number over all. NaN wins.
pub fn abs_max(isa: Isa, x: &[f32], channels: usize) -> Vec<f32> {
    isa.run(AbsMax { x, channels })
}

/// The mean magnitude of each channel, summed in order in `f64`; `channels` is 1 for one number over all.
pub fn mean_abs(isa: Isa, x: &[f32], channels: usize) -> Vec<f32> {
    let everything = vec![-1.0; channels];
    mean_abs_above(isa, x, &everything)
}

/// The mean of the magnitudes above each channel's threshold, summed in order in `f64`; 0 where there are none.
pub fn mean_abs_above(isa: Isa, x: &[f32], thresholds: &[f32]) -> Vec<f32> {
    isa.run(MeanAbsAbove { x, thresholds })
}

struct AbsMax<'a> {
    x: &'a [f32],
    channels: usize,
}

impl Kernel for AbsMax<'_> {
    type Output = Vec<f32>;
    #[inline(always)]
    fn run<S: Simd>(self) -> Vec<f32> {
        let larger = |largest: f32, x: f32| {
            let magnitude = x.abs();
            if magnitude > largest || magnitude.is_nan() {
                magnitude
            } else {
                largest
            }
        };
        if self.channels > 1 {
            let mut largest = vec![0.0; self.channels];
            for row in self.x.chunks_exact(self.channels) {
                for (largest, x) in largest.iter_mut().zip(row) {
                    *largest = larger(*largest, *x);
                }
            }
            return largest;
        }
        // The order of maxima does not matter.
        let (blocks, rest) = self.x.as_chunks::<32>();
        let mut largest = [0.0; 32];
        for block in blocks {
            for (largest, x) in largest.iter_mut().zip(block) {
                *largest = larger(*largest, *x);
            }
        }
        let all = largest.iter().chain(rest);
        vec![all.fold(0.0, |largest, x| larger(largest, *x))]
    }
}

struct MeanAbsAbove<'a> {
    x: &'a [f32],
    thresholds: &'a [f32],
}

impl Kernel for MeanAbsAbove<'_> {
    type Output = Vec<f32>;
    #[inline(always)]
    fn run<S: Simd>(self) -> Vec<f32> {
        let channels = self.thresholds.len();
        let mut sums = vec![0.0_f64; channels];
        let mut counts = vec![0.0_f64; channels];
        for row in self.x.chunks_exact(channels) {
            let totals = sums.iter_mut().zip(&mut counts);
            for ((sum, count), (x, threshold)) in totals.zip(row.iter().zip(self.thresholds)) {
                let magnitude = x.abs();
                // NaN counts, so that it is seen
                let below = magnitude <= *threshold;
                *sum += if below { 0.0 } else { f64::from(magnitude) };
                *count += if below { 0.0 } else { 1.0 };
            }
        }
        let means = sums.iter().zip(&counts);
        means
            .map(|(sum, count)| (sum / count.max(1.0)) as f32)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::testing::{noise, on_every_isa};

    #[test]
    fn magnitudes_by_channel() {
        let x = [1.0, -4.0, -3.0, 2.0];
        let abs_max = |x: &[f32], channels| on_every_isa(|isa| abs_max(isa, x, channels));
        let mean_abs = |x: &[f32], channels| on_every_isa(|isa| mean_abs(isa, x, channels));
        assert_eq!(abs_max(&x, 2), [3.0, 4.0]);
        assert_eq!(abs_max(&x, 1), [4.0]);
        assert_eq!(mean_abs(&x, 2), [2.0, 3.0]);
        assert_eq!(mean_abs(&x, 1), [2.5]);
        let above = on_every_isa(|isa| mean_abs_above(isa, &x, &[1.0, 4.0]));
        assert_eq!(above, [3.0, 0.0]);
        assert!(mean_abs(&[f32::NAN, 1.0], 1)[0].is_nan());
        for at in [0, 40, 65] {
            let mut x = noise(70, 3);
            x[at] = -2.0;
            assert_eq!(abs_max(&x, 1), [2.0]);
            x[at] = f32::NAN;
            assert!(abs_max(&x, 1)[0].is_nan());
        }
    }
}
