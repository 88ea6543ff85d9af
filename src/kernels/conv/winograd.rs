//! Convolutions of 3 x 3 with stride 1 by Winograd's minimal filtering (Lavin and Gray, 2016): 16 products for four
//! outputs in the place of 36.
//!
//! ```text
//! for each tile of 2 x 2 outputs, with d the 4 x 4 inputs that it sees:
//!     V = B d B'      U = G w G'      y = A (sum over channels of U * V) A'            forward, gradient to the input
//!                     D = A' dy A     dw = G' (sum over tiles of V * D) G              gradient to the weights
//!
//!     [1  0 -1  0]      [ 1    0   0 ]
//! B = [0  1  1  0]  G = [1/2  1/2 1/2]  A = [1 1  1  0]          primes transpose; * is element by element
//!     [0 -1  1  0]      [1/2 -1/2 1/2]      [0 1 -1 -1]
//!     [0  1  0 -1]      [ 0    0   1 ]
//! ```
//!
//! Each of the 16 elements of a tile is a matrix product of its own, over channels or over tiles, and [`product`] computes
//! it. The transforms are a few additions, in the order in which the code has them. The sum over tiles goes on from
//! block to block of [`BLOCK`] tiles: chains within a block, blocks in order.
//!
//! A NaN reaches the whole of every tile that sees it: up to one pixel more than by the definition. Results differ from the
//! definition's by a few units in the last place.

#![allow(clippy::needless_range_loop)] // elements have the indices of the formulas

use std::ops::Range;

use super::ConvShape;
use crate::kernels::{
    buffer::Unfilled,
    parallel::{self, Shared},
    simd::{Isa, Kernel, Simd},
    tile::{Columns, Layout, pack, product},
};

/// Tiles in one chain of the gradient to the weights. Fixed: it shows in the last bits of results.
const BLOCK: usize = 32;

/// Whether the products that are saved outweigh the transforms. A rule of shapes alone: it shows in the last bits.
pub(super) fn suits(shape: &ConvShape) -> bool {
    let dense = shape.kernel == [3, 3]
        && shape.stride == [1, 1]
        && shape.dilation == [1, 1]
        && shape.groups == 1;
    if !dense || shape.padding[0] > 2 || shape.padding[1] > 2 {
        return false;
    }
    let covers = |[height, width]: [usize; 2]| {
        let tiles = height.div_ceil(2) * width.div_ceil(2);
        16 * 4 * tiles <= 9 * 3 * height * width
    };
    shape.channels >= 8
        && shape.outputs >= 8
        && covers(shape.output_size())
        && covers([shape.height, shape.width])
}

/// The convolution of `x` with `w`.
pub(super) fn forward(isa: Isa, shape: &ConvShape, x: &[f32], w: &[f32]) -> Vec<f32> {
    let mut out = Unfilled::new(shape.output_len());
    let [channels, outputs] = [shape.channels, shape.outputs];
    let filters = isa.run(Filters {
        w,
        channels,
        outputs,
    });
    let packed: Vec<Vec<f32>> = (0..16)
        .map(|e| {
            let u = &filters[e * channels * outputs..];
            pack(isa.lanes(), channels, outputs, |c, o| u[c * outputs + o])
        })
        .collect();
    let walk = Walk {
        planes: Planes::new(
            shape.batch,
            [shape.height, shape.width],
            channels,
            shape.padding,
            shape.output_size(),
        ),
        outputs,
        packed: &packed,
        x,
        add: false,
    };
    walk.run(isa, shape, out.as_mut_ptr());
    // SAFETY: the tiles cover every pixel.
    unsafe { out.filled() }
}

/// Adds to `dx`, or writes to it, the convolution of `dy` with the filters turned around.
pub(super) fn input_gradient(isa: Isa, shape: &ConvShape, dy: &[f32], w: &[f32], dx: &mut [f32]) {
    let [channels, outputs] = [shape.channels, shape.outputs];
    let filters = isa.run(Filters {
        w,
        channels,
        outputs,
    });
    // to turn a filter around is to exchange the first and the last element along each axis
    const TURNED: [usize; 4] = [3, 1, 2, 0];
    let packed: Vec<Vec<f32>> = (0..16)
        .map(|e| {
            let turned = 4 * TURNED[e / 4] + TURNED[e % 4];
            let u = &filters[turned * channels * outputs..];
            pack(isa.lanes(), outputs, channels, |o, c| u[c * outputs + o])
        })
        .collect();
    let border = [2 - shape.padding[0], 2 - shape.padding[1]];
    let walk = Walk {
        planes: Planes::new(
            shape.batch,
            shape.output_size(),
            outputs,
            border,
            [shape.height, shape.width],
        ),
        outputs: channels,
        packed: &packed,
        x: dy,
        add: true,
    };
    walk.run(isa, shape, dx.as_mut_ptr());
}

/// Adds to `dw` the gradient to the weights.
pub(super) fn weight_gradient(isa: Isa, shape: &ConvShape, x: &[f32], dy: &[f32], dw: &mut [f32]) {
    const GRAIN: usize = 8; // as many channels as a tile of registers has rows
    let dw = Shared::new(dw.as_mut_ptr());
    parallel::split(shape.channels, GRAIN, shape.products(), |channels| {
        isa.run(WeightGradient {
            shape,
            x,
            dy,
            channels,
            dw: dw.start(),
        });
    });
}

/// `U`: element, channel, output.
struct Filters<'a> {
    w: &'a [f32],
    channels: usize,
    outputs: usize,
}

impl Kernel for Filters<'_> {
    type Output = Vec<f32>;
    #[inline(always)]
    fn run<S: Simd>(self) -> Vec<f32> {
        let plane = self.channels * self.outputs;
        let mut u = vec![0.0; 16 * plane];
        let (w, to) = (self.w.as_ptr(), u.as_mut_ptr());
        for at in (0..plane).step_by(S::LANES) {
            let n = (plane - at).min(S::LANES);
            // SAFETY: w has 9 planes, u has 16; numbers at..at + n exist in each.
            unsafe {
                let mut lines = [[S::splat(0.0); 4]; 3];
                for (ky, line) in lines.iter_mut().enumerate() {
                    let taps = w.add(3 * ky * plane + at);
                    *line = filter::<S>([
                        S::read(taps, n),
                        S::read(taps.add(plane), n),
                        S::read(taps.add(2 * plane), n),
                    ]);
                }
                for j in 0..4 {
                    let column = filter::<S>([lines[0][j], lines[1][j], lines[2][j]]);
                    for (i, element) in column.into_iter().enumerate() {
                        S::write(to.add((4 * i + j) * plane + at), element, n);
                    }
                }
            }
        }
        u
    }
}

/// Images, and the tiles of 2 x 2 outputs that a kernel of 3 x 3 makes of them with a border of zeros.
#[derive(Clone, Copy)]
struct Planes {
    batch: usize,
    input: [usize; 2],
    channels: usize,
    border: [usize; 2],
    output: [usize; 2],
    /// Tiles of an image, vertically and horizontally.
    tiles: [usize; 2],
}

impl Planes {
    fn new(
        batch: usize,
        input: [usize; 2],
        channels: usize,
        border: [usize; 2],
        output: [usize; 2],
    ) -> Self {
        let tiles = [output[0].div_ceil(2), output[1].div_ceil(2)];
        Planes {
            batch,
            input,
            channels,
            border,
            output,
            tiles,
        }
    }

    /// The input that rows `rows` of tiles see and the rows before them do not.
    #[inline(always)]
    fn input_ahead(&self, x: *const f32, rows: Range<usize>) -> Ahead {
        // the next pair of lines is two below the tile's own, less the border
        self.ahead(x, self.input, 4 - self.border[0], self.channels, rows)
    }

    /// The output of rows `rows` of tiles.
    #[inline(always)]
    fn output_ahead(&self, y: *const f32, outputs: usize, rows: Range<usize>) -> Ahead {
        self.ahead(y, self.output, 0, outputs, rows)
    }

    /// The lines of images of `size` that `rows` stand for, `below` the first line of the tiles.
    #[inline(always)]
    fn ahead(
        &self,
        start: *const f32,
        size: [usize; 2],
        below: usize,
        channels: usize,
        rows: Range<usize>,
    ) -> Ahead {
        let line = |row: usize| {
            let (image, top) = (row / self.tiles[0], row % self.tiles[0] * 2);
            image * size[0] + (top + below).min(size[0])
        };
        let numbers = size[1] * channels;
        Ahead {
            start: start.wrapping_add(line(rows.start) * numbers),
            numbers: (line(rows.end) - line(rows.start)) * numbers,
        }
    }

    /// `V` of one row of tiles: `v` is the place of its first tile, `element` the distance between elements. Channels
    /// `first..first + count` only.
    ///
    /// # Safety
    /// `x` holds the images, `zeros` as many zeros as a line of an image has numbers, and `v` has the room.
    #[inline(always)]
    unsafe fn transform<S: Simd>(
        &self,
        x: *const f32,
        zeros: *const f32,
        row: usize,
        [first, count]: [usize; 2],
        v: *mut f32,
        element: usize,
    ) {
        let [height, width] = self.input;
        let (image, top) = (row / self.tiles[0], row % self.tiles[0] * 2);
        let mut lines = [zeros; 4];
        for (i, line) in lines.iter_mut().enumerate() {
            let y = (top + i).wrapping_sub(self.border[0]);
            if y < height {
                *line = x.add((image * height + y) * width * self.channels);
            }
        }
        for c in (0..count).step_by(S::LANES) {
            let n = (count - c).min(S::LANES);
            if n == S::LANES {
                self.transform_channels::<S>(lines, first + c, S::LANES, v.add(c), count, element);
            } else {
                self.transform_channels::<S>(lines, first + c, n, v.add(c), count, element);
            }
        }
    }

    /// `B d` of column `index` of the image inside its border.
    #[inline(always)]
    unsafe fn column<S: Simd>(
        &self,
        lines: [*const f32; 4],
        index: usize,
        c: usize,
        n: usize,
    ) -> [S::V; 4] {
        let x = index.wrapping_sub(self.border[1]);
        if x >= self.input[1] {
            return [S::splat(0.0); 4];
        }
        let at = x * self.channels + c;
        spread::<S>([
            S::read(lines[0].add(at), n),
            S::read(lines[1].add(at), n),
            S::read(lines[2].add(at), n),
            S::read(lines[3].add(at), n),
        ])
    }

    /// One vector of channels of [`transform`](Self::transform); `pixel` numbers lie between tiles in `v`.
    #[inline(always)]
    unsafe fn transform_channels<S: Simd>(
        &self,
        lines: [*const f32; 4],
        c: usize,
        n: usize,
        v: *mut f32,
        pixel: usize,
        element: usize,
    ) {
        let (mut a, mut b) = (
            self.column::<S>(lines, 0, c, n),
            self.column::<S>(lines, 1, c, n),
        );
        for tile in 0..self.tiles[1] {
            let next_a = self.column::<S>(lines, 2 * tile + 2, c, n);
            let next_b = self.column::<S>(lines, 2 * tile + 3, c, n);
            let v = v.add(tile * pixel);
            for i in 0..4 {
                let line = spread::<S>([a[i], b[i], next_a[i], next_b[i]]);
                for (j, &sum) in line.iter().enumerate() {
                    S::write(v.add((4 * i + j) * element), sum, n);
                }
            }
            (a, b) = (next_a, next_b);
        }
    }
}

/// Memory that the next step will touch, asked for while this one computes: the step's own lines are too short for the
/// processor to see the pattern.
struct Ahead {
    start: *const f32,
    numbers: usize,
}

impl Ahead {
    /// Asks for the `part`-th of 16 parts.
    #[inline(always)]
    fn fetch<S: Simd>(&self, part: usize) {
        const LINE: usize = 16; // numbers in a line of the cache
        let lines = self.numbers.div_ceil(LINE);
        for line in lines * part / 16..lines * (part + 1) / 16 {
            S::prefetch(self.start.wrapping_add(line * LINE));
        }
    }
}

/// `B d`
#[inline(always)]
unsafe fn spread<S: Simd>(d: [S::V; 4]) -> [S::V; 4] {
    [
        S::sub(d[0], d[2]),
        S::add(d[1], d[2]),
        S::sub(d[2], d[1]),
        S::sub(d[1], d[3]),
    ]
}

/// `A m`
#[inline(always)]
unsafe fn gather<S: Simd>(m: [S::V; 4]) -> [S::V; 2] {
    [
        S::add(S::add(m[0], m[1]), m[2]),
        S::sub(S::sub(m[1], m[2]), m[3]),
    ]
}

/// `A' d` with the sign of the last element changed, which costs nothing to undo at the end.
#[inline(always)]
unsafe fn widen<S: Simd>(d: [S::V; 2]) -> [S::V; 4] {
    [d[0], S::add(d[0], d[1]), S::sub(d[0], d[1]), d[1]]
}

/// `G w`
#[inline(always)]
unsafe fn filter<S: Simd>(g: [S::V; 3]) -> [S::V; 4] {
    let (half, ends) = (S::splat(0.5), S::add(g[0], g[2]));
    let (sum, difference) = (S::add(ends, g[1]), S::sub(ends, g[1]));
    [g[0], S::mul(half, sum), S::mul(half, difference), g[2]]
}

/// `G' m`, where the last element has the wrong sign that [`widen`] gave it.
#[inline(always)]
unsafe fn narrow<S: Simd>(m: [S::V; 4]) -> [S::V; 3] {
    let half = S::splat(0.5);
    let even = S::mul(half, S::add(m[1], m[2]));
    let odd = S::mul(half, S::sub(m[1], m[2]));
    [S::add(m[0], even), odd, S::sub(even, m[3])]
}

/// Four vectors of `n` numbers, `distance` apart.
#[inline(always)]
unsafe fn four<S: Simd>(p: *const f32, distance: usize, n: usize) -> [S::V; 4] {
    [
        S::read(p, n),
        S::read(p.add(distance), n),
        S::read(p.add(2 * distance), n),
        S::read(p.add(3 * distance), n),
    ]
}

/// The distance between elements of a buffer of `numbers` each: more than those, so that the 16 elements of a tile do not
/// meet in the same lines of the cache.
fn apart(numbers: usize) -> usize {
    numbers.next_multiple_of(16) + 16
}

/// A convolution with transformed filters.
struct Walk<'a> {
    planes: Planes,
    outputs: usize,
    /// `U`, an element each.
    packed: &'a [Vec<f32>],
    x: &'a [f32],
    /// Whether to add to what is there.
    add: bool,
}

impl Walk<'_> {
    /// Fills `out`, or adds to it.
    fn run(&self, isa: Isa, shape: &ConvShape, out: *mut f32) {
        let out = Shared::new(out);
        let rows = self.planes.batch * self.planes.tiles[0];
        parallel::split(rows, 1, shape.products(), |rows| {
            isa.run(Correlate {
                walk: self,
                rows,
                out: out.start(),
            });
        });
    }
}

/// Tiles that are worked on together: enough to fill the registers' tiles, and few enough for the buffers to stay in the
/// cache.
const TOGETHER: usize = 32;

/// Rows `rows` of tiles of all images.
struct Correlate<'a> {
    walk: &'a Walk<'a>,
    rows: Range<usize>,
    out: *mut f32,
}

impl Kernel for Correlate<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self) {
        let Correlate { walk, rows, out } = self;
        let (planes, outputs) = (&walk.planes, walk.outputs);
        let channels = planes.channels;
        let across = planes.tiles[1];
        let step = (TOGETHER / across).max(1);
        let (element_v, element_m) = (
            apart(step * across * channels),
            apart(step * across * outputs),
        );
        let mut v = vec![0.0; 16 * element_v];
        let mut m = vec![0.0; 16 * element_m];
        let zeros = vec![0.0; planes.input[1] * channels];
        let layout = Layout {
            a_row: channels,
            a_outer: 0,
            a_inner: 1,
            outer: 1,
            inner: channels,
            c_row: outputs,
        };
        for first in rows.clone().step_by(step) {
            let count = (rows.end - first).min(step);
            // SAFETY: the buffers have room for `step` rows of tiles; rows of tiles lie inside the images.
            unsafe {
                for row in 0..count {
                    let v = v.as_mut_ptr().add(row * across * channels);
                    planes.transform::<S>(
                        walk.x.as_ptr(),
                        zeros.as_ptr(),
                        first + row,
                        [0, channels],
                        v,
                        element_v,
                    );
                }
                let next = first + count..(first + count + step).min(rows.end);
                let ahead = [
                    planes.input_ahead(walk.x.as_ptr(), next.clone()),
                    planes.output_ahead(out, outputs, next),
                ];
                for (e, packed) in walk.packed.iter().enumerate() {
                    let (v, m) = (
                        v.as_ptr().add(e * element_v),
                        m.as_mut_ptr().add(e * element_m),
                    );
                    ahead.iter().for_each(|ahead| ahead.fetch::<S>(e));
                    product::<S>(
                        count * across,
                        outputs,
                        v,
                        Columns::Packed(packed),
                        m,
                        &layout,
                        false,
                    );
                }
                for row in 0..count {
                    let m = m.as_ptr().add(row * across * outputs);
                    collect::<S>(walk, first + row, m, element_m, out);
                }
            }
        }
    }
}

/// `y` of one row of tiles from the products `m`.
///
/// # Safety
/// `m` holds the row, `out` all images.
#[inline(always)]
unsafe fn collect<S: Simd>(
    walk: &Walk<'_>,
    row: usize,
    m: *const f32,
    element: usize,
    out: *mut f32,
) {
    let (planes, outputs) = (&walk.planes, walk.outputs);
    let [height, width] = planes.output;
    let (image, top) = (row / planes.tiles[0], row % planes.tiles[0] * 2);
    let out = out.add((image * height + top) * width * outputs);
    let lines = (height - top).min(2);
    for tile in 0..planes.tiles[1] {
        let columns = (width - 2 * tile).min(2);
        for o in (0..outputs).step_by(S::LANES) {
            let n = (outputs - o).min(S::LANES);
            let m = m.add(tile * outputs + o);
            let mut halves = [[S::splat(0.0); 4]; 2];
            for j in 0..4 {
                let [upper, lower] = gather::<S>(four::<S>(m.add(j * element), 4 * element, n));
                halves[0][j] = upper;
                halves[1][j] = lower;
            }
            for (y, half) in halves.iter().enumerate().take(lines) {
                let pixels = gather::<S>(*half);
                for (x, &pixel) in pixels.iter().enumerate().take(columns) {
                    let to = out.add((y * width + 2 * tile + x) * outputs + o);
                    let sum = if walk.add {
                        S::add(S::read(to, n), pixel)
                    } else {
                        pixel
                    };
                    S::write(to, sum, n);
                }
            }
        }
    }
}

/// The gradient to the weights of channels `channels`.
struct WeightGradient<'a> {
    shape: &'a ConvShape,
    x: &'a [f32],
    dy: &'a [f32],
    channels: Range<usize>,
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
            channels: slice,
            dw,
        } = self;
        let outputs = shape.outputs;
        let planes = Planes::new(
            shape.batch,
            [shape.height, shape.width],
            shape.channels,
            shape.padding,
            shape.output_size(),
        );
        let across = planes.tiles[1];
        let step = (BLOCK / across).max(1);
        let channels = slice.len();
        let (element_v, element_d) = (
            apart(step * across * channels),
            apart(step * across * outputs),
        );
        let mut v = vec![0.0; 16 * element_v];
        let mut d = vec![0.0; 16 * element_d];
        let mut sums = vec![0.0; 16 * channels * outputs];
        let zeros = vec![0.0; shape.width * shape.channels];
        let rows = 0..planes.batch * planes.tiles[0];
        for first in rows.clone().step_by(step) {
            let count = (rows.end - first).min(step);
            // SAFETY: the buffers have room for `step` rows of tiles; rows of tiles lie inside the images.
            unsafe {
                for row in 0..count {
                    let v = v.as_mut_ptr().add(row * across * channels);
                    planes.transform::<S>(
                        x.as_ptr(),
                        zeros.as_ptr(),
                        first + row,
                        [slice.start, channels],
                        v,
                        element_v,
                    );
                    let d = d.as_mut_ptr().add(row * across * outputs);
                    scatter::<S>(&planes, outputs, first + row, dy.as_ptr(), d, element_d);
                }
                let layout = Layout {
                    a_row: 1,
                    a_outer: 0,
                    a_inner: channels,
                    outer: 1,
                    inner: count * across,
                    c_row: outputs,
                };
                let next = first + count..(first + count + step).min(rows.end);
                let ahead = [
                    planes.input_ahead(x.as_ptr(), next.clone()),
                    planes.output_ahead(dy.as_ptr(), outputs, next),
                ];
                for e in 0..16 {
                    ahead.iter().for_each(|ahead| ahead.fetch::<S>(e));
                    let b = Columns::Strided {
                        b: d.as_ptr().add(e * element_d),
                        outer: 0,
                        inner: outputs,
                    };
                    let (v, sums) = (
                        v.as_ptr().add(e * element_v),
                        sums.as_mut_ptr().add(e * channels * outputs),
                    );
                    product::<S>(channels, outputs, v, b, sums, &layout, true);
                }
            }
        }
        let plane = channels * outputs;
        let (sums, dw) = (sums.as_ptr(), dw);
        for at in (0..plane).step_by(S::LANES) {
            let n = (plane - at).min(S::LANES);
            // SAFETY: there are 16 planes of sums; dw has nine of all channels, of which these are consecutive.
            unsafe {
                let mut lines = [[S::splat(0.0); 3]; 4];
                for (i, line) in lines.iter_mut().enumerate() {
                    *line = narrow::<S>(four::<S>(sums.add(4 * i * plane + at), plane, n));
                }
                for kx in 0..3 {
                    let column =
                        narrow::<S>([lines[0][kx], lines[1][kx], lines[2][kx], lines[3][kx]]);
                    for (ky, &sum) in column.iter().enumerate() {
                        let to =
                            dw.add(((3 * ky + kx) * shape.channels + slice.start) * outputs + at);
                        S::write(to, S::add(S::read(to, n), sum), n);
                    }
                }
            }
        }
    }
}

/// `D` of one row of tiles: the transform of [`Planes::transform`] for gradients, `outputs` numbers a tile.
///
/// # Safety
/// `dy` holds the images' gradients, and `d` has the room.
#[inline(always)]
unsafe fn scatter<S: Simd>(
    planes: &Planes,
    outputs: usize,
    row: usize,
    dy: *const f32,
    d: *mut f32,
    element: usize,
) {
    let [height, width] = planes.output;
    let (image, top) = (row / planes.tiles[0], row % planes.tiles[0] * 2);
    let dy = dy.add((image * height + top) * width * outputs);
    let lines = (height - top).min(2);
    for tile in 0..planes.tiles[1] {
        let columns = (width - 2 * tile).min(2);
        for o in (0..outputs).step_by(S::LANES) {
            let n = (outputs - o).min(S::LANES);
            let mut pixels = [[S::splat(0.0); 2]; 2];
            for (y, line) in pixels.iter_mut().enumerate().take(lines) {
                for (x, pixel) in line.iter_mut().enumerate().take(columns) {
                    *pixel = S::read(dy.add((y * width + 2 * tile + x) * outputs + o), n);
                }
            }
            let left = widen::<S>([pixels[0][0], pixels[1][0]]);
            let right = widen::<S>([pixels[0][1], pixels[1][1]]);
            let d = d.add(tile * outputs + o);
            for i in 0..4 {
                for (j, &sum) in widen::<S>([left[i], right[i]]).iter().enumerate() {
                    S::write(d.add((4 * i + j) * element), sum, n);
                }
            }
        }
    }
}
