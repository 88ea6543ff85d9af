//! Windows of a padded image times a filter per channel: the forward pass, and the gradient to the input for stride 1.

use crate::kernels::{conv::ConvShape, simd::Simd};

/// What [`correlate`] walks over: windows of a padded image of `width` columns onto `out_h` x `out_w` pixels.
#[derive(Clone, Copy)]
pub(super) struct Windows {
    pub width: usize,
    pub channels: usize,
    pub kernel: [usize; 2],
    pub stride: [usize; 2],
    pub dilation: [usize; 2],
    pub out_h: usize,
    pub out_w: usize,
}

impl Windows {
    /// Those of a convolution onto its outputs.
    pub(super) fn of(shape: &ConvShape) -> Windows {
        let [out_h, out_w] = shape.output_size();
        Windows {
            width: shape.padded_size()[1],
            channels: shape.channels,
            kernel: shape.kernel,
            stride: shape.stride,
            dilation: shape.dilation,
            out_h,
            out_w,
        }
    }
}

/// `y[oy, ox, c] = sum of window * w`, or `+=` with `add`.
///
/// # Safety
/// `image` holds every window, `w` the kernel's taps, `y` the output pixels, all with `windows.channels` channels.
#[inline(always)]
pub(super) unsafe fn correlate<S: Simd>(
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
