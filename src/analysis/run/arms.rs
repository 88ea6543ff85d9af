//! Arms: the values of which each runs the whole search.
//!
//! In: an experiment with `arms { name in {…} }`. Out: one [`Experiment`] for each combination of values, lowered as if the spec had been
//! written with these: an arm is an amendment, so that whatever may be amended may be an arm, and is checked the same way.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::analysis::context::{Cx, Reached, is_unread};
use crate::analysis::merged::Merged;
use crate::analysis::mistakes::lacking::in_lacking_arms;
use crate::analysis::quantization::quantizer::target;
use crate::diagnostic::Diagnostic;
use crate::ir::{Arm, Experiment};
use crate::source::Span;
use crate::syntax::ast::{self, Entry, EntryKind, ExprKind};

/// The most arms of an experiment.
const MOST: usize = 256;

/// One line of `arms`: what varies, and its values.
struct Axis {
    target: ast::Path,
    values: Vec<ast::Expr>,
    /// How many there are: of very many, not all are listed.
    count: usize,
    domain: Span,
    entry: Entry,
}

impl Cx<'_> {
    /// Lowers an experiment once, or once for each of its arms; then the first arm stands for the experiment.
    pub(in crate::analysis) fn with_arms(&mut self, mut merged: Merged) -> Option<Experiment> {
        let is_arms = |e: &Entry| matches!(&e.kind, EntryKind::Section(s) if s.name.text == "arms");
        if !merged.entries.iter().any(is_arms) {
            self.provenance(&merged);
            return self.experiment_body(&merged);
        }
        let entries = Arc::unwrap_or_clone(std::mem::take(&mut merged.entries));
        let (sections, others): (Vec<Entry>, Vec<Entry>) = entries.into_iter().partition(is_arms);
        merged.entries = Arc::new(others);
        let mut sections = sections.iter().filter_map(|e| match &e.kind {
            EntryKind::Section(section) => Some(section),
            _ => None,
        });
        let section = sections
            .next()
            .expect("invariant: there is a section of arms");
        for again in sections {
            self.twice("arms", again.name.span, section.name.span);
        }
        let axes = self.axes(section);
        let counts = axes.iter().map(|a| a.count);
        let count = counts.fold(1, usize::saturating_mul);
        if axes.is_empty() || count > MOST {
            if count > MOST {
                let mut diagnostic = Diagnostic::error(
                    "bnas::arms::values",
                    format!("{count} arms, and each is a whole search"),
                )
                .label(section.name.span, format!("at most {MOST}"));
                for axis in axes.iter().filter(|axis| axis.count > 1) {
                    diagnostic = diagnostic.label(axis.domain, format!("{} values", axis.count));
                }
                self.report(
                    diagnostic.help("make what varies a decision: write it outside of `arms`"),
                );
            }
            // What else is wrong is found all the same.
            self.provenance(&merged);
            return self.experiment_body(&merged);
        }
        self.lowered_arms(&merged, &axes, count)
    }

    fn lowered_arms(&mut self, merged: &Merged, axes: &[Axis], count: usize) -> Option<Experiment> {
        let before = std::mem::take(&mut self.sink);
        let mut found = Vec::with_capacity(count);
        let mut arms = Vec::with_capacity(count);
        let mut all = Vec::with_capacity(count);
        for index in 0..count {
            let chosen = combination(axes, index);
            let entries: Vec<Entry> = chosen.iter().map(|(a, value)| fixed(a, value)).collect();
            let mut own = merged.clone();
            self.override_entries(&mut own, &entries, &merged.name, false);
            self.reached = Reached::default();
            self.provenance(&own);
            let settings: Vec<(String, String)> = chosen
                .iter()
                .map(|(axis, value)| (self.path_text(&axis.target), self.shown(value)))
                .collect();
            if let Some(experiment) = self.experiment_body(&own) {
                arms.push(Arm {
                    settings: settings.clone(),
                    experiment,
                });
            }
            found.push(std::mem::take(&mut self.sink).into_sorted());
            all.push(settings);
        }
        let found = in_lacking_arms(found, &all);
        let of_replaced = self.of_replaced(merged, axes);
        self.sink = before;
        self.merge(found);
        of_replaced.into_iter().for_each(|d| self.sink.push(d));
        let mut first = arms.first()?.experiment.clone();
        first.arms = arms;
        Some(first)
    }

    /// Errors in values that every arm replaces: `repeats = 0` beside `arms { repeats in {1, 2} }`.
    fn of_replaced(&mut self, merged: &Merged, axes: &[Axis]) -> Vec<Diagnostic> {
        let replaced: Vec<Span> = (axes.iter())
            .flat_map(|axis| self.replaced(merged, axis))
            .collect();
        if replaced.is_empty() {
            return Vec::new();
        }
        let errors = self.errors;
        self.reached = Reached::default();
        self.experiment_body(merged);
        let mut found = std::mem::take(&mut self.sink).into_sorted();
        found.retain(|d| {
            let at = d.labels.first().map(|label| label.span);
            d.is_error() && at.is_some_and(|at| replaced.iter().any(|entry| entry.holds(at)))
        });
        // What is wrong without the arms alone is no mistake.
        self.errors = errors + found.len();
        found
    }

    /// Where the experiment says itself what varies in its arms, `epochs = 3` or `train { epochs = 3 }`.
    fn replaced(&self, merged: &Merged, axis: &Axis) -> Vec<Span> {
        let text = self.path_text(&axis.target);
        let at = |prefix: &str, entry: &Entry| {
            let of_entry = format!("{prefix}{}", self.path_text(target(entry)?));
            (of_entry == text).then_some(entry.span)
        };
        let of_entry = |entry: &Entry| match &entry.kind {
            EntryKind::Section(section) => {
                let prefix = format!("{}.", section.name.text);
                let inner = section.entries.iter();
                inner.filter_map(|entry| at(&prefix, entry)).collect()
            }
            _ => Vec::from_iter(at("", entry)),
        };
        merged.entries.iter().flat_map(of_entry).collect()
    }

    /// Errors of any arm, and warnings of all: what one arm does not read, another may. A search that ends before its model is asked is one arm's own.
    fn merge(&mut self, found: Vec<Vec<Diagnostic>>) {
        for (index, arm) in found.iter().enumerate() {
            for diagnostic in arm {
                let everywhere = || found.iter().all(|other| other.contains(diagnostic));
                let is_wrong = diagnostic.is_error() && !is_unread(diagnostic);
                let is_own = is_wrong || diagnostic.code == "bnas::search::initial";
                if is_own || (index == 0 && everywhere()) {
                    self.sink.push(diagnostic.clone());
                } else {
                    self.errors -= usize::from(diagnostic.is_error());
                }
            }
        }
    }

    fn axes(&mut self, section: &ast::Section) -> Vec<Axis> {
        let mut axes: Vec<Axis> = Vec::new();
        for entry in &section.entries {
            let EntryKind::Choice(choice) = &entry.kind else {
                let field = match &entry.kind {
                    EntryKind::Field(field) => self.text(field.target.span),
                    _ => "train.epochs".into(),
                };
                self.bad_arm(entry.span, "an arm has several values", &field);
                continue;
            };
            let text = self.path_text(&choice.target);
            if choice.target.head.text == "arms" {
                self.bad_arm(
                    choice.target.span,
                    "arms have no arms",
                    &text.replacen("arms.", "", 1),
                );
                continue;
            }
            let same = axes.iter().find(|a| self.path_text(&a.target) == text);
            if let Some(first) = same.map(|a| a.target.span) {
                self.twice(&text, choice.target.span, first);
                continue;
            }
            if let Some(default) = &choice.default {
                self.bad_arm(default.span, "every value has its turn", &text);
                continue;
            }
            let Some(values) = values(&choice.domain).filter(|v| !v.is_empty()) else {
                self.bad_arm(choice.domain.span, "not a set that is written out", &text);
                continue;
            };
            let listed = values.len();
            let values = self.distinct(values);
            axes.push(Axis {
                target: choice.target.clone(),
                count: match listed > MOST {
                    true => how_many(&choice.domain).unwrap_or(listed),
                    false => values.len(),
                },
                domain: choice.domain.span,
                values,
                entry: entry.clone(),
            });
        }
        if section.entries.is_empty() {
            self.bad_arm(section.name.span, "what varies?", "seed");
        }
        axes
    }

    /// Values without those that stand among them already: the same search would run twice.
    fn distinct(&mut self, values: Vec<ast::Expr>) -> Vec<ast::Expr> {
        let mut known: BTreeMap<String, Span> = BTreeMap::new();
        let mut once = Vec::with_capacity(values.len());
        for value in values {
            let text = self.shown(&value);
            let seen = self.in_base_units(&value).unwrap_or(text.clone());
            let Some(first) = known.get(&seen).copied() else {
                known.insert(seen, value.span);
                once.push(value);
                continue;
            };
            // The subsets of one set have no places of their own.
            if first != value.span {
                self.report(
                    Diagnostic::warning(
                        "bnas::domain::repeated",
                        format!("`{text}` is an arm already"),
                    )
                    .label(value.span, "the same search would run again")
                    .label(first, "this arm is the same")
                    .help("remove it"),
                );
            }
        }
        once
    }

    fn bad_arm(&mut self, span: Span, label: &str, field: &str) {
        self.report(
            Diagnostic::error(
                "bnas::arms::values",
                "each line of `arms` is a field and the set of its values",
            )
            .label(span, label)
            .help(format!("write `arms {{ {field} in {{…, …}} }}`")),
        );
    }

    /// A number as a search sees it, however it is written: `7.0` and `14 / 2` are `7`, and `1 KiB` is `8192 bit`.
    fn in_base_units(&mut self, value: &ast::Expr) -> Option<String> {
        if !is_arithmetic(value) {
            return None;
        }
        // What is wrong with it is reported where it is used.
        let before = std::mem::take(&mut self.sink);
        let typed = self.expr(value, None);
        self.sink = before;
        let number = typed.expr.as_value()?.as_number()?;
        Some(format!("{number} {}", typed.ty.base_unit()))
    }

    /// A value as it was written; of a range its number, of subsets the members of one.
    fn shown(&self, value: &ast::Expr) -> String {
        match &value.kind {
            ExprKind::Number(number) if number.unit.is_none() => number.text.clone(),
            ExprKind::Set(items) => {
                let items: Vec<String> = items.iter().map(|item| self.shown(item)).collect();
                format!("{{{}}}", items.join(", "))
            }
            _ => self.text(value.span),
        }
    }
}

/// The members of a set, of its subsets or of a range of whole numbers, as expressions.
pub(in crate::analysis) fn values(domain: &ast::Expr) -> Option<Vec<ast::Expr>> {
    match &domain.kind {
        ExprKind::Set(items) => Some(items.clone()),
        ExprKind::Categories(inner) => values(inner),
        ExprKind::Subsets(inner) => {
            let ExprKind::Set(items) = &inner.kind else {
                return None;
            };
            // Far more than there may be arms.
            let masks = 0..1_usize << items.len().min(MOST.ilog2() as usize + 1);
            let subset = |mask: usize| {
                let chosen = items.iter().enumerate().filter(|(i, _)| mask >> i & 1 == 1);
                ast::Expr {
                    kind: ExprKind::Set(chosen.map(|(_, item)| item.clone()).collect()),
                    span: domain.span,
                }
            };
            Some(masks.map(subset).collect())
        }
        ExprKind::Range {
            low,
            high,
            log: false,
            step,
        } => {
            let (low, high) = (whole(low)?, whole(high)?);
            let step = match step {
                Some(step) => usize::try_from(whole(step)?).ok().filter(|n| *n > 0)?,
                None => 1,
            };
            let few = (low..=high).step_by(step).take(MOST + 1);
            let number = |n: i64| ast::Expr {
                kind: ExprKind::Number(ast::Number {
                    text: n.to_string(),
                    value: n as f64,
                    unit: None,
                }),
                span: domain.span,
            };
            Some(few.map(number).collect())
        }
        _ => None,
    }
}

/// Whether an expression is made of numbers alone.
fn is_arithmetic(value: &ast::Expr) -> bool {
    match &value.kind {
        ExprKind::Number(_) => true,
        ExprKind::Unary { operand, .. } => is_arithmetic(operand),
        ExprKind::Binary { left, right, .. } => is_arithmetic(left) && is_arithmetic(right),
        _ => false,
    }
}

/// How many values a domain has, listed or not; absent where they are listed.
fn how_many(domain: &ast::Expr) -> Option<usize> {
    match &domain.kind {
        ExprKind::Categories(inner) => how_many(inner),
        ExprKind::Subsets(inner) => match &inner.kind {
            ExprKind::Set(items) => {
                let members = u32::try_from(items.len()).ok()?;
                Some(2_usize.checked_pow(members).unwrap_or(usize::MAX))
            }
            _ => None,
        },
        ExprKind::Range {
            low, high, step, ..
        } => {
            let (low, high) = (whole(low)?, whole(high)?);
            let step = match step {
                Some(step) => whole(step).filter(|n| *n > 0)?,
                None => 1,
            };
            usize::try_from((high - low) / step + 1).ok()
        }
        _ => None,
    }
}

/// A whole number that is written as one: `1.0..2.0` is a range of reals.
fn whole(e: &ast::Expr) -> Option<i64> {
    match &e.kind {
        ExprKind::Number(n) if n.unit.is_none() && n.text.bytes().all(|b| b.is_ascii_digit()) => {
            (n.value.abs() < 1e15).then_some(n.value as i64)
        }
        _ => None,
    }
}

/// The values of arm `index`; the last axis varies fastest.
fn combination(axes: &[Axis], mut index: usize) -> Vec<(&Axis, &ast::Expr)> {
    let mut chosen: Vec<(&Axis, &ast::Expr)> = Vec::with_capacity(axes.len());
    for axis in axes.iter().rev() {
        chosen.push((axis, &axis.values[index % axis.values.len()]));
        index /= axis.values.len();
    }
    chosen.reverse();
    chosen
}

/// `name = value` in place of `name in {…}`.
fn fixed(axis: &Axis, value: &ast::Expr) -> Entry {
    Entry {
        kind: EntryKind::Field(ast::Field {
            target: axis.target.clone(),
            value: value.clone(),
        }),
        ..axis.entry.clone()
    }
}
