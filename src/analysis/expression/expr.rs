//! Expressions: names resolved, types and dimensions checked, constants folded.
//!
//! In: a tree and, where a field is filled, the kind that it takes. Out: a [`Typed`] expression. A mistake gives one diagnostic and
//! the type [`Type::Poison`], which silences what follows from it.

use std::collections::HashSet;
use std::sync::Arc;

use super::checks::alike;
use super::functions::function;
use super::members::known_again;
use super::types::Type;
use crate::analysis::context::Cx;
use crate::analysis::schema::{self, Kind};
use crate::diagnostic::Diagnostic;
use crate::ir::{BinaryOp, Expr, Function, UnaryOp, Value};
use crate::source::Span;
use crate::syntax::ast;
use crate::units::{Dimension, Unit};

/// An expression with what is known of it.
#[derive(Debug, Clone)]
pub(in crate::analysis) struct Typed {
    pub(in crate::analysis) expr: Expr,
    pub(in crate::analysis) ty: Type,
    pub(in crate::analysis) span: Span,
    /// Every value that it can have, where that is a short list of constants.
    pub(in crate::analysis) values: Option<Vec<Value>>,
}

impl Typed {
    pub(in crate::analysis) fn new(expr: Expr, ty: Type, span: Span) -> Typed {
        let values = expr.as_value().map(|v| vec![v.clone()]);
        Typed {
            expr,
            ty,
            span,
            values,
        }
    }

    /// What stands where a diagnostic has been given.
    pub(in crate::analysis) fn poison(span: Span) -> Typed {
        Typed {
            expr: Expr::number(1.0),
            ty: Type::Poison,
            span,
            values: None,
        }
    }

    /// Whether it is the number zero without a unit, which has every dimension.
    pub(in crate::analysis) fn is_zero(&self) -> bool {
        self.expr == Expr::number(0.0) && self.ty == Type::PLAIN
    }
}

impl Cx<'_> {
    /// An expression; `want` is the kind of the field that it fills, whose words are names here.
    pub(in crate::analysis) fn expr(&mut self, e: &ast::Expr, want: Option<Kind>) -> Typed {
        let span = e.span;
        match &e.kind {
            ast::ExprKind::Number(number) => self.number(number, span),
            ast::ExprKind::Text(text) => {
                Typed::new(Expr::Value(Value::name(text)), Type::Text, span)
            }
            ast::ExprKind::Bool(b) => Typed::new(Expr::bool(*b), Type::Truth, span),
            ast::ExprKind::Path(path) => self.path(path, want),
            ast::ExprKind::Call { callee, args } => self.call(callee, args, span, want),
            ast::ExprKind::Amend { base, entries } => self.amended_value(base, entries, span),
            ast::ExprKind::Set(items) => self.set(items, want, span),
            ast::ExprKind::Unary { op, operand } => self.unary(*op, operand, span),
            ast::ExprKind::Binary { op, left, right } => self.binary(*op, left, right, span),
            ast::ExprKind::Approx {
                left,
                right,
                tolerance,
            } => self.approx(left, right, tolerance, span),
            ast::ExprKind::If { condition, yes, no } => {
                // Schedules with names are factors, where one of several is taken.
                let want = want.filter(|kind| !matches!(kind, Kind::WordOrFormula(_)));
                self.conditional(condition, yes, no, want, span)
            }
            ast::ExprKind::Range { .. } | ast::ExprKind::Categories(_) => {
                let help = self.domain_help(span);
                self.report(
                    Diagnostic::error("bnas::type::mismatch", "a domain cannot stand here")
                        .label(span, "values to choose from")
                        .help(help),
                );
                Typed::poison(span)
            }
            ast::ExprKind::Subsets(inner) => self.subsets(inner, span, want),
            ast::ExprKind::Error => Typed::poison(span),
        }
    }

    fn number(&mut self, number: &ast::Number, span: Span) -> Typed {
        let Some(unit) = &number.unit else {
            return Typed::new(Expr::number(number.value), Type::PLAIN, span);
        };
        match Unit::parse(&unit.text) {
            Ok(known) => Typed::new(
                Expr::number(known.to_base(number.value)),
                Type::Number(known.dimension),
                span,
            ),
            Err(unknown) => {
                let help = self.no_unit(number, &unknown, span);
                self.report(
                    Diagnostic::error("bnas::unit::unknown", unknown.to_string())
                        .label(unit.span, "no unit has this name")
                        .help(help.unwrap_or_else(|| unknown.help())),
                );
                Typed::poison(span)
            }
        }
    }

    fn set(&mut self, items: &[ast::Expr], want: Option<Kind>, span: Span) -> Typed {
        let mut of = Type::Any;
        let mut first: Option<Typed> = None;
        let mut lowered = Vec::with_capacity(items.len());
        let mut known = HashSet::with_capacity(items.len());
        // How many are of the kind of the first, and those that are not.
        let (mut alike, mut odd) = (0, Vec::new());
        for item in items {
            let typed = self.expr(item, want);
            if let Some(constant) = known_again(&typed.expr)
                && !typed.ty.is_poisoned()
                && !known.insert(constant)
            {
                self.repeated(item);
            }
            match &first {
                Some(other)
                    if !typed.ty.fits(&other.ty) && !typed.is_zero() && !other.is_zero() =>
                {
                    odd.push(typed.clone());
                }
                Some(_) => alike += 1,
                None => {
                    of = typed.ty.clone();
                    first = Some(typed.clone());
                }
            }
            lowered.push(typed.expr);
        }
        if let (Some(first), false) = (&first, odd.is_empty()) {
            self.of_one_kind("a set holds values of one kind", first, alike, &odd);
            of = Type::Poison;
        }
        self.folded(Expr::Set(lowered), of.set(), span)
    }

    fn unary(&mut self, op: ast::UnaryOp, operand: &ast::Expr, span: Span) -> Typed {
        let x = self.expr(operand, None);
        let (op, wanted) = match op {
            ast::UnaryOp::Neg => (UnaryOp::Negate, matches!(x.ty, Type::Number(_))),
            ast::UnaryOp::Not => (UnaryOp::Not, x.ty == Type::Truth),
        };
        if !wanted && !x.ty.is_open() {
            let expected = if op == UnaryOp::Not {
                "a truth value"
            } else {
                "a number"
            };
            self.expected(expected, &x);
            return Typed::poison(span);
        }
        let ty = x.ty.clone();
        self.folded(Expr::Unary(op, Arc::new(x.expr)), ty, span)
    }

    fn binary(
        &mut self,
        op: ast::BinaryOp,
        left: &ast::Expr,
        right: &ast::Expr,
        span: Span,
    ) -> Typed {
        use ast::BinaryOp::*;
        let compares = matches!(op, Eq | Ne);
        if compares
            && (self.no_member(left, right)
                || self.no_member(right, left)
                || self.is_fixed_part(left)
                || self.is_fixed_part(right))
        {
            return Typed::poison(span);
        }
        let x = self.expr(left, None);
        if self.parted_unit(op, left, right) {
            return Typed::poison(span);
        }
        self.may_be_word = compares
            && matches!(x.ty, Type::Text | Type::Poison)
            && matches!(right.kind, ast::ExprKind::Path(_));
        if compares && x.ty == Type::Poison && (is_callable(right) || self.is_of_lost(left, right))
        {
            // What it is compared with cannot be judged.
            return Typed::poison(span);
        }
        let y = self.expr(right, None);
        self.may_be_word = false;
        let (x, y) = match compares {
            true => self.as_sets(x, y),
            false => (x, y),
        };
        let (op, ty) = match op {
            Implies | Or | And => {
                for side in [&x, &y] {
                    if !side.ty.fits(&Type::Truth) {
                        self.expected("a truth value", side);
                        return Typed::poison(span);
                    }
                }
                let op = match op {
                    Implies => BinaryOp::Implies,
                    Or => BinaryOp::Or,
                    _ => BinaryOp::And,
                };
                (op, Type::Truth)
            }
            Eq | Ne => {
                if !alike(&x, &y) {
                    self.disagree("both sides of a comparison are of one kind", &x, &y);
                    return Typed::poison(span);
                }
                if self.are_words([(left, &x), (right, &y)], span) {
                    return Typed::poison(span);
                }
                (
                    if op == Eq {
                        BinaryOp::Equal
                    } else {
                        BinaryOp::NotEqual
                    },
                    Type::Truth,
                )
            }
            Lt | Le | Gt | Ge | Add | Sub => {
                if !self.both_numbers(&x, &y) {
                    return Typed::poison(span);
                }
                if !alike(&x, &y) {
                    let what = if matches!(op, Add | Sub) {
                        "a sum"
                    } else {
                        "a comparison"
                    };
                    self.disagree(
                        &format!("both sides of {what} are of one dimension"),
                        &x,
                        &y,
                    );
                    return Typed::poison(span);
                }
                let sum = if x.is_zero() || x.ty.is_open() {
                    y.ty.clone()
                } else {
                    x.ty.clone()
                };
                match op {
                    Lt => (BinaryOp::Less, Type::Truth),
                    Le => (BinaryOp::LessEqual, Type::Truth),
                    Gt => (BinaryOp::Greater, Type::Truth),
                    Ge => (BinaryOp::GreaterEqual, Type::Truth),
                    Add => (BinaryOp::Add, sum),
                    _ => (BinaryOp::Subtract, sum),
                }
            }
            Mul | Div => {
                if !self.both_numbers(&x, &y) {
                    return Typed::poison(span);
                }
                let ty = match (&x.ty, &y.ty) {
                    (Type::Number(a), Type::Number(b)) if op == Mul => Type::Number(*a * *b),
                    (Type::Number(a), Type::Number(b)) => Type::Number(*a / *b),
                    _ => Type::Any,
                };
                (
                    if op == Mul {
                        BinaryOp::Multiply
                    } else {
                        BinaryOp::Divide
                    },
                    ty,
                )
            }
            Pow => {
                if !self.both_numbers(&x, &y) {
                    return Typed::poison(span);
                }
                match self.power(&x, &y) {
                    Some(ty) => (BinaryOp::Power, ty),
                    None => return Typed::poison(span),
                }
            }
        };
        if x.ty == Type::Poison || y.ty == Type::Poison {
            return Typed::poison(span);
        }
        let expr = Expr::Binary(op, Arc::new(x.expr), Arc::new(y.expr));
        self.folded(expr, ty, span)
    }

    /// The type of a power: the exponent is plain, and a constant whole number if the base has a dimension.
    fn power(&mut self, x: &Typed, y: &Typed) -> Option<Type> {
        if !y.ty.fits(&Type::PLAIN) {
            self.expected("a plain number as exponent", y);
            return None;
        }
        let Type::Number(base) = x.ty else {
            return Some(Type::Any);
        };
        if base == Dimension::NUMBER {
            return Some(Type::PLAIN);
        }
        match y.expr.as_value().and_then(Value::as_number) {
            Some(n) if n.fract() == 0.0 && n.abs() <= 8.0 => {
                Some(Type::Number(base.power(n as i8)))
            }
            _ => {
                self.report(
                    Diagnostic::error(
                        "bnas::unit::mismatch",
                        format!("a power of {} needs a whole constant exponent", x.ty.name()),
                    )
                    .label(y.span, "this exponent")
                    .label(x.span, x.ty.name()),
                );
                None
            }
        }
    }

    /// `a ~= b within t`: a share of the reference, or an absolute tolerance in its unit.
    fn approx(
        &mut self,
        left: &ast::Expr,
        right: &ast::Expr,
        tolerance: &ast::Expr,
        span: Span,
    ) -> Typed {
        let (x, y) = (self.expr(left, None), self.expr(right, None));
        let t = self.expr(tolerance, None);
        let is_poison = [&x, &y, &t].iter().any(|one| one.ty == Type::Poison);
        if is_poison || !self.both_numbers(&x, &y) || !self.both_numbers(&t, &t) {
            return Typed::poison(span);
        }
        if !alike(&x, &y) {
            self.disagree("both sides of a comparison are of one dimension", &x, &y);
            return Typed::poison(span);
        }
        let allowed = if t.ty.fits(&Type::PLAIN) {
            let size = Expr::Call(Function::Abs, vec![y.expr.clone()]);
            Expr::Binary(BinaryOp::Multiply, Arc::new(t.expr), Arc::new(size))
        } else if t.ty.fits(&y.ty) {
            t.expr
        } else {
            self.disagree(
                "a tolerance is a share, or of the dimension of what is compared",
                &y,
                &t,
            );
            return Typed::poison(span);
        };
        let difference = Expr::Binary(BinaryOp::Subtract, Arc::new(x.expr), Arc::new(y.expr));
        let distance = Expr::Call(Function::Abs, vec![difference]);
        let holds = Expr::Binary(BinaryOp::LessEqual, Arc::new(distance), Arc::new(allowed));
        self.folded(holds, Type::Truth, span)
    }

    fn conditional(
        &mut self,
        condition: &ast::Expr,
        yes: &ast::Expr,
        no: &ast::Expr,
        want: Option<Kind>,
        span: Span,
    ) -> Typed {
        let c = self.truth(condition, "what stands behind `if`");
        self.conditions += 1;
        let x = self.expr(yes, want);
        let y = self.expr(no, want);
        self.conditions -= 1;
        if !alike(&x, &y) {
            self.disagree("both branches of a condition are of one kind", &x, &y);
            return Typed::poison(span);
        }
        let ty = if x.ty.is_open() || x.is_zero() {
            y.ty.clone()
        } else {
            x.ty.clone()
        };
        let values = x
            .values
            .iter()
            .chain(&y.values)
            .flatten()
            .cloned()
            .collect();
        let known = x.values.is_some() && y.values.is_some();
        let expr = Expr::If(Arc::new(c.expr), Arc::new(x.expr), Arc::new(y.expr));
        Typed {
            values: known.then_some(values),
            ..self.folded(expr, ty, span)
        }
    }
}

/// Whether this is the bare name of something that is called.
fn is_callable(e: &ast::Expr) -> bool {
    let name = match &e.kind {
        ast::ExprKind::Path(path) => path.as_name(),
        _ => None,
    };
    name.is_some_and(|n| function(&n.text).is_some() || schema::record(&n.text).is_some())
}

/// Constants that are written out where they are used; sets keep their name.
pub(in crate::analysis) fn is_scalar(expr: &Expr) -> bool {
    matches!(expr, Expr::Value(Value::Number(_) | Value::Bool(_)))
}
