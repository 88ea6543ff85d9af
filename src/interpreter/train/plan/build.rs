//! From a network to its plan: which nodes are one step, and which numbers are whose.

use std::sync::Arc;

use super::check::check;
use super::{Declaration, Operands, Plan, PlanError, Role, Step, View, Work};
use crate::interpreter::train::quantize::FakeQuantizer;
use crate::model::formula::FormulaError;
use crate::model::{Network, Op};

impl Plan {
    /// Plans a network whose nodes are in the order of execution.
    pub fn new(network: &Network) -> Result<Plan, PlanError> {
        check(network)?;
        let mut plan = Plan {
            steps: Vec::new(),
            reads: vec![0; network.nodes.len()],
            parameters: Vec::new(),
            norms: Vec::new(),
            norm_names: Vec::new(),
            scale_names: Vec::new(),
            views: Vec::new(),
            shapes: network.nodes.iter().map(|n| n.shape).collect(),
        };
        let last = network.nodes.len() - 1;
        let logits = network.nodes.iter().rposition(|n| n.op != Op::Quantize);
        let logits = logits.unwrap_or(last);
        let mut fused = vec![false; network.nodes.len()];
        for index in 1..=last {
            if fused[index] {
                continue;
            }
            let node = &network.nodes[index];
            if node.op == Op::Norm {
                for member in chain(network, index) {
                    fused[member] = true;
                }
            }
            let step = plan.step(network, index, index == logits)?;
            plan.steps.push(step);
        }
        // A fused step stands where its last node was, so that what it adds has been made.
        plan.steps.sort_by_key(|s| s.node);
        for step in &plan.steps {
            plan.reads[step.input] += 1;
            for other in step.others() {
                plan.reads[*other] += 1;
            }
        }
        plan.reads[last] += 1;
        Ok(plan)
    }

    /// The step of a node, with everything that is fused into it.
    fn step(&mut self, network: &Network, index: usize, last: bool) -> Result<Step, PlanError> {
        let node = &network.nodes[index];
        let name = format!("{index:03}.{}", node.layer);
        let channels = node.shape.channels;
        let mut end = index;
        let work = match &node.op {
            Op::Input => unreachable!("only node 0 is the input"),
            Op::Convolution(c) => {
                let inputs = network.input_shape(node).channels / c.groups;
                Work::Convolution {
                    convolution: *c,
                    weight: self.declare(
                        format!("{name}.weight"),
                        vec![c.kernel, c.kernel, inputs, channels],
                        Role::Weight,
                    ),
                    operands: self.operands(network, index, &name)?,
                }
            }
            Op::Linear => Work::Linear {
                weight: self.declare(
                    format!("{name}.weight"),
                    vec![network.input_shape(node).len(), channels],
                    if last { Role::LastWeight } else { Role::Weight },
                ),
                bias: self.declare(format!("{name}.bias"), vec![channels], Role::Bias),
                operands: self.operands(network, index, &name)?,
            },
            Op::Norm => {
                let (mut add, mut activation) = (None, None);
                let mut before = index;
                for member in chain(network, index).skip(1) {
                    let node = &network.nodes[member];
                    match node.op {
                        Op::Activation(a) => activation = Some(a),
                        _ => add = node.inputs.iter().copied().find(|i| *i != before),
                    }
                    before = member;
                }
                end = before;
                self.norms.push(channels);
                self.norm_names.push(name.clone());
                Work::Norm {
                    norm: self.norms.len() - 1,
                    gain: self.declare(format!("{name}.weight"), vec![channels], Role::Gain),
                    bias: self.declare(format!("{name}.bias"), vec![channels], Role::Bias),
                    add,
                    activation,
                }
            }
            Op::Activation(a) => Work::Activation(*a),
            Op::Pool {
                kind,
                kernel,
                stride,
            } => Work::Pool {
                kind: *kind,
                kernel: *kernel,
                stride: *stride,
            },
            Op::Add | Op::Sum => Work::Add(node.inputs[1]),
            Op::Concat => Work::Concat(node.inputs[1..].to_vec()),
            Op::PadShortcut { stride } => Work::PadShortcut { stride: *stride },
            Op::Flatten => Work::Flatten,
            Op::Quantize => Work::Quantize {
                operands: self.operands(network, index, &name)?,
            },
        };
        Ok(Step {
            node: end,
            input: node.inputs[0],
            work,
        })
    }

    fn declare(&mut self, name: String, axes: Vec<usize>, role: Role) -> usize {
        self.parameters.push(Declaration { name, axes, role });
        self.parameters.len() - 1
    }

    fn operands(
        &mut self,
        network: &Network,
        index: usize,
        name: &str,
    ) -> Result<Operands, PlanError> {
        let node = &network.nodes[index];
        let Some(placement) = &node.placement else {
            return Ok(Operands::default());
        };
        let explain = |e: FormulaError| PlanError {
            layer: node.layer.clone(),
            reason: format!("a formula of its quantizer cannot be run: {e}"),
        };
        let mut operands = Operands::default();
        if let Some(quantizer) = &placement.weights {
            let quantizer = FakeQuantizer::of_weights(quantizer).map_err(explain)?;
            if quantizer.is_learned() {
                let scales = if quantizer.per_channel {
                    node.shape.channels
                } else {
                    1
                };
                let name = format!("{name}.weight_step");
                operands.weight_scale = Some(self.declare(name, vec![scales], Role::Scale));
            }
            operands.weights = Some(Arc::new(quantizer));
        }
        if let Some(quantizer) = &placement.activations {
            let quantizer = FakeQuantizer::of_activations(quantizer).map_err(explain)?;
            if quantizer.is_learned() {
                let name = format!("{name}.activation_step");
                operands.activation_scale = Some(self.declare(name, vec![1], Role::Scale));
            }
            self.scale_names.push(name.to_owned());
            let index = self.scale_names.len() - 1;
            let quantizer = Arc::new(quantizer);
            let learned = operands.activation_scale;
            operands.view = Some(self.view(node.inputs[0], &quantizer, index, learned));
            operands.activations = Some((quantizer, index));
        }
        Ok(operands)
    }

    /// The index of the view of a node by a quantizer; a learned scale is shared with nobody.
    fn view(
        &mut self,
        node: usize,
        quantizer: &Arc<FakeQuantizer>,
        scale: usize,
        learned: Option<usize>,
    ) -> usize {
        let same = |view: &View| {
            view.node == node && view.quantizer == *quantizer && view.learned.or(learned).is_none()
        };
        if let Some(index) = self.views.iter().position(same) {
            self.views[index].scales.push(scale);
            return index;
        }
        self.views.push(View {
            node,
            quantizer: quantizer.clone(),
            scales: vec![scale],
            learned,
        });
        self.views.len() - 1
    }
}

/// A norm and the nodes that fuse with it: an addition, then an activation, each the only reader of what is before it.
fn chain(network: &Network, norm: usize) -> impl Iterator<Item = usize> {
    let only_reader = |index: usize| {
        let mut readers = network.readers(index);
        readers.next().filter(|_| readers.next().is_none())
    };
    let mut members = vec![norm];
    let mut next = only_reader(norm);
    if let Some(add) = next
        && matches!(network.nodes[add].op, Op::Add | Op::Sum)
        && network.nodes[add].inputs[0] != network.nodes[add].inputs[1]
        // Where two norms are added, the later one takes the other's result.
        && network.nodes[add].inputs.iter().all(|i| *i <= norm || network.nodes[*i].op != Op::Norm)
    {
        members.push(add);
        next = only_reader(add);
    }
    if let Some(activation) = next
        && matches!(network.nodes[activation].op, Op::Activation(_))
    {
        members.push(activation);
    }
    members.into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::interpreter::train::fixtures::{
        Builder, branched, int, place, quantizer, small, varied,
    };
    use crate::model::{Activation, ScaleRule};

    #[test]
    fn norm_addition_and_activation_fuse() {
        let plan = Plan::new(&small(Activation::Relu)).unwrap();
        // Three times convolution and norm with activation, then pooling and a linear layer.
        assert_eq!(plan.steps.len(), 8);
        assert_eq!(plan.norms, [16, 32, 64]);
        let plan = Plan::new(&varied()).unwrap();
        let fused: Vec<(bool, Option<Activation>)> = plan
            .steps
            .iter()
            .filter_map(|s| match s.work {
                Work::Norm {
                    add, activation, ..
                } => Some((add.is_some(), activation)),
                _ => None,
            })
            .collect();
        assert_eq!(
            fused,
            [
                (false, Some(Activation::Relu)),
                (false, Some(Activation::Relu6)),
                (false, Some(Activation::Relu6)),
                (true, None),
                (true, Some(Activation::Relu)),
                (false, Some(Activation::Hardtanh)),
            ]
        );
    }

    #[test]
    fn what_others_read_is_not_fused() {
        let mut b = Builder::new(4, 4, 2);
        let conv = b.conv(0, 2, 3, 1, 1);
        let norm = b.norm(conv);
        let act = b.activation(norm, Activation::Relu);
        let sum = b.add(norm, act);
        let twice = b.add(sum, sum);
        b.vector(twice, Op::Linear, 3);
        let plan = Plan::new(&b.finish()).unwrap();
        assert_eq!(plan.steps.len(), 6);
        assert_eq!(plan.reads, [1, 1, 2, 1, 2, 1, 1]);
    }

    #[test]
    fn two_norms_of_one_sum_keep_their_order() {
        let mut b = Builder::new(4, 4, 2);
        let x = b.conv(0, 2, 3, 1, 1);
        let x = b.norm(x);
        let y = b.conv(0, 2, 1, 1, 1);
        let y = b.norm(y);
        let sum = b.add(x, y);
        b.vector(sum, Op::Linear, 3);
        let plan = Plan::new(&b.finish()).unwrap();
        let nodes: Vec<usize> = plan.steps.iter().map(|s| s.node).collect();
        assert_eq!(nodes, [1, 2, 3, 5, 6]);
        assert!(matches!(
            plan.steps[3].work,
            Work::Norm { add: Some(2), .. }
        ));
    }

    #[test]
    fn what_several_layers_read_alike_is_quantized_once() {
        let mut network = branched();
        let eight = quantizer(int(8, false), ScaleRule::MaxAbs);
        place(&mut network, &eight, &eight);
        let plan = Plan::new(&network).unwrap();
        // Three convolutions read the stem.
        assert_eq!(plan.scale_names.len(), plan.views.len() + 2);
        let shared = plan.views.iter().find(|view| view.scales.len() == 3);
        assert_eq!(shared.unwrap().node, 3);
        // A scale that is learned is a parameter of one layer.
        let learned = quantizer(int(8, false), ScaleRule::Learned);
        place(&mut network, &eight, &learned);
        let plan = Plan::new(&network).unwrap();
        assert_eq!(plan.scale_names.len(), plan.views.len());
    }

    #[test]
    fn a_malformed_network_is_an_error() {
        let mut network = small(Activation::Relu);
        network.nodes[1].shape.height = 9;
        assert!(Plan::new(&network).unwrap_err().reason.contains("9x8x16"));
        let mut network = small(Activation::Relu);
        network.nodes[1].inputs[0] = 3;
        assert!(Plan::new(&network).unwrap_err().reason.contains("later"));
        assert!(Plan::new(&Network { nodes: vec![] }).is_err());
    }
}
