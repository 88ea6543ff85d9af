//! Quantizers.
//!
//! In: a merged declaration. Out: [`Quantizer`] with its fields; its formulas are lowered in `formulas`.

use super::own::Known;
use crate::analysis::context::Cx;
use crate::analysis::expression::fields::{Given, Written};
use crate::analysis::expression::types::Type;
use crate::analysis::merged::Merged;
use crate::analysis::names::Id;
use crate::analysis::paths;
use crate::analysis::schema::Label;
use crate::diagnostic::Diagnostic;

use crate::ir::{Codes, Expr, Formulas, Quantizer, Slot, Value};
use crate::model::expression::partial;
use crate::model::quantization::grids::Grids;
use crate::source::Span;
use crate::syntax::ast::{self, Entry, EntryKind};

impl Cx<'_> {
    /// Makes a quantizer one of the experiment's; false after a diagnostic.
    pub(in crate::analysis) fn reach_quantizer(&mut self, id: Id) -> bool {
        if self
            .reached
            .quantizers
            .iter()
            .any(|(known, _)| *known == id)
        {
            return true;
        }
        let Some(quantizer) = self.declared_quantizer(id) else {
            return false;
        };
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

    /// A quantizer as it is declared, lowered once for all experiments unless something is wrong with it.
    fn declared_quantizer(&mut self, id: Id) -> Option<Quantizer> {
        if let Some((quantizer, sources, amendments)) = self.memory.quantizers.get(&id).cloned() {
            self.reach_sources(&sources);
            self.reached.amendments.extend(amendments);
            return Some(quantizer);
        }
        let (before, amended) = (self.sink.pushed(), self.reached.amendments.len());
        let merged = self.merged(id)?;
        let sources = self.provenance(&merged);
        let quantizer = self.inside(&merged, false, |cx| cx.quantizer_body(&merged));
        if self.sink.pushed() == before && !self.sink.has_errors() {
            let amendments = self.reached.amendments[amended..].to_vec();
            let known = (quantizer.clone(), sources, amendments);
            self.memory.quantizers.insert(id, known);
        }
        Some(quantizer)
    }

    /// Whether a name stands for a quantizer with codes of any width.
    pub(in crate::analysis) fn is_uniform(&mut self, name: &ast::Name) -> bool {
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

    /// The names that a quantizer's formulas use, which an amendment may change, and what they are.
    pub(in crate::analysis) fn names_of_quantizer(
        &mut self,
        name: &ast::Name,
    ) -> Vec<(String, Type)> {
        let Some(id) = self.find(name) else {
            return Vec::new();
        };
        let mut all = self.reached.quantizers.iter();
        let found = all.find(|(known, _)| *known == id);
        let lets = found.map(|(_, q)| q.formulas.lets.as_slice());
        let lets = lets.unwrap_or_default().iter();
        lets.map(|binding| (binding.name.clone(), paths::type_of_slot(&binding.slot)))
            .collect()
    }

    /// Lowers a quantizer.
    pub(in crate::analysis) fn quantizer(&mut self, merged: &Merged) -> Quantizer {
        self.provenance(merged);
        self.inside(merged, false, |cx| cx.quantizer_body(merged))
    }

    fn quantizer_body(&mut self, merged: &Merged) -> Quantizer {
        let before = self.errors;
        let codes = match merged.base.as_ref().map(|b| b.text.as_str()) {
            Some("binary") => Codes::Binary,
            Some("ternary") => Codes::Ternary,
            _ => Codes::Uniform,
        };
        let known = merged.schema.fields;
        let is_field = |e: &&Entry| {
            target(e).is_some_and(|path| known.iter().any(|f| f.name == path.head.text))
        };
        let (fields, _) = self.split(merged);
        let (fields, rest): (Vec<&Entry>, Vec<&Entry>) = fields.into_iter().partition(is_field);
        let rest: Vec<Entry> = rest.into_iter().cloned().collect();
        let mark = self.locals.len();
        let around = self.formulas.replace(Known::of(&rest));
        let lets = self.names_of_formulas(&rest, mark);
        let written = self.written(&merged.owner(), merged.name.span, fields, known);
        let bits = self.bits(merged, &written, codes);
        let [signed, granularity] =
            ["signed", "granularity"].map(|name| self.slot_of(&written, known, name));
        self.slot_of(&written, known, "narrow");
        let default_scale = match codes {
            Codes::Uniform => "max_abs",
            Codes::Binary | Codes::Ternary => "mean_abs",
        };
        let scale = match written.get("scale") {
            Some(_) => self.slot_of(&written, known, "scale"),
            None => Slot::Fixed(Expr::Value(Value::name(default_scale))),
        };

        let mut quantizer = Quantizer {
            name: merged.name.text.clone(),
            codes,
            bits,
            signed,
            granularity,
            scale,
            derived: Vec::new(),
            formulas: Formulas {
                lets,
                ..Formulas::default()
            },
            span: merged.name.span,
        };
        self.derive_fields(&mut quantizer, &written);
        let grids = Grids::of_declared(codes, quantizer.bits.as_ref(), &quantizer.signed);
        let rule = written.get("scale").is_some();
        let lets = std::mem::take(&mut quantizer.formulas.lets);
        quantizer.formulas = self.formulas(merged, &rest, lets, codes, &grids, rule);
        self.formulas = around;
        let names = self.leave(mark);
        self.unused(&names, known.iter().map(|f| f.name), &merged.owner());
        if self.errors == before {
            self.unread_formulas(merged, &rest);
        }
        // What is wrong already would be reported twice.
        if self.errors == before {
            for found in partial::of_quantizer(&quantizer) {
                self.report(in_own_words(found, &rest));
            }
        }
        quantizer
    }

    fn bits(&mut self, merged: &Merged, written: &Written, codes: Codes) -> Option<Slot> {
        match (codes, written.get("bits")) {
            (Codes::Uniform, Some(_)) => Some(self.slot_of(written, merged.schema.fields, "bits")),
            (Codes::Uniform, None) => Some(Slot::Fixed(Expr::number(8.0))),
            (_, Some((name, given))) => {
                let span = name.span;
                let is_one = matches!(given, Given::Fixed(e) if self.text(e.span) == "1");
                self.report(
                    Diagnostic::error(
                        "bnas::quantizer::bits",
                        format!("`{}` has codes of fixed width", merged.name.text),
                    )
                    .label(span, "only a uniform quantizer has `bits`")
                    .help(match is_one && codes == Codes::Binary {
                        true => "delete it: a code of two values has 1 bit".to_string(),
                        false => format!("write `quantizer {} : uniform`", merged.name.text),
                    }),
                );
                None
            }
            (_, None) => None,
        }
    }

    /// An entry that does not belong where it stands.
    pub(in crate::analysis) fn stray(&mut self, merged: &Merged, entry: &Entry, rule: &str) {
        let owner = crate::analysis::expression::types::article(merged.schema.kind);
        if let Some((section, selector)) = section_called_layer(merged, entry) {
            self.report(
                Diagnostic::error(
                    "bnas::name::label",
                    format!("`layer` is a word of the language, and names no {section}"),
                )
                .label(selector, format!("names this {section}"))
                .help(format!("take another name: `{section} layers {{ … }}`")),
            );
            return;
        }
        self.report(
            Diagnostic::error(
                "bnas::name::stray",
                format!("this does not belong in {owner}"),
            )
            .label(entry.span, format!("no part of {owner}"))
            .help(rule.to_string()),
        );
    }
}

/// `stage layer { … }`, which reads like a rule of a policy: the section that it was meant to be.
fn section_called_layer(merged: &Merged, entry: &Entry) -> Option<(&'static str, Span)> {
    let EntryKind::Rule(rule) = &entry.kind else {
        return None;
    };
    let selector = rule.selectors.first()?;
    let kind = selector.kind.as_ref()?;
    let section = merged.schema.section(&kind.text)?;
    (section.label != Label::None).then_some((section.name, selector.span))
}

/// A diagnostic about a formula that calls its value `w`: everywhere else it is `x`. Where another formula is called, that one is shown, too.
fn in_own_words(mut diagnostic: Diagnostic, entries: &[Entry]) -> Diagnostic {
    let formulas = entries.iter().filter_map(|entry| match &entry.kind {
        EntryKind::Formula(formula) => Some(formula),
        _ => None,
    });
    let Some(at) = diagnostic.labels.first().map(|label| label.span) else {
        return diagnostic;
    };
    let Some(formula) = formulas.clone().find(|f| f.body.span.holds(at)) else {
        return diagnostic;
    };
    let called = calls_around(&formula.body, at).into_iter().rev();
    let mut called = called.filter_map(|name| formulas.clone().find(|f| f.name.text == name));
    if let Some(callee) = called.next() {
        let what = format!("what `{}` computes", callee.name.text);
        diagnostic = diagnostic.label(callee.body.span, what);
    }
    if formula.params.iter().any(|p| p.name.text == "w") {
        diagnostic.message = with_w(&diagnostic.message);
        for label in &mut diagnostic.labels {
            label.text = with_w(&label.text);
        }
    }
    diagnostic
}

/// What is called around a place, the innermost last.
fn calls_around(expr: &ast::Expr, at: Span) -> Vec<&str> {
    let own = match &expr.kind {
        ast::ExprKind::Call { callee, .. } => callee.as_name().map(|name| name.text.as_str()),
        _ => None,
    };
    let inner = (expr.parts().into_iter()).find(|part| part.span.holds(at));
    let inner = inner.map(|part| calls_around(part, at));
    own.into_iter().chain(inner.into_iter().flatten()).collect()
}

/// The name `x` within backticks is `w`.
fn with_w(text: &str) -> String {
    let is_name = |c: char| c.is_alphanumeric() || c == '_';
    let mut quoted = false;
    let mut out = String::with_capacity(text.len());
    for (at, c) in text.char_indices() {
        quoted ^= c == '`';
        let before = out.chars().next_back().is_some_and(is_name);
        let behind = text[at + c.len_utf8()..]
            .chars()
            .next()
            .is_some_and(is_name);
        match c == 'x' && quoted && !before && !behind {
            true => out.push('w'),
            false => out.push(c),
        }
    }
    out
}

/// What a field or choice gives a value to.
pub(in crate::analysis) fn target(entry: &Entry) -> Option<&ast::Path> {
    match &entry.kind {
        EntryKind::Field(f) => Some(&f.target),
        EntryKind::Choice(c) => Some(&c.target),
        _ => None,
    }
}

/// The value or domain of a field or choice.
pub(in crate::analysis) fn given(entry: &Entry) -> Option<Given<'_>> {
    match &entry.kind {
        EntryKind::Field(f) => Some(Given::Fixed(&f.value)),
        EntryKind::Choice(c) => Some(Given::Searched(&c.domain, c.default.as_deref())),
        _ => None,
    }
}
