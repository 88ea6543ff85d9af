//! Whether every member of a space is a network, found before anything runs.
//!
//! In: the nodes that may be there, and the decisions. Out: a diagnostic with the choices that lead to a node that does not fit. The shapes
//! that reach each node are followed through the network ([`super::reach`]); that is exact, constraints included. Where the
//! shapes are too many, each node is looked at by itself and without constraints, and members are drawn at random: an error always
//! names a member that exists, and what could not be looked at is said.

use super::build;
use super::doubt::Doubts;
use super::extent::Extent;
use super::misfit::Misfit;
use super::reach::{self, Refused, TooMany};
use crate::diagnostic::{Diagnostic, Sink};
use crate::ir::{BinaryOp, Expr, Space, Value};
use crate::model::counting::{Counted, Uniform};
use crate::model::decision::{Decisions, Point};
use crate::model::expression::evaluate;
use crate::model::expression::members::Values;
use crate::model::network::Shape;
use crate::model::unroll::TemplateNode;
use crate::stream::{Purpose, stream};

/// Work on all nodes together, and on one by itself; how often one by itself may be too much.
const STEPS: u64 = 2_000_000;
const STEPS_FOR_ONE: u64 = 200_000;
const MOST_FAILURES: usize = 8;

/// The most nodes of a space that are reported, and the most that are looked for.
const MOST_REPORTS: usize = 8;
const MOST_LOOKS: usize = 32;

/// What is said where as many are reported as there can be.
const MORE: &str = "more layers may not fit: mend these first";

/// Members that are drawn where not all can be looked at, and choices of a misfit that are tried for one.
pub(super) const DRAWS: usize = 500;
const MOST_WITNESSES: usize = 20;

/// The most choices that a diagnostic names.
pub(super) const MOST_CHOICES: usize = 8;

/// The most members of a decision, and decisions with several members each, that a requirement is written for.
pub(super) const MOST_EXCLUDED: usize = 4;

/// The most other choices that are shown, since they explain the shapes in the message.
const MOST_HERE: usize = 3;

/// A space whose shapes are looked at.
pub(super) struct Shapes<'a> {
    pub(super) space: &'a Space,
    pub(super) nodes: &'a [TemplateNode],
    output: &'a Extent,
    classes: usize,
    pub(super) decisions: &'a Decisions,
    always: Expr,
}

/// Reports nodes that do not fit for some member of the space, each the first that does not follow from those before it, or that the output is not
/// one value per class.
pub(in crate::model) fn check(
    space: &Space,
    nodes: &[TemplateNode],
    output: &Extent,
    classes: usize,
    decisions: &Decisions,
    sink: &mut Sink,
) {
    let shapes = Shapes {
        space,
        nodes,
        output,
        classes,
        decisions,
        always: Expr::bool(true),
    };
    let groups: Vec<Vec<&Expr>> = (0..=nodes.len()).map(|g| shapes.parts(g)).collect();
    let tied = reach::tied(&groups, decisions);
    let mut doubts = Doubts::new(nodes);
    let mut said: Vec<(Said, Diagnostic)> = Vec::new();
    for reported in 0..MOST_LOOKS {
        let mut fits = |group: usize, values: &[Option<Value>]| {
            shapes.fits(group, values).is_ok() || shapes.is_excused(&doubts, group, values)
        };
        match reach::refused(&groups, &tied, decisions, STEPS, &mut fits) {
            Ok(refused) => {
                let Some(first) = refused.first() else {
                    break;
                };
                let report = shapes.report(first, Some(&doubts));
                let says = shapes.says(first, &report);
                match said.iter_mut().find(|(before, _)| before.says(&says)) {
                    // What takes fewer choices rules out more.
                    Some(before) if says.choices.len() < before.0.choices.len() => {
                        *before = (says, report);
                    }
                    Some(_) => {}
                    None => said.push((says, report)),
                }
                if first.group == nodes.len() || said.len() == MOST_REPORTS {
                    break;
                }
                doubts.report(first.group, &Values(&first.choices));
            }
            Err(TooMany) => {
                if reported == 0 {
                    shapes.check_apart(&groups, sink);
                }
                break;
            }
        }
    }
    if said.len() == MOST_REPORTS
        && let Some((_, last)) = said.last_mut()
    {
        last.help = Some(match last.help.take() {
            Some(help) => format!("{help}; {MORE}"),
            None => MORE.into(),
        });
    }
    said.into_iter().for_each(|(_, report)| sink.push(report));
}

/// What a report says.
struct Said {
    message: String,
    /// Of what a value is that is wrong by itself.
    value_of: Option<&'static str>,
    /// The path of the part that the layer stands in; empty for the space itself.
    part: String,
    /// The choices of which another would have fitted.
    choices: Vec<String>,
}

impl Said {
    /// Whether another report says the same of another layer: one value that both read is one mistake.
    fn says(&self, other: &Said) -> bool {
        let is_in_one_part = !self.part.is_empty() && self.part == other.part;
        let is_shared = self.choices.iter().any(|one| other.choices.contains(one));
        if self.value_of.is_some() {
            let is_free = self.choices.is_empty() && other.choices.is_empty();
            return self.value_of == other.value_of && (is_shared || is_free);
        }
        self.message == other.message && (is_in_one_part || is_shared)
    }
}

impl Shapes<'_> {
    fn says(&self, refused: &Refused, report: &Diagnostic) -> Said {
        let misfit = self.fits(refused.group, &refused.choices).err();
        let layer = self.nodes.get(refused.group).map_or("", |node| &node.layer);
        let (matter, _) = self.what_matters(refused);
        Said {
            message: report.message.clone(),
            value_of: misfit.and_then(|misfit| misfit.value_of),
            part: layer.rsplit_once('.').map_or("", |(part, _)| part).into(),
            choices: self.shown(refused, &matter, " = "),
        }
    }

    /// What the fit of a node depends on, whether it exists first; behind all nodes comes the output.
    pub(super) fn parts(&self, group: usize) -> Vec<&Expr> {
        match self.nodes.get(group) {
            Some(node) => parts(node),
            None => std::iter::once(&self.always)
                .chain(self.output.sides())
                .collect(),
        }
    }

    pub(super) fn fits(&self, group: usize, values: &[Option<Value>]) -> Result<(), Misfit> {
        let scope = Values(values);
        if let Some(node) = self.nodes.get(group) {
            if build::exists(node, &scope)? {
                build::operation(node, build::extent(&node.input, &scope)?, &scope)?;
            }
            return Ok(());
        }
        let wanted = Shape {
            height: 1,
            width: 1,
            channels: self.classes,
        };
        let found = build::extent(self.output, &scope)?;
        match found == wanted {
            true => Ok(()),
            false => Err(Misfit {
                help: Some(match found {
                    Shape {
                        height: 1,
                        width: 1,
                        ..
                    } => {
                        "give its last layer as many outputs as there are classes: `linear(classes)`"
                    }
                    _ => "end it with `layer head = pool(average) -> linear(classes)`",
                }),
                also: self
                    .nodes
                    .last()
                    .map(|last| (last.span, format!("gives {found}"))),
                ..Misfit::new(
                    format!("the space gives {found}, the data needs {wanted}"),
                    "its last layer must give one value per class",
                )
            }),
        }
    }

    /// Whether a node that does not fit, or the output, follows from what is reported.
    fn is_excused(&self, doubts: &Doubts, group: usize, values: &[Option<Value>]) -> bool {
        match group == self.nodes.len() {
            true => doubts.reach_the_end(),
            false => doubts.excuse(group, &Values(values)),
        }
    }

    /// What does not fit; what is in `doubts` is not what is wrong.
    fn report(&self, refused: &Refused, doubts: Option<&Doubts>) -> Diagnostic {
        let misfit = self.fits(refused.group, &refused.choices).err();
        let is_layer = refused.group < self.nodes.len();
        let of_its_own = doubts
            .filter(|_| is_layer)
            .and_then(|doubts| doubts.misfit(refused.group, &Values(&refused.choices)));
        let misfit = of_its_own.or(misfit);
        let misfit = misfit.expect("invariant: what is refused does not fit");
        let mut diagnostic = match self.nodes.get(refused.group) {
            Some(node) => Diagnostic {
                layers: self.leading_to(refused.group),
                ..Diagnostic::error(self.code_of(node, &refused.choices), misfit.message)
                    .label(misfit.at.unwrap_or(node.span), misfit.label)
            },
            None => Diagnostic::error("bnas::shape::output", misfit.message)
                .label(self.space.span, misfit.label),
        };
        if let Some((span, label)) = misfit.also {
            diagnostic = diagnostic.label(span, label);
        }
        let (matter, rest) = self.what_matters(refused);
        if let Some(node) = self.nodes.get(refused.group) {
            for (at, text) in self.chosen_elsewhere(refused, &matter, node.span) {
                diagnostic = diagnostic.label(at, text);
            }
        }
        let shown = |equals: &str| self.shown(refused, &matter, equals);
        let (when, excluded) = match self.alike(refused, &matter) {
            Some(alike) => (Some(alike.when), alike.excluded),
            None => {
                let mut choices = shown(" = ");
                let excluded = match choices.len() {
                    1 => {
                        let of_all = self.in_no_copy(refused, matter[0]);
                        let of_one = || shown(" != ").swap_remove(0);
                        let holds = of_all.unwrap_or_else(of_one);
                        Some(format!("rule it out: `require {holds}`"))
                    }
                    2..=MOST_CHOICES => Some(format!(
                        "rule it out: `require not ({})`",
                        shown(" == ").join(" and ")
                    )),
                    _ => None,
                };
                if choices.len() > MOST_CHOICES {
                    let more = choices.len() - MOST_CHOICES;
                    choices.truncate(MOST_CHOICES);
                    choices.push(format!("and {more} more choices"));
                }
                let is_any = !choices.is_empty();
                (is_any.then(|| choices.join(", ")), excluded)
            }
        };
        let here = match rest.len() {
            1..=MOST_HERE => format!(
                ", here with {}",
                self.shown(refused, &rest, " = ").join(", ")
            ),
            _ => String::new(),
        };
        let when = when.map(|choices| format!("this happens when {choices}{here}"));
        let help: Vec<String> = misfit
            .help
            .map(String::from)
            .into_iter()
            .chain(when)
            .chain(excluded)
            .collect();
        match help.is_empty() {
            true => diagnostic,
            false => diagnostic.help(help.join("; ")),
        }
    }

    /// A node that does not fit since a number of it has no value is wrong by that.
    fn code_of(&self, node: &TemplateNode, choices: &[Option<Value>]) -> &'static str {
        let number = |part: &Expr| evaluate::number(part, &Values(choices));
        let has_no_value = |part: &&Expr| number(part).is_ok_and(|n| !n.is_finite());
        match parts(node).iter().any(has_no_value) {
            true => "bnas::domain::undefined",
            false => "bnas::shape::misfit",
        }
    }

    /// The layers up to that of a node.
    fn leading_to(&self, node: usize) -> Box<[String]> {
        let layers = self.nodes[..=node].iter().map(|node| node.layer.clone());
        let mut layers: Vec<String> = layers.collect();
        layers.dedup();
        layers.into()
    }

    /// Each node by itself; then members at random.
    fn check_apart(&self, groups: &[Vec<&Expr>], sink: &mut Sink) {
        let fits = |group: usize, values: &[Option<Value>]| self.fits(group, values).is_ok();
        let (mut unseen, mut failures) = (None, 0);
        for (g, parts) in groups.iter().enumerate() {
            if failures == MOST_FAILURES {
                break;
            }
            let one = [parts.clone()];
            let found = reach::refused(&one, &[], self.decisions, STEPS_FOR_ONE, &mut |_, v| {
                fits(g, v)
            });
            let Ok(found) = found else {
                failures += 1;
                unseen = unseen.or(Some(g));
                continue;
            };
            let mut witnesses = found.into_iter().map(|r| Refused { group: g, ..r });
            let witness = witnesses
                .by_ref()
                .take(MOST_WITNESSES)
                .find(|w| self.exists(&w.choices));
            if let Some(witness) = witness {
                sink.push(self.report(&witness, None));
                return;
            }
            // Constraints may keep every member from it, or not.
            if witnesses.next().is_some() {
                unseen = unseen.or(Some(g));
            }
        }
        let counted = Counted::new(self.decisions);
        let mut rng = stream(0, u64::MAX, Purpose::Search);
        let mut seen = 0;
        for _ in 0..DRAWS {
            let Some(point) = counted.draw(self.decisions, &mut Uniform(&mut rng)) else {
                break;
            };
            if !self.decisions.is_feasible(&point) {
                continue;
            }
            seen += 1;
            if let Some(group) = (0..groups.len()).find(|g| self.fits(*g, &point.0).is_err()) {
                let Point(choices) = point;
                sink.push(self.report(&Refused { group, choices }, None));
                return;
            }
        }
        if let Some(group) = unseen {
            let span = self.nodes.get(group).map_or(self.space.span, |n| n.span);
            sink.push(
                Diagnostic::warning(
                    "bnas::shape::unproved",
                    "the shapes of this space are too many to look at them all",
                )
                .label(span, "what flows here depends on too many choices")
                .help(format!(
                    "{seen} members that were drawn fit; one that does not would fail when it is built: let fewer decisions change shapes"
                )),
            );
        }
    }

    /// Whether some member makes these choices.
    fn exists(&self, choices: &[Option<Value>]) -> bool {
        let mut chosen = self.decisions.clone();
        for (i, value) in choices.iter().enumerate() {
            if let Some(value) = value {
                let is = evaluate::combine(
                    BinaryOp::Equal,
                    Expr::Decision(i),
                    Expr::Value(value.clone()),
                );
                chosen.constraints.extend(is.ok());
            }
        }
        let counted = Counted::new(&chosen);
        let mut rng = stream(0, u64::MAX, Purpose::Search);
        (0..DRAWS).any(|_| {
            let point = counted.draw(&chosen, &mut Uniform(&mut rng));
            point.is_some_and(|p| chosen.is_feasible(&p))
        })
    }
}

/// Every expression that a node's shape depends on; first, whether it exists.
pub(in crate::model) fn parts(node: &TemplateNode) -> Vec<&Expr> {
    let mut parts = vec![&node.guard];
    parts.extend(node.input.sides());
    parts.extend(node.op.parts());
    parts
}
