//! What `bnas cost` prints: where the energy and the time of one inference go, and what the numbers rest on.
//!
//! In: a [`Candidate`] with a target. Out: text or JSON; layers in the order of execution.

use std::fmt::Write;

use serde_json::{Value as Json, json};

use super::Look;
use super::grid::Grid;
use super::json::number;
use super::quantity::{count, percent, quantity};
use crate::ir::Provenance;
use crate::model::hardware::{Charge, Cost, LayerCost, model_size, peak_memory, stored_size};
use crate::model::{Candidate, Network};

/// One network on one target, as a table.
pub fn table(
    title: &str,
    candidate: &Candidate,
    cost: &Cost,
    provenance: &[Provenance],
    look: Look,
) -> String {
    let mut out = format!("{title} on {}\n\n", cost.target);
    let header = [
        "layer",
        "runs as",
        "MACs",
        "busy",
        "bits moved",
        "energy",
        "share",
        "latency",
    ]
    .map(String::from);
    let mut grid = Grid::new(&header, &[0, 1], look);
    let share = |energy: f64| {
        if cost.energy > 0.0 {
            percent(energy / cost.energy)
        } else {
            percent(0.0)
        }
    };
    for layer in &cost.layers {
        grid.row(
            &[
                layer.layer.clone(),
                runs_as(layer),
                count(layer.macs),
                percent(layer.utilization),
                count(moved(layer)),
                quantity(layer.energy, "J"),
                share(layer.energy),
                quantity(layer.latency, "s"),
            ],
            false,
        );
    }
    for node in cost
        .elementwise
        .iter()
        .filter(|e| e.charge == Charge::Charged)
    {
        grid.row(
            &[
                node.layer.clone(),
                node.op.clone(),
                String::new(),
                String::new(),
                String::new(),
                quantity(node.energy, "J"),
                share(node.energy),
                quantity(node.latency, "s"),
            ],
            false,
        );
    }
    grid.row(
        &[
            "total".into(),
            String::new(),
            count(cost.macs),
            String::new(),
            count(cost.layers.iter().map(moved).sum()),
            quantity(cost.energy, "J"),
            String::new(),
            quantity(cost.latency, "s"),
        ],
        true,
    );
    out.push_str(&grid.finish());
    out.push_str(
        "busy: share of the vector unit's lanes that do useful work; bits moved: weights, inputs and outputs, counted and not charged\n",
    );
    let free = cost.elementwise.iter().filter(|e| e.charge == Charge::Free);
    let elements: u64 = free.map(|e| e.elements).sum();
    if elements > 0 {
        let _ = writeln!(
            out,
            "{} elementwise operations (norms, activations, pooling) are counted and free",
            count(elements)
        );
    }
    sizes(candidate, &mut out);
    sources(provenance, &mut out);
    out
}

/// The same for programs.
pub fn json(candidate: &Candidate, cost: &Cost, provenance: &[Provenance]) -> Json {
    let network = &candidate.network;
    json!({
        "target": cost.target,
        "energy": number(cost.energy),
        "latency": number(cost.latency),
        "cycles": number(cost.cycles),
        "macs": cost.macs,
        "ops": number(cost.ops),
        "model_size": model_size(network),
        "stored_size": stored(candidate),
        "peak_memory": peak_memory(network),
        "layers": cost.layers.iter().map(|l| json!({
            "layer": l.layer,
            "weights": l.weights.to_string(),
            "activations": l.activations.to_string(),
            "runs_as": l.runs_as,
            "macs": l.macs,
            "utilization": number(l.utilization),
            "weight_bits": l.weight_bits,
            "input_bits": l.input_bits,
            "output_bits": l.output_bits,
            "cycles": number(l.cycles),
            "energy": number(l.energy),
            "latency": number(l.latency),
        })).collect::<Vec<_>>(),
        "elementwise": cost.elementwise.iter().map(|e| json!({
            "layer": e.layer,
            "op": e.op,
            "elements": e.elements,
            "charged": e.charge == Charge::Charged,
            "energy": number(e.energy),
            "latency": number(e.latency),
        })).collect::<Vec<_>>(),
        "provenance": provenance.iter().map(|p| json!({
            "subject": p.subject,
            "kind": p.kind,
            "text": p.text,
        })).collect::<Vec<_>>(),
    })
}

/// `int8` where the operands are what they run as, else `binary*uint8 as int8`.
fn runs_as(layer: &LayerCost) -> String {
    let operands = if layer.weights == layer.activations {
        layer.weights.to_string()
    } else {
        format!("{}·{}", layer.weights, layer.activations)
    };
    if operands == layer.runs_as {
        operands
    } else {
        format!("{} ({operands})", layer.runs_as)
    }
}

fn moved(layer: &LayerCost) -> u64 {
    layer.weight_bits + layer.input_bits + layer.output_bits
}

fn stored(candidate: &Candidate) -> Option<u64> {
    let target = candidate.target.as_ref()?;
    stored_size(&candidate.network, target).ok()
}

fn sizes(candidate: &Candidate, out: &mut String) {
    let network: &Network = &candidate.network;
    let size = |bits: u64| quantity(bits as f64, "bit");
    let _ = write!(out, "\nmodel size {} packed", size(model_size(network)));
    if let Some(stored) = stored(candidate) {
        let _ = write!(out, ", {} as the target stores it", size(stored));
    }
    let _ = writeln!(
        out,
        "; at most {} of activations alive at once",
        size(peak_memory(network))
    );
}

/// Everything that the numbers rest on.
fn sources(provenance: &[Provenance], out: &mut String) {
    if provenance.is_empty() {
        return;
    }
    out.push_str("\nthe numbers rest on\n");
    for source in provenance {
        let _ = writeln!(
            out,
            "  {}: {} ({})",
            source.subject, source.text, source.kind
        );
    }
}
