//! The transforms of a tile: a few additions each, in the order in which the code has them.
//!
//! # Safety
//! All functions: the processor has the instruction set, and pointers are good for the numbers that are read.

use crate::kernels::simd::Simd;

/// `B d`
#[inline(always)]
pub(super) unsafe fn spread<S: Simd>(d: [S::V; 4]) -> [S::V; 4] {
    [
        S::sub(d[0], d[2]),
        S::add(d[1], d[2]),
        S::sub(d[2], d[1]),
        S::sub(d[1], d[3]),
    ]
}

/// `A m`
#[inline(always)]
pub(super) unsafe fn gather<S: Simd>(m: [S::V; 4]) -> [S::V; 2] {
    [
        S::add(S::add(m[0], m[1]), m[2]),
        S::sub(S::sub(m[1], m[2]), m[3]),
    ]
}

/// `A' d` with the sign of the last element changed, which costs nothing to undo at the end.
#[inline(always)]
pub(super) unsafe fn widen<S: Simd>(d: [S::V; 2]) -> [S::V; 4] {
    [d[0], S::add(d[0], d[1]), S::sub(d[0], d[1]), d[1]]
}

/// `G w`
#[inline(always)]
pub(super) unsafe fn filter<S: Simd>(g: [S::V; 3]) -> [S::V; 4] {
    let (half, ends) = (S::splat(0.5), S::add(g[0], g[2]));
    let (sum, difference) = (S::add(ends, g[1]), S::sub(ends, g[1]));
    [g[0], S::mul(half, sum), S::mul(half, difference), g[2]]
}

/// `G' m`, where the last element has the wrong sign that [`widen`] gave it.
#[inline(always)]
pub(super) unsafe fn narrow<S: Simd>(m: [S::V; 4]) -> [S::V; 3] {
    let half = S::splat(0.5);
    let even = S::mul(half, S::add(m[1], m[2]));
    let odd = S::mul(half, S::sub(m[1], m[2]));
    [S::add(m[0], even), odd, S::sub(even, m[3])]
}

/// Four vectors of `n` numbers, `distance` apart.
#[inline(always)]
pub(super) unsafe fn four<S: Simd>(p: *const f32, distance: usize, n: usize) -> [S::V; 4] {
    [
        S::read(p, n),
        S::read(p.add(distance), n),
        S::read(p.add(2 * distance), n),
        S::read(p.add(3 * distance), n),
    ]
}
