//! Everything that an experiment leaves open, unrolled once: decisions, nodes, quantizers, recipe, target.
//!
//! In: an [`Experiment`]. Out: a [`Template`], from which each [`Point`] makes a [`Candidate`]. What does not fit for some member of
//! the space, or is never met, is reported here, before anything runs.

use std::collections::BTreeMap;

use super::build;
use super::candidate::Candidate;
use super::decision::{Decisions, Point};
use super::evaluate::{self, Failure, Scope};
use super::extent::Extent;
use super::extremes;
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
use crate::diagnostic::Diagnostic;
use crate::ir::{self, Experiment, Expr, Slot, Space, Value};

/// An experiment with its choices made decisions.
#[derive(Debug, Clone)]
pub struct Template {
    decisions: Decisions,
    shape: [usize; 3],
    nodes: Vec<TemplateNode>,
    placed: Vec<Option<Placed>>,
    has_space: bool,
    repairs: Expr,
    repair_definitions: Vec<ir::Repair>,
    quantizers: Vec<ir::Quantizer>,
    train: Stage,
    finetune: Option<Stage>,
    target: Option<ir::Target>,
    shift: Expr,
    flip: Expr,
    goals: Vec<Expr>,
    requires: Vec<Expr>,
    warnings: Vec<Diagnostic>,
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
        let mut nodes = Vec::new();
        let mut placed = Vec::new();
        if let Some(space) = &experiment.space {
            let unrolled = unroll::unroll(space, shape, classes, &mut settler);
            build::check_shapes(&unrolled.nodes, &settler.decisions, &mut settler.sink);
            check_output(space, &unrolled.output, classes, &mut settler);
            for require in &space.requires {
                let holds = settler.expr(&require.holds, "space", &always, &unrolled.names);
                settler.decisions.constraints.push(holds);
            }
            nodes = unrolled.nodes;
            placed = match &experiment.policy {
                Some(policy) => policy::place(policy, &nodes, &mut settler),
                None => vec![None; nodes.len()],
            };
        }

        let repairs = settler.slot(&experiment.repairs, "repairs", &always, &names);
        let train = Stage::new(&experiment.train, "train", &mut settler, &names);
        let finetune = experiment
            .finetune
            .as_ref()
            .map(|f| Stage::new(f, "finetune", &mut settler, &names));
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

        // Goals and requirements may name the experiment's values, metrics, and decisions by their path.
        for (index, decision) in settler.decisions.all.iter().enumerate() {
            if names.get(&decision.path).is_none() {
                names.define(&decision.path, Expr::Decision(index));
            }
        }
        let goals: Vec<Expr> = experiment
            .goals
            .iter()
            .map(|g| settler.expr(&g.expr, "goal", &always, &names))
            .collect();
        let requires: Vec<Expr> = experiment
            .requires
            .iter()
            .map(|r| settler.expr(&r.holds, "require", &always, &names))
            .collect();
        for require in &requires {
            if evaluate::names(require).is_empty() {
                settler.decisions.constraints.push(require.clone());
            }
        }

        let found = settler.sink.into_sorted();
        if found.iter().any(Diagnostic::is_error) {
            return Err(found);
        }
        let template = Template {
            decisions: settler.decisions,
            shape,
            nodes,
            placed,
            has_space: experiment.space.is_some(),
            repairs,
            repair_definitions: experiment.repair_definitions.clone(),
            quantizers: experiment.quantizers.clone(),
            train,
            finetune,
            target,
            shift,
            flip,
            goals,
            requires,
            warnings: found,
        };
        match prove::unmeetable(&template, experiment) {
            unmeetable if unmeetable.is_empty() => Ok(template),
            unmeetable => Err(unmeetable),
        }
    }

    /// Every decision.
    pub fn decisions(&self) -> &Decisions {
        &self.decisions
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
        extremes::extremes(&self.nodes, &self.placed, &self.decisions, &self.quantizers)
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
        let mut network = build::network(&self.nodes, self.shape, &scope)
            .map_err(|m| Failure::Kind("a shape that fits", m.message))?;
        self.place(&mut network, &scope)?;
        let repairs = self.repair(&mut network, &scope)?;
        Ok(Some(Candidate {
            network,
            train: self.train.recipe(&scope)?,
            finetune: self
                .finetune
                .as_ref()
                .map(|f| f.recipe(&scope))
                .transpose()?,
            target: self
                .target
                .as_ref()
                .map(|t| Target::from_ir(t, &scope))
                .transpose()?,
            repairs,
            shift: evaluate::number(&self.shift, &scope)? as usize,
            flip: evaluate::truth(&self.flip, &scope)?,
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

    /// Puts quantizers on the nodes with weights.
    fn place(&self, network: &mut Network, scope: &dyn Scope) -> Result<(), Failure> {
        let not_one = |e: place::NotAQuantizer| Failure::Kind("a quantizer", e.0);
        for (at, index) in build::present(&self.nodes, scope)?.into_iter().enumerate() {
            let Some(placed) = &self.placed[index] else {
                continue;
            };
            let weights =
                place::quantizer(&evaluate::value(&placed.weights, scope)?, &self.quantizers)
                    .map_err(not_one)?;
            let activations = place::quantizer(
                &evaluate::value(&placed.activations, scope)?,
                &self.quantizers,
            )
            .map_err(not_one)?;
            // Node 0 of the network is the input.
            network.nodes[at + 1].placement = Some(Placement {
                weights,
                activations,
            });
        }
        place::replace_rectifiers(network);
        Ok(())
    }

    /// Applies repairs, then settles what depends on the final graph.
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
            repair::apply(definition, network, &self.quantizers)
                .map_err(|e| Failure::Kind("a quantizer", e.0))?;
            applied.push(definition.name.clone());
        }
        place::settle_activations(network, &self.quantizers);
        Ok(applied)
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

/// The last node must give one value per class.
fn check_output(space: &Space, output: &Extent, classes: usize, settler: &mut Settler) {
    let one = Expr::number(1.0);
    let parts = (&output.height, &output.width, &output.channels);
    if parts == (&one, &one, &Expr::number(classes as f64)) {
        return;
    }
    let constant = |e: &Expr| e.as_value().map_or("?".to_string(), Value::to_string);
    let found = format!(
        "{}x{}x{}",
        constant(parts.0),
        constant(parts.1),
        constant(parts.2)
    );
    settler.sink.push(
        Diagnostic::error(
            "bnas::shape::output",
            format!("the space gives {found}, the data needs 1x1x{classes}"),
        )
        .label(space.span, "its last layer must give one value per class")
        .help("end it with `layer head = pool(average) -> linear(classes)`"),
    );
}
