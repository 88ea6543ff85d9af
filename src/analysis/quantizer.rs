//! Quantizers.
//!
//! In: a merged declaration. Out: [`Quantizer`] with its formulas over `x` and `progress`.

use super::context::{Cx, Local};
use super::fields::{Given, Written};
use super::merged::Merged;
use super::names::Id;
use super::types::Type;
use crate::diagnostic::Diagnostic;
use crate::ir::{Codes, Expr, Quantizer, Slot, Value};
use crate::syntax::ast::{self, Entry, EntryKind, ExprKind};

impl Cx<'_> {
    /// Makes a quantizer one of the experiment's; false after a diagnostic.
    pub(super) fn reach_quantizer(&mut self, id: Id) -> bool {
        if self
            .reached
            .quantizers
            .iter()
            .any(|(known, _)| *known == id)
        {
            return true;
        }
        let Some(merged) = self.merged(id) else {
            return false;
        };
        let quantizer = self.quantizer(&merged);
        let same = self
            .reached
            .quantizers
            .iter()
            .find(|(_, q)| q.name == quantizer.name);
        if let Some(first) = same.map(|(_, q)| q.span) {
            self.report(
                Diagnostic::error(
                    "bnas::name::duplicate",
                    format!("two quantizers are called `{}`", quantizer.name),
                )
                .label(quantizer.span, "this one")
                .label(first, "and this one")
                .help("rename one of the two: results name quantizers"),
            );
            return false;
        }
        self.reached.quantizers.push((id, quantizer));
        true
    }

    /// Whether a name stands for a quantizer with codes of any width.
    pub(super) fn is_uniform(&mut self, name: &ast::Name) -> bool {
        let Some(id) = self.find(name) else {
            return true;
        };
        let found = self
            .reached
            .quantizers
            .iter()
            .find(|(known, _)| *known == id);
        found.is_none_or(|(_, q)| q.codes == Codes::Uniform)
    }

    /// Lowers a quantizer.
    pub(super) fn quantizer(&mut self, merged: &Merged) -> Quantizer {
        self.provenance(merged);
        self.inside(merged, false, |cx| cx.quantizer_body(merged))
    }

    fn quantizer_body(&mut self, merged: &Merged) -> Quantizer {
        let codes = match merged.base.as_ref().map(|b| b.text.as_str()) {
            Some("binary") => Codes::Binary,
            Some("ternary") => Codes::Ternary,
            _ => Codes::Uniform,
        };
        let known = merged.schema.fields;
        let is_field = |e: &Entry| {
            target(e).is_some_and(|path| known.iter().any(|f| f.name == path.head.text))
        };
        let (fields, _) = self.split(merged);
        let (fields, rest): (Vec<Entry>, Vec<Entry>) = fields.into_iter().partition(is_field);
        let written = self.written(&merged.owner(), merged.name.span, &fields, known);
        let bits = self.bits(merged, &written, codes);
        let signed = self.fixed(&written, merged, "signed");
        let granularity = self.fixed(&written, merged, "granularity");
        self.slot_of(&written, known, "narrow");
        let default_scale = match codes {
            Codes::Uniform => "max_abs",
            Codes::Binary | Codes::Ternary => "mean_abs",
        };
        let scale = match written.get("scale") {
            Some(_) => self.slot_of(&written, known, "scale"),
            None => Slot::Fixed(Expr::Value(Value::name(default_scale))),
        };

        let mark = self.locals.len();
        self.locals.push(Local::built_in("progress", Type::PLAIN));
        let mut lets = Vec::new();
        for entry in &rest {
            if target(entry).is_some() {
                if let EntryKind::Choice(choice) = &entry.kind {
                    self.later(
                        "a searched value in a quantizer's formulas",
                        choice.target.span,
                    );
                }
                lets.extend(self.binding(entry, mark));
            }
        }
        let mut gradient = None;
        for entry in &rest {
            match &entry.kind {
                EntryKind::Formula(f) if f.name.text == "gradient" => gradient = self.formula(f),
                EntryKind::Formula(f) if f.name.text == "forward" => self.forward(f, codes),
                EntryKind::Formula(f) => {
                    let names = merged.schema.formulas;
                    self.unknown_key(&merged.owner(), &f.name, Some(merged.name.span), names);
                }
                EntryKind::Field(_) | EntryKind::Choice(_) => {}
                _ => self.stray(merged, entry, "a quantizer holds fields and formulas"),
            }
        }
        let names = self.leave(mark);
        self.unused(&names, known.iter().map(|f| f.name), &merged.owner());
        Quantizer {
            name: merged.name.text.clone(),
            codes,
            bits,
            signed,
            granularity,
            scale,
            lets,
            gradient,
            span: merged.name.span,
        }
    }

    fn bits(&mut self, merged: &Merged, written: &Written, codes: Codes) -> Option<Slot> {
        match (codes, written.get("bits")) {
            (Codes::Uniform, Some(_)) => Some(self.slot_of(written, merged.schema.fields, "bits")),
            (Codes::Uniform, None) => Some(Slot::Fixed(Expr::number(8.0))),
            (_, Some((name, _))) => {
                let span = name.span;
                self.report(
                    Diagnostic::error(
                        "bnas::quantizer::bits",
                        format!("`{}` has codes of fixed width", merged.name.text),
                    )
                    .label(span, "only a uniform quantizer has `bits`")
                    .help(format!("write `quantizer {} : uniform`", merged.name.text)),
                );
                None
            }
            (_, None) => None,
        }
    }

    fn fixed(&mut self, written: &Written, merged: &Merged, name: &str) -> Expr {
        match self.slot_of(written, merged.schema.fields, name) {
            Slot::Fixed(expr) => expr,
            Slot::Chosen(_) => Expr::number(1.0),
        }
    }

    /// The body of a formula over one number.
    fn formula(&mut self, formula: &ast::Formula) -> Option<Expr> {
        let [param] = formula.params.as_slice() else {
            self.report(
                Diagnostic::error(
                    "bnas::type::arity",
                    format!("`{}` is a formula of one number", formula.name.text),
                )
                .label(
                    formula.name.span,
                    format!("has {} parameters", formula.params.len()),
                )
                .help(format!("write `{}(x) = …`", formula.name.text)),
            );
            return None;
        };
        if param.name.text != "x" {
            self.report(
                Diagnostic::error(
                    "bnas::quantizer::parameter",
                    "the number that a formula takes is called `x`",
                )
                .label(param.name.span, "another name")
                .help(format!("write `{}(x) = …`", formula.name.text)),
            );
            return None;
        }
        let mark = self.locals.len();
        self.locals.push(Local::built_in("x", Type::PLAIN));
        let body = self.expr(&formula.body, None);
        self.leave(mark);
        if !body.ty.fits(&Type::PLAIN) {
            self.expected("a plain number", &body);
            return None;
        }
        Some(body.expr)
    }

    /// What the codes say already may be said again; other forward functions are not built.
    fn forward(&mut self, formula: &ast::Formula, codes: Codes) {
        let param = formula.params.first().map_or("", |p| p.name.text.as_str());
        let is_sign = match &formula.body.kind {
            ExprKind::Call { callee, args } => {
                callee.as_name().is_some_and(|n| n.text == "sign")
                    && matches!(args.as_slice(), [ast::Argument::Positional { value, filter: None }] if is_name(value, param))
            }
            _ => false,
        };
        if !(codes == Codes::Binary && is_sign) {
            let help = match codes {
                Codes::Binary => "a binary quantizer computes `sign(x)`",
                Codes::Ternary => {
                    "a ternary quantizer rounds to -1, 0 and 1 by its scale: leave `forward` out"
                }
                Codes::Uniform => "a uniform quantizer rounds to its grid: leave `forward` out",
            };
            self.report(
                Diagnostic::error(
                    "bnas::unsupported",
                    "a forward function of one's own is not built yet",
                )
                .label(formula.body.span, "this version cannot run it")
                .help(help),
            );
        }
    }

    /// An entry that does not belong where it stands.
    pub(super) fn stray(&mut self, merged: &Merged, entry: &Entry, rule: &str) {
        self.report(
            Diagnostic::error(
                "bnas::name::stray",
                format!("this does not belong in a {}", merged.schema.kind),
            )
            .label(entry.span, "here")
            .help(rule.to_string()),
        );
    }
}

/// What a field or choice gives a value to.
pub(super) fn target(entry: &Entry) -> Option<&ast::Path> {
    match &entry.kind {
        EntryKind::Field(f) => Some(&f.target),
        EntryKind::Choice(c) => Some(&c.target),
        _ => None,
    }
}

/// The value or domain of a field or choice.
pub(super) fn given(entry: &Entry) -> Option<Given<'_>> {
    match &entry.kind {
        EntryKind::Field(f) => Some(Given::Fixed(&f.value)),
        EntryKind::Choice(c) => Some(Given::Searched(&c.domain, c.default.as_ref())),
        _ => None,
    }
}

fn is_name(e: &ast::Expr, name: &str) -> bool {
    matches!(&e.kind, ExprKind::Path(path) if path.as_name().is_some_and(|n| n.text == name))
}
