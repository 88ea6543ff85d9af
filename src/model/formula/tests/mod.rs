mod published;

use std::sync::Arc;

use super::*;
use crate::ir::{BinaryOp, Expr, Function, Let, Per, Reduction, Slot, UnaryOp, Value};
use crate::kernels::Isa;
use crate::kernels::program::Inputs;
use crate::model::ScaleRule;
use crate::source::Span;

fn name(text: &str) -> Expr {
    Expr::Name(text.into(), Span::default())
}

fn x() -> Expr {
    name("x")
}

fn num(n: f64) -> Expr {
    Expr::number(n)
}

fn op(f: BinaryOp, a: Expr, b: Expr) -> Expr {
    Expr::Binary(f, Arc::new(a), Arc::new(b))
}

fn times(a: Expr, b: Expr) -> Expr {
    op(BinaryOp::Multiply, a, b)
}

fn call(f: Function, args: &[Expr]) -> Expr {
    Expr::Call(f, args.to_vec())
}

fn per(kind: Reduction, over: Per, e: Expr) -> Expr {
    call(Function::Reduce(kind, over), &[e])
}

fn fix(name: &str, value: Expr) -> Let {
    Let {
        name: name.into(),
        slot: Slot::Fixed(value),
        span: Span::default(),
    }
}

fn quantizer(grid: Grid, scale: ScaleRule, formulas: Formulas) -> Quantizer {
    Quantizer {
        name: "q".into(),
        grid,
        per_channel: true,
        scale,
        formulas,
    }
}

const INT4: Grid = Grid::Integer {
    bits: 4,
    signed: true,
};

/// (w - mean) / std per filter.
fn normalized() -> Expr {
    let mean = per(Reduction::Mean, Per::Filter, x());
    let centered = op(BinaryOp::Subtract, x(), mean);
    op(
        BinaryOp::Divide,
        centered,
        per(Reduction::Std, Per::Filter, x()),
    )
}

/// 1 - tanh(x)^2
fn tanh_slope() -> Expr {
    let tanh = call(Function::Tanh, &[x()]);
    op(
        BinaryOp::Subtract,
        num(1.0),
        op(BinaryOp::Power, tanh, num(2.0)),
    )
}

/// Expressions value by value in f64, in the plainest way. With `smooth`, `sign` has the slope of tanh, or of the identity where `straight`,
/// `round` has that of the identity, and what is below `stop` is held at its value for `at`.
struct Naive<'a> {
    at: &'a [f64],
    filters: usize,
    smooth: bool,
    straight: bool,
    scale: f64,
}

impl Naive<'_> {
    fn of(&self, e: &Expr, x: &[f64]) -> Vec<f64> {
        let each =
            |e: &Expr, f: &dyn Fn(f64) -> f64| self.of(e, x).into_iter().map(f).collect::<Vec<_>>();
        match e {
            Expr::Value(Value::Number(n)) => vec![*n; x.len()],
            Expr::Name(n, _) if n == "x" => x.iter().map(|x| x / self.scale).collect(),
            Expr::Unary(UnaryOp::Negate, a) => each(a, &|a| -a),
            Expr::Binary(f, a, b) => {
                let (a, b) = (self.of(a, x), self.of(b, x));
                let of = |a: f64, b: f64| match f {
                    BinaryOp::Add => a + b,
                    BinaryOp::Subtract => a - b,
                    BinaryOp::Multiply => a * b,
                    BinaryOp::Divide => a / b,
                    BinaryOp::Power => a.powf(b),
                    BinaryOp::Less => f64::from(a < b),
                    _ => unreachable!("{f:?}"),
                };
                a.into_iter().zip(b).map(|(a, b)| of(a, b)).collect()
            }
            Expr::If(c, a, b) => {
                let (c, a, b) = (self.of(c, x), self.of(a, x), self.of(b, x));
                let pick = |i: usize| if c[i] != 0.0 { a[i] } else { b[i] };
                (0..x.len()).map(pick).collect()
            }
            Expr::Call(Function::Stop, args) if self.smooth => Naive {
                smooth: false,
                ..*self
            }
            .of(&args[0], self.at),
            Expr::Call(Function::Stop, args) => self.of(&args[0], x),
            Expr::Call(Function::Reduce(kind, over), args) => {
                let all = self.of(&args[0], x);
                let group = |i: usize, j: usize| {
                    *over == Per::Tensor || i % self.filters == j % self.filters
                };
                let of = |i: usize| {
                    let picked = (0..all.len()).filter(|j| group(i, *j));
                    let picked: Vec<f64> = picked.map(|j| all[j]).collect();
                    let (n, sum) = (picked.len() as f64, picked.iter().sum::<f64>());
                    match kind {
                        Reduction::Sum => sum,
                        Reduction::Mean => sum / n,
                        Reduction::Max => picked.iter().copied().fold(f64::MIN, f64::max),
                        Reduction::Min => picked.iter().copied().fold(f64::MAX, f64::min),
                        Reduction::Std => {
                            let squares = picked.iter().map(|p| (p - sum / n).powi(2));
                            (squares.sum::<f64>() / (n - 1.0)).sqrt()
                        }
                    }
                };
                (0..all.len()).map(of).collect()
            }
            // A step of height 1 is its value at the base point and a smooth slope around it.
            Expr::Call(f @ (Function::Sign | Function::Round), args) if self.smooth => {
                let (here, base) = (self.of(&args[0], x), self.of(&args[0], self.at));
                let of = |(here, base): (f64, f64)| match f {
                    Function::Sign => {
                        let sign = if base >= 0.0 { 1.0 } else { -1.0 };
                        match self.straight {
                            true => here - base + sign,
                            false => here.tanh() - base.tanh() + sign,
                        }
                    }
                    _ => here - base + base.round_ties_even(),
                };
                here.into_iter().zip(base).map(of).collect()
            }
            Expr::Call(f, args) => {
                let args: Vec<Vec<f64>> = args.iter().map(|a| self.of(a, x)).collect();
                let of = |i: usize| {
                    let a = args[0][i];
                    match f {
                        Function::Abs => a.abs(),
                        Function::Sign => {
                            if a >= 0.0 {
                                1.0
                            } else {
                                -1.0
                            }
                        }
                        Function::Round => a.round_ties_even(),
                        Function::Sqrt => a.sqrt(),
                        Function::Exp => a.exp(),
                        Function::Ln => a.ln(),
                        Function::Log2 => a.log2(),
                        Function::Tanh => a.tanh(),
                        Function::Sin => a.sin(),
                        Function::Cos => a.cos(),
                        Function::Max => a.max(args[1][i]),
                        Function::Min => a.min(args[1][i]),
                        Function::Clip => a.max(args[1][i]).min(args[2][i]),
                        _ => unreachable!("{f:?}"),
                    }
                };
                (0..x.len()).map(of).collect()
            }
            _ => unreachable!("{e:?}"),
        }
    }
}

const FILTERS: usize = 3;

fn weights() -> Vec<f32> {
    let mut rng = crate::stream::stream(3, 0, crate::stream::Purpose::Init);
    (0..FILTERS * 7)
        .map(|i| (crate::stream::normal(&mut rng) * 0.7 + (i % FILTERS) as f64 * 0.1) as f32)
        .collect()
}

fn inputs<'a>(x: &'a [f32], dy: &'a [f32], scales: &'a [f32]) -> Inputs<'a> {
    Inputs {
        x,
        dy,
        scales,
        filters: FILTERS,
        progress: [0.5, 0.5],
    }
}

/// Forward against the plain evaluation of `expr`, and backward against its central differences with smooth steps: of tanh where the quantizer
/// has a gradient of its own, which must be `tanh_slope`, else of the identity.
fn agrees(quantizer: &Quantizer, expr: &Expr, scale: f32) {
    let programs = programs(quantizer, Surrogate::Identity).unwrap().unwrap();
    let x = weights();
    let wide: Vec<f64> = x.iter().map(|x| f64::from(*x)).collect();
    let naive = |smooth| Naive {
        at: &wide,
        filters: FILTERS,
        smooth,
        straight: quantizer.formulas.gradient.is_none(),
        scale: f64::from(scale),
    };
    let scales = [scale; FILTERS];
    let mut y = vec![0.0; x.len()];
    let isa = Isa::current();
    (programs.forward).run(isa, inputs(&x, &[], &scales), &mut y);
    for (y, wanted) in y.iter().zip(naive(false).of(expr, &wide)) {
        let wanted = wanted * f64::from(scale);
        assert!(
            (f64::from(*y) - wanted).abs() < 1e-5 * wanted.abs().max(1.0),
            "{y}, {wanted}"
        );
    }
    // The loss is a sum with weights that differ.
    let dy: Vec<f32> = (0..x.len()).map(|i| (i as f32 * 1.7).sin()).collect();
    let mut dx = vec![1.0; x.len()];
    programs
        .backward
        .run(isa, inputs(&x, &dy, &scales), &mut dx);
    let smooth = naive(true);
    let loss = |x: &[f64]| -> f64 {
        let y = smooth.of(expr, x);
        let all = y.iter().zip(&dy).map(|(y, dy)| y * f64::from(*dy));
        all.sum::<f64>() * f64::from(scale)
    };
    for i in 0..x.len() {
        let step = |h: f64| {
            let mut moved = wide.clone();
            moved[i] += h;
            loss(&moved)
        };
        let slope = (step(1e-6) - step(-1e-6)) / 2e-6;
        let found = f64::from(dx[i]) - 1.0;
        assert!(
            (found - slope).abs() < 2e-4 * slope.abs().max(1.0),
            "at {i}: {found}, not {slope}"
        );
    }
}

#[test]
fn every_function_and_reduction_has_its_derivative() {
    use Function::*;
    let smooth = |e: Expr| {
        // A learned-like factor keeps the expression a code times a scale: sign times it would hide its derivative.
        let code = call(Sign, &[e]);
        let formulas = Formulas {
            scale: Some(num(1.5)),
            forward: Some(times(num(1.5), code.clone())),
            gradient: Some(tanh_slope()),
            ..Formulas::default()
        };
        let q = quantizer(Grid::Binary, ScaleRule::MeanAbs, formulas);
        agrees(&q, &times(num(1.5), code), 1.0);
    };
    let positive = || op(BinaryOp::Add, num(0.5), call(Abs, &[x()]));
    for f in [Abs, Tanh, Sin, Cos, Exp] {
        smooth(call(f, &[x()]));
    }
    for f in [Sqrt, Ln, Log2] {
        smooth(call(f, &[positive()]));
    }
    for n in [2.0, 3.0, -1.0, 0.5, 1.7] {
        smooth(op(BinaryOp::Power, positive(), num(n)));
    }
    smooth(op(BinaryOp::Power, num(1.5), x()));
    smooth(op(BinaryOp::Divide, x(), positive()));
    smooth(Expr::Unary(UnaryOp::Negate, Arc::new(x())));
    smooth(call(Clip, &[x(), num(-0.51), num(0.52)]));
    smooth(call(Max, &[times(x(), x()), x()]));
    smooth(call(Min, &[x(), num(0.33)]));
    let less = op(BinaryOp::Less, x(), num(0.11));
    smooth(Expr::If(
        Arc::new(less),
        Arc::new(times(x(), x())),
        Arc::new(x()),
    ));
    // A branch that is not taken may have neither value nor slope.
    let above = || Arc::new(op(BinaryOp::Less, num(0.01), x()));
    let or_x = |e: Expr| Expr::If(above(), Arc::new(e), Arc::new(x()));
    smooth(or_x(call(Sqrt, &[x()])));
    smooth(or_x(op(BinaryOp::Power, x(), num(0.5))));
    smooth(or_x(times(x(), call(Ln, &[x()]))));
    smooth(or_x(call(
        Tanh,
        &[op(BinaryOp::Divide, num(1.0), call(Sqrt, &[x()]))],
    )));
    for kind in [
        Reduction::Mean,
        Reduction::Std,
        Reduction::Sum,
        Reduction::Max,
        Reduction::Min,
    ] {
        for over in [Per::Filter, Per::Tensor] {
            let reduced = per(kind, over, times(x(), x()));
            smooth(times(x(), op(BinaryOp::Add, num(1.0), reduced)));
            // Of what is the same for a filter already, which has no deviation in it.
            if (kind, over) == (Reduction::Std, Per::Filter) {
                continue;
            }
            let inner = per(Reduction::Mean, Per::Filter, call(Abs, &[x()]));
            smooth(times(x(), per(kind, over, times(inner.clone(), inner))));
        }
    }
}

#[test]
fn a_scale_without_stop_has_its_derivative() {
    let scale = per(Reduction::Mean, Per::Filter, call(Function::Abs, &[x()]));
    let forward = times(scale.clone(), call(Function::Sign, &[x()]));
    let formulas = Formulas {
        scale: Some(scale),
        forward: Some(forward.clone()),
        gradient: Some(tanh_slope()),
        ..Formulas::default()
    };
    agrees(
        &quantizer(Grid::Binary, ScaleRule::MeanAbs, formulas),
        &forward,
        1.0,
    );
}

#[test]
fn a_rule_and_a_forward_function_meet_in_units_of_the_scale() {
    let forward = call(
        Function::Round,
        &[call(Function::Clip, &[x(), num(-7.0), num(7.0)])],
    );
    let formulas = Formulas {
        forward: Some(forward.clone()),
        ..Formulas::default()
    };
    let q = quantizer(INT4, ScaleRule::MaxAbs, formulas);
    agrees(&q, &forward, 0.25);
    // Normalized values are what the rule and the codes see.
    let q = quantizer(
        INT4,
        ScaleRule::MaxAbs,
        Formulas {
            normalize: Some(normalized()),
            ..Formulas::default()
        },
    );
    let programs = programs(&q, Surrogate::Identity).unwrap().unwrap();
    let x = weights();
    let mut y = vec![0.0; x.len()];
    let normalized = programs.normalized.as_ref().unwrap();
    normalized.run(Isa::current(), inputs(&x, &[], &[1.0]), &mut y);
    for filter in 0..FILTERS {
        let values = y.iter().skip(filter).step_by(FILTERS);
        assert!(values.map(|v| f64::from(*v)).sum::<f64>().abs() < 1e-5);
    }
}

#[test]
fn only_codes_times_a_scale_are_a_forward_function() {
    let ternary = |e: &Expr| {
        let (_, code) = codes::split(e)?;
        codes::are_codes(&code, Grid::Ternary)
    };
    let clipped = |a: f64, b: f64| call(Function::Clip, &[x(), num(a), num(b)]);
    let rounded = |e: Expr| call(Function::Round, &[e]);
    assert!(ternary(&rounded(clipped(-1.0, 1.0))).is_ok());
    assert!(ternary(&rounded(clipped(-1.2, 1.4))).is_ok());
    assert!(ternary(&times(normalized(), rounded(x()))).is_err());
    assert!(
        ternary(&rounded(clipped(-1.6, 1.0)))
            .unwrap_err()
            .contains("stay within")
    );
    assert!(ternary(&clipped(-1.0, 1.0)).unwrap_err().contains("whole"));
    assert!(ternary(&num(1.0)).unwrap_err().contains("same for all"));
    // Half of a sum of two signs is -1, 0 or 1, but that is not seen; a difference of comparisons is.
    let above = op(BinaryOp::Less, num(0.5), x());
    let step = Expr::If(Arc::new(above), Arc::new(num(1.0)), Arc::new(num(0.0)));
    assert!(ternary(&step).is_ok());
    assert!(
        codes::are_codes(&step, Grid::Binary)
            .unwrap_err()
            .contains("may be 0")
    );
    let symbolic = rounded(call(Function::Clip, &[x(), name("low"), name("high")]));
    assert!(codes::are_codes(&symbolic, INT4).is_ok());
}

#[test]
fn what_is_no_formula_is_an_error() {
    let fails = |expr: Expr, part: &str| {
        let formulas = Formulas {
            gradient: Some(expr),
            ..Formulas::default()
        };
        let q = quantizer(Grid::Binary, ScaleRule::One, formulas);
        let reason = surrogate(&q).unwrap_err().reason;
        assert!(reason.contains(part), "{reason}");
    };
    fails(name("y"), "`y` has no value");
    fails(Expr::bool(true), "found a truth value");
    fails(call(Function::Max, &[num(1.0)]), "2 arguments");
    fails(call(Function::MultipleOf, &[num(8.0), x()]), "elementwise");
    fails(op(BinaryOp::And, x(), x()), "expected a truth value");
}
