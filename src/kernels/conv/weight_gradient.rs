use super::{ConvShape, Padded};
use crate::kernels::{
    simd::{Kernel, Simd},
    tile::{Columns, Layout, product},
};

pub(super) struct WeightGradient<'a> {
    pub shape: &'a ConvShape,
    pub x: &'a [f32],
    pub dy: &'a [f32],
    pub dw: &'a mut [f32],
}

impl Kernel for WeightGradient<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self) {
        let WeightGradient { shape, x, dy, dw } = self;
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
        for n in 0..batch {
            let pixels = &x[n * height * width * channels..][..height * width * channels];
            for g in 0..groups {
                let a = if shape.is_pointwise() {
                    pixels.as_ptr()
                } else {
                    image.fill(pixels, channels, g * group_in);
                    image.buffer.as_ptr()
                };
                for ky in 0..kernel_h {
                    // SAFETY: rows (kx, c) of kernel line ky start at window (0, 0) and the last window ends inside the
                    // padded image (for a pointwise convolution, the image itself, which has the same layout); dy and dw
                    // are read and written inside their group's columns.
                    unsafe {
                        let b = Columns::Strided {
                            b: dy.as_ptr().add(n * out_h * out_w * outputs + g * group_out),
                            outer: out_w * outputs,
                            inner: outputs,
                        };
                        let c = dw.as_mut_ptr();
                        let c = c.add(ky * kernel_w * group_in * outputs + g * group_out);
                        let (rows, a) = (kernel_w * group_in, a.add(ky * line));
                        product::<S>(rows, group_out, a, b, c, &layout, true);
                    }
                }
            }
        }
    }
}
