//! The gradient to the input.
//!
//! For stride 1 it is a correlation, too: of the padded `dy` with the filters turned around. Otherwise each pixel gathers its
//! products in the order of the outputs that they belong to.

use std::ops::Range;

use super::{correlate::correlate, windows::Windows};
use crate::kernels::{
    buffer::Sum,
    conv::{ConvShape, padded::Padded, pass::InputGradient},
    parallel::{self, Shared},
    simd::{Kernel, Simd},
};

/// The gradient to the input, in `dx`: added to what is there, or written.
pub(in crate::kernels::conv) fn input_gradient(pass: &InputGradient<'_>, dx: Sum) -> Vec<f32> {
    let InputGradient { isa, shape, .. } = *pass;
    let [extent_h, extent_w] = shape.extent();
    let within = shape.padding[0] < extent_h && shape.padding[1] < extent_w;
    let dense = shape.stride == [1, 1] && within;
    let add = dx.has_begun();
    let run = |dx: *mut f32| {
        let dx = Shared::new(dx);
        parallel::split(shape.batch, 1, shape.products(), |range| {
            let images = Images {
                pass,
                range,
                dx: dx.start(),
                add,
            };
            match dense {
                true => isa.run(Dense(images)),
                false => isa.run(Strided(images)),
            }
        });
    };
    // SAFETY: every pixel of every image is written.
    unsafe { dx.fill(run) }
}

/// Images `range`.
struct Images<'a> {
    pass: &'a InputGradient<'a>,
    range: Range<usize>,
    dx: *mut f32,
    /// Whether to add to what is there.
    add: bool,
}

/// For stride 1.
struct Dense<'a>(Images<'a>);

impl Kernel for Dense<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self) {
        let Images {
            pass,
            range,
            dx,
            add,
        } = self.0;
        let (shape, dy, w) = (pass.shape, pass.dy, pass.w);
        let channels = shape.channels;
        let [extent_h, extent_w] = shape.extent();
        let [out_h, out_w] = shape.output_size();
        let turned: Vec<f32> = w.rchunks_exact(channels).flatten().copied().collect();
        let border = [
            extent_h - 1 - shape.padding[0],
            extent_w - 1 - shape.padding[1],
        ];
        let mut image = Padded::new([out_h, out_w], channels, border);
        let windows = Windows {
            width: image.width,
            channels,
            kernel: shape.kernel,
            stride: [1, 1],
            dilation: shape.dilation,
            out_h: shape.height,
            out_w: shape.width,
        };
        let output = out_h * out_w * channels;
        let input = shape.height * shape.width * channels;
        for n in range {
            image.fill(&dy[n * output..(n + 1) * output], channels, 0);
            let (image, w) = (image.buffer.as_ptr(), turned.as_ptr());
            // SAFETY: height = out_h + 2 border_y - extent_h + 1, so windows onto dx end inside the padded dy.
            unsafe {
                correlate::<S>(&windows, image, w, dx.add(n * input), add);
                pass.watcher.show(dx, (n + 1) * input);
            }
        }
    }
}

/// For any stride.
struct Strided<'a>(Images<'a>);

/// Along one axis: the outputs that a coordinate had a part in, in order, and by which taps.
fn parts(shape: &ConvShape, axis: usize) -> Vec<Vec<(usize, usize)>> {
    let size = [shape.height, shape.width][axis];
    let (stride, dilation) = (shape.stride[axis], shape.dilation[axis]);
    let of = |at: usize| {
        let outputs = 0..shape.output_size()[axis];
        outputs
            .filter_map(|out| {
                let apart = (at + shape.padding[axis]).checked_sub(out * stride)?;
                let tap = apart / dilation;
                let reached = apart % dilation == 0 && tap < shape.kernel[axis];
                reached.then_some((out, tap))
            })
            .collect()
    };
    (0..size).map(of).collect()
}

impl Kernel for Strided<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self) {
        let Images {
            pass,
            range,
            dx,
            add,
        } = self.0;
        let (shape, dy, w) = (pass.shape, pass.dy, pass.w);
        let channels = shape.channels;
        let [out_h, out_w] = shape.output_size();
        let (lines, columns) = (parts(shape, 0), parts(shape, 1));
        let mut terms = Vec::new();
        for n in range {
            // SAFETY: outputs and taps are inside dy and w, which have `channels` numbers for each, as dx has for each pixel.
            unsafe {
                let dy = dy.as_ptr().add(n * out_h * out_w * channels);
                let mut to = dx.add(n * shape.height * shape.width * channels);
                for line in &lines {
                    for column in &columns {
                        terms.clear();
                        for (oy, ky) in line {
                            for (ox, kx) in column {
                                terms.push([
                                    dy.add((oy * out_w + ox) * channels),
                                    w.as_ptr().add((ky * shape.kernel[1] + kx) * channels),
                                ]);
                            }
                        }
                        match terms[..] {
                            [a] => gather::<S, 1>(&[a], channels, to, add),
                            [a, b] => gather::<S, 2>(&[a, b], channels, to, add),
                            [a, b, c, d] => gather::<S, 4>(&[a, b, c, d], channels, to, add),
                            _ => gather_any::<S>(&terms, channels, to, add),
                        }
                        to = to.add(channels);
                    }
                }
                pass.watcher
                    .show(dx, (n + 1) * shape.height * shape.width * channels);
            }
        }
    }
}

/// The sum of the products of `N` pairs, or what there is and that.
///
/// # Safety
/// All pointers are good for `channels` numbers.
#[inline(always)]
unsafe fn gather<S: Simd, const N: usize>(
    terms: &[[*const f32; 2]; N],
    channels: usize,
    to: *mut f32,
    add: bool,
) {
    gather_any::<S>(terms, channels, to, add);
}

/// The same for any number of pairs.
///
/// # Safety
/// As above.
#[inline(always)]
unsafe fn gather_any<S: Simd>(terms: &[[*const f32; 2]], channels: usize, to: *mut f32, add: bool) {
    for c in (0..channels).step_by(S::LANES) {
        let n = (channels - c).min(S::LANES);
        let mut sum = S::splat(0.0);
        for [g, tap] in terms {
            sum = S::fma(S::read(g.add(c), n), S::read(tap.add(c), n), sum);
        }
        S::put(to.add(c), sum, n, add);
    }
}
