//! Hardware targets.
//!
//! In: a merged declaration. Out: [`Target`], whose fields may use each other's names in any order. What the file states about itself
//! with `check` is evaluated here as far as it is constant.

use crate::analysis::context::{Cx, Local};
use crate::analysis::expression::expr::Typed;
use crate::analysis::expression::fields::{Given, Written};
use crate::analysis::expression::types::{Type, of_kind};
use crate::analysis::merged::Merged;
use crate::analysis::run::author;
use crate::analysis::schema::Field;
use crate::diagnostic::{Diagnostic, did_you_mean};
use crate::ir::{Check, Expr, Precision, Slot, Target, Value};
use crate::model::expression::evaluate;
use crate::model::expression::rename::visit_names;
use crate::model::hardware::without_peaks;
use crate::source::Span;
use crate::syntax::ast::{self, EntryKind};
use crate::units::Quantity;

/// How often names of fields are replaced by their values before a circle is the only explanation.
const DEEPEST: usize = 16;

impl Cx<'_> {
    /// The one target that is named. One that stands there as it is declared is the same for every experiment without names
    /// that it could see.
    pub(in crate::analysis) fn named_target(&mut self, fields: &Written) -> Option<Target> {
        let plain = match fields.get("target") {
            Some((_, Given::Fixed(value))) if self.locals.is_empty() => match &value.kind {
                ast::ExprKind::Path(path) => path.as_name().and_then(|name| self.find(name)),
                _ => None,
            },
            _ => None,
        };
        let known = plain.and_then(|id| self.memory.targets.get(&id)).cloned();
        if let Some((target, amendments)) = known {
            self.reach_sources(&target.provenance);
            self.reached.amendments.extend(amendments);
            return Some(target);
        }
        let (before, amended) = (self.sink.pushed(), self.reached.amendments.len());
        let merged = self.named(fields, "target")?;
        let target = self.target(&merged, true);
        if let Some(id) = plain
            && self.sink.pushed() == before
            && !self.sink.has_errors()
        {
            let amendments = self.reached.amendments[amended..].to_vec();
            self.memory.targets.insert(id, (target.clone(), amendments));
        }
        Some(target)
    }

    /// Lowers a target. With `sees`, its amendments may use names of the scope around.
    pub(in crate::analysis) fn target(&mut self, merged: &Merged, sees: bool) -> Target {
        let provenance = self.provenance(merged);
        self.inside(merged, sees, |cx| {
            let schema = merged.schema;
            let (fields, sections) = cx.split(merged);
            let known = |name: &str| schema.section(name).map_or(&[][..], |s| s.fields);
            let precisions: Vec<&ast::Section> = (sections.iter().copied())
                .filter(|s| s.name.text == "precision")
                .collect();
            let memories: Vec<&ast::Section> = (sections.iter().copied())
                .filter(|s| s.name.text == "memory")
                .collect();
            // Every field is a name for every other.
            let mark = cx.locals.len();
            for field in schema.fields {
                cx.locals.push(of_target(field, ""));
            }
            for field in known("vector") {
                cx.locals.push(of_target(field, "vector."));
            }
            for label in precisions.iter().filter_map(|s| s.label.as_ref()) {
                cx.locals.extend(
                    known("precision")
                        .iter()
                        .map(|f| of_target(f, &format!("{}.", label.text))),
                );
            }
            cx.memory_names(&memories, known("memory"));

            let written = cx.written(&merged.owner(), merged.name.span, fields, schema.fields);
            let op_per_mac = cx.slot_of(&written, schema.fields, "op_per_mac");
            let clock = cx.slot_of(&written, schema.fields, "clock");
            let vector = cx.section(merged, &sections, "vector");
            let [vector_width, lanes, idle] =
                ["width", "lanes", "idle"].map(|n| cx.slot_of(&vector, known("vector"), n));
            let precisions: Vec<Precision> = precisions
                .into_iter()
                .filter_map(|s| cx.precision(s, known("precision")))
                .collect();
            if precisions.is_empty() && !cx.sink.has_errors() {
                cx.report(
                    Diagnostic::error(
                        "bnas::field::missing",
                        format!("`{}` has no precision", merged.name.text),
                    )
                    .label(merged.name.span, "can multiply nothing")
                    .help("add `precision int8 { energy = …  macs = … }`"),
                );
            }
            let memories = cx.memories(&memories, known("memory"));
            let mut target = Target {
                name: merged.name.text.clone(),
                op_per_mac,
                clock,
                vector_width,
                lanes,
                idle,
                precisions,
                memories,
                checks: Vec::new(),
                provenance,
                span: merged.name.span,
            };
            cx.circular(&target);
            for entry in merged.entries.iter() {
                match &entry.kind {
                    EntryKind::Check(claim) => {
                        let check = cx.check(claim, entry.span, &target);
                        target.checks.extend(check);
                    }
                    EntryKind::Require(_) => cx.later("`require` in a target", entry.span),
                    _ => {}
                }
            }
            cx.leave(mark);
            target
        })
    }

    fn precision(&mut self, section: &ast::Section, known: &'static [Field]) -> Option<Precision> {
        let label = section.label.as_ref()?;
        let bits = match label.text.as_str() {
            "binary" => Some(1),
            "ternary" => Some(2),
            name => name
                .strip_prefix("int")
                .and_then(|n| n.parse::<u32>().ok())
                .filter(|n| (2..=8).contains(n)),
        };
        let Some(bits) = bits else {
            let alike = did_you_mean(&label.text, ["binary", "ternary", "int8", "int4"]);
            self.report(
                Diagnostic::error(
                    "bnas::target::precision",
                    format!("there is no precision `{}`", label.text),
                )
                .label(label.span, "does not say how a code is stored")
                .help(match alike {
                    Some(alike) => format!("did you mean `{alike}`?"),
                    None => "precisions are `binary`, `ternary` and `int2` to `int8`".to_string(),
                }),
            );
            return None;
        };
        let written = self.written(
            &format!("`{}`", label.text),
            label.span,
            &section.entries,
            known,
        );
        let [energy, macs] = ["energy", "macs"].map(|n| self.slot_of(&written, known, n));
        Some(Precision {
            name: label.text.clone(),
            bits,
            energy,
            macs,
            span: label.span,
        })
    }

    /// Fields that are formulas of themselves, by way of others or not: the first is reported.
    fn circular(&mut self, target: &Target) {
        let fields = target.fields();
        let needs = |name: &str| -> Vec<(String, Span)> {
            let mut found = Vec::new();
            let field = fields.iter().find(|f| f.name == name);
            if let Some(Slot::Fixed(expr)) = field.map(|f| f.slot)
                && let Ok(expr) = without_peaks(expr, target)
            {
                visit_names(&expr, &mut |name, span| found.push((name.into(), span)));
            }
            found
        };
        for field in &fields {
            let mut open = needs(&field.name);
            let mut seen: Vec<String> = Vec::new();
            let place = open.first().map(|(_, span)| *span);
            while let Some((name, span)) = open.pop() {
                if name == field.name {
                    let text = format!("`{name}` is a formula of itself");
                    let mut diagnostic = Diagnostic::error("bnas::name::circular", text)
                        .label(span, "this is what is defined");
                    if let Some(place) = place.filter(|p| *p != span) {
                        diagnostic = diagnostic.label(place, "and needs this");
                    }
                    self.report(diagnostic.help("give one of the fields a value of its own"));
                    return;
                }
                if !seen.contains(&name) {
                    open.extend(needs(&name));
                    seen.push(name);
                }
            }
        }
    }

    /// `check a ~= b within t`: it must hold, unless it depends on a choice.
    fn check(&mut self, claim: &ast::Claim, span: Span, target: &Target) -> Option<Check> {
        let holds = self.truth(&claim.condition, "a check");
        if holds.ty == Type::Poison {
            return None;
        }
        let text = self.text(claim.condition.span);
        if self.is_sound() && settled(&holds.expr, target) == Some(Value::Bool(false)) {
            let mut diagnostic =
                Diagnostic::error("bnas::target::check", format!("the check `{text}` fails"));
            let value = |typed: &Typed| settled(&typed.expr, target);
            diagnostic = match self.both_sides(&claim.condition, &value) {
                Some(sides) => sides.into_iter().fold(diagnostic, |said, (span, value)| {
                    said.label(span, format!("this is {value}"))
                }),
                None => diagnostic.label(claim.condition.span, "does not hold"),
            };
            self.report_fact(diagnostic.help(match &claim.message {
                Some(message) => message.value.clone(),
                None => "correct the numbers, or the check".to_string(),
            }));
        }
        Some(Check {
            holds: holds.expr,
            text,
            span,
        })
    }

    /// Both sides of a check that fails with what each comes to, in as many digits as tell them apart.
    pub(in crate::analysis) fn both_sides(
        &mut self,
        condition: &ast::Expr,
        value: &dyn Fn(&Typed) -> Option<Value>,
    ) -> Option<[(Span, String); 2]> {
        let (left, right) = sides(condition)?;
        let [x, y] = [left, right].map(|side| {
            let typed = self.expr(side, None);
            (value(&typed), typed.ty)
        });
        let told = |show: fn(&Value, &Type, &ast::Expr) -> String| {
            [&x, &y].map(|(value, ty)| match value {
                Some(value) => show(value, ty, condition),
                None => "unknown".to_string(),
            })
        };
        let [a, b] = told(shown);
        let [a, b] = match a == b && x.0 != y.0 {
            true => told(exact),
            false => [a, b],
        };
        Some([(left.span, a), (right.span, b)])
    }
}

/// A field of a target as a name of its expressions: `vector.width`.
pub(in crate::analysis) fn of_target(field: &'static Field, prefix: &str) -> Local {
    Local::built_in(format!("{prefix}{}", field.name), of_kind(field.kind))
}

/// The value of an expression over fields of a target, where those are fixed.
pub(in crate::analysis) fn settled(expr: &Expr, target: &Target) -> Option<Value> {
    let mut expr = expr.clone();
    for _ in 0..DEEPEST {
        if let Some(value) = expr.as_value() {
            return Some(value.clone());
        }
        expr = evaluate::reduce(&expr, &|name| match target.slot(name)? {
            Slot::Fixed(e) => Some(e.clone()),
            Slot::Chosen(_) => None,
        })
        .ok()?;
    }
    None
}

/// What is compared, of `a == b` and of `a ~= b within 1 %`.
fn sides(e: &ast::Expr) -> Option<(&ast::Expr, &ast::Expr)> {
    match &e.kind {
        ast::ExprKind::Approx { left, right, .. } => Some((left, right)),
        ast::ExprKind::Binary { left, right, .. } => Some((left, right)),
        _ => None,
    }
}

/// What a side of a check comes to, in the unit that the check is written in.
fn shown(value: &Value, ty: &Type, condition: &ast::Expr) -> String {
    match (value, ty) {
        (Value::Number(n), Type::Number(dimension)) if !dimension.is_number() => {
            let unit = sides(condition).and_then(|(x, y)| author::unit(x).or(author::unit(y)));
            Quantity {
                unit: unit.unwrap_or_default(),
                ..Quantity::computed(*n, *dimension)
            }
            .to_string()
        }
        _ => plain(value),
    }
}

/// The same with every digit.
fn exact(value: &Value, ty: &Type, condition: &ast::Expr) -> String {
    let (Value::Number(n), Type::Number(dimension)) = (value, ty) else {
        return value.to_string();
    };
    let unit = sides(condition).and_then(|(x, y)| author::unit(x).or(author::unit(y)));
    let number = Quantity::computed(*n, *dimension);
    let in_unit = unit.and_then(|unit| Some((number.in_unit(&unit)?, unit)));
    match in_unit {
        _ if dimension.is_number() => n.to_string(),
        Some((number, unit)) => format!("{number} {unit}"),
        None => format!("{n} {}", dimension.base_unit()),
    }
}

fn plain(value: &Value) -> String {
    match value {
        Value::Number(n) if *n != 0.0 && (n.abs() < 1e-3 || n.abs() >= 1e6) => format!("{n:.4e}"),
        Value::Number(n) => format!("{}", (n * 1e4).round() / 1e4),
        other => other.to_string(),
    }
}
