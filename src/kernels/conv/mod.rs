//! Convolution of images, with groups, and its two gradients.
//!
//! ```text
//! for n, oy, ox, o:                                   g = o / (outputs / groups), the group of output o
//!     y[n, oy, ox, o] = sum over ky, kx, c of
//!         x[n, oy * stride + ky - pad, ox * stride + kx - pad, g * (channels / groups) + c] * w[ky, kx, c, o]
//! ```
//!
//! The forward pass copies an image once into a buffer with a border of zeros; a line of outputs is then one
//! [`product`] whose inner loop runs along `kx, c`, which are adjacent in memory.
//!
//! The gradient to the input is a convolution too: pixels of `x` whose coordinates leave the same remainder modulo the
//! stride see the same subset of kernel taps, so each remainder is one dense convolution of `dy` with stride 1.
//!
//! The gradient to the weights is, for each kernel row, a product that sums over the pixels of one image; images are
//! added in order.

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

use self::{forward::Forward, input_gradient::InputGradient, weight_gradient::WeightGradient};
use super::{buffer::Unfilled, depthwise, simd::Isa};

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
        isa.run(Forward { shape, x, w })
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
        isa.run(InputGradient { shape, dy, w, dx });
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
        isa.run(WeightGradient { shape, x, dy, dw });
    }
}
