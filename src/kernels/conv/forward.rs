//! The forward pass.
//!
//! An image is copied once into a buffer with a border of zeros; a line of outputs is then one [`product`] whose inner
//! loop runs along `kx, c`, which are adjacent in memory. With dilation they are not, and a line is a product for each
//! kernel row, whose sums are added in order.

use std::ops::Range;

use super::{ConvShape, input::Reader, padded::Padded, pass::Forward, pointwise::Pixels};
use crate::kernels::{
    buffer::Unfilled,
    parallel::{self, Shared},
    simd::{Kernel, Simd},
    tile::{Columns, Layout, pack, product},
};

/// The convolution of the input with `w`.
pub(super) fn forward(pass: &Forward<'_>) -> Vec<f32> {
    let Forward {
        isa,
        shape,
        input,
        w,
        watcher,
    } = *pass;
    let mut out = Unfilled::new(shape.output_len());
    let windows = Windows::new(shape);
    let (group_out, outputs) = (shape.outputs / shape.groups, shape.outputs);
    let depth = windows.layout.outer * windows.layout.inner;
    let packed: Vec<Vec<f32>> = (0..shape.groups * windows.parts)
        .map(|i| {
            let (g, part) = (i / windows.parts, i % windows.parts);
            pack(isa.lanes(), depth, group_out, 1, |k| {
                &w[(part * depth + k) * outputs + g * group_out..]
            })
        })
        .collect();
    if shape.is_pointwise() {
        let pixels = Pixels {
            input,
            inner: shape.channels,
            columns: outputs,
            packed: &packed[0],
            add: false,
        };
        // SAFETY: the buffer has room for the outputs of all pixels, and they are written.
        return unsafe {
            pixels.run(isa, out.as_mut_ptr(), watcher);
            out.filled()
        };
    }
    let y = Shared::new(out.as_mut_ptr());
    let (packed, windows) = (&packed, &windows);
    parallel::split(shape.batch, 1, shape.products(), |range| {
        isa.run(Images {
            pass,
            packed,
            windows,
            range,
            y: y.start(),
        });
    });
    // SAFETY: the ranges make up all images, and each writes all of its own.
    unsafe { out.filled() }
}

/// How products walk over an image inside its border.
struct Windows {
    /// Products of a line of outputs: one, or one a kernel row.
    parts: usize,
    /// From one product's place in the image to the next's.
    below: usize,
    layout: Layout,
}

impl Windows {
    fn new(shape: &ConvShape) -> Self {
        let group_in = shape.channels / shape.groups;
        let line = shape.padded_size()[1] * group_in;
        let [kernel_h, kernel_w] = shape.kernel;
        let dense = shape.dilation[1] == 1;
        let below = shape.dilation[0] * line;
        Windows {
            parts: if dense { 1 } else { kernel_h },
            below,
            layout: Layout {
                a_row: shape.stride[1] * group_in,
                a_outer: if dense {
                    below
                } else {
                    shape.dilation[1] * group_in
                },
                a_inner: 1,
                outer: if dense { kernel_h } else { kernel_w },
                inner: if dense { kernel_w * group_in } else { group_in },
                c_row: shape.outputs,
            },
        }
    }
}

/// Images `range` of any convolution.
struct Images<'a> {
    pass: &'a Forward<'a>,
    /// By group, then by part.
    packed: &'a [Vec<f32>],
    windows: &'a Windows,
    range: Range<usize>,
    y: *mut f32,
}

impl Kernel for Images<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self) {
        let Images {
            pass,
            packed,
            windows,
            range,
            y,
        } = self;
        let (shape, watcher) = (pass.shape, pass.watcher);
        let ConvShape {
            height,
            width,
            channels,
            outputs,
            groups,
            ..
        } = *shape;
        let [out_h, out_w] = shape.output_size();
        let (group_in, group_out) = (channels / groups, outputs / groups);
        let mut image = Padded::new([height, width], group_in, shape.padding);
        let line = image.width * group_in;
        let mut reader = Reader::new(pass.isa, pass.input, channels);
        for n in range {
            for (g, packed) in packed.chunks_exact(windows.parts).enumerate() {
                image.read(&mut reader, n, g * group_in);
                for oy in 0..out_h {
                    for (part, packed) in packed.iter().enumerate() {
                        // SAFETY: the last window ends inside the padded image by the definition of the output size;
                        // lines, pixels and groups tile the output.
                        unsafe {
                            let top = oy * shape.stride[0] * line + part * windows.below;
                            let a = image.buffer.as_ptr().add(top);
                            let c = y.add((n * out_h + oy) * out_w * outputs + g * group_out);
                            let b = Columns::Packed(packed);
                            product::<S>(out_w, group_out, a, b, c, &windows.layout, part > 0);
                        }
                    }
                }
            }
            // SAFETY: these images are done.
            unsafe { watcher.show(y, (n + 1) * out_h * out_w * outputs) };
        }
    }
}
