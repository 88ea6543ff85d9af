//! A space with what it asks of metrics: `require macs <= 100 kmac` among its layers.
//!
//! In: a lowered space, its requirements that speak of metrics. Out: a [`Network`], whose asks are requirements in the names of an experiment, and
//! become those of each experiment that uses the space. Constraints over the space's own decisions stay with the space.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::analysis::alternatives::joined;
use crate::analysis::paths::Paths;
use crate::ir::{BinaryOp, Choice, Dataset, Expr, Require, Space, Value};
use crate::model::expression::rename::{renamed, replaced, visit_names};
use crate::model::metrics::metric;

/// A space, and what it asks of the metrics of its networks.
#[derive(Debug, Clone)]
pub(in crate::analysis) struct Network {
    pub(in crate::analysis) space: Space,
    asks: Vec<Require>,
    /// The author's units of what is asked for, by its text.
    pub(in crate::analysis) units: BTreeMap<String, String>,
}

/// What stands before the paths of a space's values.
const SPACE: &str = "space.";

impl Network {
    /// The names in what is asked for are those of an experiment.
    pub(in crate::analysis) fn new(
        space: Space,
        asks: Vec<Require>,
        units: BTreeMap<String, String>,
    ) -> Self {
        Network { space, asks, units }
    }

    /// Several networks as one, in which each asks for its own.
    pub(in crate::analysis) fn joined(first: Network, choice: Choice<Network>) -> Network {
        let of_one = |network: &Network| -> Vec<Require> {
            let name = &network.space.name;
            let chosen = Expr::Binary(
                BinaryOp::Equal,
                Arc::new(Expr::Name("space".into(), network.space.span)),
                Arc::new(Expr::Value(Value::name(name))),
            );
            let below = |path: &str| {
                let rest = path.strip_prefix(SPACE)?;
                Some(format!("{SPACE}{name}.{rest}"))
            };
            let asks = network.asks.iter().map(|require| {
                let holds = renamed(&require.holds, &below);
                let (chosen, holds) = (Arc::new(chosen.clone()), Arc::new(holds));
                let holds = Expr::Binary(BinaryOp::Implies, chosen, holds).into();
                Require {
                    holds,
                    ..require.clone()
                }
            });
            asks.collect()
        };
        let all = || std::iter::once(&first).chain(&choice.others);
        let asks = all().flat_map(of_one).collect();
        let units = all().flat_map(|n| n.units.clone()).collect();
        let others = choice.others.into_iter().map(|n| n.space).collect();
        let choice = Choice {
            others,
            default: choice.default,
            span: choice.span,
        };
        Network::new(joined(first.space, choice), asks, units)
    }

    /// What is asked of an experiment on these data.
    pub(in crate::analysis) fn asks(&self, data: Option<&Dataset>) -> Vec<Require> {
        let value = |name: &str| {
            let data = data?;
            let [height, width, channels] = data.shape;
            let number = match name {
                "classes" => data.classes,
                "input.height" => height,
                "input.width" => width,
                "input.channels" => channels,
                _ => return None,
            };
            Some(Expr::number(number as f64))
        };
        let of_data = |require: &Require| Require {
            holds: Arc::new(replaced(&require.holds, &|name, _| value(name))),
            ..require.clone()
        };
        self.asks.iter().map(of_data).collect()
    }

    /// The same without what only a target or training tells.
    pub(in crate::analysis) fn asks_of_layers(&self, data: &Dataset) -> Vec<Require> {
        let mut asks = self.asks(Some(data));
        asks.retain(|require| {
            let mut known = true;
            visit_names(&require.holds, &mut |name, _| {
                known &= metric(name).is_none_or(|m| m.known && !m.needs_target);
            });
            known
        });
        asks
    }
}

/// What a space asks for in its own names as an experiment would: `space.width`. `known` are the paths of its values.
pub(in crate::analysis) fn from_outside(require: Require, known: &Paths) -> Require {
    let holds = replaced(&require.holds, &|name, span| {
        let path = format!("{SPACE}{name}");
        known.get(&path).map(|_| Expr::Name(path, span))
    });
    Require {
        holds: Arc::new(holds),
        ..require
    }
}
