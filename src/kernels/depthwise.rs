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
//! every `dy` is scattered to the pixels that it came from. The gradient to the weights sums `x * dy` over the pixels of
//! an image; images are added in order.

use std::ops::Range;

use super::{
    buffer::Unfilled,
    conv::{ConvShape, Padded},
    parallel::{self, Shared},
    simd::{Isa, Kernel, Simd},
};

pub(super) fn forward(isa: Isa, shape: &ConvShape, x: &[f32], w: &[f32]) -> Vec<f32> {
    let mut out = Unfilled::new(shape.output_len());
    let y = Shared::new(out.as_mut_ptr());
    parallel::split(shape.batch, 1, shape.products(), |images| {
        isa.run(Forward {
            shape,
            x,
            w,
            images,
            y: y.start(),
        });
    });
    // SAFETY: every output pixel of every image is written.
    unsafe { out.filled() }
}

pub(super) fn input_gradient(isa: Isa, shape: &ConvShape, dy: &[f32], w: &[f32], dx: &mut [f32]) {
    let [extent_h, extent_w] = shape.extent();
    let within = shape.padding[0] < extent_h && shape.padding[1] < extent_w;
    let dense = shape.stride == [1, 1] && within;
    let dx = Shared::new(dx.as_mut_ptr());
    parallel::split(shape.batch, 1, shape.products(), |images| {
        let dx = dx.start();
        match dense {
            true => isa.run(DenseInputGradient {
                shape,
                dy,
                w,
                images,
                dx,
            }),
            false => isa.run(StridedInputGradient {
                shape,
                dy,
                w,
                images,
                dx,
            }),
        }
    });
}

pub(super) fn weight_gradient(isa: Isa, shape: &ConvShape, x: &[f32], dy: &[f32], dw: &mut [f32]) {
    const GRAIN: usize = 16; // channels of the longest vector
    let dw = Shared::new(dw.as_mut_ptr());
    parallel::split(shape.channels, GRAIN, shape.products(), |slice| {
        isa.run(WeightGradient {
            shape,
            x,
            dy,
            slice,
            dw: dw.start(),
        });
    });
}

/// What [`correlate`] walks over: windows of a padded image of `width` columns onto `out_h` x `out_w` pixels.
#[derive(Clone, Copy)]
struct Windows {
    width: usize,
    channels: usize,
    kernel: [usize; 2],
    stride: [usize; 2],
    dilation: [usize; 2],
    out_h: usize,
    out_w: usize,
}

/// `y[oy, ox, c] = sum of window * w`, or `+=` with `add`.
///
/// # Safety
/// `image` holds every window, `w` the kernel's taps, `y` the output pixels, all with `windows.channels` channels.
#[inline(always)]
unsafe fn correlate<S: Simd>(
    windows: &Windows,
    image: *const f32,
    w: *const f32,
    y: *mut f32,
    add: bool,
) {
    let channels = windows.channels;
    for c in (0..channels).step_by(S::LANES) {
        let n = (channels - c).min(S::LANES);
        let (image, w, y) = (image.add(c), w.add(c), y.add(c));
        match (windows.kernel, n == S::LANES) {
            ([3, 3], true) => correlate_3x3::<S>(windows, image, w, y, S::LANES, add),
            ([3, 3], false) => correlate_3x3::<S>(windows, image, w, y, n, add),
            _ => correlate_any::<S>(windows, image, w, y, n, add),
        }
    }
}

/// One vector of channels of [`correlate`] for a 3 x 3 kernel.
#[inline(always)]
unsafe fn correlate_3x3<S: Simd>(
    windows: &Windows,
    image: *const f32,
    w: *const f32,
    y: *mut f32,
    n: usize,
    add: bool,
) {
    let channels = windows.channels;
    let line = windows.width * channels;
    let (down, right) = (windows.dilation[0] * line, windows.dilation[1] * channels);
    let mut taps = [S::splat(0.0); 9];
    for (t, tap) in taps.iter_mut().enumerate() {
        *tap = S::read(w.add(t * channels), n);
    }
    for oy in 0..windows.out_h {
        let top = image.add(oy * windows.stride[0] * line);
        let out = y.add(oy * windows.out_w * channels);
        for ox in 0..windows.out_w {
            let window = top.add(ox * windows.stride[1] * channels);
            let mut sums = [S::splat(0.0); 3];
            for (ky, sum) in sums.iter_mut().enumerate() {
                let x = window.add(ky * down);
                *sum = S::mul(S::read(x, n), taps[3 * ky]);
                *sum = S::fma(S::read(x.add(right), n), taps[3 * ky + 1], *sum);
                *sum = S::fma(S::read(x.add(2 * right), n), taps[3 * ky + 2], *sum);
            }
            let mut v = S::add(S::add(sums[0], sums[1]), sums[2]);
            let p = out.add(ox * channels);
            if add {
                v = S::add(S::read(p, n), v);
            }
            S::write(p, v, n);
        }
    }
}

/// One vector of channels of [`correlate`] for any kernel.
#[inline(always)]
unsafe fn correlate_any<S: Simd>(
    windows: &Windows,
    image: *const f32,
    w: *const f32,
    y: *mut f32,
    n: usize,
    add: bool,
) {
    let channels = windows.channels;
    let line = windows.width * channels;
    let (down, right) = (windows.dilation[0] * line, windows.dilation[1] * channels);
    let [kernel_h, kernel_w] = windows.kernel;
    for oy in 0..windows.out_h {
        for ox in 0..windows.out_w {
            let window = oy * windows.stride[0] * line + ox * windows.stride[1] * channels;
            let mut total = S::splat(0.0);
            for ky in 0..kernel_h {
                let mut sum = S::splat(0.0);
                for kx in 0..kernel_w {
                    let x = S::read(image.add(window + ky * down + kx * right), n);
                    let tap = S::read(w.add((ky * kernel_w + kx) * channels), n);
                    sum = S::fma(x, tap, sum);
                }
                total = S::add(total, sum);
            }
            let p = y.add((oy * windows.out_w + ox) * channels);
            if add {
                total = S::add(S::read(p, n), total);
            }
            S::write(p, total, n);
        }
    }
}

struct Forward<'a> {
    shape: &'a ConvShape,
    x: &'a [f32],
    w: &'a [f32],
    images: Range<usize>,
    y: *mut f32,
}

impl Kernel for Forward<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self) {
        let Forward {
            shape,
            x,
            w,
            images,
            y,
        } = self;
        let channels = shape.channels;
        let [out_h, out_w] = shape.output_size();
        let mut image = Padded::new([shape.height, shape.width], channels, shape.padding);
        let windows = Windows {
            width: image.width,
            channels,
            kernel: shape.kernel,
            stride: shape.stride,
            dilation: shape.dilation,
            out_h,
            out_w,
        };
        let input = shape.height * shape.width * channels;
        for n in images {
            image.fill(&x[n * input..(n + 1) * input], channels, 0);
            // SAFETY: the last window ends inside the padded image; y has room for all images.
            unsafe {
                let y = y.add(n * out_h * out_w * channels);
                correlate::<S>(&windows, image.buffer.as_ptr(), w.as_ptr(), y, false);
            }
        }
    }
}

struct DenseInputGradient<'a> {
    shape: &'a ConvShape,
    dy: &'a [f32],
    w: &'a [f32],
    images: Range<usize>,
    dx: *mut f32,
}

impl Kernel for DenseInputGradient<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self) {
        let DenseInputGradient {
            shape,
            dy,
            w,
            images,
            dx,
        } = self;
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
        for n in images {
            image.fill(&dy[n * output..(n + 1) * output], channels, 0);
            let (image, w) = (image.buffer.as_ptr(), turned.as_ptr());
            // SAFETY: height = out_h + 2 border_y - extent_h + 1, so windows onto dx end inside the padded dy.
            unsafe { correlate::<S>(&windows, image, w, dx.add(n * input), true) };
        }
    }
}

struct StridedInputGradient<'a> {
    shape: &'a ConvShape,
    dy: &'a [f32],
    w: &'a [f32],
    images: Range<usize>,
    dx: *mut f32,
}

impl Kernel for StridedInputGradient<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self) {
        let StridedInputGradient {
            shape,
            dy,
            w,
            images,
            dx,
        } = self;
        let channels = shape.channels;
        let [kernel_h, kernel_w] = shape.kernel;
        let [stride_y, stride_x] = shape.stride;
        let [dilation_y, dilation_x] = shape.dilation;
        let [pad_y, pad_x] = shape.padding;
        let [out_h, out_w] = shape.output_size();
        let [padded_h, padded_w] = shape.padded_size();
        let mut padded = vec![0.0; padded_h * padded_w * channels];
        let output = out_h * out_w * channels;
        let input = shape.height * shape.width * channels;
        for n in images {
            let dy = &dy[n * output..(n + 1) * output];
            // SAFETY: dx has room for all images, and these are this range's alone.
            let dx = unsafe { std::slice::from_raw_parts_mut(dx.add(n * input), input) };
            padded.fill(0.0);
            for (pixel, dy) in dy.chunks_exact(channels).enumerate() {
                let (top, left) = (pixel / out_w * stride_y, pixel % out_w * stride_x);
                for ky in 0..kernel_h {
                    for kx in 0..kernel_w {
                        let (y, x) = (top + ky * dilation_y, left + kx * dilation_x);
                        let to = (y * padded_w + x) * channels;
                        let to = &mut padded[to..to + channels];
                        let w = &w[(ky * kernel_w + kx) * channels..][..channels];
                        for c in 0..channels {
                            to[c] = dy[c].mul_add(w[c], to[c]);
                        }
                    }
                }
            }
            for (y, dx) in dx.chunks_exact_mut(shape.width * channels).enumerate() {
                let from = ((y + pad_y) * padded_w + pad_x) * channels;
                for (dx, g) in dx.iter_mut().zip(&padded[from..]) {
                    *dx += *g;
                }
            }
        }
    }
}

struct WeightGradient<'a> {
    shape: &'a ConvShape,
    x: &'a [f32],
    dy: &'a [f32],
    slice: Range<usize>,
    dw: *mut f32,
}

impl Kernel for WeightGradient<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self) {
        let WeightGradient {
            shape,
            x,
            dy,
            slice,
            dw,
        } = self;
        let channels = shape.channels;
        let [out_h, out_w] = shape.output_size();
        let mut image = Padded::new([shape.height, shape.width], channels, shape.padding);
        let windows = Windows {
            width: image.width,
            channels,
            kernel: shape.kernel,
            stride: shape.stride,
            dilation: shape.dilation,
            out_h,
            out_w,
        };
        let output = out_h * out_w * channels;
        let input = shape.height * shape.width * channels;
        for (x, dy) in x.chunks_exact(input).zip(dy.chunks_exact(output)) {
            image.fill(x, channels, 0);
            for c in slice.clone().step_by(S::LANES) {
                let n = (slice.end - c).min(S::LANES);
                // SAFETY: windows end inside the padded image; n channels from c on exist in all three buffers.
                unsafe {
                    let (x, dy, dw) = (image.buffer.as_ptr().add(c), dy.as_ptr().add(c), dw.add(c));
                    match (windows.kernel, n == S::LANES) {
                        ([3, 3], true) => taps_gradient_3x3::<S>(&windows, x, dy, dw, S::LANES),
                        ([3, 3], false) => taps_gradient_3x3::<S>(&windows, x, dy, dw, n),
                        _ => taps_gradient_any::<S>(&windows, x, dy, dw, n),
                    }
                }
            }
        }
    }
}

/// Adds the gradient of one image and one vector of channels to the nine taps, which stay in registers.
///
/// # Safety
/// As for [`correlate`], with `dy` in the place of `y`.
#[inline(always)]
unsafe fn taps_gradient_3x3<S: Simd>(
    windows: &Windows,
    image: *const f32,
    dy: *const f32,
    dw: *mut f32,
    n: usize,
) {
    let channels = windows.channels;
    let line = windows.width * channels;
    let (down, right) = (windows.dilation[0] * line, windows.dilation[1] * channels);
    let mut sums = [S::splat(0.0); 9];
    for oy in 0..windows.out_h {
        let top = image.add(oy * windows.stride[0] * line);
        for ox in 0..windows.out_w {
            let g = S::read(dy.add((oy * windows.out_w + ox) * channels), n);
            let window = top.add(ox * windows.stride[1] * channels);
            for (t, sum) in sums.iter_mut().enumerate() {
                let x = S::read(window.add(t / 3 * down + t % 3 * right), n);
                *sum = S::fma(g, x, *sum);
            }
        }
    }
    for (t, &sum) in sums.iter().enumerate() {
        let p = dw.add(t * channels);
        S::write(p, S::add(S::read(p, n), sum), n);
    }
}

/// [`taps_gradient_3x3`] for any kernel.
///
/// # Safety
/// As for [`correlate`], with `dy` in the place of `y`.
#[inline(always)]
unsafe fn taps_gradient_any<S: Simd>(
    windows: &Windows,
    image: *const f32,
    dy: *const f32,
    dw: *mut f32,
    n: usize,
) {
    let channels = windows.channels;
    let line = windows.width * channels;
    let (down, right) = (windows.dilation[0] * line, windows.dilation[1] * channels);
    let [kernel_h, kernel_w] = windows.kernel;
    for ky in 0..kernel_h {
        for kx in 0..kernel_w {
            let mut sum = S::splat(0.0);
            for oy in 0..windows.out_h {
                let x = image.add(oy * windows.stride[0] * line + ky * down + kx * right);
                for ox in 0..windows.out_w {
                    let x = S::read(x.add(ox * windows.stride[1] * channels), n);
                    let g = S::read(dy.add((oy * windows.out_w + ox) * channels), n);
                    sum = S::fma(g, x, sum);
                }
            }
            let p = dw.add((ky * kernel_w + kx) * channels);
            S::write(p, S::add(S::read(p, n), sum), n);
        }
    }
}
