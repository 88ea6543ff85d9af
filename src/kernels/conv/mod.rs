//! Convolution of images, with groups, and its two gradients.
//!
//! ```text
//! for n, oy, ox, o:                                   g = o / (outputs / groups), the group of output o
//!     y[n, oy, ox, o] = sum over ky, kx, c of w[ky, kx, c, o] *
//!         x[n, oy * stride + ky * dilation - pad, ox * stride + kx * dilation - pad, g * (channels / groups) + c]
//! ```
//!
//! Each pass has a file: [`forward`](mod@forward), [`input_gradient`](mod@input_gradient),
//! [`weight_gradient`](mod@weight_gradient). What takes fewer multiplications goes another way:
//! [`depthwise`] convolutions, and those of 3 x 3 with stride 1 through [`winograd`].

mod forward;
mod input_gradient;
mod padded;
mod shape;
#[cfg(test)]
mod tests;
mod weight_gradient;
mod winograd;

pub(super) use padded::Padded;
pub use shape::ConvShape;

use super::{depthwise, simd::Isa};

/// The convolution of `x` with `w`.
pub fn forward(isa: Isa, shape: &ConvShape, x: &[f32], w: &[f32]) -> Vec<f32> {
    shape.check();
    assert_eq!(x.len(), shape.input_len());
    assert_eq!(w.len(), shape.weight_len());
    if shape.is_depthwise() {
        depthwise::forward(isa, shape, x, w)
    } else if winograd::suits(shape) {
        winograd::forward(isa, shape, x, w)
    } else {
        forward::forward(isa, shape, x, w)
    }
}

/// Adds to `dx` the gradient to the input, given the gradient `dy` to the output.
pub fn input_gradient(isa: Isa, shape: &ConvShape, dy: &[f32], w: &[f32], dx: &mut [f32]) {
    shape.check();
    assert_eq!(dy.len(), shape.output_len());
    assert_eq!(w.len(), shape.weight_len());
    assert_eq!(dx.len(), shape.input_len());
    if shape.is_depthwise() {
        depthwise::input_gradient(isa, shape, dy, w, dx);
    } else if winograd::suits(shape) {
        winograd::input_gradient(isa, shape, dy, w, dx);
    } else {
        input_gradient::input_gradient(isa, shape, dy, w, dx);
    }
}

/// Adds to `dw` the gradient to the weights, given the gradient `dy` to the output.
pub fn weight_gradient(isa: Isa, shape: &ConvShape, x: &[f32], dy: &[f32], dw: &mut [f32]) {
    shape.check();
    assert_eq!(x.len(), shape.input_len());
    assert_eq!(dy.len(), shape.output_len());
    assert_eq!(dw.len(), shape.weight_len());
    if shape.is_depthwise() {
        depthwise::weight_gradient(isa, shape, x, dy, dw);
    } else if winograd::suits(shape) {
        winograd::weight_gradient(isa, shape, x, dy, dw);
    } else {
        weight_gradient::weight_gradient(isa, shape, x, dy, dw);
    }
}
