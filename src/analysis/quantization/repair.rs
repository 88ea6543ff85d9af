//! Repairs.
//!
//! In: a merged declaration. Out: [`Repair`] with the edits that the model applies; any other edit is a diagnostic. A `training` repair
//! may not add an operation (arXiv:2206.12322 divides repairs so).

use super::derived::give;
use super::quantizer::{given, target};
use crate::analysis::context::Cx;
use crate::analysis::expression::fields::Given;
use crate::analysis::merged::Merged;
use crate::analysis::names::Id;
use crate::diagnostic::Diagnostic;
use crate::ir::{Codes, Edit, Expr, Repair, RepairKind, Slot, Value};
use crate::model::expression::evaluate;
use crate::model::expression::partial;
use crate::model::formula;
use crate::source::Span;
use crate::syntax::ast::{self, Entry, EntryKind, ExprKind};

impl Cx<'_> {
    /// Makes a repair one of the experiment's; false after a diagnostic.
    pub(in crate::analysis) fn reach_repair(&mut self, id: Id) -> bool {
        if self.reached.repairs.iter().any(|(known, _)| *known == id) {
            return true;
        }
        let Some(merged) = self.merged(id) else {
            return false;
        };
        let repair = self.repair(&merged);
        let same = self
            .reached
            .repairs
            .iter()
            .find(|(_, r)| r.name == repair.name);
        if let Some(first) = same.map(|(_, r)| r.span) {
            self.report(
                Diagnostic::error(
                    "bnas::name::duplicate",
                    format!("two repairs are called `{}`", repair.name),
                )
                .label(repair.span, "this one")
                .label(first, "and this one")
                .help("rename one of the two: results name repairs"),
            );
            return false;
        }
        self.reached.repairs.push((id, repair));
        true
    }

    /// Lowers a repair.
    pub(in crate::analysis) fn repair(&mut self, merged: &Merged) -> Repair {
        self.provenance(merged);
        let kind = match merged.base.as_ref().map(|b| b.text.as_str()) {
            Some("topology") => RepairKind::Topology,
            _ => RepairKind::Training,
        };
        let edits = self.inside(merged, false, |cx| {
            cx.said_once(merged.entries.iter());
            let mut edits = Vec::<(Edit, Span)>::new();
            for entry in merged.entries.iter() {
                let Some(edit) = cx.edit(merged, entry) else {
                    continue;
                };
                // Fields have been compared by their names.
                let first = edits.iter().find(|(known, _)| *known == edit);
                let first = first.filter(|_| target(entry).is_none());
                match first.map(|(_, span)| *span) {
                    Some(first) => cx.twice(&cx.text(first), entry.span, first),
                    None => edits.push((edit, entry.span)),
                }
            }
            match kind {
                RepairKind::Training => cx.training_alone(merged, &edits),
                RepairKind::Topology => cx.changes_network(merged, &edits),
            }
            edits.into_iter().map(|(edit, _)| edit).collect()
        });
        let is_check = |e: &Entry| matches!(e.kind, EntryKind::Check(_));
        if merged.entries.iter().all(is_check) {
            self.report(
                Diagnostic::error(
                    "bnas::repair::empty",
                    format!("`{}` changes nothing", merged.name.text),
                )
                .label(merged.name.span, "has no edit")
                .help("add an edit such as `features = approx_sign`"),
            );
        }
        Repair {
            name: merged.name.text.clone(),
            kind,
            edits,
            span: merged.name.span,
        }
    }

    /// Reports repairs of one set that replace the same thing: only one of them would act.
    pub(in crate::analysis) fn clash(&mut self, repairs: &Slot, given: Given) {
        let written = match given {
            Given::Fixed(value) | Given::Searched(value, _) => value,
        };
        let mut sets = Vec::new();
        for expr in evaluate::expressions(repairs) {
            evaluate::walk(expr, &mut |part| match part {
                Expr::Value(value) => sets_in(value, &mut sets),
                Expr::Set(items) => sets.push(items.iter().filter_map(named).collect()),
                _ => {}
            });
        }
        let mut found: Vec<[String; 2]> = Vec::new();
        for set in sets {
            for (at, second) in set.iter().enumerate() {
                let clashes = |first: &&String| *first != second && self.both_act(first, second);
                let Some(first) = set[..at].iter().find(clashes) else {
                    continue;
                };
                let mut pair = [first.clone(), second.clone()];
                pair.sort_unstable();
                if !found.contains(&pair) {
                    found.push(pair);
                    self.report_clash([first, second], written);
                }
            }
        }
    }

    /// Whether two repairs replace the same surrogate gradient.
    fn both_act(&self, first: &str, second: &str) -> bool {
        let replaced = |name: &str| {
            let mut all = self.reached.repairs.iter().map(|(_, repair)| repair);
            let edits = all.find(|r| r.name == name).map_or(&[][..], |r| &r.edits);
            let features = edits.iter().any(|e| matches!(e, Edit::Features(_)));
            let weights = edits.iter().any(|e| matches!(e, Edit::Weights(_)));
            [features, weights]
        };
        let pairs = replaced(first).into_iter().zip(replaced(second));
        pairs.into_iter().any(|(one, other)| one && other)
    }

    fn report_clash(&mut self, names: [&String; 2], written: &ast::Expr) {
        let [first, second] = names;
        let mut diagnostic = Diagnostic::error(
            "bnas::repair::clash",
            format!("`{first}` and `{second}` replace the same surrogate gradient"),
        );
        let places = names.map(|name| named_at(written, name));
        diagnostic = match places {
            [Some(first), Some(second)] => diagnostic
                .label(second, "replaces it again")
                .label(first, "replaces it"),
            _ => diagnostic.label(written.span, "both in one set"),
        };
        self.report(diagnostic.help(format!(
            "choose one: `repairs in {{{{{first}}}, {{{second}}}}}`"
        )));
    }

    fn edit(&mut self, merged: &Merged, entry: &Entry) -> Option<Edit> {
        match &entry.kind {
            EntryKind::Field(_) | EntryKind::Choice(_) => self.surrogate(merged, entry),
            EntryKind::Check(_) => None,
            EntryKind::Remove(path) if path.as_name().is_some_and(|n| n.text == "skip") => {
                Some(Edit::RemoveSkips)
            }
            EntryKind::Edit(edit) if is_shortcut(edit) => Some(Edit::ShortcutAroundBinaryConvs),
            EntryKind::Remove(_) | EntryKind::Edit(_) | EntryKind::Learned(_) => {
                self.report(
                    Diagnostic::error("bnas::repair::unsupported", "this edit is not applied yet")
                        .label(entry.span, "this version cannot apply it")
                        .help(
                            "edits that are: `features = …`, `weights = …`, `remove skip`, and `around every binary conv -> norm { add input via pad_shortcut }`",
                        ),
                );
                None
            }
            _ => {
                self.stray(merged, entry, "a repair holds edits");
                None
            }
        }
    }

    /// `features = ede`, `weights = approx_sign`: another surrogate gradient for binary codes.
    fn surrogate(&mut self, merged: &Merged, entry: &Entry) -> Option<Edit> {
        let (path, value) = (target(entry)?, given(entry)?);
        let name = crate::analysis::expression::fields::whole(path);
        let Some(field) = merged.schema.fields.iter().find(|f| f.name == name.text) else {
            let known: Vec<&str> = merged.schema.fields.iter().map(|f| f.name).collect();
            self.unknown_key(&merged.owner(), &name, Some(merged.name.span), &known);
            return None;
        };
        let Slot::Fixed(expr) = self.filled(field, value, name.span) else {
            return None;
        };
        let quantizer = match &expr {
            Expr::Value(v) => v.as_name()?.to_string(),
            Expr::Record(base, fields, _) => self.amended_quantizer(merged, base, fields, value)?,
            _ => return None,
        };
        let found = self
            .reached
            .quantizers
            .iter()
            .find(|(_, q)| q.name == quantizer);
        if let Some(declared) = found
            .filter(|(_, q)| q.codes != Codes::Binary)
            .map(|(_, q)| q.span)
        {
            self.report(
                Diagnostic::error(
                    "bnas::repair::not_binary",
                    format!("`{}` takes a binary quantizer", name.text),
                )
                .label(value.span(), format!("`{quantizer}` is not binary"))
                .label(declared, "declared here")
                .help("a repair replaces the surrogate gradient of binary codes"),
            );
            return None;
        }
        let features = name.text == "features";
        let base = quantizer.split([' ', '{']).next().unwrap_or_default();
        if let Some((open, declared)) = found.and_then(|(_, q)| {
            let lets = q.formulas.lets.iter().map(|l| (l.name.as_str(), &l.slot));
            let mut all = lets.chain(q.fields());
            let open = all.find(|(_, slot)| matches!(slot, Slot::Chosen(_)))?;
            Some((open.0.to_string(), q.span))
        }) {
            self.report(
                Diagnostic::error(
                    "bnas::unsupported",
                    format!("a repair cannot search `{open}` of `{base}` yet"),
                )
                .label(value.span(), "leaves a choice open")
                .label(declared, "declared here")
                .help(format!(
                    "derive a quantizer that fixes it: `quantizer fixed : {base} {{ {open} = … }}`"
                )),
            );
            return None;
        }
        if let Some(declared) = found
            .filter(|(_, q)| features && formula::reduces(&q.formulas))
            .map(|(_, q)| q.span)
        {
            self.report(
                Diagnostic::error(
                    "bnas::quantizer::activations",
                    format!("`{quantizer}` cannot quantize activations"),
                )
                .label(value.span(), "used for activations")
                .label(
                    declared,
                    "its formulas reduce over all values, which would mix the images of a batch",
                )
                .help(format!("write `weights = {quantizer}`")),
            );
            return None;
        }
        Some(match name.text.as_str() {
            "features" => Edit::Features(quantizer),
            _ => Edit::Weights(quantizer),
        })
    }

    /// `features = ede { t_min = 1e-2 }`: a quantizer of the repair's own, which is called as it is written.
    fn amended_quantizer(
        &mut self,
        merged: &Merged,
        base: &str,
        fields: &[(String, Slot)],
        value: Given,
    ) -> Option<String> {
        let mut all = self.reached.quantizers.iter();
        let mut amended = all.find(|(_, q)| q.name == base)?.1.clone();
        amended.name = self.text(value.span());
        amended.span = value.span();
        for (name, slot) in fields {
            give(&mut amended, name, slot);
        }
        for found in partial::of_quantizer(&amended) {
            self.report(found);
        }
        let name = amended.name.clone();
        if !self.reached.quantizers.iter().any(|(_, q)| q.name == name) {
            self.reached.quantizers.push((merged.id, amended));
        }
        Some(name)
    }

    /// Reports a topology repair of which no edit changes the network.
    fn changes_network(&mut self, merged: &Merged, edits: &[(Edit, Span)]) {
        let Some((_, first)) = edits.first() else {
            return;
        };
        if edits.iter().any(|(edit, _)| of_network(edit)) {
            return;
        }
        let base = merged.base.as_ref().map_or(merged.name.span, |b| b.span);
        let text = format!("`{}` changes no operation of a network", merged.name.text);
        self.report(
            Diagnostic::error("bnas::repair::empty", text)
                .label(base, "declared as adding operations")
                .label(*first, "for training alone")
                .help(format!("write `repair {} : training`", merged.name.text)),
        );
    }

    /// Reports the edits of a training repair that change the network: all of them are one mistake.
    fn training_alone(&mut self, merged: &Merged, edits: &[(Edit, Span)]) {
        let places = edits.iter().filter(|(edit, _)| of_network(edit));
        let places: Vec<Span> = places.map(|(_, place)| *place).collect();
        let text = match places.len() {
            0 => return,
            1 => "a training repair adds no operation, and this edit changes the network",
            _ => "a training repair adds no operation, and these edits change the network",
        };
        let mut diagnostic = Diagnostic::error("bnas::repair::not_training", text);
        for place in places {
            diagnostic = diagnostic.label(place, "costs operations at inference");
        }
        let base = merged.base.as_ref().map_or(merged.name.span, |b| b.span);
        self.report(
            diagnostic
                .label(base, "declared as costing none")
                .help(format!("write `repair {} : topology`", merged.name.text)),
        );
    }
}

/// Whether an edit adds operations to the network, or takes some out.
fn of_network(edit: &Edit) -> bool {
    matches!(edit, Edit::RemoveSkips | Edit::ShortcutAroundBinaryConvs)
}

/// `around every binary conv -> norm { add input via pad_shortcut }`.
fn is_shortcut(edit: &ast::Edit) -> bool {
    let pattern: Vec<Vec<&str>> = edit
        .pattern
        .iter()
        .map(|step| step.iter().map(|n| n.text.as_str()).collect())
        .collect();
    let every = edit
        .quantifier
        .as_ref()
        .is_some_and(|q| q.value == ast::Quantifier::Every);
    let adds = match edit.entries.as_slice() {
        [
            Entry {
                kind: EntryKind::Add(add),
                ..
            },
        ] => {
            is(&add.value, "input")
                && add.via.as_ref().is_some_and(|v| is(v, "pad_shortcut"))
                && add.when.is_none()
        }
        _ => false,
    };
    edit.place == ast::Place::Around
        && every
        && adds
        && pattern == [vec!["binary", "conv"], vec!["norm"]]
}

fn is(e: &ast::Expr, name: &str) -> bool {
    matches!(&e.kind, ExprKind::Path(path) if path.as_name().is_some_and(|n| n.text == name))
}

/// The names of every set within a value.
fn sets_in(value: &Value, found: &mut Vec<Vec<String>>) {
    if let Value::Set(items) = value {
        let names = items.iter().filter_map(Value::as_name);
        found.push(names.map(str::to_string).collect());
        items.iter().for_each(|item| sets_in(item, found));
    }
}

fn named(item: &Expr) -> Option<String> {
    Some(item.as_value()?.as_name()?.to_string())
}

/// Where a name is written in a set.
fn named_at(written: &ast::Expr, name: &str) -> Option<Span> {
    match &written.kind {
        ExprKind::Path(path) => {
            let is_same = path.as_name().is_some_and(|n| n.text == name);
            is_same.then_some(written.span)
        }
        ExprKind::Set(items) => items.iter().find_map(|item| named_at(item, name)),
        ExprKind::Subsets(of) | ExprKind::Categories(of) => named_at(of, name),
        _ => None,
    }
}
