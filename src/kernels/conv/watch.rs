//! Somebody who looks at results while they are still in the cache: sums over pixels that come next.

use std::sync::{Mutex, PoisonError};

use crate::kernels::parallel;

/// Is shown everything that has been computed so far, from the first pixel on, again and again, by a thread that is alone; by several it is
/// shown nothing.
pub type Watch<'a> = &'a mut (dyn FnMut(&[f32]) + Send);

/// The same for loops that several threads share.
pub(super) trait Look: Sync {
    /// # Safety
    /// The first `len` numbers from `start` on are written, and nobody writes to them meanwhile.
    unsafe fn show(&self, start: *const f32, len: usize);
}

/// Who looks, if anybody does.
pub(super) struct Watcher<'a>(Option<Mutex<Watch<'a>>>);

impl<'a> Watcher<'a> {
    pub fn new(watch: Option<Watch<'a>>) -> Self {
        Watcher(watch.filter(|_| parallel::is_alone()).map(Mutex::new))
    }
}

impl Look for Watcher<'_> {
    unsafe fn show(&self, start: *const f32, len: usize) {
        if let Some(watch) = &self.0 {
            let mut watch = watch.lock().unwrap_or_else(PoisonError::into_inner);
            watch(std::slice::from_raw_parts(start, len));
        }
    }
}
