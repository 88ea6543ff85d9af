//! The `bnas` command: arguments to [`bnas::cli`], outcome to an exit code.

use std::process::ExitCode;

/// Keeps freed activations mapped: with the system's allocator, half of a training step is page faults.
#[global_allocator]
static ALLOCATOR: bnas::kernels::memory::Heap = bnas::kernels::memory::Heap::new();

fn main() -> ExitCode {
    bnas::cli::main()
}
