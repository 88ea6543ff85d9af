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

use super::{
    buffer::Unfilled,
    depthwise,
    simd::{Isa, Kernel, Simd},
    tile::{Columns, Layout, pack, product},
};

/// Shapes of one convolution. Pairs are (vertical, horizontal).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ConvShape {
    /// Images.
    pub batch: usize,
    /// Input lines.
    pub height: usize,
    /// Input columns.
    pub width: usize,
    /// Input channels.
    pub channels: usize,
    /// Output channels.
    pub outputs: usize,
    /// Kernel size.
    pub kernel: [usize; 2],
    /// Step between output pixels.
    pub stride: [usize; 2],
    /// Zeros on each side.
    pub padding: [usize; 2],
    /// Groups; divides channels and outputs.
    pub groups: usize,
}

impl ConvShape {
    /// Output lines and columns.
    pub fn output_size(&self) -> [usize; 2] {
        let [height, width] = self.padded_size();
        [
            (height - self.kernel[0]) / self.stride[0] + 1,
            (width - self.kernel[1]) / self.stride[1] + 1,
        ]
    }

    /// Input lines and columns with the zeros around.
    pub(super) fn padded_size(&self) -> [usize; 2] {
        [
            self.height + 2 * self.padding[0],
            self.width + 2 * self.padding[1],
        ]
    }

    /// Numbers in the input.
    pub fn input_len(&self) -> usize {
        self.batch * self.height * self.width * self.channels
    }

    /// Numbers in the output.
    pub fn output_len(&self) -> usize {
        let [height, width] = self.output_size();
        self.batch * height * width * self.outputs
    }

    /// Numbers in the weights.
    pub fn weight_len(&self) -> usize {
        self.kernel[0] * self.kernel[1] * (self.channels / self.groups) * self.outputs
    }

    /// One filter per channel.
    pub fn is_depthwise(&self) -> bool {
        self.groups == self.channels && self.groups == self.outputs && self.groups > 1
    }

    /// A matrix product in disguise: every output pixel sees one input pixel.
    fn is_pointwise(&self) -> bool {
        self.kernel == [1, 1] && self.stride == [1, 1] && self.padding == [0, 0] && self.groups == 1
    }

    /// Panics on shapes that mean nothing.
    pub(super) fn check(&self) {
        let Self { groups, kernel, .. } = *self;
        assert!(
            groups > 0
                && self.channels.is_multiple_of(groups)
                && self.outputs.is_multiple_of(groups),
            "groups divide channels and outputs: {self:?}"
        );
        let [height, width] = self.padded_size();
        assert!(
            (1..=height).contains(&kernel[0]) && (1..=width).contains(&kernel[1]),
            "the kernel fits into the padded image: {self:?}"
        );
        assert!(
            self.stride[0] > 0 && self.stride[1] > 0,
            "the stride is positive"
        );
    }
}

/// The convolution of `x` with `w`.
pub fn forward(isa: Isa, shape: &ConvShape, x: &[f32], w: &[f32]) -> Vec<f32> {
    shape.check();
    assert_eq!(x.len(), shape.input_len());
    assert_eq!(w.len(), shape.weight_len());
    if shape.is_depthwise() {
        depthwise::forward(isa, shape, x, w)
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
    } else {
        isa.run(WeightGradient { shape, x, dy, dw });
    }
}

/// An image with zeros around it, reused from image to image: the border stays zero, the inside is overwritten.
pub(super) struct Padded {
    pub buffer: Vec<f32>,
    /// Lines, columns and channels of the buffer.
    pub height: usize,
    pub width: usize,
    pub channels: usize,
    padding: [usize; 2],
}

impl Padded {
    pub fn new([height, width]: [usize; 2], channels: usize, padding: [usize; 2]) -> Self {
        let (height, width) = (height + 2 * padding[0], width + 2 * padding[1]);
        Padded {
            buffer: vec![0.0; height * width * channels],
            height,
            width,
            channels,
            padding,
        }
    }

    /// Copies channels `first..first + self.channels` of an image with `all` channels.
    #[inline(always)]
    pub fn fill(&mut self, image: &[f32], all: usize, first: usize) {
        let channels = self.channels;
        let lines = self.height - 2 * self.padding[0];
        let columns = self.width - 2 * self.padding[1];
        for y in 0..lines {
            let to = ((y + self.padding[0]) * self.width + self.padding[1]) * channels;
            let to = &mut self.buffer[to..to + columns * channels];
            let from = &image[y * columns * all..(y + 1) * columns * all];
            if channels == all {
                to.copy_from_slice(from);
            } else {
                for (to, from) in to.chunks_exact_mut(channels).zip(from.chunks_exact(all)) {
                    to.copy_from_slice(&from[first..first + channels]);
                }
            }
        }
    }
}

struct Forward<'a> {
    shape: &'a ConvShape,
    x: &'a [f32],
    w: &'a [f32],
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

struct InputGradient<'a> {
    shape: &'a ConvShape,
    dy: &'a [f32],
    w: &'a [f32],
    dx: &'a mut [f32],
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

struct WeightGradient<'a> {
    shape: &'a ConvShape,
    x: &'a [f32],
    dy: &'a [f32],
    dw: &'a mut [f32],
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::testing::{assert_close, noise, on_every_isa};

    /// (batch, height, width, channels, outputs, kernel, stride, padding, groups)
    type Case = (
        usize,
        usize,
        usize,
        usize,
        usize,
        [usize; 2],
        [usize; 2],
        [usize; 2],
        usize,
    );

    const CASES: [Case; 20] = [
        (2, 9, 9, 3, 16, [3, 3], [1, 1], [1, 1], 1),
        (1, 7, 11, 5, 70, [3, 3], [2, 2], [1, 1], 1),
        (2, 8, 8, 70, 33, [1, 1], [1, 1], [0, 0], 1),
        (1, 8, 10, 17, 9, [1, 1], [2, 2], [0, 0], 1),
        (2, 10, 7, 4, 24, [5, 5], [1, 1], [2, 2], 1),
        (1, 15, 15, 3, 48, [7, 7], [2, 2], [3, 3], 1),
        (1, 11, 13, 6, 8, [4, 4], [3, 3], [0, 0], 1),
        (2, 6, 6, 8, 12, [3, 3], [1, 1], [1, 1], 4),
        (1, 9, 8, 12, 6, [3, 3], [2, 2], [1, 1], 3),
        (2, 12, 5, 7, 21, [2, 6], [1, 1], [0, 3], 7),
        (1, 9, 12, 4, 5, [1, 7], [2, 1], [0, 3], 1),
        (1, 7, 5, 3, 65, [3, 3], [3, 3], [2, 2], 1),
        (1, 4, 4, 2, 3, [2, 2], [3, 3], [0, 0], 1),
        (1, 1, 16, 5, 37, [1, 3], [1, 2], [0, 1], 1),
        // depthwise
        (2, 8, 9, 35, 35, [3, 3], [1, 1], [1, 1], 35),
        (1, 9, 9, 16, 16, [3, 3], [2, 2], [1, 1], 16),
        (1, 10, 7, 21, 21, [5, 5], [1, 1], [2, 2], 21),
        (1, 11, 12, 3, 3, [7, 7], [3, 3], [3, 3], 3),
        (2, 6, 8, 70, 70, [4, 2], [1, 1], [0, 0], 70),
        (1, 5, 6, 9, 9, [1, 3], [1, 1], [1, 2], 9),
    ];

    fn shape(case: Case) -> ConvShape {
        let (batch, height, width, channels, outputs, kernel, stride, padding, groups) = case;
        ConvShape {
            batch,
            height,
            width,
            channels,
            outputs,
            kernel,
            stride,
            padding,
            groups,
        }
    }

    /// Calls `visit(index in y, in x, in w)` for every product of the definition.
    fn definition(shape: &ConvShape, mut visit: impl FnMut(usize, usize, usize)) {
        let s = shape;
        let [out_h, out_w] = s.output_size();
        let (group_in, group_out) = (s.channels / s.groups, s.outputs / s.groups);
        for n in 0..s.batch {
            for oy in 0..out_h {
                for ox in 0..out_w {
                    for o in 0..s.outputs {
                        for ky in 0..s.kernel[0] {
                            for kx in 0..s.kernel[1] {
                                let y = (oy * s.stride[0] + ky).wrapping_sub(s.padding[0]);
                                let x = (ox * s.stride[1] + kx).wrapping_sub(s.padding[1]);
                                if y >= s.height || x >= s.width {
                                    continue;
                                }
                                for c in 0..group_in {
                                    let channel = o / group_out * group_in + c;
                                    visit(
                                        ((n * out_h + oy) * out_w + ox) * s.outputs + o,
                                        ((n * s.height + y) * s.width + x) * s.channels + channel,
                                        ((ky * s.kernel[1] + kx) * group_in + c) * s.outputs + o,
                                    );
                                }
                            }
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn agrees_with_the_definition_in_double_precision() {
        for case in CASES {
            let shape = shape(case);
            let x = noise(shape.input_len(), 1);
            let w = noise(shape.weight_len(), 2);
            let dy = noise(shape.output_len(), 3);
            let start = noise(shape.input_len().max(shape.weight_len()), 4);
            let mut y = vec![0.0; dy.len()];
            let mut dx: Vec<f64> = start[..x.len()].iter().map(|v| f64::from(*v)).collect();
            let mut dw: Vec<f64> = start[..w.len()].iter().map(|v| f64::from(*v)).collect();
            definition(&shape, |iy, ix, iw| {
                y[iy] += f64::from(x[ix]) * f64::from(w[iw]);
                dx[ix] += f64::from(dy[iy]) * f64::from(w[iw]);
                dw[iw] += f64::from(dy[iy]) * f64::from(x[ix]);
            });
            let actual = on_every_isa(|isa| forward(isa, &shape, &x, &w));
            assert_close(&actual, &y, 2e-6);
            let actual = on_every_isa(|isa| {
                let mut dx = start[..x.len()].to_vec();
                input_gradient(isa, &shape, &dy, &w, &mut dx);
                dx
            });
            assert_close(&actual, &dx, 2e-6);
            let actual = on_every_isa(|isa| {
                let mut dw = start[..w.len()].to_vec();
                weight_gradient(isa, &shape, &x, &dy, &mut dw);
                dw
            });
            assert_close(&actual, &dw, 2e-6);
        }
    }

    #[test]
    fn nan_reaches_every_output_that_sees_it_and_no_other() {
        let shape = shape((1, 5, 5, 2, 3, [3, 3], [1, 1], [1, 1], 1));
        let mut x = noise(shape.input_len(), 1);
        x[0] = f32::NAN; // the corner pixel
        let y = on_every_isa(|isa| forward(isa, &shape, &x, &noise(shape.weight_len(), 2)));
        for (i, y) in y.iter().enumerate() {
            let (line, column) = (i / 3 / 5, i / 3 % 5);
            assert_eq!(y.is_nan(), line <= 1 && column <= 1, "output {i}");
        }
    }

    #[test]
    #[should_panic(expected = "groups divide")]
    fn groups_that_do_not_divide_are_refused() {
        let shape = shape((1, 5, 5, 3, 4, [3, 3], [1, 1], [1, 1], 2));
        forward(Isa::current(), &shape, &[0.0; 75], &[0.0; 36]);
    }
}
