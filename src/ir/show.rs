//! Expressions as they would be written.
//!
//! In: an expression. Out: text in the language's own words; of decisions only their number is known here. What alternatives are called is such text,
//! too.

use super::{Aggregate, BinaryOp, Expr, Function, Per, Reduction, UnaryOp, Value, as_written};

/// An expression in the language's own words; every operand that is itself an operation stands in parentheses.
pub fn show(expr: &Expr) -> String {
    let operand = |x: &Expr| match x {
        Expr::Binary(..) | Expr::If(..) | Expr::Unary(..) => format!("({})", show(x)),
        _ => show(x),
    };
    let list = |items: &[Expr]| items.iter().map(show).collect::<Vec<_>>().join(", ");
    match expr {
        Expr::Value(value) => value.to_string(),
        Expr::Name(name, _) => as_written(name).to_string(),
        Expr::Decision(index) => format!("decision {index}"),
        Expr::Unary(UnaryOp::Negate, x) => format!("-{}", operand(x)),
        Expr::Unary(UnaryOp::Not, x) => format!("not {}", operand(x)),
        Expr::Binary(op, x, y) => format!("{} {} {}", operand(x), sign(*op), operand(y)),
        Expr::If(c, x, y) => format!("if {} then {} else {}", show(c), show(x), show(y)),
        Expr::Call(Function::Reduce(reduction, per), args) => {
            let per = match per {
                Per::Filter => "filter",
                Per::Tensor => "tensor",
            };
            format!("{}({}, per = {per})", reduced(*reduction), list(args))
        }
        // A field's limits are not written.
        Expr::Call(Function::Within | Function::WholeWithin, args) => show(&args[0]),
        Expr::Call(function, args) => format!("{}({})", called(*function), list(args)),
        Expr::Set(items) => format!("{{{}}}", list(items)),
        Expr::Record(name, ..) => format!("{name}(…)"),
    }
}

fn sign(op: BinaryOp) -> &'static str {
    use BinaryOp::*;
    match op {
        Add => "+",
        Subtract => "-",
        Multiply => "*",
        Divide => "/",
        Power => "^",
        Equal => "==",
        NotEqual => "!=",
        Less => "<",
        LessEqual => "<=",
        Greater => ">",
        GreaterEqual => ">=",
        And => "and",
        Or => "or",
        Implies => "implies",
    }
}

fn called(function: Function) -> &'static str {
    use Function::*;
    match function {
        Abs => "abs",
        Sign => "sign",
        Round => "round",
        Floor => "floor",
        Ceil => "ceil",
        Sqrt => "sqrt",
        Exp => "exp",
        Ln => "ln",
        Log2 => "log2",
        Tanh => "tanh",
        Sin => "sin",
        Cos => "cos",
        Max => "max",
        Min => "min",
        Clip => "clip",
        MultipleOf => "multiple_of",
        Peak => "peak",
        Over(aggregate) => aggregated(aggregate),
        Within => "within",
        WholeWithin => "whole_within",
        Stop => "stop",
        Reduce(reduction, _) => reduced(reduction),
    }
}

fn aggregated(aggregate: Aggregate) -> &'static str {
    match aggregate {
        Aggregate::Sum => "sum",
        Aggregate::Product => "product",
        Aggregate::Count => "count",
        Aggregate::Max => "max",
        Aggregate::Min => "min",
        Aggregate::All => "all",
        Aggregate::Any => "any",
        Aggregate::Increasing => "increasing",
        Aggregate::Decreasing => "decreasing",
        Aggregate::Nondecreasing => "nondecreasing",
        Aggregate::Nonincreasing => "nonincreasing",
    }
}

fn reduced(reduction: Reduction) -> &'static str {
    match reduction {
        Reduction::Mean => "mean",
        Reduction::Std => "std",
        Reduction::Sum => "sum",
        Reduction::Max => "max",
        Reduction::Min => "min",
    }
}

impl Expr {
    /// What an alternative is called: `adam`, `warmup_cosine` for `warmup(0.1) * cosine`, `shift_flip` for `{shift(1), flip}`; a formula as it would be
    /// written.
    fn label(&self) -> String {
        let joined = |names: Vec<String>, none: &str| match names.is_empty() {
            true => none.to_string(),
            false => names.join("_"),
        };
        match self {
            Expr::Value(Value::Set(items)) => {
                joined(items.iter().map(Value::to_string).collect(), "none")
            }
            Expr::Value(value) => value.to_string(),
            Expr::Set(items) => joined(items.iter().map(Expr::label).collect(), "none"),
            _ => match self.records() {
                names if names.is_empty() => show(self),
                names => names.join("_"),
            },
        }
    }

    /// The names of alternatives, which stand in the paths of their decisions; equal names are numbered.
    pub fn labels(items: &[Expr]) -> Vec<String> {
        numbered(items.iter().map(Expr::label).collect())
    }
}

/// Names of which several are equal get a number: `adam_1`, `adam_2`.
pub fn numbered(names: Vec<String>) -> Vec<String> {
    let count = |names: &[String], name: &String| names.iter().filter(|n| *n == name).count();
    let numbered = |(i, name): (usize, &String)| match count(&names, name) {
        1 => name.clone(),
        _ => format!("{name}_{}", count(&names[..=i], name)),
    };
    names.iter().enumerate().map(numbered).collect()
}
