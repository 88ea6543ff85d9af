//! Names of what can be known or measured of a candidate, and their units.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A quantity that goals and requirements may speak of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Metric {
    /// Its name in the language.
    pub name: &'static str,
    /// Base unit as the language spells it; empty for plain numbers.
    pub unit: &'static str,
    /// Whether it is computed before training rather than measured after it.
    pub known: bool,
    /// Whether it needs a target.
    pub needs_target: bool,
    /// One sentence.
    pub docs: &'static str,
}

/// Every metric.
pub const METRICS: &[Metric] = &[
    Metric {
        name: "accuracy",
        unit: "",
        known: false,
        needs_target: false,
        docs: "share of validation samples that the quantized network classifies rightly",
    },
    Metric {
        name: "energy",
        unit: "J",
        known: true,
        needs_target: true,
        docs: "energy of one inference",
    },
    Metric {
        name: "latency",
        unit: "s",
        known: true,
        needs_target: true,
        docs: "time of one inference",
    },
    Metric {
        name: "model_size",
        unit: "bit",
        known: true,
        needs_target: false,
        docs: "packed weights, biases and scales as the spec represents them",
    },
    Metric {
        name: "stored_size",
        unit: "bit",
        known: true,
        needs_target: true,
        docs: "the same as the target stores them",
    },
    Metric {
        name: "macs",
        unit: "mac",
        known: true,
        needs_target: false,
        docs: "multiply-accumulates of one inference",
    },
    Metric {
        name: "params",
        unit: "",
        known: true,
        needs_target: false,
        docs: "weights and biases at inference, batch norm folded",
    },
    Metric {
        name: "peak_memory",
        unit: "bit",
        known: true,
        needs_target: false,
        docs: "largest sum of activations alive at once",
    },
];

/// The metric with this name.
pub fn metric(name: &str) -> Option<&'static Metric> {
    METRICS.iter().find(|m| m.name == name)
}

/// Values by name, in base units.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Metrics(pub BTreeMap<String, f64>);
