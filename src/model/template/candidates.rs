//! From a point to its candidate: built, placed, repaired, folded, priced.

use super::{OWN, Template};
use crate::ir::{self, Expr, Value};
use crate::model::candidate::Candidate;
use crate::model::decision::Point;
use crate::model::expression::evaluate::{self, Failure, Scope};
use crate::model::expression::members::Values;
use crate::model::hardware::{self, Target};
use crate::model::metrics::Metrics;
use crate::model::network::{Network, Placement};
use crate::model::quantization::output;
use crate::model::quantization::place;
use crate::model::quantization::policy::Placements;
use crate::model::quantization::repair;
use crate::model::shape::build;
use crate::model::training::augment::Augment;
use crate::model::training::stage;

impl Template {
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
        if !self.body.has_space() {
            return Ok(None);
        }
        let metrics = Metrics::default();
        let scope = Measured {
            point,
            metrics: &metrics,
        };
        let (network, repairs) = self.network(&self.body.placed, &scope)?;
        let is_quantized = network.nodes.iter().any(|node| {
            let mut placed = node.placement.iter();
            placed.any(|p| p.weights.is_some() || p.activations.is_some())
        });
        // A float network has nothing to fine-tune.
        let stages = self
            .settings
            .stages
            .iter()
            .filter(|s| is_quantized || !s.is_tuning());
        let stages = stages.map(|stage| stage.at(&scope));
        let stages = stages.collect::<Result<_, _>>()?;
        let augment = Augment::of(&evaluate::value(&self.settings.augment, &scope)?)?;
        Ok(Some(Candidate {
            network,
            stages,
            target: self.target(&scope)?,
            repairs,
            init: stage::word(
                &self.settings.init,
                ir::Init::of,
                "an initial distribution",
                &scope,
            )?,
            shift: augment.shift,
            flip: augment.flip,
            cutout: augment.cutout,
        }))
    }

    /// The network of a point with these quantizers, and the names of the repairs that were applied.
    fn network(
        &self,
        placed: &Placements,
        scope: &dyn Scope,
    ) -> Result<(Network, Vec<String>), Failure> {
        let (mut network, from) = build::network(&self.body.nodes, self.body.shape, scope)
            .map_err(|m| Failure::Kind("a shape that fits", m.message.into()))?;
        let shape = network.nodes.last().map(|node| node.shape);
        if shape.is_none_or(|s| s.len() != self.body.classes || s.channels != self.body.classes) {
            let found = shape.map_or("nothing".into(), |s| s.to_string());
            return Err(Failure::Kind("one value per class", found));
        }
        let mut declared = self.place(placed, &mut network, &from, scope)?;
        let repairs = self.repair(&mut network, &mut declared, scope)?;
        place::replace_rectifiers(&mut network, self.body.signed_input);
        place::settle_activations(&mut network, &declared, self.body.signed_input);
        self.quantize_output(&placed.output, &mut network, scope)?;
        Ok((network, repairs))
    }

    /// The candidate of a point as it is trained after the search.
    pub fn final_candidate(&self, point: &Point) -> Result<Option<Candidate>, Failure> {
        let mut candidate = self.candidate(point)?;
        if let (Some(candidate), Some(training)) = (&mut candidate, &self.settings.final_training) {
            let metrics = Metrics::default();
            let scope = Measured {
                point,
                metrics: &metrics,
            };
            training.apply(&mut candidate.stages, &scope)?;
        }
        Ok(candidate)
    }

    /// Puts the policy's quantizer on what leaves an addition or the network.
    fn quantize_output(
        &self,
        output: &Expr,
        network: &mut Network,
        scope: &dyn Scope,
    ) -> Result<(), Failure> {
        let value = evaluate::value(output, scope)?;
        let quantizer = place::quantizer(&value, &self.settings.quantizers)
            .map_err(|place::NotAQuantizer(why)| Failure::Kind("a quantizer", why))?;
        if let Some(quantizer) = quantizer {
            let signed = place::signed(&value, &self.settings.quantizers);
            output::quantize(network, &quantizer, signed, self.body.signed_input);
        }
        Ok(())
    }

    /// The target that is there.
    fn target(&self, scope: &dyn Scope) -> Result<Option<Target>, Failure> {
        for (chosen, target) in &self.settings.targets {
            if evaluate::truth(chosen, scope)? {
                return Target::from_ir(target, scope).map(Some);
            }
        }
        Ok(None)
    }

    /// The point of all defaults with what is made of it: plans speak of it again and again.
    pub fn of_default(&self) -> &OfDefault {
        self.default.get_or_init(|| {
            let point = self.decisions.default_point();
            let candidate = self.candidate(&point);
            let known = match &candidate {
                Ok(None) => Ok(Metrics::default()),
                Ok(Some(candidate)) => priced(&candidate.network, candidate.target.as_ref()),
                Err(failure) => Err(failure.clone()),
            };
            OfDefault {
                point,
                candidate,
                known,
            }
        })
    }

    /// Every metric that is known before training.
    pub fn known(&self, point: &Point) -> Result<Metrics, Failure> {
        match self.candidate(point)? {
            None => Ok(Metrics::default()),
            Some(candidate) => priced(&candidate.network, candidate.target.as_ref()),
        }
    }

    /// The same of a point that has no value for decisions of the training. One without a value for what prices hang on fails.
    pub(super) fn known_untrained(&self, point: &Point) -> Result<Metrics, Failure> {
        if !self.body.has_space() {
            return Ok(Metrics::default());
        }
        let scope = Values(&point.0);
        let (network, _) = self.network(&self.body.coded, &scope)?;
        priced(&network, self.target(&scope)?.as_ref())
    }

    /// Puts quantizers on the nodes with weights, which stand at `from` in the template. Whether each one's activations say that they
    /// are signed, in order.
    fn place(
        &self,
        placed: &Placements,
        network: &mut Network,
        from: &[usize],
        scope: &dyn Scope,
    ) -> Result<Vec<Option<bool>>, Failure> {
        let quantizer = |value: &Value| {
            place::quantizer(value, &self.settings.quantizers)
                .map_err(|e| Failure::Kind("a quantizer", e.0))
        };
        let mut declared = Vec::new();
        // Node 0 of the network is the input.
        for (node, index) in network.nodes.iter_mut().skip(1).zip(from) {
            if self.body.nodes[*index].kind().is_none() {
                continue;
            }
            let mut signed = None;
            if let Some(placed) = &placed.layers[*index] {
                let weights = evaluate::value(&placed.weights, scope)?;
                let activations = evaluate::value(&placed.activations, scope)?;
                signed = place::signed(&activations, &self.settings.quantizers);
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
    fn repair(
        &self,
        network: &mut Network,
        declared: &mut Vec<Option<bool>>,
        scope: &dyn Scope,
    ) -> Result<Vec<String>, Failure> {
        let Value::Set(names) = evaluate::value(&self.settings.repairs, scope)? else {
            return Err(Failure::Kind("a set of repairs", "another value".into()));
        };
        let mut applied = Vec::with_capacity(names.len());
        for name in &names {
            let definition = self
                .settings
                .repair_definitions
                .iter()
                .find(|r| Some(r.name.as_str()) == name.as_name());
            let definition =
                definition.ok_or_else(|| Failure::Kind("a repair", name.to_string()))?;
            applied.push(definition);
        }
        repair::apply(&applied, network, declared, &self.settings.quantizers)
            .map_err(|e| Failure::Kind("a quantizer", e.0))?;
        Ok(applied.iter().map(|r| r.name.clone()).collect())
    }
}

/// What [`Template::candidate`] and [`Template::known`] say of the point of all defaults.
#[derive(Debug, Clone)]
pub struct OfDefault {
    /// The point.
    pub point: Point,
    /// Its candidate.
    pub candidate: Result<Option<Candidate>, Failure>,
    /// Its metrics.
    pub known: Result<Metrics, Failure>,
}

fn priced(network: &Network, target: Option<&Target>) -> Result<Metrics, Failure> {
    hardware::known_metrics(network, target)
        .map_err(|e| Failure::Kind("a network that can be priced", e.to_string()))
}

/// A point and what is known or measured of it.
struct Measured<'a> {
    point: &'a Point,
    metrics: &'a Metrics,
}

impl Scope for Measured<'_> {
    fn name(&self, name: &str) -> Option<Value> {
        let metric = name.strip_prefix(OWN).unwrap_or(name);
        self.metrics.0.get(metric).map(|v| Value::Number(*v))
    }

    fn decision(&self, index: usize) -> Option<Value> {
        self.held(index).cloned()
    }

    fn held(&self, index: usize) -> Option<&Value> {
        self.point.0.get(index)?.as_ref()
    }
}
