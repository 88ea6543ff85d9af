//! Threads that read specs.
//!
//! In: how many there is work for. Out: that many threads, or as many as the machine runs at a time, each with a stack for what nests deep.

use std::num::NonZeroUsize;

use rayon::{ThreadPool, ThreadPoolBuilder};

/// The stack of a thread that reads specs: thousands of amendments of single copies, or of blocks in blocks, nest as deep. Only what is used is
/// memory.
pub const STACK: usize = 512 << 20;

/// How many threads the machine runs at a time.
pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, NonZeroUsize::get)
}

/// At most `most` threads; nothing if more than this one are of no use, or if the system has no more or no room for their stacks.
pub fn readers(most: usize) -> Option<ThreadPool> {
    let threads = most.min(cores());
    let pool = ThreadPoolBuilder::new()
        .num_threads(threads)
        .stack_size(STACK);
    (threads > 1).then(|| pool.build().ok()).flatten()
}
