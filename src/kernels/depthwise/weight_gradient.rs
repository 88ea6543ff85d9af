//! The gradient to the weights.

use std::ops::Range;

use super::correlate::Windows;
use crate::kernels::{
    conv::{ConvShape, Input, Padded, Reader},
    simd::{Isa, Kernel, Simd},
};

/// The gradient to the weights of channels `slice`.
pub(super) struct WeightGradient<'a> {
    pub isa: Isa,
    pub shape: &'a ConvShape,
    pub input: Input<'a>,
    pub dy: &'a [f32],
    pub slice: Range<usize>,
    pub dw: *mut f32,
}

impl Kernel for WeightGradient<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self) {
        let WeightGradient {
            isa,
            shape,
            input,
            dy,
            slice,
            dw,
        } = self;
        let channels = shape.channels;
        let [out_h, out_w] = shape.output_size();
        let mut image = Padded::new([shape.height, shape.width], channels, shape.padding);
        let windows = Windows::of(shape);
        let output = out_h * out_w * channels;
        let mut reader = Reader::new(isa, input, channels);
        for (n, dy) in dy.chunks_exact(output).enumerate() {
            image.read(&mut reader, n, 0);
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
/// As for [`correlate`](super::correlate::correlate), with `dy` in the place of `y`.
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
/// As for [`correlate`](super::correlate::correlate), with `dy` in the place of `y`.
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
