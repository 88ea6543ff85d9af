//! A declarative experiment language, and its interpreter, for neural networks with few bits.
//!
//! # Pipeline
//!
//! A spec goes through the modules in this order; each step makes the type that the next one reads.
//!
//! 1. [`source`] holds texts: a [`Span`](source::Span) points into [`Sources`](source::Sources). [`units`] knows quantities,
//!    [`diagnostic`] problems as data, [`stream`] random numbers by (seed, trial, purpose), [`threads`] those that read long specs.
//! 2. [`syntax`] parses a text into a [`File`](syntax::ast::File), and lays it out canonically.
//! 3. [`analysis`] resolves names, checks types and units, and lowers to an [`ir::Program`]; or reports every error that one pass finds.
//! 4. [`model`] unrolls an [`ir::Experiment`] into a [`Template`](model::Template): every decision with its guard, every node that may be
//!    there. A [`Point`](model::Point) makes a [`Candidate`](model::Candidate) of it, and [`model::hardware`] prices that.
//! 5. [`interpreter`] asks ([`search`](interpreter::search)), builds, prices, trains ([`train`](interpreter::train), on the loops of
//!    [`kernels`]) and tells ([`store`](interpreter::store)); a [`RunResult`](interpreter::result::RunResult) comes out.
//! 6. [`report`] turns results into tables and files, [`cli`] arguments into an exit code.
//!
//! # From text to a Pareto set
//!
//! ```
//! use bnas::interpreter::{self, RunOptions, Silent, store::Store};
//! use bnas::{analysis, source::Sources};
//!
//! let text = "bnas 1\n experiment e { x in -3..3  minimize x^2  maximize x  search { method = grid  trials = 7 } }";
//! let mut sources = Sources::default();
//! let main = sources.add("e.bnas", text);
//! let program = analysis::check(&mut sources, main, &analysis::FileLoader).program.expect("no errors");
//! let stop = false.into();
//! let options = RunOptions::new(2, &stop);
//! let result = interpreter::run(&program.experiments[0], options, &mut Store::in_memory(), &Silent)?;
//! // Trials 3 to 6 are x = 0, 1, 2, 3: more x costs more x².
//! assert_eq!(result.pareto, [3, 4, 5, 6]);
//! # Ok::<(), interpreter::RunError>(())
//! ```

pub mod source;

pub mod units;

pub mod diagnostic;

pub mod stream;

pub mod threads;

pub mod syntax;

pub mod analysis;

pub mod ir;

pub mod model;

pub mod interpreter;

pub mod kernels;

pub mod report;

pub mod cli;
