//! Expressions: names resolved, types and dimensions checked, constants folded.
//!
//! In: a tree and, where a field is filled, the kind that it takes. Out: a [`Typed`] expression. A mistake gives one diagnostic and
//! the type [`Type::Poison`], which silences what follows from it.

use std::sync::Arc;

use super::checks::alike;
use super::context::Cx;
use super::schema::Kind;
use super::types::Type;
use crate::diagnostic::Diagnostic;
use crate::ir::{BinaryOp, Expr, Function, UnaryOp, Value};
use crate::source::Span;
use crate::syntax::ast;
use crate::units::{Dimension, Unit};

/// An expression with what is known of it.
#[derive(Debug, Clone)]
pub(super) struct Typed {
    pub(super) expr: Expr,
    pub(super) ty: Type,
    pub(super) span: Span,
    /// Every value that it can have, where that is a short list of constants.
    pub(super) values: Option<Vec<Value>>,
}

impl Typed {
    pub(super) fn new(expr: Expr, ty: Type, span: Span) -> Typed {
        let values = expr.as_value().map(|v| vec![v.clone()]);
        Typed {
            expr,
            ty,
            span,
            values,
        }
    }

    /// What stands where a diagnostic has been given.
    pub(super) fn poison(span: Span) -> Typed {
        Typed {
            expr: Expr::number(1.0),
            ty: Type::Poison,
            span,
            values: None,
        }
    }

    /// Whether it is the number zero, which has every dimension.
    pub(super) fn is_zero(&self) -> bool {
        self.expr == Expr::number(0.0)
    }
}

impl Cx<'_> {
    /// An expression; `want` is the kind of the field that it fills, whose words are names here.
    pub(super) fn expr(&mut self, e: &ast::Expr, want: Option<Kind>) -> Typed {
        let span = e.span;
        match &e.kind {
            ast::ExprKind::Number(number) => self.number(number, span),
            ast::ExprKind::Text(text) => {
                Typed::new(Expr::Value(Value::name(text)), Type::Text, span)
            }
            ast::ExprKind::Bool(b) => Typed::new(Expr::bool(*b), Type::Truth, span),
            ast::ExprKind::Path(path) => self.path(path, want),
            ast::ExprKind::Call { callee, args } => self.call(callee, args, span),
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
                self.conditional(condition, yes, no, want, span)
            }
            ast::ExprKind::Range { .. } | ast::ExprKind::Categories(_) => {
                self.report(
                    Diagnostic::error("bnas::type::mismatch", "a domain cannot stand here")
                        .label(span, "values to choose from")
                        .help("write `in` in place of `=` to search it"),
                );
                Typed::poison(span)
            }
            ast::ExprKind::Subsets(_) => {
                self.later("`subsets`", span);
                Typed::poison(span)
            }
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
                self.report(
                    Diagnostic::error("bnas::unit::unknown", unknown.to_string())
                        .label(unit.span, "no unit has this name")
                        .help(unknown.help()),
                );
                Typed::poison(span)
            }
        }
    }

<<<<<<< HEAD
=======
    /// A name: in scope, a declaration, or a word of the field.
    fn path(&mut self, path: &ast::Path, want: Option<Kind>) -> Typed {
        let span = path.span;
        let Some(text) = members(path) else {
            return self.decision_path(path);
        };
        if let Some(local) = self.local(&text) {
            return Typed {
                expr: local
                    .constant
                    .filter(is_scalar)
                    .unwrap_or(Expr::Name(text, span)),
                ty: local.ty,
                span,
                values: local.values,
            };
        }
        if let Some(local) = self.outer(&text) {
            if let Some(constant) = local.constant {
                return Typed {
                    expr: constant,
                    ty: local.ty,
                    span,
                    values: local.values,
                };
            }
            self.report(
                Diagnostic::error(
                    "bnas::unsupported",
                    format!("`{text}` of the experiment cannot be used inside what it amends unless it is fixed"),
                )
                .label(span, "a choice of the experiment")
                .help("write the domain here: `name in {…}`"),
            );
            return Typed::poison(span);
        }
        if let Some(name) = path.as_name() {
            // Words of the field first: a data set may be called like what it holds.
            if want.is_some_and(|kind| words(kind).contains(&text.as_str())) {
                return Typed::new(Expr::Value(Value::Name(text)), Type::Word, span);
            }
            if let Some(typed) = self.declared(name) {
                return typed;
            }
            if schema::is_word(&text) && !matches!(want, Some(Kind::Number(_) | Kind::Whole)) {
                return Typed::new(Expr::Value(Value::Name(text)), Type::Word, span);
            }
            if text == "pi" {
                return Typed::new(Expr::number(std::f64::consts::PI), Type::PLAIN, span);
            }
            if function(&text).is_some() || schema::record(&text).is_some() {
                self.report(
                    Diagnostic::error("bnas::type::mismatch", format!("`{text}` is called"))
                        .label(span, "a value is needed here")
                        .help(format!("write `{text}(…)`")),
                );
                return Typed::poison(span);
            }
        } else if self.paths.is_some() && schema_head(path) {
            return self.decision_path(path);
        }
        self.unknown_name(&text, span, want.map(words).unwrap_or_default());
        Typed::poison(span)
    }

    /// A name that a file declares or imports.
    fn declared(&mut self, name: &ast::Name) -> Option<Typed> {
        let id = self.find(name)?;
        let kind = self.modules.declaration(id).kind.text.clone();
        let value = Expr::Value(Value::name(&name.text));
        Some(match kind.as_str() {
            "quantizer" => match self.reach_quantizer(id) {
                true => Typed::new(value, Type::Quantizer, name.span),
                false => Typed::poison(name.span),
            },
            "repair" => match self.reach_repair(id) {
                true => Typed::new(value, Type::Repair, name.span),
                false => Typed::poison(name.span),
            },
            other => match schema::declaration(other) {
                Some(known) => Typed::new(value, Type::Declared(known.kind), name.span),
                None => Typed::poison(name.span),
            },
        })
    }

    /// `space.s[1].channels`: a decision by its path, where goals and requirements speak of it.
    fn decision_path(&mut self, path: &ast::Path) -> Typed {
        let span = path.span;
        let Some(paths) = self.paths.clone().filter(|_| schema_head(path)) else {
            self.report(
                Diagnostic::error(
                    "bnas::unsupported",
                    "copies of a `repeat` can be named in `require` and goals only",
                )
                .label(span, "this path has an index"),
            );
            return Typed::poison(span);
        };
        let (mut text, mut plain) = (path.head.text.clone(), path.head.text.clone());
        for step in &path.steps {
            match step {
                ast::Step::Member(name) => {
                    text.push_str(&format!(".{}", name.text));
                    plain.push_str(&format!(".{}", name.text));
                }
                ast::Step::Index(index) => match self.expr(index, Some(Kind::Whole)).expr {
                    Expr::Value(Value::Number(n)) => text.push_str(&format!("[{n}]")),
                    _ => {
                        self.later("an index that is not a number", index.span);
                        return Typed::poison(span);
                    }
                },
                ast::Step::All(at) => {
                    self.later("a path over all copies", *at);
                    return Typed::poison(span);
                }
            }
        }
        if !paths.contains(&plain) {
            let mut diagnostic = Diagnostic::error(
                "bnas::name::unknown",
                format!("there is no decision `{text}`"),
            )
            .label(span, "only what stands behind `in` has a path");
            if let Some(alike) = did_you_mean(&plain, paths.iter().map(String::as_str)) {
                diagnostic = diagnostic.help(format!("did you mean `{alike}`?"));
            }
            self.report(diagnostic);
            return Typed::poison(span);
        }
        Typed {
            expr: Expr::Name(text, span),
            ty: Type::Any,
            span,
            values: None,
        }
    }

>>>>>>> run
    fn set(&mut self, items: &[ast::Expr], want: Option<Kind>, span: Span) -> Typed {
        let mut of = Type::Any;
        let mut first: Option<Typed> = None;
        let mut lowered = Vec::with_capacity(items.len());
        for item in items {
            let typed = self.expr(item, want);
            match &first {
                Some(other)
                    if !typed.ty.fits(&other.ty) && !typed.is_zero() && !other.is_zero() =>
                {
                    let other = other.clone();
                    self.disagree("a set holds values of one kind", &other, &typed);
                    of = Type::Poison;
                }
                Some(_) => {}
                None => {
                    of = typed.ty.clone();
                    first = Some(typed.clone());
                }
            }
            lowered.push(typed.expr);
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
        let x = self.expr(left, None);
        let y = self.expr(right, None);
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
        if !self.both_numbers(&x, &y) || !self.both_numbers(&t, &t) {
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
        let x = self.expr(yes, want);
        let y = self.expr(no, want);
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
<<<<<<< HEAD
=======

    /// Folds what is constant. A constant without a finite value is reported.
    pub(super) fn fold(&mut self, expr: Expr, span: Span) -> Expr {
        match evaluate::reduce(&expr, &|_| None) {
            Ok(folded) => {
                if let Expr::Value(Value::Number(n)) = folded
                    && !n.is_finite()
                {
                    self.report(
                        Diagnostic::error("bnas::domain::not_finite", "this has no finite value")
                            .label(span, format!("it gives {n}")),
                    );
                    return Expr::number(1.0);
                }
                folded
            }
            // Its type has been reported.
            Err(_) => expr,
        }
    }

    fn both_numbers(&mut self, x: &Typed, y: &Typed) -> bool {
        for side in [x, y] {
            if !matches!(side.ty, Type::Number(_)) && !side.ty.is_open() {
                self.expected("a number", side);
                return false;
            }
        }
        true
    }

    /// A value of the wrong kind.
    pub(super) fn expected(&mut self, expected: &str, found: &Typed) {
        let name = found.ty.name();
        self.report(
            Diagnostic::error(
                "bnas::type::mismatch",
                format!("expected {expected}, found {name}"),
            )
            .label(found.span, name),
        );
    }

    /// Two values that do not go together.
    pub(super) fn disagree(&mut self, rule: &str, x: &Typed, y: &Typed) {
        let units = matches!((&x.ty, &y.ty), (Type::Number(_), Type::Number(_)));
        let code = if units {
            "bnas::unit::mismatch"
        } else {
            "bnas::type::mismatch"
        };
        let (a, b) = (x.ty.name(), y.ty.name());
        self.report(
            Diagnostic::error(code, format!("{a} does not go with {b}"))
                .label(y.span, b)
                .label(x.span, a)
                .help(rule.to_string()),
        );
    }
}

/// Whether two values may be compared; zero has every dimension.
fn alike(x: &Typed, y: &Typed) -> bool {
    let numbers = matches!((&x.ty, &y.ty), (Type::Number(_), Type::Number(_)));
    x.ty.fits(&y.ty) || numbers && (x.is_zero() || y.is_zero())
>>>>>>> run
}

/// Constants that are written out where they are used; sets keep their name.
pub(super) fn is_scalar(expr: &Expr) -> bool {
    matches!(expr, Expr::Value(Value::Number(_) | Value::Bool(_)))
}
<<<<<<< HEAD
=======

/// `input.channels` as text, unless there is an index.
pub(super) fn members(path: &ast::Path) -> Option<String> {
    let mut text = path.head.text.clone();
    for step in &path.steps {
        match step {
            ast::Step::Member(name) => {
                text.push('.');
                text.push_str(&name.text);
            }
            ast::Step::Index(_) | ast::Step::All(_) => return None,
        }
    }
    Some(text)
}

fn schema_head(path: &ast::Path) -> bool {
    matches!(
        path.head.text.as_str(),
        "space" | "policy" | "train" | "finetune" | "target" | "data"
    )
}

/// The words that a field of this kind takes.
pub(super) fn words(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Word(words) | Kind::WholeOr(words) | Kind::TruthOr(words) => words,
        Kind::Scale => schema::SCALES,
        Kind::Quantizer => &["float"],
        Kind::Augment => &["flip"],
        _ => &[],
    }
}

/// Built-in functions of numbers: what they are, and how many arguments they take.
pub(super) fn function(name: &str) -> Option<(Function, usize)> {
    Some(match name {
        "abs" => (Function::Abs, 1),
        "sign" => (Function::Sign, 1),
        "round" => (Function::Round, 1),
        "floor" => (Function::Floor, 1),
        "ceil" => (Function::Ceil, 1),
        "sqrt" => (Function::Sqrt, 1),
        "exp" => (Function::Exp, 1),
        "ln" => (Function::Ln, 1),
        "log2" => (Function::Log2, 1),
        "tanh" => (Function::Tanh, 1),
        "sin" => (Function::Sin, 1),
        "cos" => (Function::Cos, 1),
        "max" => (Function::Max, 2),
        "min" => (Function::Min, 2),
        "clip" => (Function::Clip, 3),
        "multiple_of" => (Function::MultipleOf, 2),
        "peak" => (Function::Peak, 1),
        _ => return None,
    })
}
>>>>>>> run
