//! What a truth value needs, whatever some of its parts are.
//!
//! In: a condition, and which of its parts are not known yet. Out: a condition over the rest that holds wherever the whole can: of `accuracy >= 90 % and
//! width == 8`, the width. True if nothing is needed.

use std::sync::Arc;

use super::evaluate::{both, choose, either, negate};
use crate::ir::{BinaryOp, Expr, UnaryOp};

/// What has to hold for the condition to have this truth value. `is_known` of a part says that nothing in it is open.
pub(in crate::model) fn necessary(
    condition: &Expr,
    truth: bool,
    is_known: &dyn Fn(&Expr) -> bool,
) -> Expr {
    use BinaryOp::{And, Implies, Or};
    if is_known(condition) {
        return match truth {
            true => condition.clone(),
            false => negate(condition.clone()),
        };
    }
    let of = |e: &Arc<Expr>, truth: bool| necessary(e, truth, is_known);
    match condition {
        Expr::Unary(UnaryOp::Not, x) => of(x, !truth),
        Expr::Binary(And, x, y) if truth => both(of(x, true), of(y, true)),
        Expr::Binary(And, x, y) => either(of(x, false), of(y, false)),
        Expr::Binary(Or, x, y) if truth => either(of(x, true), of(y, true)),
        Expr::Binary(Or, x, y) => both(of(x, false), of(y, false)),
        Expr::Binary(Implies, x, y) if truth => either(of(x, false), of(y, true)),
        Expr::Binary(Implies, x, y) => both(of(x, true), of(y, false)),
        Expr::If(c, x, y) => match is_known(c) {
            true => choose((**c).clone(), of(x, truth), of(y, truth)),
            false => either(of(x, truth), of(y, truth)),
        },
        _ => Expr::bool(true),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::expression::evaluate;
    use crate::source::Span;

    /// Conditions of a few operators over two names, `open` and `known`, and their truth at both values of each.
    #[test]
    fn it_holds_wherever_the_whole_can() {
        let name = |name: &str| Arc::new(Expr::Name(name.into(), Span::default()));
        let (open, known) = (name("open"), name("known"));
        let leaves = [open, known, Arc::new(Expr::bool(true))];
        let mut conditions: Vec<Arc<Expr>> = leaves.to_vec();
        for _ in 0..2 {
            let before = conditions.clone();
            for x in &before {
                conditions.push(Arc::new(Expr::Unary(UnaryOp::Not, x.clone())));
                for y in leaves.iter().chain(before.iter().take(12)) {
                    for op in [BinaryOp::And, BinaryOp::Or, BinaryOp::Implies] {
                        conditions.push(Arc::new(Expr::Binary(op, x.clone(), y.clone())));
                    }
                    let branches = Expr::If(x.clone(), y.clone(), leaves[1].clone());
                    conditions.push(Arc::new(branches));
                }
            }
            conditions.truncate(4000);
        }
        let at = |e: &Expr, open: bool, known: bool| {
            let value = |name: &str| match name {
                "open" => Some(Expr::bool(open)),
                _ => Some(Expr::bool(known)),
            };
            evaluate::reduce(e, &value).expect("truth values alone") == Expr::bool(true)
        };
        let is_known = |e: &Expr| !evaluate::names(e).contains("open");
        let mut told = 0;
        for condition in &conditions {
            for truth in [true, false] {
                let needs = necessary(condition, truth, &is_known);
                assert!(is_known(&needs), "{needs:?}");
                for known in [true, false] {
                    let can = [true, false]
                        .iter()
                        .any(|open| at(condition, *open, known) == truth);
                    assert!(!can || at(&needs, true, known), "{condition:?} {truth}");
                    told += usize::from(!at(&needs, true, known));
                }
            }
        }
        assert!(
            told > conditions.len() / 4,
            "{told} of {}",
            conditions.len()
        );
    }
}
