//! Values: paths, arguments, numbers with units, and what is computed of them.

use super::{Entry, Name};
use crate::source::Span;

/// `space.s[1].channels`, `s[*].d[0]`, or a plain name.
#[derive(Debug, Clone, PartialEq)]
pub struct Path {
    /// The first name.
    pub head: Name,
    /// What follows it.
    pub steps: Vec<Step>,
    /// From the first name to the last step.
    pub span: Span,
}

impl Path {
    /// The name, if it is nothing but one.
    pub fn as_name(&self) -> Option<&Name> {
        self.steps.is_empty().then_some(&self.head)
    }

    /// The path without blanks and braces, `s[1].d[*].kernel`, with the texts of its indices.
    pub fn text(&self, index: impl Fn(&Expr) -> String) -> String {
        let mut text = self.head.text.clone();
        for step in &self.steps {
            match step {
                Step::Member(name) => text.push_str(&format!(".{}", name.text)),
                Step::Index(at) => text.push_str(&format!("[{}]", index(at))),
                Step::All(_) => text.push_str("[*]"),
            }
        }
        text
    }
}

/// One step of a [`Path`].
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// `.channels`.
    Member(Name),
    /// `[1]`.
    Index(Expr),
    /// `[*]`: every copy.
    All(Span),
}

/// One argument in parentheses.
#[derive(Debug, Clone, PartialEq)]
pub enum Argument {
    /// `average`, or `model_size where accuracy >= 85 %`.
    Positional {
        /// Its value.
        value: Expr,
        /// Which members count.
        filter: Option<Box<Expr>>,
    },
    /// `channels = 16`. Before `=` any word is a name, keywords too (`where = "abstract"`).
    Fixed {
        /// The parameter.
        name: Name,
        /// Its value.
        value: Expr,
    },
    /// `lr in 1e-4..1e-2 log default 1e-3`.
    Searched {
        /// The parameter.
        name: Name,
        /// Its domain.
        domain: Expr,
        /// The first trial.
        default: Option<Box<Expr>>,
    },
}

impl Argument {
    /// The expressions that it is made of.
    pub fn parts(&self) -> Vec<&Expr> {
        let (first, second) = match self {
            Self::Positional { value, filter } => (value, filter),
            Self::Fixed { value, .. } => (value, &None),
            Self::Searched {
                domain, default, ..
            } => (domain, default),
        };
        [first].into_iter().chain(second.as_deref()).collect()
    }
}

/// An expression with its place. A parenthesized one is the one inside, with a span that includes the parentheses.
#[derive(Debug, Clone, PartialEq)]
pub struct Expr {
    /// What it is.
    pub kind: ExprKind,
    /// Where it stands.
    pub span: Span,
}

impl Expr {
    /// The expressions that it is made of, in the order in which they are written. Those of entries in braces are not its own.
    pub fn parts(&self) -> Vec<&Expr> {
        match &self.kind {
            ExprKind::Call { args, .. } => args.iter().flat_map(Argument::parts).collect(),
            ExprKind::Set(items) => items.iter().collect(),
            ExprKind::Amend { base: part, .. }
            | ExprKind::Categories(part)
            | ExprKind::Subsets(part)
            | ExprKind::Unary { operand: part, .. } => vec![part],
            ExprKind::Range {
                low, high, step, ..
            } => [low, high].into_iter().chain(step).map(|e| &**e).collect(),
            ExprKind::Binary { left, right, .. } => vec![left, right],
            ExprKind::Approx {
                left,
                right,
                tolerance,
            } => vec![left, right, tolerance],
            ExprKind::If { condition, yes, no } => vec![condition, yes, no],
            ExprKind::Number(_)
            | ExprKind::Text(_)
            | ExprKind::Bool(_)
            | ExprKind::Path(_)
            | ExprKind::Error => Vec::new(),
        }
    }
}

/// What an [`Expr`] is.
#[derive(Debug, Clone, PartialEq)]
pub enum ExprKind {
    /// `2e-3`, `35 fJ/op`, `1 %`.
    Number(Number),
    /// `"arXiv:1801.04381"`, without quotes and escapes.
    Text(String),
    /// `true`, `false`.
    Bool(bool),
    /// `width`, `space.s[1].channels`.
    Path(Path),
    /// `conv(channels = 16)`.
    Call {
        /// What is called.
        callee: Path,
        /// Its arguments.
        args: Vec<Argument>,
    },
    /// `resnet20 { width = 8 }`: a copy of the base with these entries overridden.
    Amend {
        /// A path or a call.
        base: Box<Expr>,
        /// The overrides.
        entries: Vec<Entry>,
    },
    /// `{a, b}`, `{}`.
    Set(Vec<Expr>),
    /// `categories {0, 1, 2}`: a set without order.
    Categories(Box<Expr>),
    /// `subsets {a, b}`: the set of all its subsets.
    Subsets(Box<Expr>),
    /// `1e-4..1e-1 log`, `8..64 step 8`; both ends included.
    Range {
        /// The least.
        low: Box<Expr>,
        /// The greatest.
        high: Box<Expr>,
        /// Searched on a logarithmic scale.
        log: bool,
        /// Distance of neighbors.
        step: Option<Box<Expr>>,
    },
    /// `-x`, `not x`.
    Unary {
        /// Which.
        op: UnaryOp,
        /// Its operand.
        operand: Box<Expr>,
    },
    /// `a + b`, `a <= b`, `a implies b`.
    Binary {
        /// Which.
        op: BinaryOp,
        /// Left operand.
        left: Box<Expr>,
        /// Right operand.
        right: Box<Expr>,
    },
    /// `a ~= b within 1 %`.
    Approx {
        /// Left operand.
        left: Box<Expr>,
        /// Right operand, the reference.
        right: Box<Expr>,
        /// A share of the reference, or an absolute tolerance in its unit.
        tolerance: Box<Expr>,
    },
    /// `if condition then yes else no`.
    If {
        /// The question.
        condition: Box<Expr>,
        /// The value when it holds.
        yes: Box<Expr>,
        /// The value when it does not.
        no: Box<Expr>,
    },
    /// Stands where a diagnostic already says what is wrong; such a tree is never analyzed further.
    Error,
}

/// A number as it was written.
#[derive(Debug, Clone, PartialEq)]
pub struct Number {
    /// The literal without its unit.
    pub text: String,
    /// Its value, not yet multiplied by the unit.
    pub value: f64,
    /// `fJ/op`, `%`: any unit expression here; `units` knows which exist.
    pub unit: Option<Name>,
}

/// Operators with one operand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnaryOp {
    /// `-x`; binds looser than `^`.
    Neg,
    /// `not x`; binds looser than comparisons.
    Not,
}

/// Operators with two operands, from the loosest to the tightest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BinaryOp {
    /// `implies`, to the right.
    Implies,
    /// `or`.
    Or,
    /// `and`.
    And,
    /// `==`; comparisons do not chain.
    Eq,
    /// `!=`.
    Ne,
    /// `<`.
    Lt,
    /// `<=`.
    Le,
    /// `>`.
    Gt,
    /// `>=`.
    Ge,
    /// `+`.
    Add,
    /// `-`.
    Sub,
    /// `*`.
    Mul,
    /// `/`.
    Div,
    /// `^`, to the right.
    Pow,
}
