//! The register-tiled product that convolutions are made of.
//!
//! ```text
//! for p in 0..rows:                        row p of C starts at p * c_row
//!     for v in 0..columns:
//!         sum = 0
//!         for i in 0..outer:
//!             for j in 0..inner:
//!                 sum = fma(A[p * a_row + i * a_outer + j * a_inner], B[i][j][v], sum)
//!         C[p * c_row + v] = sum           or += sum
//! ```
//!
//! With the strides of A chosen well this is a convolution over a padded image (rows = output pixels of a line, outer =
//! kernel rows, inner = kernel columns x channels, which lie side by side in memory), its gradients, or a matrix
//! product; no patch matrix is ever built. A tile of rows x vectors of columns stays in registers while the two inner
//! loops run; each element is one chain of fused multiply-adds in the order above, so the tile's size never shows in
//! the result.

use super::simd::Simd;

/// The two operands' layout; see the loop nest above. All in numbers, not bytes.
#[derive(Clone, Copy)]
pub struct Layout {
    pub a_row: usize,
    pub a_outer: usize,
    pub a_inner: usize,
    pub outer: usize,
    pub inner: usize,
    pub c_row: usize,
}

impl Layout {
    /// Of a plain matrix product: rows of `inner` numbers onto rows of `columns`.
    pub fn matrix(inner: usize, columns: usize) -> Layout {
        Layout {
            a_row: inner,
            a_outer: 0,
            a_inner: 1,
            outer: 1,
            inner,
            c_row: columns,
        }
    }
}

/// The second operand.
#[derive(Clone, Copy)]
pub enum Columns<'a> {
    /// Reordered by [`pack`] into blocks of as many columns as a tile has.
    Packed(&'a [f32]),
    /// As it lies in memory: element `(i, j, v)` at `i * outer + j * inner + v`.
    Strided {
        b: *const f32,
        outer: usize,
        inner: usize,
    },
}

/// Vectors of columns in the next tile when `left` vectors remain; AVX-512 has registers for three.
#[inline(always)]
fn tile_vectors(lanes: usize, left: usize) -> usize {
    match left {
        1 => 1,
        2 | 4 => 2,
        _ if lanes == 16 => 3,
        _ => 2,
    }
}

/// A matrix of `depth` x `columns` in the order in which [`product`] reads it: for each tile, for each `k`, the tile's columns, with
/// zeros up to a whole vector. Row `k` starts with `row(k)`, and each `step`th number from there on is its next column.
pub fn pack<'a>(
    lanes: usize,
    depth: usize,
    columns: usize,
    step: usize,
    row: impl Fn(usize) -> &'a [f32],
) -> Vec<f32> {
    let vectors = columns.div_ceil(lanes);
    let mut packed = Vec::with_capacity(depth * vectors * lanes);
    let mut first = 0;
    while first < vectors {
        let next = first + tile_vectors(lanes, vectors - first);
        let there = columns.min(next * lanes) - first * lanes;
        for k in 0..depth {
            let row = &row(k)[first * lanes * step..];
            match step {
                1 => packed.extend_from_slice(&row[..there]),
                _ => packed.extend(row.iter().step_by(step).take(there)),
            }
            packed.resize(packed.len() + (next - first) * lanes - there, 0.0);
        }
        first = next;
    }
    packed
}

/// `C = A B` (or `C += A B` with `add`), as the loop nest above says.
///
/// # Safety
/// The processor has `S`. Every element of A, B and C that the loop nest names is inside its buffer; a packed B was
/// packed with `S::LANES`, depth `outer * inner` and the same `columns`.
#[inline(always)]
pub unsafe fn product<S: Simd>(
    rows: usize,
    columns: usize,
    a: *const f32,
    b: Columns<'_>,
    c: *mut f32,
    layout: &Layout,
    add: bool,
) {
    let vectors = columns.div_ceil(S::LANES);
    let depth = layout.outer * layout.inner;
    let mut first = 0;
    while first < vectors {
        let count = tile_vectors(S::LANES, vectors - first);
        let next = first + count;
        let last_lanes = if next == vectors {
            columns - (vectors - 1) * S::LANES
        } else {
            S::LANES
        };
        let panel = match b {
            Columns::Packed(packed) => {
                debug_assert!(packed.len() >= depth * next * S::LANES);
                Panel {
                    b: packed.as_ptr().add(depth * first * S::LANES),
                    outer: layout.inner * count * S::LANES,
                    inner: count * S::LANES,
                    masked: false,
                    last_lanes,
                }
            }
            Columns::Strided { b, outer, inner } => Panel {
                b: b.add(first * S::LANES),
                outer,
                inner,
                masked: last_lanes < S::LANES,
                last_lanes,
            },
        };
        let c = c.add(first * S::LANES);
        match count {
            1 => panel_rows::<S, 1>(rows, a, &panel, c, layout, add),
            2 => panel_rows::<S, 2>(rows, a, &panel, c, layout, add),
            _ => panel_rows::<S, 3>(rows, a, &panel, c, layout, add),
        }
        first = next;
    }
}

/// The columns of one tile.
struct Panel {
    b: *const f32,
    outer: usize,
    inner: usize,
    /// The last vector of columns is only partly inside B.
    masked: bool,
    /// Columns in the last vector.
    last_lanes: usize,
}

/// All rows of one panel, in tiles as high as the registers allow.
///
/// # Safety
/// As of [`product`].
#[inline(always)]
unsafe fn panel_rows<S: Simd, const V: usize>(
    rows: usize,
    a: *const f32,
    panel: &Panel,
    c: *mut f32,
    layout: &Layout,
    add: bool,
) {
    let mut row = 0;
    macro_rules! tiles {
        ($height:literal) => {
            while rows - row >= $height {
                let (a, c) = (a.add(row * layout.a_row), c.add(row * layout.c_row));
                tile::<S, $height, V>(a, panel, c, layout, add);
                row += $height;
            }
        };
    }
    // registers: height * V sums, V columns and one broadcast of 32 (AVX-512) or 16. Lines of 7, 14 and 28 pixels leave rows that
    // are worth a tile of their own: a low one waits for its sums longer than a high one takes.
    if S::LANES == 16 && V == 1 {
        tiles!(16);
        tiles!(14);
    }
    if S::LANES == 16 || V == 1 {
        tiles!(8);
        tiles!(7);
    }
    tiles!(6);
    tiles!(4);
    tiles!(3);
    tiles!(2);
    tiles!(1);
}

/// One tile of `P` rows and `V` vectors.
///
/// # Safety
/// As of [`product`].
#[inline(always)]
unsafe fn tile<S: Simd, const P: usize, const V: usize>(
    a: *const f32,
    panel: &Panel,
    c: *mut f32,
    layout: &Layout,
    add: bool,
) {
    let mut sums = [[S::splat(0.0); V]; P];
    // One step of the innermost loop: all rows' elements of A, `offset` numbers from the row's start, times one line of B.
    macro_rules! step {
        ($row:expr, $b:expr, $offset:expr) => {
            let mut line = [S::splat(0.0); V];
            for v in 0..V {
                let p = $b.add(v * S::LANES);
                line[v] = if panel.masked && v == V - 1 {
                    S::load_first(p, panel.last_lanes)
                } else {
                    S::load(p)
                };
            }
            for p in 0..P {
                let x = S::splat(*$row(p).add($offset));
                for v in 0..V {
                    sums[p][v] = S::fma(x, line[v], sums[p][v]);
                }
            }
        };
    }
    let stride = layout.a_row;
    for i in 0..layout.outer {
        let a = a.add(i * layout.a_outer);
        let mut b = panel.b.add(i * panel.outer);
        // Rows are addressed as one of four bases plus {0, 1, 2, 3} strides: few address registers, no spills.
        let mut bases = [a; 4];
        for (k, base) in bases.iter_mut().enumerate() {
            if P > 4 * k {
                *base = a.add(4 * k * stride);
            }
        }
        let mut left = layout.inner;
        if layout.a_inner == 1 {
            while left >= 4 {
                let row = |p: usize| bases[p / 4].add(p % 4 * stride);
                for u in 0..4 {
                    step!(row, b, u);
                    b = b.add(panel.inner);
                }
                for base in bases.iter_mut().take(P.div_ceil(4)) {
                    *base = base.add(4);
                }
                left -= 4;
            }
        }
        while left > 0 {
            if stride == 1 {
                let row = |p: usize| bases[0].add(p);
                step!(row, b, 0);
            } else {
                let row = |p: usize| bases[p / 4].add(p % 4 * stride);
                step!(row, b, 0);
            }
            for base in bases.iter_mut().take(P.div_ceil(4)) {
                *base = base.add(layout.a_inner);
            }
            b = b.add(panel.inner);
            left -= 1;
        }
    }
    for (p, line) in sums.iter().enumerate() {
        for (v, &sum) in line.iter().enumerate() {
            let c = c.add(p * layout.c_row + v * S::LANES);
            let n = if v == V - 1 {
                panel.last_lanes
            } else {
                S::LANES
            };
            S::put(c, sum, n, add);
        }
    }
}
