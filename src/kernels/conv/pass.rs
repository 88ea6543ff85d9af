//! What each of the three passes is given, whichever way it then goes.

use std::ops::Range;

use super::{ConvShape, Input, watch::Look};
use crate::kernels::{
    parallel::{self, Shared},
    simd::{Isa, Kernel},
};

/// The convolution of the input with `w`.
#[derive(Clone, Copy)]
pub(super) struct Forward<'a> {
    pub isa: Isa,
    pub shape: &'a ConvShape,
    pub input: Input<'a>,
    pub w: &'a [f32],
    /// Looks at the output on the way.
    pub watcher: &'a dyn Look,
}

/// The gradient to the input, given the gradient `dy` to the output.
#[derive(Clone, Copy)]
pub(super) struct InputGradient<'a> {
    pub isa: Isa,
    pub shape: &'a ConvShape,
    pub dy: &'a [f32],
    pub w: &'a [f32],
    /// Looks at the gradient on the way.
    pub watcher: &'a dyn Look,
}

/// The gradient to the weights, given the gradient `dy` to the output.
#[derive(Clone, Copy)]
pub(super) struct WeightGradient<'a> {
    pub isa: Isa,
    pub shape: &'a ConvShape,
    pub input: Input<'a>,
    pub dy: &'a [f32],
}

impl WeightGradient<'_> {
    /// Adds to `dw` what `kernel` computes of each share of its `total` rows or channels; shares start at multiples of `grain`.
    pub(super) fn share_out<'a, K: Kernel<Output = ()>>(
        &'a self,
        total: usize,
        grain: usize,
        dw: &mut [f32],
        kernel: impl Fn(Share<'a>) -> K + Sync,
    ) {
        let dw = Shared::new(dw.as_mut_ptr());
        parallel::split(total, grain, self.shape.products(), |range| {
            self.isa.run(kernel(Share {
                pass: self,
                range,
                dw: dw.start(),
            }));
        });
    }
}

/// Rows or channels `range` of the gradient to the weights, for one thread.
pub(super) struct Share<'a> {
    pub pass: &'a WeightGradient<'a>,
    pub range: Range<usize>,
    /// All of it.
    pub dw: *mut f32,
}
