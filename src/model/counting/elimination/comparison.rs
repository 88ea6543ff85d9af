//! Constraints as limits of sums of small terms.
//!
//! In: what a constraint says. Out: terms, each over few decisions, and the ends between which their sum must be.

use std::collections::BTreeSet;

use crate::ir::{BinaryOp, Expr, UnaryOp, Value};
use crate::model::decision::Decisions;
use crate::model::expression::compare;
use crate::model::expression::evaluate;
use crate::model::expression::members::Values;

/// The most terms of one sum.
const MOST_TERMS: usize = 2000;
/// A term with more rows is taken apart, if it can be.
pub(super) const MOST_ROWS: u64 = 20_000;

/// What the terms have at some point: a number, or none.
pub type OfPoint<'a> = Box<dyn Fn(&[Option<Value>]) -> Option<f64> + 'a>;

/// Something that depends on few decisions.
pub struct Term<'a> {
    /// The decisions, ascending.
    pub scope: Vec<usize>,
    /// How much work one value is.
    pub work: u64,
    /// Its value for each row, where that is known already: the first decision changes slowest, and behind the last member of one that may not
    /// exist is the row where it does not.
    pub rows: Option<Vec<Option<f64>>>,
    /// The value; `None` where there is none, so that nothing that is said of the sum holds.
    pub value: OfPoint<'a>,
}

/// An end of what a sum may be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct End {
    pub at: f64,
    /// Whether the end itself is allowed.
    pub closed: bool,
}

/// A sum that must lie between two ends.
pub struct Sum<'a> {
    pub terms: Vec<Term<'a>>,
    pub low: Option<End>,
    pub high: Option<End>,
    pub against: Against,
    /// Whether a point between the ends meets what is limited; else it is more than the sum.
    pub is_all: bool,
}

/// What the terms of a sum are compared with: it says how much they may differ from an end and be equal to it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Against {
    /// The end itself: all terms stand on the other side.
    End,
    /// Something else, such as terms of the other side; its constants are as large as this together.
    Other(f64),
}

impl Against {
    /// The sizes of what stands on both sides but for the terms.
    pub(super) fn constants(self) -> f64 {
        match self {
            Against::End => 0.0,
            Against::Other(constants) => constants,
        }
    }
}

impl Sum<'_> {
    /// Whether the whole may be this, which is had from terms whose sizes add up to `size`.
    pub(super) fn allows(&self, whole: f64, size: f64) -> bool {
        let holds = |end: &Option<End>, strict: BinaryOp, closed: BinaryOp| {
            let Some(End {
                at,
                closed: is_closed,
            }) = *end
            else {
                return true;
            };
            let op = if is_closed { closed } else { strict };
            let are_whole = compare::is_whole(whole) && compare::is_whole(at);
            let (x, y) = match self.against {
                Against::Other(constants) if !are_whole => {
                    // Both sides are about half of all that stands on them.
                    let side = (size + at.abs() + constants) / 2.0;
                    (whole - at + side, side)
                }
                _ => (whole, at),
            };
            compare::holds(op, x, y) == Some(true)
        };
        holds(&self.low, BinaryOp::Greater, BinaryOp::GreaterEqual)
            && holds(&self.high, BinaryOp::Less, BinaryOp::LessEqual)
    }
}

impl<'a> Term<'a> {
    /// `scale` · `expr`.
    fn new(expr: Expr, scale: f64) -> Term<'a> {
        let scope: Vec<usize> = evaluate::decisions(&expr).into_iter().collect();
        Term {
            scope,
            work: evaluate::size(&expr),
            rows: None,
            value: Box::new(move |values| {
                Some(scale * evaluate::number(&expr, &Values(values)).ok()?)
            }),
        }
    }
}

/// The parts of a conjunction, which hold together exactly if it does.
pub fn conjuncts<'e>(expr: &'e Expr, into: &mut Vec<&'e Expr>) {
    match expr {
        Expr::Binary(BinaryOp::And, x, y) => {
            conjuncts(x, into);
            conjuncts(y, into);
        }
        other => into.push(other),
    }
}

/// How many combinations some decisions have at most; `None` if a real is among them.
pub fn combinations(scope: &[usize], decisions: &Decisions) -> Option<u64> {
    scope.iter().try_fold(1_u64, |product, i| {
        let decision = &decisions.all[*i];
        let optional = u64::from(decision.guard != Expr::bool(true));
        let size = decision.choices.len()?.saturating_add(optional);
        Some(product.saturating_mul(size))
    })
}

/// A comparison as a limit of a sum; `None` if it is something else, or a term is over too many combinations.
pub(super) fn sum<'a>(expr: &Expr, decisions: &Decisions) -> Option<Sum<'a>> {
    let Expr::Binary(op, x, y) = expr else {
        return None;
    };
    let (strict, less) = match op {
        BinaryOp::Less => (true, true),
        BinaryOp::LessEqual => (false, true),
        BinaryOp::Greater => (true, false),
        BinaryOp::GreaterEqual => (false, false),
        BinaryOp::Equal => (false, true),
        _ => return None,
    };
    // Not only numbers are equal, but what is equal to a number is one.
    if *op == BinaryOp::Equal && !(is_number(x) || is_number(y)) {
        return None;
    }
    let mut parts = Parts {
        terms: Vec::new(),
        constant: 0.0,
        constants: 0.0,
        decisions,
    };
    parts.add(x, 1.0, &mut |e| e)?;
    let of_x = parts.terms.len();
    let is_number = |e: &Expr| e.as_value().is_some();
    parts.add(y, -1.0, &mut |e| e)?;
    let is_against_end = match of_x {
        0 => is_number(x) && parts.constants == parts.constant.abs(),
        _ => is_number(y) && parts.constants == parts.constant.abs(),
    };
    // `4 <= x + y` is a limit of x + y, as is `x + y <= 9`.
    let sign = match parts.terms.iter().all(|(_, scale)| *scale < 0.0) {
        true => -1.0,
        false => 1.0,
    };
    let end = Some(End {
        at: -parts.constant * sign,
        closed: !strict,
    });
    let is_equal = *op == BinaryOp::Equal;
    let is_high = less == (sign > 0.0);
    let terms = parts.terms.into_iter();
    Some(Sum {
        terms: terms
            .map(|(expr, scale)| Term::new(expr, scale * sign))
            .collect(),
        low: end.filter(|_| is_equal || !is_high),
        high: end.filter(|_| is_equal || is_high),
        against: match is_against_end {
            true => Against::End,
            false => Against::Other(parts.constants),
        },
        is_all: true,
    })
}

/// Whether an expression is seen to give a number where it has a value.
fn is_number(expr: &Expr) -> bool {
    use BinaryOp::{Add, Divide, Multiply, Power, Subtract};
    match expr {
        Expr::Value(value) => value.as_number().is_some(),
        Expr::Binary(op, ..) => matches!(op, Add | Subtract | Multiply | Divide | Power),
        Expr::Unary(op, _) => *op == UnaryOp::Negate,
        Expr::Call(..) => true,
        _ => false,
    }
}

struct Parts<'d> {
    terms: Vec<(Expr, f64)>,
    constant: f64,
    /// The sizes of all constants together.
    constants: f64,
    decisions: &'d Decisions,
}

impl Parts<'_> {
    /// Adds `scale` · `expr`, where `within` says under which conditions it is added.
    fn add(&mut self, expr: &Expr, scale: f64, within: &mut dyn FnMut(Expr) -> Expr) -> Option<()> {
        match expr {
            Expr::Binary(BinaryOp::Add, x, y) => {
                self.add(x, scale, within)?;
                self.add(y, scale, within)
            }
            Expr::Binary(BinaryOp::Subtract, x, y) => {
                self.add(x, scale, within)?;
                self.add(y, -scale, within)
            }
            Expr::Unary(UnaryOp::Negate, x) => self.add(x, -scale, within),
            Expr::Binary(BinaryOp::Multiply, x, y) => {
                let number = |e: &Expr| e.as_value().and_then(Value::as_number);
                match (number(x), number(y)) {
                    (Some(n), _) => self.add(y, scale * n, within),
                    (_, Some(n)) => self.add(x, scale * n, within),
                    _ => self.term(expr, scale, within),
                }
            }
            _ => self.term(expr, scale, within),
        }
    }

    fn term(
        &mut self,
        expr: &Expr,
        scale: f64,
        within: &mut dyn FnMut(Expr) -> Expr,
    ) -> Option<()> {
        let whole = within(expr.clone());
        if let Some(value) = whole.as_value() {
            let value = scale * value.as_number()?;
            self.constant += value;
            self.constants += value.abs();
            return Some(());
        }
        let scope: Vec<usize> = evaluate::decisions(&whole).into_iter().collect();
        if combinations(&scope, self.decisions)? <= MOST_ROWS {
            self.terms.push((whole, scale));
            return (self.terms.len() <= MOST_TERMS).then_some(());
        }
        let Expr::If(c, x, y) = expr else {
            return None;
        };
        let of_condition: BTreeSet<usize> = evaluate::decisions(c);
        combinations(&Vec::from_iter(of_condition), self.decisions).filter(|n| *n <= MOST_ROWS)?;
        let zero = || Expr::number(0.0);
        self.add(x, scale, &mut |e| {
            within(evaluate::choose((**c).clone(), e, zero()))
        })?;
        self.add(y, scale, &mut |e| {
            within(evaluate::choose((**c).clone(), zero(), e))
        })
    }
}
