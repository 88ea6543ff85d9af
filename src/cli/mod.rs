//! The command line: one file per subcommand.
//!
//! In: arguments. Out: an exit code. Results go to standard output, everything else to standard error; a closed pipe is a quiet end.
//!
//! | code | meaning |
//! |---|---|
//! | 0 | all well |
//! | 1 | the spec has errors, or an `expect` or `fmt --check` failed |
//! | 2 | the command line is wrong |
//! | 3 | the run failed or was interrupted |
//! | 4 | the run finished, and no candidate meets every `require` |

mod check;
mod completions;
mod cost;
mod doc;
mod explain;
mod fmt;
mod interrupt;
mod list;
mod progress;
mod run;
mod spec;
mod terminal;
mod train;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::kernels::simd::Isa;
use crate::threads::STACK;
use terminal::{Global, Terminal};

/// Checks and runs declarative experiments on neural networks with few bits
#[derive(Debug, Parser)]
#[command(name = "bnas", version, arg_required_else_help = true)]
#[command(after_help = "Start with `bnas check FILE`, then `bnas run FILE`. \
    Exit codes: 0 all well, 1 the spec has errors or an expectation failed, 2 usage, 3 the run failed, 4 nothing is feasible.")]
pub struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Check(check::Args),
    Run(run::Args),
    Train(train::Args),
    Cost(cost::Args),
    Explain(explain::Args),
    List(list::Args),
    Doc(doc::Args),
    Fmt(fmt::Args),
    Completions(completions::Args),
}

/// Why a command did not end well.
#[derive(Debug)]
struct Failed {
    code: u8,
    /// For standard error; empty if everything has been said.
    message: String,
}

impl Failed {
    /// The spec has errors, or an expectation failed; all has been said.
    fn spec() -> Failed {
        Failed {
            code: 1,
            message: String::new(),
        }
    }

    /// The command line asks for what there is not.
    fn usage(message: impl Into<String>) -> Failed {
        Failed {
            code: 2,
            message: message.into(),
        }
    }

    /// The run failed.
    fn run(message: impl Into<String>) -> Failed {
        Failed {
            code: 3,
            message: message.into(),
        }
    }

    /// Nothing meets every requirement.
    fn infeasible(message: impl Into<String>) -> Failed {
        Failed {
            code: 4,
            message: message.into(),
        }
    }

    /// Nobody reads the output any more.
    fn quiet() -> Failed {
        Failed {
            code: 0,
            message: String::new(),
        }
    }
}

/// Parses arguments, runs the command, and gives the exit code.
pub fn main() -> ExitCode {
    let thread = std::thread::Builder::new()
        .name("main".into())
        .stack_size(STACK);
    let outcome = thread.spawn(command).map(std::thread::JoinHandle::join);
    match outcome {
        Ok(Ok(code)) => code,
        // What a panic says has been printed; 101 is how programs in Rust end with one.
        Ok(Err(_)) => ExitCode::from(101),
        // Where so much may not be asked for, what nests less is read all the same.
        Err(_) => command(),
    }
}

fn command() -> ExitCode {
    let cli = Cli::parse();
    interrupt::outlive_long_files();
    let terminal = Terminal::new(&cli.global);
    let outcome =
        Isa::from_environment().map_err(|wrong| Failed::usage(format!("BNAS_SIMD: {wrong}")));
    let outcome = outcome.and_then(|_| match &cli.command {
        Command::Check(args) => check::run(args, &terminal),
        Command::Run(args) => run::run(args, &terminal),
        Command::Train(args) => train::run(args, &terminal),
        Command::Cost(args) => cost::run(args, &terminal),
        Command::Explain(args) => explain::run(args, &terminal),
        Command::List(args) => list::run(args, &terminal),
        Command::Doc(args) => doc::run(args, &terminal),
        Command::Fmt(args) => fmt::run(args, &terminal),
        Command::Completions(args) => completions::run(args, &terminal),
    });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failed) => {
            if !failed.message.is_empty() {
                terminal.error(&failed.message);
            }
            ExitCode::from(failed.code)
        }
    }
}
