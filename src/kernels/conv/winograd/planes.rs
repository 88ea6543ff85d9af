//! Images as rows of tiles, and what a tile sees of them.

use std::ops::Range;

use super::transforms::spread;
use crate::kernels::{conv::input::Reader, simd::Simd};

/// Images, and the tiles of 2 x 2 outputs that a kernel of 3 x 3 makes of them with a border of zeros.
#[derive(Clone, Copy)]
pub(super) struct Planes {
    pub batch: usize,
    pub input: [usize; 2],
    pub channels: usize,
    border: [usize; 2],
    pub output: [usize; 2],
    /// Tiles of an image, vertically and horizontally.
    pub tiles: [usize; 2],
}

impl Planes {
    pub(super) fn new(
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
    pub(super) fn input_ahead(&self, x: *const f32, rows: Range<usize>) -> Ahead {
        // the next pair of lines is two below the tile's own, less the border
        self.ahead(x, self.input, 4 - self.border[0], self.channels, rows)
    }

    /// The output of rows `rows` of tiles.
    #[inline(always)]
    pub(super) fn output_ahead(&self, y: *const f32, outputs: usize, rows: Range<usize>) -> Ahead {
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
            let (image, top) = self.place(row);
            image * size[0] + (top + below).min(size[0])
        };
        let numbers = size[1] * channels;
        Ahead {
            start: start.wrapping_add(line(rows.start) * numbers),
            numbers: (line(rows.end) - line(rows.start)) * numbers,
        }
    }

    /// The image of a row of tiles, and its first line there.
    #[inline(always)]
    pub(super) fn place(&self, row: usize) -> (usize, usize) {
        (row / self.tiles[0], row % self.tiles[0] * 2)
    }

    /// Where a row of tiles starts in the output, and how many lines it has.
    #[inline(always)]
    pub(super) fn output_of(&self, row: usize, outputs: usize) -> (usize, usize) {
        let [height, width] = self.output;
        let (image, top) = self.place(row);
        let start = (image * height + top) * width * outputs;
        (start, (height - top).min(2))
    }

    /// Columns of output that a tile has.
    #[inline(always)]
    pub(super) fn columns_of(&self, tile: usize) -> usize {
        (self.output[1] - 2 * tile).min(2)
    }

    /// `V` of rows `rows` of tiles: `v` is the place of the first tile, `element` the distance between elements. Channels
    /// `first..first + count` only.
    ///
    /// # Safety
    /// The reader reads these images, `zeros` has as many numbers as a line of an image, and `v` has the room.
    #[inline(always)]
    pub(super) unsafe fn transform_rows<S: Simd>(
        &self,
        reader: &mut Reader<'_>,
        zeros: &[f32],
        rows: Range<usize>,
        [first, count]: [usize; 2],
        v: *mut f32,
        element: usize,
    ) {
        let pixels = self.input[0] * self.input[1];
        for (index, row) in rows.enumerate() {
            let (image, top) = self.place(row);
            let image = reader.pixels(image * pixels..(image + 1) * pixels).as_ptr();
            let v = v.add(index * self.tiles[1] * count);
            self.transform::<S>(image, zeros.as_ptr(), top, [first, count], v, element);
        }
    }

    /// `V` of one row of tiles, the first of which has its lines from `top` on: `v` is the place of its first tile, `element`
    /// the distance between elements. Channels `first..first + count` only.
    ///
    /// # Safety
    /// As of [`transform_rows`](Self::transform_rows), with `image` for the reader.
    #[inline(always)]
    unsafe fn transform<S: Simd>(
        &self,
        image: *const f32,
        zeros: *const f32,
        top: usize,
        [first, count]: [usize; 2],
        v: *mut f32,
        element: usize,
    ) {
        let [height, width] = self.input;
        let mut lines = [zeros; 4];
        for (i, line) in lines.iter_mut().enumerate() {
            let y = (top + i).wrapping_sub(self.border[0]);
            if y < height {
                *line = image.add(y * width * self.channels);
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
    ///
    /// # Safety
    /// The lines hold channels `c..c + n` of every pixel.
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
    ///
    /// # Safety
    /// As of [`column`](Self::column), and `v` has the room.
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
pub(super) struct Ahead {
    start: *const f32,
    numbers: usize,
}

impl Ahead {
    /// Asks for the `part`-th of 16 parts.
    #[inline(always)]
    pub(super) fn fetch<S: Simd>(&self, part: usize) {
        const LINE: usize = 16; // numbers in a line of the cache
        let lines = self.numbers.div_ceil(LINE);
        for line in lines * part / 16..lines * (part + 1) / 16 {
            S::prefetch(self.start.wrapping_add(line * LINE));
        }
    }
}

/// The distance between elements of a buffer of `numbers` each: more than those, so that the 16 elements of a tile do not
/// meet in the same lines of the cache.
pub(super) fn apart(numbers: usize) -> usize {
    numbers.next_multiple_of(16) + 16
}
