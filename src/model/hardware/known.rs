//! The metrics of a network that are known before training.

use super::{Target, Unpriceable, model_size, peak_memory, price, stored_size};
use crate::model::{Metrics, Network};

/// `macs`, `params`, `model_size` and `peak_memory`; with a target `energy`, `latency` and `stored_size`. In base units.
pub fn known_metrics(network: &Network, target: Option<&Target>) -> Result<Metrics, Unpriceable> {
    let mut metrics = Metrics::default();
    let mut put = |name: &str, value: f64| metrics.0.insert(name.into(), value);
    put("macs", network.total_macs() as f64);
    put("params", network.params() as f64);
    put("model_size", model_size(network) as f64);
    put("peak_memory", peak_memory(network) as f64);
    if let Some(target) = target {
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
    use crate::model::quantization::quantizer::Grid;

    #[test]
    fn every_known_metric_has_a_value() {
        let network = quantized(linear((1, 1, 64), 10), Grid::Binary);
        let metrics = known_metrics(&network, Some(&braintta())).unwrap();
        let names: Vec<_> = metrics.0.keys().map(String::as_str).collect();
        let mut known: Vec<_> = METRICS.iter().filter(|m| m.known).map(|m| m.name).collect();
        known.sort_unstable();
        assert_eq!(names, known);
        assert_eq!(metrics.0["macs"], 640.0);
        assert_eq!(metrics.0["params"], 650.0);
        assert_eq!(metrics.0["model_size"], 640.0 + 20.0 * 32.0);
        assert_eq!(metrics.0["peak_memory"], 64.0 + 320.0);
        assert_eq!(metrics.0["latency"], 2.0 / 300e6);

        let metrics = known_metrics(&network, None).unwrap();
        let names: Vec<_> = metrics.0.keys().map(String::as_str).collect();
        let without: Vec<_> = known
            .into_iter()
            .filter(|n| !["energy", "latency", "stored_size"].contains(n))
            .collect();
        assert_eq!(names, without);
    }
}
