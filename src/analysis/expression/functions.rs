//! Built-in functions of numbers.
//!
//! In: a name and positional arguments. Out: a typed call, folded where it is constant. What a function computes stands in
//! `model::evaluate`.

use std::sync::Arc;

use super::expr::Typed;
use super::lookup::members;
use super::takes;
use super::types::Type;
use crate::analysis::context::{Cx, list};
use crate::analysis::quantization::formulas::ORDER;
use crate::analysis::schema::{self, Kind};
use crate::diagnostic::{Diagnostic, did_you_mean, meant};
use crate::ir::{BinaryOp, Expr, Function};
use crate::model::expression::aggregate::halved;
use crate::source::Span;
use crate::syntax::ast;
use crate::units::Dimension;

/// The longest argument that is repeated in a help.
const LONGEST: usize = 40;

impl Cx<'_> {
    pub(in crate::analysis) fn function(
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
                    let text = self.text(value.span);
                    self.report(
                        Diagnostic::error(
                            "bnas::name::unknown_key",
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
                .label(span, format!("{} given", given.len()))
                .help(match given.len() < arity {
                    true => "add what is missing",
                    false => "remove what is too much",
                }),
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
            halved(exprs, &|a, b| Expr::Call(function, vec![a, b])).expect("at least two arguments")
        } else {
            Expr::Call(function, exprs.collect())
        };
        self.folded(expr, ty, span)
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
            Abs | Stop => Some(args[0].ty.clone()),
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
                            .help(self.divided(name, arg)),
                        );
                        return None;
                    }
                }
                Some(Type::PLAIN)
            }
        }
    }

    /// How an argument becomes a plain number: `sqrt(4 s / (1 s))`.
    fn divided(&self, name: &ast::Name, arg: &Typed) -> String {
        let text = self.text(arg.span);
        let is_number = text.starts_with(|c: char| c.is_ascii_digit());
        let is_sum = [" + ", " - "].iter().any(|sign| text.contains(sign))
            || !is_number && text.contains(['+', '-']);
        let text = match (is_sum, text.len() > LONGEST) {
            (_, true) => "(…)".to_string(),
            (true, false) => format!("({text})"),
            (false, false) => text,
        };
        let unit = arg.ty.base_unit();
        format!(
            "divide it by a quantity of its dimension first: `{}({text} / (1 {unit}))`",
            name.text
        )
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
                let text = format!("there is no precision `{name}`");
                let diagnostic = Diagnostic::error("bnas::name::unknown", text)
                    .label(arg.span, "none of this name is known here");
                let is_other = self.modules.in_library(&name).is_some();
                let alike = did_you_mean(&name, known.iter().copied());
                self.report(match alike.filter(|_| !is_other) {
                    _ if known.is_empty() => diagnostic.help(format!(
                        "`peak` is known in a target: write `check peak({name}) …` there"
                    )),
                    Some(alike) => diagnostic.help(format!("did you mean `{alike}`?")),
                    None => diagnostic.help(format!(
                        "its precisions are {}",
                        list(known.iter().copied())
                    )),
                });
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

    /// Something is called that is nothing; `want` is the kind of the field that it fills.
    pub(in crate::analysis) fn unknown_call(&mut self, name: &str, span: Span, want: Option<Kind>) {
        let instead = self.instead_of_call(name, span);
        let instead = instead.or_else(|| want.and_then(|k| takes::instead_of_call(name, k)));
        if let Some(help) = instead {
            self.report(
                Diagnostic::error(
                    "bnas::name::unknown",
                    format!("there is no function `{name}`"),
                )
                .label(span, "nothing of this name can be called here")
                .help(help),
            );
            return;
        }
        if self.formulas.as_ref().is_some_and(|f| f.is_written(name)) {
            self.report(
                Diagnostic::error("bnas::name::unknown", format!("`{name}` is not known here"))
                    .label(span, "called by what comes before it")
                    .help(format!(
                        "names call no formulas, and formulas those before them in {}",
                        list(ORDER.into_iter())
                    )),
            );
            return;
        }
        let records = schema::RECORDS.iter().map(|(_, c)| c.name);
        let functions = schema::FUNCTIONS.iter().map(|f| f.name);
        let schedules = schema::SCHEDULES.iter().map(|c| c.name);
        // A formula of a quantizer calls functions alone.
        let others = records.chain(schedules).filter(|_| self.formulas.is_none());
        let known: Vec<&str> = functions.chain(others).collect();
        let own: Vec<&str> = (self.formulas.iter())
            .flat_map(|known| known.written())
            .collect();
        let mut diagnostic = Diagnostic::error(
            "bnas::name::unknown",
            format!("there is no function `{name}`"),
        )
        .label(span, "nothing of this name can be called here");
        let last = name.rsplit('.').next().unwrap_or(name);
        let is_prefixed = last != name && schema::FUNCTIONS.iter().any(|f| f.name == last);
        diagnostic = match meant(name, own.iter().chain(&known).copied().collect::<Vec<_>>()) {
            _ if self.formulas.is_some() && name == "scale" => diagnostic.help(
                "give it as a formula, `scale(w) = …`, or write a `forward(w)` that does without: a rule such as `scale = learned` is not called",
            ),
            _ if self.formulas.is_some() && name == "normalize" => diagnostic
                .help("write the formula `normalize(w) = …` for it"),
            // `torch.sign(x)`, `x.sign()`
            _ if is_prefixed => {
                let own = name.strip_suffix(last).unwrap_or("").trim_end_matches('.');
                diagnostic.help(match self.local_named(own) {
                    true => format!("write `{last}({own})`"),
                    false => format!("write `{last}(…)`, without `{own}.` before it"),
                })
            }
            // elsewhere `log` is the natural one, and `log2` is the next of name only
            _ if let Some(range) = self.called_range(name, span) => {
                diagnostic.help(format!("write `{range}`"))
            }
            _ if name == "log" => diagnostic.help("write `ln(…)`, or `log2(…)` for base 2"),
            _ if name == "log10" => diagnostic.help("write `ln(…) / ln(10)`"),
            Some(alike) => diagnostic.help(format!("did you mean `{alike}`?")),
            // In the loss of a stage.
            None if did_you_mean(name, ["distill"]).is_some() => {
                diagnostic.help("did you mean `distill`?")
            }
            None if let Some(block) = did_you_mean(name, self.blocks_by_name(span.source)) => {
                diagnostic.help(format!("did you mean `{block}`?"))
            }
            None => {
                let functions = schema::FUNCTIONS.iter().map(|f| f.name);
                diagnostic.help(format!("functions are {}", list(functions)))
            }
        };
        self.report(diagnostic);
    }

    /// `lr in 1e-3..1e-2 log` for `lr in log(1e-3, 1e-2)`.
    fn called_range(&self, name: &str, span: Span) -> Option<String> {
        let text = &self.sources.get(span.source).text;
        let (before, behind) = (&text[..span.start as usize], &text[span.end as usize..]);
        let before = before.trim_end().strip_suffix(" in")?;
        let is_path = |c: char| c.is_ascii_alphanumeric() || "_.".contains(c);
        let searched = &before[before.trim_end_matches(is_path).len()..];
        let (low, high) = behind
            .strip_prefix('(')?
            .split_once(')')?
            .0
            .split_once(',')?;
        let (low, high) = (low.trim(), high.trim());
        let are_numbers = [low, high].iter().all(|end| end.parse::<f64>().is_ok());
        (are_numbers && LOGARITHMIC.contains(&name))
            .then(|| format!("{searched} in {low}..{high} log"))
    }
}

/// What other tools call to walk a range by its logarithm.
const LOGARITHMIC: [&str; 3] = ["log", "log_uniform", "loguniform"];

/// Built-in functions of numbers: what they are, and how many arguments they take.
pub(in crate::analysis) fn function(name: &str) -> Option<(Function, usize)> {
    let known = schema::FUNCTIONS.iter().find(|f| f.name == name)?;
    Some((known.computes?, known.arity))
}
