//! The gradient to the weights.
//!
//! It is, for each kernel row (with dilation, for each tap), a product that sums over the pixels of one image; images are
//! added in order. Threads share out the rows of the result, not the images: no sum is cut.

use super::{
    ConvShape,
    input::Reader,
    padded::Padded,
    pass::{Share, WeightGradient},
};
use crate::kernels::{
    simd::{Kernel, Simd},
    tile::{Columns, Layout, product},
};

/// Rows of weights that a thread takes at least: as many as a tile of registers has.
const GRAIN: usize = 8;

/// Adds to `dw` the gradient to the weights.
pub(super) fn weight_gradient(pass: &WeightGradient<'_>, dw: &mut [f32]) {
    let rows = dw.len() / pass.shape.outputs;
    pass.share_out(rows, GRAIN, dw, Rows);
}

/// Rows of the weights, counted along (ky, kx, c).
struct Rows<'a>(Share<'a>);

impl Kernel for Rows<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self) {
        let Share {
            pass,
            range: rows,
            dw,
        } = self.0;
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
