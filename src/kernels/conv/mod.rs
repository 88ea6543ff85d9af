//! Convolution of images, with groups, and its two gradients.
//!
//! ```text
//! for n, oy, ox, o:                                   g = o / (outputs / groups), the group of output o
//!     y[n, oy, ox, o] = sum over ky, kx, c of w[ky, kx, c, o] *
//!         x[n, oy * stride + ky * dilation - pad, ox * stride + kx * dilation - pad, g * (channels / groups) + c]
//! ```
//!
//! Each pass has a file: [`forward`](mod@forward), [`input_gradient`](mod@input_gradient),
//! [`weight_gradient`](mod@weight_gradient). What takes fewer multiplications goes another way, in a folder with the same
//! three files: [`depthwise`] convolutions, and those of 3 x 3 with stride 1 through [`winograd`].

mod depthwise;
mod forward;
mod input;
mod input_gradient;
mod padded;
mod pass;
mod pointwise;
mod shape;
#[cfg(test)]
mod tests;
mod watch;
mod weight_gradient;
mod winograd;

pub use input::Input;
pub use shape::ConvShape;
pub use watch::Watch;

use super::{buffer::Sum, simd::Isa};
use pass::{Forward, InputGradient, WeightGradient};
use watch::Watcher;

/// The convolution of the input with `w`. `watch` may look at the output on the way.
pub fn forward<'a>(
    isa: Isa,
    shape: &ConvShape,
    input: impl Into<Input<'a>>,
    w: &[f32],
    watch: Option<Watch<'_>>,
) -> Vec<f32> {
    let input = input.into();
    input.check(shape);
    assert_eq!(w.len(), shape.weight_len());
    let pass = Forward {
        isa,
        shape,
        input,
        w,
        watcher: &Watcher::new(watch),
    };
    if shape.is_depthwise() {
        depthwise::forward(&pass)
    } else if winograd::suits(shape) {
        winograd::forward(&pass)
    } else {
        forward::forward(&pass)
    }
}

/// The gradient to the input, given the gradient `dy` to the output; added to `begun`, if there is something already.
/// `watch` may look at it on the way.
pub fn input_gradient(
    isa: Isa,
    shape: &ConvShape,
    dy: &[f32],
    w: &[f32],
    begun: Option<Vec<f32>>,
    watch: Option<Watch<'_>>,
) -> Vec<f32> {
    shape.check();
    assert_eq!(dy.len(), shape.output_len());
    assert_eq!(w.len(), shape.weight_len());
    let dx = Sum::of(begun, shape.input_len());
    let pass = InputGradient {
        isa,
        shape,
        dy,
        w,
        watcher: &Watcher::new(watch),
    };
    if shape.is_depthwise() {
        depthwise::input_gradient(&pass, dx)
    } else if winograd::suits(shape) {
        winograd::input_gradient(&pass, dx)
    } else {
        input_gradient::input_gradient(&pass, dx)
    }
}

/// Adds to `dw` the gradient to the weights, given the gradient `dy` to the output.
pub fn weight_gradient<'a>(
    isa: Isa,
    shape: &ConvShape,
    input: impl Into<Input<'a>>,
    dy: &[f32],
    dw: &mut [f32],
) {
    let input = input.into();
    input.check(shape);
    assert_eq!(dy.len(), shape.output_len());
    assert_eq!(dw.len(), shape.weight_len());
    let pass = WeightGradient {
        isa,
        shape,
        input,
        dy,
    };
    if shape.is_depthwise() {
        depthwise::weight_gradient(&pass, dw);
    } else if winograd::suits(shape) {
        winograd::weight_gradient(&pass, dw);
    } else {
        weight_gradient::weight_gradient(&pass, dw);
    }
}
