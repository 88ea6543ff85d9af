use super::{ConvShape, Padded};
use crate::kernels::{
    buffer::Unfilled,
    simd::{Kernel, Simd},
    tile::{Columns, Layout, pack, product},
};

pub(super) struct Forward<'a> {
    pub shape: &'a ConvShape,
    pub x: &'a [f32],
    pub w: &'a [f32],
}

impl Kernel for Forward<'_> {
    type Output = Vec<f32>;
    #[inline(always)]
    fn run<S: Simd>(self) -> Vec<f32> {
        let Forward { shape, x, w } = self;
        let ConvShape {
            batch,
            height,
            width,
            channels,
            outputs,
            kernel: [kernel_h, kernel_w],
            stride: [stride_y, stride_x],
            padding,
            groups,
        } = *shape;
        let [out_h, out_w] = shape.output_size();
        let (group_in, group_out) = (channels / groups, outputs / groups);
        let depth = kernel_h * kernel_w * group_in;
        let packed: Vec<Vec<f32>> = (0..groups)
            .map(|g| {
                pack(S::LANES, depth, group_out, |k, o| {
                    w[k * outputs + g * group_out + o]
                })
            })
            .collect();
        if shape.is_pointwise() {
            let layout = Layout {
                a_row: channels,
                a_outer: 0,
                a_inner: 1,
                outer: 1,
                inner: channels,
                c_row: outputs,
            };
            let rows = batch * height * width;
            let b = Columns::Packed(&packed[0]);
            // SAFETY: x holds `rows` pixels of `channels`, y holds `rows` of `outputs`, all of them are written.
            return unsafe {
                let mut out = Unfilled::new(rows * outputs);
                product::<S>(
                    rows,
                    outputs,
                    x.as_ptr(),
                    b,
                    out.as_mut_ptr(),
                    &layout,
                    false,
                );
                out.filled()
            };
        }
        let mut image = Padded::new([height, width], group_in, padding);
        let line = image.width * group_in;
        let layout = Layout {
            a_row: stride_x * group_in,
            a_outer: line,
            a_inner: 1,
            outer: kernel_h,
            inner: kernel_w * group_in,
            c_row: outputs,
        };
        // SAFETY: the last window ends inside the padded image by the definition of the output size; lines, pixels and
        // groups tile the output, so all of it is written.
        unsafe {
            let mut out = Unfilled::new(shape.output_len());
            let y = out.as_mut_ptr();
            for n in 0..batch {
                let pixels = &x[n * height * width * channels..][..height * width * channels];
                for (g, packed) in packed.iter().enumerate() {
                    image.fill(pixels, channels, g * group_in);
                    for oy in 0..out_h {
                        let a = image.buffer.as_ptr().add(oy * stride_y * line);
                        let c = y.add((n * out_h + oy) * out_w * outputs + g * group_out);
                        let b = Columns::Packed(packed);
                        product::<S>(out_w, group_out, a, b, c, &layout, false);
                    }
                }
            }
            out.filled()
        }
    }
}
