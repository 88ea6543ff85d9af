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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::testing::{assert_close, noise, numeric_gradient, on_every_isa, wide};

    fn shapes() -> Vec<PoolShape> {
        let shape = |batch, height, width, channels, kernel, stride, padding| PoolShape {
            batch,
            height,
            width,
            channels,
            kernel,
            stride,
            padding,
        };
        vec![
            PoolShape::global(2, 5, 3, 17),
            shape(2, 6, 6, 3, [2, 2], [2, 2], [0, 0]),
            shape(1, 7, 5, 19, [3, 3], [2, 2], [1, 1]),
            shape(1, 7, 9, 4, [3, 3], [1, 1], [1, 1]),
            shape(2, 8, 4, 5, [2, 3], [3, 1], [1, 2]),
            shape(1, 1, 9, 2, [1, 4], [1, 3], [0, 0]),
        ]
    }

    /// `fold` over each window in double precision.
    fn reference(shape: &PoolShape, x: &[f64], fold: impl Fn(&[f64]) -> f64) -> Vec<f64> {
        let [out_h, out_w] = shape.output_size();
        let mut out = Vec::new();
        for n in 0..shape.batch {
            for oy in 0..out_h {
                for ox in 0..out_w {
                    for c in 0..shape.channels {
                        let mut window = Vec::new();
                        for ky in 0..shape.kernel[0] {
                            for kx in 0..shape.kernel[1] {
                                let y = (oy * shape.stride[0] + ky).wrapping_sub(shape.padding[0]);
                                let i = (ox * shape.stride[1] + kx).wrapping_sub(shape.padding[1]);
                                if y < shape.height && i < shape.width {
                                    let pixel = (n * shape.height + y) * shape.width + i;
                                    window.push(x[pixel * shape.channels + c]);
                                }
                            }
                        }
                        out.push(fold(&window));
                    }
                }
            }
        }
        out
    }

    fn mean(window: &[f64]) -> f64 {
        window.iter().sum::<f64>() / window.len() as f64
    }

    fn largest(window: &[f64]) -> f64 {
        window.iter().copied().fold(f64::NEG_INFINITY, f64::max)
    }

    #[test]
    fn agrees_with_the_definition_and_with_differences_of_it() {
        for shape in shapes() {
            let x = noise(shape.input_len(), 1);
            let dy = noise(shape.output_len(), 2);
            let loss =
                |y: Vec<f64>| -> f64 { y.iter().zip(&dy).map(|(y, d)| y * f64::from(*d)).sum() };

            let y = on_every_isa(|isa| average(isa, &shape, &x));
            assert_close(&y, &reference(&shape, &wide(&x), mean), 1e-6);
            let dx = on_every_isa(|isa| {
                let mut dx = vec![0.0; x.len()];
                average_backward(isa, &shape, &dy, &mut dx);
                dx
            });
            let expected = numeric_gradient(&x, |x| loss(reference(&shape, x, mean)));
            assert_close(&dx, &expected, 1e-6);

            let y = on_every_isa(|isa| maximum(isa, &shape, &x));
            assert_close(&y, &reference(&shape, &wide(&x), largest), 0.0);
            let dx = on_every_isa(|isa| {
                let mut dx = vec![0.0; x.len()];
                maximum_backward(isa, &shape, &x, &y, &dy, &mut dx);
                dx
            });
            let expected = numeric_gradient(&x, |x| loss(reference(&shape, x, largest)));
            assert_close(&dx, &expected, 1e-6);
        }
    }

    #[test]
    fn the_first_of_equal_pixels_takes_the_gradient() {
        let shape = PoolShape::global(1, 2, 2, 1);
        let x = [1.0, 3.0, 3.0, 3.0];
        let mut dx = [0.0; 4];
        maximum_backward(Isa::current(), &shape, &x, &[3.0], &[5.0], &mut dx);
        assert_eq!(dx, [0.0, 5.0, 0.0, 0.0]);
    }

    #[test]
    fn nan_is_the_maximum_and_takes_the_gradient() {
        let shape = PoolShape::global(1, 1, 3, 1);
        let x = [1.0, f32::NAN, 3.0];
        let y = on_every_isa(|isa| maximum(isa, &shape, &x));
        assert!(y[0].is_nan());
        let mut dx = [0.0; 3];
        maximum_backward(Isa::current(), &shape, &x, &y, &[5.0], &mut dx);
        assert_eq!(dx, [0.0, 5.0, 0.0]);
        assert!(average(Isa::current(), &shape, &x)[0].is_nan());
    }
}
