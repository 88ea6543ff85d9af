//! Bounds of an expression under conditions.
//!
//! In: an expression and what has been assumed: `x > 0`, `abs(x) <= 1`, `b != 0`. Out: an interval around what it can be. Reals are bounded by
//! the largest number, so that a result too large for a number counts as that; an interval is never too small otherwise.

use std::cell::Cell;

use crate::ir::{BinaryOp, Expr, Function, Reduction, Slot, UnaryOp, Value};
use crate::model::decision::{Choices, Decisions};
use crate::model::expression::bounds::interval_of;
use crate::model::expression::compare;
use crate::model::expression::fold::{self, same};
use crate::model::metrics::metric;
use crate::model::settling::limits;

pub use crate::model::expression::bounds::Interval;

/// Every number.
const REALS: Interval = Interval {
    low: -f64::MAX,
    high: f64::MAX,
};

/// The smallest standard deviation that a reduction gives.
pub(super) const LEAST_STD: f64 = 1e-6;

/// Parts of one expression that are looked at before it counts as unknown: unrolled expressions share their parts.
const LOOKS: usize = 4096;

/// What is known where an expression is reached.
#[derive(Clone)]
pub struct Facts<'a> {
    decisions: &'a Decisions,
    names: &'a dyn Fn(&str) -> Option<Interval>,
    /// Expressions with intervals that contain them; all hold.
    known: Vec<(Expr, Interval)>,
    not_zero: Vec<Expr>,
    contradiction: bool,
    looks: Cell<usize>,
}

impl<'a> Facts<'a> {
    /// Nothing but domains.
    pub fn new(decisions: &'a Decisions, names: &'a dyn Fn(&str) -> Option<Interval>) -> Self {
        Facts {
            decisions,
            names,
            known: Vec::new(),
            not_zero: Vec::new(),
            contradiction: false,
            looks: Cell::new(LOOKS),
        }
    }

    /// Whether what is assumed excludes itself.
    pub fn is_contradiction(&self) -> bool {
        self.contradiction
    }

    /// Whether an expression is assumed to differ from 0.
    pub fn is_not_zero(&self, expr: &Expr) -> bool {
        match expr {
            Expr::Binary(BinaryOp::Multiply, x, y) if !self.is_known_not_zero(expr) => {
                let one = |e: &Expr| !self.bound(e).contains(0.0) || self.is_not_zero(e);
                one(x) && one(y)
            }
            Expr::Unary(UnaryOp::Negate, x) => self.is_not_zero(x),
            Expr::Call(Function::Abs | Function::Stop, args) => self.is_not_zero(&args[0]),
            _ => self.is_known_not_zero(expr),
        }
    }

    fn is_known_not_zero(&self, expr: &Expr) -> bool {
        self.not_zero.iter().any(|e| same(e, expr))
    }

    /// Adds that a condition has this truth value.
    pub fn assume(&mut self, condition: &Expr, truth: bool) {
        use BinaryOp::*;
        match condition {
            Expr::Value(Value::Bool(b)) => self.contradiction |= *b != truth,
            Expr::Unary(UnaryOp::Not, x) => self.assume(x, !truth),
            Expr::Binary(And, x, y) if truth => {
                self.assume(x, true);
                self.assume(y, true);
            }
            Expr::Binary(Or, x, y) if !truth => {
                self.assume(x, false);
                self.assume(y, false);
            }
            Expr::Binary(Implies, x, y) if !truth => {
                self.assume(x, true);
                self.assume(y, false);
            }
            Expr::Binary(op, x, y) => match (op, truth) {
                (Less, true) | (GreaterEqual, false) => self.order(x, y, true),
                (LessEqual, true) | (Greater, false) => self.order(x, y, false),
                (Greater, true) | (LessEqual, false) => self.order(y, x, true),
                (GreaterEqual, true) | (Less, false) => self.order(y, x, false),
                (Equal, true) | (NotEqual, false) if numeric(x) && numeric(y) => {
                    self.order(x, y, false);
                    self.order(y, x, false);
                }
                (NotEqual, true) | (Equal, false) => self.differ(x, y),
                _ => {}
            },
            _ => {}
        }
    }

    /// x <= y, or x < y.
    fn order(&mut self, x: &Expr, y: &Expr, strict: bool) {
        let (of_x, of_y) = (self.bound(x), self.bound(y));
        // What stands in a formula over tensors is compared there as it is.
        let is_of_tensor = |e: &Expr| {
            let mut names = fold::names(e).into_iter();
            names.any(|name| name != "accuracy" && metric(&name).is_none())
        };
        let is_whole = |e: &Expr| limits::is_whole(e, self.decisions);
        let is_exact = is_whole(x) && is_whole(y) || is_of_tensor(x) || is_of_tensor(y);
        let (below, above) = match strict {
            true => (of_y.high.next_down(), of_x.low.next_up()),
            false if is_exact => (of_y.high, of_x.low),
            // What is equal but for rounding may be a little beyond.
            false => (
                of_y.high + compare::doubt(of_y.high.abs()),
                of_x.low - compare::doubt(of_x.low.abs()),
            ),
        };
        self.within(x, -f64::MAX, below);
        self.within(y, above, f64::MAX);
    }

    fn differ(&mut self, x: &Expr, y: &Expr) {
        for (one, other) in [(x, y), (y, x)] {
            let Some(n) = other.as_value().and_then(Value::as_number) else {
                continue;
            };
            if n == 0.0 {
                self.not_zero.push(one.clone());
            }
            let bound = self.bound(one);
            if bound.low == n {
                self.within(one, n.next_up(), f64::MAX);
            } else if bound.high == n {
                self.within(one, -f64::MAX, n.next_down());
            }
        }
    }

    /// Adds that an expression is in an interval, and what follows for its parts.
    fn within(&mut self, expr: &Expr, low: f64, high: f64) {
        let bound = self.bound(expr);
        let (low, high) = (low.max(bound.low), high.min(bound.high));
        let Some(interval) = Interval::new(low, high) else {
            self.contradiction = true;
            return;
        };
        if expr.as_value().is_some() || interval == bound {
            return;
        }
        self.known.push((expr.clone(), interval));
        // Rounding may move an end by its last digit: what follows is taken a little wider.
        let slack = |x: f64| x.abs() * 1e-15;
        match expr {
            Expr::Unary(UnaryOp::Negate, x) => self.within(x, -high, -low),
            Expr::Binary(BinaryOp::Add, x, y) => {
                for (one, other) in [(x, y), (y, x)] {
                    let of = self.bound(other);
                    let (low, high) = (low - of.high, high - of.low);
                    self.within(one, low - slack(low), high + slack(high));
                }
            }
            Expr::Binary(BinaryOp::Subtract, x, y) => {
                let (of_x, of_y) = (self.bound(x), self.bound(y));
                let (a, b) = (low + of_y.low, high + of_y.high);
                self.within(x, a - slack(a), b + slack(b));
                let (a, b) = (of_x.low - high, of_x.high - low);
                self.within(y, a - slack(a), b + slack(b));
            }
            Expr::Call(Function::Abs, args) => {
                if low > 0.0 {
                    self.not_zero.push(args[0].clone());
                }
                self.within(&args[0], -high, high);
            }
            _ => {}
        }
    }

    /// An interval around what an expression can be.
    pub fn bound(&self, expr: &Expr) -> Interval {
        let mut bound = self.plain(expr);
        for (known, interval) in &self.known {
            if same(known, expr) {
                let (low, high) = (bound.low.max(interval.low), bound.high.min(interval.high));
                bound = Interval::new(low, high).unwrap_or(bound);
            }
        }
        bound
    }

    fn plain(&self, expr: &Expr) -> Interval {
        let left = self.looks.get();
        if left == 0 {
            return REALS;
        }
        self.looks.set(left - 1);
        let found = match expr {
            Expr::Value(Value::Number(n)) => Interval::new(*n, *n),
            Expr::Name(name, _) => (self.names)(name),
            Expr::Decision(index) => domain(&self.decisions.all[*index].choices),
            Expr::Unary(UnaryOp::Negate, x) => Some(self.bound(x).negate()),
            Expr::Binary(op, x, y) => self.binary(*op, x, y),
            Expr::If(c, x, y) => {
                let branch = |truth: bool, e: &Expr| {
                    let mut facts = self.clone();
                    facts.assume(c, truth);
                    let bound = (!facts.contradiction).then(|| facts.bound(e));
                    self.looks.set(facts.looks.get());
                    bound
                };
                match (branch(true, x), branch(false, y)) {
                    (Some(x), Some(y)) => Some(x.join(y)),
                    (x, y) => x.or(y),
                }
            }
            Expr::Call(function, args) => self.call(*function, args),
            Expr::Record(name, fields, _) => self.schedule(name, fields),
            _ => None,
        };
        let found = found.unwrap_or(REALS);
        Interval {
            low: found.low.clamp(-f64::MAX, f64::MAX),
            high: found.high.clamp(-f64::MAX, f64::MAX),
        }
    }

    fn binary(&self, op: BinaryOp, x: &Expr, y: &Expr) -> Option<Interval> {
        let (a, b) = (self.bound(x), self.bound(y));
        match op {
            BinaryOp::Add => a.plus(b),
            BinaryOp::Subtract => a.plus(b.negate()),
            BinaryOp::Multiply if same(x, y) => square(a),
            BinaryOp::Power if *y == Expr::number(2.0) => square(a),
            BinaryOp::Multiply => a.times(b),
            BinaryOp::Divide => {
                // What divides by 0 itself is reported elsewhere.
                let (mut low, mut high) = (b.low, b.high);
                if low == 0.0 {
                    low = f64::MIN_POSITIVE;
                }
                if high == 0.0 {
                    high = -f64::MIN_POSITIVE;
                }
                a.over(Interval::new(low, high)?)
            }
            BinaryOp::Power => match (a.low >= 0.0, a.power(b)) {
                // Powers of what is from 0 up are from 0 up, those of what is from 0 to 1 from 0 to 1, to the last digit.
                (true, Some(found)) => {
                    let most = match a.high <= 1.0 && b.low >= 0.0 {
                        true => 1.0,
                        false => f64::MAX,
                    };
                    Interval::new(found.low.max(0.0), found.high.min(most))
                }
                (_, Some(found)) => Some(found),
                // 0 to a negative power is reported elsewhere.
                (true, None) => Interval::new(0.0, f64::MAX),
                (false, None) => None,
            },
            _ => None,
        }
    }

    /// A schedule that has a name, which may still be open: a factor from 0 up.
    fn schedule(&self, name: &str, fields: &[(String, Slot)]) -> Option<Interval> {
        let factor = fields.iter().find(|(field, _)| field == "factor");
        match (name, factor.map(|(_, slot)| slot)) {
            ("cosine" | "warmup", _) => Interval::new(0.0, 1.0),
            ("step", Some(Slot::Fixed(factor))) => {
                Some(Interval::new(1.0, 1.0)?.join(self.bound(factor)))
            }
            ("step", Some(Slot::Chosen(_))) => Interval::new(0.0, f64::MAX),
            _ => None,
        }
    }

    fn call(&self, function: Function, args: &[Expr]) -> Option<Interval> {
        let bounds: Vec<Interval> = args.iter().map(|a| self.bound(a)).collect();
        let x = *bounds.first()?;
        match function {
            Function::Stop => Some(x),
            Function::Within | Function::WholeWithin => {
                let [_, low, high] = bounds[..] else {
                    return None;
                };
                Interval::new(x.low.max(low.low), x.high.min(high.high)).or(Some(x))
            }
            Function::Reduce(Reduction::Std, _) => Interval::new(LEAST_STD, f64::MAX),
            Function::Reduce(Reduction::Sum, _) => match (x.low >= 0.0, x.high <= 0.0) {
                (true, _) => Interval::new(x.low, f64::MAX),
                (_, true) => Interval::new(-f64::MAX, x.high),
                _ => None,
            },
            Function::Reduce(..) => Some(x),
            // What has no logarithm and no root is reported elsewhere.
            Function::Sqrt if x.low < 0.0 => {
                interval_of(function, &[Interval::new(0.0, x.high.max(0.0))?])
            }
            Function::Exp => {
                // Above it, the result is infinite; below it, 0.
                let x = Interval::new(x.low.clamp(-800.0, 709.0), x.high.clamp(-800.0, 709.0))?;
                let found = interval_of(function, &[x])?;
                let low = if x.low > -700.0 { found.low } else { 0.0 };
                let high = match x.high {
                    // To the last digit: `1 - exp(-x)` is from 0 up.
                    ..=0.0 => found.high.min(1.0),
                    ..709.0 => found.high,
                    _ => f64::MAX,
                };
                Interval::new(low, high)
            }
            _ => interval_of(function, &bounds),
        }
    }
}

/// x · x, sharp to the last digit: `1 - x^2` is from 0 up where x is from -1 to 1.
fn square(x: Interval) -> Option<Interval> {
    let (a, b) = (x.low.abs().min(x.high.abs()), x.low.abs().max(x.high.abs()));
    let a = if x.contains(0.0) { 0.0 } else { a };
    Interval::new(a * a, b * b)
}

/// Whether an expression is seen to be a number.
fn numeric(expr: &Expr) -> bool {
    match expr {
        Expr::Value(v) => v.as_number().is_some(),
        Expr::Set(_) | Expr::Record(..) => false,
        _ => true,
    }
}

/// The numbers of a domain.
fn domain(choices: &Choices) -> Option<Interval> {
    match choices {
        Choices::Ordered(numbers) => Interval::new(*numbers.first()?, *numbers.last()?),
        Choices::Integers { low, high, .. } => Interval::new(*low as f64, *high as f64),
        Choices::Reals { low, high, .. } => Interval::new(*low, *high),
        Choices::Categories(values) => {
            let numbers: Option<Vec<f64>> = values.iter().map(Value::as_number).collect();
            let numbers = numbers?;
            let low = numbers.iter().copied().reduce(f64::min)?;
            Interval::new(low, numbers.iter().copied().reduce(f64::max)?)
        }
    }
}
