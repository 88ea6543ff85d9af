//! The parser that pest generates from `grammar/bnas.pest`, the only definition of the syntax.
//!
//! In: a text. Out: pairs of rules and spans. Nothing outside `syntax` sees it.

#![allow(missing_docs)] // the grammar documents its rules

use pest_derive::Parser;

/// `Rule` has one variant per rule of the grammar.
#[derive(Parser)]
#[grammar = "grammar/bnas.pest"]
pub(super) struct Grammar;
