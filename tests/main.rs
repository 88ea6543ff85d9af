//! The only integration-test binary: each module is one promise of the project.
#![allow(clippy::unwrap_used)] // a test that cannot go on fails

/// What a candidate does not have binds nothing.
mod absence;
/// Arrows between layers point down only.
mod architecture;
/// One mistake is one diagnostic, many are many.
mod cascades;
/// What each command of the command line shows, and its codes.
mod cli;
/// What the comparison with other tools says of bnas.
mod comparison;
/// Tables and files of samples: empty, compressed, damaged, changed.
mod data;
/// A disk that takes no more is an error that names the file, and costs no trial that has ended.
#[cfg(unix)]
mod disk;
/// Every fence of README and docs is checked, and the commands of docs run.
mod docs;
/// Every wrong spec gives its diagnostic, as people see it.
mod errors;
/// Every example and every file of the standard library checks alone, is formatted, and is documented.
mod examples;
/// A run that was killed goes on, and ends with the same bytes.
mod kills;
/// Whatever the text, an answer; whatever the layout, the same meaning.
mod robust;
/// Exit codes and streams of runs.
mod runs;
/// Same file and seed, same bytes: any number of jobs and threads, any instruction set.
mod sameness;
/// Uniform draws, and nothing infeasible.
mod sampling;
/// Quantities are shown in the unit of whoever wrote them.
mod units;
/// Helpers.
mod util;
