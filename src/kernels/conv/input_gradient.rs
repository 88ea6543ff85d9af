use super::{ConvShape, Padded};
use crate::kernels::{
    simd::{Kernel, Simd},
    tile::{Columns, Layout, pack, product},
};

/// Along one axis: the input coordinates `first, first + stride, ...` and the kernel taps that reach them.
struct Phase {
    first: usize,
    /// Taps in descending order, each a step of one in `dy`.
    taps: Vec<usize>,
    /// Where the first tap meets `dy` for coordinate `first`; can be outside.
    origin: isize,
}

/// The phases of one axis: input pixel `i` gets `dy[(i + padding - tap) / stride]` for taps of the right remainder.
fn phases(kernel: usize, stride: usize, padding: usize) -> Vec<Phase> {
    (0..stride)
        .map(|first| {
            let position = first + padding;
            let taps: Vec<usize> = (0..kernel)
                .rev()
                .filter(|tap| tap % stride == position % stride)
                .collect();
            let origin = taps.first().map_or(0, |&tap| {
                (position as isize - tap as isize) / stride as isize
            });
            Phase {
                first,
                taps,
                origin,
            }
        })
        .collect()
}

pub(super) struct InputGradient<'a> {
    pub shape: &'a ConvShape,
    pub dy: &'a [f32],
    pub w: &'a [f32],
    pub dx: &'a mut [f32],
}

impl Kernel for InputGradient<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self) {
        let InputGradient { shape, dy, w, dx } = self;
        let ConvShape {
            batch,
            height,
            width,
            channels,
            outputs,
            kernel: [kernel_h, kernel_w],
            stride: [stride_y, stride_x],
            padding: [pad_y, pad_x],
            groups,
        } = *shape;
        let [out_h, out_w] = shape.output_size();
        let (group_in, group_out) = (channels / groups, outputs / groups);
        let dx = dx.as_mut_ptr();
        if shape.is_pointwise() {
            let packed = pack(S::LANES, outputs, channels, |o, c| w[c * outputs + o]);
            let layout = Layout {
                a_row: outputs,
                a_outer: 0,
                a_inner: 1,
                outer: 1,
                inner: outputs,
                c_row: channels,
            };
            let (rows, b) = (batch * height * width, Columns::Packed(&packed));
            // SAFETY: dy holds `rows` pixels of `outputs`, dx holds `rows` of `channels`.
            unsafe { product::<S>(rows, channels, dy.as_ptr(), b, dx, &layout, true) };
            return;
        }
        let (phases_y, phases_x) = (
            phases(kernel_h, stride_y, pad_y),
            phases(kernel_w, stride_x, pad_x),
        );
        // the weights that each pair of phases sees, transposed: depth (taps, o), columns c
        let mut packed = Vec::new();
        for g in 0..groups {
            for y in &phases_y {
                for x in &phases_x {
                    let depth = y.taps.len() * x.taps.len() * group_out;
                    packed.push(pack(S::LANES, depth, group_in, |k, c| {
                        let (tap, o) = (k / group_out, k % group_out);
                        let (ky, kx) = (y.taps[tap / x.taps.len()], x.taps[tap % x.taps.len()]);
                        w[((ky * kernel_w + kx) * group_in + c) * outputs + g * group_out + o]
                    }));
                }
            }
        }
        // A border as wide as the kernel holds every tap that falls outside dy, as far as the input reaches.
        let border = |size: usize, out: usize, phases: &[Phase], stride: usize| {
            let mut border = 0;
            for phase in phases
                .iter()
                .filter(|p| !p.taps.is_empty() && p.first < size)
            {
                let last = (size - 1 - phase.first) / stride; // steps to the last coordinate
                let end = phase.origin + (last + phase.taps.len() - 1) as isize;
                border = border.max(-phase.origin).max(end - (out as isize - 1));
            }
            border.max(0) as usize
        };
        let border_y = border(height, out_h, &phases_y, stride_y);
        let border_x = border(width, out_w, &phases_x, stride_x);
        let mut image = Padded::new([out_h, out_w], group_out, [border_y, border_x]);
        let line = image.width * group_out;
        for n in 0..batch {
            let pixels = &dy[n * out_h * out_w * outputs..][..out_h * out_w * outputs];
            for g in 0..groups {
                image.fill(pixels, outputs, g * group_out);
                for (iy, py) in phases_y.iter().enumerate() {
                    for (ix, px) in phases_x.iter().enumerate() {
                        if py.taps.is_empty() || px.taps.is_empty() || px.first >= width {
                            continue;
                        }
                        let layout = Layout {
                            a_row: group_out,
                            a_outer: line,
                            a_inner: 1,
                            outer: py.taps.len(),
                            inner: px.taps.len() * group_out,
                            c_row: stride_x * channels,
                        };
                        let b = Columns::Packed(&packed[(g * stride_y + iy) * stride_x + ix]);
                        let rows = (width - px.first).div_ceil(stride_x);
                        let column = (px.origin + border_x as isize) as usize;
                        for (step, y) in (py.first..height).step_by(stride_y).enumerate() {
                            let top = (py.origin + (step + border_y) as isize) as usize;
                            // SAFETY: `border` made room for every tap of every coordinate; `rows` pixels, stride_x
                            // apart from px.first on, lie inside a line of dx.
                            unsafe {
                                let a = image.buffer.as_ptr().add(top * line + column * group_out);
                                let pixel = (n * height + y) * width + px.first;
                                let c = dx.add(pixel * channels + g * group_in);
                                product::<S>(rows, group_in, a, b, c, &layout, true);
                            }
                        }
                    }
                }
            }
        }
    }
}
