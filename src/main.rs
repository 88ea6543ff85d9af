//! The `bnas` command: arguments to [`bnas::cli`], outcome to an exit code.

use std::process::ExitCode;

/// Keeps freed activations mapped: given back to the system, their pages would be cleared and mapped anew in every training step.
#[global_allocator]
static ALLOCATOR: bnas::kernels::memory::Heap = bnas::kernels::memory::Heap::new();

fn main() -> ExitCode {
    bnas::cli::main()
}
