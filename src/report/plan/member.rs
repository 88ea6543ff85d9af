//! The default member beside the ends of all, and its layers.

use std::fmt::Write;

use crate::ir::Experiment;
use crate::model::metrics::metric;
use crate::model::range::End;
use crate::model::survey::Survey;
use crate::model::{Candidate, Metrics, Op, Template};
use crate::report::Look;
use crate::report::grid::Grid;
use crate::report::quantity::{count, shown};

/// What is known of the default member, in the order of the table.
const KNOWN: [&str; 7] = [
    "params",
    "macs",
    "model_size",
    "stored_size",
    "peak_memory",
    "energy",
    "latency",
];

/// The default member beside the smallest and the largest of those that meet all requirements, and what it breaks of these itself.
pub fn table(
    experiment: &Experiment,
    template: &Template,
    survey: &Survey,
    look: Look,
    out: &mut String,
) {
    let known = known(template);
    if known.0.is_empty() {
        return;
    }
    let units = &experiment.units;
    let broken = template.broken_by(&template.of_default().point);
    let default = match broken.is_empty() {
        true => "default",
        false => "default !",
    };
    let header = ["", default, "smallest", "largest"].map(String::from);
    let mut grid = Grid::new(&header, &[0], look);
    for name in KNOWN {
        let (Some(value), Some(metric)) = (known.0.get(name), metric(name)) else {
            continue;
        };
        let range = survey.ranges.get(name).copied().unwrap_or_default();
        let end = |end: Option<End>, beyond: &str| match end {
            None => "–".into(),
            Some(end) => {
                let value = shown(end.value, metric.unit, units.get(name));
                match end.is_attained {
                    true => value,
                    false => format!("{beyond} {value}"),
                }
            }
        };
        grid.row(
            &[
                name.into(),
                shown(*value, metric.unit, units.get(name)),
                end(range.low, "≥"),
                end(range.high, "≤"),
            ],
            false,
        );
    }
    out.push('\n');
    out.push_str(&grid.finish());
    for require in broken {
        let _ = writeln!(out, "! the default member does not meet `{}`", require.text);
    }
}

/// Nodes of the default member.
pub fn layers(template: &Template, look: Look, out: &mut String) {
    let Some(candidate) = default_candidate(template) else {
        return;
    };
    let network = &candidate.network;
    let header = [
        "layer",
        "operation",
        "shape",
        "weights",
        "MACs",
        "represented as",
    ];
    let mut grid = Grid::new(&header.map(String::from), &[0, 1, 2, 5], look);
    for node in &network.nodes {
        let has_weights = network.layer_kind(node).is_some();
        let number = |n: u64| if has_weights { count(n) } else { String::new() };
        let codes = node.placement.as_ref().map_or(String::new(), |p| {
            let code = |q: &Option<crate::model::Quantizer>| {
                q.as_ref().map_or("float".into(), |q| q.grid.to_string())
            };
            let (weights, activations) = (code(&p.weights), code(&p.activations));
            match has_weights {
                true => format!("{weights} weights, {activations} inputs"),
                false => activations,
            }
        });
        grid.row(
            &[
                node.layer.clone(),
                operation(&node.op),
                node.shape.to_string(),
                number(network.weights(node) as u64),
                number(network.macs(node)),
                codes,
            ],
            false,
        );
    }
    out.push_str("\nthe default member\n\n");
    out.push_str(&grid.finish());
}

fn operation(op: &Op) -> String {
    match op {
        Op::Input => "input".into(),
        Op::Convolution(c) => {
            let groups = if c.groups > 1 {
                format!(", {} groups", c.groups)
            } else {
                String::new()
            };
            let dilation = if c.dilation > 1 {
                format!(", dilation {}", c.dilation)
            } else {
                String::new()
            };
            format!(
                "conv {0}x{0}, stride {1}{dilation}{groups}",
                c.kernel, c.stride
            )
        }
        Op::Linear => "linear".into(),
        Op::Norm => "norm".into(),
        Op::Activation(a) => format!("{a:?}").to_lowercase(),
        Op::Pool {
            kind,
            kernel: (rows, columns),
            stride,
        } => format!("{kind:?} pool {rows}x{columns}, stride {stride}").to_lowercase(),
        Op::Add | Op::Sum => "add".into(),
        Op::Concat => "concat".into(),
        Op::PadShortcut { stride } => format!("padded shortcut, stride {stride}"),
        Op::Flatten => "flatten".into(),
        Op::Quantize => "quantize".into(),
    }
}

/// The candidate of all defaults; `None` without a space.
pub fn default_candidate(template: &Template) -> Option<&Candidate> {
    template.of_default().candidate.as_ref().ok()?.as_ref()
}

/// What is known of it before training.
pub fn known(template: &Template) -> Metrics {
    template.of_default().known.clone().unwrap_or_default()
}
