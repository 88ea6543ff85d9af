//! Depthwise convolution: one filter per channel. Called by [`conv`](super::conv), which checks the lengths.
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
mod input_gradient;
mod weight_gradient;

use std::ops::Range;

use super::{
    buffer::{Sum, Unfilled},
    conv::{ConvShape, Input, Look, Padded, Reader},
    parallel::{self, Shared},
    simd::{Isa, Kernel, Simd},
};
use correlate::{Windows, correlate};
use input_gradient::{Dense, Strided};
use weight_gradient::WeightGradient;

/// The convolution of the input with `w`.
pub(super) fn forward(
    isa: Isa,
    shape: &ConvShape,
    input: Input<'_>,
    w: &[f32],
    watcher: &dyn Look,
) -> Vec<f32> {
    let mut out = Unfilled::new(shape.output_len());
    let y = Shared::new(out.as_mut_ptr());
    parallel::split(shape.batch, 1, shape.products(), |images| {
        isa.run(Forward {
            isa,
            shape,
            input,
            w,
            images,
            y: y.start(),
            watcher,
        });
    });
    // SAFETY: every output pixel of every image is written.
    unsafe { out.filled() }
}

/// The gradient to the input, in `dx`: added to what is there, or written.
pub(super) fn input_gradient(
    isa: Isa,
    shape: &ConvShape,
    dy: &[f32],
    w: &[f32],
    dx: Sum,
    watcher: &dyn Look,
) -> Vec<f32> {
    let [extent_h, extent_w] = shape.extent();
    let within = shape.padding[0] < extent_h && shape.padding[1] < extent_w;
    let dense = shape.stride == [1, 1] && within;
    let add = dx.has_begun();
    let run = |dx: *mut f32| {
        let dx = Shared::new(dx);
        parallel::split(shape.batch, 1, shape.products(), |images| {
            let gradient = input_gradient::Images {
                shape,
                dy,
                w,
                images,
                dx: dx.start(),
                add,
                watcher,
            };
            match dense {
                true => isa.run(Dense(gradient)),
                false => isa.run(Strided(gradient)),
            }
        });
    };
    // SAFETY: every pixel of every image is written.
    unsafe { dx.fill(run) }
}

/// Adds to `dw` the gradient to the weights.
pub(super) fn weight_gradient(
    isa: Isa,
    shape: &ConvShape,
    input: Input<'_>,
    dy: &[f32],
    dw: &mut [f32],
) {
    const GRAIN: usize = 16; // channels of the longest vector
    let dw = Shared::new(dw.as_mut_ptr());
    parallel::split(shape.channels, GRAIN, shape.products(), |slice| {
        isa.run(WeightGradient {
            isa,
            shape,
            input,
            dy,
            slice,
            dw: dw.start(),
        });
    });
}

struct Forward<'a> {
    isa: Isa,
    shape: &'a ConvShape,
    input: Input<'a>,
    w: &'a [f32],
    images: Range<usize>,
    y: *mut f32,
    watcher: &'a dyn Look,
}

impl Kernel for Forward<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self) {
        let Forward {
            isa,
            shape,
            input,
            w,
            images,
            y,
            watcher,
        } = self;
        let channels = shape.channels;
        let [out_h, out_w] = shape.output_size();
        let mut image = Padded::new([shape.height, shape.width], channels, shape.padding);
        let windows = Windows::of(shape);
        let mut reader = Reader::new(isa, input, channels);
        for n in images {
            image.read(&mut reader, n, 0);
            // SAFETY: the last window ends inside the padded image; y has room for all images.
            unsafe {
                let output = out_h * out_w * channels;
                let to = y.add(n * output);
                correlate::<S>(&windows, image.buffer.as_ptr(), w.as_ptr(), to, false);
                watcher.show(y, (n + 1) * output);
            }
        }
    }
}
