//! What `bnas cost` prints: where the energy and the time of one inference go, and what the numbers rest on.
//!
//! In: a [`Candidate`] with a target. Out: text or JSON; layers in the order of execution.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde_json::{Value as Json, json};

use super::Look;
use super::grid::Grid;
use super::json::number;
use super::quantity::{count, percent, shown};
use crate::ir::{Experiment, Provenance};
use crate::model::hardware::{Charge, Cost, LayerCost, model_size, peak_memory, stored_size};
use crate::model::{Candidate, Network};

/// One network on one target, as a table.
pub fn table(
    title: &str,
    candidate: &Candidate,
    cost: &Cost,
    experiment: &Experiment,
    look: Look,
) -> String {
    let mut out = format!("{title} on {}\n\n", cost.target);
    let units = &experiment.units;
    let energy = |joules: f64| shown(joules, "J", units.get("energy"));
    let latency = |seconds: f64| shown(seconds, "s", units.get("latency"));
    // Where memories charge for what is moved, that part of the energy has a column.
    let is_charged = cost.layers.iter().any(|l| l.memory_energy.is_some());
    let of_memory = |joules: Option<f64>| {
        let text = joules.map_or(String::new(), energy);
        is_charged.then_some(text)
    };
    let shape = |node: usize| candidate.network.nodes[node].shape.to_string();
    let row = |cells: [String; 9], of_memory: Option<String>| {
        let mut cells = cells.to_vec();
        cells.splice(7..7, of_memory);
        cells
    };
    let header = [
        "layer",
        "output",
        "runs as",
        "MACs",
        "busy",
        "bits moved",
        "energy",
        "share",
        "latency",
    ]
    .map(String::from);
    let header = row(header, is_charged.then(|| "of it moved".into()));
    let mut grid = Grid::new(&header, &[0, 2], look);
    let share = |energy: f64| {
        if cost.energy > 0.0 {
            percent(energy / cost.energy)
        } else {
            percent(0.0)
        }
    };
    for layer in &cost.layers {
        let cells = [
            layer.layer.clone(),
            shape(layer.node),
            runs_as(layer),
            count(layer.macs),
            percent(layer.utilization),
            count(moved(layer)),
            energy(layer.energy),
            share(layer.energy),
            latency(layer.latency),
        ];
        grid.row(&row(cells, of_memory(layer.memory_energy)), false);
    }
    for node in cost
        .elementwise
        .iter()
        .filter(|e| e.charge == Charge::Charged)
    {
        let cells = [
            node.layer.clone(),
            shape(node.node),
            node.op.clone(),
            String::new(),
            String::new(),
            String::new(),
            energy(node.energy),
            share(node.energy),
            latency(node.latency),
        ];
        grid.row(&row(cells, of_memory(None)), false);
    }
    let total = [
        "total".into(),
        String::new(),
        String::new(),
        count(cost.macs),
        String::new(),
        count(cost.layers.iter().map(moved).sum()),
        energy(cost.energy),
        String::new(),
        latency(cost.latency),
    ];
    let all_moved = cost.layers.iter().filter_map(|l| l.memory_energy);
    grid.row(&row(total, of_memory(Some(all_moved.sum()))), true);
    out.push_str(&grid.finish());
    let charge = match is_charged {
        true => "charged where a memory says what a bit takes",
        false => "counted and not charged",
    };
    let _ = writeln!(
        out,
        "output: height x width x channels; busy: share of the vector unit's lanes that do useful work; bits moved: weights, inputs and outputs, {charge}"
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
    sizes(candidate, units, &mut out);
    memories(cost, &energy, look, &mut out);
    sources(&experiment.provenance, &mut out);
    out
}

/// One network on several targets: a row per layer, for each target its energy and latency.
pub fn side_by_side(title: &str, priced: &[(Experiment, Candidate, Cost)], look: Look) -> String {
    let names: Vec<&str> = priced.iter().map(|(_, _, c)| c.target.as_str()).collect();
    let mut out = format!("{title} on {}\n\n", names.join(", "));
    let Some((experiment, candidate, first)) = priced.first() else {
        return out;
    };
    let units = &experiment.units;
    let energy = |joules: f64| shown(joules, "J", units.get("energy"));
    let latency = |seconds: f64| shown(seconds, "s", units.get("latency"));
    let mut header = vec!["layer".to_string(), "MACs".to_string()];
    for name in &names {
        header.extend([format!("energy, {name}"), format!("latency, {name}")]);
    }
    let mut grid = Grid::new(&header, &[0], look);
    for (index, layer) in first.layers.iter().enumerate() {
        let mut row = vec![layer.layer.clone(), count(layer.macs)];
        for layer in priced
            .iter()
            .filter_map(|(_, _, cost)| cost.layers.get(index))
        {
            row.extend([energy(layer.energy), latency(layer.latency)]);
        }
        grid.row(&row, false);
    }
    for (index, node) in first.elementwise.iter().enumerate() {
        if node.charge != Charge::Charged {
            continue;
        }
        let mut row = vec![format!("{} {}", node.layer, node.op), String::new()];
        for node in priced
            .iter()
            .filter_map(|(_, _, cost)| cost.elementwise.get(index))
        {
            row.extend([energy(node.energy), latency(node.latency)]);
        }
        grid.row(&row, false);
    }
    let mut total = vec!["total".to_string(), count(first.macs)];
    for (_, _, cost) in priced {
        total.extend([energy(cost.energy), latency(cost.latency)]);
    }
    grid.row(&total, true);
    out.push_str(&grid.finish());
    let size = |bits: u64, metric: &str| shown(bits as f64, "bit", units.get(metric));
    let packed = size(model_size(&candidate.network), "model_size");
    let _ = write!(out, "\nmodel size {packed} packed");
    for (_, candidate, cost) in priced {
        if let Some(stored) = stored(candidate) {
            let _ = write!(
                out,
                ", {} as {} stores it",
                size(stored, "stored_size"),
                cost.target
            );
        }
    }
    out.push('\n');
    let mut provenance: Vec<Provenance> = Vec::new();
    for source in priced.iter().flat_map(|(e, _, _)| &e.provenance) {
        if !provenance.contains(source) {
            provenance.push(source.clone());
        }
    }
    sources(&provenance, &mut out);
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
            "output": candidate.network.nodes[l.node].shape.to_string(),
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
            "memory_energy": l.memory_energy.map(number),
            "latency": number(l.latency),
        })).collect::<Vec<_>>(),
        "memories": cost.memories.iter().map(|m| json!({
            "memory": m.name,
            "holds": m.holds.word(),
            "size": number(m.size),
            "held": m.held,
            "fits": m.fits(),
            "read_bits": m.read_bits,
            "written_bits": m.written_bits,
            "energy": m.energy.map(number),
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

fn sizes(candidate: &Candidate, units: &BTreeMap<String, String>, out: &mut String) {
    let network: &Network = &candidate.network;
    let size = |bits: u64, metric: &str| shown(bits as f64, "bit", units.get(metric));
    let packed = size(model_size(network), "model_size");
    let _ = write!(out, "\nmodel size {packed} packed");
    if let Some(stored) = stored(candidate) {
        let _ = write!(
            out,
            ", {} as the target stores it",
            size(stored, "stored_size")
        );
    }
    let _ = writeln!(
        out,
        "; at most {} of activations alive at once",
        size(peak_memory(network), "peak_memory")
    );
}

/// How full each memory of the target is, and what goes through it.
fn memories(cost: &Cost, energy: &dyn Fn(f64) -> String, look: Look, out: &mut String) {
    if cost.memories.is_empty() {
        return;
    }
    let header = [
        "memory",
        "holds",
        "size",
        "filled",
        "bits read",
        "bits written",
        "energy",
    ]
    .map(String::from);
    let mut grid = Grid::new(&header, &[0, 1], look);
    for memory in &cost.memories {
        grid.row(
            &[
                memory.name.clone(),
                memory.holds.word().into(),
                shown(memory.size, "bit", None),
                percent(memory.held as f64 / memory.size),
                count(memory.read_bits),
                count(memory.written_bits),
                memory.energy.map_or("–".into(), energy),
            ],
            false,
        );
    }
    out.push('\n');
    out.push_str(&grid.finish());
    for memory in cost.memories.iter().filter(|m| !m.fits()) {
        let _ = writeln!(
            out,
            "this network does not run: `{}` has {}, and {} are needed",
            memory.name,
            shown(memory.size, "bit", None),
            shown(memory.held as f64, "bit", None),
        );
    }
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
