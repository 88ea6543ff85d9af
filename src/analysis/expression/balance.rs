//! Comparisons whose sides subtract nothing.
//!
//! In: a requirement. Out: the same with what one side subtracts added to the other one: `a + b - c == 0` is `a + b == c`. Numbers that are
//! equal but for rounding are told by their size, and a difference has lost the size of what it is of.

use std::sync::Arc;

use crate::ir::{BinaryOp, Expr, Function, UnaryOp, Value};

/// A truth value with balanced comparisons.
pub(in crate::analysis) fn balanced(holds: Expr) -> Expr {
    use BinaryOp::*;
    let part = |e: Arc<Expr>| Arc::new(balanced(Arc::unwrap_or_clone(e)));
    match holds {
        Expr::Binary(op @ (And | Or | Implies), x, y) => Expr::Binary(op, part(x), part(y)),
        Expr::Unary(UnaryOp::Not, x) => Expr::Unary(UnaryOp::Not, part(x)),
        Expr::Call(f @ Function::Over(_), args) => {
            Expr::Call(f, args.into_iter().map(balanced).collect())
        }
        Expr::Binary(op @ (Equal | NotEqual | Less | LessEqual | Greater | GreaterEqual), x, y) => {
            let (mut of_x, mut of_y) = (Vec::new(), Vec::new());
            taken(&x, &mut of_x, &mut of_y);
            taken(&y, &mut of_y, &mut of_x);
            match subtracts(&x) || subtracts(&y) {
                true => Expr::Binary(op, sum(of_x), sum(of_y)),
                false => Expr::Binary(op, x, y),
            }
        }
        other => other,
    }
}

/// Whether something is subtracted from something.
fn subtracts(side: &Expr) -> bool {
    match side {
        Expr::Binary(BinaryOp::Subtract, x, _) => !is_zero(x),
        Expr::Binary(BinaryOp::Add, x, y) => subtracts(x) || subtracts(y),
        _ => false,
    }
}

/// The terms of a side, and those that it subtracts.
fn taken(side: &Arc<Expr>, added: &mut Vec<Arc<Expr>>, subtracted: &mut Vec<Arc<Expr>>) {
    match &**side {
        Expr::Binary(BinaryOp::Add, x, y) => {
            taken(x, added, subtracted);
            taken(y, added, subtracted);
        }
        Expr::Binary(BinaryOp::Subtract, x, y) if !is_zero(x) => {
            taken(x, added, subtracted);
            taken(y, subtracted, added);
        }
        _ => added.push(side.clone()),
    }
}

fn is_zero(expr: &Expr) -> bool {
    expr.as_value().and_then(Value::as_number) == Some(0.0)
}

/// The sum of terms, without zeros.
fn sum(terms: Vec<Arc<Expr>>) -> Arc<Expr> {
    let terms = terms.into_iter().filter(|term| !is_zero(term));
    let whole = terms.reduce(|sum, term| match (sum.as_value(), term.as_value()) {
        (Some(Value::Number(x)), Some(Value::Number(y))) => Arc::new(Expr::number(x + y)),
        _ => Arc::new(Expr::Binary(BinaryOp::Add, sum, term)),
    });
    whole.unwrap_or_else(|| Arc::new(Expr::number(0.0)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ir::show;
    use crate::source::Span;

    fn name(name: &str) -> Arc<Expr> {
        Arc::new(Expr::Name(name.into(), Span::default()))
    }

    fn op(op: BinaryOp, x: &Arc<Expr>, y: &Arc<Expr>) -> Arc<Expr> {
        Arc::new(Expr::Binary(op, x.clone(), y.clone()))
    }

    #[test]
    fn what_is_subtracted_is_added_to_the_other_side() {
        use BinaryOp::*;
        let [a, b, c] = ["a", "b", "c"].map(name);
        let number = |n: f64| Arc::new(Expr::number(n));
        let less = op(Subtract, &op(Add, &a, &b), &c);
        let cases = [
            (op(Equal, &less, &number(0.0)), "((a + b) == c)"),
            (op(LessEqual, &number(2.0), &less), "((2 + c) <= (a + b))"),
            (
                op(Less, &op(Subtract, &a, &number(1.0)), &number(2.0)),
                "(a < 3)",
            ),
            (
                op(Less, &a, &op(Subtract, &b, &op(Subtract, &c, &a))),
                "((a + c) < (b + a))",
            ),
            (
                op(Greater, &op(Subtract, &number(0.0), &a), &b),
                "((0 - a) > b)",
            ),
            (
                op(Less, &a, &op(Multiply, &number(2.0), &less)),
                "(a < (2 * ((a + b) - c)))",
            ),
        ];
        for (holds, expected) in cases {
            let both = Expr::Binary(And, holds.clone(), holds);
            let found = show(&balanced(both));
            assert_eq!(found, format!("{expected} and {expected}"));
        }
    }
}
