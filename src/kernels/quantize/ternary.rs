//! Codes -1, 0 and +1, with a threshold beside the scale.

use super::check;
use crate::kernels::simd::{Isa, Kernel, Simd};

/// Keeps the sign of what is farther than `thresholds` from zero, with magnitude `scales`; the rest becomes zero.
pub fn ternary(isa: Isa, x: &[f32], thresholds: &[f32], scales: &[f32]) -> Vec<f32> {
    check(x, scales);
    assert_eq!(thresholds.len(), scales.len());
    isa.run(Ternary {
        x,
        thresholds,
        scales,
    })
}

struct Ternary<'a> {
    x: &'a [f32],
    thresholds: &'a [f32],
    scales: &'a [f32],
}

impl Kernel for Ternary<'_> {
    type Output = Vec<f32>;
    #[inline(always)]
    fn run<S: Simd>(self) -> Vec<f32> {
        let one = |x: f32, threshold: f32, scale: f32| {
            if x > threshold {
                scale
            } else if x < -threshold {
                -scale
            } else if x.is_nan() {
                x
            } else {
                0.0
            }
        };
        let mut y = self.x.to_vec();
        if let ([threshold], [scale]) = (self.thresholds, self.scales) {
            for y in &mut y {
                *y = one(*y, *threshold, *scale);
            }
        } else {
            for row in y.chunks_exact_mut(self.scales.len()) {
                let channels = self.thresholds.iter().zip(self.scales);
                for (y, (threshold, scale)) in row.iter_mut().zip(channels) {
                    *y = one(*y, *threshold, *scale);
                }
            }
        }
        y
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::testing::on_every_isa;

    #[test]
    fn ternary_keeps_what_exceeds_the_threshold() {
        let x = [-2.0, -0.5, 0.5, 0.6, 0.2, f32::NAN];
        for (threshold, scale) in [(&[0.5][..], &[1.5][..]), (&[0.5, 0.5], &[1.5, 1.5])] {
            let y = on_every_isa(|isa| ternary(isa, &x, threshold, scale));
            assert_eq!(y[..5], [-1.5, 0.0, 0.0, 1.5, 0.0]);
            assert!(y[5].is_nan());
        }
    }
}
