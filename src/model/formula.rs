//! Formulas over vectors: surrogate gradients of quantizers.
//!
//! In: an expression over `x`, `progress` and the names of a quantizer. Out: a [`Formula`] that fills a slice. The expression
//! becomes a flat list of steps, equal ones merged. Steps that don't depend on `x` are computed once per call, the
//! others on blocks that stay in the first-level cache. All arithmetic is f32 with elementary functions of `libm`, so
//! that the same formula gives the same bits on every platform.

use crate::ir::{BinaryOp, Expr, Function, Let, Slot, UnaryOp, Value};

/// Values of a block: a step's result takes 1 KiB.
const BLOCK: usize = 256;

/// A compiled expression over `x` and `progress`.
#[derive(Debug, Clone, PartialEq)]
pub struct Formula {
    steps: Vec<Step>,
    result: usize,
}

/// One computation, over the results of earlier steps.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Step {
    op: Operation,
    /// Whether it depends on `x`.
    varies: bool,
}

/// What a step computes. Truth values are 1 and 0.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Operation {
    Constant(f32),
    X,
    Progress,
    Negate(usize),
    Not(usize),
    Binary(BinaryOp, usize, usize),
    /// `If(c, x, y)`: both branches are computed, one is taken.
    If(usize, usize, usize),
    /// A function of up to three arguments; absent ones repeat the first.
    Call(Function, [usize; 3]),
}

/// What an expression gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Number,
    Truth,
}

/// Why an expression is no formula.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FormulaError {
    /// What is wrong, in words.
    pub reason: String,
}

impl std::fmt::Display for FormulaError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.reason)
    }
}

impl std::error::Error for FormulaError {}

fn error<T>(reason: impl Into<String>) -> Result<T, FormulaError> {
    Err(FormulaError {
        reason: reason.into(),
    })
}

impl Formula {
    /// Compiles `expr`. Its names are `x`, `progress` and those of `lets`, which see the ones before them.
    pub fn compile(expr: &Expr, lets: &[Let]) -> Result<Formula, FormulaError> {
        let mut compiler = Compiler {
            steps: Vec::new(),
            names: Vec::new(),
        };
        for item in lets {
            let Slot::Fixed(expr) = &item.slot else {
                return error(format!("`{}` is still to be chosen", item.name));
            };
            let value = compiler.expr(expr)?;
            compiler.names.push((item.name.clone(), value));
        }
        let result = compiler.number(expr)?;
        Ok(Formula {
            steps: compiler.steps,
            result,
        })
    }

    /// Fills `out[i]` with the value at `x[i]`. Both slices have the same length.
    pub fn eval(&self, x: &[f32], progress: f32, out: &mut [f32]) {
        assert_eq!(x.len(), out.len(), "a formula maps a slice to its like");
        let mut scalars = vec![0.0_f32; self.steps.len()];
        for (i, step) in self.steps.iter().enumerate() {
            if !step.varies {
                scalars[i] = step.op.at(&scalars, progress);
            }
        }
        let mut blocks = vec![[0.0_f32; BLOCK]; self.steps.len()];
        for (i, step) in self.steps.iter().enumerate() {
            if !step.varies {
                blocks[i] = [scalars[i]; BLOCK];
            }
        }
        for (x, out) in x.chunks(BLOCK).zip(out.chunks_mut(BLOCK)) {
            for (i, step) in self.steps.iter().enumerate().filter(|(_, s)| s.varies) {
                let (known, rest) = blocks.split_at_mut(i);
                step.op.over(known, x, &mut rest[0][..x.len()]);
            }
            out.copy_from_slice(&blocks[self.result][..out.len()]);
        }
    }
}

impl Operation {
    /// The value of a step that doesn't depend on `x`.
    fn at(self, known: &[f32], progress: f32) -> f32 {
        match self {
            Operation::Constant(value) => value,
            Operation::Progress => progress,
            Operation::X => f32::NAN,
            Operation::Negate(x) => -known[x],
            Operation::Not(x) => 1.0 - known[x],
            Operation::Binary(op, x, y) => binary(op, known[x], known[y]),
            Operation::If(c, x, y) => select(known[c], known[x], known[y]),
            Operation::Call(function, [x, y, z]) => call(function, known[x], known[y], known[z]),
        }
    }

    /// The values of a step on a block.
    fn over(self, known: &[[f32; BLOCK]], x: &[f32], out: &mut [f32]) {
        let n = out.len();
        match self {
            Operation::X => out.copy_from_slice(x),
            Operation::Constant(value) => out.fill(value),
            Operation::Progress => {}
            Operation::Negate(a) => map(out, &known[a], |a| -a),
            Operation::Not(a) => map(out, &known[a], |a| 1.0 - a),
            Operation::Binary(op, a, b) => {
                let (a, b) = (&known[a][..n], &known[b][..n]);
                // The frequent operators get loops of their own, which the compiler vectorizes.
                match op {
                    BinaryOp::Add => map2(out, a, b, |a, b| a + b),
                    BinaryOp::Subtract => map2(out, a, b, |a, b| a - b),
                    BinaryOp::Multiply => map2(out, a, b, |a, b| a * b),
                    BinaryOp::Divide => map2(out, a, b, |a, b| a / b),
                    BinaryOp::Less => map2(out, a, b, |a, b| truth(a < b)),
                    BinaryOp::LessEqual => map2(out, a, b, |a, b| truth(a <= b)),
                    _ => map2(out, a, b, |a, b| binary(op, a, b)),
                }
            }
            Operation::If(c, a, b) => {
                let (c, a, b) = (&known[c][..n], &known[a][..n], &known[b][..n]);
                for i in 0..n {
                    out[i] = select(c[i], a[i], b[i]);
                }
            }
            Operation::Call(Function::Abs, [a, ..]) => map(out, &known[a], f32::abs),
            Operation::Call(function, [a, b, c]) => {
                let (a, b, c) = (&known[a][..n], &known[b][..n], &known[c][..n]);
                for i in 0..n {
                    out[i] = call(function, a[i], b[i], c[i]);
                }
            }
        }
    }
}

fn map(out: &mut [f32], a: &[f32], f: impl Fn(f32) -> f32) {
    for (out, a) in out.iter_mut().zip(a) {
        *out = f(*a);
    }
}

fn map2(out: &mut [f32], a: &[f32], b: &[f32], f: impl Fn(f32, f32) -> f32) {
    for ((out, a), b) in out.iter_mut().zip(a).zip(b) {
        *out = f(*a, *b);
    }
}

fn truth(x: bool) -> f32 {
    if x { 1.0 } else { 0.0 }
}

fn select(c: f32, x: f32, y: f32) -> f32 {
    if c != 0.0 { x } else { y }
}

fn binary(op: BinaryOp, x: f32, y: f32) -> f32 {
    match op {
        BinaryOp::Add => x + y,
        BinaryOp::Subtract => x - y,
        BinaryOp::Multiply => x * y,
        BinaryOp::Divide => x / y,
        // Squares are the common case, and exact to half a unit this way.
        BinaryOp::Power if y == 2.0 => x * x,
        BinaryOp::Power => libm::powf(x, y),
        BinaryOp::Equal => truth(x == y),
        BinaryOp::NotEqual => truth(x != y),
        BinaryOp::Less => truth(x < y),
        BinaryOp::LessEqual => truth(x <= y),
        BinaryOp::Greater => truth(x > y),
        BinaryOp::GreaterEqual => truth(x >= y),
        BinaryOp::And => truth(x != 0.0 && y != 0.0),
        BinaryOp::Or => truth(x != 0.0 || y != 0.0),
        BinaryOp::Implies => truth(x == 0.0 || y != 0.0),
    }
}

fn call(function: Function, x: f32, y: f32, z: f32) -> f32 {
    match function {
        Function::Abs => x.abs(),
        Function::Sign => {
            if x >= 0.0 {
                1.0
            } else {
                -1.0
            }
        }
        Function::Round => libm::rintf(x),
        Function::Floor => libm::floorf(x),
        Function::Ceil => libm::ceilf(x),
        Function::Sqrt => x.sqrt(),
        Function::Exp => libm::expf(x),
        Function::Ln => libm::logf(x),
        Function::Log2 => libm::log2f(x),
        Function::Tanh => libm::tanhf(x),
        Function::Sin => libm::sinf(x),
        Function::Cos => libm::cosf(x),
        Function::Max => {
            if x > y {
                x
            } else {
                y
            }
        }
        Function::Min => {
            if x < y {
                x
            } else {
                y
            }
        }
        Function::Clip => x.max(y).min(z),
        // Compilation rejects the functions that are not elementwise.
        Function::MultipleOf | Function::Peak | Function::Over(_) => f32::NAN,
    }
}

struct Compiler {
    steps: Vec<Step>,
    names: Vec<(String, (usize, Kind))>,
}

impl Compiler {
    /// The index of a step that does `op`, new or old.
    fn step(&mut self, op: Operation) -> usize {
        if let Some(old) = self.steps.iter().position(|s| s.op == op) {
            return old;
        }
        let varies = match op {
            Operation::Constant(_) | Operation::Progress => false,
            Operation::X => true,
            Operation::Negate(x) | Operation::Not(x) => self.steps[x].varies,
            Operation::Binary(_, x, y) => self.steps[x].varies || self.steps[y].varies,
            Operation::If(x, y, z) | Operation::Call(_, [x, y, z]) => {
                [x, y, z].iter().any(|i| self.steps[*i].varies)
            }
        };
        self.steps.push(Step { op, varies });
        self.steps.len() - 1
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
            Expr::Value(Value::Number(n)) => {
                (self.step(Operation::Constant(*n as f32)), Kind::Number)
            }
            Expr::Value(Value::Bool(b)) => (self.step(Operation::Constant(truth(*b))), Kind::Truth),
            Expr::Value(other) => {
                return error(format!("{} has no place in a formula", other.kind()));
            }
            Expr::Name(name, _) => self.name(name)?,
            Expr::Unary(UnaryOp::Negate, x) => {
                let x = self.number(x)?;
                (self.step(Operation::Negate(x)), Kind::Number)
            }
            Expr::Unary(UnaryOp::Not, x) => {
                let x = self.truth(x)?;
                (self.step(Operation::Not(x)), Kind::Truth)
            }
            Expr::Binary(op, x, y) => {
                use BinaryOp::*;
                let (x, y) = match op {
                    And | Or | Implies => (self.truth(x)?, self.truth(y)?),
                    _ => (self.number(x)?, self.number(y)?),
                };
                let kind = match op {
                    Add | Subtract | Multiply | Divide | Power => Kind::Number,
                    _ => Kind::Truth,
                };
                (self.step(Operation::Binary(*op, x, y)), kind)
            }
            Expr::If(c, x, y) => {
                let c = self.truth(c)?;
                let (x, y) = (self.number(x)?, self.number(y)?);
                (self.step(Operation::If(c, x, y)), Kind::Number)
            }
            Expr::Call(function, args) => (self.call(*function, args)?, Kind::Number),
            Expr::Decision(_) => return error("a decision has no place in a formula"),
            Expr::Set(_) => return error("a set has no place in a formula"),
            Expr::Record(name, ..) => {
                return error(format!("`{name}(…)` is no function of formulas"));
            }
        })
    }

    fn name(&mut self, name: &str) -> Result<(usize, Kind), FormulaError> {
        // The latest definition counts, and a name of the quantizer hides a built-in one.
        if let Some((_, value)) = self.names.iter().rev().find(|(n, _)| n == name) {
            return Ok(*value);
        }
        match name {
            "x" => Ok((self.step(Operation::X), Kind::Number)),
            "progress" => Ok((self.step(Operation::Progress), Kind::Number)),
            _ => error(format!("`{name}` has no value in a formula")),
        }
    }

    fn call(&mut self, function: Function, args: &[Expr]) -> Result<usize, FormulaError> {
        let wanted = match function {
            Function::MultipleOf | Function::Peak | Function::Over(_) => {
                return error("only elementwise functions may stand in a formula");
            }
            Function::Clip => 3,
            Function::Max | Function::Min => 2,
            _ => 1,
        };
        if args.len() != wanted {
            return error(format!(
                "expected {wanted} arguments in a call, found {}",
                args.len()
            ));
        }
        let mut steps = [0; 3];
        for (i, arg) in args.iter().enumerate() {
            steps[i] = self.number(arg)?;
        }
        for i in args.len()..3 {
            steps[i] = steps[0];
        }
        Ok(self.step(Operation::Call(function, steps)))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::source::Span;

    fn name(text: &str) -> Expr {
        Expr::Name(text.into(), Span::default())
    }

    fn op(op: BinaryOp, x: Expr, y: Expr) -> Expr {
        Expr::Binary(op, Arc::new(x), Arc::new(y))
    }

    fn num(x: f64) -> Expr {
        Expr::number(x)
    }

    fn fix(name: &str, value: Expr) -> Let {
        Let {
            name: name.into(),
            slot: Slot::Fixed(value),
            span: Span::default(),
        }
    }

    /// `if abs(x) <= 1 then 2 - 2 * abs(x) else 0`
    fn approx_sign() -> Expr {
        let abs = || Expr::Call(Function::Abs, vec![name("x")]);
        Expr::If(
            Arc::new(op(BinaryOp::LessEqual, abs(), num(1.0))),
            Arc::new(op(
                BinaryOp::Subtract,
                num(2.0),
                op(BinaryOp::Multiply, num(2.0), abs()),
            )),
            Arc::new(num(0.0)),
        )
    }

    #[test]
    fn approx_sign_is_a_triangle_over_many_blocks() {
        let formula = Formula::compile(&approx_sign(), &[]).unwrap();
        let x: Vec<f32> = (0..1001).map(|i| (i as f32 - 500.0) / 250.0).collect();
        let mut y = vec![f32::NAN; x.len()];
        formula.eval(&x, 0.0, &mut y);
        for (x, y) in x.iter().zip(&y) {
            let wanted = if x.abs() <= 1.0 {
                2.0 - 2.0 * x.abs()
            } else {
                0.0
            };
            assert_eq!(*y, wanted, "at {x}");
        }
    }

    #[test]
    fn error_decay_sharpens_with_progress() {
        // t = 1e-3 * (1e1 / 1e-3) ^ progress, k = max(1 / t, 1), k * t * (1 - tanh(t * x)^2)
        let lets = [
            fix(
                "t",
                op(
                    BinaryOp::Multiply,
                    num(1e-3),
                    op(
                        BinaryOp::Power,
                        op(BinaryOp::Divide, num(1e1), num(1e-3)),
                        name("progress"),
                    ),
                ),
            ),
            fix(
                "k",
                Expr::Call(
                    Function::Max,
                    vec![op(BinaryOp::Divide, num(1.0), name("t")), num(1.0)],
                ),
            ),
        ];
        let tanh = Expr::Call(
            Function::Tanh,
            vec![op(BinaryOp::Multiply, name("t"), name("x"))],
        );
        let gradient = op(
            BinaryOp::Multiply,
            op(BinaryOp::Multiply, name("k"), name("t")),
            op(
                BinaryOp::Subtract,
                num(1.0),
                op(BinaryOp::Power, tanh, num(2.0)),
            ),
        );
        let formula = Formula::compile(&gradient, &lets).unwrap();
        let x = [-2.0, -0.1, 0.0, 0.3, 1.5];
        for progress in [0.0, 0.25, 0.5, 1.0] {
            let mut y = [0.0; 5];
            formula.eval(&x, progress, &mut y);
            let t = 1e-3 * 1e4_f64.powf(f64::from(progress));
            let k = (1.0 / t).max(1.0);
            for (x, y) in x.iter().zip(y) {
                let wanted = k * t * (1.0 - (t * f64::from(*x)).tanh().powi(2));
                assert!(
                    (f64::from(y) - wanted).abs() < 1e-5 * wanted.abs().max(1.0),
                    "at {x}, {progress}: {y}, not {wanted}"
                );
            }
        }
    }

    #[test]
    fn what_does_not_depend_on_x_is_computed_once() {
        let formula = Formula::compile(&approx_sign(), &[]).unwrap();
        // 0, 1, 2, x, |x|, |x| <= 1, 2 |x|, 2 - 2 |x|, if: |x| stands once.
        assert_eq!(formula.steps.len(), 9);
        assert_eq!(formula.steps.iter().filter(|s| s.varies).count(), 6);
    }

    #[test]
    fn a_constant_formula_fills_its_slice() {
        let formula = Formula::compile(&num(0.5), &[]).unwrap();
        let mut y = [0.0; 300];
        formula.eval(&[1.0; 300], 0.0, &mut y);
        assert_eq!(y, [0.5; 300]);
    }

    #[test]
    fn what_is_no_formula_is_an_error() {
        let fails = |expr: &Expr, part: &str| {
            let reason = Formula::compile(expr, &[]).unwrap_err().reason;
            assert!(reason.contains(part), "{reason}");
        };
        fails(&name("y"), "`y` has no value");
        fails(&Expr::bool(true), "found a truth value");
        fails(&Expr::Call(Function::Max, vec![num(1.0)]), "2 arguments");
        fails(
            &Expr::Call(Function::MultipleOf, vec![num(8.0), name("x")]),
            "elementwise",
        );
        fails(
            &op(BinaryOp::And, name("x"), name("x")),
            "expected a truth value",
        );
    }
}
