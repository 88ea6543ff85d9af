//! Everything that an experiment leaves open, unrolled once: decisions, nodes, quantizers, recipe, target.
//!
//! In: an [`Experiment`]. Out: a [`Template`], from which each [`Point`] makes a [`Candidate`]. What does not fit for some member of
//! the space, or is never met, is reported here, before anything runs.

use std::collections::{BTreeMap, BTreeSet};

use super::additive;
use super::aggregate::{self, Place};
use super::build;
use super::candidate::Candidate;
use super::counting::Counted;
use super::decision::{Decisions, Point};
use super::evaluate::{self, Failure, Scope};
use super::existence;
use super::extremes;
use super::fit;
use super::hardware::{self, Target};
use super::metrics::{Metrics, metric};
use super::network::{Network, Placement};
use super::place;
use super::policy::{self, Placed};
use super::prove;
use super::repair;
use super::settle::{Frame, Settler};
use super::stage::Stage;
use super::unroll::{self, TemplateNode};
use crate::diagnostic::{Diagnostic, did_you_mean};
use crate::ir::{self, Experiment, Expr, Slot, Value};
use crate::source::Span;

/// An experiment with its choices made decisions.
#[derive(Debug, Clone)]
pub struct Template {
    decisions: Decisions,
    shape: [usize; 3],
    classes: usize,
    pub(super) nodes: Vec<TemplateNode>,
    pub(super) placed: Vec<Option<Placed>>,
    has_space: bool,
    repairs: Expr,
    repair_definitions: Vec<ir::Repair>,
    quantizers: Vec<ir::Quantizer>,
    stages: Vec<Stage>,
    target: Option<ir::Target>,
    shift: Expr,
    flip: Expr,
    cutout: Expr,
    /// Whether samples can be negative.
    signed_input: bool,
    goals: Vec<Expr>,
    requires: Vec<Expr>,
    warnings: Vec<Diagnostic>,
    claims: Vec<Claim>,
    counted: Counted,
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
            let value = settler.slot(&binding.slot, &binding.name, &always, &names);
            names.define(&binding.name, value);
        }

        let shape = experiment.data.as_ref().map_or([0; 3], |d| d.shape);
        let classes = experiment.data.as_ref().map_or(0, |d| d.classes);
        let mut unrolled = None;
        let mut placed = Vec::new();
        let mut places = Vec::new();
        let mut claims = Vec::new();
        let mut fits_so_far = false;
        if let Some(space) = &experiment.space {
            let found = unroll::unroll(space, shape, classes, &mut settler);
            fits_so_far = !settler.sink.has_errors();
            places = found.places.clone();
            add_decisions(&mut places, &settler.decisions);
            for require in &space.requires {
                let Some(holds) = expanded(&require.holds, &places, &mut settler) else {
                    continue;
                };
                let holds = settler.expr(&holds, "space", &always, &found.names);
                claims.push(Claim {
                    constraint: settler.decisions.constraints.len(),
                    require: None,
                    of_metrics: false,
                    written: require.clone(),
                });
                settler.require(&holds);
            }
            placed = match &experiment.policy {
                Some(policy) => policy::place(policy, &found.nodes, &mut settler),
                None => vec![None; found.nodes.len()],
            };
            unrolled = Some((space, found));
        }

        let repairs = settler.slot(&experiment.repairs, "repairs", &always, &names);
        let stages = experiment
            .stages
            .iter()
            .map(|stage| Stage::new(stage, &mut settler, &names))
            .collect();
        let target = experiment
            .target
            .as_ref()
            .map(|t| settle_target(t, &mut settler));
        let zero = Slot::Fixed(Expr::number(0.0));
        let no = Slot::Fixed(Expr::bool(false));
        let augment = experiment.data.as_ref().map(|d| &d.augment);
        let shift = settler.slot(
            augment.map_or(&zero, |a| &a.shift),
            "data.shift",
            &always,
            &names,
        );
        let flip = settler.slot(
            augment.map_or(&no, |a| &a.flip),
            "data.flip",
            &always,
            &names,
        );
        let cutout = settler.slot(
            augment.map_or(&zero, |a| &a.cutout),
            "data.cutout",
            &always,
            &names,
        );
        let signed_input = (experiment.data.as_ref()).is_some_and(|d| d.normalize.is_some());

        // Goals and requirements may name the experiment's values, metrics, and values and decisions by their path.
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
        let mut decisions = settler.decisions;
        let rewritten = |r: &ir::Repair| r.edits.iter().any(|e| matches!(e, ir::Edit::Weights(_)));
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
        let template = Template {
            counted: Counted::new(&decisions),
            claims,
            decisions,
            shape,
            classes,
            has_space,
            nodes,
            placed,
            repairs,
            repair_definitions: experiment.repair_definitions.clone(),
            quantizers: experiment.quantizers.clone(),
            stages,
            target,
            shift,
            flip,
            cutout,
            signed_input,
            goals,
            requires,
            warnings: found,
        };
        match prove::failures(&template, experiment) {
            unmeetable if unmeetable.is_empty() => Ok(template),
            unmeetable => Err(unmeetable),
        }
    }

    /// Every decision.
    pub fn decisions(&self) -> &Decisions {
        &self.decisions
    }

    /// The decisions with their constraints, counted.
    pub fn counted(&self) -> &Counted {
        &self.counted
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
    pub fn extremes(&self) -> BTreeMap<&'static str, (f64, f64)> {
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
    }

    /// Whether an expression needs nothing that training measures.
    pub fn is_known(&self, expr: &Expr) -> bool {
        evaluate::names(expr)
            .iter()
            .all(|name| metric(name).is_some_and(|m| m.known))
    }

    /// The value of a goal or requirement at a point whose metrics are these.
    pub fn evaluate(
        &self,
        expr: &Expr,
        point: &Point,
        metrics: &Metrics,
    ) -> Result<Value, Failure> {
        evaluate::value(expr, &Measured { point, metrics })
    }

    /// The candidate of a point; `None` for an experiment without a space.
    pub fn candidate(&self, point: &Point) -> Result<Option<Candidate>, Failure> {
        if !self.has_space {
            return Ok(None);
        }
        let metrics = Metrics::default();
        let scope = Measured {
            point,
            metrics: &metrics,
        };
        let (mut network, from) = build::network(&self.nodes, self.shape, &scope)
            .map_err(|m| Failure::Kind("a shape that fits", m.message))?;
        let shape = network.nodes.last().map(|node| node.shape);
        if shape.is_none_or(|s| s.len() != self.classes || s.channels != self.classes) {
            let found = shape.map_or("nothing".into(), |s| s.to_string());
            return Err(Failure::Kind("one value per class", found));
        }
        let declared = self.place(&mut network, &from, &scope)?;
        let repairs = self.repair(&mut network, &scope)?;
        place::replace_rectifiers(&mut network, self.signed_input);
        place::settle_activations(&mut network, &declared, self.signed_input);
        let is_quantized = network.nodes.iter().any(|node| {
            let mut placed = node.placement.iter();
            placed.any(|p| p.weights.is_some() || p.activations.is_some())
        });
        // A float network has nothing to fine-tune.
        let stages = self
            .stages
            .iter()
            .filter(|s| is_quantized || !s.is_tuning());
        let stages = stages.map(|stage| stage.at(&scope));
        let stages = stages.collect::<Result<_, _>>()?;
        Ok(Some(Candidate {
            network,
            stages,
            target: self
                .target
                .as_ref()
                .map(|t| Target::from_ir(t, &scope))
                .transpose()?,
            repairs,
            shift: evaluate::count(&self.shift, 0, &scope)?,
            flip: evaluate::truth(&self.flip, &scope)?,
            cutout: evaluate::count(&self.cutout, 0, &scope)?,
        }))
    }

    /// Every metric that is known before training.
    pub fn known(&self, point: &Point) -> Result<Metrics, Failure> {
        match self.candidate(point)? {
            None => Ok(Metrics::default()),
            Some(candidate) => hardware::known_metrics(&candidate)
                .map_err(|e| Failure::Kind("a network that can be priced", e.to_string())),
        }
    }

    /// Puts quantizers on the nodes with weights, which stand at `from` in the template. Whether each one's activations say that they
    /// are signed, in order.
    fn place(
        &self,
        network: &mut Network,
        from: &[usize],
        scope: &dyn Scope,
    ) -> Result<Vec<Option<bool>>, Failure> {
        let quantizer = |value: &Value| {
            place::quantizer(value, &self.quantizers).map_err(|e| Failure::Kind("a quantizer", e.0))
        };
        let mut declared = Vec::new();
        // Node 0 of the network is the input.
        for (node, index) in network.nodes.iter_mut().skip(1).zip(from) {
            if self.nodes[*index].kind().is_none() {
                continue;
            }
            let mut signed = None;
            if let Some(placed) = &self.placed[*index] {
                let weights = evaluate::value(&placed.weights, scope)?;
                let activations = evaluate::value(&placed.activations, scope)?;
                signed = place::signed(&activations, &self.quantizers);
                node.placement = Some(Placement {
                    weights: quantizer(&weights)?,
                    activations: quantizer(&activations)?,
                });
            }
            declared.push(signed);
        }
        Ok(declared)
    }

    /// Applies repairs; their names.
    fn repair(&self, network: &mut Network, scope: &dyn Scope) -> Result<Vec<String>, Failure> {
        let Value::Set(names) = evaluate::value(&self.repairs, scope)? else {
            return Err(Failure::Kind("a set of repairs", "another value".into()));
        };
        let mut applied = Vec::with_capacity(names.len());
        for name in &names {
            let definition = self
                .repair_definitions
                .iter()
                .find(|r| Some(r.name.as_str()) == name.as_name());
            let definition =
                definition.ok_or_else(|| Failure::Kind("a repair", name.to_string()))?;
            applied.push(definition);
        }
        repair::apply(&applied, network, &self.quantizers)
            .map_err(|e| Failure::Kind("a quantizer", e.0))?;
        Ok(applied.iter().map(|r| r.name.clone()).collect())
    }
}

/// A point and what is known or measured of it.
struct Measured<'a> {
    point: &'a Point,
    metrics: &'a Metrics,
}

impl Scope for Measured<'_> {
    fn name(&self, name: &str) -> Option<Value> {
        self.metrics.0.get(name).map(|v| Value::Number(*v))
    }

    fn decision(&self, index: usize) -> Option<Value> {
        self.point.0.get(index).cloned().flatten()
    }
}

/// Makes decisions of a target's choices. Fixed fields keep the names of other fields: the target resolves them itself.
fn settle_target(target: &ir::Target, settler: &mut Settler) -> ir::Target {
    let mut target = target.clone();
    let mut field = |slot: &mut Slot, name: &str| {
        if let Slot::Chosen(_) = slot {
            let value = settler.slot(
                slot,
                &format!("target.{name}"),
                &Expr::bool(true),
                &Frame::default(),
            );
            *slot = Slot::Fixed(value);
        }
    };
    field(&mut target.op_per_mac, "op_per_mac");
    field(&mut target.clock, "clock");
    field(&mut target.vector_width, "vector.width");
    field(&mut target.lanes, "vector.lanes");
    field(&mut target.idle, "vector.idle");
    for precision in &mut target.precisions {
        field(&mut precision.energy, &format!("{}.energy", precision.name));
        field(&mut precision.macs, &format!("{}.macs", precision.name));
    }
    target
}

/// A goal or requirement, which speaks of metrics and decisions only.
fn measurable(
    expr: &Expr,
    span: Span,
    names: &Frame,
    places: &[Place],
    settler: &mut Settler,
) -> Expr {
    let Some(expr) = expanded(expr, places, settler) else {
        return Expr::number(1.0);
    };
    let expr = settler.expr(&expr, "", &Expr::bool(true), names);
    for name in evaluate::names(&expr) {
        if metric(&name).is_some() {
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
