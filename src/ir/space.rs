//! Network templates: a space is an ordinary network with choices in it.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Expr, Let, Slot};
use crate::source::Span;

/// A whole network.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Space {
    /// Its name.
    pub name: String,
    /// Its statements in order.
    pub body: Vec<Stmt>,
    /// `require …` lines of the space: constraints over its names.
    pub requires: Vec<super::Require>,
    /// Where the name stands.
    pub span: Span,
}

/// A reusable piece of network. Its parameters become the first statements of a copy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Block {
    /// Its name.
    pub name: String,
    /// Parameters, with their defaults.
    pub params: Vec<(String, Option<Slot>)>,
    /// Its statements in order.
    pub body: Vec<Stmt>,
    /// Where the name stands.
    pub span: Span,
}

/// A statement of a space or block.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stmt {
    /// A named value.
    Let(Let),
    /// `layer name = op -> op when condition`.
    Layer(LayerStmt),
    /// `repeat count as index { … }`.
    Repeat {
        /// How often.
        count: Expr,
        /// The name that counts copies from 0.
        index: String,
        /// What is repeated.
        body: Vec<Stmt>,
        /// Where `repeat` stands.
        span: Span,
    },
    /// `name = some_block(args)`: a copy of a block.
    Block {
        /// What is copied.
        block: Arc<Block>,
        /// Arguments by name.
        args: Vec<(String, Slot)>,
        /// Where the call stands.
        span: Span,
    },
    /// `add input when condition`: adds the block's input to what its last layer gives.
    AddInput {
        /// Absent: always.
        when: Option<Expr>,
        /// Where `add` stands.
        span: Span,
    },
}

/// One named layer: a chain of operations.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LayerStmt {
    /// Its name, the last part of its path.
    pub name: String,
    /// The chain, in order; never empty.
    pub chain: Vec<Operation>,
    /// Absent: always there.
    pub when: Option<Expr>,
    /// Where the name stands.
    pub span: Span,
}

/// One operation of a chain, with every argument that its schema has (defaults filled in by analysis).
///
/// | name | arguments |
/// |---|---|
/// | `conv` | `channels`, `kernel` = 3, `stride` = 1, `groups` = 1, `padding` = `same` or a number |
/// | `depthwise` | `kernel` = 3, `stride` = 1, `padding` |
/// | `linear` | `outputs` |
/// | `norm` | none: batch normalization |
/// | `relu`, `relu6`, `hardtanh` | none |
/// | `pool` | `kind` = `average` or `max`, `kernel` = `global` or a number, `stride` = kernel |
/// | `flatten` | none |
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Operation {
    /// The name in the table above.
    pub name: String,
    /// Its arguments by name.
    pub args: Vec<(String, Slot)>,
    /// Where the call stands.
    pub span: Span,
}
