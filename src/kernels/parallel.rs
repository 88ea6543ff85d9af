//! One training on several threads.
//!
//! A loop whose results are independent of each other is cut into ranges, one a thread. Nothing is ever summed across a
//! cut: what is summed is summed by one thread in the order that one thread alone would take, so the number of threads
//! shows in no bit.

use std::cell::RefCell;
use std::ops::Range;
use std::sync::Arc;

/// Multiply-adds, or what costs as much, below which a loop is done before a second thread is awake.
const WORTH_WHILE: usize = 1 << 18;

/// The helpers of this thread.
struct Team {
    threads: usize,
    pool: Arc<rayon::ThreadPool>,
}

thread_local! {
    static TEAM: RefCell<Option<Team>> = const { RefCell::new(None) };
}

/// Runs `work` with `threads` threads at the disposal of the kernels that it calls, this one among them.
///
/// # Errors
/// If the system has no more threads.
pub fn with_threads<R>(
    threads: usize,
    work: impl FnOnce() -> R,
) -> Result<R, rayon::ThreadPoolBuildError> {
    /// Puts back what was there, also when `work` panics.
    struct Restore(Option<Team>);
    impl Drop for Restore {
        fn drop(&mut self) {
            TEAM.set(self.0.take());
        }
    }
    let team = match threads {
        0 | 1 => None,
        _ => Some(Team {
            threads,
            pool: Arc::new(
                rayon::ThreadPoolBuilder::new()
                    .num_threads(threads - 1)
                    .thread_name(|i| format!("kernel-{i}"))
                    .build()?,
            ),
        }),
    };
    let _restore = Restore(TEAM.replace(team));
    Ok(work())
}

/// Whether this thread has no helpers.
pub(super) fn is_alone() -> bool {
    TEAM.with_borrow(Option::is_none)
}

/// Calls `work` with ranges that make up `0..total`, at the same time if there are threads and `cost` is worth it. Ranges
/// start at multiples of `grain`.
pub(super) fn split(total: usize, grain: usize, cost: usize, work: impl Fn(Range<usize>) + Sync) {
    let team = TEAM.with_borrow(|team| {
        let team = team.as_ref().filter(|_| cost >= WORTH_WHILE)?;
        Some((team.threads, Arc::clone(&team.pool)))
    });
    let grains = total.div_ceil(grain);
    let parts = team.as_ref().map_or(1, |(threads, _)| grains.min(*threads));
    let part = |i: usize| grains * i / parts * grain..(grains * (i + 1) / parts * grain).min(total);
    match team.filter(|_| parts > 1) {
        None => work(0..total),
        Some((_, pool)) => pool.in_place_scope(|scope| {
            for i in 1..parts {
                let (work, range) = (&work, part(i));
                scope.spawn(move |_| work(range));
            }
            work(part(0));
        }),
    }
}

/// A buffer that the ranges of one [`split`] write to, each in places of its own.
#[derive(Clone, Copy)]
pub(super) struct Shared(*mut f32);

// SAFETY: a pointer alone does nothing; whoever writes through it answers for the places.
unsafe impl Send for Shared {}
// SAFETY: as above.
unsafe impl Sync for Shared {}

impl Shared {
    /// The buffer at `start`.
    pub fn new(start: *mut f32) -> Self {
        Shared(start)
    }

    /// Where it starts.
    pub fn start(self) -> *mut f32 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[test]
    fn ranges_make_up_the_whole_for_any_number_of_threads() {
        for threads in 1..6 {
            for (total, grain) in [(0, 1), (1, 1), (7, 1), (64, 1), (30, 8), (5, 16)] {
                let seen = Mutex::new(Vec::new());
                let note = |range: Range<usize>| seen.lock().expect("no panic").push(range);
                with_threads(threads, || split(total, grain, WORTH_WHILE, note)).expect("threads");
                let mut seen = seen.into_inner().expect("no panic");
                seen.sort_by_key(|range| range.start);
                assert!(seen.len() <= threads);
                assert!(seen.iter().all(|range| range.start.is_multiple_of(grain)));
                let all: Vec<usize> = seen.into_iter().flatten().collect();
                assert_eq!(all, (0..total).collect::<Vec<_>>());
            }
        }
    }

    #[test]
    fn little_work_stays_on_one_thread() {
        let calls = Mutex::new(0);
        with_threads(4, || {
            split(64, 1, 100, |_| *calls.lock().expect("no panic") += 1)
        })
        .expect("threads");
        assert_eq!(calls.into_inner().expect("no panic"), 1);
    }
}
