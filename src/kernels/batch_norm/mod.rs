//! Batch normalization over rows of channels, fused with a residual, an activation and a quantizer.
//!
//! ```text
//! mean[c] = sum over r of x[r, c] / rows          var[c] = sum over r of (x[r, c] - mean[c])^2 / rows
//! y[r, c] = clip(x[r, c] * scale[c] + shift[c] + residual[r, c])
//! q[r, c] = quantize(y[r, c])
//! with  inv = 1 / sqrt(var + eps),  scale = gamma * inv,  shift = beta - mean * scale
//! ```
//!
//! Backward, with `g = dy + (dq where the quantizer passes it)` where the activation passes it, else 0 (Ioffe and Szegedy, 2015,
//! section 3):
//!
//! ```text
//! dbeta = sum g      dgamma = inv * sum g (x - mean)
//! dx    = scale * (g - dbeta / rows - (x - mean) * inv * dgamma / rows)          dresidual = g
//! ```
//!
//! What clips and quantizes is computed again from `x`, which costs less than reading `y`. Sums over rows run in blocks of
//! [`BLOCK`] rows in `f32`, which are then added in order in `f64`.

mod backward;
mod first_pass;
mod forward;
mod second_pass;
mod source;
#[cfg(test)]
mod tests;

pub use backward::{Backward, Gradients, Summing, Upstream, backward};
pub use forward::{Results, apply, apply_into};

use std::ops::Range;

use super::{
    elementwise::Activation,
    parallel::{self, Shared},
    quantize::Quantizer,
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

/// What becomes of each number once the statistics are known.
#[derive(Clone, Copy, Debug)]
pub struct Tail<'a> {
    /// One factor per channel.
    pub scale: &'a [f32],
    /// One summand per channel.
    pub shift: &'a [f32],
    /// As many summands as `x` has numbers.
    pub residual: Option<&'a [f32]>,
    /// What clips the sum.
    pub activation: Activation,
    /// What rounds what was clipped.
    pub quantizer: Option<Quantizer>,
}

impl Tail<'_> {
    /// Panics unless everything fits `x`.
    fn check(&self, x: &[f32]) {
        assert_eq!(self.scale.len(), self.shift.len());
        rows(x, self.scale.len());
        assert!(self.residual.is_none_or(|r| r.len() == x.len()));
    }
}

/// Mean and (biased) variance of each column of `x`, which has rows of `channels` numbers, at least one.
pub fn statistics(isa: Isa, x: &[f32], channels: usize) -> Statistics {
    Measuring::new(isa, x.len(), channels).finish(x)
}

/// [`statistics`] of numbers that are on their way.
#[derive(Debug)]
pub struct Measuring {
    isa: Isa,
    tally: Tally,
}

impl Measuring {
    /// There will be `len` numbers.
    pub fn new(isa: Isa, len: usize, channels: usize) -> Self {
        assert!(channels > 0 && len > 0 && len.is_multiple_of(channels));
        Measuring {
            isa,
            tally: Tally::new(len / channels, channels),
        }
    }

    /// Looks at what is there so far, from the first number on.
    pub fn see(&mut self, x: &[f32]) {
        let (isa, channels) = (self.isa, self.tally.channels);
        let Some(pivot) = x.get(..channels) else {
            return;
        };
        // Deviations from the first row instead of x itself: no cancellation when the mean is far from zero.
        self.tally.advance(x.len() / channels, |blocks, to| {
            isa.run(Sums {
                x,
                pivot,
                blocks,
                to,
            });
        });
    }

    /// The statistics of all of `x`.
    pub fn finish(mut self, x: &[f32]) -> Statistics {
        self.see(x);
        let channels = self.tally.channels;
        let rows = rows(x, channels) as f64;
        let sums = self.tally.finish();
        let (mut mean, mut variance) = (vec![0.0; channels], vec![0.0; channels]);
        for c in 0..channels {
            let deviation = sums.first[c] / rows;
            let spread = sums.second[c] / rows - deviation * deviation;
            mean[c] = (f64::from(x[c]) + deviation) as f32;
            // rounding may leave a tiny negative number; a NaN must stay
            variance[c] = if spread < 0.0 { 0.0 } else { spread as f32 };
        }
        Statistics { mean, variance }
    }
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

/// Two sums per channel and block of rows, as far as rows have come.
#[derive(Debug)]
struct Tally {
    rows: usize,
    channels: usize,
    /// Blocks that have their sums.
    done: usize,
    /// Sums of block 0, first and second; the others' follow.
    sums: Vec<f32>,
}

impl Tally {
    fn new(rows: usize, channels: usize) -> Self {
        Tally {
            rows,
            channels,
            done: 0,
            sums: vec![0.0; rows.div_ceil(BLOCK) * 2 * channels],
        }
    }

    /// The sums of the blocks that are complete with `rows` rows and have none yet, in `f32` by `sum`, which gets blocks and the
    /// place of block 0's sums, shared out among the threads.
    fn advance(&mut self, rows: usize, sum: impl Fn(Range<usize>, *mut f32) + Sync) {
        let complete = match rows == self.rows {
            true => rows.div_ceil(BLOCK),
            false => rows / BLOCK,
        };
        let (done, count) = (self.done, complete.saturating_sub(self.done));
        if count == 0 {
            return;
        }
        let to = Shared::new(self.sums.as_mut_ptr());
        parallel::split(count, 1, count * BLOCK * self.channels, |blocks| {
            sum(done + blocks.start..done + blocks.end, to.start());
        });
        self.done = complete;
    }

    /// The blocks in order in `f64`.
    fn finish(self) -> Pair {
        let channels = self.channels;
        assert_eq!(self.done, self.rows.div_ceil(BLOCK));
        let mut total = Pair {
            first: vec![0.0; channels],
            second: vec![0.0; channels],
        };
        for block in self.sums.chunks_exact(2 * channels) {
            let (first, second) = block.split_at(channels);
            for (total, block) in total.first.iter_mut().zip(first) {
                *total += f64::from(*block);
            }
            for (total, block) in total.second.iter_mut().zip(second) {
                *total += f64::from(*block);
            }
        }
        total
    }
}

/// Sums of `x - pivot` and of its square.
struct Sums<'a> {
    x: &'a [f32],
    pivot: &'a [f32],
    blocks: Range<usize>,
    /// The sums of block 0, first and second; the others' follow.
    to: *mut f32,
}

impl Kernel for Sums<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self) {
        let channels = self.pivot.len();
        let (x, pivot) = (self.x.as_ptr(), self.pivot.as_ptr());
        let rows = self.x.len() / channels;
        for block in self.blocks {
            let start = block * BLOCK;
            let count = (rows - start).min(BLOCK);
            for c in (0..channels).step_by(S::LANES) {
                let n = (channels - c).min(S::LANES);
                // SAFETY: rows start..start + count and channels c..c + n exist in x; a block has two sums a channel.
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
                    let to = self.to.add(block * 2 * channels + c);
                    S::write(to, S::add(sums[0], sums[1]), n);
                    S::write(to.add(channels), S::add(squares[0], squares[1]), n);
                }
            }
        }
    }
}
