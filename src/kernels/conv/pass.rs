//! What each of the three passes is given, whichever way it then goes.

use super::{ConvShape, Input, watch::Look};
use crate::kernels::simd::Isa;

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
