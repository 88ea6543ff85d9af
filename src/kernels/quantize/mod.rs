//! Fake quantization: numbers rounded to what few bits can hold, and the straight-through gradients of that.
//!
//! ```text
//! uniform:  y[i] = round(clamp(x[i] / s, low, high)) * s           half to even; whole bounds
//! sign:     y[i] = s if x[i] >= 0 else -s                          sign(0) = +1
//! ternary:  y[i] = s if x[i] > t, -s if x[i] < -t, else 0
//!
//! straight through (Bengio et al., 2013), with clipping; for signs low = -1, high = 1:
//!           dx[i] = dy[i] if low * s <= x[i] <= high * s else 0
//! ```
//!
//! A scale `s` or threshold `t` is a slice with one number for all, or one per channel, channels being the last axis of `x`:
//! element `i` uses number `i % len`. Scales are positive. NaN stays NaN, and its gradient passes.

mod magnitude;
mod staircase;
mod ternary;

pub use magnitude::{abs_max, mean_abs, mean_abs_above};
pub(super) use staircase::{Sign, Smooth, Staircase, Uniform};
pub use ternary::ternary;

use super::{
    buffer::Unfilled,
    simd::{Isa, Kernel, Simd},
};
use staircase::LARGEST;

/// What a number may become, in units of the scale.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Codes {
    /// The whole numbers `low..=high`, of magnitude 2^22 at most.
    Uniform {
        /// The smallest.
        low: f32,
        /// The largest.
        high: f32,
    },
    /// -1 and +1.
    Sign,
}

/// Codes and one scale for all numbers.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Quantizer {
    /// What a number may become.
    pub codes: Codes,
    /// What one code step stands for.
    pub scale: f32,
}

/// Code times scale of each number.
pub fn quantize(isa: Isa, codes: Codes, x: &[f32], scales: &[f32]) -> Vec<f32> {
    let mut out = Unfilled::new(x.len());
    // SAFETY: the buffer has room for as many numbers as `x` has, and all are written.
    unsafe {
        run(isa, codes, x, scales, out.as_mut_ptr());
        out.filled()
    }
}

/// The same into `y`, which has the length of `x`.
pub fn quantize_into(isa: Isa, codes: Codes, x: &[f32], scales: &[f32], y: &mut [f32]) {
    assert_eq!(x.len(), y.len());
    // SAFETY: just asserted.
    unsafe { run(isa, codes, x, scales, y.as_mut_ptr()) }
}

/// Writes as many numbers to `y` as `x` has.
///
/// # Safety
/// `y` has room for them.
unsafe fn run(isa: Isa, codes: Codes, x: &[f32], scales: &[f32], y: *mut f32) {
    check(x, scales);
    match codes {
        Codes::Uniform { low, high } => {
            assert!(low <= high && low >= -LARGEST && high <= LARGEST);
            let staircase = Uniform { low, high };
            isa.run(Quantize {
                staircase,
                x,
                scales,
                y,
            });
        }
        Codes::Sign => isa.run(Quantize {
            staircase: Sign,
            x,
            scales,
            y,
        }),
    }
}

/// The straight-through gradient of [`quantize`], in the buffer of `dy`.
pub fn straight_through(
    isa: Isa,
    codes: Codes,
    x: &[f32],
    scales: &[f32],
    mut dy: Vec<f32>,
) -> Vec<f32> {
    check(x, scales);
    assert_eq!(x.len(), dy.len());
    let (low, high) = match codes {
        Codes::Uniform { low, high } => (low, high),
        Codes::Sign => (-1.0, 1.0),
    };
    isa.run(StraightThrough {
        staircase: Uniform { low, high },
        x,
        scales,
        d: &mut dy,
    });
    dy
}

/// Panics unless `per_channel` has one number or one per channel of `x`.
fn check(x: &[f32], per_channel: &[f32]) {
    assert!(!per_channel.is_empty() && x.len().is_multiple_of(per_channel.len()));
}

/// The scales of `n` numbers from channel `c` on; a single one serves all.
///
/// # Safety
/// The processor has the instruction set, and there are these channels.
#[inline(always)]
unsafe fn scales_of<S: Simd>(scales: &[f32], c: usize, n: usize) -> S::V {
    match scales {
        [scale] => S::splat(*scale),
        scales => S::read(scales.as_ptr().add(c), n),
    }
}

/// Numbers that go through `scales` once: all, if there is one scale.
fn width(len: usize, scales: &[f32]) -> usize {
    if scales.len() == 1 {
        len.max(1)
    } else {
        scales.len()
    }
}

/// `y[i] = step(x[i])`
struct Quantize<'a, Q> {
    staircase: Q,
    x: &'a [f32],
    scales: &'a [f32],
    y: *mut f32,
}

impl<Q: Staircase> Kernel for Quantize<'_, Q> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self) {
        let (x, y) = (self.x.as_ptr(), self.y);
        let width = width(self.x.len(), self.scales);
        // SAFETY: the vectors lie inside `x` and, as the caller of `run` says, inside `y`, and together they fill it.
        unsafe {
            for row in (0..self.x.len()).step_by(width) {
                for c in (0..width).step_by(S::LANES) {
                    let n = (width - c).min(S::LANES);
                    let scale = scales_of::<S>(self.scales, c, n);
                    let v = S::read(x.add(row + c), n);
                    S::write(y.add(row + c), self.staircase.step::<S>(v, scale), n);
                }
            }
        }
    }
}

/// `d[i] = pass(d[i], x[i])`
struct StraightThrough<'a> {
    staircase: Uniform,
    x: &'a [f32],
    scales: &'a [f32],
    d: &'a mut [f32],
}

impl Kernel for StraightThrough<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self) {
        let (x, d) = (self.x.as_ptr(), self.d.as_mut_ptr());
        let width = width(self.x.len(), self.scales);
        // SAFETY: the vectors lie inside `x` and `d`, which have the same length.
        unsafe {
            for row in (0..self.x.len()).step_by(width) {
                for c in (0..width).step_by(S::LANES) {
                    let n = (width - c).min(S::LANES);
                    let scale = scales_of::<S>(self.scales, c, n);
                    let (v, g) = (S::read(x.add(row + c), n), S::read(d.add(row + c), n));
                    S::write(d.add(row + c), self.staircase.pass::<S>(g, v, scale), n);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::testing::{noise, on_every_isa};

    fn uniform(x: &[f32], scales: &[f32], low: f32, high: f32) -> Vec<f32> {
        on_every_isa(|isa| quantize(isa, Codes::Uniform { low, high }, x, scales))
    }

    #[test]
    fn rounds_half_to_even_and_clips() {
        let x = [-9.0, -0.75, -0.25, 0.0, 0.25, 0.75, 1.25, 1.3, 9.0];
        let y = uniform(&x, &[0.5], -2.0, 1.0);
        assert_eq!(y, [-1.0, -1.0, 0.0, 0.0, 0.0, 0.5, 0.5, 0.5, 0.5]);
        assert!(uniform(&[f32::NAN], &[0.5], -2.0, 1.0)[0].is_nan());
    }

    #[test]
    fn rounding_agrees_with_the_standard_library() {
        let x: Vec<f32> = (-5200..5200).map(|i| i as f32 / 40.0).collect();
        let y = uniform(&x, &[1.0], -127.0, 127.0);
        for (x, y) in x.iter().zip(y) {
            assert_eq!(y, x.round_ties_even().clamp(-127.0, 127.0), "at {x}");
        }
        let largest = [LARGEST - 0.5, LARGEST - 1.5, 1.5 - LARGEST];
        let y = uniform(&largest, &[1.0], -LARGEST, LARGEST);
        assert_eq!(y, [LARGEST, LARGEST - 2.0, 2.0 - LARGEST]);
    }

    #[test]
    fn every_channel_has_its_scale() {
        let y = uniform(&[0.6, 0.6, -1.6, -1.6], &[1.0, 0.5], -8.0, 7.0);
        assert_eq!(y, [1.0, 0.5, -2.0, -1.5]);
        let x = noise(7 * 33, 1);
        let scale: Vec<f32> = (1..=33).map(|c| c as f32 / 50.0).collect();
        let y = uniform(&x, &scale, -4.0, 3.0);
        for (i, (x, y)) in x.iter().zip(y).enumerate() {
            let s = scale[i % 33];
            assert_eq!(y, (x / s).round_ties_even().clamp(-4.0, 3.0) * s);
        }
    }

    #[test]
    fn gradients_pass_up_to_the_clip_range() {
        let x = [-1.1, -1.0, 0.3, 0.5, 0.6, f32::NAN];
        let codes = Codes::Uniform {
            low: -2.0,
            high: 1.0,
        };
        let dx = on_every_isa(|isa| straight_through(isa, codes, &x, &[0.5], vec![2.0; 6]));
        assert_eq!(dx, [0.0, 2.0, 2.0, 2.0, 0.0, 2.0]);
        let x = [-1.5, -1.0, 1.0, 1.5];
        let sign = Codes::Sign;
        let dx = on_every_isa(|isa| straight_through(isa, sign, &x, &[1.0, 2.0], vec![2.0; 4]));
        assert_eq!(dx, [0.0, 2.0, 2.0, 2.0]);
    }

    #[test]
    fn zero_is_positive_and_nan_stays() {
        let x = [-2.0, -0.0, 0.0, 1e-30, f32::NAN];
        let y = on_every_isa(|isa| quantize(isa, Codes::Sign, &x, &[0.5]));
        assert_eq!(y[..4], [-0.5, 0.5, 0.5, 0.5]);
        assert!(y[4].is_nan());
    }
}
