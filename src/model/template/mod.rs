//! Everything that an experiment leaves open, unrolled once: decisions, nodes, quantizers, recipe, target.
//!
//! In: an [`Experiment`]. Out: a [`Template`], from which each [`Point`] makes a [`Candidate`](super::candidate::Candidate). What does
//! not fit for some member of the space, or is never met, is reported here, before anything runs.

mod candidates;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use super::additive;
use super::aggregate::{self, Place};
use super::counting::{self, Costs, Counted, Kept, Priced, Sum};
use super::decision::{Decisions, Point};
use super::evaluate;
use super::existence;
use super::extremes;
use super::fit;
use super::least::{self, Source};
use super::members::Values;
use super::metrics::metric;
use super::operation::TemplateOp;
use super::partial::{self, Interval, Names};
use super::policy::{self, Placed, Placements};
use super::prove;
use super::settle::{Frame, Settler};
use super::stage::{Final, Stage};
use super::suspect;
use super::targets;
use super::unroll::{self, End, TemplateNode};
use crate::diagnostic::{Diagnostic, did_you_mean};
use crate::ir::{self, Experiment, Expr, Value};
use crate::source::Span;

/// What names of an experiment's own metrics begin with.
pub const OWN: &str = "measured.";

/// An experiment with its choices made decisions.
#[derive(Debug, Clone)]
pub struct Template {
    decisions: Decisions,
    shape: [usize; 3],
    classes: usize,
    pub(super) nodes: Vec<TemplateNode>,
    pub(super) placed: Vec<Option<Placed>>,
    /// The quantizer of what leaves an addition or the network.
    output: Expr,
    has_space: bool,
    repairs: Expr,
    repair_definitions: Vec<ir::Repair>,
    quantizers: Vec<ir::Quantizer>,
    stages: Vec<Stage>,
    final_training: Option<Final>,
    init: Expr,
    /// Each target that may be there, under its condition; one of them is, or there is none.
    targets: Vec<(Expr, ir::Target)>,
    /// What training images go through.
    augment: Expr,
    /// Whether samples can be negative.
    signed_input: bool,
    goals: Vec<Expr>,
    requires: Vec<Expr>,
    /// They as they are written.
    required: Vec<ir::Require>,
    warnings: Vec<Diagnostic>,
    claims: Vec<Claim>,
    counted: Counted,
    limits: Vec<Limit>,
    /// What layers cost and what is alive, once that was wanted.
    known: least::Known,
    /// Ends of metrics by layers, once these were wanted.
    extremes: OnceLock<BTreeMap<&'static str, (f64, f64)>>,
    /// Metrics that are sums over layers, if they are.
    sums: Option<BTreeMap<&'static str, Expr>>,
}

/// A requirement on the price of a network that is counted, as far as that can be.
#[derive(Debug, Clone)]
pub struct Limit {
    /// Its number among the requirements of the experiment.
    pub require: usize,
    /// As it is written.
    pub written: ir::Require,
    /// How far.
    pub counted: Limited,
}

/// How far a requirement on the price of a network is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limited {
    /// Every candidate meets it.
    Always,
    /// Whatever is drawn meets it.
    Exactly,
    /// Points whose layers alone break it are not drawn; it rejects others that are.
    Roughly,
}

/// A requirement that has become a constraint over decisions.
#[derive(Debug, Clone)]
pub(super) struct Claim {
    /// Its number among the constraints of the decisions.
    pub(super) constraint: usize,
    /// Its number among the requirements of the experiment; `None` if the space makes it.
    pub(super) require: Option<usize>,
    /// Whether it was a requirement on metrics.
    pub(super) of_metrics: bool,
    /// As it is written.
    pub(super) written: ir::Require,
}

impl Template {
    /// Unrolls an experiment, or says what does not fit.
    pub fn new(experiment: &Experiment) -> Result<Template, Vec<Diagnostic>> {
        let mut settler = Settler::new(&experiment.quantizers);
        let always = Expr::bool(true);
        let mut names = Frame::default();
        for binding in &experiment.lets {
            settler.define(binding, &binding.name, &always, &mut names);
        }

        let shape = experiment.data.as_ref().map_or([0; 3], |d| d.shape);
        let classes = experiment.data.as_ref().map_or(0, |d| d.classes);
        let mut unrolled = None;
        let mut placements = Placements::none(0);
        let mut places = Vec::new();
        let mut claims = Vec::new();
        let mut fits_so_far = false;
        if let Some(space) = &experiment.space {
            let found = unroll::unroll(space, shape, classes, &names, &mut settler);
            fits_so_far = !settler.sink.has_errors();
            places = found.places.clone();
            let all = experiment.requires.iter().map(|r| &*r.holds);
            let all = all.chain(experiment.goals.iter().map(|g| &*g.expr));
            let all = all.chain(space.requires.iter().map(|r| &*r.holds));
            add_sides(&mut places, &found.ends, all);
            add_decisions(&mut places, &settler.decisions);
            for require in &space.requires {
                let Some(holds) = expanded(&require.holds, &places, &mut settler) else {
                    continue;
                };
                let mark = settler.uses.len();
                let holds = settler.expr(&holds, "space", &always, &found.names);
                partial::belong_to(&mut settler.uses[mark..], require.span, &require.holds);
                settler.require(require, &holds);
            }
            placements = match &experiment.policy {
                Some(first) => {
                    let choice = experiment.policy_choice.as_ref();
                    let all = settler.one_of(first, choice, "policy", |p| &p.name);
                    policy::place(&all, &found.nodes, &names, &mut settler)
                }
                None => Placements::none(found.nodes.len()),
            };
            for (node, placed) in found.nodes.iter().zip(&placements.layers) {
                for value in placed.iter().flat_map(|p| [&p.weights, &p.activations]) {
                    partial::of_amended(value, &node.guard, &mut settler);
                }
            }
            unrolled = Some((space, found));
        }

        let repairs = settler.slot(&experiment.repairs, "repairs", &always, &names);
        let stages = experiment
            .stages
            .iter()
            .enumerate()
            .map(|(i, stage)| Stage::new(stage, &experiment.stages[..i], &mut settler, &names))
            .collect();
        let final_training = (experiment.final_training.as_ref())
            .map(|training| Final::new(training, &mut settler, &names));
        let settled = targets::settle(experiment, &names, &mut settler);
        let augment = match &experiment.data {
            Some(data) => {
                let (slot, path) = (&data.augment, "data.augment");
                let value = settler.slot(slot, path, &always, &names);
                settler.member(value, path, &always, &names)
            }
            None => Expr::Value(Value::name("none")),
        };
        let init = settler.slot(&experiment.init, "init", &always, &names);
        let signed_input = (experiment.data.as_ref()).is_some_and(|d| d.normalize.is_some());

        // Every constraint so far is a requirement of the space or of the policy.
        let required = std::mem::take(&mut settler.required);
        claims.extend(
            required
                .into_iter()
                .enumerate()
                .map(|(constraint, written)| Claim {
                    constraint,
                    require: None,
                    of_metrics: false,
                    written,
                }),
        );

        // Goals and requirements may name the experiment's values, metrics, and values and decisions by their path.
        places.extend(settled.iter().flat_map(targets::places));
        let targets: Vec<_> = settled.into_iter().map(|s| (s.guard, s.target)).collect();
        add_decisions(&mut places, &settler.decisions);
        let goals = experiment
            .goals
            .iter()
            .map(|g| measurable(&g.expr, g.span, &names, &places, &mut settler))
            .collect();
        let mut requires = Vec::with_capacity(experiment.requires.len());
        for require in &experiment.requires {
            let holds = measurable(&require.holds, require.span, &names, &places, &mut settler);
            let holds = existence::where_it_exists(&holds, &settler.decisions);
            if evaluate::names(&holds).is_empty() {
                claims.push(Claim {
                    constraint: settler.decisions.constraints.len(),
                    require: Some(requires.len()),
                    of_metrics: false,
                    written: require.clone(),
                });
                settler.decisions.constraints.push(holds.clone());
            }
            requires.push(holds);
        }
        // Only members have to be networks, so this comes behind everything that constrains them.
        if let Some((space, found)) = &unrolled
            && fits_so_far
        {
            let (decisions, sink) = (&settler.decisions, &mut settler.sink);
            fit::check(space, &found.nodes, &found.output, classes, decisions, sink);
        }

        let found = settler.sink.into_sorted();
        if found.iter().any(Diagnostic::is_error) {
            return Err(found);
        }
        let has_space = unrolled.is_some();
        let nodes = unrolled.map(|(_, found)| found.nodes).unwrap_or_default();
        let Placements {
            layers: placed,
            output,
        } = placements;
        let mut decisions = settler.decisions;
        // A skip connection that a repair removes takes its projection along.
        let projects = nodes.iter().any(|n| matches!(n.op, TemplateOp::Project(_)));
        let changes_sums = |edit: &ir::Edit| match edit {
            ir::Edit::Weights(_) => true,
            ir::Edit::RemoveSkips => projects,
            _ => false,
        };
        let rewritten = |r: &ir::Repair| r.edits.iter().any(changes_sums);
        let sums = match experiment.repair_definitions.iter().any(rewritten) {
            true => None,
            false => additive::metrics(&nodes, &placed, &decisions, &experiment.quantizers),
        };
        for (i, (holds, require)) in requires.iter().zip(&experiment.requires).enumerate() {
            let known = |name: &str| sums.as_ref().and_then(|s| s.get(name).cloned());
            let names = evaluate::names(holds);
            if names.is_empty() || !names.iter().all(|n| known(n).is_some()) {
                continue;
            }
            if let Ok(holds) = evaluate::reduce(holds, &known) {
                claims.push(Claim {
                    constraint: decisions.constraints.len(),
                    require: Some(i),
                    of_metrics: true,
                    written: require.clone(),
                });
                let holds = existence::where_it_exists(&holds, &decisions);
                decisions.constraints.push(holds);
            }
        }
        let known = least::Known::default();
        let source = Source::new(least::Parts {
            nodes: &nodes,
            placed: &placed,
            quantizers: &experiment.quantizers,
            decisions: &decisions,
            targets: &targets,
            repairs: &experiment.repair_definitions,
            shape,
            output: &output,
            signed_input,
            known: &known,
        });
        let (counted, limits) = {
            // What is a constraint already needs no limit.
            let is_claimed = |i: &usize| claims.iter().any(|c| c.require == Some(*i));
            let open = (0..requires.len()).filter(|i| !is_claimed(i));
            let open = open.map(|i| (i, &requires[i]));
            counted_within(&decisions, open, &source)
        };
        let limits = limits.into_iter().map(|(require, counted)| Limit {
            require,
            written: experiment.requires[require].clone(),
            counted,
        });
        let limits = limits.collect();
        let mut template = Template {
            counted,
            limits,
            known,
            extremes: OnceLock::new(),
            sums,
            claims,
            decisions,
            shape,
            classes,
            has_space,
            nodes,
            placed,
            output,
            repairs,
            repair_definitions: experiment.repair_definitions.clone(),
            quantizers: experiment.quantizers.clone(),
            stages,
            final_training,
            init,
            targets,
            augment,
            signed_input,
            goals,
            requires,
            required: experiment.requires.clone(),
            warnings: found,
        };
        let undefined = template.undefined(experiment, &settler.uses);
        if undefined.iter().any(Diagnostic::is_error) {
            return Err(undefined);
        }
        match prove::failures(&template, experiment) {
            unmeetable if unmeetable.is_empty() => {
                let suspect = suspect::warnings(&template, experiment, &settler.defaults);
                template.warnings.extend(undefined);
                template.warnings.extend(suspect);
                Ok(template)
            }
            unmeetable => Err(unmeetable),
        }
    }

    /// Operations that have no value at some member, or may have none.
    fn undefined(&self, experiment: &Experiment, uses: &[partial::Use]) -> Vec<Diagnostic> {
        if uses.is_empty() {
            return Vec::new();
        }
        let none = BTreeMap::new();
        let extremes = match uses.iter().any(partial::Use::has_names) {
            true => self.extremes(),
            false => &none,
        };
        let bounds = |name: &str| {
            if let Some(own) = name.strip_prefix(OWN) {
                return match experiment.evaluator.as_ref()? {
                    ir::Evaluator::Table(table) => column(table, own),
                    // A command may print any number.
                    ir::Evaluator::Command(_) => None,
                };
            }
            match (name, extremes.get(name)) {
                ("accuracy", _) => Interval::new(0.0, 1.0),
                (_, Some((low, high))) => Interval::new(*low, *high),
                // Sizes, times and energies of a network are above 0.
                // Far below any joule or second, and products of several are still above 0.
                _ if metric(name).is_some() => Interval::new(1e-30, f64::MAX),
                _ => partial::of_formula(name),
            }
        };
        let mut written = vec![Span::default(); self.decisions.constraints.len()];
        for claim in &self.claims {
            written[claim.constraint] = claim.written.span;
        }
        let names = Names {
            bounds: &bounds,
            samples: &partial::samples_of_formula,
        };
        partial::check(uses, &self.decisions, &written, &names)
    }

    /// How many channels a space gives at its defaults for inputs of this shape; `None` if it gives nothing.
    pub fn output_channels(space: &ir::Space, shape: [usize; 3], classes: usize) -> Option<usize> {
        let mut settler = Settler::new(&[]);
        let around = Frame::default();
        let found = unroll::unroll(space, shape, classes, &around, &mut settler);
        let Point(values) = settler.decisions.default_point();
        evaluate::count(&found.output.channels, 1, &Values(&values)).ok()
    }

    /// Every decision.
    pub fn decisions(&self) -> &Decisions {
        &self.decisions
    }

    /// The decisions with their constraints, counted.
    pub fn counted(&self) -> &Counted {
        &self.counted
    }

    /// Requirements on the price of a network that are counted, exactly or by what layers cost at least.
    pub fn limits(&self) -> &[Limit] {
        &self.limits
    }

    /// What a point costs at least, by the limits that a requirement sets: of each its sum.
    #[cfg(test)]
    pub(crate) fn least(&self, require: usize, point: &Point) -> Vec<f64> {
        let source = self.source();
        let of_sum = |sum: &Sum| {
            let terms = sum.terms.iter().map(|t| (t.value)(&point.0));
            terms.map(|t| t.expect("a layer with a price")).sum()
        };
        let limits = least::bounds(&self.requires[require], &source);
        limits.sums.iter().map(of_sum).collect()
    }

    /// The peak of a point by what may be alive at each step: what it is at least and at most.
    #[cfg(test)]
    pub(crate) fn peak(&self, point: &Point) -> Option<(f64, f64)> {
        let source = self.source();
        let largest = |terms: Vec<counting::Term>| {
            let values = terms.iter().filter_map(|t| (t.value)(&point.0));
            values.fold(0.0, f64::max)
        };
        let (least, _) = source.of("peak_memory")?;
        let (most, _) = source.most("peak_memory", 0.0)?;
        Some((largest(least), largest(most)))
    }

    /// Metrics that are sums over layers as formulas of the decisions; `None` if repairs change them.
    pub(super) fn sums(&self) -> Option<&BTreeMap<&'static str, Expr>> {
        self.sums.as_ref()
    }

    /// Whether a constraint mentions a decision over reals.
    pub(super) fn is_over_reals(&self, constraint: usize) -> bool {
        counting::has_reals(&self.decisions.constraints[constraint], &self.decisions)
    }

    /// Where layers come from, and what is paid for them.
    pub(super) fn source(&self) -> Source<'_> {
        Source::new(least::Parts {
            nodes: &self.nodes,
            placed: &self.placed,
            quantizers: &self.quantizers,
            decisions: &self.decisions,
            targets: &self.targets,
            repairs: &self.repair_definitions,
            shape: self.shape,
            output: &self.output,
            signed_input: self.signed_input,
            known: &self.known,
        })
    }

    /// The members that no point has for what a requirement asks for at least, by decision.
    pub(super) fn pruned_by(&self, require: usize) -> Vec<(usize, Vec<u64>)> {
        let decisions = Decisions {
            all: self.decisions.all.clone(),
            constraints: Vec::new(),
        };
        let source = self.source();
        let limits = least::bounds(&self.requires[require], &source);
        Counted::within(&decisions, &limits.sums).pruned(&decisions)
    }

    /// Whether it is proved that no point meets these claims and requirements.
    pub(super) fn excludes_all(&self, claims: &[&Claim], requires: &[usize]) -> bool {
        let decisions = Decisions {
            all: self.decisions.all.clone(),
            constraints: (claims.iter())
                .map(|c| self.decisions.constraints[c.constraint].clone())
                .collect(),
        };
        let source = self.source();
        let limits = requires.iter().map(|i| &self.requires[*i]);
        let limits: Vec<_> = limits
            .flat_map(|r| least::bounds(r, &source).sums)
            .collect();
        Counted::within(&decisions, &limits).is_empty()
    }

    /// What a point does not meet of all that is asked for and known before training, of the experiment first, then of its space and policy.
    pub fn broken_by(&self, point: &Point) -> Vec<&ir::Require> {
        let metrics = self.known(point).unwrap_or_default();
        let fails = |holds: &Expr| {
            self.is_known(holds) && self.evaluate(holds, point, &metrics) == Ok(Value::Bool(false))
        };
        let of_experiment = self.requires.iter().zip(&self.required);
        let of_experiment = of_experiment.filter(|(holds, _)| fails(holds));
        let of_space = self.claims.iter().filter(|claim| {
            claim.require.is_none() && fails(&self.decisions.constraints[claim.constraint])
        });
        let of_space = of_space.map(|claim| &claim.written);
        let all = of_experiment.map(|(_, written)| written).chain(of_space);
        let mut found: Vec<&ir::Require> = Vec::new();
        for written in all {
            // The copies of a block say one thing.
            if !found.iter().any(|other| other.text == written.text) {
                found.push(written);
            }
        }
        found
    }

    pub(super) fn claims(&self) -> &[Claim] {
        &self.claims
    }

    /// Goals over metrics and decisions, in the order of the experiment.
    pub fn goals(&self) -> &[Expr] {
        &self.goals
    }

    /// Requirements over metrics and decisions, in the order of the experiment.
    pub fn requires(&self) -> &[Expr] {
        &self.requires
    }

    /// Problems that do not stop the experiment.
    pub fn warnings(&self) -> &[Diagnostic] {
        &self.warnings
    }

    /// Bounds of `macs`, `params` and `model_size` over all members, in base units.
    pub fn extremes(&self) -> &BTreeMap<&'static str, (f64, f64)> {
        self.extremes.get_or_init(|| {
            // Requirements on metrics would hide the ends that they cut off.
            let metrics: BTreeSet<usize> = (self.claims.iter())
                .filter(|c| c.of_metrics)
                .map(|c| c.constraint)
                .collect();
            let mut decisions = self.decisions.clone();
            let mut number = 0..;
            decisions
                .constraints
                .retain(|_| number.next().is_none_or(|n| !metrics.contains(&n)));
            extremes::extremes(&self.nodes, &self.placed, &decisions, &self.quantizers)
        })
    }

    /// Whether an expression needs nothing that training measures.
    pub fn is_known(&self, expr: &Expr) -> bool {
        evaluate::names(expr)
            .iter()
            .all(|name| metric(name).is_some_and(|m| m.known))
    }
}

/// Decisions, counted within the limits that requirements set, and the numbers of these requirements with how far they are counted.
fn counted_within<'a>(
    decisions: &Decisions,
    requires: impl Iterator<Item = (usize, &'a Expr)>,
    source: &Source,
) -> (Counted, Vec<(usize, Limited)>) {
    let (mut all, mut of) = (Vec::new(), Vec::new());
    for (i, require) in requires {
        let mut limits = least::bounds(require, source);
        limits.sums.retain(|sum| !never_binds(sum, decisions));
        of.push((i, all.len()..all.len() + limits.sums.len(), limits.is_all));
        all.extend(limits.sums);
    }
    let counted = Counted::within(decisions, &all);
    let mut found = Vec::new();
    for (i, mut bounds, is_all) in of {
        let every = |kept: &[Kept]| bounds.clone().all(|b| kept.contains(&counted.kept(b)));
        if is_all && every(&[Kept::Always]) {
            found.push((i, Limited::Always));
        } else if is_all && every(&[Kept::Always, Kept::Exactly]) {
            found.push((i, Limited::Exactly));
        } else if bounds.any(|b| counted.kept(b) != Kept::Dropped) {
            found.push((i, Limited::Roughly));
        }
    }
    (counted, found)
}

/// Whether no point that meets the constraints breaks a limit of a sum, by the largest sum.
fn never_binds(sum: &Sum, decisions: &Decisions) -> bool {
    let (Some(end), None, true) = (sum.high, sum.low, sum.is_all) else {
        return false;
    };
    // A sum around 0 is as exact as its terms are.
    if sum.terms.len() < 2 || end.at <= 0.0 {
        return false;
    }
    let constraints: Vec<usize> = (0..decisions.constraints.len()).collect();
    let costs = [(&sum.terms[..], Costs::Added)];
    let mut priced = Priced::all(decisions, &constraints, &[], &costs);
    let Some(mut priced) = priced.pop().flatten() else {
        return false;
    };
    priced.negative();
    // Sums of many numbers differ by their last bits.
    let largest = priced.bound(decisions.all.len()).map(|cost| -cost);
    largest.is_some_and(|largest| largest * (1.0 + 1e-9) < end.at)
}

/// What a column of a table holds.
fn column(table: &ir::Table, name: &str) -> Option<Interval> {
    let measured = table.column(name);
    let cells = || measured.iter().copied();
    Interval::new(cells().reduce(f64::min)?, cells().reduce(f64::max)?)
}

/// A goal or requirement, which speaks of metrics and decisions only.
fn measurable(
    expr: &Expr,
    span: Span,
    names: &Frame,
    places: &[Place],
    settler: &mut Settler,
) -> Expr {
    let written = expr;
    let Some(expr) = expanded(expr, places, settler) else {
        return Expr::number(1.0);
    };
    let mark = settler.uses.len();
    let expr = settler.expr(&expr, "", &Expr::bool(true), names);
    partial::belong_to(&mut settler.uses[mark..], span, written);
    for name in evaluate::names(&expr) {
        if metric(&name).is_some() || name.starts_with(OWN) {
            continue;
        }
        let text = format!("there is no metric and no decision `{name}`");
        let diagnostic = Diagnostic::error("bnas::name::unknown", text).label(span, "here");
        let paths = places.iter().map(|p| p.path.as_str());
        let diagnostic = match did_you_mean(&name, paths) {
            Some(alike) => diagnostic.help(format!("did you mean `{alike}`?")),
            None => diagnostic,
        };
        settler.sink.push(diagnostic);
    }
    expr
}

/// Shapes of what leaves parts of the network, as far as these expressions speak of such and no value of the network has that path.
fn add_sides<'a>(places: &mut Vec<Place>, ends: &[End], asked: impl Iterator<Item = &'a Expr>) {
    let mut wanted = BTreeSet::new();
    for expr in asked {
        evaluate::walk(expr, &mut |e| {
            if let Expr::Name(path, _) = e
                && let Some((_, side)) = path.rsplit_once('.')
                && ["height", "width", "channels"].contains(&side)
            {
                wanted.insert(side.to_string());
            }
        });
    }
    if wanted.is_empty() {
        return;
    }
    let known: BTreeSet<String> = places.iter().map(|p| p.path.clone()).collect();
    for End {
        path,
        guard,
        extent,
    } in ends
    {
        let [height, width, channels] = extent.sides();
        for (side, value) in [("height", height), ("width", width), ("channels", channels)] {
            let path = format!("{path}.{side}");
            if wanted.contains(side) && !known.contains(&path) {
                places.push(Place {
                    path,
                    guard: guard.clone(),
                    value: value.clone(),
                });
            }
        }
    }
}

/// Decisions that have no place of their own yet, by their path.
fn add_decisions(places: &mut Vec<Place>, decisions: &Decisions) {
    let known: BTreeSet<String> = places.iter().map(|p| p.path.clone()).collect();
    for (index, decision) in decisions.all.iter().enumerate() {
        if !known.contains(&decision.path) {
            places.push(Place {
                path: decision.path.clone(),
                guard: decision.guard.clone(),
                value: Expr::Decision(index),
            });
        }
    }
}

/// An expression with its lists written out and its paths replaced; `None` after a diagnostic.
fn expanded(expr: &Expr, places: &[Place], settler: &mut Settler) -> Option<Expr> {
    aggregate::expand(expr, places)
        .map_err(|diagnostic| settler.sink.push(diagnostic))
        .ok()
}
