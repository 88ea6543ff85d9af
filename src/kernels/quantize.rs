//! Fake quantization: numbers rounded to what few bits can hold, and the straight-through gradients of that.
//!
//! ```text
//! uniform:  y[i] = clamp(round(x[i] / s), qmin, qmax) * s          round half to even
//! sign:     y[i] = s if x[i] >= 0 else -s                          sign(0) = +1
//! ternary:  y[i] = s if x[i] > t, -s if x[i] < -t, else 0
//!
//! straight through (Bengio et al., 2013), with clipping:
//!           dx[i] += dy[i] if low <= x[i] <= high else 0
//! ```
//!
//! A scale `s`, threshold `t` or bound is a slice with one number for all, or one per channel, channels being the last
//! axis of `x`: element `i` uses number `i % len`. Scales are positive. NaN stays NaN, and its gradient passes.

use super::simd::{Isa, Kernel, Simd};

/// Rounds to a grid of `qmin..=qmax` steps of `scale`.
pub fn uniform(isa: Isa, x: &[f32], scale: &[f32], qmin: f32, qmax: f32, y: &mut [f32]) {
    check(x, scale, y);
    assert!(qmin <= qmax);
    isa.run(Map1 {
        x,
        a: scale,
        y,
        // `clamp` keeps NaN
        f: |x: f32, scale: f32| (x / scale).round_ties_even().clamp(qmin, qmax) * scale,
    });
}

/// Adds to `dx` the straight-through gradient of [`uniform`]: `dy` inside `[qmin * scale, qmax * scale]`.
pub fn uniform_backward(
    isa: Isa,
    x: &[f32],
    scale: &[f32],
    qmin: f32,
    qmax: f32,
    dy: &[f32],
    dx: &mut [f32],
) {
    check(x, scale, dx);
    assert_eq!(x.len(), dy.len());
    isa.run(MapGradient {
        x,
        a: scale,
        dy,
        dx,
        passes: |x: f32, scale: f32| !(x < qmin * scale || x > qmax * scale),
    });
}

/// Keeps the sign, with magnitude `scale`.
pub fn sign(isa: Isa, x: &[f32], scale: &[f32], y: &mut [f32]) {
    check(x, scale, y);
    isa.run(Map1 {
        x,
        a: scale,
        y,
        f: |x: f32, scale: f32| {
            if x >= 0.0 {
                scale
            } else if x < 0.0 {
                -scale
            } else {
                x
            }
        },
    });
}

/// Keeps the sign of what is farther than `threshold` from zero, with magnitude `scale`; the rest becomes zero.
pub fn ternary(isa: Isa, x: &[f32], threshold: &[f32], scale: &[f32], y: &mut [f32]) {
    check(x, scale, y);
    check(x, threshold, y);
    isa.run(Map2 {
        x,
        a: threshold,
        b: scale,
        y,
        f: |x: f32, threshold: f32, scale: f32| {
            if x > threshold {
                scale
            } else if x < -threshold {
                -scale
            } else if x.is_nan() {
                x
            } else {
                0.0
            }
        },
    });
}

/// Adds `dy` to `dx` where `|x| <= bound`: the straight-through gradient of [`sign`] and [`ternary`].
pub fn clipped_backward(isa: Isa, x: &[f32], bound: &[f32], dy: &[f32], dx: &mut [f32]) {
    check(x, bound, dx);
    assert_eq!(x.len(), dy.len());
    isa.run(MapGradient {
        x,
        a: bound,
        dy,
        dx,
        passes: |x: f32, bound: f32| !(x < -bound || x > bound),
    });
}

/// The largest magnitude of each channel; `channels` is 1 for one number over all. NaN wins.
pub fn abs_max(x: &[f32], channels: usize) -> Vec<f32> {
    let mut largest = vec![0.0f32; channels];
    for row in x.chunks_exact(channels) {
        for (largest, x) in largest.iter_mut().zip(row) {
            let magnitude = x.abs();
            *largest = if magnitude > *largest || magnitude.is_nan() {
                magnitude
            } else {
                *largest
            };
        }
    }
    largest
}

/// The mean magnitude of each channel, summed in order in `f64`; `channels` is 1 for one number over all.
pub fn mean_abs(x: &[f32], channels: usize) -> Vec<f32> {
    let mut sums = vec![0.0f64; channels];
    for row in x.chunks_exact(channels) {
        for (sum, x) in sums.iter_mut().zip(row) {
            *sum += f64::from(x.abs());
        }
    }
    let rows = (x.len() / channels).max(1) as f64;
    sums.iter().map(|sum| (sum / rows) as f32).collect()
}

/// Panics unless `per_channel` has one number or one per channel of `x`, and `y` the length of `x`.
fn check(x: &[f32], per_channel: &[f32], y: &[f32]) {
    assert_eq!(x.len(), y.len());
    assert!(!per_channel.is_empty() && x.len().is_multiple_of(per_channel.len()));
}

/// `y[i] = f(x[i], a[i % len])`
struct Map1<'a, F> {
    x: &'a [f32],
    a: &'a [f32],
    y: &'a mut [f32],
    f: F,
}

impl<F: Fn(f32, f32) -> f32> Kernel for Map1<'_, F> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self) {
        let Map1 { x, a, y, f } = self;
        if let [a] = *a {
            for (y, &x) in y.iter_mut().zip(x) {
                *y = f(x, a);
            }
        } else {
            for (y, x) in y.chunks_exact_mut(a.len()).zip(x.chunks_exact(a.len())) {
                for ((y, &x), &a) in y.iter_mut().zip(x).zip(a) {
                    *y = f(x, a);
                }
            }
        }
    }
}

/// `y[i] = f(x[i], a[i % len], b[i % len])`
struct Map2<'a, F> {
    x: &'a [f32],
    a: &'a [f32],
    b: &'a [f32],
    y: &'a mut [f32],
    f: F,
}

impl<F: Fn(f32, f32, f32) -> f32> Kernel for Map2<'_, F> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self) {
        let Map2 { x, a, b, y, f } = self;
        if let ([a], [b]) = (a, b) {
            for (y, &x) in y.iter_mut().zip(x) {
                *y = f(x, *a, *b);
            }
        } else {
            for (i, (y, &x)) in y.iter_mut().zip(x).enumerate() {
                *y = f(x, a[i % a.len()], b[i % b.len()]);
            }
        }
    }
}

/// `dx[i] += dy[i] if passes(x[i], a[i % len]) else 0`
struct MapGradient<'a, F> {
    x: &'a [f32],
    a: &'a [f32],
    dy: &'a [f32],
    dx: &'a mut [f32],
    passes: F,
}

impl<F: Fn(f32, f32) -> bool> Kernel for MapGradient<'_, F> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self) {
        let MapGradient {
            x,
            a,
            dy,
            dx,
            passes,
        } = self;
        if let [a] = *a {
            for ((dx, &dy), &x) in dx.iter_mut().zip(dy).zip(x) {
                *dx += if passes(x, a) { dy } else { 0.0 };
            }
        } else {
            let width = a.len();
            let rows = x.chunks_exact(width).zip(dy.chunks_exact(width));
            for (dx, (x, dy)) in dx.chunks_exact_mut(width).zip(rows) {
                for (((dx, &dy), &x), &a) in dx.iter_mut().zip(dy).zip(x).zip(a) {
                    *dx += if passes(x, a) { dy } else { 0.0 };
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::testing::{noise, on_every_isa};

    fn uniform_of(x: &[f32], scale: &[f32], qmin: f32, qmax: f32) -> Vec<f32> {
        on_every_isa(|isa| {
            let mut y = vec![0.0; x.len()];
            uniform(isa, x, scale, qmin, qmax, &mut y);
            y
        })
    }

    #[test]
    fn rounds_half_to_even_and_clips() {
        let x = [-9.0, -0.75, -0.25, 0.0, 0.25, 0.75, 1.25, 1.3, 9.0];
        let y = uniform_of(&x, &[0.5], -2.0, 1.0);
        assert_eq!(y, [-1.0, -1.0, 0.0, 0.0, 0.0, 0.5, 0.5, 0.5, 0.5]);
        assert!(uniform_of(&[f32::NAN], &[0.5], -2.0, 1.0)[0].is_nan());
    }

    #[test]
    fn every_channel_has_its_scale() {
        let y = uniform_of(&[0.6, 0.6, -1.6, -1.6], &[1.0, 0.5], -8.0, 7.0);
        assert_eq!(y, [1.0, 0.5, -2.0, -1.5]);
        let x = noise(7 * 33, 1);
        let scale: Vec<f32> = (1..=33).map(|c| c as f32 / 50.0).collect();
        let y = uniform_of(&x, &scale, -4.0, 3.0);
        for (i, (x, y)) in x.iter().zip(y).enumerate() {
            let s = scale[i % 33];
            assert_eq!(y, (x / s).round_ties_even().clamp(-4.0, 3.0) * s);
        }
    }

    #[test]
    fn gradients_pass_up_to_the_clip_range() {
        let x = [-1.1, -1.0, 0.3, 0.5, 0.6, f32::NAN];
        let dx = on_every_isa(|isa| {
            let mut dx = vec![1.0; 6];
            uniform_backward(isa, &x, &[0.5], -2.0, 1.0, &[2.0; 6], &mut dx);
            dx
        });
        assert_eq!(dx, [1.0, 3.0, 3.0, 3.0, 1.0, 3.0]);
        let dx = on_every_isa(|isa| {
            let mut dx = vec![0.0; 4];
            let x = [-1.5, -1.0, 1.0, 1.5];
            clipped_backward(isa, &x, &[1.0, 2.0], &[2.0; 4], &mut dx);
            dx
        });
        assert_eq!(dx, [0.0, 2.0, 2.0, 2.0]);
    }

    #[test]
    fn zero_is_positive_and_nan_stays() {
        let x = [-2.0, -0.0, 0.0, 1e-30, f32::NAN];
        let y = on_every_isa(|isa| {
            let mut y = vec![0.0; 5];
            sign(isa, &x, &[0.5], &mut y);
            y
        });
        assert_eq!(y[..4], [-0.5, 0.5, 0.5, 0.5]);
        assert!(y[4].is_nan());
    }

    #[test]
    fn ternary_keeps_what_exceeds_the_threshold() {
        let x = [-2.0, -0.5, 0.5, 0.6, 0.2, f32::NAN];
        for threshold in [&[0.5][..], &[0.5, 0.5]] {
            let y = on_every_isa(|isa| {
                let mut y = vec![0.0; 6];
                ternary(isa, &x, threshold, &[1.5], &mut y);
                y
            });
            assert_eq!(y[..5], [-1.5, 0.0, 0.0, 1.5, 0.0]);
            assert!(y[5].is_nan());
        }
    }

    #[test]
    fn magnitudes_by_channel() {
        let x = [1.0, -4.0, -3.0, 2.0];
        assert_eq!(abs_max(&x, 2), [3.0, 4.0]);
        assert_eq!(abs_max(&x, 1), [4.0]);
        assert_eq!(mean_abs(&x, 2), [2.0, 3.0]);
        assert_eq!(mean_abs(&x, 1), [2.5]);
        assert!(abs_max(&[f32::NAN, 1.0], 1)[0].is_nan());
    }
}
