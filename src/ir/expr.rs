//! Expressions, and the two verbs: a [`Slot`] is fixed (`=`) or chosen (`in`).

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Value;
use crate::source::Span;

/// What the experiment's names begin with where what it amends reads them, `experiment.width`: that may have a `width` of its own.
pub const AUTHOR: &str = "experiment.";

/// A name as it is written.
pub fn as_written(name: &str) -> &str {
    name.strip_prefix(AUTHOR).unwrap_or(name)
}

/// A value that the spec fixes or searches.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Slot {
    /// `name = expr`.
    Fixed(Expr),
    /// `name in domain`: a decision.
    Chosen(Domain),
}

impl Slot {
    /// Fixed to a word: `constant`.
    pub fn word(word: &str) -> Slot {
        Slot::Fixed(Expr::Value(Value::name(word)))
    }
}

/// `name = expr` or `name in domain` among the statements of a space, block, policy, rule or experiment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Let {
    /// The name that later statements use.
    pub name: String,
    /// Its value.
    pub slot: Slot,
    /// Where the name stands.
    pub span: Span,
}

/// A set of values to choose from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Domain {
    /// The members.
    pub kind: DomainKind,
    /// `default v`: the first trial, and what `train` and `cost` take. It never fixes.
    pub default: Option<Value>,
    /// The author's unit, in which members are shown; the base unit if they have a dimension and no unit is written here. Else empty.
    #[serde(default)]
    pub unit: String,
    /// Where the domain stands.
    pub span: Span,
}

/// The members of a domain.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DomainKind {
    /// `{8, 16, 24}`, `{binary, int8}` or the name of a set. It must be constant where it is unrolled. Numbers are
    /// ordered, everything else is categorical. A member may be a record with decisions of its own.
    Set(Vec<Expr>),
    /// `in kinds`: an expression that gives a set.
    Of(Expr),
    /// `categories {…}`: categorical even if the members are numbers.
    Categories(Vec<Expr>),
    /// `low..high [step n] [log]` with whole bounds: integers, inclusive.
    Integers {
        /// First member.
        low: i64,
        /// Last possible member.
        high: i64,
        /// Distance of neighbors, at least 1.
        step: i64,
        /// Whether distances are taken between logarithms.
        log: bool,
    },
    /// `low..high [log]` with real bounds, inclusive.
    Reals {
        /// Smallest member.
        low: f64,
        /// Largest member.
        high: f64,
        /// Whether distances are taken between logarithms.
        log: bool,
    },
}

/// An expression over names in scope. Numbers are in base units, dimensions have been checked and are gone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Expr {
    /// A constant.
    Value(Value),
    /// A name in scope, dotted: `width`, `input.channels`, `classes`, `accuracy`, `best.test.accuracy`.
    Name(String, Span),
    /// The decision with this index; only after a space is unrolled.
    Decision(usize),
    /// `-x`, `not x`.
    Unary(UnaryOp, Arc<Expr>),
    /// `x + y` and its kind.
    Binary(BinaryOp, Arc<Expr>, Arc<Expr>),
    /// `if c then x else y`.
    If(Arc<Expr>, Arc<Expr>, Arc<Expr>),
    /// A built-in function.
    Call(Function, Vec<Expr>),
    /// `{x, y}`.
    Set(Vec<Expr>),
    /// `adam(lr = …)`, `int { bits in … }`.
    Record(String, Vec<(String, Slot)>, Span),
}

/// Names of how far a stage of training is, from 0 to 1: `progress` counts epochs, `step_progress` steps.
pub const PROGRESS: &[&str] = &["progress", "step_progress"];

/// Operators with one operand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnaryOp {
    /// `-x`.
    Negate,
    /// `not x`.
    Not,
}

/// Operators with two operands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BinaryOp {
    /// `+`.
    Add,
    /// `-`.
    Subtract,
    /// `*`.
    Multiply,
    /// `/`.
    Divide,
    /// `^`.
    Power,
    /// `==`.
    Equal,
    /// `!=`.
    NotEqual,
    /// `<`.
    Less,
    /// `<=`.
    LessEqual,
    /// `>`.
    Greater,
    /// `>=`.
    GreaterEqual,
    /// `and`.
    And,
    /// `or`.
    Or,
    /// `implies`.
    Implies,
}

/// Built-in functions. Elementwise ones may stand in formulas.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Function {
    /// Absolute value.
    Abs,
    /// `+1` for `x >= 0`, else `-1`.
    Sign,
    /// Half to even.
    Round,
    /// Largest whole number not above.
    Floor,
    /// Smallest whole number not below.
    Ceil,
    /// Square root.
    Sqrt,
    /// e to the x.
    Exp,
    /// Natural logarithm.
    Ln,
    /// Logarithm to base 2.
    Log2,
    /// Hyperbolic tangent.
    Tanh,
    /// Sine of radians.
    Sin,
    /// Cosine of radians.
    Cos,
    /// The larger of two.
    Max,
    /// The smaller of two.
    Min,
    /// `clip(x, low, high)`.
    Clip,
    /// `multiple_of(m, x)`: the multiple of `m` nearest to `x` that is at least `m` and at least 0.9 of `x`
    /// (the rule of MobileNet's reference code).
    MultipleOf,
    /// `peak(p)`: operations per second of a target's precision at full utilization.
    Peak,
    /// A value with its limits, `x`, `low` and `high`: x, where it is within them. Not written in specs: a field that takes numbers from
    /// `low` to `high` says so of a formula.
    Within,
    /// The same of a field that takes whole numbers.
    WholeWithin,
    /// `stop(x)`: x, through which no gradient passes.
    Stop,
    /// `mean(x, per = filter)`: one number from many; only in formulas of quantizers.
    Reduce(Reduction, Per),
    /// One value from those of all copies that exist. Unrolling replaces it by operators on single values.
    Over(Aggregate),
}

/// What is made of a list: of an expression whose paths hold `[*]`, once for each copy that exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Aggregate {
    /// The sum; 0 of nothing.
    Sum,
    /// The product; 1 of nothing.
    Product,
    /// How many there are, or, of truth values, how many hold.
    Count,
    /// The largest; minus infinity of nothing.
    Max,
    /// The smallest; infinity of nothing.
    Min,
    /// Whether each holds.
    All,
    /// Whether one holds.
    Any,
    /// Whether each is larger than the one before.
    Increasing,
    /// Whether each is smaller than the one before.
    Decreasing,
    /// Whether none is smaller than the one before.
    Nondecreasing,
    /// Whether none is larger than the one before.
    Nonincreasing,
}

/// What is taken of many numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reduction {
    /// The arithmetic mean.
    Mean,
    /// The unbiased standard deviation, at least 1e-6.
    Std,
    /// The sum.
    Sum,
    /// The largest.
    Max,
    /// The smallest.
    Min,
}

/// Over which values a reduction goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Per {
    /// Those of one output channel of a weight.
    Filter,
    /// All of them.
    Tensor,
}

impl Expr {
    /// A constant number.
    pub fn number(value: f64) -> Expr {
        Expr::Value(Value::Number(value))
    }

    /// A constant truth value.
    pub fn bool(value: bool) -> Expr {
        Expr::Value(Value::Bool(value))
    }

    /// The constant, if it is one.
    pub fn as_value(&self) -> Option<&Value> {
        match self {
            Expr::Value(value) => Some(value),
            _ => None,
        }
    }

    /// The names of all records in it, in the order of the text; not those within a record's fields.
    pub fn records(&self) -> Vec<&str> {
        match self {
            Expr::Record(name, ..) => vec![name],
            Expr::Unary(_, x) => x.records(),
            Expr::Binary(_, x, y) => [x, y].into_iter().flat_map(|e| e.records()).collect(),
            Expr::If(c, x, y) => [c, x, y].into_iter().flat_map(|e| e.records()).collect(),
            Expr::Call(_, items) | Expr::Set(items) => {
                items.iter().flat_map(Expr::records).collect()
            }
            Expr::Value(_) | Expr::Name(..) | Expr::Decision(_) => Vec::new(),
        }
    }
}
