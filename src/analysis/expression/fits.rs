//! Whether a value may stand in a field.
//!
//! In: a value with its type, and the field of the schema. Out: true, or a diagnostic that says what the field takes and what to write.

use super::expr::Typed;
use super::lookup::words;
use super::types::{self, Type};
use crate::analysis::context::{Cx, list};
use crate::analysis::mistakes::misnamed::rule_of_quantizer;
use crate::analysis::schema::{Field, Kind, RECORDS};
use crate::diagnostic::{Diagnostic, meant};
use crate::ir::{Expr, Value};
use crate::model::settling::limits::{BELOW_ONE, Limits};
use crate::source::Span;
use crate::units::automatic;

impl Cx<'_> {
    /// Whether a value may stand in a field; says why not.
    pub(in crate::analysis) fn fits(&mut self, typed: &Typed, field: &Field, at: Span) -> bool {
        if typed.ty.is_open() {
            return true;
        }
        if !is_of_kind(typed, field.kind) {
            self.misfit(typed, field, at);
            return false;
        }
        // What a condition may rule out is looked at where it is known what it says: behind `limited`.
        if is_conditional(&typed.expr) || self.conditions > 0 && typed.expr.as_value().is_none() {
            return true;
        }
        let mut values = typed.values.iter().flatten();
        values.all(|value| self.value_fits(value, typed, field, at))
    }

    fn misfit(&mut self, typed: &Typed, field: &Field, at: Span) {
        let number = matches!(
            (field.kind, &typed.ty),
            (Kind::Number(_) | Kind::Whole, Type::Number(_))
        );
        let code = if number {
            "bnas::unit::mismatch"
        } else {
            "bnas::type::mismatch"
        };
        let takes = self.taken(field);
        let found = typed.ty.name();
        let written = self.text(typed.span);
        let help = match (field.kind, &typed.ty) {
            (Kind::Number(""), Type::Number(_)) => {
                format!("`{}` has no unit: write a plain number", field.name)
            }
            (Kind::Number(unit), Type::Number(_))
                if typed.ty == Type::PLAIN && written.len() < 24 =>
            {
                let with_unit = |number: &str| in_unit(number, unit);
                match (written.parse::<f64>(), in_range(&written, &with_unit)) {
                    (Ok(_), _) => {
                        format!("write a unit behind it, such as `{}`", with_unit(&written))
                    }
                    (_, Some(range)) => {
                        format!("write a unit behind each number, such as `{range}`")
                    }
                    (Err(_), None) => format!("give it a unit, such as `({written}) * 1 {unit}`"),
                }
            }
            (Kind::Number(unit), Type::Number(_)) => {
                format!("write it in `{unit}`, with any prefix")
            }
            (Kind::Whole | Kind::WholeOr(_), Type::Number(_))
                if written.starts_with(|c: char| c.is_ascii_digit()) && written.contains(' ') =>
            {
                let digits = written.split(' ').next().unwrap_or("");
                format!("write it without a unit: `{digits}`")
            }
            (Kind::Number(_) | Kind::Whole, Type::Text)
                if written.starts_with('"')
                    && written[1..].starts_with(|c: char| c.is_ascii_digit()) =>
            {
                format!("write it without quotes: `{}`", written.trim_matches('"'))
            }
            (kind, Type::Text) if words(kind).contains(&written.trim_matches('"')) => {
                format!("write it without quotes: `{}`", written.trim_matches('"'))
            }
            (Kind::Optimizer, Type::Text | Type::Word) => {
                let name = written.trim_matches('"').to_ascii_lowercase();
                match RECORDS
                    .iter()
                    .any(|(of, call)| *of == Kind::Optimizer && call.name == name)
                {
                    true => format!("write `{name}(lr = 1e-3)`"),
                    false => "write `adam(lr = 1e-3)`, `adamw(…)` or `sgd(…)`".into(),
                }
            }
            (Kind::Scale, Type::Quantizer) if let Some(help) = rule_of_quantizer(&written) => help,
            (Kind::Repairs, Type::Repair) => format!("write `{{{written}}}`: it takes a set"),
            (kind, Type::Set(member)) if member.fits(&types::of_kind(kind)) => {
                self.chosen_from(field, typed.span)
            }
            (kind, _) => match self.takes_by_name(kind, typed.span.source) {
                Some(names) => names,
                None => format!("`{}` is {}", field.name, field.docs),
            },
        };
        self.report(
            Diagnostic::error(code, format!("expected {takes}, found {found}"))
                .label(typed.span, found)
                .label(at, format!("`{}` is {takes}", field.name))
                .help(help),
        );
    }

    /// What to write for a set that stands behind `=`.
    fn chosen_from(&mut self, field: &Field, value: Span) -> String {
        let written = self.text(value);
        if let Some(fixed) = &field.fixed {
            return fixed.help(field.name, Some(written));
        }
        if let Some(help) = self.repeat_help(value) {
            return help;
        }
        // `width = {8, 16}` in an amendment is what `channels = width` reads elsewhere.
        match self.local(&written).and_then(|local| local.span) {
            Some(defined) => format!("write `{written} in {}` to choose from the set", {
                let text = &self.sources.get(defined.source).text[defined.end as usize..];
                let set = text
                    .trim_start()
                    .strip_prefix('=')
                    .unwrap_or("")
                    .trim_start();
                let end = set.find('}').filter(|_| set.starts_with('{'));
                end.map_or("{…}", |end| &set[..=end])
            }),
            None => format!(
                "write `{} in {}` to choose from the set",
                field.name,
                written.strip_prefix("subsets ").unwrap_or(&written).trim()
            ),
        }
    }

    fn value_fits(&mut self, value: &Value, typed: &Typed, field: &Field, at: Span) -> bool {
        let allowed = words(field.kind);
        match value {
            Value::Name(word) if typed.ty == Type::Word && !allowed.contains(&word.as_str()) => {
                let mut diagnostic = Diagnostic::error(
                    "bnas::type::mismatch",
                    format!("`{}` cannot be `{word}`", field.name),
                )
                .label(typed.span, format!("`{word}`"))
                .label(at, "this field");
                diagnostic = match meant(word, allowed.iter().copied()) {
                    Some(alike) => diagnostic.help(format!("did you mean `{alike}`?")),
                    None if allowed.is_empty() => {
                        diagnostic.help(format!("it takes {}", self.taken(field)))
                    }
                    None => diagnostic.help(format!("one of {}", list(allowed.iter().copied()))),
                };
                self.report(diagnostic);
                false
            }
            Value::Number(n) => {
                if field.whole && n.fract() != 0.0 {
                    let (found, what) = match field.kind {
                        Kind::Number(unit) => {
                            (format!("{n} {unit}"), format!("a number of {unit}s"))
                        }
                        _ => (n.to_string(), "a whole number".into()),
                    };
                    self.report(
                        Diagnostic::error(
                            "bnas::domain::not_whole",
                            format!("`{}` counts: {found} is not whole", field.name),
                        )
                        .label(typed.span, format!("this can be {found}"))
                        .label(at, what)
                        .help("use `round(…)` or whole members"),
                    );
                    return false;
                }
                if *n < field.low || *n > field.high {
                    let found = match field.kind {
                        Kind::Number(unit) if !unit.is_empty() => {
                            automatic(*n, types::dimension(unit))
                        }
                        _ => n.to_string(),
                    };
                    self.report(
                        Diagnostic::error(
                            "bnas::domain::out_of_range",
                            format!("`{}` must be {}, found {found}", field.name, limits(field)),
                        )
                        .label(typed.span, format!("this can be {found}"))
                        .label(at, limits(field))
                        .help(nearest(field, *n, &self.text(typed.span))),
                    );
                    return false;
                }
                true
            }
            _ => true,
        }
    }

    /// What a field takes, in words.
    pub(in crate::analysis) fn taken(&self, field: &Field) -> String {
        match field.kind {
            Kind::Whole => "a whole number".into(),
            Kind::WholeOr(words) => format!("a whole number or {}", list(words.iter().copied())),
            Kind::WordOrFormula(words) => {
                format!("a formula or {}", list(words.iter().copied()))
            }
            Kind::TruthOr(words) | Kind::Word(words) => {
                format!("one of {}", list(words.iter().copied()))
            }
            Kind::Other(what) => what.into(),
            kind => types::of_kind(kind).name(),
        }
    }
}

/// Whether a value is of the kind that a field takes.
pub(super) fn is_of_kind(typed: &Typed, kind: Kind) -> bool {
    match kind {
        Kind::Number(unit) => {
            let zero = matches!(typed.ty, Type::Number(_)) && typed.expr == Expr::number(0.0);
            zero || typed.ty == Type::in_unit(unit)
        }
        Kind::Whole => typed.ty == Type::PLAIN,
        Kind::WholeOr(_) => matches!(typed.ty, Type::Word) || typed.ty == Type::PLAIN,
        Kind::WordOrFormula(_) => matches!(typed.ty, Type::Word) || typed.ty == Type::PLAIN,
        Kind::TruthOr(_) => matches!(typed.ty, Type::Word | Type::Truth),
        Kind::Augment => match &typed.ty {
            Type::Set(of) => of.fits(&Type::Augment),
            ty => ty.fits(&Type::Augment),
        },
        kind => typed.ty.fits(&types::of_kind(kind)),
    }
}

/// A number with the unit of a field, or a prefix of it that is usual.
pub(super) fn in_unit(number: &str, unit: &str) -> String {
    match unit {
        "Hz" | "J/op" => types::with_unit(number, types::dimension(unit)),
        _ => format!("{number} {unit}"),
    }
}

/// What fits a field as it stands there: a formula that may give numbers which the field does not take has its limits around it.
pub(in crate::analysis) fn limited(typed: &Typed, field: &Field) -> Expr {
    let limits = Limits {
        low: field.low,
        high: field.high,
        is_whole: field.whole,
    };
    let takes = |value: &Value| value.as_number().is_none_or(|x| limits.contains(x));
    let is_known = (typed.values.as_ref()).is_some_and(|values| values.iter().all(takes));
    let is_number = matches!(typed.ty, Type::Number(_));
    // A schedule that has a name has limits of its own.
    let is_named = matches!(typed.expr, Expr::Record(..));
    let takes_all = limits.low == f64::NEG_INFINITY && limits.high == f64::INFINITY;
    match !is_number || is_known || is_named || takes_all && !limits.is_whole {
        true => typed.expr.clone(),
        false => limits.around(typed.expr.clone()),
    }
}

/// Whether what an expression is depends on a condition in it.
fn is_conditional(expr: &Expr) -> bool {
    match expr {
        Expr::If(..) => true,
        Expr::Unary(_, x) => is_conditional(x),
        Expr::Binary(_, x, y) => is_conditional(x) || is_conditional(y),
        Expr::Call(_, args) | Expr::Set(args) => args.iter().any(is_conditional),
        _ => false,
    }
}

/// What to write for a number beyond the limits of a field.
fn nearest(field: &Field, n: f64, written: &str) -> String {
    let unit = match field.kind {
        Kind::Number(unit) if !unit.is_empty() => format!(" {unit}"),
        _ => String::new(),
    };
    match n < field.low {
        true if field.name == "bits" && n == 1.0 => {
            "one bit is another kind of codes: write `binary`, with `use std.quantizers.binary`, or `bits = 2`".into()
        }
        false if field.name == "bits" && n >= 16.0 => "write `float` in place of the quantizer, or `bits = 8`".into(),
        true if field.low == f64::MIN_POSITIVE => "write a value above 0".into(),
        true if field.name == "repeat" => format!("let it be {} at least", field.low),
        true => format!("the least is `{} = {}{unit}`", field.name, field.low),
        false if field.high == BELOW_ONE => "write a value below 1".into(),
        false if field.high == 1.0 && written.ends_with('%') => {
            format!("the most is `{} = 100 %`", field.name)
        }
        false if unit.is_empty() && field.high == 1.0 && n <= 100.0 && !field.whole => {
            format!(
                "write `{n} %` for a percentage: the most is `{} = 1`",
                field.name
            )
        }
        false => format!("the most is `{} = {}{unit}`", field.name, field.high),
    }
}

fn limits(field: &Field) -> String {
    match (field.low, field.high) {
        (low, f64::INFINITY) if low == f64::MIN_POSITIVE => "above 0".into(),
        (low, f64::INFINITY) => format!("at least {low}"),
        (low, high) if low == f64::MIN_POSITIVE => format!("above 0, {high} at most"),
        (low, high) if high == BELOW_ONE => format!("at least {low}, below 1"),
        (low, high) => format!("from {low} to {high}"),
    }
}

/// A range of numbers, `256..1024 step 256`, with a unit behind each.
pub(super) fn in_range(written: &str, with_unit: &dyn Fn(&str) -> String) -> Option<String> {
    let (low, rest) = written.split_once("..")?;
    let (high, step) = match rest.split_once(" step ") {
        Some((high, step)) => (high, Some(step)),
        None => (rest, None),
    };
    let (high, log) = match high.strip_suffix(" log") {
        Some(high) => (high, " log"),
        None => (high, ""),
    };
    let is_number = |number: &&str| number.parse::<f64>().is_ok();
    if ![low, high].iter().chain(&step).all(is_number) {
        return None;
    }
    let step = step.map(|step| format!(" step {}", with_unit(step)));
    let (low, high) = (with_unit(low), with_unit(high));
    Some(format!("{low}..{high}{log}{}", step.unwrap_or_default()))
}
