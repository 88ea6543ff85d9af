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
