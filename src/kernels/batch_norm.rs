//! Batch normalization over rows of channels, fused with a residual and an activation.
//!
//! ```text
//! mean[c] = sum over r of x[r, c] / rows          var[c] = sum over r of (x[r, c] - mean[c])^2 / rows
//! y[r, c] = clip(x[r, c] * scale[c] + shift[c] + residual[r, c])
//! with  inv = 1 / sqrt(var + eps),  scale = gamma * inv,  shift = beta - mean * scale
//! ```
//!
//! Backward, with `g = dy` where the activation passes it, else 0 (Ioffe and Szegedy, 2015, section 3):
//!
//! ```text
//! dbeta = sum g      dgamma = inv * sum g (x - mean)
//! dx    = scale * (g - dbeta / rows - (x - mean) * inv * dgamma / rows)          dresidual = g
//! ```
//!
//! Sums over rows run in blocks of [`BLOCK`] rows in `f32`, which are then added in order in `f64`.

use super::{
    buffer::Unfilled,
    elementwise::Activation,
    simd::{Isa, Kernel, Simd},
};

/// Rows per block of a sum. Fixed: it shows in the last bits of results.
const BLOCK: usize = 256;

/// Mean and variance of each channel.
#[derive(Clone, PartialEq, Debug)]
pub struct Statistics {
    /// Means.
    pub mean: Vec<f32>,
    /// Variances, divided by the number of rows.
    pub variance: Vec<f32>,
}

/// Mean and (biased) variance of each column of `x`, which has rows of `channels` numbers, at least one.
pub fn statistics(isa: Isa, x: &[f32], channels: usize) -> Statistics {
    let rows = rows(x, channels) as f64;
    // Deviations from the first row instead of x itself: no cancellation when the mean is far from zero.
    let pivot = &x[..channels];
    let sums = isa.run(Sums { x, pivot });
    let (mut mean, mut variance) = (vec![0.0; channels], vec![0.0; channels]);
    for c in 0..channels {
        let deviation = sums.first[c] / rows;
        let spread = sums.second[c] / rows - deviation * deviation;
        mean[c] = (f64::from(pivot[c]) + deviation) as f32;
        // rounding may leave a tiny negative number; a NaN must stay
        variance[c] = if spread < 0.0 { 0.0 } else { spread as f32 };
    }
    Statistics { mean, variance }
}

/// `clip(x * scale + shift + residual)`, channel by channel.
pub fn apply(
    isa: Isa,
    x: &[f32],
    scale: &[f32],
    shift: &[f32],
    residual: Option<&[f32]>,
    activation: Activation,
) -> Vec<f32> {
    assert_eq!(scale.len(), shift.len());
    rows(x, scale.len());
    assert!(residual.is_none_or(|residual| residual.len() == x.len()));
    isa.run(Apply {
        x,
        scale,
        shift,
        residual,
        activation,
    })
}

/// What the backward pass reads.
#[derive(Clone, Copy)]
pub struct Backward<'a> {
    /// Input of the forward pass.
    pub x: &'a [f32],
    /// Its result; may be empty when the activation is none.
    pub y: &'a [f32],
    /// Gradient to the result.
    pub dy: &'a [f32],
    /// Means of the batch.
    pub mean: &'a [f32],
    /// `1 / sqrt(var + eps)` of the batch.
    pub inverse_deviation: &'a [f32],
    /// The learned factor.
    pub gamma: &'a [f32],
    /// The activation of the forward pass.
    pub activation: Activation,
}

/// Adds the gradients to gamma, to beta, to the input and, where there was one, to the residual.
pub fn backward(
    isa: Isa,
    pass: &Backward<'_>,
    dgamma: &mut [f32],
    dbeta: &mut [f32],
    dx: &mut [f32],
    dresidual: Option<&mut [f32]>,
) {
    let channels = pass.gamma.len();
    let rows = rows(pass.x, channels) as f64;
    assert!(pass.dy.len() == pass.x.len() && dx.len() == pass.x.len());
    assert!(pass.y.len() == pass.x.len() || pass.activation == Activation::None);
    assert!(pass.mean.len() == channels && pass.inverse_deviation.len() == channels);
    assert!(dgamma.len() == channels && dbeta.len() == channels);
    assert!(dresidual.as_ref().is_none_or(|d| d.len() == pass.x.len()));
    let sums = isa.run(GradientSums { pass });
    // dx = g * by_gradient + (x * by_input + constant)
    let mut by_gradient = vec![0.0; channels];
    let mut by_input = vec![0.0; channels];
    let mut constant = vec![0.0; channels];
    for c in 0..channels {
        let (sum_g, sum_gx) = (sums.first[c], sums.second[c]);
        let inverse = f64::from(pass.inverse_deviation[c]);
        dbeta[c] += sum_g as f32;
        dgamma[c] += (sum_gx * inverse) as f32;
        let scale = f64::from(pass.gamma[c]) * inverse;
        let slope = -scale * inverse * inverse * sum_gx / rows;
        by_gradient[c] = scale as f32;
        by_input[c] = slope as f32;
        constant[c] = (-scale * sum_g / rows - slope * f64::from(pass.mean[c])) as f32;
    }
    isa.run(InputGradient {
        pass,
        by_gradient: &by_gradient,
        by_input: &by_input,
        constant: &constant,
        dx,
        dresidual,
    });
}

/// The number of rows of `x`.
fn rows(x: &[f32], channels: usize) -> usize {
    assert!(channels > 0 && !x.is_empty() && x.len().is_multiple_of(channels));
    x.len() / channels
}

/// Two sums per channel.
struct Pair {
    first: Vec<f64>,
    second: Vec<f64>,
}

impl Pair {
    fn zeros(channels: usize) -> Self {
        Pair {
            first: vec![0.0; channels],
            second: vec![0.0; channels],
        }
    }

    /// Adds the sums of one block.
    fn add(&mut self, first: &[f32], second: &[f32]) {
        for (total, block) in self.first.iter_mut().zip(first) {
            *total += f64::from(*block);
        }
        for (total, block) in self.second.iter_mut().zip(second) {
            *total += f64::from(*block);
        }
    }
}

/// Sums of `x - pivot` and of its square.
struct Sums<'a> {
    x: &'a [f32],
    pivot: &'a [f32],
}

impl Kernel for Sums<'_> {
    type Output = Pair;
    #[inline(always)]
    fn run<S: Simd>(self) -> Pair {
        let channels = self.pivot.len();
        let (x, pivot) = (self.x.as_ptr(), self.pivot.as_ptr());
        let rows = self.x.len() / channels;
        let mut total = Pair::zeros(channels);
        let (mut first, mut second) = (vec![0.0; channels], vec![0.0; channels]);
        for start in (0..rows).step_by(BLOCK) {
            let count = (rows - start).min(BLOCK);
            for c in (0..channels).step_by(S::LANES) {
                let n = (channels - c).min(S::LANES);
                // SAFETY: rows start..start + count and channels c..c + n exist in x; the sums have `channels`.
                unsafe {
                    let pivot = S::read(pivot.add(c), n);
                    let x = x.add(start * channels + c);
                    // even and odd rows apart: two chains hide the latency of the addition
                    let (mut sums, mut squares) = ([S::splat(0.0); 2], [S::splat(0.0); 2]);
                    let mut row = 0;
                    while row < count {
                        for k in 0..(count - row).min(2) {
                            let d = S::sub(S::read(x.add((row + k) * channels), n), pivot);
                            sums[k] = S::add(sums[k], d);
                            squares[k] = S::fma(d, d, squares[k]);
                        }
                        row += 2;
                    }
                    S::write(first.as_mut_ptr().add(c), S::add(sums[0], sums[1]), n);
                    S::write(
                        second.as_mut_ptr().add(c),
                        S::add(squares[0], squares[1]),
                        n,
                    );
                }
            }
            total.add(&first, &second);
        }
        total
    }
}

struct Apply<'a> {
    x: &'a [f32],
    scale: &'a [f32],
    shift: &'a [f32],
    residual: Option<&'a [f32]>,
    activation: Activation,
}

impl Kernel for Apply<'_> {
    type Output = Vec<f32>;
    #[inline(always)]
    fn run<S: Simd>(self) -> Vec<f32> {
        let channels = self.scale.len();
        let rows = self.x.len() / channels;
        let (x, scale, shift) = (self.x.as_ptr(), self.scale.as_ptr(), self.shift.as_ptr());
        let residual = self.residual.map(<[f32]>::as_ptr);
        let (low, high) = self.activation.bounds();
        let clipped = self.activation != Activation::None;
        // SAFETY: all buffers have `rows` rows of `channels` numbers, scale and shift one; every row is written.
        unsafe {
            let mut out = Unfilled::new(self.x.len());
            let y = out.as_mut_ptr();
            let (low, high) = (S::splat(low), S::splat(high));
            for r in 0..rows {
                for c in (0..channels).step_by(S::LANES) {
                    let n = (channels - c).min(S::LANES);
                    let at = r * channels + c;
                    let mut v = S::fma(
                        S::read(x.add(at), n),
                        S::read(scale.add(c), n),
                        S::read(shift.add(c), n),
                    );
                    if let Some(residual) = residual {
                        v = S::add(v, S::read(residual.add(at), n));
                    }
                    if clipped {
                        v = S::min(high, S::max(low, v));
                    }
                    S::write(y.add(at), v, n);
                }
            }
            out.filled()
        }
    }
}

/// Sums of `g` and of `g * (x - mean)`.
struct GradientSums<'a> {
    pass: &'a Backward<'a>,
}

impl Kernel for GradientSums<'_> {
    type Output = Pair;
    #[inline(always)]
    fn run<S: Simd>(self) -> Pair {
        let pass = self.pass;
        let channels = pass.gamma.len();
        let (x, y, dy) = (pass.x.as_ptr(), pass.y.as_ptr(), pass.dy.as_ptr());
        let mean = pass.mean.as_ptr();
        let (low, high) = pass.activation.bounds();
        let clipped = pass.activation != Activation::None;
        let rows = pass.x.len() / channels;
        let mut total = Pair::zeros(channels);
        let (mut first, mut second) = (vec![0.0; channels], vec![0.0; channels]);
        for start in (0..rows).step_by(BLOCK) {
            let count = (rows - start).min(BLOCK);
            for c in (0..channels).step_by(S::LANES) {
                let n = (channels - c).min(S::LANES);
                // SAFETY: rows start..start + count and channels c..c + n exist in all buffers (y only if clipped).
                unsafe {
                    let (low, high) = (S::splat(low), S::splat(high));
                    let mean = S::read(mean.add(c), n);
                    let (mut sums, mut products) = ([S::splat(0.0); 2], [S::splat(0.0); 2]);
                    let mut row = 0;
                    while row < count {
                        for k in 0..(count - row).min(2) {
                            let at = (start + row + k) * channels + c;
                            let mut g = S::read(dy.add(at), n);
                            if clipped {
                                g = S::inside(g, S::read(y.add(at), n), low, high);
                            }
                            sums[k] = S::add(sums[k], g);
                            let d = S::sub(S::read(x.add(at), n), mean);
                            products[k] = S::fma(g, d, products[k]);
                        }
                        row += 2;
                    }
                    S::write(first.as_mut_ptr().add(c), S::add(sums[0], sums[1]), n);
                    S::write(
                        second.as_mut_ptr().add(c),
                        S::add(products[0], products[1]),
                        n,
                    );
                }
            }
            total.add(&first, &second);
        }
        total
    }
}

/// `dx += g * by_gradient + (x * by_input + constant)`, `dresidual += g`.
struct InputGradient<'a> {
    pass: &'a Backward<'a>,
    by_gradient: &'a [f32],
    by_input: &'a [f32],
    constant: &'a [f32],
    dx: &'a mut [f32],
    dresidual: Option<&'a mut [f32]>,
}

impl Kernel for InputGradient<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self) {
        let pass = self.pass;
        let channels = pass.gamma.len();
        let rows = pass.x.len() / channels;
        let (x, y, dy) = (pass.x.as_ptr(), pass.y.as_ptr(), pass.dy.as_ptr());
        let (low, high) = pass.activation.bounds();
        let clipped = pass.activation != Activation::None;
        let (by_gradient, by_input, constant) = (
            self.by_gradient.as_ptr(),
            self.by_input.as_ptr(),
            self.constant.as_ptr(),
        );
        let dx = self.dx.as_mut_ptr();
        let dresidual = self.dresidual.map(<[f32]>::as_mut_ptr);
        // SAFETY: all buffers have `rows` rows of `channels` numbers (y only if clipped), the factors one row.
        unsafe {
            let (low, high) = (S::splat(low), S::splat(high));
            for r in 0..rows {
                for c in (0..channels).step_by(S::LANES) {
                    let n = (channels - c).min(S::LANES);
                    let at = r * channels + c;
                    let mut g = S::read(dy.add(at), n);
                    if clipped {
                        g = S::inside(g, S::read(y.add(at), n), low, high);
                    }
                    if let Some(dresidual) = dresidual {
                        let p = dresidual.add(at);
                        S::write(p, S::add(S::read(p, n), g), n);
                    }
                    let from_input = S::fma(
                        S::read(x.add(at), n),
                        S::read(by_input.add(c), n),
                        S::read(constant.add(c), n),
                    );
                    let v = S::fma(g, S::read(by_gradient.add(c), n), from_input);
                    S::write(dx.add(at), S::add(S::read(dx.add(at), n), v), n);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::testing::{assert_close, noise, numeric_gradient, on_every_isa, wide};

    const EPSILON: f64 = 1e-5;

    const ACTIVATIONS: [Activation; 4] = [
        Activation::None,
        Activation::Relu,
        Activation::Relu6,
        Activation::Hardtanh,
    ];

    /// The whole forward pass in double precision.
    fn reference(
        x: &[f64],
        gamma: &[f64],
        beta: &[f64],
        residual: &[f64],
        activation: Activation,
    ) -> Vec<f64> {
        let channels = gamma.len();
        let rows = x.len() / channels;
        let mut y = vec![0.0; x.len()];
        let (low, high) = activation.bounds();
        for c in 0..channels {
            let column = || (0..rows).map(|r| x[r * channels + c]);
            let mean = column().sum::<f64>() / rows as f64;
            let variance = column().map(|x| (x - mean).powi(2)).sum::<f64>() / rows as f64;
            for r in 0..rows {
                let i = r * channels + c;
                let normal = (x[i] - mean) / (variance + EPSILON).sqrt();
                y[i] = (gamma[c] * normal + beta[c] + residual[i])
                    .clamp(f64::from(low), f64::from(high));
            }
        }
        y
    }

    fn inverse(variance: &[f32]) -> Vec<f32> {
        variance
            .iter()
            .map(|v| (1.0 / (f64::from(*v) + EPSILON).sqrt()) as f32)
            .collect()
    }

    #[test]
    fn statistics_survive_a_mean_far_from_zero() {
        for (rows, channels) in [(1, 3), (2, 16), (255, 7), (256, 19), (700, 33)] {
            let offset = 1000.0;
            let x: Vec<f32> = noise(rows * channels, 5)
                .iter()
                .map(|v| v + offset)
                .collect();
            let mean = on_every_isa(|isa| statistics(isa, &x, channels).mean);
            let variance = on_every_isa(|isa| statistics(isa, &x, channels).variance);
            for c in 0..channels {
                let column = || (0..rows).map(|r| f64::from(x[r * channels + c]));
                let expected_mean = column().sum::<f64>() / rows as f64;
                let expected =
                    column().map(|x| (x - expected_mean).powi(2)).sum::<f64>() / rows as f64;
                assert!((f64::from(mean[c]) - expected_mean).abs() < 1e-4);
                assert!((f64::from(variance[c]) - expected).abs() < 1e-5 * expected.max(0.1));
            }
        }
    }

    #[test]
    fn agrees_with_the_formula_and_with_differences_of_it() {
        for (activation, (rows, channels)) in ACTIVATIONS
            .into_iter()
            .flat_map(|a| [(5, 3), (9, 17), (3, 40)].map(|size| (a, size)))
        {
            let len = rows * channels;
            let x: Vec<f32> = noise(len, 1).iter().map(|v| 3.0 * v).collect();
            let gamma: Vec<f32> = noise(channels, 2).iter().map(|v| v + 3.0).collect();
            let beta = noise(channels, 3);
            let residual: Vec<f32> = noise(len, 4).iter().map(|v| 2.0 * v).collect();
            let dy = noise(len, 5);
            let batch = statistics(Isa::current(), &x, channels);
            let inverse_deviation = inverse(&batch.variance);
            let scale: Vec<f32> = (0..channels)
                .map(|c| gamma[c] * inverse_deviation[c])
                .collect();
            let shift: Vec<f32> = (0..channels)
                .map(|c| beta[c] - batch.mean[c] * scale[c])
                .collect();
            let y = on_every_isa(|isa| apply(isa, &x, &scale, &shift, Some(&residual), activation));
            let (wx, wg, wb, wr) = (wide(&x), wide(&gamma), wide(&beta), wide(&residual));
            assert_close(&y, &reference(&wx, &wg, &wb, &wr, activation), 1e-5);

            let pass = Backward {
                x: &x,
                y: &y,
                dy: &dy,
                mean: &batch.mean,
                inverse_deviation: &inverse_deviation,
                gamma: &gamma,
                activation,
            };
            let all = on_every_isa(|isa| {
                let (mut dgamma, mut dbeta) = (vec![0.0; channels], vec![0.0; channels]);
                let (mut dx, mut dresidual) = (vec![0.0; len], vec![0.0; len]);
                let d = Some(&mut dresidual[..]);
                backward(isa, &pass, &mut dgamma, &mut dbeta, &mut dx, d);
                [dgamma, dbeta, dx, dresidual].concat()
            });
            let loss =
                |y: Vec<f64>| -> f64 { y.iter().zip(&dy).map(|(y, d)| y * f64::from(*d)).sum() };
            let (dgamma, rest) = all.split_at(channels);
            let (dbeta, rest) = rest.split_at(channels);
            let (dx, dresidual) = rest.split_at(len);
            let tolerance = 2e-5;
            let expected =
                numeric_gradient(&gamma, |g| loss(reference(&wx, g, &wb, &wr, activation)));
            assert_close(dgamma, &expected, tolerance);
            let expected =
                numeric_gradient(&beta, |b| loss(reference(&wx, &wg, b, &wr, activation)));
            assert_close(dbeta, &expected, tolerance);
            let expected = numeric_gradient(&x, |x| loss(reference(x, &wg, &wb, &wr, activation)));
            assert_close(dx, &expected, tolerance);
            let expected =
                numeric_gradient(&residual, |r| loss(reference(&wx, &wg, &wb, r, activation)));
            assert_close(dresidual, &expected, tolerance);
        }
    }

    #[test]
    fn a_nan_spoils_its_channel_and_is_seen() {
        let mut x = noise(10 * 3, 1);
        x[4] = f32::NAN;
        let batch = statistics(Isa::current(), &x, 3);
        assert!(batch.mean[1].is_nan() && batch.variance[1].is_nan());
        assert!(!batch.mean[0].is_nan() && !batch.mean[2].is_nan());
        for activation in ACTIVATIONS {
            let y = on_every_isa(|isa| apply(isa, &x, &[1.0; 3], &[0.0; 3], None, activation));
            assert!(y[4].is_nan());
        }
    }
}
