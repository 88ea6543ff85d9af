//! Keeps freed memory mapped.
//!
//! A training step frees and allocates the same activations again and again. Given back to the system in between, every
//! page would be cleared and mapped anew each time, which costs up to a fifth of a step.

use std::ffi::c_long;

/// The number of mimalloc's option `purge_delay`, which its bindings do not name.
const PURGE_DELAY: i32 = 15;

/// Makes mimalloc keep all memory that it once got, for the life of the process. Call it once, at the start, in a binary
/// whose global allocator is mimalloc; elsewhere it has no effect.
pub fn keep_freed_pages() {
    const NEVER: c_long = -1;
    // SAFETY: sets an integer in mimalloc's table of options, which is sound at any time; 15 is in the table's range.
    unsafe { libmimalloc_sys::mi_option_set(PURGE_DELAY, NEVER) };
}
