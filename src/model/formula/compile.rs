//! From expressions to steps.
//!
//! In: an expression over `x`, `low`, `high`, the names of progress and those of a quantizer. Out: the index of a step in a flat list, in which equal
//! steps are merged. Truth values are 1 and 0, and checked to be where they belong.

use super::{FormulaError, error, scale_level};
use crate::ir::{
    BinaryOp, Expr, Formulas, Function, PROGRESS, Per, Reduction, Slot, UnaryOp, Value,
};
use crate::kernels::program::{self, Binary, Level, Op, Outcome, Program, Unary};
use crate::model::quantization::quantizer::{Grid, Quantizer, ScaleRule};

/// What stands for the derivative of `sign` where no formula says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Surrogate {
    /// 1 from -1 to 1, 0 outside: of activations.
    Straight,
    /// 1 everywhere: of weights.
    Identity,
}

/// What an expression gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Number,
    Truth,
}

/// A deviation below this is as good as none: a filter of equal weights can be divided by it.
const LEAST_DEVIATION: f32 = 1e-6;

/// Steps so far, and what names mean.
#[derive(Debug, Clone)]
pub(super) struct Compiler {
    pub(super) steps: Vec<Op>,
    levels: Vec<Level>,
    /// Steps that are another one, for its value but not for its gradient.
    pub(super) stops: Vec<Option<usize>>,
    names: Vec<(String, (usize, Kind))>,
}

impl Compiler {
    /// Knows the names of the formulas that need no `x`.
    pub(super) fn new(formulas: &Formulas, grid: Grid) -> Result<Compiler, FormulaError> {
        let mut compiler = Compiler {
            steps: Vec::new(),
            levels: Vec::new(),
            stops: Vec::new(),
            names: Vec::new(),
        };
        for (i, name) in PROGRESS.iter().enumerate() {
            let step = compiler.op(Op::Progress(i));
            compiler.name(name, (step, Kind::Number));
        }
        let (low, high) = grid.range();
        for (name, code) in [("low", low), ("high", high)] {
            let step = compiler.op(Op::Constant(code as f32));
            compiler.name(name, (step, Kind::Number));
        }
        for item in &formulas.lets {
            let Slot::Fixed(expr) = &item.slot else {
                return error(format!("`{}` is still to be chosen", item.name));
            };
            let value = compiler.expr(expr)?;
            compiler.name(&item.name, value);
        }
        Ok(compiler)
    }

    fn name(&mut self, name: &str, value: (usize, Kind)) {
        self.names.push((name.to_owned(), value));
    }

    /// The level of a step.
    pub(super) fn level(&self, step: usize) -> Level {
        self.levels[step]
    }

    /// The step of a formula whose `x` is the step `x`.
    pub(super) fn formula(&mut self, expr: &Expr, x: usize) -> Result<usize, FormulaError> {
        self.name("x", (x, Kind::Number));
        let step = self.number(expr);
        self.names.pop();
        step
    }

    /// A step in units of the scale that a rule finds.
    pub(super) fn in_units(&mut self, x: usize, quantizer: &Quantizer) -> usize {
        if quantizer.scale == ScaleRule::One {
            return x;
        }
        let scale = self.op(Op::Scale(scale_level(quantizer)));
        self.binary(Binary::Divide, x, scale)
    }

    /// The index of a step that does `op`, new or old.
    pub(super) fn op(&mut self, op: Op) -> usize {
        let old = (self.steps.iter().zip(&self.stops))
            .position(|(known, stop)| *known == op && stop.is_none());
        old.unwrap_or_else(|| self.push(op, None))
    }

    fn push(&mut self, op: Op, stop: Option<usize>) -> usize {
        self.levels.push(match stop {
            Some(of) => self.levels[of],
            None => program::level(op, &self.levels),
        });
        self.steps.push(op);
        self.stops.push(stop);
        self.steps.len() - 1
    }

    /// A function of two steps. Factors of 1 vanish, and squares are products.
    pub(super) fn binary(&mut self, f: Binary, a: usize, b: usize) -> usize {
        let is = |step: usize, n: f32| self.steps[step] == Op::Constant(n);
        match f {
            Binary::Multiply | Binary::Divide if is(b, 1.0) => a,
            Binary::Multiply if is(a, 1.0) => b,
            Binary::Power if is(b, 1.0) => a,
            Binary::Power if is(b, 2.0) => self.op(Op::Binary(Binary::Multiply, a, a)),
            Binary::Power if is(b, 0.5) => self.op(Op::Unary(Unary::Sqrt, a)),
            Binary::Power if is(b, -1.0) => {
                let one = self.op(Op::Constant(1.0));
                self.op(Op::Binary(Binary::Divide, one, a))
            }
            _ => self.op(Op::Binary(f, a, b)),
        }
    }

    /// A reduction. What is the same for all values of a filter, or of the tensor, is not walked over.
    pub(super) fn reduce(&mut self, kind: program::Reduction, level: Level, a: usize) -> usize {
        if self.levels[a] > level {
            return self.op(Op::Reduce(kind, level, a));
        }
        match kind {
            program::Reduction::Sum => {
                let count = self.op(Op::Count(level));
                self.binary(Binary::Multiply, a, count)
            }
            _ => a,
        }
    }

    /// The program of some steps. Steps whose gradient was stopped are the ones that they stand for.
    pub(super) fn finish(&self, outcome: Option<Outcome>, kept: &[usize]) -> Program {
        let resolved: Vec<usize> = (0..self.steps.len())
            .scan(Vec::new(), |known: &mut Vec<usize>, i| {
                known.push(self.stops[i].map_or(i, |of| known[of]));
                known.last().copied()
            })
            .collect();
        let of = |i: usize| resolved[i];
        let steps = self.steps.iter().map(|op| match *op {
            Op::Unary(f, a) => Op::Unary(f, of(a)),
            Op::Binary(f, a, b) => Op::Binary(f, of(a), of(b)),
            Op::Select(c, a, b) => Op::Select(of(c), of(a), of(b)),
            Op::Clip(a, low, high) => Op::Clip(of(a), of(low), of(high)),
            Op::Reduce(kind, level, a) => Op::Reduce(kind, level, of(a)),
            leaf => leaf,
        });
        let kept = kept.iter().map(|k| of(*k)).collect();
        let outcome = outcome.map(|outcome| match outcome {
            Outcome::Fill(step) => Outcome::Fill(of(step)),
            Outcome::Add(step) => Outcome::Add(of(step)),
        });
        Program::new(steps.collect(), outcome, kept)
    }

    fn number(&mut self, expr: &Expr) -> Result<usize, FormulaError> {
        match self.expr(expr)? {
            (step, Kind::Number) => Ok(step),
            _ => error("expected a number in a formula, found a truth value"),
        }
    }

    fn truth(&mut self, expr: &Expr) -> Result<usize, FormulaError> {
        match self.expr(expr)? {
            (step, Kind::Truth) => Ok(step),
            _ => error("expected a truth value in a formula, found a number"),
        }
    }

    fn expr(&mut self, expr: &Expr) -> Result<(usize, Kind), FormulaError> {
        Ok(match expr {
            Expr::Value(Value::Number(n)) => (self.op(Op::Constant(*n as f32)), Kind::Number),
            Expr::Value(Value::Bool(b)) => {
                let value = if *b { 1.0 } else { 0.0 };
                (self.op(Op::Constant(value)), Kind::Truth)
            }
            Expr::Value(v) => return error(format!("`{v}` has no place in a formula")),
            // The latest definition counts.
            Expr::Name(name, _) => match self.names.iter().rev().find(|(n, _)| n == name) {
                Some((_, value)) => *value,
                None => return error(format!("`{name}` has no value in a formula")),
            },
            Expr::Unary(UnaryOp::Negate, x) => {
                let x = self.number(x)?;
                (self.op(Op::Unary(Unary::Negate, x)), Kind::Number)
            }
            Expr::Unary(UnaryOp::Not, x) => {
                let x = self.truth(x)?;
                (self.op(Op::Unary(Unary::Not, x)), Kind::Truth)
            }
            Expr::Binary(op, x, y) => {
                use BinaryOp::*;
                let (x, y) = match op {
                    And | Or | Implies => (self.truth(x)?, self.truth(y)?),
                    _ => (self.number(x)?, self.number(y)?),
                };
                let (f, kind) = match op {
                    Add => (Binary::Add, Kind::Number),
                    Subtract => (Binary::Subtract, Kind::Number),
                    Multiply => (Binary::Multiply, Kind::Number),
                    Divide => (Binary::Divide, Kind::Number),
                    Power => (Binary::Power, Kind::Number),
                    Equal => (Binary::Equal, Kind::Truth),
                    NotEqual => (Binary::NotEqual, Kind::Truth),
                    Less => (Binary::Less, Kind::Truth),
                    LessEqual => (Binary::LessEqual, Kind::Truth),
                    Greater => (Binary::Greater, Kind::Truth),
                    GreaterEqual => (Binary::GreaterEqual, Kind::Truth),
                    And => (Binary::And, Kind::Truth),
                    Or => (Binary::Or, Kind::Truth),
                    Implies => (Binary::Implies, Kind::Truth),
                };
                (self.binary(f, x, y), kind)
            }
            Expr::If(c, x, y) => {
                let c = self.truth(c)?;
                let (x, y) = (self.number(x)?, self.number(y)?);
                (self.op(Op::Select(c, x, y)), Kind::Number)
            }
            Expr::Call(function, args) => (self.call(*function, args)?, Kind::Number),
            Expr::Decision(_) => return error("a decision has no place in a formula"),
            Expr::Set(_) => return error("a set has no place in a formula"),
            Expr::Record(name, ..) => {
                return error(format!("`{name}(…)` is no function of formulas"));
            }
            #[allow(unreachable_patterns)] // expressions over copies have no place here
            _ => return error("this has no place in a formula"),
        })
    }

    fn call(&mut self, function: Function, args: &[Expr]) -> Result<usize, FormulaError> {
        let unary = match function {
            Function::Abs => Some(Unary::Abs),
            Function::Sign => Some(Unary::Sign),
            Function::Round => Some(Unary::Round),
            Function::Floor => Some(Unary::Floor),
            Function::Ceil => Some(Unary::Ceil),
            Function::Sqrt => Some(Unary::Sqrt),
            Function::Exp => Some(Unary::Exp),
            Function::Ln => Some(Unary::Ln),
            Function::Log2 => Some(Unary::Log2),
            Function::Tanh => Some(Unary::Tanh),
            Function::Sin => Some(Unary::Sin),
            Function::Cos => Some(Unary::Cos),
            _ => None,
        };
        let wanted = match function {
            Function::Clip => 3,
            Function::Max | Function::Min => 2,
            Function::Stop | Function::Reduce(..) => 1,
            _ if unary.is_some() => 1,
            _ => return error("only elementwise functions and reductions may stand in a formula"),
        };
        if args.len() != wanted {
            let found = args.len();
            return error(format!(
                "expected {wanted} arguments in a call, found {found}"
            ));
        }
        let steps = (args.iter().map(|a| self.number(a))).collect::<Result<Vec<_>, _>>()?;
        Ok(match (function, steps.as_slice()) {
            (Function::Clip, [x, low, high]) => self.op(Op::Clip(*x, *low, *high)),
            (Function::Max, [x, y]) => self.op(Op::Binary(Binary::Max, *x, *y)),
            (Function::Min, [x, y]) => self.op(Op::Binary(Binary::Min, *x, *y)),
            (Function::Stop, [x]) => {
                let known = self.stops.iter().position(|s| *s == Some(*x));
                known.unwrap_or_else(|| self.push(self.steps[*x], Some(*x)))
            }
            (Function::Reduce(kind, per), [x]) => self.reduction(kind, per, *x),
            (_, [x, ..]) => match unary {
                Some(f) => self.op(Op::Unary(f, *x)),
                None => return error("this function has no place in a formula"),
            },
            _ => return error("a call without arguments has no place in a formula"),
        })
    }

    fn reduction(&mut self, kind: Reduction, per: Per, x: usize) -> usize {
        let level = match per {
            Per::Filter => Level::Filter,
            Per::Tensor => Level::Tensor,
        };
        match kind {
            Reduction::Sum => self.reduce(program::Reduction::Sum, level, x),
            Reduction::Max => self.reduce(program::Reduction::Max, level, x),
            Reduction::Min => self.reduce(program::Reduction::Min, level, x),
            Reduction::Mean => self.mean(level, x),
            Reduction::Std => {
                let mean = self.mean(level, x);
                let centered = self.binary(Binary::Subtract, x, mean);
                let square = self.binary(Binary::Multiply, centered, centered);
                let sum = self.reduce(program::Reduction::Sum, level, square);
                let one = self.op(Op::Constant(1.0));
                let count = self.op(Op::Count(level));
                let others = self.binary(Binary::Subtract, count, one);
                let others = self.binary(Binary::Max, others, one);
                let variance = self.binary(Binary::Divide, sum, others);
                let least = self.op(Op::Constant(LEAST_DEVIATION * LEAST_DEVIATION));
                let variance = self.binary(Binary::Max, variance, least);
                self.op(Op::Unary(Unary::Sqrt, variance))
            }
        }
    }

    fn mean(&mut self, level: Level, x: usize) -> usize {
        if self.levels[x] <= level {
            return x;
        }
        let sum = self.reduce(program::Reduction::Sum, level, x);
        let count = self.op(Op::Count(level));
        self.binary(Binary::Divide, sum, count)
    }
}

/// Whether an expression differs within a filter: it reads `x` outside of a reduction.
pub(super) fn varies(expr: &Expr) -> bool {
    match expr {
        Expr::Name(name, _) => name == "x",
        Expr::Unary(_, x) => varies(x),
        Expr::Binary(_, x, y) => varies(x) || varies(y),
        Expr::If(c, x, y) => varies(c) || varies(x) || varies(y),
        Expr::Call(Function::Reduce(..), _) => false,
        Expr::Call(_, args) => args.iter().any(varies),
        _ => false,
    }
}

/// Whether an expression holds a reduction.
pub(super) fn reduces(expr: &Expr) -> bool {
    match expr {
        Expr::Unary(_, x) => reduces(x),
        Expr::Binary(_, x, y) => reduces(x) || reduces(y),
        Expr::If(c, x, y) => reduces(c) || reduces(x) || reduces(y),
        Expr::Call(Function::Reduce(..), _) => true,
        Expr::Call(_, args) => args.iter().any(reduces),
        _ => false,
    }
}
