//! The two passes backward: sums over all rows, then the gradient to `x` in a buffer that is there already.
//!
//! Where the gradient `g` in front of the sum is needed more than once - a residual gets it, or two gradients make it -, the first
//! pass leaves it in the buffer that it came in; else the second pass computes it again.

use super::{
    Pair, Tail, Tally,
    first_pass::first_pass,
    second_pass::{Factors, second_pass},
};
use crate::kernels::{buffer::Unfilled, elementwise::Activation, simd::Isa};

/// What the backward pass reads.
#[derive(Clone, Copy, Debug)]
pub struct Backward<'a> {
    /// Input of the forward pass.
    pub x: &'a [f32],
    /// What came after normalization. Its residual may be left out where nothing clips or quantizes, and beside what was clipped.
    pub tail: Tail<'a>,
    /// What was clipped, in the place of the residual that is needed to compute it again.
    pub clipped: Option<&'a [f32]>,
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
        assert!(!pass.residual && pass.tail.residual.is_none() && pass.clipped.is_none());
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
        let known = tail.residual.is_some() || self.clipped.is_some();
        assert!(!self.residual || !clips || known);
        assert!(self.clipped.is_none_or(|y| y.len() == self.x.len()));
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
    let kept = both || pass.residual || tail.residual.is_some() || pass.clipped.is_some();
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
