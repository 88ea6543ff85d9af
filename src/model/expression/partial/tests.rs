//! Every formula here has its answer by hand.

use super::*;
use crate::ir::{BinaryOp, Expr, Function};
use crate::model::decision::{Choices, Decision};

fn name(text: &str) -> Expr {
    Expr::Name(text.into(), Span::new(crate::source::SourceId(0), 0, 1))
}

fn n(value: f64) -> Expr {
    Expr::number(value)
}

fn op(op: BinaryOp, x: Expr, y: Expr) -> Expr {
    Expr::Binary(op, x.into(), y.into())
}

fn call(function: Function, args: &[Expr]) -> Expr {
    Expr::Call(function, args.to_vec())
}

fn when(c: Expr, x: Expr, y: Expr) -> Expr {
    Expr::If(c.into(), x.into(), y.into())
}

/// `a in 0..3`, `b in -1.0..1.0`, and `c in 1..2` where a is above 0.
fn decisions() -> Decisions {
    let decision = |path: &str, choices, default, guard| Decision {
        path: path.into(),
        choices,
        default: Value::Number(default),
        guard,
        unit: String::new(),
        span: Span::default(),
    };
    let whole = |low, high| Choices::Integers {
        low,
        high,
        step: 1,
        log: false,
    };
    let reals = Choices::Reals {
        low: -1.0,
        high: 1.0,
        log: false,
    };
    let some = op(BinaryOp::Greater, Expr::Decision(0), n(0.0));
    Decisions {
        all: vec![
            decision("a", whole(0, 3), 1.0, Expr::bool(true)),
            decision("b", reals, 0.5, Expr::bool(true)),
            decision("c", whole(0, 2), 1.0, some),
        ],
        constraints: Vec::new(),
    }
}

fn settled(name: &str) -> Option<Expr> {
    let index = ["a", "b", "c"].iter().position(|n| *n == name)?;
    Some(Expr::Decision(index))
}

fn found_under(expr: &Expr, constraint: Option<Expr>) -> Vec<Diagnostic> {
    let mut decisions = decisions();
    decisions.constraints.extend(constraint);
    let uses = uses(expr, &Expr::bool(true), &settled);
    let written = vec![Span::default(); decisions.constraints.len()];
    let bounds = |name: &str| match name {
        "accuracy" => Interval::new(0.0, 1.0),
        "energy" => Interval::new(f64::MIN_POSITIVE, f64::MAX),
        _ => of_formula(name),
    };
    let names = Names {
        bounds: &bounds,
        samples: &samples_of_formula,
    };
    check(&uses, &decisions, &written, &names)
}

fn found(expr: &Expr) -> Vec<Diagnostic> {
    found_under(expr, None)
}

fn says(expr: &Expr) -> String {
    match &found(expr)[..] {
        [one] => one.message.clone(),
        several => panic!("{several:?}"),
    }
}

#[test]
fn a_member_that_goes_wrong_is_named() {
    use BinaryOp::*;
    let divided = |by| op(Divide, n(1.0), by);
    assert_eq!(says(&divided(name("a"))), "a division by 0 when `a` is 0");
    assert_eq!(says(&divided(name("b"))), "a division by 0 when `b` is 0");
    assert_eq!(
        says(&divided(op(Subtract, name("progress"), n(1.0)))),
        "a division by 0 when `progress` is 1"
    );
    assert_eq!(
        says(&divided(call(Function::Tanh, &[name("x")]))),
        "a division by 0 when `x` is 0"
    );
    let ln = call(Function::Ln, &[op(Subtract, name("a"), n(1.0))]);
    assert_eq!(says(&ln), "a logarithm of -1 when `a` is 0");
    let root = call(Function::Sqrt, &[op(Subtract, n(1.0), name("a"))]);
    assert_eq!(says(&root), "a square root of -1 when `a` is 2");
    let power = op(Power, name("b"), n(0.5));
    assert_eq!(says(&power), "-1 to the power 0.5 when `b` is -1");
    let inverse = op(Power, name("a"), n(-1.0));
    assert_eq!(says(&inverse), "0 to the power -1 when `a` is 0");
    // c exists only where a is above 0.
    let guarded = divided(name("c"));
    assert_eq!(says(&guarded), "a division by 0 when `a` is 1 and `c` is 0");
    let over_all = call(
        Function::Reduce(crate::ir::Reduction::Max, crate::ir::Per::Filter),
        &[name("x")],
    );
    assert_eq!(
        says(&divided(over_all)),
        "a division by 0 when all values are 0"
    );
}

#[test]
fn what_conditions_exclude_is_safe() {
    use BinaryOp::*;
    let x = || name("x");
    let one_over = |by: Expr| op(Divide, n(1.0), by);
    let abs = |e: Expr| call(Function::Abs, &[e]);
    let safe = [
        when(op(Greater, x(), n(0.0)), call(Function::Ln, &[x()]), n(0.0)),
        when(
            op(LessEqual, x(), n(0.0)),
            n(0.0),
            call(Function::Log2, &[x()]),
        ),
        when(op(NotEqual, x(), n(0.0)), one_over(x()), n(0.0)),
        when(
            op(Equal, x(), n(0.0)),
            n(0.0),
            one_over(op(Multiply, x(), n(2.0))),
        ),
        one_over(call(Function::Max, &[x(), n(1e-6)])),
        one_over(op(Add, abs(x()), n(1e-6))),
        one_over(op(Add, op(Power, x(), n(2.0)), n(1.0))),
        one_over(op(Add, op(Multiply, x(), x()), n(1.0))),
        one_over(op(
            Add,
            n(1.0),
            call(Function::Exp, &[op(Multiply, n(-1.0), x())]),
        )),
        when(
            op(LessEqual, abs(x()), n(1.0)),
            call(Function::Sqrt, &[op(Subtract, n(1.0), abs(x()))]),
            n(0.0),
        ),
        call(
            Function::Sqrt,
            &[op(Subtract, n(1.0), op(Power, name("b"), n(2.0)))],
        ),
        call(Function::Ln, &[op(Add, name("a"), n(1.0))]),
        op(
            And,
            op(Greater, name("a"), n(0.0)),
            op(Less, one_over(name("a")), n(1.0)),
        ),
        op(
            Implies,
            op(Greater, name("a"), n(0.0)),
            op(Less, one_over(name("a")), n(1.0)),
        ),
        op(
            Or,
            op(Equal, name("a"), n(0.0)),
            op(Less, one_over(name("a")), n(1.0)),
        ),
        one_over(name("energy")),
        // Only enumeration sees that a (a - 1) + 1 is never 0.
        one_over(op(
            Add,
            op(Multiply, name("a"), op(Subtract, name("a"), n(1.0))),
            n(1.0),
        )),
        op(Power, name("x"), n(3.0)),
        op(
            Power,
            op(Add, abs(x()), n(1.0)),
            op(Subtract, name("progress"), n(1.0)),
        ),
    ];
    for expr in safe {
        assert_eq!(found(&expr), [], "{expr:?}");
    }
}

#[test]
fn what_is_neither_found_nor_excluded_is_a_warning() {
    use BinaryOp::*;
    let off = op(Subtract, name("b"), n(0.123));
    let unsure = [
        op(Divide, n(1.0), off),
        call(Function::Ln, &[name("accuracy")]),
        op(Divide, n(1.0), name("accuracy")),
    ];
    for expr in unsure {
        let codes: Vec<_> = found(&expr)
            .iter()
            .map(|d| (d.code, d.is_error()))
            .collect();
        assert_eq!(codes, [("bnas::domain::unproved", false)], "{expr:?}");
    }
}

#[test]
fn only_members_count() {
    use BinaryOp::*;
    let inverse = op(Divide, n(1.0), name("a"));
    let constraint = |least| op(GreaterEqual, Expr::Decision(0), n(least));
    assert_eq!(found_under(&inverse, Some(constraint(1.0))), []);
    assert_eq!(found_under(&inverse, Some(constraint(0.0))).len(), 1);
    // Of all b between -0.5 and 1, 0 is one.
    let upper = op(Greater, Expr::Decision(1), n(-0.5));
    let of_b = op(Divide, n(1.0), name("b"));
    assert!(found_under(&of_b, Some(upper))[0].is_error());
}
