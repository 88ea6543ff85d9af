//! The memory of the process: mimalloc, and a heap of its own for the large buffers of training.
//!
//! A training step frees and allocates the same activations again and again. Given back to the system in between, every
//! page would be cleared and mapped anew each time, which costs time at every step; so freed memory stays mapped. Then the peak
//! is what lies between the buffers as much as what is in them. [`Heap`] puts large buffers side by side, each into the
//! smallest gap that holds it, and joins gaps when buffers are freed: a backward pass frees in the reverse order of the forward pass.

use std::alloc::{GlobalAlloc, Layout};
use std::ffi::{c_int, c_long, c_void};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use mimalloc::MiMalloc;

/// The number of mimalloc's option `purge_delay`, which its bindings do not name.
const PURGE_DELAY: i32 = 15;

/// The number of its option `allow_thp`.
const HUGE_PAGES: i32 = 43;

/// Bytes from which on a block is large.
const LARGE: usize = 1 << 18;

/// What large blocks are multiples of, and aligned to: a page.
const GRAIN: usize = 1 << 12;

/// Bytes of a region at least. Pages that nobody has written to are no memory yet.
const REGION: usize = 1 << 28;

/// Alignment of regions: the system's huge pages.
const HUGE_PAGE: usize = 1 << 21;

/// An allocator for `#[global_allocator]`.
#[derive(Debug)]
pub struct Heap {
    gaps: Mutex<Gaps>,
}

impl Heap {
    /// A heap without memory.
    pub const fn new() -> Heap {
        let gaps = Mutex::new(Gaps(Vec::new()));
        Heap { gaps }
    }

    fn gaps(&self) -> MutexGuard<'_, Gaps> {
        // nothing panics while the lock is held
        self.gaps.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Heap {
    fn default() -> Self {
        Heap::new()
    }
}

/// Sets mimalloc's options, before it asks the system for memory. It keeps all memory that it once got. Small blocks lie scattered, and huge
/// pages would round each of their neighborhoods up to two megabytes: they do without.
fn set_options() {
    const NEVER: c_long = -1;
    static DONE: AtomicBool = AtomicBool::new(false);
    if !DONE.load(Ordering::Relaxed) {
        DONE.store(true, Ordering::Relaxed);
        // SAFETY: sets integers in mimalloc's table of options, which is sound at any time; both numbers are in the table's range.
        unsafe {
            libmimalloc_sys::mi_option_set(PURGE_DELAY, NEVER);
            libmimalloc_sys::mi_option_set(HUGE_PAGES, 0);
        }
    }
}

/// Asks the system for huge pages, which make large buffers a few per cent faster to walk over. It may refuse.
#[cfg(target_os = "linux")]
fn advise_huge_pages(start: *mut u8, len: usize) {
    unsafe extern "C" {
        fn madvise(start: *mut c_void, len: usize, advice: c_int) -> c_int;
    }
    const MADV_HUGEPAGE: c_int = 14;
    // SAFETY: the memory is ours and aligned to its pages; the advice changes none of its contents.
    unsafe { madvise(start.cast(), len, MADV_HUGEPAGE) };
}

#[cfg(not(target_os = "linux"))]
fn advise_huge_pages(_: *mut u8, _: usize) {}

/// Whether a block has its place in a region.
fn is_large(layout: &Layout) -> bool {
    layout.size() >= LARGE && layout.align() <= GRAIN
}

// SAFETY: a large block is a part of a region that was a gap, and is a gap again once it is freed; who is large depends on the layout
// alone, which is the same for both. Everything else is mimalloc's.
unsafe impl GlobalAlloc for Heap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if !is_large(&layout) {
            set_options();
            return MiMalloc.alloc(layout);
        }
        let len = layout.size().next_multiple_of(GRAIN);
        let mut gaps = self.gaps();
        if let Some(start) = gaps.take(len) {
            return start as *mut u8;
        }
        let region = len.next_multiple_of(REGION);
        let Ok(layout) = Layout::from_size_align(region, HUGE_PAGE) else {
            return std::ptr::null_mut();
        };
        set_options();
        let start = MiMalloc.alloc(layout);
        if !start.is_null() {
            advise_huge_pages(start, region);
            if len < region {
                gaps.put(start as usize + len, region - len);
            }
        }
        start
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        if !is_large(&layout) {
            set_options();
            return MiMalloc.alloc_zeroed(layout);
        }
        let block = self.alloc(layout);
        if !block.is_null() {
            std::ptr::write_bytes(block, 0, layout.size());
        }
        block
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        match is_large(&layout) {
            true => {
                let len = layout.size().next_multiple_of(GRAIN);
                self.gaps().put(block as usize, len);
            }
            false => MiMalloc.dealloc(block, layout),
        }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // the caller promises that this is a layout
        let new = Layout::from_size_align_unchecked(size, layout.align());
        if !is_large(&layout) && !is_large(&new) {
            return MiMalloc.realloc(block, layout, size);
        }
        if is_large(&layout) && is_large(&new) {
            let [old, len] = [layout.size(), size].map(|len| len.next_multiple_of(GRAIN));
            let end = block as usize + old.min(len);
            if len <= old {
                self.gaps().put(end, old - len);
                return block;
            }
            // What grows by and by, as the rows of a parser do, is neither copied nor does it leave pages behind that were cleared for it.
            if self.gaps().extend(end, len - old) {
                return block;
            }
        }
        let moved = self.alloc(new);
        if !moved.is_null() {
            std::ptr::copy_nonoverlapping(block, moved, layout.size().min(size));
            self.dealloc(block, layout);
        }
        moved
    }
}

/// Free parts of regions: (start, length), by start, none beside another. Their own buffer is never large as long as there are fewer
/// than sixteen thousand.
#[derive(Debug)]
struct Gaps(Vec<(usize, usize)>);

impl Gaps {
    /// The start of a part of the smallest gap that holds `len` bytes, the first of equals.
    fn take(&mut self, len: usize) -> Option<usize> {
        let gaps = self.0.iter().enumerate();
        let fitting = gaps.filter(|(_, gap)| gap.1 >= len);
        let (index, _) = fitting.min_by_key(|(_, gap)| gap.1)?;
        let (start, found) = self.0[index];
        if found == len {
            self.0.remove(index);
        } else {
            self.0[index] = (start + len, found - len);
        }
        Some(start)
    }

    /// Takes `len` bytes from `start` on, if they are free.
    fn extend(&mut self, start: usize, len: usize) -> bool {
        let Ok(index) = self.0.binary_search_by_key(&start, |gap| gap.0) else {
            return false;
        };
        match self.0[index].1.checked_sub(len) {
            None => return false,
            Some(0) => drop(self.0.remove(index)),
            Some(left) => self.0[index] = (start + len, left),
        }
        true
    }

    /// A part that is free from now on.
    fn put(&mut self, start: usize, len: usize) {
        if len == 0 {
            return;
        }
        let index = self.0.partition_point(|gap| gap.0 < start);
        let joins_next = self.0.get(index).is_some_and(|gap| start + len == gap.0);
        let before = index.checked_sub(1);
        let before = before.filter(|i| self.0[*i].0 + self.0[*i].1 == start);
        match (before, joins_next) {
            (None, false) => self.0.insert(index, (start, len)),
            (None, true) => self.0[index] = (start, len + self.0[index].1),
            (Some(i), false) => self.0[i].1 += len,
            (Some(i), true) => {
                self.0[i].1 += len + self.0[index].1;
                self.0.remove(index);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn freed_neighbors_become_one_gap() {
        let mut gaps = Gaps(Vec::new());
        gaps.put(0, 100);
        let starts = [10, 20, 30, 5].map(|len| gaps.take(len));
        assert_eq!(starts, [Some(0), Some(10), Some(30), Some(60)]);
        assert_eq!(gaps.0, [(65, 35)]);
        gaps.put(10, 20);
        assert_eq!(gaps.take(36), None);
        assert_eq!(gaps.take(15), Some(10), "the smallest gap that holds it");
        gaps.put(60, 5);
        gaps.put(10, 15);
        assert_eq!(gaps.0, [(10, 20), (60, 40)]);
        gaps.put(0, 10);
        gaps.put(30, 30);
        assert_eq!(gaps.0, [(0, 100)]);
        assert_eq!(gaps.take(10), Some(0));
        assert!(gaps.extend(10, 20) && !gaps.extend(10, 1) && !gaps.extend(30, 71));
        assert!(gaps.extend(30, 70) && gaps.0.is_empty());
    }

    #[test]
    fn a_block_that_grows_stays_where_it_is_free() {
        let heap = Heap::new();
        let layout = |len: usize| Layout::from_size_align(len, 8).expect("a layout");
        // SAFETY: blocks are used inside their sizes and freed with their layouts.
        unsafe {
            let block = heap.alloc(layout(LARGE));
            std::ptr::write_bytes(block, 7, LARGE);
            assert_eq!(heap.realloc(block, layout(LARGE), 4 * LARGE), block);
            assert_eq!(heap.realloc(block, layout(4 * LARGE), 2 * LARGE), block);
            let next = heap.alloc(layout(LARGE));
            assert_eq!(next as usize, block as usize + 2 * LARGE);
            let moved = heap.realloc(block, layout(2 * LARGE), 3 * LARGE);
            assert_ne!(moved, block);
            assert!(
                std::slice::from_raw_parts(moved, LARGE)
                    .iter()
                    .all(|b| *b == 7)
            );
            heap.dealloc(moved, layout(3 * LARGE));
            heap.dealloc(next, layout(LARGE));
        }
        assert_eq!(heap.gaps().0.len(), 1, "everything is free again");
    }

    #[test]
    fn blocks_of_all_sizes_keep_what_is_in_them() {
        let heap = Heap::new();
        let layout = |len: usize| Layout::from_size_align(len, 8).expect("a layout");
        let sizes = [1, LARGE - 1, LARGE, LARGE + 1, 5 * LARGE, 3 * LARGE, 100];
        // SAFETY: blocks are used inside their sizes and freed with their layouts.
        unsafe {
            let mut blocks: Vec<(*mut u8, usize)> = Vec::new();
            for round in 0..3 {
                for (i, len) in sizes.into_iter().enumerate() {
                    let block = heap.alloc(layout(len));
                    assert!(!block.is_null());
                    std::ptr::write_bytes(block, (10 * round + i) as u8, len);
                    blocks.push((block, len));
                }
                // across the border in both directions
                for (i, to) in [(1, 2 * LARGE), (4, 10)] {
                    let (block, len) = blocks[blocks.len() - sizes.len() + i];
                    let moved = heap.realloc(block, layout(len), to);
                    let kept = std::slice::from_raw_parts(moved, len.min(to));
                    assert!(kept.iter().all(|b| *b == (10 * round + i) as u8));
                    let last = blocks.len() - sizes.len() + i;
                    blocks[last] = (moved, 10.min(to));
                    heap.dealloc(moved, layout(to));
                }
                for (i, (block, len)) in blocks.drain(..).enumerate() {
                    if i == 1 || i == 4 {
                        continue;
                    }
                    let bytes = std::slice::from_raw_parts(block, len);
                    assert!(bytes.iter().all(|b| *b == (10 * round + i) as u8));
                    heap.dealloc(block, layout(len));
                }
            }
        }
        let gaps = heap.gaps();
        assert_eq!(gaps.0.len(), 1, "everything is free again: {gaps:?}");
    }
}
