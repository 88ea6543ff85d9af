//! What a space says: layers, blocks, copies, skip connections.
//!
//! In: the statements of a space or block. Out: a [`Space`](crate::ir::Space) that is not unrolled yet.

pub(super) mod block;
pub(super) mod copies;
pub(super) mod network;
pub(super) mod of_copy;
pub(super) mod operations;
pub(super) mod seen;
pub(super) mod skip;
pub(super) mod space;
