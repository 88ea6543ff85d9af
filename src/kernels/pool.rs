//! Average and maximum over windows of an image, and their gradients.
//!
//! ```text
//! for n, oy, ox, c:                             window = the kernel's pixels that lie inside the image
//!     average[n, oy, ox, c] = sum of x over the window / number of pixels in the window
//!     maximum[n, oy, ox, c] = first largest x of the window, or NaN if there is one
//! ```
//!
//! Padding is outside the image: it is never the maximum and never counts in an average. The gradient of a maximum goes
//! to the first of equal pixels, top to bottom and left to right.

use std::ops::Range;

use super::simd::{Isa, Kernel, Simd};

/// Shapes of a pooling. Pairs are (vertical, horizontal).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PoolShape {
    /// Images.
    pub batch: usize,
    /// Input lines.
    pub height: usize,
    /// Input columns.
    pub width: usize,
    /// Channels.
    pub channels: usize,
    /// Window size.
    pub kernel: [usize; 2],
    /// Step between windows.
    pub stride: [usize; 2],
    /// Pixels that a window may stick out on each side; less than the kernel.
    pub padding: [usize; 2],
}

impl PoolShape {
    /// One window over the whole image.
    pub fn global(batch: usize, height: usize, width: usize, channels: usize) -> Self {
        PoolShape {
            batch,
            height,
            width,
            channels,
            kernel: [height, width],
            stride: [1, 1],
            padding: [0, 0],
        }
    }

    /// Output lines and columns.
    pub fn output_size(&self) -> [usize; 2] {
        [
            (self.height + 2 * self.padding[0] - self.kernel[0]) / self.stride[0] + 1,
            (self.width + 2 * self.padding[1] - self.kernel[1]) / self.stride[1] + 1,
        ]
    }

    /// Numbers in the input.
    pub fn input_len(&self) -> usize {
        self.batch * self.height * self.width * self.channels
    }

    /// Numbers in the output.
    pub fn output_len(&self) -> usize {
        let [height, width] = self.output_size();
        self.batch * height * width * self.channels
    }

    fn check(&self) {
        for (axis, size) in [self.height, self.width].into_iter().enumerate() {
            assert!(
                self.stride[axis] > 0
                    && self.padding[axis] < self.kernel[axis]
                    && self.kernel[axis] <= size + 2 * self.padding[axis],
                "a window has pixels of the image: {self:?}"
            );
        }
    }

    /// The lines and columns of the image that the window of output pixel (oy, ox) covers; never empty.
    fn window(&self, oy: usize, ox: usize) -> [Range<usize>; 2] {
        let clip = |o: usize, axis: usize, size: usize| {
            let start = o * self.stride[axis];
            let end = (start + self.kernel[axis]).saturating_sub(self.padding[axis]);
            start.saturating_sub(self.padding[axis])..end.min(size)
        };
        [clip(oy, 0, self.height), clip(ox, 1, self.width)]
    }

    /// Calls `visit(output pixel, input pixel, pixels in the window)` for every pixel of every window of every image,
    /// window by window in reading order. Pixels count in numbers from the start of the buffer.
    #[inline(always)]
    fn for_each(&self, mut visit: impl FnMut(usize, usize, usize)) {
        let [out_h, out_w] = self.output_size();
        for n in 0..self.batch {
            for oy in 0..out_h {
                for ox in 0..out_w {
                    let [lines, columns] = self.window(oy, ox);
                    let count = lines.len() * columns.len();
                    let out = ((n * out_h + oy) * out_w + ox) * self.channels;
                    for y in lines {
                        for x in columns.clone() {
                            let input = ((n * self.height + y) * self.width + x) * self.channels;
                            visit(out, input, count);
                        }
                    }
                }
            }
        }
    }
}

/// Averages over the windows.
pub fn average(isa: Isa, shape: &PoolShape, x: &[f32]) -> Vec<f32> {
    shape.check();
    assert_eq!(x.len(), shape.input_len());
    isa.run(Average { shape, x })
}

/// Adds to `dx` the gradient of [`average`].
pub fn average_backward(isa: Isa, shape: &PoolShape, dy: &[f32], dx: &mut [f32]) {
    shape.check();
    assert!(dy.len() == shape.output_len() && dx.len() == shape.input_len());
    isa.run(AverageBackward { shape, dy, dx });
}

/// Maxima of the windows.
pub fn maximum(isa: Isa, shape: &PoolShape, x: &[f32]) -> Vec<f32> {
    shape.check();
    assert_eq!(x.len(), shape.input_len());
    isa.run(Maximum { shape, x })
}

/// Adds to `dx` the gradient of [`maximum`], given its input `x` and its result `y`.
pub fn maximum_backward(
    isa: Isa,
    shape: &PoolShape,
    x: &[f32],
    y: &[f32],
    dy: &[f32],
    dx: &mut [f32],
) {
    shape.check();
    assert!(y.len() == shape.output_len() && dy.len() == shape.output_len());
    assert!(x.len() == shape.input_len() && dx.len() == shape.input_len());
    isa.run(MaximumBackward {
        shape,
        x,
        y,
        dy,
        dx,
    });
}

struct Average<'a> {
    shape: &'a PoolShape,
    x: &'a [f32],
}

impl Kernel for Average<'_> {
    type Output = Vec<f32>;
    #[inline(always)]
    fn run<S: Simd>(self) -> Vec<f32> {
        let Average { shape, x } = self;
        let channels = shape.channels;
        let mut out = vec![0.0; shape.output_len()];
        shape.for_each(|o, i, _| {
            for (y, x) in out[o..o + channels].iter_mut().zip(&x[i..i + channels]) {
                *y += *x;
            }
        });
        let [out_h, out_w] = shape.output_size();
        for (pixel, y) in out.chunks_exact_mut(channels).enumerate() {
            let [lines, columns] = shape.window(pixel / out_w % out_h, pixel % out_w);
            let count = (lines.len() * columns.len()) as f32;
            for y in y {
                *y /= count;
            }
        }
        out
    }
}

struct AverageBackward<'a> {
    shape: &'a PoolShape,
    dy: &'a [f32],
    dx: &'a mut [f32],
}

impl Kernel for AverageBackward<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self) {
        let AverageBackward { shape, dy, dx } = self;
        let channels = shape.channels;
        shape.for_each(|o, i, count| {
            let share = 1.0 / count as f32;
            for (dx, dy) in dx[i..i + channels].iter_mut().zip(&dy[o..o + channels]) {
                *dx += share * dy;
            }
        });
    }
}

struct Maximum<'a> {
    shape: &'a PoolShape,
    x: &'a [f32],
}

impl Kernel for Maximum<'_> {
    type Output = Vec<f32>;
    #[inline(always)]
    fn run<S: Simd>(self) -> Vec<f32> {
        let Maximum { shape, x } = self;
        let channels = shape.channels;
        let mut out = vec![f32::NEG_INFINITY; shape.output_len()];
        shape.for_each(|o, i, _| {
            for (y, &x) in out[o..o + channels].iter_mut().zip(&x[i..i + channels]) {
                *y = if x > *y || x.is_nan() { x } else { *y };
            }
        });
        out
    }
}

struct MaximumBackward<'a> {
    shape: &'a PoolShape,
    x: &'a [f32],
    y: &'a [f32],
    dy: &'a [f32],
    dx: &'a mut [f32],
}

impl Kernel for MaximumBackward<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self) {
        let MaximumBackward {
            shape,
            x,
            y,
            dy,
            dx,
        } = self;
        let channels = shape.channels;
        // What each maximum still has to give away: the first pixel that equals it takes all, later ones get zero.
        let mut rest = dy.to_vec();
        shape.for_each(|o, i, _| {
            let window = o..o + channels;
            let (y, rest) = (&y[window.clone()], &mut rest[window]);
            let (x, dx) = (&x[i..i + channels], &mut dx[i..i + channels]);
            for c in 0..channels {
                let is_maximum = x[c] == y[c] || x[c].is_nan();
                dx[c] += if is_maximum { rest[c] } else { 0.0 };
                rest[c] = if is_maximum { 0.0 } else { rest[c] };
            }
        });
    }
}
