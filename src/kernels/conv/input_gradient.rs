//! The gradient to the input.
//!
//! It is a convolution too: pixels of `x` whose coordinates leave the same remainder modulo the stride see the same subset
//! of kernel taps, so each remainder is one convolution of `dy` with stride 1.

use std::ops::Range;

use super::{ConvShape, padded::Padded, pass::InputGradient, pointwise::Pixels};
use crate::kernels::{
    buffer::Sum,
    parallel::{self, Shared},
    simd::{Kernel, Simd},
    tile::{Columns, Layout, pack, product},
};

/// The gradient to the input, in `dx`: added to what is there, or written.
pub(super) fn input_gradient(pass: &InputGradient<'_>, dx: Sum) -> Vec<f32> {
    let InputGradient {
        isa,
        shape,
        dy,
        w,
        watcher,
    } = *pass;
    let ConvShape {
        channels,
        outputs,
        groups,
        ..
    } = *shape;
    if shape.is_pointwise() {
        let packed = pack(isa.lanes(), outputs, channels, outputs, |o| &w[o..]);
        let pixels = Pixels {
            input: dy.into(),
            inner: outputs,
            columns: channels,
            packed: &packed,
            add: dx.has_begun(),
        };
        // SAFETY: the target has the length of the input, and every pixel is written.
        return unsafe { dx.fill(|dx| pixels.run(isa, dx, watcher)) };
    }
    let axes = [0, 1].map(|axis| phases(shape, axis));
    let (group_in, group_out) = (channels / groups, outputs / groups);
    let mut packed = Vec::new();
    for g in 0..groups {
        for y in &axes[0] {
            for x in &axes[1] {
                let parts = y.parts(x);
                let depth = y.taps.len() * x.taps.len() * group_out / parts.max(1);
                let of = |part: usize| {
                    pack(isa.lanes(), depth, group_in, outputs, |k| {
                        let (tap, o) = ((part * depth + k) / group_out, k % group_out);
                        let (ky, kx) = (y.taps[tap / x.taps.len()], x.taps[tap % x.taps.len()]);
                        let tap = ky * shape.kernel[1] + kx;
                        &w[tap * group_in * outputs + g * group_out + o..]
                    })
                };
                packed.push((0..parts).map(of).collect());
            }
        }
    }
    let (packed, axes) = (&packed, &axes);
    // Where a phase has no taps, nothing is written.
    let all_written = axes.iter().flatten().all(|phase| !phase.taps.is_empty());
    let dx = if all_written { dx } else { dx.zeroed() };
    let add = dx.has_begun();
    let run = |dx: *mut f32| {
        let dx = Shared::new(dx);
        parallel::split(shape.batch, 1, shape.products(), |range| {
            isa.run(Images {
                pass,
                packed,
                axes,
                range,
                dx: dx.start(),
                add,
            });
        });
    };
    // SAFETY: each pixel of each image is in one phase of each axis.
    unsafe { dx.fill(run) }
}

/// Along one axis: the input coordinates `first, first + stride, ...` and the kernel taps that reach them.
struct Phase {
    first: usize,
    /// Taps in descending order.
    taps: Vec<usize>,
    /// From one tap to the next in `dy`.
    step: usize,
    /// Where the first tap meets `dy` for coordinate `first`; can be outside.
    origin: isize,
}

impl Phase {
    /// Products for a line of this phase vertically and phase `x` horizontally: one where taps lie side by side.
    fn parts(&self, x: &Phase) -> usize {
        match x.taps.is_empty() || self.taps.is_empty() {
            true => 0,
            false if x.step == 1 || x.taps.len() == 1 => 1,
            false => self.taps.len(),
        }
    }
}

/// The phases of one axis: input pixel `i` gets `dy[(i + padding - tap * dilation) / stride]` for taps of the right
/// remainder.
fn phases(shape: &ConvShape, axis: usize) -> Vec<Phase> {
    let (stride, dilation) = (shape.stride[axis], shape.dilation[axis]);
    (0..stride)
        .map(|first| {
            let position = first + shape.padding[axis];
            let taps: Vec<usize> = (0..shape.kernel[axis])
                .rev()
                .filter(|tap| tap * dilation % stride == position % stride)
                .collect();
            let origin = taps.first().map_or(0, |&tap| {
                (position as isize - (tap * dilation) as isize) / stride as isize
            });
            let step = match taps[..] {
                [one, next, ..] => (one - next) * dilation / stride,
                _ => 1,
            };
            Phase {
                first,
                taps,
                step,
                origin,
            }
        })
        .collect()
}

/// A border that holds every tap that falls outside `dy`, as far as the input reaches.
fn border(size: usize, out: usize, phases: &[Phase], stride: usize) -> usize {
    let mut border = 0;
    for phase in phases
        .iter()
        .filter(|p| !p.taps.is_empty() && p.first < size)
    {
        let last = (size - 1 - phase.first) / stride; // steps to the last coordinate
        let reach = (phase.taps.len() - 1) * phase.step;
        let end = phase.origin + (last + reach) as isize;
        border = border.max(-phase.origin).max(end - (out as isize - 1));
    }
    border.max(0) as usize
}

/// Images `range` of any convolution.
struct Images<'a> {
    pass: &'a InputGradient<'a>,
    /// The weights that each pair of phases sees, transposed: depth (taps, o), columns c; by group, phases, part.
    packed: &'a [Vec<Vec<f32>>],
    axes: &'a [Vec<Phase>; 2],
    range: Range<usize>,
    dx: *mut f32,
    /// Whether to add to what is there.
    add: bool,
}

impl Kernel for Images<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self) {
        let Images {
            pass,
            packed,
            axes: [phases_y, phases_x],
            range,
            dx,
            add,
        } = self;
        let (shape, dy, watcher) = (pass.shape, pass.dy, pass.watcher);
        let ConvShape {
            height,
            width,
            channels,
            outputs,
            stride: [stride_y, stride_x],
            groups,
            ..
        } = *shape;
        let [out_h, out_w] = shape.output_size();
        let (group_in, group_out) = (channels / groups, outputs / groups);
        let border_y = border(height, out_h, phases_y, stride_y);
        let border_x = border(width, out_w, phases_x, stride_x);
        let mut image = Padded::new([out_h, out_w], group_out, [border_y, border_x]);
        let line = image.width * group_out;
        for n in range {
            let pixels = &dy[n * out_h * out_w * outputs..][..out_h * out_w * outputs];
            for g in 0..groups {
                image.fill(pixels, outputs, g * group_out);
                for (iy, py) in phases_y.iter().enumerate() {
                    for (ix, px) in phases_x.iter().enumerate() {
                        let parts = &packed[(g * stride_y + iy) * stride_x + ix];
                        if parts.is_empty() || px.first >= width {
                            continue;
                        }
                        let whole = parts.len() == 1 && px.step == 1;
                        let layout = Layout {
                            a_row: group_out,
                            a_outer: if whole {
                                py.step * line
                            } else {
                                px.step * group_out
                            },
                            a_inner: 1,
                            outer: if whole { py.taps.len() } else { px.taps.len() },
                            inner: if whole {
                                px.taps.len() * group_out
                            } else {
                                group_out
                            },
                            c_row: stride_x * channels,
                        };
                        let rows = (width - px.first).div_ceil(stride_x);
                        let column = (px.origin + border_x as isize) as usize;
                        for (step, y) in (py.first..height).step_by(stride_y).enumerate() {
                            let top = (py.origin + (step + border_y) as isize) as usize;
                            for (part, packed) in parts.iter().enumerate() {
                                let top = top + part * py.step;
                                // SAFETY: the border made room for every tap of every coordinate; `rows` pixels,
                                // stride_x apart from px.first on, lie inside a line of dx.
                                unsafe {
                                    let a = image.buffer.as_ptr();
                                    let a = a.add(top * line + column * group_out);
                                    let pixel = (n * height + y) * width + px.first;
                                    let c = dx.add(pixel * channels + g * group_in);
                                    let b = Columns::Packed(packed);
                                    product::<S>(rows, group_in, a, b, c, &layout, add || part > 0);
                                }
                            }
                        }
                    }
                }
            }
            // SAFETY: these images are done.
            unsafe { watcher.show(dx, (n + 1) * height * width * channels) };
        }
    }
}
