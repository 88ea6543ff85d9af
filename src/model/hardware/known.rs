//! The metrics of a candidate that are known before training.

use super::{Unpriceable, model_size, peak_memory, price, stored_size};
use crate::model::{Candidate, Metrics};

/// `macs`, `params`, `model_size` and `peak_memory`; with a target `energy`, `latency` and `stored_size`. In base units.
pub fn known_metrics(candidate: &Candidate) -> Result<Metrics, Unpriceable> {
    let network = &candidate.network;
    let mut metrics = Metrics::default();
    let mut put = |name: &str, value: f64| metrics.0.insert(name.into(), value);
    put("macs", network.total_macs() as f64);
    put("params", network.params() as f64);
    put("model_size", model_size(network) as f64);
    put("peak_memory", peak_memory(network) as f64);
    if let Some(target) = &candidate.target {
        let cost = price(network, target)?;
        put("energy", cost.energy);
        put("latency", cost.latency);
        put("stored_size", stored_size(network, target)? as f64);
    }
    Ok(metrics)
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::{braintta, linear, quantized};
    use super::*;
    use crate::model::metrics::METRICS;
    use crate::model::quantizer::Grid;

    #[test]
    fn every_known_metric_has_a_value() {
        let mut candidate = Candidate {
            network: quantized(linear((1, 1, 64), 10), Grid::Binary),
            stages: Vec::new(),
            target: Some(braintta()),
            repairs: Vec::new(),
            init: Default::default(),
            shift: 0,
            flip: false,
            cutout: 0,
        };
        let metrics = known_metrics(&candidate).unwrap();
        let names: Vec<_> = metrics.0.keys().map(String::as_str).collect();
        let mut known: Vec<_> = METRICS.iter().filter(|m| m.known).map(|m| m.name).collect();
        known.sort_unstable();
        assert_eq!(names, known);
        assert_eq!(metrics.0["macs"], 640.0);
        assert_eq!(metrics.0["params"], 650.0);
        assert_eq!(metrics.0["model_size"], 640.0 + 20.0 * 32.0);
        assert_eq!(metrics.0["peak_memory"], 64.0 + 320.0);
        assert_eq!(metrics.0["latency"], 2.0 / 300e6);

        candidate.target = None;
        let metrics = known_metrics(&candidate).unwrap();
        let names: Vec<_> = metrics.0.keys().map(String::as_str).collect();
        let without: Vec<_> = known
            .into_iter()
            .filter(|n| !["energy", "latency", "stored_size"].contains(n))
            .collect();
        assert_eq!(names, without);
    }
}
