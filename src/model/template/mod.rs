//! Everything that an experiment leaves open, unrolled once: decisions, nodes, quantizers, recipe, target.
//!
//! In: an [`Experiment`]. Out: a [`Template`], from which each [`Point`] makes a [`Candidate`](super::candidate::Candidate). What does
//! not fit for some member of the space, or is never met, is reported here, before anything runs.

mod asked;
mod body;
mod candidates;
mod fallible;
mod limits;
mod of_best;
mod places;
pub mod rows;
mod settings;
mod settled;
mod tried;
pub mod undefined;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use self::asked::Asked;
pub(super) use self::asked::Claim;
use self::body::Body;
use self::candidates::OfDefault;
pub use self::limits::{Limit, Limited};
pub use self::of_best::OfBest;
use self::settings::Settings;
use self::settled::Settled;
use self::tried::Each;
use super::additive;
use super::counting::{self, Counted};
use super::decision::{Decisions, Point};
use super::expression::evaluate;
use super::expression::frame::Frame;
use super::expression::members::Values;
use super::extremes;
use super::findings::blame::with_amendments;
use super::findings::consequences;
use super::findings::given::with_origins;
use super::findings::prove;
use super::findings::suspect;
use super::least::{Known, Parts, Source};
use super::metrics::metric;
use super::settling::settle::Settler;
use super::shape::operation::TemplateOp;
use super::unroll::{self, TemplateNode};
use crate::diagnostic::Diagnostic;
use crate::ir::{self, Edit, Experiment, Expr, Value};

/// What names of an experiment's own metrics begin with.
pub const OWN: &str = "measured.";

/// An experiment with its choices made decisions.
#[derive(Debug, Clone)]
pub struct Template {
    decisions: Decisions,
    /// What decisions give whose members are formulas.
    computed: BTreeMap<usize, Expr>,
    pub(super) body: Body,
    settings: Settings,
    asked: Asked,
    of_best: OfBest,
    warnings: Vec<Diagnostic>,
    counted: Counted,
    limits: Vec<Limit>,
    /// What layers cost and what is alive, once that was wanted.
    known: Known,
    /// What trying each candidate has told, where that was needed and they are few.
    each: Option<Each>,
    /// Ends of metrics by layers, once these were wanted.
    extremes: OnceLock<BTreeMap<&'static str, (f64, f64)>>,
    /// What is made of all defaults, once that was wanted.
    default: OnceLock<OfDefault>,
    /// Metrics that are sums over layers, if they are.
    sums: Option<BTreeMap<&'static str, Expr>>,
}

impl Template {
    /// Unrolls an experiment, or says what does not fit.
    pub fn new(experiment: &Experiment) -> Result<Template, Vec<Diagnostic>> {
        let both = |found: Vec<Diagnostic>| -> Vec<Diagnostic> {
            let found = found.into_iter();
            found
                .map(|d| with_amendments(d, &experiment.amendments, experiment.space.as_ref()))
                .map(|d| with_origins(d, experiment.space.as_ref()))
                .collect()
        };
        let mut template = Template::made(experiment).map_err(both)?;
        template.warnings = both(std::mem::take(&mut template.warnings));
        Ok(template)
    }

    /// The same; diagnostics show where things are declared.
    fn made(experiment: &Experiment) -> Result<Template, Vec<Diagnostic>> {
        let mut settled = Settled::new(experiment, Settler::new(&experiment.quantizers));
        if let Some(arranged) = settled.arrangement(experiment) {
            let settler = Settler::arranged(&experiment.quantizers, arranged);
            settled = Settled::new(experiment, settler);
        }
        let Settled {
            mut settler,
            body,
            settings,
            asked,
            of_best,
            ..
        } = settled;
        body.check_fit(experiment, &mut settler);

        let found = std::mem::take(&mut settler.sink).into_sorted();
        let found = consequences::without(found, &experiment.amendments);
        if found.iter().any(Diagnostic::is_error) {
            return Err(undefined::in_place_of_misfits(found, &settler));
        }
        let constant = constant_goals(experiment, &asked);
        if !constant.is_empty() {
            return Err(constant);
        }
        let mut template = Template::count(settler.decisions, body, settings, asked);
        template.warnings = found;
        template.computed = settler.computed;
        template.of_best = of_best;
        let undefined = undefined::check(&template, experiment, &settler.uses);
        if undefined.iter().any(Diagnostic::is_error) {
            return Err(undefined);
        }
        if let Some(tried) = template.tried() {
            template.counted = tried.counted;
            template.limits = tried.limits;
            template.each = Some(tried.each);
        }
        let unmeetable = prove::failures(&template, experiment);
        if !unmeetable.is_empty() {
            return Err(unmeetable);
        }
        let (wrong, lacking): (Vec<_>, Vec<_>) =
            (rows::check(&template, experiment).into_iter()).partition(Diagnostic::is_error);
        if !wrong.is_empty() {
            return Err(wrong);
        }
        template.warnings.extend(lacking);
        let suspect = suspect::warnings(&template, experiment, &settler.defaults);
        template.warnings.extend(undefined);
        template.warnings.extend(suspect);
        Ok(template)
    }

    /// Makes constraints of what sums over layers decide, and counts the decisions.
    fn count(
        mut decisions: Decisions,
        body: Body,
        settings: Settings,
        mut asked: Asked,
    ) -> Template {
        let sums = sums(&decisions, &body, &settings);
        if let Some(sums) = &sums {
            asked.claim_sums(sums, &mut decisions);
        }
        let known = Known::default();
        let (counted, limits) = {
            let source = source(&decisions, &body, &settings, &known);
            limits::count(&asked, &decisions, &source)
        };
        Template {
            decisions,
            computed: BTreeMap::new(),
            body,
            settings,
            asked,
            of_best: OfBest::default(),
            warnings: Vec::new(),
            counted,
            limits,
            known,
            each: None,
            extremes: OnceLock::new(),
            default: OnceLock::new(),
            sums,
        }
    }

    /// How many channels a space gives at its defaults for inputs of this shape; `None` if it gives nothing.
    pub fn output_channels(space: &ir::Space, shape: [usize; 3], classes: usize) -> Option<usize> {
        let mut settler = Settler::new(&[]);
        let around = Frame::default();
        let found = unroll::unroll(space, shape, classes, &around, &mut settler);
        let Point(values) = settler.decisions.default_point();
        evaluate::count(&found.output.channels, 1, &Values(&values)).ok()
    }

    /// What expectations read of the best candidate by path.
    pub fn of_best(&self) -> &OfBest {
        &self.of_best
    }

    /// Every decision.
    pub fn decisions(&self) -> &Decisions {
        &self.decisions
    }

    /// What a point chooses for a decision: the member, or the number that the formula gives which is one. `None` where it does not exist.
    pub fn chosen(&self, decision: usize, point: &Point) -> Option<Value> {
        let value = point.0.get(decision)?.clone()?;
        match self.computed.get(&decision) {
            None => Some(value),
            Some(computed) => evaluate::value(computed, &Values(&point.0)).ok(),
        }
    }

    /// The decisions with their constraints, counted.
    pub fn counted(&self) -> &Counted {
        &self.counted
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
        source(&self.decisions, &self.body, &self.settings, &self.known)
    }

    /// What a point does not meet of all that is asked for and known before training, of the experiment first, then of its space and policy.
    pub fn broken_by(&self, point: &Point) -> Vec<&ir::Require> {
        let metrics = match *point == self.of_default().point {
            true => self.of_default().known.clone(),
            false => self.known(point),
        };
        let metrics = metrics.unwrap_or_default();
        let fails = |holds: &Expr| {
            self.is_known(holds) && self.evaluate(holds, point, &metrics) == Ok(Value::Bool(false))
        };
        let of_experiment = self.asked.requires.iter().zip(&self.asked.written);
        let of_experiment = of_experiment.filter(|(holds, _)| fails(holds));
        let of_space = self.asked.claims.iter().filter(|claim| {
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

    /// Requirements that have become constraints, of the space and the policy first.
    pub(super) fn claims(&self) -> &[Claim] {
        &self.asked.claims
    }

    /// Goals over metrics and decisions, in the order of the experiment.
    pub fn goals(&self) -> &[Expr] {
        &self.asked.goals
    }

    /// Requirements over metrics and decisions, in the order of the experiment.
    pub fn requires(&self) -> &[Expr] {
        &self.asked.requires
    }

    /// Problems that do not stop the experiment.
    pub fn warnings(&self) -> &[Diagnostic] {
        &self.warnings
    }

    /// Bounds of `macs`, `params` and `model_size` over all members, in base units.
    pub fn extremes(&self) -> &BTreeMap<&'static str, (f64, f64)> {
        self.extremes.get_or_init(|| {
            // Requirements on metrics would hide the ends that they cut off.
            let metrics: BTreeSet<usize> = (self.asked.claims.iter())
                .filter(|c| c.of_metrics)
                .map(|c| c.constraint)
                .collect();
            let mut decisions = self.decisions.clone();
            let mut number = 0..;
            decisions
                .constraints
                .retain(|_| number.next().is_none_or(|n| !metrics.contains(&n)));
            extremes::extremes(
                &self.body.nodes,
                &self.body.coded.layers,
                &decisions,
                &self.settings.quantizers,
            )
        })
    }

    /// Whether an expression needs nothing that training measures.
    pub fn is_known(&self, expr: &Expr) -> bool {
        let mut is_known = true;
        evaluate::walk(expr, &mut |part| {
            if let Expr::Name(name, _) = part {
                is_known = is_known && metric(name).is_some_and(|m| m.known);
            }
        });
        is_known
    }
}

/// Where layers come from, and what is paid for them.
fn source<'a>(
    decisions: &'a Decisions,
    body: &'a Body,
    settings: &'a Settings,
    known: &'a Known,
) -> Source<'a> {
    Source::new(Parts {
        nodes: &body.nodes,
        placed: &body.coded.layers,
        quantizers: &settings.quantizers,
        decisions,
        targets: &settings.targets,
        repairs: &settings.repair_definitions,
        shape: body.shape,
        output: &body.coded.output,
        signed_input: body.signed_input,
        known,
    })
}

/// Metrics that are sums over layers; `None` if repairs change them.
fn sums(
    decisions: &Decisions,
    body: &Body,
    settings: &Settings,
) -> Option<BTreeMap<&'static str, Expr>> {
    // A skip connection that a repair removes takes its projection along.
    let is_projection = |node: &TemplateNode| matches!(node.op, TemplateOp::Project(_));
    let projects = body.nodes.iter().any(is_projection);
    let changes_sums = |edit: &Edit| match edit {
        Edit::Weights(_) => true,
        Edit::RemoveSkips => projects,
        _ => false,
    };
    let rewritten = |r: &ir::Repair| r.edits.iter().any(changes_sums);
    if settings.repair_definitions.iter().any(rewritten) {
        return None;
    }
    additive::metrics(
        &body.nodes,
        &body.coded.layers,
        decisions,
        &settings.quantizers,
    )
}

/// Goals that are one number, once it is known what their names stand for.
fn constant_goals(experiment: &Experiment, asked: &Asked) -> Vec<Diagnostic> {
    let goals = experiment.goals.iter().zip(&asked.goals);
    let constant = goals.filter(|(_, expr)| expr.as_value().is_some());
    let constant = constant.map(|(goal, _)| {
        let text = "this goal is the same for every candidate";
        Diagnostic::error("bnas::goal::constant", text)
            .label(goal.span, "speaks of values that are fixed")
            .help("name a metric such as `accuracy`, or a value that stands behind `in`")
    });
    constant.collect()
}
