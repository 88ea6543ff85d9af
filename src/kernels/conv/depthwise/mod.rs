//! Depthwise convolution: one filter per channel.
//!
//! ```text
//! for n, c, oy, ox:
//!     y[n, oy, ox, c] = sum over ky of (sum over kx of
//!         x[n, oy * stride + ky * dilation - pad, ox * stride + kx * dilation - pad, c] * w[ky, kx, c])
//! ```
//!
//! Channels fill the vectors. For kernels of 3 x 3 the nine weight vectors stay in registers.
//!
//! The gradient to the input is, for stride 1, the same loop over a padded `dy` with the kernel turned around; otherwise
//! every pixel gathers the few `dy` that it had a part in, in their order. The gradient to the weights sums `x * dy` over the pixels of
//! an image; images are added in order.

mod correlate;
mod forward;
mod input_gradient;
mod weight_gradient;
mod windows;

pub(super) use forward::forward;
pub(super) use input_gradient::input_gradient;
pub(super) use weight_gradient::weight_gradient;
