//! Operations that have no value for some operands: divisions, logarithms, square roots, powers.
//!
//! In: the expressions of an experiment or quantizer as they are settled, with the conditions under which they are reached. Out: an error
//! for one that goes wrong at a member of the space, which it names; a warning for one of which neither a member nor a proof is
//! found; nothing for one that is proved. Bounds come first ([`bound`]), which know conditions; then members are tried ([`witness`]).

use super::decision::Decisions;
use super::evaluate;
use super::limits::{self, Limits};
use super::settle::{Frame, Settler};
use crate::diagnostic::Diagnostic;
use crate::ir::{BinaryOp, Expr, Function, Quantizer, Record, Slot, Value, show};
use crate::source::Span;

pub(super) mod bound;
mod witness;

pub(super) use bound::Facts;
pub use bound::Interval;
pub use witness::of_one_value;

/// What has no value everywhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// Not by 0.
    Divide,
    /// Of numbers above 0.
    Logarithm,
    /// Of numbers from 0 up.
    Root,
    /// Of a negative base with whole exponents, of 0 with exponents from 0 up.
    Power,
    /// Of multiples of a number above 0.
    Multiple,
    /// Numbers that a field takes, and whether they are whole.
    Limits { is_whole: bool },
}

impl Kind {
    /// Whether the operation has no finite value for these operands.
    pub(super) fn fails(self, operands: &[f64]) -> bool {
        match (self, operands) {
            (Kind::Divide, [x]) => *x == 0.0,
            (Kind::Logarithm | Kind::Multiple, [x]) => *x <= 0.0,
            (Kind::Root, [x]) => *x < 0.0,
            (Kind::Limits { .. }, _) => !self.limits(operands).contains(operands[0]),
            (Kind::Power, [x, y]) => (*x < 0.0 && y.fract() != 0.0) || (*x == 0.0 && *y < 0.0),
            _ => false,
        }
    }

    fn code(self) -> &'static str {
        match self {
            Kind::Limits { .. } => "bnas::domain::out_of_range",
            _ => "bnas::domain::undefined",
        }
    }

    /// The limits among these operands.
    fn limits(self, operands: &[f64]) -> Limits {
        let end = |at: usize, none| operands.get(at).copied().unwrap_or(none);
        Limits {
            low: end(1, -f64::MAX),
            high: end(2, f64::MAX),
            is_whole: self == Kind::Limits { is_whole: true },
        }
    }

    /// What is wrong with these operands, for the message and for the label.
    fn problem(self, operands: &[f64], written: &str) -> (String, String) {
        let x = operands.first().copied().unwrap_or(f64::NAN);
        match (self, operands) {
            (Kind::Divide, _) => ("a division by 0".into(), format!("`{written}` is 0")),
            (Kind::Logarithm, _) => (
                format!("a logarithm of {x}"),
                format!("`{written}` is {x}: only numbers above 0 have a logarithm"),
            ),
            (Kind::Root, _) => (
                format!("a square root of {x}"),
                format!("`{written}` is {x}: only numbers from 0 up have a square root"),
            ),
            (Kind::Power, [x, y]) => (
                format!("{x} to the power {y}"),
                match *x == 0.0 {
                    true => "a negative power of 0".into(),
                    false => "a negative base takes whole exponents only".into(),
                },
            ),
            (Kind::Limits { .. }, _) => {
                let limits = self.limits(operands);
                (
                    format!("the value {x} is not {limits}"),
                    format!("`{written}` is {x}: it has to be {limits}"),
                )
            }
            _ => (
                format!("a multiple of {x}"),
                format!("`{written}` is {x}: multiples are of numbers above 0"),
            ),
        }
    }

    /// What may be wrong.
    fn doubt(self) -> (&'static str, &'static str) {
        match self {
            Kind::Divide => ("this may divide by 0", "not proved to differ from 0"),
            Kind::Logarithm => (
                "this may be the logarithm of a number that has none",
                "not proved to be above 0",
            ),
            Kind::Root => (
                "this may be the square root of a negative number",
                "not proved to be 0 or more",
            ),
            Kind::Power => (
                "this power may have no value",
                "the base is not proved to be above 0",
            ),
            Kind::Multiple => ("this may be a multiple of 0", "not proved to be above 0"),
            Kind::Limits { is_whole: true } => (
                "this may be a number that the field does not take",
                "not proved to be whole and within its limits",
            ),
            Kind::Limits { is_whole: false } => (
                "this may be a number that the field does not take",
                "not proved to be within its limits",
            ),
        }
    }

    fn help(self) -> &'static str {
        match self {
            Kind::Divide => {
                "guard it, `if b != 0 then a / b else 0`, keep it from 0, `max(b, 1e-6)`, or leave 0 out of the domain"
            }
            Kind::Logarithm => {
                "guard it, `if x > 0 then ln(x) else 0`, or keep it above 0: `ln(max(x, 1e-6))`"
            }
            Kind::Root => {
                "guard it, `if x >= 0 then sqrt(x) else 0`, or keep it from 0 up: `sqrt(max(x, 0))`"
            }
            Kind::Power => "keep the base above 0: `max(x, 1e-6)^y`, or `abs(x)^y`",
            Kind::Multiple => "write a number above 0: `multiple_of(8, x)`",
            Kind::Limits { is_whole: true } => {
                "keep it whole, `round(x)`, and within, `clip(x, low, high)`, or leave such members out of the domain"
            }
            Kind::Limits { is_whole: false } => {
                "keep it within, `clip(x, low, high)`, or leave such members out of the domain"
            }
        }
    }
}

/// An operation that is reached where its conditions hold.
#[derive(Debug, Clone)]
pub(super) struct Use {
    kind: Kind,
    /// What must not be just any number, over decisions and names.
    operands: Vec<Expr>,
    /// What holds where it is reached.
    conditions: Vec<Expr>,
    /// Where the operands are written, and the first of them.
    span: Span,
    written: String,
    /// The requirement that it is part of, which does not excuse it.
    within: Option<Span>,
}

impl Use {
    /// Whether it reads a name that is no decision.
    pub(super) fn has_names(&self) -> bool {
        let mut parts = self.operands.iter().chain(&self.conditions);
        parts.any(|e| !evaluate::names(e).is_empty())
    }
}

/// Every operation of `expr` that has no value for some operands; names are replaced by what `names` says.
pub(super) fn uses(expr: &Expr, guard: &Expr, names: &dyn Fn(&str) -> Option<Expr>) -> Vec<Use> {
    let mut walk = Walk {
        names,
        guard,
        conditions: Vec::new(),
        found: Vec::new(),
    };
    walk.expr(expr);
    walk.found
}

struct Walk<'a> {
    names: &'a dyn Fn(&str) -> Option<Expr>,
    guard: &'a Expr,
    /// What decides whether the walk comes here, as written, and how it has to decide.
    conditions: Vec<(&'a Expr, bool)>,
    found: Vec<Use>,
}

impl<'a> Walk<'a> {
    fn expr(&mut self, expr: &'a Expr) {
        match expr {
            Expr::Value(_) | Expr::Name(..) | Expr::Decision(_) => {}
            Expr::Unary(_, x) => self.expr(x),
            Expr::Binary(op, x, y) => {
                self.expr(x);
                match op {
                    BinaryOp::And | BinaryOp::Implies => self.under(x, true, y),
                    BinaryOp::Or => self.under(x, false, y),
                    _ => self.expr(y),
                }
                match op {
                    BinaryOp::Divide => self.operation(Kind::Divide, &[y], expr),
                    BinaryOp::Power => self.operation(Kind::Power, &[x, y], expr),
                    _ => {}
                }
            }
            Expr::If(c, x, y) => {
                self.expr(c);
                self.under(c, true, x);
                self.under(c, false, y);
            }
            Expr::Call(function, args) => {
                args.iter().for_each(|a| self.expr(a));
                let kind = match function {
                    Function::Ln | Function::Log2 => Kind::Logarithm,
                    Function::Sqrt => Kind::Root,
                    Function::MultipleOf => Kind::Multiple,
                    Function::Within => Kind::Limits { is_whole: false },
                    Function::WholeWithin => Kind::Limits { is_whole: true },
                    _ => return,
                };
                let operands: Vec<&Expr> = args.iter().collect();
                match kind {
                    Kind::Limits { .. } => self.operation(kind, &operands, expr),
                    _ => self.operation(kind, &operands[..1], expr),
                }
            }
            Expr::Set(items) => items.iter().for_each(|i| self.expr(i)),
            Expr::Record(_, fields, _) => {
                for (_, slot) in fields {
                    if let Slot::Fixed(e) = slot {
                        self.expr(e);
                    }
                }
            }
        }
    }

    /// `expr`, which is looked at only where the condition has this truth value.
    fn under(&mut self, condition: &'a Expr, truth: bool, expr: &'a Expr) {
        self.conditions.push((condition, truth));
        self.expr(expr);
        self.conditions.pop();
    }

    /// What holds here; `None` if that is impossible.
    fn reached(&self) -> Option<Vec<Expr>> {
        let mut reached = vec![self.guard.clone()];
        for (condition, truth) in &self.conditions {
            let condition = evaluate::reduce(condition, self.names).ok()?;
            reached.push(match truth {
                true => condition,
                false => evaluate::negate(condition),
            });
        }
        let is = |e: &Expr, b: bool| *e == Expr::bool(b);
        if reached.iter().any(|e| is(e, false)) {
            return None;
        }
        reached.retain(|e| !is(e, true));
        Some(reached)
    }

    fn operation(&mut self, kind: Kind, operands: &[&Expr], whole: &Expr) {
        // Most divisors and exponents are constants that are fine, as written or in this copy.
        let is_fine = |operands: &[&Expr]| {
            let constants = operands.iter().map(|e| e.as_value()?.as_number());
            let constants: Option<Vec<f64>> = constants.collect();
            constants.is_some_and(|c| !kind.fails(&c)) || is_whole_power(kind, operands)
        };
        if is_fine(operands) {
            return;
        }
        let settled = operands.iter().map(|e| evaluate::reduce(e, self.names));
        let Ok(settled) = settled.collect::<Result<Vec<Expr>, _>>() else {
            return;
        };
        if is_fine(&settled.iter().collect::<Vec<_>>()) {
            return;
        }
        let Some(conditions) = self.reached() else {
            return;
        };
        let place = operands
            .iter()
            .filter_map(|e| place(e))
            .reduce(Span::to)
            .or_else(|| place(whole));
        self.found.push(Use {
            kind,
            operands: settled,
            conditions,
            span: place.unwrap_or_default(),
            written: show(operands[0]),
            within: None,
        });
    }
}

/// `x^2`: powers with whole constant exponents from 0 up.
fn is_whole_power(kind: Kind, operands: &[&Expr]) -> bool {
    let exponent = operands.get(1).and_then(|e| e.as_value()?.as_number());
    kind == Kind::Power && exponent.is_some_and(|n| n >= 0.0 && n.fract() == 0.0)
}

/// From the first name of an expression to its last.
fn place(expr: &Expr) -> Option<Span> {
    let mut found: Option<Span> = None;
    evaluate::walk(expr, &mut |part| {
        if let Expr::Name(_, span) = part
            && !span.is_empty()
        {
            found = Some(match found {
                Some(before) if before.source == span.source => before.to(*span),
                _ => *span,
            });
        }
    });
    found
}

/// Says of which requirement or goal uses are part. `written` is the expression before its paths were replaced, which knows places.
pub(super) fn belong_to(uses: &mut [Use], span: Span, written: &Expr) {
    let places = self::uses(written, &Expr::bool(true), &|_| None);
    let is_same = places.len() == uses.len();
    for (i, found) in uses.iter_mut().enumerate() {
        found.within = Some(span);
        if is_same && !places[i].span.is_empty() {
            found.span = places[i].span;
        } else if found.span.is_empty() {
            found.span = span;
        }
    }
}

/// What names can be that are no decisions.
pub(super) struct Names<'a> {
    /// Every number that one can be, as an interval.
    pub(super) bounds: &'a dyn Fn(&str) -> Option<Interval>,
    /// Numbers that it really takes; none of what is only measured.
    pub(super) samples: &'a dyn Fn(&str) -> Vec<f64>,
}

/// What is wrong with some uses. `constraints` are those of the decisions with the place where each is written.
pub(super) fn check(
    uses: &[Use],
    decisions: &Decisions,
    written: &[Span],
    names: &Names,
) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    let mut reported: Vec<&Use> = Vec::new();
    let mut tried = 0;
    let unsafe_uses = uses.iter().filter(|one| !one.span.is_empty());
    let unsafe_uses: Vec<&Use> = unsafe_uses
        .filter(|one| !is_safe(one, decisions, names))
        .collect();
    // A requirement that goes wrong itself excludes nothing.
    let excluding: Vec<Span> = unsafe_uses.iter().filter_map(|one| one.within).collect();
    let mut kept = decisions.clone();
    let mut place = written.iter();
    kept.constraints
        .retain(|_| place.next().is_none_or(|span| !excluding.contains(span)));
    for one in unsafe_uses {
        if reported.iter().any(|other| is_alike(one, other)) {
            continue;
        }
        // A formula in many copies goes wrong in the first of them, or is tried in some.
        tried += 1;
        if tried > MOST_TRIED {
            break;
        }
        let outcome = witness::find(one, &kept, names);
        if let Some(diagnostic) = report(one, &outcome, decisions) {
            reported.push(one);
            found.push(diagnostic);
        }
    }
    found
}

/// Whether two uses are one mistake: copies of one formula, or a formula that is written out in another.
fn is_alike(one: &Use, other: &Use) -> bool {
    let mut operands = one.operands.iter().zip(&other.operands);
    one.kind == other.kind
        && (one.span == other.span || operands.all(|(x, y)| super::fold::same(x, y)))
}

/// The most operations whose members are tried.
const MOST_TRIED: usize = 500;

/// Whether bounds prove that an operation always has a value.
fn is_safe(one: &Use, decisions: &Decisions, names: &Names) -> bool {
    let mut facts = Facts::new(decisions, names.bounds);
    for condition in &one.conditions {
        facts.assume(condition, true);
    }
    if facts.is_contradiction() {
        return true;
    }
    let ranges: Vec<Interval> = one.operands.iter().map(|e| facts.bound(e)).collect();
    match (one.kind, &ranges[..]) {
        (Kind::Divide, [x]) => !x.contains(0.0) || facts.is_not_zero(&one.operands[0]),
        (Kind::Logarithm | Kind::Multiple, [x]) => x.low > 0.0,
        (Kind::Root, [x]) => x.low >= 0.0,
        (Kind::Limits { is_whole }, [x, low, high]) => {
            let is_within = low.high <= x.low && x.high <= high.low;
            is_within && (!is_whole || limits::is_whole(&one.operands[0], decisions))
        }
        (Kind::Power, [x, y]) => {
            let whole = one.operands[1].as_value().and_then(Value::as_number);
            let whole = whole.is_some_and(|n| n.fract() == 0.0);
            let not_zero = !x.contains(0.0) || facts.is_not_zero(&one.operands[0]);
            (x.low >= 0.0 || whole) && (not_zero || y.low >= 0.0)
        }
        _ => true,
    }
}

fn report(one: &Use, outcome: &witness::Outcome, decisions: &Decisions) -> Option<Diagnostic> {
    match outcome {
        witness::Outcome::Never => None,
        witness::Outcome::Unknown => {
            let (message, label) = one.kind.doubt();
            Some(
                Diagnostic::warning("bnas::domain::unproved", message)
                    .label(one.span, label)
                    .help(one.kind.help()),
            )
        }
        witness::Outcome::Fails {
            operands,
            choices,
            names,
            tensor,
        } => {
            let mut when: Vec<String> = choices
                .iter()
                .map(|(index, value)| (&decisions.all[*index], value))
                .map(|(decision, value)| {
                    format!("`{}` is {}", decision.path, decision.shown(value))
                })
                .collect();
            let over_all = one.operands.iter().any(reduces);
            when.extend(names.iter().map(|(name, x)| match (name.as_str(), tensor) {
                ("x", Some(all)) => {
                    let all: Vec<String> = all.iter().map(f64::to_string).collect();
                    let all = all.join(", ");
                    match one.operands.iter().any(reads_outside) {
                        true => format!("`x` is {x} among the values {all}"),
                        false => format!("the values are {all}"),
                    }
                }
                ("x", None) if over_all => format!("all values are {x}"),
                _ => format!("`{name}` is {x}"),
            }));
            let (message, label) = one.kind.problem(operands, &one.written);
            let message = match when.is_empty() {
                true => message,
                false => format!("{message} when {}", when.join(" and ")),
            };
            // Weights of training differ, so that what goes wrong only where they are all the same is no reason to stop.
            let diagnostic = match over_all && tensor.is_none() {
                true => Diagnostic::warning("bnas::domain::degenerate", message),
                false => Diagnostic::error(one.kind.code(), message),
            };
            let mut diagnostic = diagnostic.label(one.span, label).help(one.kind.help());
            for (index, _) in choices.iter().take(2) {
                let decision = &decisions.all[*index];
                diagnostic = diagnostic.label(decision.span, "a choice that leads there");
            }
            Some(diagnostic)
        }
    }
}

/// Whether an expression takes something of all values of a tensor.
fn reduces(expr: &Expr) -> bool {
    let mut found = false;
    evaluate::walk(expr, &mut |part| {
        found |= matches!(part, Expr::Call(Function::Reduce(..), _));
    });
    found
}

/// Whether an expression reads the value itself, outside of reductions.
fn reads_outside(expr: &Expr) -> bool {
    match expr {
        Expr::Call(Function::Reduce(..), _) => false,
        Expr::Name(name, _) => name == "x",
        Expr::Unary(_, x) => reads_outside(x),
        Expr::Binary(_, x, y) => reads_outside(x) || reads_outside(y),
        Expr::If(c, x, y) => reads_outside(c) || reads_outside(x) || reads_outside(y),
        Expr::Call(_, args) => args.iter().any(reads_outside),
        _ => false,
    }
}

/// What is wrong with the formulas of a quantizer, for every value, all progress, and all choices of its own.
pub fn of_quantizer(quantizer: &Quantizer) -> Vec<Diagnostic> {
    let mut settler = Settler::new(&[]);
    let frame = formula_names(quantizer, &[], &mut settler);
    for formula in formulas(quantizer) {
        let found = uses(formula, &Expr::bool(true), &|name| frame.get(name));
        settler.uses.extend(found);
    }
    let written = vec![Span::default(); settler.decisions.constraints.len()];
    check(
        &settler.uses,
        &settler.decisions,
        &written,
        &Names {
            bounds: &of_formula,
            samples: &samples_of_formula,
        },
    )
}

/// The uses in formulas of quantizers that are given other values for their names where they are used.
pub(super) fn of_amended(value: &Expr, guard: &Expr, settler: &mut Settler) {
    let mut records: Vec<(String, Vec<(String, Expr)>)> = Vec::new();
    evaluate::walk(value, &mut |part| match part {
        Expr::Record(name, fields, _) => {
            let fixed = fields.iter().filter_map(|(field, slot)| match slot {
                Slot::Fixed(e) => Some((field.clone(), e.clone())),
                Slot::Chosen(_) => None,
            });
            records.push((name.clone(), fixed.collect()));
        }
        Expr::Value(Value::Record(Record { name, fields })) => {
            let fields = fields.iter();
            let fixed = fields.map(|(field, v)| (field.clone(), Expr::Value(v.clone())));
            records.push((name.clone(), fixed.collect()));
        }
        _ => {}
    });
    for (name, fields) in records {
        let quantizers = settler.quantizers;
        let Some(quantizer) = quantizers.iter().find(|q| q.name == name) else {
            continue;
        };
        let lets = &quantizer.formulas.lets;
        if !fields
            .iter()
            .any(|(f, _)| lets.iter().any(|l| l.name == *f))
        {
            continue;
        }
        let mut apart = Settler::new(&[]);
        let frame = formula_names(quantizer, &fields, &mut apart);
        let under = apart.uses.into_iter().map(|one| with_guard(one, guard));
        settler.uses.extend(under);
        for formula in formulas(quantizer) {
            let found = uses(formula, guard, &|name| frame.get(name));
            settler.uses.extend(found);
        }
    }
}

fn with_guard(mut one: Use, guard: &Expr) -> Use {
    if guard.as_value().is_none() {
        one.conditions.push(guard.clone());
    }
    one
}

/// The names of a quantizer with what is given for them, or with what they are declared as.
fn formula_names(quantizer: &Quantizer, given: &[(String, Expr)], settler: &mut Settler) -> Frame {
    let mut frame = Frame::default();
    let always = Expr::bool(true);
    for binding in &quantizer.formulas.lets {
        match given.iter().find(|(name, _)| *name == binding.name) {
            Some((name, value)) => frame.define(name, value.clone()),
            None => drop(settler.define(binding, &binding.name, &always, &mut frame)),
        }
    }
    frame
}

fn formulas(quantizer: &Quantizer) -> impl Iterator<Item = &Expr> {
    let formulas = &quantizer.formulas;
    let all = [
        &formulas.normalize,
        &formulas.scale,
        &formulas.forward,
        &formulas.gradient,
    ];
    all.into_iter().flatten()
}

/// Bounds of the names of formulas and schedules. Codes have 8 bits at most.
pub(super) fn of_formula(name: &str) -> Option<Interval> {
    match name {
        "progress" | "step_progress" => Interval::new(0.0, 1.0),
        "low" => Interval::new(-127.0, 0.0),
        "high" => Interval::new(1.0, 255.0),
        _ => None,
    }
}

/// Values that these names take.
pub(super) fn samples_of_formula(name: &str) -> Vec<f64> {
    match name {
        "progress" | "step_progress" => vec![0.0, 1.0, 0.5],
        "x" => vec![0.0, -1.0, 1.0, 0.5, -0.5, 2.0, -2.0, 100.0, -100.0],
        "low" => vec![-1.0, 0.0],
        "high" => vec![1.0, 255.0],
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests;
