//! Fields of sections and arguments of calls, checked against the schema.
//!
//! In: what was written, by name. Out: one [`Slot`] per field, with defaults filled in. It must not know what the fields mean.

use super::context::{Cx, Local, list};
use super::expr::Typed;
use super::lookup::words;
use super::schema::{self, Field, Kind, Otherwise};
use super::types::{self, Type};
use crate::diagnostic::{Diagnostic, did_you_mean};
use crate::ir::{Expr, PROGRESS, Slot, Value};
use crate::model::limits::Limits;
use crate::source::Span;
use crate::syntax::ast;
use crate::units::automatic;

/// A value as written: behind `=`, or a domain behind `in` with its default.
#[derive(Debug, Clone, Copy)]
pub(super) enum Given<'e> {
    Fixed(&'e ast::Expr),
    Searched(&'e ast::Expr, Option<&'e ast::Expr>),
}

impl Given<'_> {
    pub(super) fn span(&self) -> Span {
        match self {
            Given::Fixed(e) | Given::Searched(e, _) => e.span,
        }
    }
}

/// What was written, by name, in order, each name once.
#[derive(Debug)]
pub(super) struct Written<'e> {
    /// What owns the fields, for messages: "`conv`", "`train`".
    pub(super) owner: String,
    /// Where the owner's name stands.
    pub(super) span: Span,
    pub(super) given: Vec<(ast::Name, Given<'e>)>,
    /// Fields that were probably meant by unknown names: they are not missing.
    meant: Vec<&'static str>,
}

impl<'e> Written<'e> {
    pub(super) fn new(owner: impl Into<String>, span: Span) -> Self {
        Written {
            owner: owner.into(),
            span,
            given: Vec::new(),
            meant: Vec::new(),
        }
    }

    pub(super) fn get(&self, name: &str) -> Option<&(ast::Name, Given<'e>)> {
        self.given.iter().find(|(n, _)| n.text == name)
    }

    /// Whether an unknown name was probably this one.
    pub(super) fn is_meant(&self, name: &str) -> bool {
        self.meant.contains(&name)
    }

    /// Says that a field was given in a way that has been reported.
    pub(super) fn mean(&mut self, name: &'static str) {
        self.meant.push(name);
    }

    /// The place to point at when speaking of a field.
    pub(super) fn place(&self, name: &str) -> Span {
        self.get(name).map_or(self.span, |(n, _)| n.span)
    }
}

impl Cx<'_> {
    /// The fields of a section: nothing else may stand in it.
    pub(super) fn written<'e>(
        &mut self,
        owner: &str,
        span: Span,
        entries: &'e [ast::Entry],
        known: &'static [Field],
    ) -> Written<'e> {
        let mut written = Written::new(owner, span);
        for entry in entries {
            let (path, given) = match &entry.kind {
                ast::EntryKind::Field(f) => (&f.target, Given::Fixed(&f.value)),
                ast::EntryKind::Choice(c) => {
                    (&c.target, Given::Searched(&c.domain, c.default.as_ref()))
                }
                _ => {
                    self.report(
                        Diagnostic::error(
                            "bnas::name::unknown_key",
                            format!("{owner} takes fields only"),
                        )
                        .label(entry.span, "this is no field")
                        .help(format!(
                            "its fields are {}",
                            list(known.iter().map(|f| f.name))
                        )),
                    );
                    continue;
                }
            };
            match path.as_name() {
                Some(name) => self.give(&mut written, name, given, known),
                None => self.unknown_key(owner, &whole(path), Some(span), &names(known)),
            }
        }
        written
    }

    /// Adds a field unless it is unknown or there already.
    pub(super) fn give<'e>(
        &mut self,
        written: &mut Written<'e>,
        name: &ast::Name,
        given: Given<'e>,
        known: &'static [Field],
    ) {
        if !known.iter().any(|f| f.name == name.text) {
            let owner = written.owner.clone();
            let declared = (written.span.source == name.span.source).then_some(written.span);
            self.unknown_key(&owner, name, declared, &names(known));
            written.meant.extend(did_you_mean(&name.text, names(known)));
        } else if let Some((first, _)) = written.get(&name.text) {
            let first = first.span;
            self.twice(&name.text, name.span, first);
        } else {
            written.given.push((name.clone(), given));
        }
    }

    /// The slot of a field: as written, or its default. Absent where the default is, and after a diagnostic about a missing one.
    pub(super) fn slot(&mut self, written: &Written, field: &Field) -> Option<Slot> {
        if let Some((name, given)) = written.get(field.name) {
            return Some(self.filled(field, *given, name.span));
        }
        match field.default {
            Otherwise::Number(n) => Some(Slot::Fixed(Expr::number(n))),
            Otherwise::Word(w) => Some(Slot::Fixed(Expr::Value(Value::name(w)))),
            Otherwise::Absent => None,
            Otherwise::Required if written.is_meant(field.name) => None,
            Otherwise::Required => {
                let takes = self.taken(field);
                self.report(
                    Diagnostic::error(
                        "bnas::field::missing",
                        format!("{} needs `{}`", written.owner, field.name),
                    )
                    .label(written.span, format!("`{}` is missing", field.name))
                    .help(format!(
                        "add `{} = {}`: {}, {takes}",
                        field.name,
                        example(field),
                        field.docs
                    )),
                );
                None
            }
        }
    }

    /// A field by name, as a slot; after a diagnostic the number 1.
    pub(super) fn slot_of(
        &mut self,
        written: &Written,
        known: &'static [Field],
        name: &str,
    ) -> Slot {
        let field = find(known, name);
        self.slot(written, field)
            .unwrap_or_else(|| Slot::Fixed(Expr::number(1.0)))
    }

    /// A field whose value must be a constant whole number.
    pub(super) fn count_of(
        &mut self,
        written: &Written,
        known: &'static [Field],
        name: &str,
    ) -> Option<u64> {
        let field = find(known, name);
        match self.slot(written, field)? {
            Slot::Fixed(Expr::Value(Value::Number(n))) if n >= 0.0 && n.fract() == 0.0 => {
                Some(n as u64)
            }
            Slot::Fixed(Expr::Value(_)) | Slot::Chosen(_) => None,
            Slot::Fixed(_) => {
                self.report(
                    Diagnostic::error(
                        "bnas::type::mismatch",
                        format!("`{name}` must be a constant"),
                    )
                    .label(written.place(name), "depends on a choice"),
                );
                None
            }
        }
    }

    /// What is written for a field, checked.
    pub(super) fn filled(&mut self, field: &Field, given: Given, at: Span) -> Slot {
        let mark = self.locals.len();
        if let Kind::WordOrFormula(_) = field.kind {
            self.progress();
        }
        let slot = match given {
            Given::Fixed(e) => {
                let typed = self.expr(e, Some(field.kind));
                Slot::Fixed(match self.fits(&typed, field, at) {
                    true => limited(&typed, field),
                    false => typed.expr,
                })
            }
            Given::Searched(domain, default) => match &field.fixed {
                Some(fixed) => {
                    self.not_searched(field.name, fixed, domain, at);
                    Slot::Fixed(Expr::number(1.0))
                }
                None => Slot::Chosen(self.domain(domain, default, Some((field, at))).0),
            },
        };
        self.leave(mark);
        slot
    }

    /// `in` where one value holds for the whole search: why, and what to type instead.
    pub(super) fn not_searched(
        &mut self,
        name: &str,
        fixed: &schema::Fixed,
        domain: &ast::Expr,
        at: Span,
    ) {
        let text = self.text(domain.span);
        self.report(
            Diagnostic::error(
                "bnas::domain::not_searched",
                format!("`{name}` cannot be searched: {}", fixed.why),
            )
            .label(domain.span, "a domain")
            .label(at, "this field is fixed")
            .help(fixed.help(name, super::arms::values(domain).map(|_| text))),
        );
    }

    /// The names of how far a stage of training is; names of the author's own come before them.
    pub(super) fn progress(&mut self) {
        for name in PROGRESS {
            if self.locals.find(name).is_none() {
                self.locals.push(Local::built_in(*name, Type::PLAIN));
            }
        }
    }

    /// Whether a value may stand in a field; says why not.
    pub(super) fn fits(&mut self, typed: &Typed, field: &Field, at: Span) -> bool {
        if typed.ty.is_open() {
            return true;
        }
        let right = match field.kind {
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
        };
        if !right {
            self.misfit(typed, field, at);
            return false;
        }
        // What a condition may rule out is looked at where it is known what it says: behind `limited`.
        if is_conditional(&typed.expr) || self.conditions > 0 && typed.expr.as_value().is_none() {
            return true;
        }
        let values = typed.values.clone().unwrap_or_default();
        values
            .iter()
            .all(|value| self.value_fits(value, typed, field, at))
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
                let usual = match unit {
                    "Hz" | "J/op" => types::usual_unit(types::dimension(unit)),
                    _ => unit.to_string(),
                };
                format!("write a unit behind it, such as `{written} {usual}`")
            }
            (Kind::Number(unit), Type::Number(_)) => {
                format!("write it in `{unit}`, with any prefix")
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
            (Kind::Repairs, Type::Repair) => format!("write `{{{written}}}`: it takes a set"),
            (_, Type::Set(_)) => {
                format!("write `{} in {written}` to choose from the set", field.name)
            }
            (kind, _) if !words(kind).is_empty() => {
                format!("one of {}", list(words(kind).iter().copied()))
            }
            _ => format!("`{}` is {}", field.name, field.docs),
        };
        self.report(
            Diagnostic::error(code, format!("expected {takes}, found {found}"))
                .label(typed.span, found)
                .label(at, format!("`{}` is {takes}", field.name))
                .help(help),
        );
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
                diagnostic = match did_you_mean(word, allowed.iter().copied()) {
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
                let whole = matches!(field.kind, Kind::Whole | Kind::WholeOr(_));
                if whole && n.fract() != 0.0 {
                    self.report(
                        Diagnostic::error(
                            "bnas::domain::not_whole",
                            format!("`{}` counts: {n} is not whole", field.name),
                        )
                        .label(typed.span, format!("this can be {n}"))
                        .label(at, "a whole number")
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
                        .help(nearest(field, *n)),
                    );
                    return false;
                }
                true
            }
            _ => true,
        }
    }

    /// What a field takes, in words.
    fn taken(&self, field: &Field) -> String {
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

/// What fits a field as it stands there: a formula that may give numbers which the field does not take has its limits around it.
pub(super) fn limited(typed: &Typed, field: &Field) -> Expr {
    let limits = Limits {
        low: field.low,
        high: field.high,
        is_whole: matches!(field.kind, Kind::Whole | Kind::WholeOr(_)),
    };
    let takes = |value: &Value| value.as_number().is_none_or(|x| limits.contains(x));
    let is_known = (typed.values.as_ref()).is_some_and(|values| values.iter().all(takes));
    let is_number = matches!(typed.ty, Type::Number(_));
    let takes_all = limits.low == f64::NEG_INFINITY && limits.high == f64::INFINITY;
    match !is_number || is_known || takes_all && !limits.is_whole {
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

/// A value that a required field may have.
fn example(field: &Field) -> String {
    match (field.name, field.kind) {
        ("epochs", _) => "20".into(),
        ("trials", _) => "40".into(),
        ("size", Kind::Number("bit")) => "64 KiB".into(),
        (_, Kind::Number(unit)) if !unit.is_empty() => format!("… {unit}"),
        (_, Kind::Word([first, ..])) => (*first).into(),
        _ => "…".into(),
    }
}

/// What to write for a number beyond the limits of a field.
fn nearest(field: &Field, n: f64) -> String {
    let unit = match field.kind {
        Kind::Number(unit) if !unit.is_empty() => format!(" {unit}"),
        _ => String::new(),
    };
    match n < field.low {
        true if field.low == f64::MIN_POSITIVE => "write a value above 0".into(),
        true => format!("the least is `{} = {}{unit}`", field.name, field.low),
        false => format!("the most is `{} = {}{unit}`", field.name, field.high),
    }
}

fn limits(field: &Field) -> String {
    match (field.low, field.high) {
        (low, f64::INFINITY) if low == f64::MIN_POSITIVE => "above 0".into(),
        (low, f64::INFINITY) => format!("at least {low}"),
        (low, high) if low == f64::MIN_POSITIVE => format!("above 0, {high} at most"),
        (low, high) => format!("from {low} to {high}"),
    }
}

/// The field of this name.
pub(super) fn find(known: &'static [Field], name: &str) -> &'static Field {
    known
        .iter()
        .find(|f| f.name == name)
        .expect("fields are asked for by names of the schema")
}

/// Names of fields.
pub(super) fn names(known: &'static [Field]) -> Vec<&'static str> {
    known.iter().map(|f| f.name).collect()
}

/// A dotted path as one name.
pub(super) fn whole(path: &ast::Path) -> ast::Name {
    let text = super::lookup::members(path).unwrap_or_else(|| path.head.text.clone());
    ast::Name {
        text,
        span: path.span,
    }
}
