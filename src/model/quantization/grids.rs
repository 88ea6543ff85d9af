//! Which codes a quantizer may have, before every choice is made.
//!
//! In: its kind, and its fields `bits` and `signed`, as it is declared or as it is used. Out: every [`Grid`] that they leave open, and a
//! diagnostic where its `forward` does not give codes of each.

use std::collections::{BTreeMap, BTreeSet};

use super::policy::Placements;
use super::quantizer::Grid;
use crate::diagnostic::Diagnostic;
use crate::ir::{Codes, Domain, DomainKind, Expr, Policy, Quantizer, Rule, Slot, Value};
use crate::model::decision::{Choices, Decisions};
use crate::model::expression::evaluate;
use crate::model::formula;
use crate::model::settling::settle::Settler;
use crate::model::unroll::TemplateNode;
use crate::source::Span;

/// Every grid that a quantizer may have.
pub struct Grids {
    all: Vec<Grid>,
    /// Where each place takes codes below zero or not, as it needs them: those without.
    unsigned: Vec<Grid>,
}

impl Grids {
    /// As a quantizer is declared.
    pub fn of_declared(codes: Codes, bits: Option<&Slot>, signed: &Slot) -> Grids {
        let numbers = match bits {
            Some(Slot::Fixed(expr)) => number(expr).map(|n| vec![n]),
            Some(Slot::Chosen(Domain { kind, .. })) => of_domain(kind),
            None => None,
        };
        let signed = match signed {
            Slot::Fixed(expr) => said(expr),
            Slot::Chosen(_) => Said::Searched,
        };
        Grids::new(codes, numbers, signed)
    }

    fn new(codes: Codes, numbers: Option<Vec<f64>>, signed: Said) -> Grids {
        let widths = widths(numbers.unwrap_or_default());
        let of = |signed: bool| {
            widths
                .iter()
                .map(move |&bits| Grid::Integer { bits, signed })
        };
        let (all, unsigned) = match (codes, signed) {
            (Codes::Binary, _) => (vec![Grid::Binary], Vec::new()),
            (Codes::Ternary, _) => (vec![Grid::Ternary], Vec::new()),
            (Codes::Uniform, Said::Is(signed)) => (of(signed).collect(), Vec::new()),
            (Codes::Uniform, Said::Nothing) => (of(true).collect(), of(false).collect()),
            (Codes::Uniform, Said::Searched) => (of(true).chain(of(false)).collect(), Vec::new()),
        };
        Grids { all, unsigned }
    }

    /// Whether something holds for every width, with codes below zero or without where each place takes what it needs; else why not.
    pub fn fit(&self, holds: impl Fn(Grid) -> Result<(), String>) -> Result<(), String> {
        let each = |grids: &[Grid]| grids.iter().try_for_each(|grid| holds(*grid));
        each(&self.all).or_else(|why| match self.unsigned.is_empty() {
            true => Err(why),
            false => each(&self.unsigned).map_err(|_| why),
        })
    }

    /// The same of an operand: weights have codes below zero, of activations nothing is known.
    fn fit_operand(
        &self,
        activations: bool,
        holds: impl Fn(Grid) -> Result<(), String>,
    ) -> Result<(), String> {
        let unsigned = self.unsigned.iter().filter(|_| activations);
        let mut all = self.all.iter().chain(unsigned);
        all.try_for_each(|grid| holds(*grid))
    }
}

/// Whether codes below zero exist, as far as something says so.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Said {
    Is(bool),
    Nothing,
    Searched,
}

fn said(expr: &Expr) -> Said {
    match expr {
        Expr::Value(Value::Bool(signed)) => Said::Is(*signed),
        Expr::Value(_) => Said::Nothing,
        _ => Said::Searched,
    }
}

fn number(expr: &Expr) -> Option<f64> {
    expr.as_value().and_then(Value::as_number)
}

fn of_domain(kind: &DomainKind) -> Option<Vec<f64>> {
    match kind {
        DomainKind::Set(items) | DomainKind::Categories(items) => {
            items.iter().map(number).collect()
        }
        DomainKind::Integers {
            low, high, step, ..
        } => Some(from_to(*low, *high, *step)),
        _ => None,
    }
}

fn from_to(low: i64, high: i64, step: i64) -> Vec<f64> {
    let all = (low..=high).step_by(step.max(1) as usize);
    all.take(8).map(|n| n as f64).collect()
}

/// The numbers among these that are widths: all widths there are, where none is known.
fn widths(numbers: Vec<f64>) -> Vec<u32> {
    let is_width = |n: &f64| n.fract() == 0.0 && (2.0..=8.0).contains(n);
    let known: Vec<u32> = numbers
        .into_iter()
        .filter(is_width)
        .map(|n| n as u32)
        .collect();
    match known.is_empty() {
        true => (2..=8).collect(),
        false => known,
    }
}

/// Reports quantizers whose `forward` gives no codes of the grid that they have where they are used.
pub(in crate::model) fn check_uses(
    nodes: &[TemplateNode],
    placements: &Placements,
    settler: &mut Settler,
) {
    let quantizers = settler.quantizers;
    if quantizers.iter().all(|q| q.formulas.forward.is_none()) {
        return;
    }
    let mut seen: BTreeSet<(String, bool)> = BTreeSet::new();
    let mut uses: Vec<Used> = Vec::new();
    for (node, placed) in nodes.iter().zip(&placements.layers) {
        let Some(placed) = placed else { continue };
        for (value, activations) in [(&placed.weights, false), (&placed.activations, true)] {
            values(value, &settler.decisions, &mut |name, fields| {
                let quantizer = quantizers.iter().find(|q| q.name == name);
                let Some(quantizer) = quantizer.filter(|q| q.formulas.forward.is_some()) else {
                    return;
                };
                // One kind of use is one report.
                if seen.insert((format!("{name} {fields:?}"), activations)) {
                    uses.push((quantizer, fields.to_vec(), activations, node.span));
                }
            });
        }
    }
    let mut reported: BTreeSet<(&str, bool)> = BTreeSet::new();
    for (quantizer, fields, activations, span) in uses {
        let found = fits(quantizer, &fields, activations, &settler.decisions);
        let Err(why) = found else { continue };
        if !reported.insert((&quantizer.name, activations)) {
            continue;
        }
        let operand = match activations {
            true => "activations",
            false => "weights",
        };
        let text = format!(
            "`forward` of `{}` is no code of the {operand} here",
            quantizer.name
        );
        let help = match activations {
            true => {
                "write `low` and `high` for the smallest and largest code, or say whether the quantizer is `signed`: codes of activations are from 0 on behind a rectifier"
            }
            false => "write `low` and `high` for the smallest and largest code",
        };
        settler.sink.push(
            Diagnostic::error("bnas::quantizer::codes", text)
                .label(span, "used here")
                .label(quantizer.span, why)
                .help(help),
        );
    }
}

/// Warns of quantizers without codes below zero where they are used for weights.
pub(in crate::model) fn check_weights<'p>(
    policies: impl Iterator<Item = &'p Policy> + Clone,
    nodes: &[TemplateNode],
    placements: &Placements,
    settler: &mut Settler,
) {
    let mut found: BTreeMap<&str, Span> = BTreeMap::new();
    let quantizers = settler.quantizers;
    for (node, placed) in nodes.iter().zip(&placements.layers) {
        let Some(placed) = placed else { continue };
        values(&placed.weights, &settler.decisions, &mut |name, fields| {
            let Some(quantizer) = quantizers.iter().find(|q| q.name == name) else {
                return;
            };
            let given = fields.iter().find(|(field, _)| field == "signed");
            let signed = match (given, &quantizer.signed) {
                (Some((_, signed)), _) | (None, Slot::Fixed(signed)) => said(signed),
                (None, Slot::Chosen(_)) => Said::Searched,
            };
            // What `normalize` makes of weights is its own business.
            let is_plain = quantizer.formulas.normalize.is_none();
            if quantizer.codes == Codes::Uniform && is_plain && signed == Said::Is(false) {
                found.entry(&quantizer.name).or_insert(node.span);
            }
        });
    }
    for (name, span) in found {
        let declared = quantizers.iter().find(|q| q.name == name);
        let declared = declared.expect("invariant: it was found among them");
        let text = format!("`{name}` makes every weight below 0 a 0");
        let mut diagnostic = Diagnostic::warning("bnas::quantizer::unsigned", text);
        let of_weights = |p: &'p Policy| gives(p, name, |rule| &rule.weights, settler);
        diagnostic = match policies.clone().find_map(of_weights) {
            Some(rule) => diagnostic.label(rule, "gives it to weights"),
            None => diagnostic.label(span, "weights of this layer"),
        };
        settler.sink.push(
            diagnostic
                .label(declared.span, "has no codes below 0 there")
                .help(
                    "take one that is signed for `weights`, such as `int`, or say `signed = true`",
                ),
        );
    }
}

/// The rule that gives a quantizer to an operand, or the name above the rules that stands for it.
pub(in crate::model) fn gives(
    policy: &Policy,
    name: &str,
    operand: impl Fn(&Rule) -> &Option<Slot>,
    settler: &Settler,
) -> Option<Span> {
    let names = |slot: &Slot| {
        let mut found = false;
        for part in evaluate::expressions(slot) {
            values(part, &settler.decisions, &mut |known, _| {
                found |= known == name
            });
        }
        found
    };
    let mut rules = policy.rules.iter();
    let rule = rules.find(|rule| operand(rule).as_ref().is_some_and(names));
    let named = || policy.lets.iter().find(|binding| names(&binding.slot));
    rule.map(|rule| rule.span)
        .or_else(|| named().map(|binding| binding.span))
}

type Fields = [(String, Expr)];

/// A quantizer, what is given to it, whether for activations, and where.
type Used<'q> = (&'q Quantizer, Vec<(String, Expr)>, bool, Span);

fn fits(
    quantizer: &Quantizer,
    fields: &Fields,
    activations: bool,
    decisions: &Decisions,
) -> Result<(), String> {
    let given = |name: &str| fields.iter().find(|(n, _)| n == name).map(|(_, e)| e);
    let grids = grids(quantizer, fields, decisions);
    let mut formulas = quantizer.formulas.clone();
    for binding in &mut formulas.lets {
        if let Some(value) = given(&binding.name).filter(|e| e.as_value().is_some()) {
            binding.slot = Slot::Fixed(value.clone());
        }
    }
    let Some(forward) = formula::constant(&formulas).forward else {
        return Ok(());
    };
    let (_, code) = formula::codes::split(&forward)?;
    grids.fit_operand(activations, |grid| formula::codes::are_codes(&code, grid))
}

/// Smallest and largest code of every grid that a quantizer may have with these fields.
pub(in crate::model) fn ranges(
    quantizer: &Quantizer,
    fields: &[(String, Expr)],
    decisions: &Decisions,
) -> Vec<(i32, i32)> {
    let Grids { all, unsigned } = grids(quantizer, fields, decisions);
    let grids = all.into_iter().chain(unsigned);
    grids.map(Grid::range).collect()
}

fn grids(quantizer: &Quantizer, fields: &[(String, Expr)], decisions: &Decisions) -> Grids {
    let given = |name: &str| fields.iter().find(|(n, _)| n == name).map(|(_, e)| e);
    match (given("bits"), given("signed")) {
        (None, None) => {
            Grids::of_declared(quantizer.codes, quantizer.bits.as_ref(), &quantizer.signed)
        }
        (bits, signed) => {
            let numbers = match (bits, &quantizer.bits) {
                (Some(bits), _) => numbers(bits, decisions),
                (None, Some(Slot::Fixed(bits))) => number(bits).map(|n| vec![n]),
                (None, Some(Slot::Chosen(domain))) => of_domain(&domain.kind),
                (None, None) => None,
            };
            let signed = match (signed, &quantizer.signed) {
                (Some(signed), _) | (None, Slot::Fixed(signed)) => said(signed),
                (None, Slot::Chosen(_)) => Said::Searched,
            };
            Grids::new(quantizer.codes, numbers, signed)
        }
    }
}

/// What a number may be that is fixed, or chosen in one of several places.
fn numbers(expr: &Expr, decisions: &Decisions) -> Option<Vec<f64>> {
    match expr {
        Expr::Decision(index) => members(&decisions.all[*index].choices),
        Expr::If(_, x, y) => {
            let mut found = numbers(x, decisions)?;
            found.extend(numbers(y, decisions)?);
            Some(found)
        }
        expr => number(expr).map(|n| vec![n]),
    }
}

fn members(choices: &Choices) -> Option<Vec<f64>> {
    match choices {
        Choices::Ordered(numbers) => Some(numbers.clone()),
        Choices::Categories(values) => values.iter().map(Value::as_number).collect(),
        Choices::Integers {
            low, high, step, ..
        } => Some(from_to(*low, *high, *step)),
        Choices::Reals { .. } => None,
    }
}

/// Every quantizer that a value may be, with the fields that are given to it.
pub(in crate::model) fn values(
    value: &Expr,
    decisions: &Decisions,
    see: &mut impl FnMut(&str, &Fields),
) {
    let of_value = |value: &Value, see: &mut dyn FnMut(&str, &Fields)| match value {
        Value::Record(record) => {
            let fields = record.fields.iter();
            let fields: Vec<(String, Expr)> = fields
                .map(|(name, v)| (name.clone(), Expr::Value(v.clone())))
                .collect();
            see(&record.name, &fields);
        }
        value => {
            if let Some(name) = value.as_name() {
                see(name, &[]);
            }
        }
    };
    evaluate::walk(value, &mut |part| match part {
        Expr::Value(value) => of_value(value, see),
        Expr::Decision(index) => {
            if let Choices::Categories(all) = &decisions.all[*index].choices {
                all.iter().for_each(|value| of_value(value, see));
            }
        }
        Expr::Record(name, fields, _) => {
            let fixed = fields.iter().filter_map(|(field, slot)| match slot {
                Slot::Fixed(e) => Some((field.clone(), e.clone())),
                Slot::Chosen(_) => None,
            });
            let fixed: Vec<(String, Expr)> = fixed.collect();
            see(name, &fixed);
        }
        _ => {}
    });
}
