//! Network templates: a space is an ordinary network with choices in it.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Expr, Let, Slot, Value};
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
        /// Where `repeat` and the count stand.
        span: Span,
    },
    /// `block = residual(channels = 16)`, `first in {residual(…), plain(…)} when condition`.
    Block(BlockStmt),
    /// `parallel { branch a { … }  branch b { … } } join concat`.
    Parallel(Parallel),
    /// `require condition` in a block or in a `repeat`: binds in every copy that exists.
    Require(super::Require),
    /// What an amendment says of one copy of a `repeat`: `s[1].depth = 2`.
    OfCopy(OfCopy),
    /// `add stem via conv_shortcut when condition`.
    Add(Skip),
}

/// A copy of a block, or of the one that is chosen among several.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BlockStmt {
    /// The first part of the paths of its layers and decisions. Absent for the name `block`: nothing stands before them.
    pub name: Option<String>,
    /// The blocks that may be copied, at least one.
    pub calls: Vec<BlockCall>,
    /// How one of them is chosen; absent for a fixed block.
    pub choice: Option<BlockChoice>,
    /// Absent: always there.
    pub when: Option<Expr>,
    /// Where the statement stands.
    pub span: Span,
}

/// `residual(channels = 16)`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BlockCall {
    /// What is copied.
    pub block: Arc<Block>,
    /// Arguments by name.
    pub args: Vec<(String, Slot)>,
    /// Where the call stands.
    pub span: Span,
}

/// A choice among blocks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BlockChoice {
    /// The name of the block of the first trial.
    pub default: Option<Value>,
    /// Where the domain stands.
    pub span: Span,
}

/// Branches that read the same values, and are joined.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Parallel {
    /// In the order of the text.
    pub branches: Vec<Branch>,
    /// What becomes of their ends.
    pub join: Join,
    /// Where the statement stands.
    pub span: Span,
}

/// One branch. Without a statement, it passes on what enters it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Branch {
    /// The first part of the paths of its layers and decisions.
    pub name: String,
    /// Its statements in order.
    pub body: Vec<Stmt>,
    /// Absent: always there.
    pub when: Option<Expr>,
    /// Where the name stands.
    pub span: Span,
}

/// How branches become one again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Join {
    /// Their channels, one branch after the other.
    Concat,
    /// Their sum.
    Add,
}

/// Statements for one copy of a `repeat`, and those for all others.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OfCopy {
    /// The name that counts the copies.
    pub index: String,
    /// Which copy.
    pub copy: usize,
    /// What stands in that copy.
    pub body: Vec<Stmt>,
    /// What stands in the others.
    pub otherwise: Vec<Stmt>,
    /// Where the index is written.
    pub span: Span,
}

/// What is added to what flows: a skip connection.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Skip {
    /// Where the added values come from.
    pub source: Source,
    /// How they come to the shape of what flows; absent: they have it.
    pub via: Option<Shortcut>,
    /// Absent: wherever the source exists.
    pub when: Option<Expr>,
    /// Where `add` stands.
    pub span: Span,
}

/// Where a skip connection starts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// `input`: what enters the block (of a space: the sample).
    Input,
    /// `s[0].d[1].project`: what an earlier layer gives.
    Layer(LayerPath),
}

/// The path of a layer as it is written: each name, and the index of its copy if it has one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LayerPath {
    /// From the outermost to the layer's own name.
    pub parts: Vec<(String, Option<Expr>)>,
    /// Where it stands.
    pub span: Span,
}

/// How a skip connection changes shape (options of arXiv:1512.03385). Where the shapes are equal, it does nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shortcut {
    /// Option A: every stride-th pixel, with zeros as further channels.
    Pad,
    /// Option B: a strided 1x1 convolution and its norm; the layer `shortcut`.
    Conv,
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
/// | `conv` | `channels`, `kernel` = 3, `stride` = 1, `groups` = 1, `padding` = `same` or a number, `dilation` = 1 |
/// | `depthwise` | `kernel` = 3, `stride` = 1, `padding`, `dilation` = 1 |
/// | `linear` | `outputs` |
/// | `norm` | none: batch normalization |
/// | `relu`, `relu6`, `hardtanh` | none |
/// | `activation` | `kind`: the name of one of these three; what a name in a chain becomes |
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
