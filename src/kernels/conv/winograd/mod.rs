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
//! Each of the 16 elements of a tile is a matrix product of its own, over channels or over tiles, and [`product`](crate::kernels::tile::product) computes
//! it. The transforms are a few additions, in the order in which the code has them. The sum over tiles goes on from
//! block to block of [`BLOCK`](weight_gradient::BLOCK) tiles: chains within a block, blocks in order.
//!
//! A NaN reaches the whole of every tile that sees it: up to one pixel more than by the definition. Results differ from the
//! definition's by a few units in the last place.

#![allow(clippy::needless_range_loop)] // elements have the indices of the formulas

mod correlate;
mod filters;
mod forward;
mod input_gradient;
mod planes;
mod transforms;
mod weight_gradient;

pub(super) use forward::forward;
pub(super) use input_gradient::input_gradient;
pub(super) use weight_gradient::weight_gradient;

use super::ConvShape;

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
