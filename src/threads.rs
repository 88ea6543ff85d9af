//! Threads that read specs.
//!
//! In: how many there is work for. Out: as many threads as the machine runs at a time, each with a stack for what nests deep.

use std::num::NonZeroUsize;
use std::sync::OnceLock;

use rayon::{ThreadPool, ThreadPoolBuilder};

/// The stack of a thread that reads specs: thousands of amendments of single copies, or of blocks in blocks, nest as deep. Only what is used is
/// memory.
pub const STACK: usize = 512 << 20;

/// How many threads the machine runs at a time.
pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, NonZeroUsize::get)
}

/// Threads for so many pieces of work; nothing where these would be no more than one, or if the system has no more or no room for their stacks. They stay
/// for the next who asks.
pub fn readers(pieces: usize) -> Option<&'static ThreadPool> {
    static POOL: OnceLock<Option<ThreadPool>> = OnceLock::new();
    let start = || {
        let pool = ThreadPoolBuilder::new()
            .num_threads(cores())
            .thread_name(|i| format!("reader-{i}"))
            .stack_size(STACK);
        pool.build().ok()
    };
    let is_of_use = pieces > 1 && cores() > 1;
    is_of_use
        .then(|| POOL.get_or_init(start).as_ref())
        .flatten()
}
