//! The images that a convolution reads: as they lie in memory, or what batch norm makes of them on the way.

use std::ops::Range;

use super::ConvShape;
use crate::kernels::{
    batch_norm::{self, Tail},
    simd::Isa,
};

/// Images, and what becomes of each number before the convolution sees it.
#[derive(Clone, Copy, Debug)]
pub struct Input<'a> {
    /// The numbers.
    pub x: &'a [f32],
    /// Normalization with what follows it, but no residual; it is computed again wherever it is read.
    pub tail: Option<Tail<'a>>,
}

impl<'a> From<&'a [f32]> for Input<'a> {
    fn from(x: &'a [f32]) -> Self {
        Input { x, tail: None }
    }
}

impl<'a> From<&'a Vec<f32>> for Input<'a> {
    fn from(x: &'a Vec<f32>) -> Self {
        Input { x, tail: None }
    }
}

impl Input<'_> {
    /// Panics unless it is the input of a convolution of this shape.
    pub(super) fn check(&self, shape: &ConvShape) {
        shape.check();
        assert_eq!(self.x.len(), shape.input_len());
        let fits = |tail: &Tail<'_>| tail.scale.len() == shape.channels && tail.residual.is_none();
        assert!(self.tail.as_ref().is_none_or(fits));
    }
}

/// Reads an input piece by piece. What has to be computed lies in a buffer that is used again for the next piece.
pub(super) struct Reader<'a> {
    isa: Isa,
    input: Input<'a>,
    pub channels: usize,
    buffer: Vec<f32>,
    /// The pixels whose numbers the buffer holds.
    held: Range<usize>,
}

impl<'a> Reader<'a> {
    pub fn new(isa: Isa, input: Input<'a>, channels: usize) -> Self {
        Reader {
            isa,
            input,
            channels,
            buffer: Vec::new(),
            held: 0..0,
        }
    }

    /// The numbers of pixels `pixels`, counted through all images.
    pub fn pixels(&mut self, pixels: Range<usize>) -> &[f32] {
        let x = &self.input.x[pixels.start * self.channels..pixels.end * self.channels];
        let Some(tail) = &self.input.tail else {
            return x;
        };
        if self.held != pixels {
            self.buffer.resize(x.len(), 0.0);
            batch_norm::apply_into(self.isa, x, tail, &mut self.buffer);
            self.held = pixels;
        }
        &self.buffer
    }

    /// The same numbers in `to`.
    pub fn copy(&self, pixels: Range<usize>, to: &mut [f32]) {
        let x = &self.input.x[pixels.start * self.channels..pixels.end * self.channels];
        match &self.input.tail {
            Some(tail) => batch_norm::apply_into(self.isa, x, tail, to),
            None => to.copy_from_slice(x),
        }
    }
}
