//! Signals: Ctrl-C, and the limit of a file's size.

use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};

use super::terminal::Terminal;

/// Set by Ctrl-C.
static STOP: AtomicBool = AtomicBool::new(false);

/// Sets what it gives at the first Ctrl-C, so that training stops at the next step; the second ends at once.
pub fn catch(terminal: &Terminal) -> &'static AtomicBool {
    let outcome = ctrlc::set_handler(|| {
        if STOP.swap(true, Ordering::Relaxed) {
            std::process::exit(3);
        }
        let text = "stopping at the next training step; Ctrl-C again ends at once";
        // Nobody may be listening.
        let _ = writeln!(std::io::stderr(), "\n{text}");
    });
    if let Err(e) = outcome {
        terminal.say(&format!(
            "warning: Ctrl-C will end the run at once, since it cannot be caught: {e}"
        ));
    }
    &STOP
}

/// Makes a write beyond the limit of a file's size (`ulimit -f`) an error, which says what failed, where it would end the process without a word.
#[cfg(unix)]
pub fn outlive_long_files() {
    // SAFETY: no handler is installed; the default of one signal becomes to ignore it.
    #[allow(unsafe_code)]
    unsafe {
        libc::signal(libc::SIGXFSZ, libc::SIG_IGN);
    }
}

/// Elsewhere there is no such signal.
#[cfg(not(unix))]
pub fn outlive_long_files() {}
