//! The gradient to the weights.
//!
//! It is, for each kernel row (with dilation, for each tap), a product that sums over the pixels of one image; images are
//! added in order. Threads share out the rows of the result, not the images: no sum is cut.

use std::ops::Range;

use super::{ConvShape, input::Reader, padded::Padded, pass::WeightGradient};
use crate::kernels::{
    parallel::{self, Shared},
    simd::{Kernel, Simd},
    tile::{Columns, Layout, product},
};

/// Rows of weights that a thread takes at least: as many as a tile of registers has.
const GRAIN: usize = 8;

/// Adds to `dw` the gradient to the weights.
pub(super) fn weight_gradient(pass: &WeightGradient<'_>, dw: &mut [f32]) {
    let shape = pass.shape;
    let rows = dw.len() / shape.outputs;
    let dw = Shared::new(dw.as_mut_ptr());
    parallel::split(rows, GRAIN, shape.products(), |rows| {
        pass.isa.run(Rows {
            pass,
            rows,
            dw: dw.start(),
        });
    });
}

/// Rows `rows` of the weights: counted along (ky, kx, c).
struct Rows<'a> {
    pass: &'a WeightGradient<'a>,
    rows: Range<usize>,
    dw: *mut f32,
}

impl Kernel for Rows<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self) {
        let Rows { pass, rows, dw } = self;
        let WeightGradient {
            isa,
            shape,
            input,
            dy,
        } = *pass;
        let ConvShape {
            batch,
            height,
            width,
            channels,
            outputs,
            kernel: [_, kernel_w],
            stride: [stride_y, stride_x],
            dilation: [dilation_y, dilation_x],
            padding,
            groups,
        } = *shape;
        let [out_h, out_w] = shape.output_size();
        let (group_in, group_out) = (channels / groups, outputs / groups);
        let mut image = Padded::new([height, width], group_in, padding);
        let line = image.width * group_in;
        let layout = Layout {
            a_row: 1,
            a_outer: stride_y * line,
            a_inner: stride_x * group_in,
            outer: out_h,
            inner: out_w,
            c_row: outputs,
        };
        // rows that lie side by side in an image, too
        let beside = if dilation_x == 1 {
            kernel_w * group_in
        } else {
            group_in
        };
        let mut reader = Reader::new(isa, input, channels);
        for n in 0..batch {
            for g in 0..groups {
                let a = if shape.is_pointwise() {
                    reader
                        .pixels(n * height * width..(n + 1) * height * width)
                        .as_ptr()
                } else {
                    image.read(&mut reader, n, g * group_in);
                    image.buffer.as_ptr()
                };
                let mut row = rows.start;
                while row < rows.end {
                    let next = rows.end.min((row / beside + 1) * beside);
                    let tap = row / group_in;
                    let (ky, kx) = (tap / kernel_w, tap % kernel_w);
                    // SAFETY: the rows start at window (0, 0) and the last window ends inside the padded image (for a
                    // pointwise convolution, the image itself, which has the same layout); dy and dw are read and written
                    // inside their group's columns.
                    unsafe {
                        let b = Columns::Strided {
                            b: dy.as_ptr().add(n * out_h * out_w * outputs + g * group_out),
                            outer: out_w * outputs,
                            inner: outputs,
                        };
                        let c = dw.add(row * outputs + g * group_out);
                        let at =
                            ky * dilation_y * line + kx * dilation_x * group_in + row % group_in;
                        product::<S>(next - row, group_out, a.add(at), b, c, &layout, true);
                    }
                    row = next;
                }
            }
        }
    }
}
