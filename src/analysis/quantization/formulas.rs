//! Formulas of quantizers: `forward(x) = …`, `gradient`, `normalize`, `scale`, and the names that they use.
//!
//! In: the entries of a quantizer that are no fields. Out: [`Formulas`] in which calls of one formula in another are written out (`own`).
//! Whether what they compute can run is asked of the model.

use super::own::is_own;
use super::quantizer::target;
use crate::analysis::context::{Cx, Local};
use crate::analysis::expression::expr::Typed;
use crate::analysis::expression::types::Type;
use crate::analysis::merged::Merged;
use crate::diagnostic::Diagnostic;
use crate::ir::{Codes, Expr, Formulas, Function, Let, Per, Reduction};
use crate::model::expression::rename::renamed;
use crate::model::formula;
use crate::model::quantization::grids::Grids;
use crate::source::Span;
use crate::syntax::ast::{self, Entry, EntryKind};

/// Names of the value that a formula takes.
pub(super) const PARAMETERS: [&str; 2] = ["x", "w"];

/// The order in which formulas may call those before them.
pub(in crate::analysis) const ORDER: [&str; 4] = ["normalize", "scale", "forward", "gradient"];

impl Cx<'_> {
    /// The formulas of a quantizer, with the names above them.
    pub(in crate::analysis) fn formulas(
        &mut self,
        merged: &Merged,
        entries: &[Entry],
        lets: Vec<Let>,
        codes: Codes,
        grids: &Grids,
        rule: bool,
    ) -> Formulas {
        let mut formulas = Formulas {
            lets,
            ..Formulas::default()
        };
        let mut all: Vec<&ast::Formula> = Vec::new();
        for entry in entries {
            match &entry.kind {
                _ if target(entry).is_some() => {}
                EntryKind::Formula(f) if is_own(f) && self.has_taken_name(merged, f) => {
                    if let Some(known) = &mut self.formulas {
                        known.add(&f.name.text, None);
                    }
                }
                EntryKind::Formula(f) => all.push(f),
                _ => self.stray(merged, entry, "a quantizer holds fields and formulas"),
            }
        }
        let mut is_no_scale = false;
        for name in ORDER {
            let Some(written) = all.iter().find(|f| f.name.text == name) else {
                continue;
            };
            let Some(body) = self.lower_formula(written, &all, &mut Vec::new()) else {
                continue;
            };
            match name {
                "normalize" => formulas.normalize = Some(body),
                "scale" => {
                    let before = self.sink.errors();
                    self.own_scale(merged, written, &body, rule);
                    self.scale_is_positive(written, &body);
                    is_no_scale = self.sink.errors() > before;
                    formulas.scale = Some(body);
                }
                "gradient" => formulas.gradient = Some(body),
                _ => {
                    formulas.forward = Some(body.clone());
                    // A scale that is wrong makes no codes.
                    if let Some(forward) = formula::constant(&formulas).forward
                        && !is_no_scale
                    {
                        self.gives_codes(written, &forward, codes, grids);
                    }
                    // What every binary quantizer does.
                    let sign = Expr::Call(Function::Sign, vec![x(written.name.span)]);
                    let plain = codes == Codes::Binary
                        && formulas.scale.is_none()
                        && formulas.normalize.is_none()
                        && same(&body, &sign);
                    formulas.forward = Some(body).filter(|_| !plain);
                }
            }
        }
        self.uncalled(merged, &all);
        formulas
    }

    /// The body of a formula, over `x`.
    pub(super) fn formula_body(&mut self, formula: &ast::Formula) -> Option<Expr> {
        let name = &formula.name.text;
        let [param] = formula.params.as_slice() else {
            self.report(
                Diagnostic::error(
                    "bnas::type::arity",
                    format!("`{name}` is a formula of one number"),
                )
                .label(
                    formula.name.span,
                    format!("has {} parameters", formula.params.len()),
                )
                .help(format!("write `{name}(x) = …`")),
            );
            return None;
        };
        if !PARAMETERS.contains(&param.name.text.as_str()) {
            self.report(
                Diagnostic::error(
                    "bnas::quantizer::parameter",
                    "the number that a formula takes is called `x` or, of weights, `w`",
                )
                .label(param.name.span, "another name")
                .help(format!("write `{name}(x) = …`")),
            );
            return None;
        }
        let mark = self.locals.len();
        let from = param.name.text.clone();
        self.locals.push(Local::built_in(from.clone(), Type::PLAIN));
        let body = self.number_of_formula(&formula.body);
        self.leave(mark);
        let rename = |name: &str| (name == from).then(|| "x".to_string());
        Some(renamed(&body?, &rename))
    }

    /// `normalize(w)`, `mean(w, per = filter)`: calls that only formulas know. `None`: it is neither.
    pub(in crate::analysis) fn formula_call(
        &mut self,
        name: &ast::Name,
        args: &[ast::Argument],
        span: Span,
    ) -> Option<Typed> {
        if let Some(typed) = self.call_of_formula(name, args, span) {
            return Some(typed);
        }
        let reduction = match name.text.as_str() {
            "mean" => Reduction::Mean,
            "std" => Reduction::Std,
            "sum" => Reduction::Sum,
            "max" => Reduction::Max,
            "min" => Reduction::Min,
            _ => return None,
        };
        let per = args.iter().find_map(|a| match a {
            ast::Argument::Fixed { name, value } if name.text == "per" => Some(value),
            _ => None,
        });
        let only_reduces = matches!(reduction, Reduction::Mean | Reduction::Std);
        let one = (self.formulas.is_some() && args.len() == 1)
            && matches!(reduction, Reduction::Sum | Reduction::Max | Reduction::Min);
        if per.is_none() && !only_reduces && !one {
            return None;
        }
        Some(self.reduction(reduction, name, args, per, span))
    }

    fn reduction(
        &mut self,
        reduction: Reduction,
        name: &ast::Name,
        args: &[ast::Argument],
        per: Option<&ast::Expr>,
        span: Span,
    ) -> Typed {
        if self.formulas.is_none() {
            let of = self.text(args.first().map_or(span, argument_span));
            let help = match of.contains("[*]") && name.text == "mean" {
                true => format!("write `sum({of}) / count({of})`"),
                false => "only formulas of a quantizer reduce".to_string(),
            };
            self.report(
                Diagnostic::error(
                    "bnas::type::mismatch",
                    format!(
                        "`{}` over the values of a tensor has no place here",
                        name.text
                    ),
                )
                .label(span, "there is no tensor")
                .help(help),
            );
            return Typed::poison(span);
        }
        let word = per.map(|e| self.text(e.span)).unwrap_or_default();
        let over = match word.as_str() {
            "filter" => Per::Filter,
            "tensor" => Per::Tensor,
            _ => {
                let place = per.map_or(span, |e| e.span);
                let of = self.text(args.first().map_or(span, argument_span));
                self.report(
                    Diagnostic::error(
                        "bnas::quantizer::per",
                        format!("`{}` needs to know over which values it goes", name.text),
                    )
                    .label(place, "neither `per = filter` nor `per = tensor`")
                    .help(format!("write `{}({of}, per = filter)`", name.text)),
                );
                return Typed::poison(span);
            }
        };
        let [
            ast::Argument::Positional {
                value,
                filter: None,
            },
            _,
        ] = args
        else {
            self.report(
                Diagnostic::error(
                    "bnas::type::arity",
                    format!("`{}` takes one value and `per`", name.text),
                )
                .label(span, format!("{} given", args.len())),
            );
            return Typed::poison(span);
        };
        let Some(of) = self.number_of_formula(value) else {
            return Typed::poison(span);
        };
        let expr = Expr::Call(Function::Reduce(reduction, over), vec![of]);
        Typed::new(expr, Type::PLAIN, span)
    }

    /// A plain number, which formulas compute with; nothing after a diagnostic.
    pub(super) fn number_of_formula(&mut self, value: &ast::Expr) -> Option<Expr> {
        let number = self.expr(value, None);
        if number.ty == Type::Poison {
            return None;
        }
        if !number.ty.fits(&Type::PLAIN) {
            self.expected("a plain number", &number);
            return None;
        }
        Some(number.expr)
    }

    /// A formula of the scale is the same for a whole filter, and the only scale.
    fn own_scale(&mut self, merged: &Merged, formula: &ast::Formula, body: &Expr, rule: bool) {
        if formula::differs(body) {
            self.report(
                Diagnostic::error(
                    "bnas::quantizer::scale",
                    "this scale differs from value to value",
                )
                .label(formula.body.span, "reads the value outside of a reduction")
                .help("reduce it: `mean(…, per = filter)`"),
            );
        }
        self.own_granularity(merged, formula, body);
        if rule {
            let place = merged.entries.iter().find(|e| {
                target(e).is_some_and(|path| path.as_name().is_some_and(|n| n.text == "scale"))
            });
            self.report(
                Diagnostic::error(
                    "bnas::quantizer::scale",
                    format!("`{}` has two scales", merged.name.text),
                )
                .label(place.map_or(merged.name.span, |e| e.span), "a rule")
                .label(formula.name.span, "and a formula")
                .help("remove one of the two"),
            );
        }
    }

    /// Where a declaration says `granularity` beside a formula of the scale, it says what the formula does.
    fn own_granularity(&mut self, merged: &Merged, formula: &ast::Formula, body: &Expr) {
        let (does, says) = match formula::is_per_filter(body) {
            true => ("per_channel", "one scale for each filter"),
            false => ("per_tensor", "one scale for the whole tensor"),
        };
        let beside = |span: Span| {
            let mut declared = merged.lineage.iter();
            declared.any(|d| d.holds(span) && d.holds(formula.name.span))
        };
        let written = merged.entries.iter().find_map(|entry| match &entry.kind {
            EntryKind::Field(field)
                if field
                    .target
                    .as_name()
                    .is_some_and(|n| n.text == "granularity") =>
            {
                Some(&field.value)
            }
            _ => None,
        });
        let Some(written) = written.filter(|value| beside(value.span)) else {
            return;
        };
        let word = self.text(written.span);
        if word == does || !["per_channel", "per_tensor"].contains(&word.as_str()) {
            return;
        }
        self.report(
            Diagnostic::error(
                "bnas::quantizer::scale",
                format!(
                    "`{}` says `{word}`, and its scale is `{does}`",
                    merged.name.text
                ),
            )
            .label(written.span, "this")
            .label(formula.body.span, says)
            .help(format!(
                "write `granularity = {does}`, or remove it: the formula says so"
            )),
        );
    }

    /// What `forward` gives is a code of the quantizer times a scale, for every width.
    fn gives_codes(&mut self, formula: &ast::Formula, body: &Expr, codes: Codes, grids: &Grids) {
        let found = formula::codes::split(body)
            .and_then(|(_, code)| grids.fit(|grid| formula::codes::are_codes(&code, grid)));
        let Err(why) = found else { return };
        let help = match codes {
            Codes::Binary => "write it as `scale(w) * sign(…)`",
            Codes::Ternary => "write it as `scale(w) * round(clip(…, -1, 1))`",
            Codes::Uniform => {
                "write it as `scale(w) * round(clip(…, low, high))`: `low` and `high` are the smallest and largest code"
            }
        };
        self.report(
            Diagnostic::error(
                "bnas::quantizer::codes",
                "what `forward` gives is no code times a scale",
            )
            .label(formula.body.span, why)
            .help(help),
        );
    }
}

fn x(span: Span) -> Expr {
    Expr::Name("x".into(), span)
}

/// Whether two expressions are the same wherever they stand.
fn same(a: &Expr, b: &Expr) -> bool {
    match (a, b) {
        (Expr::Call(f, a), Expr::Call(g, b)) => {
            f == g && a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
        }
        (Expr::Name(a, _), Expr::Name(b, _)) => a == b,
        _ => a == b,
    }
}

fn argument_span(argument: &ast::Argument) -> Span {
    match argument {
        ast::Argument::Positional { value, .. } | ast::Argument::Fixed { value, .. } => value.span,
        ast::Argument::Searched { domain, .. } => domain.span,
    }
}
