//! From text to tree and back.
//!
//! In: one source text. Out: an [`ast::File`], or the text laid out anew. It knows no schema: which kinds, fields,
//! functions and units exist is the business of analysis. Only this module sees pest.

pub mod ast;
mod bare_set;
mod behind;
mod brackets;
mod comments;
mod entries;
mod expected;
mod explain;
mod expressions;
mod format;
mod goes_on;
mod grammar;
mod habits;
mod heads;
mod imports;
mod operands;
mod parse;
mod pieces;
mod place;
mod rows;
mod scan;
mod several;
mod signs;
#[cfg(test)]
mod tests;
mod tokens;
mod tree;
mod unread;

pub use format::{format, one_line};
pub use parse::{EDITION, parse};
pub use tokens::without_comments;
