//! The first pass backward: sums over all rows.

use std::ops::Range;

use super::{BLOCK, Backward, Tally, source::Source};
use crate::kernels::{
    quantize::{Codes, Sign, Smooth, Staircase, Uniform},
    simd::{Isa, Kernel, Simd},
};

/// Picks the loop of the first pass, over the first `rows` rows. `upstream` are the gradients to `y` and `q`, null where there is none; what is
/// `kept` is written over the first that is there.
///
/// # Safety
/// The gradients have these rows.
pub(super) unsafe fn first_pass(
    isa: Isa,
    pass: &Backward<'_>,
    upstream: [*mut f32; 2],
    kept: bool,
    tally: &mut Tally,
    rows: usize,
) {
    let codes = pass.tail.quantizer.map(|q| q.codes);
    let job = First {
        isa,
        pass,
        upstream,
        kept,
        rows,
    };
    match codes.filter(|_| !upstream[1].is_null()) {
        None => job.summed::<_, true>(tally, Smooth),
        Some(Codes::Uniform { low, high }) => job.either(tally, Uniform { low, high }),
        Some(Codes::Sign) => job.either(tally, Sign),
    }
}

/// The first pass before its loop is picked.
struct First<'a> {
    isa: Isa,
    pass: &'a Backward<'a>,
    upstream: [*mut f32; 2],
    kept: bool,
    rows: usize,
}

impl First<'_> {
    /// The pass of quantized results, alone or beside plain ones.
    ///
    /// # Safety
    /// As of [`first_pass`].
    unsafe fn either<Q: Staircase>(self, tally: &mut Tally, steps: Q) {
        match self.upstream[0].is_null() {
            true => self.summed::<_, false>(tally, steps),
            false => self.summed::<_, true>(tally, steps),
        }
    }

    /// The pass itself.
    ///
    /// # Safety
    /// As of [`first_pass`].
    unsafe fn summed<Q: Staircase, const PLAIN: bool>(self, tally: &mut Tally, steps: Q) {
        let First {
            isa,
            pass,
            upstream,
            kept,
            rows,
        } = self;
        let source = &Source {
            pass,
            steps,
            upstream,
        };
        tally.advance(rows, |blocks, to| {
            match (pass.tail.residual.is_some() || pass.clipped.is_some(), kept) {
                (true, _) => isa.run(FirstPass::<_, true, PLAIN, true> { source, blocks, to }),
                (false, true) => isa.run(FirstPass::<_, false, PLAIN, true> { source, blocks, to }),
                (false, false) => {
                    isa.run(FirstPass::<_, false, PLAIN, false> { source, blocks, to });
                }
            }
        });
    }
}

/// Sums of `g` and of `g * (x - mean)`. With `KEEP`, `g` stays in the first buffer of `upstream` that is there.
struct FirstPass<'a, Q, const RESIDUAL: bool, const PLAIN: bool, const KEEP: bool> {
    source: &'a Source<'a, Q>,
    blocks: Range<usize>,
    /// As in [`Tally::advance`].
    to: *mut f32,
}

impl<Q: Staircase, const RESIDUAL: bool, const PLAIN: bool, const KEEP: bool> Kernel
    for FirstPass<'_, Q, RESIDUAL, PLAIN, KEEP>
{
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self) {
        let FirstPass { source, blocks, to } = self;
        let pass = source.pass;
        let channels = pass.gamma.len();
        let mean = pass.mean.as_ptr();
        let rows = pass.x.len() / channels;
        for block in blocks {
            let start = block * BLOCK;
            let count = (rows - start).min(BLOCK);
            for c in (0..channels).step_by(S::LANES) {
                let n = (channels - c).min(S::LANES);
                // SAFETY: rows start..start + count and channels c..c + n exist in all buffers that are read.
                unsafe {
                    let row_of = source.row::<S>(c, n);
                    let mean = S::read(mean.add(c), n);
                    // even and odd rows apart: two chains hide the latency of the addition
                    let (mut sums, mut products) = ([S::splat(0.0); 2], [S::splat(0.0); 2]);
                    let from = start * channels + c;
                    let (pairs, last) = (count / 2, count % 2);
                    for row in 0..pairs {
                        let at = from + 2 * row * channels;
                        for k in 0..2 {
                            let at = at + k * channels;
                            let (g, d) =
                                source.sample::<S, RESIDUAL, PLAIN, KEEP>(&row_of, mean, at, n);
                            sums[k] = S::add(sums[k], g);
                            products[k] = S::fma(g, d, products[k]);
                        }
                    }
                    if last == 1 {
                        let at = from + 2 * pairs * channels;
                        let (g, d) =
                            source.sample::<S, RESIDUAL, PLAIN, KEEP>(&row_of, mean, at, n);
                        sums[0] = S::add(sums[0], g);
                        products[0] = S::fma(g, d, products[0]);
                    }
                    let to = to.add(block * 2 * channels + c);
                    S::write(to, S::add(sums[0], sums[1]), n);
                    S::write(to.add(channels), S::add(products[0], products[1]), n);
                }
            }
        }
    }
}
