//! The two passes backward: sums over all rows, then the gradient to `x` in a buffer that is there already.
//!
//! Where the gradient `g` in front of the sum is needed more than once - a residual gets it, or two gradients make it -, the first
//! pass leaves it in the buffer that it came in; else the second pass computes it again.

use std::ops::Range;

use super::{BLOCK, Pair, Tail, Tally, rows};
use crate::kernels::{
    buffer::Unfilled,
    elementwise::Activation,
    parallel::{self, Shared},
    quantize::{Codes, Sign, Smooth, Staircase, Uniform},
    simd::{Isa, Kernel, Simd},
};

/// What the backward pass reads.
#[derive(Clone, Copy, Debug)]
pub struct Backward<'a> {
    /// Input of the forward pass.
    pub x: &'a [f32],
    /// What came after normalization. Its residual may be left out where nothing clips or quantizes.
    pub tail: Tail<'a>,
    /// Means of the batch.
    pub mean: &'a [f32],
    /// `1 / sqrt(var + eps)` of the batch.
    pub inverse_deviation: &'a [f32],
    /// The learned factor.
    pub gamma: &'a [f32],
    /// Whether a residual wants its gradient.
    pub residual: bool,
}

/// Gradients to the results of the forward pass: to one of them at least.
#[derive(Clone, Debug)]
pub struct Upstream {
    /// To what was clipped.
    pub plain: Option<Vec<f32>>,
    /// To what was rounded.
    pub quantized: Option<Vec<f32>>,
}

/// What flows back.
#[derive(Clone, Debug)]
pub struct Gradients {
    /// To gamma.
    pub gamma: Vec<f32>,
    /// To beta.
    pub beta: Vec<f32>,
    /// To the input.
    pub x: Vec<f32>,
    /// To the residual, if it wants its gradient.
    pub residual: Option<Vec<f32>>,
}

/// The sums over all rows that the gradients need, of gradients that are on their way to the one result that there is. Nothing is added to
/// what is normalized.
pub struct Summing<'a> {
    isa: Isa,
    pass: Backward<'a>,
    tally: Tally,
}

impl<'a> Summing<'a> {
    /// Of no row yet.
    pub fn new(isa: Isa, pass: Backward<'a>) -> Self {
        pass.check();
        assert!(!pass.residual && pass.tail.residual.is_none());
        let channels = pass.gamma.len();
        Summing {
            isa,
            pass,
            tally: Tally::new(pass.x.len() / channels, channels),
        }
    }

    /// Looks at the gradients that are there so far, from the first number on.
    pub fn see(&mut self, upstream: &[f32]) {
        let rows = upstream.len() / self.pass.gamma.len();
        let there = upstream.as_ptr().cast_mut();
        let upstream = match self.pass.tail.quantizer {
            None => [there, std::ptr::null_mut()],
            Some(_) => [std::ptr::null_mut(), there],
        };
        // SAFETY: these rows are there, and as nothing is kept, nothing is written to them.
        unsafe { first_pass(self.isa, &self.pass, upstream, false, &mut self.tally, rows) };
    }

    /// The gradients to everything that the forward pass read, from all of the gradient to its result.
    pub fn finish(mut self, upstream: Vec<f32>) -> Gradients {
        self.see(&upstream);
        let upstream = match self.pass.tail.quantizer {
            None => [Some(upstream), None],
            Some(_) => [None, Some(upstream)],
        };
        let sums = self.tally.finish();
        finish(self.isa, &self.pass, upstream, false, &sums)
    }
}

impl Backward<'_> {
    /// Panics unless everything fits.
    fn check(&self) {
        let (channels, tail) = (self.gamma.len(), &self.tail);
        tail.check(self.x);
        assert_eq!(tail.scale.len(), channels);
        assert!(self.mean.len() == channels && self.inverse_deviation.len() == channels);
        let clips = tail.activation != Activation::None || tail.quantizer.is_some();
        assert!(!self.residual || !clips || tail.residual.is_some());
    }
}

/// The gradients to everything that the forward pass read.
pub fn backward(isa: Isa, pass: &Backward<'_>, upstream: Upstream) -> Gradients {
    let tail = &pass.tail;
    pass.check();
    let mut upstream = [upstream.plain, upstream.quantized];
    let fits = |d: &Vec<f32>| d.len() == pass.x.len();
    assert!(upstream.iter().flatten().all(fits));
    assert!(upstream[1].is_none() || tail.quantizer.is_some());
    let both = upstream.iter().all(Option::is_some);
    let kept = both || pass.residual || tail.residual.is_some();
    let pointers = upstream.each_mut().map(|buffer| match buffer {
        Some(buffer) => buffer.as_mut_ptr(),
        None => std::ptr::null_mut(),
    });
    let channels = pass.gamma.len();
    let rows = pass.x.len() / channels;
    let mut tally = Tally::new(rows, channels);
    // SAFETY: the buffers have the length of x, outlive the work and are used by nothing else meanwhile.
    unsafe { first_pass(isa, pass, pointers, kept, &mut tally, rows) };
    finish(isa, pass, upstream, kept, &tally.finish())
}

/// The second pass.
fn finish(
    isa: Isa,
    pass: &Backward<'_>,
    upstream: [Option<Vec<f32>>; 2],
    kept: bool,
    sums: &Pair,
) -> Gradients {
    let quantized = upstream[0].is_none();
    let factors = Factors::new(pass, sums);
    let mut buffers = upstream.into_iter().flatten();
    let mut g = buffers.next().expect("a gradient arrives");
    assert_eq!(g.len(), pass.x.len());
    let (residual, x) = if pass.residual {
        let mut x = match buffers.next() {
            Some(spare) => Target::Spare(spare),
            None => Target::New(Unfilled::new(pass.x.len())),
        };
        // SAFETY: the buffers have the length of x; what is kept needs no mask.
        unsafe { second_pass(isa, pass, &factors, g.as_ptr(), x.pointer(), kept, false) };
        // SAFETY: every number has been written.
        (Some(g), unsafe { x.filled() })
    } else {
        let (from, to) = (g.as_ptr(), g.as_mut_ptr());
        // SAFETY: as above; each number is read before it is written.
        unsafe { second_pass(isa, pass, &factors, from, to, kept, quantized) };
        (None, g)
    };
    Gradients {
        gamma: factors.dgamma,
        beta: factors.dbeta,
        x,
        residual,
    }
}

/// Where the gradient to `x` goes when the buffer of `g` is not free.
enum Target {
    Spare(Vec<f32>),
    New(Unfilled),
}

impl Target {
    fn pointer(&mut self) -> *mut f32 {
        match self {
            Target::Spare(buffer) => buffer.as_mut_ptr(),
            Target::New(buffer) => buffer.as_mut_ptr(),
        }
    }

    /// # Safety
    /// All numbers have been written.
    unsafe fn filled(self) -> Vec<f32> {
        match self {
            Target::Spare(buffer) => buffer,
            Target::New(buffer) => buffer.filled(),
        }
    }
}

/// `dx = g * by_gradient + (x * by_input + constant)`, and the gradients to gamma and beta.
struct Factors {
    dgamma: Vec<f32>,
    dbeta: Vec<f32>,
    by_gradient: Vec<f32>,
    by_input: Vec<f32>,
    constant: Vec<f32>,
}

impl Factors {
    fn new(pass: &Backward<'_>, sums: &Pair) -> Factors {
        let channels = pass.gamma.len();
        let rows = rows(pass.x, channels) as f64;
        let zeros = || vec![0.0; channels];
        let mut factors = Factors {
            dgamma: zeros(),
            dbeta: zeros(),
            by_gradient: zeros(),
            by_input: zeros(),
            constant: zeros(),
        };
        for c in 0..channels {
            let (sum_g, sum_gx) = (sums.first[c], sums.second[c]);
            let inverse = f64::from(pass.inverse_deviation[c]);
            factors.dbeta[c] = sum_g as f32;
            factors.dgamma[c] = (sum_gx * inverse) as f32;
            let scale = f64::from(pass.gamma[c]) * inverse;
            let slope = -scale * inverse * inverse * sum_gx / rows;
            factors.by_gradient[c] = scale as f32;
            factors.by_input[c] = slope as f32;
            factors.constant[c] = (-scale * sum_g / rows - slope * f64::from(pass.mean[c])) as f32;
        }
        factors
    }
}

/// Picks the loop of the first pass, over the first `rows` rows. `upstream` are the gradients to `y` and `q`, null where there is none.
unsafe fn first_pass(
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
    unsafe fn either<Q: Staircase>(self, tally: &mut Tally, steps: Q) {
        match self.upstream[0].is_null() {
            true => self.summed::<_, false>(tally, steps),
            false => self.summed::<_, true>(tally, steps),
        }
    }

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
            match (pass.tail.residual.is_some(), kept) {
                (true, _) => isa.run(FirstPass::<_, true, PLAIN, true> { source, blocks, to }),
                (false, true) => isa.run(FirstPass::<_, false, PLAIN, true> { source, blocks, to }),
                (false, false) => {
                    isa.run(FirstPass::<_, false, PLAIN, false> { source, blocks, to });
                }
            }
        });
    }
}

/// What `g` is computed from.
struct Source<'a, Q> {
    pass: &'a Backward<'a>,
    steps: Q,
    upstream: [*mut f32; 2],
}

// SAFETY: threads that share it read and write the rows of their own ranges, and the steps are plain numbers.
unsafe impl<Q: Staircase> Sync for Source<'_, Q> {}

/// What does not change along a channel.
struct Row<S: Simd> {
    scale: S::V,
    shift: S::V,
    low: S::V,
    high: S::V,
    step: S::V,
}

impl<Q: Staircase> Source<'_, Q> {
    /// What channels `c..c + n` have in common.
    #[inline(always)]
    unsafe fn row<S: Simd>(&self, c: usize, n: usize) -> Row<S> {
        let tail = &self.pass.tail;
        let (low, high) = tail.activation.bounds();
        Row {
            scale: S::read(tail.scale.as_ptr().add(c), n),
            shift: S::read(tail.shift.as_ptr().add(c), n),
            low: S::splat(low),
            high: S::splat(high),
            step: S::splat(tail.quantizer.map_or(1.0, |q| q.scale)),
        }
    }

    /// `g` of the `n` numbers from `at` on, whose inputs are `x`.
    #[inline(always)]
    unsafe fn gradient<S: Simd, const RESIDUAL: bool, const PLAIN: bool>(
        &self,
        row: &Row<S>,
        x: S::V,
        at: usize,
        n: usize,
    ) -> S::V {
        let mut v = S::fma(x, row.scale, row.shift);
        if RESIDUAL {
            let residual = self
                .pass
                .tail
                .residual
                .map_or(std::ptr::null(), <[f32]>::as_ptr);
            v = S::add(v, S::read(residual.add(at), n));
        }
        v = S::min(row.high, S::max(row.low, v));
        let mut g = S::splat(0.0);
        if PLAIN {
            g = S::read(self.upstream[0].add(at), n);
        }
        if Q::QUANTIZES {
            let passed = S::read(self.upstream[1].add(at), n);
            let passed = self.steps.pass::<S>(passed, v, row.step);
            g = if PLAIN { S::add(g, passed) } else { passed };
        }
        S::inside(g, v, row.low, row.high)
    }
}

impl<Q: Staircase> Source<'_, Q> {
    /// `g` and `x - mean` of the `n` numbers from `at` on. With `KEEP`, `g` stays in the first buffer that is there.
    #[inline(always)]
    unsafe fn sample<S: Simd, const RESIDUAL: bool, const PLAIN: bool, const KEEP: bool>(
        &self,
        row: &Row<S>,
        mean: S::V,
        at: usize,
        n: usize,
    ) -> (S::V, S::V) {
        let x = S::read(self.pass.x.as_ptr().add(at), n);
        let g = self.gradient::<S, RESIDUAL, PLAIN>(row, x, at, n);
        if KEEP {
            S::write(self.upstream[usize::from(!PLAIN)].add(at), g, n);
        }
        (g, S::sub(x, mean))
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

/// Picks the loop of the second pass: `from` holds `g` itself if it was `kept`, else the gradient to `q` or to `y`.
unsafe fn second_pass(
    isa: Isa,
    pass: &Backward<'_>,
    factors: &Factors,
    from: *const f32,
    to: *mut f32,
    kept: bool,
    quantized: bool,
) {
    let codes = pass.tail.quantizer.map(|q| q.codes);
    match codes.filter(|_| !kept && quantized) {
        _ if kept => remaining::<_, true>(isa, pass, factors, from, to, Smooth),
        None => remaining::<_, false>(isa, pass, factors, from, to, Smooth),
        Some(Codes::Uniform { low, high }) => {
            remaining::<_, false>(isa, pass, factors, from, to, Uniform { low, high })
        }
        Some(Codes::Sign) => remaining::<_, false>(isa, pass, factors, from, to, Sign),
    }
}

unsafe fn remaining<Q: Staircase, const KEPT: bool>(
    isa: Isa,
    pass: &Backward<'_>,
    factors: &Factors,
    from: *const f32,
    to: *mut f32,
    steps: Q,
) {
    let source = Source {
        pass,
        steps,
        upstream: [from.cast_mut(); 2],
    };
    let to = Shared::new(to);
    let (source, rows) = (&source, rows(pass.x, pass.gamma.len()));
    parallel::split(rows, 1, pass.x.len(), |rows| {
        isa.run(SecondPass::<_, KEPT> {
            source,
            factors,
            rows,
            to: to.start(),
        });
    });
}

/// `to = g * by_gradient + (x * by_input + constant)`.
struct SecondPass<'a, Q, const KEPT: bool> {
    source: &'a Source<'a, Q>,
    factors: &'a Factors,
    rows: Range<usize>,
    to: *mut f32,
}

impl<Q: Staircase, const KEPT: bool> Kernel for SecondPass<'_, Q, KEPT> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self) {
        let SecondPass {
            source,
            factors,
            rows,
            to,
        } = self;
        let pass = source.pass;
        let channels = pass.gamma.len();
        let x = pass.x.as_ptr();
        let (by_gradient, by_input, constant) = (
            factors.by_gradient.as_ptr(),
            factors.by_input.as_ptr(),
            factors.constant.as_ptr(),
        );
        // SAFETY: all buffers have these rows of `channels` numbers, the factors one row.
        unsafe {
            for r in rows {
                for c in (0..channels).step_by(S::LANES) {
                    let n = (channels - c).min(S::LANES);
                    let at = r * channels + c;
                    let x = S::read(x.add(at), n);
                    let g = if KEPT {
                        S::read(source.upstream[0].add(at), n)
                    } else if Q::QUANTIZES {
                        source.gradient::<S, false, false>(&source.row::<S>(c, n), x, at, n)
                    } else {
                        source.gradient::<S, false, true>(&source.row::<S>(c, n), x, at, n)
                    };
                    let from_input =
                        S::fma(x, S::read(by_input.add(c), n), S::read(constant.add(c), n));
                    let v = S::fma(g, S::read(by_gradient.add(c), n), from_input);
                    S::write(to.add(at), v, n);
                }
            }
        }
    }
}
