//! A network as a list of steps that operations of the tape can do.
//!
//! In: a [`Network`]. Out: a [`Plan`]: batch norm, the addition after it and the activation after that are one step where
//! nobody else reads what is between them, every step knows which parameters, statistics and scales are its own, and what several
//! layers read by the same quantizer is one view. Knows nothing of numbers.

mod check;

use std::sync::Arc;

use crate::model::formula::FormulaError;
use crate::model::{Activation, Convolution, Network, Op, PoolKind, Shape};

use super::quantize::FakeQuantizer;

/// What to do, in order.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// The steps; a step reads what earlier ones made.
    pub steps: Vec<Step>,
    /// How often each node's result is read, quantized or not.
    pub reads: Vec<usize>,
    /// Learned tensors.
    pub parameters: Vec<Declaration>,
    /// Channels of each batch norm.
    pub norms: Vec<usize>,
    /// Names of each batch norm.
    pub norm_names: Vec<String>,
    /// Names of the layers whose input is quantized, one per scale.
    pub scale_names: Vec<String>,
    /// The quantized inputs.
    pub views: Vec<View>,
    /// Shapes of all nodes.
    pub shapes: Vec<Shape>,
}

/// A learned tensor before it has values.
#[derive(Debug, Clone, PartialEq)]
pub struct Declaration {
    /// Unique in the network.
    pub name: String,
    /// Sizes of the axes; the output channel is last.
    pub axes: Vec<usize>,
    /// What it is.
    pub role: Role,
}

/// What a learned tensor is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Weights in front of a nonlinearity.
    Weight,
    /// Weights in front of the logits.
    LastWeight,
    /// Starts at 1.
    Gain,
    /// Starts at 0.
    Bias,
    /// Scales that are learned; calibration finds where they start.
    Scale,
}

/// One operation of the tape.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// The node whose result it makes.
    pub node: usize,
    /// The node that it reads first.
    pub input: usize,
    /// What it does.
    pub work: Work,
}

impl Step {
    /// The view through which it reads its input when quantizers of inputs are on.
    pub fn view(&self) -> Option<usize> {
        match &self.work {
            Work::Convolution { operands, .. }
            | Work::Linear { operands, .. }
            | Work::Quantize { operands } => operands.view,
            _ => None,
        }
    }

    /// The nodes that it reads besides: to add one, or to append their channels.
    pub fn others(&self) -> &[usize] {
        match &self.work {
            Work::Norm { add, .. } => add.as_slice(),
            Work::Add(other) => std::slice::from_ref(other),
            Work::Concat(others) => others,
            _ => &[],
        }
    }
}

/// What a step does.
#[derive(Debug, Clone, PartialEq)]
pub enum Work {
    /// A convolution without bias.
    Convolution {
        /// Its geometry.
        convolution: Convolution,
        /// Index of its weights.
        weight: usize,
        /// How its operands are represented.
        operands: Operands,
    },
    /// A matrix product with bias.
    Linear {
        /// Index of its weights.
        weight: usize,
        /// Index of its bias.
        bias: usize,
        /// How its operands are represented.
        operands: Operands,
    },
    /// Batch norm, then the addition of a node, then an activation.
    Norm {
        /// Index among the batch norms.
        norm: usize,
        /// Index of the learned scale.
        gain: usize,
        /// Index of the learned shift.
        bias: usize,
        /// A node to add.
        add: Option<usize>,
        /// What comes last.
        activation: Option<Activation>,
    },
    /// An activation alone.
    Activation(Activation),
    /// Windowed pooling.
    Pool {
        /// Which statistic.
        kind: PoolKind,
        /// Rows and columns of the window.
        kernel: (usize, usize),
        /// Distance of windows.
        stride: usize,
    },
    /// The sum with another node.
    Add(usize),
    /// The channels, and behind them those of other nodes.
    Concat(Vec<usize>),
    /// Every `stride`-th pixel, with zeros as further channels.
    PadShortcut {
        /// Distance of pixels.
        stride: usize,
    },
    /// Pixels and channels as one vector.
    Flatten,
    /// The values as a quantizer lets them through, for whoever reads them.
    Quantize {
        /// Its quantizer, as that of an input.
        operands: Operands,
    },
}

/// Quantizers of the operands of a product.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Operands {
    /// Of the weights.
    pub weights: Option<Arc<FakeQuantizer>>,
    /// Of the input, with the index of its scale.
    pub activations: Option<(Arc<FakeQuantizer>, usize)>,
    /// The parameter that holds the scales of the weights, where they are learned.
    pub weight_scale: Option<usize>,
    /// The parameter that holds the scale of the input, where it is learned.
    pub activation_scale: Option<usize>,
    /// The input as it is read, if it is quantized.
    pub view: Option<usize>,
}

/// The result of a node as a quantizer lets it through. Layers that read it by equal quantizers share it, so that it is
/// quantized once.
#[derive(Debug, Clone, PartialEq)]
pub struct View {
    /// The node.
    pub node: usize,
    /// The quantizer.
    pub quantizer: Arc<FakeQuantizer>,
    /// The indices of its readers' scales, which are one number.
    pub scales: Vec<usize>,
    /// The parameter that holds the scale, where it is learned.
    pub learned: Option<usize>,
}

/// Why a network has no plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanError {
    /// Path of the layer.
    pub layer: String,
    /// What is wrong.
    pub reason: String,
}

impl std::fmt::Display for PlanError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "`{}`: {}", self.layer, self.reason)
    }
}

impl std::error::Error for PlanError {}

impl Plan {
    /// Plans a network whose nodes are in the order of execution.
    pub fn new(network: &Network) -> Result<Plan, PlanError> {
        check::check(network)?;
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

    /// Everything that is quantized: of products with the index of their weights.
    pub fn operands_of_steps(&self) -> impl Iterator<Item = (Option<usize>, &Operands)> {
        self.steps.iter().filter_map(|step| match &step.work {
            Work::Convolution {
                weight, operands, ..
            }
            | Work::Linear {
                weight, operands, ..
            } => Some((Some(*weight), operands)),
            Work::Quantize { operands } => Some((None, operands)),
            _ => None,
        })
    }

    /// Whether any operand is quantized.
    pub fn is_quantized(&self) -> bool {
        self.operands_of_steps()
            .any(|(_, operands)| operands.weights.is_some() || operands.activations.is_some())
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
    use crate::interpreter::train::fixtures::{Builder, small, varied};

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
