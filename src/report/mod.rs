//! Results as people and programs read them.
//!
//! In: a [`RunResult`](crate::interpreter::result::RunResult), a template or a cost. Out: text. Every function here is pure: the same
//! input gives the same bytes, and nothing is written or printed.

mod bits;
pub mod cost;
pub mod csv;
mod grid;
pub mod json;
pub mod plan;
pub mod quantity;
pub mod single;
pub mod table;
pub mod words;

/// How text may look on the terminal that it is meant for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    /// Whether to use ANSI colors.
    pub color: bool,
    /// Columns of the terminal.
    pub width: u16,
}

#[cfg(test)]
mod fixtures;
