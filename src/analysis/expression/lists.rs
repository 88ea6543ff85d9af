//! Functions of lists: `sum(space.s[*].channels)`, `all(space.s[*].kernel <= 5)`, `increasing(a, b, c)`.
//!
//! In: a name and arguments. Out: a typed call over the copies that unrolling will find, or, where the items are written out, the same in
//! operators on single values. A list is one expression with `[*]` in its paths; it is evaluated once per copy.

use std::sync::Arc;

use super::expr::Typed;
use super::types::Type;
use crate::analysis::context::Cx;
use crate::diagnostic::Diagnostic;
use crate::ir::{Aggregate, BinaryOp, Expr, Function, UnaryOp, Value};
use crate::model::expression::aggregate::fold;
use crate::source::Span;
use crate::syntax::ast;

impl Cx<'_> {
    /// A function of a list. `None` for `max` and `min` of single values, which are functions of numbers.
    pub(in crate::analysis) fn over(
        &mut self,
        aggregate: Aggregate,
        name: &ast::Name,
        args: &[ast::Argument],
        span: Span,
    ) -> Option<Typed> {
        let also_of_numbers = matches!(aggregate, Aggregate::Max | Aggregate::Min);
        if also_of_numbers && args.len() != 1 {
            return None;
        }
        let mut items = Vec::with_capacity(args.len());
        for arg in args {
            match arg {
                ast::Argument::Positional {
                    value,
                    filter: None,
                } => items.push(value),
                ast::Argument::Positional {
                    filter: Some(filter),
                    ..
                } => {
                    self.later("`where` behind an argument", filter.span);
                    return Some(Typed::poison(span));
                }
                ast::Argument::Fixed { name: key, .. }
                | ast::Argument::Searched { name: key, .. } => {
                    self.report(
                        Diagnostic::error(
                            "bnas::name::unknown_key",
                            format!("`{}` takes no argument by name", name.text),
                        )
                        .label(key.span, "a function of a list"),
                    );
                    return Some(Typed::poison(span));
                }
            }
        }
        self.lists.push(None);
        let typed: Vec<Typed> = items.into_iter().map(|e| self.expr(e, None)).collect();
        let star = self.lists.pop().flatten();
        if typed.iter().any(|t| t.ty == Type::Poison) {
            return Some(Typed::poison(span));
        }
        let ty = match self.type_over(aggregate, name, &typed) {
            Some(ty) => ty,
            None => return Some(Typed::poison(span)),
        };
        if star.is_none() && typed.len() < 2 || star.is_some() && typed.len() != 1 {
            let found = match (star, typed.len()) {
                (Some(_), _) => "a list beside other items",
                (None, 0) => "nothing",
                (None, _) => "one value",
            };
            self.report(
                Diagnostic::error(
                    "bnas::type::arity",
                    format!("`{}` takes one list, or items, found {found}", name.text),
                )
                .label(span, format!("{found} given"))
                .help(format!(
                    "a list has `[*]` in a path: `{}(space.s[*].channels)`",
                    name.text
                )),
            );
            return Some(Typed::poison(span));
        }
        let are_truths = typed
            .iter()
            .all(|t| t.ty == Type::Truth || is_truth(&t.expr));
        let mut exprs: Vec<Expr> = typed.into_iter().map(|t| t.expr).collect();
        let mut aggregate = aggregate;
        if aggregate == Aggregate::Count && are_truths {
            // Truth values are counted where they hold.
            aggregate = Aggregate::Sum;
            let one = |e| {
                Expr::If(
                    Arc::new(e),
                    Arc::new(Expr::number(1.0)),
                    Arc::new(Expr::number(0.0)),
                )
            };
            exprs = exprs.into_iter().map(one).collect();
        }
        let expr = match star {
            Some(_) => Expr::Call(Function::Over(aggregate), exprs),
            None => fold(aggregate, exprs.into_iter().map(|e| (Expr::bool(true), e))),
        };
        Some(self.folded(expr, ty, span))
    }

    /// The type of the result, or a diagnostic about an item.
    fn type_over(
        &mut self,
        aggregate: Aggregate,
        name: &ast::Name,
        items: &[Typed],
    ) -> Option<Type> {
        use Aggregate::*;
        for item in items {
            let (wanted, fits) = match aggregate {
                All | Any => ("a truth value", item.ty.fits(&Type::Truth)),
                Count => ("a value", true),
                _ => (
                    "a number",
                    item.ty.is_open() || matches!(item.ty, Type::Number(_)),
                ),
            };
            if !fits {
                self.expected(wanted, item);
                return None;
            }
        }
        let alike = !matches!(aggregate, All | Any | Count | Product);
        for pair in items.windows(2).filter(|_| alike) {
            if !pair[0].ty.fits(&pair[1].ty) && !pair[0].is_zero() && !pair[1].is_zero() {
                let rule = format!("the items of `{}` are of one dimension", name.text);
                self.disagree(&rule, &pair[0], &pair[1]);
                return None;
            }
        }
        Some(match aggregate {
            All | Any | Increasing | Decreasing | Nondecreasing | Nonincreasing => Type::Truth,
            Count => Type::PLAIN,
            Sum | Max | Min => {
                let with_unit = items.iter().find(|i| !i.is_zero());
                with_unit.map_or(Type::PLAIN, |i| i.ty.clone())
            }
            // How many factors a list has is not known, so only plain ones have a dimension.
            Product => {
                for item in items {
                    if !item.ty.fits(&Type::PLAIN) {
                        self.expected("a plain number", item);
                        return None;
                    }
                }
                Type::PLAIN
            }
        })
    }
}

/// Whether an expression is seen to give a truth value.
fn is_truth(expr: &Expr) -> bool {
    use BinaryOp::*;
    match expr {
        Expr::Value(Value::Bool(_)) | Expr::Unary(UnaryOp::Not, _) => true,
        Expr::Binary(op, ..) => !matches!(op, Add | Subtract | Multiply | Divide | Power),
        Expr::If(_, x, y) => is_truth(x) && is_truth(y),
        Expr::Call(Function::Over(a), _) => !matches!(
            a,
            Aggregate::Sum
                | Aggregate::Product
                | Aggregate::Count
                | Aggregate::Max
                | Aggregate::Min
        ),
        _ => false,
    }
}

/// Functions of lists by name.
pub(in crate::analysis) fn aggregate(name: &str) -> Option<Aggregate> {
    Some(match name {
        "sum" => Aggregate::Sum,
        "product" => Aggregate::Product,
        "count" => Aggregate::Count,
        "max" => Aggregate::Max,
        "min" => Aggregate::Min,
        "all" => Aggregate::All,
        "any" => Aggregate::Any,
        "increasing" => Aggregate::Increasing,
        "decreasing" => Aggregate::Decreasing,
        "nondecreasing" => Aggregate::Nondecreasing,
        "nonincreasing" => Aggregate::Nonincreasing,
        _ => return None,
    })
}
