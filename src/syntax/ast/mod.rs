//! The tree of a `.bnas` file as it was written.
//!
//! In: what the parser recognized. Out: plain data with a [`Span`] on everything that a diagnostic
//! may point at. It must not know the schema: kinds, field names, operations, units and functions are words here, and
//! analysis decides which of them exist. Comments are no part of the tree (the formatter works on the text); documentation
//! comments are.

mod entries;
mod expressions;

pub use entries::*;
pub use expressions::*;

use std::sync::Arc;

use crate::source::{Span, Spanned};

/// One source text.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct File {
    /// The number on the line `bnas 1`; `None` when it is missing or unknown, which is a diagnostic already.
    pub edition: Option<Spanned<u32>>,
    /// What the file takes from other files, in order.
    pub uses: Vec<Use>,
    /// What the file declares, in order.
    pub declarations: Vec<Declaration>,
    /// Whether something that no declaration could be read from stands outside of all: names may be missing.
    pub broken: bool,
    /// Names that entries may have defined that could not be read.
    pub lost: Vec<String>,
    /// Stretches that could not be read, in order.
    pub unread: Vec<Span>,
    /// Those that may define a name that is not in them: `= 3`.
    pub nameless: Vec<Span>,
}

/// A word with its place.
#[derive(Debug, Clone, PartialEq)]
pub struct Name {
    /// The word.
    pub text: String,
    /// Where it stands.
    pub span: Span,
}

/// `use std.targets.braintta`, `use std.repairs.training.{a, b}`, `use "layers.bnas".{x}`.
#[derive(Debug, Clone, PartialEq)]
pub struct Use {
    /// Where the names come from.
    pub from: UseFrom,
    /// The names in braces; `None` without braces.
    pub names: Option<Vec<Name>>,
    /// The whole line.
    pub span: Span,
}

/// The source of a [`Use`].
#[derive(Debug, Clone, PartialEq)]
pub enum UseFrom {
    /// `std.targets.braintta`: the segments in order, at least one.
    Path(Vec<Name>),
    /// `"layers.bnas"`: a file, relative to the importing file.
    File(Spanned<String>),
}

/// `kind name(parameters) : base { entries }`, with what stands above it.
#[derive(Debug, Clone, PartialEq)]
pub struct Declaration {
    /// The text of the `///` lines above it, one per line, without the slashes and one leading blank.
    pub docs: Vec<Spanned<String>>,
    /// `@paper(…)` and the like.
    pub annotations: Vec<Annotation>,
    /// `experiment`, `space`, `quantizer`, …: any word here.
    pub kind: Name,
    /// What it declares.
    pub name: Name,
    /// Parameters in parentheses; empty without them.
    pub params: Vec<Parameter>,
    /// The word after `:`.
    pub base: Option<Name>,
    /// What stands between the braces, shared with what is made of it.
    pub entries: Arc<Vec<Entry>>,
    /// From the kind to the closing brace.
    pub span: Span,
    /// Whether a part of it could not be read, which is a diagnostic already; perhaps only kind and name could.
    pub broken: bool,
}

/// One parameter of a declaration or formula: `channels` or `kernel = 3`.
#[derive(Debug, Clone, PartialEq)]
pub struct Parameter {
    /// Its name.
    pub name: Name,
    /// Its default, if it has one.
    pub default: Option<Expr>,
}

/// `@paper("arXiv:2211.11331", where = "abstract")`.
#[derive(Debug, Clone, PartialEq)]
pub struct Annotation {
    /// The word after `@`.
    pub name: Name,
    /// What stands in parentheses.
    pub args: Vec<Argument>,
    /// From the `@` to the closing parenthesis.
    pub span: Span,
}
