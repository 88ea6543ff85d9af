//! Calls that make a value with fields, such as `adam(lr = 2e-3)` and `int { bits = 4 }`.
//!
//! In: a callee and its arguments. Out: a typed expression, with every default of the schema filled in. It must not know where the value goes.

use super::context::Cx;
use super::expr::Typed;
use super::fields::{Given, Written, find};
use super::functions::function;
use super::schema::{self, Callable, QUANTIZER};
use super::types::{self, Type};
use crate::diagnostic::Diagnostic;
use crate::ir::{Expr, Slot};
use crate::source::Span;
use crate::syntax::ast;

/// Fields of a quantizer that may be given where it is used.
const GIVEN_IN_PLACE: usize = 4;

impl Cx<'_> {
    /// `abs(x)`, `adam(lr = 2e-3)`.
    pub(super) fn call(&mut self, callee: &ast::Path, args: &[ast::Argument], span: Span) -> Typed {
        let Some(name) = callee.as_name() else {
            let text = self.text(callee.span);
            self.unknown_call(&text, callee.span);
            return Typed::poison(span);
        };
        if let Some((kind, record)) = schema::record(&name.text) {
            let written = self.arguments(name, args, record);
            let fields = self.filled_args(&written, record);
            return Typed {
                expr: Expr::Record(name.text.clone(), fields, span),
                ty: types::of_kind(*kind),
                span,
                values: None,
            };
        }
        if let Some((function, arity)) = function(&name.text) {
            return self.function(function, arity, name, args, span);
        }
        if schema::operation(&name.text).is_some() {
            self.report(
                Diagnostic::error(
                    "bnas::type::mismatch",
                    format!("`{}` is an operation of a layer", name.text),
                )
                .label(span, "no value")
                .help(format!("write `layer name = {}`", self.text(span))),
            );
            return Typed::poison(span);
        }
        self.unknown_call(&name.text, callee.span);
        Typed::poison(span)
    }

<<<<<<< HEAD
=======
    pub(super) fn unknown_call(&mut self, name: &str, span: Span) {
        if CALLS_LATER.contains(&name) {
            self.later(&format!("`{name}(…)`"), span);
            return;
        }
        const FUNCTIONS: &[&str] = &[
            "abs",
            "sign",
            "round",
            "floor",
            "ceil",
            "sqrt",
            "exp",
            "ln",
            "log2",
            "tanh",
            "sin",
            "cos",
            "max",
            "min",
            "clip",
            "multiple_of",
            "peak",
        ];
        let records = schema::RECORDS.iter().map(|(_, c)| c.name);
        let known: Vec<&str> = FUNCTIONS.iter().copied().chain(records).collect();
        let mut diagnostic = Diagnostic::error(
            "bnas::name::unknown",
            format!("there is no function `{name}`"),
        )
        .label(span, "nothing of this name can be called here");
        diagnostic = match did_you_mean(name, known.iter().copied()) {
            Some(alike) => diagnostic.help(format!("did you mean `{alike}`?")),
            None => diagnostic.help(format!("functions are {}", list(known.iter().copied()))),
        };
        self.report(diagnostic);
    }

>>>>>>> run
    /// Arguments by name; the positional one by the name that the schema gives it.
    pub(super) fn arguments<'e>(
        &mut self,
        name: &ast::Name,
        args: &'e [ast::Argument],
        callable: &'static Callable,
    ) -> Written<'e> {
        let mut written = Written::new(format!("`{}`", name.text), name.span);
        for arg in args {
            match arg {
                ast::Argument::Fixed { name, value } => {
                    self.give(&mut written, name, Given::Fixed(value), callable.fields);
                }
                ast::Argument::Searched {
                    name,
                    domain,
                    default,
                } => {
                    self.give(
                        &mut written,
                        name,
                        Given::Searched(domain, default.as_ref()),
                        callable.fields,
                    );
                }
                ast::Argument::Positional { value, filter } => {
                    if let Some(filter) = filter {
                        self.later("`where` behind an argument", filter.span);
                    }
                    self.positional(&mut written, name, value, callable);
                }
            }
        }
        written
    }

    fn positional<'e>(
        &mut self,
        written: &mut Written<'e>,
        callee: &ast::Name,
        value: &'e ast::Expr,
        callable: &'static Callable,
    ) {
        match callable.positional {
            Some(field) if written.given.is_empty() => {
                let name = ast::Name {
                    text: field.into(),
                    span: value.span,
                };
                written.given.push((name, Given::Fixed(value)));
            }
            _ => {
                let text = self.text(value.span);
                let mut diagnostic = Diagnostic::error(
                    "bnas::name::positional",
                    format!("arguments of `{}` are named", callee.text),
                )
                .label(value.span, "has no name");
                diagnostic = match callable.fields.first() {
                    Some(field) => diagnostic.help(format!("write `{} = {text}`", field.name)),
                    None => diagnostic.help(format!("`{}` takes no arguments", callee.text)),
                };
                self.report(diagnostic);
                if let Some(field) = callable.fields.first() {
                    written.mean(field.name);
                }
            }
        }
    }

    /// Every argument of a callable in the order of the schema; those without a value are left out.
    pub(super) fn filled_args(
        &mut self,
        written: &Written,
        callable: &'static Callable,
    ) -> Vec<(String, Slot)> {
        let mut fields = Vec::with_capacity(callable.fields.len());
        for field in callable.fields {
            if let Some(slot) = self.slot(written, field) {
                fields.push((field.name.to_string(), slot));
            }
        }
        fields
    }

    /// `int { bits = 4 }`: a quantizer with fields of its own.
    pub(super) fn amended_value(
        &mut self,
        base: &ast::Expr,
        entries: &[ast::Entry],
        span: Span,
    ) -> Typed {
        let quantizer = match &base.kind {
            ast::ExprKind::Path(path) => path.as_name().cloned(),
            _ => None,
        };
        let typed = self.expr(base, None);
        let (Some(name), Type::Quantizer) = (quantizer, &typed.ty) else {
            if !typed.ty.is_open() {
                let found = typed.ty.name();
                self.report(
                    Diagnostic::error(
                        "bnas::type::mismatch",
                        format!("{found} cannot be amended here"),
                    )
                    .label(base.span, found)
                    .help("a quantizer takes fields in braces: `int { bits = 4 }`"),
                );
            }
            return Typed::poison(span);
        };
        if matches!(typed.expr, Expr::Name(..)) {
            self.later("an amendment of a chosen quantizer", span);
            return Typed::poison(span);
        }
        let known = &QUANTIZER[..GIVEN_IN_PLACE];
        let written = self.written(&format!("`{}`", name.text), name.span, entries, known);
        let mut fields = Vec::with_capacity(written.given.len());
        for (field, given) in &written.given {
            let slot = self.filled(find(known, &field.text), *given, field.span);
            fields.push((field.text.clone(), slot));
        }
        if let Some((bits, _)) = written.get("bits")
            && !self.is_uniform(&name)
        {
            self.report(
                Diagnostic::error(
                    "bnas::quantizer::bits",
                    format!("`{}` has codes of fixed width", name.text),
                )
                .label(bits.span, "only a uniform quantizer has `bits`")
                .help("write `int { bits = … }`"),
            );
        }
        Typed {
            expr: Expr::Record(name.text, fields, span),
            ty: Type::Quantizer,
            span,
            values: None,
        }
    }
<<<<<<< HEAD
=======

    fn function(
        &mut self,
        function: Function,
        arity: usize,
        name: &ast::Name,
        args: &[ast::Argument],
        span: Span,
    ) -> Typed {
        let mut given = Vec::with_capacity(args.len());
        for arg in args {
            match arg {
                ast::Argument::Positional {
                    value,
                    filter: None,
                } => given.push(value),
                ast::Argument::Positional {
                    filter: Some(filter),
                    ..
                } => {
                    self.later("`where` behind an argument", filter.span);
                    return Typed::poison(span);
                }
                ast::Argument::Fixed { name: key, value }
                | ast::Argument::Searched {
                    name: key,
                    domain: value,
                    ..
                } => {
                    let code = if CALLS_LATER.contains(&name.text.as_str()) {
                        "bnas::unsupported"
                    } else {
                        "bnas::name::unknown_key"
                    };
                    let text = self.text(value.span);
                    self.report(
                        Diagnostic::error(
                            code,
                            format!("`{}` takes no argument by name", name.text),
                        )
                        .label(key.span, "a function of numbers")
                        .help(format!("write `{}({text})`", name.text)),
                    );
                    return Typed::poison(span);
                }
            }
        }
        let many = matches!(function, Function::Max | Function::Min) && given.len() >= 2;
        if given.len() != arity && !many {
            self.report(
                Diagnostic::error(
                    "bnas::type::arity",
                    format!(
                        "`{}` takes {arity} {}, found {}",
                        name.text,
                        if arity == 1 { "argument" } else { "arguments" },
                        given.len()
                    ),
                )
                .label(span, format!("{} given", given.len())),
            );
            return Typed::poison(span);
        }
        if function == Function::Peak {
            return self.peak(given[0], span);
        }
        let args: Vec<Typed> = given.into_iter().map(|e| self.expr(e, None)).collect();
        let Some(ty) = self.function_type(function, name, &args) else {
            return Typed::poison(span);
        };
        if args.iter().any(|a| a.ty == Type::Poison) {
            return Typed::poison(span);
        }
        let exprs = args.into_iter().map(|a| a.expr);
        let expr = if many {
            // max(a, b, c) = max(max(a, b), c)
            exprs
                .reduce(|a, b| Expr::Call(function, vec![a, b]))
                .expect("at least two arguments")
        } else {
            Expr::Call(function, exprs.collect())
        };
        Typed::new(self.fold(expr, span), ty, span)
    }

    /// The type of a call, or a diagnostic about an argument.
    fn function_type(
        &mut self,
        function: Function,
        name: &ast::Name,
        args: &[Typed],
    ) -> Option<Type> {
        use Function::*;
        for arg in args {
            if !matches!(arg.ty, Type::Number(_)) && !arg.ty.is_open() {
                self.expected("a number", arg);
                return None;
            }
        }
        match function {
            Abs => Some(args[0].ty.clone()),
            Sign => Some(Type::PLAIN),
            Max | Min | Clip => {
                for other in &args[1..] {
                    if !other.ty.fits(&args[0].ty)
                        && other.expr != Expr::number(0.0)
                        && args[0].expr != Expr::number(0.0)
                    {
                        self.disagree(
                            &format!("arguments of `{}` are of one dimension", name.text),
                            &args[0],
                            other,
                        );
                        return None;
                    }
                }
                let whole = args
                    .iter()
                    .find(|a| a.ty != Type::Number(Dimension::NUMBER))
                    .unwrap_or(&args[0]);
                Some(whole.ty.clone())
            }
            _ => {
                for arg in args {
                    if !arg.ty.fits(&Type::PLAIN) {
                        self.report(
                            Diagnostic::error(
                                "bnas::unit::mismatch",
                                format!(
                                    "`{}` takes a plain number, found {}",
                                    name.text,
                                    arg.ty.name()
                                ),
                            )
                            .label(arg.span, arg.ty.name())
                            .help("divide it by a quantity of its dimension first: `x / (1 bit)`"),
                        );
                        return None;
                    }
                }
                Some(Type::PLAIN)
            }
        }
    }

    /// `peak(binary)`: mac/cycle · op/mac · cycle/s.
    fn peak(&mut self, arg: &ast::Expr, span: Span) -> Typed {
        let path = match &arg.kind {
            ast::ExprKind::Path(path) => members(path),
            _ => None,
        };
        let precisions: Vec<String> = self
            .locals
            .iter()
            .filter_map(|l| l.name.strip_suffix(".macs").map(str::to_string))
            .collect();
        let known: Vec<&str> = precisions.iter().map(String::as_str).collect();
        match path {
            Some(name) if known.contains(&name.as_str()) => {
                let field = |text: String| Expr::Name(text, arg.span);
                let rate = Expr::Binary(
                    BinaryOp::Multiply,
                    Arc::new(field(format!("{name}.macs"))),
                    Arc::new(field("op_per_mac".into())),
                );
                let expr = Expr::Binary(
                    BinaryOp::Multiply,
                    Arc::new(rate),
                    Arc::new(field("clock".into())),
                );
                Typed::new(expr, Type::in_unit("op/s"), span)
            }
            Some(name) => {
                self.unknown_name(&name, arg.span, &known);
                Typed::poison(span)
            }
            None => {
                self.report(
                    Diagnostic::error(
                        "bnas::type::mismatch",
                        "`peak` takes the name of a precision",
                    )
                    .label(arg.span, "not a name"),
                );
                Typed::poison(span)
            }
        }
    }

    /// One operation of a layer: `conv(channels = 16)` or `relu`.
    pub(super) fn operation(&mut self, e: &ast::Expr) -> Option<crate::ir::Operation> {
        let none: &[ast::Argument] = &[];
        let (path, args) = match &e.kind {
            ast::ExprKind::Path(path) => (path, none),
            ast::ExprKind::Call { callee, args } => (callee, args.as_slice()),
            ast::ExprKind::Error => return None,
            _ => {
                self.report(
                    Diagnostic::error("bnas::type::mismatch", "a layer is a chain of operations")
                        .label(e.span, "this is none")
                        .help(
                            "write operations with arrows: `conv(channels = 16) -> norm -> relu`",
                        ),
                );
                return None;
            }
        };
        let name = super::fields::whole(path);
        let Some(callable) = schema::operation(&name.text) else {
            self.unknown_operation(&name, e.span);
            return None;
        };
        let written = self.arguments(&name, args, callable);
        let mut fields = self.filled_args(&written, callable);
        if name.text == "pool" && written.get("stride").is_none() {
            match written.get("kernel") {
                Some((key, Given::Searched(..))) => self.report(
                    Diagnostic::error(
                        "bnas::field::missing",
                        "`pool` needs `stride` where its kernel is searched",
                    )
                    .label(key.span, "searched")
                    .help("add `stride = …`"),
                ),
                _ => {
                    let kernel = fields
                        .iter()
                        .find(|(n, _)| n == "kernel")
                        .map(|(_, s)| s.clone());
                    let stride =
                        kernel.filter(|s| *s != Slot::Fixed(Expr::Value(Value::name("global"))));
                    let stride = stride.unwrap_or(Slot::Fixed(Expr::number(1.0)));
                    fields.push(("stride".into(), stride));
                }
            }
        }
        Some(crate::ir::Operation {
            name: name.text,
            args: fields,
            span: e.span,
        })
    }

    fn unknown_operation(&mut self, name: &ast::Name, span: Span) {
        if schema::OPERATIONS_LATER.contains(&name.text.as_str()) {
            self.later(&format!("the operation `{}`", name.text), span);
            return;
        }
        let known: Vec<&str> = schema::OPERATIONS.iter().map(|o| o.name).collect();
        let mut diagnostic = Diagnostic::error(
            "bnas::name::unknown",
            format!("there is no operation `{}`", name.text),
        )
        .label(name.span, "no operation of a layer");
        diagnostic = match did_you_mean(&name.text, known.iter().copied()) {
            Some(alike) => diagnostic.help(format!("did you mean `{alike}`?")),
            None => diagnostic.help(format!("operations are {}", list(known.iter().copied()))),
        };
        self.report(diagnostic);
    }
>>>>>>> run
}
