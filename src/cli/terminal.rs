//! Where output goes and how it looks.

use std::io::{ErrorKind, IsTerminal, Write};

use clap::{Args, ValueEnum};

use super::Failed;
use crate::report::Look;

/// Options of every command.
#[derive(Debug, Args)]
pub struct Global {
    /// Print results for people or for programs
    #[arg(long, global = true, value_enum, default_value_t = Format::Human)]
    format: Format,
    /// When to use color; `NO_COLOR` turns it off, too
    #[arg(long, global = true, value_enum, default_value_t = When::Auto)]
    color: When,
    /// Print nothing but results and errors: no warnings, no progress
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    quiet: bool,
    /// Print more
    #[arg(short, long, global = true)]
    verbose: bool,
}

/// Who reads results.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Tables.
    Human,
    /// One JSON document.
    Json,
}

/// When something is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum When {
    Auto,
    Always,
    Never,
}

/// Lines that are drawn without a terminal: tables in files and pipes are this wide.
const DEFAULT_WIDTH: u16 = 120;
/// Columns below which tables are not squeezed.
const NARROWEST: u16 = 60;

/// The two streams.
#[derive(Debug)]
pub struct Terminal {
    /// Who reads results.
    pub format: Format,
    /// Whether to say less.
    pub quiet: bool,
    /// Whether to say more.
    pub verbose: bool,
    /// How results look.
    pub look: Look,
    /// Whether standard error takes color.
    pub color_errors: bool,
}

impl Terminal {
    /// What the options and the environment ask for.
    pub fn new(global: &Global) -> Terminal {
        let forbidden = std::env::var_os("NO_COLOR").is_some_and(|v| !v.is_empty());
        let color = |is_terminal: bool| match global.color {
            When::Always => true,
            When::Never => false,
            When::Auto => is_terminal && !forbidden,
        };
        let is_terminal = std::io::stdout().is_terminal();
        // The columns of the terminal, if there is one.
        let width = comfy_table::Table::new().width();
        Terminal {
            format: global.format,
            quiet: global.quiet,
            verbose: global.verbose,
            look: Look {
                color: color(is_terminal),
                // A terminal without a size, or one too narrow for any table, scrolls.
                width: width.filter(|w| *w >= NARROWEST).unwrap_or(DEFAULT_WIDTH),
            },
            color_errors: color(std::io::stderr().is_terminal()),
        }
    }

    /// Prints a result. A closed pipe ends the command quietly.
    pub fn print(&self, text: &str) -> Result<(), Failed> {
        let mut out = std::io::stdout().lock();
        match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
            Ok(()) => Ok(()),
            Err(e) if e.kind() == ErrorKind::BrokenPipe => Err(Failed::quiet()),
            Err(e) => Err(Failed::run(format!("cannot write the result: {e}"))),
        }
    }

    /// Says something that is no result, unless it shall be quiet.
    pub fn say(&self, text: &str) {
        if !self.quiet {
            self.raw(text);
        }
    }

    /// Says what went wrong.
    pub fn error(&self, text: &str) {
        let label = if self.color_errors {
            "\u{1b}[31merror\u{1b}[0m"
        } else {
            "error"
        };
        self.raw(&format!("{label}: {text}"));
    }

    /// Writes text and a newline to standard error. If nobody listens there, nobody is told.
    pub fn raw(&self, text: &str) {
        let mut err = std::io::stderr().lock();
        let _ = writeln!(err, "{}", text.trim_end_matches('\n'));
    }
}
