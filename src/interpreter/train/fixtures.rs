//! What the tests of training share: the digits and small networks for them.

use crate::ir::{Dataset, Files, Quantize, Slot, Splits, Techniques};
use crate::model::{
    Activation, Candidate, Convolution, Grid, Loss, Network, Node, Op, Optimizer, Placement,
    PoolKind, Quantizer, Recipe, ScaleRule, Schedule, Shape, Stage,
};
use crate::source::Span;

/// The embedded digits, 1000/297/500.
pub fn digits() -> Dataset {
    Dataset {
        name: "digits".into(),
        files: Files::Embedded("digits".into()),
        base: String::new(),
        source: None,
        normalize: None,
        shape: [8, 8, 1],
        classes: 10,
        scale: 16.0,
        splits: Splits {
            train: 1000,
            validation: 297,
            test: 500,
        },
        augment: Slot::word("none"),
        span: Span::default(),
    }
}

/// Builds networks node by node.
pub struct Builder {
    pub nodes: Vec<Node>,
}

impl Builder {
    pub fn new(height: usize, width: usize, channels: usize) -> Builder {
        let shape = Shape {
            height,
            width,
            channels,
        };
        Builder {
            nodes: vec![Node {
                layer: "input".into(),
                op: Op::Input,
                inputs: vec![],
                shape,
                placement: None,
            }],
        }
    }

    pub fn last(&self) -> usize {
        self.nodes.len() - 1
    }

    pub fn push(&mut self, op: Op, inputs: Vec<usize>, shape: Shape) -> usize {
        self.nodes.push(Node {
            layer: format!("l{}", self.nodes.len()),
            op,
            inputs,
            shape,
            placement: None,
        });
        self.last()
    }

    fn same(&mut self, op: Op, inputs: Vec<usize>) -> usize {
        let shape = self.nodes[inputs[0]].shape;
        self.push(op, inputs, shape)
    }

    pub fn conv(
        &mut self,
        from: usize,
        channels: usize,
        kernel: usize,
        stride: usize,
        groups: usize,
    ) -> usize {
        let input = self.nodes[from].shape;
        let padding = (kernel - 1) / 2;
        let out = |n: usize| (n + 2 * padding - kernel) / stride + 1;
        let shape = Shape {
            height: out(input.height),
            width: out(input.width),
            channels,
        };
        let convolution = Convolution {
            kernel,
            stride,
            padding,
            dilation: 1,
            groups,
        };
        self.push(Op::Convolution(convolution), vec![from], shape)
    }

    pub fn norm(&mut self, from: usize) -> usize {
        self.same(Op::Norm, vec![from])
    }

    pub fn activation(&mut self, from: usize, activation: Activation) -> usize {
        self.same(Op::Activation(activation), vec![from])
    }

    pub fn add(&mut self, x: usize, y: usize) -> usize {
        self.same(Op::Add, vec![x, y])
    }

    pub fn concat(&mut self, parts: &[usize]) -> usize {
        let channels = parts.iter().map(|i| self.nodes[*i].shape.channels).sum();
        let shape = Shape {
            channels,
            ..self.nodes[parts[0]].shape
        };
        self.push(Op::Concat, parts.to_vec(), shape)
    }

    pub fn pad_shortcut(&mut self, from: usize, stride: usize, channels: usize) -> usize {
        let input = self.nodes[from].shape;
        let shape = Shape {
            height: input.height.div_ceil(stride),
            width: input.width.div_ceil(stride),
            channels,
        };
        self.push(Op::PadShortcut { stride }, vec![from], shape)
    }

    pub fn pool(
        &mut self,
        from: usize,
        kind: PoolKind,
        kernel: (usize, usize),
        stride: usize,
    ) -> usize {
        let input = self.nodes[from].shape;
        let shape = Shape {
            height: (input.height - kernel.0) / stride + 1,
            width: (input.width - kernel.1) / stride + 1,
            channels: input.channels,
        };
        self.push(
            Op::Pool {
                kind,
                kernel,
                stride,
            },
            vec![from],
            shape,
        )
    }

    pub fn global_average(&mut self, from: usize) -> usize {
        let input = self.nodes[from].shape;
        self.pool(from, PoolKind::Average, (input.height, input.width), 1)
    }

    pub fn vector(&mut self, from: usize, op: Op, channels: usize) -> usize {
        let shape = Shape {
            height: 1,
            width: 1,
            channels,
        };
        self.push(op, vec![from], shape)
    }

    pub fn conv_norm(
        &mut self,
        from: usize,
        channels: usize,
        stride: usize,
        activation: Activation,
    ) -> usize {
        let conv = self.conv(from, channels, 3, stride, 1);
        let norm = self.norm(conv);
        self.activation(norm, activation)
    }

    pub fn finish(self) -> Network {
        Network { nodes: self.nodes }
    }
}

/// Three 3x3 convolutions with 16, 32 and 64 channels, the last two with stride 2, and a linear layer: 23,962 parameters.
pub fn small(activation: Activation) -> Network {
    let mut b = Builder::new(8, 8, 1);
    let mut x = 0;
    for (channels, stride) in [(16, 1), (32, 2), (64, 2)] {
        x = b.conv_norm(x, channels, stride, activation);
    }
    let x = b.global_average(x);
    b.vector(x, Op::Linear, 10);
    b.finish()
}

/// Every kind of node, with shortcuts: an inverted residual with a depthwise convolution, a strided block with a
/// padded shortcut, both kinds of pooling, a flattened head.
pub fn varied() -> Network {
    let mut b = Builder::new(8, 8, 1);
    let stem = b.conv_norm(0, 8, 1, Activation::Relu);
    // An inverted residual: expand, filter, project, add.
    let e = b.conv(stem, 16, 1, 1, 1);
    let e = b.norm(e);
    let e = b.activation(e, Activation::Relu6);
    let f = b.conv(e, 16, 3, 1, 16);
    let f = b.norm(f);
    let f = b.activation(f, Activation::Relu6);
    let p = b.conv(f, 8, 1, 1, 1);
    let p = b.norm(p);
    let sum = b.add(p, stem);
    // A residual block with stride: convolution, norm, add a padded shortcut, activation.
    let c = b.conv(sum, 16, 3, 2, 1);
    let c = b.norm(c);
    let shortcut = b.pad_shortcut(sum, 2, 16);
    let c = b.add(c, shortcut);
    let c = b.activation(c, Activation::Relu);
    let m = b.pool(c, PoolKind::Max, (2, 2), 2);
    let flat = b.vector(m, Op::Flatten, 2 * 2 * 16);
    let hidden = b.vector(flat, Op::Linear, 24);
    let hidden = b.norm(hidden);
    let hidden = b.activation(hidden, Activation::Hardtanh);
    b.vector(hidden, Op::Linear, 10);
    b.finish()
}

/// Branches: two convolutions and what they read, put together; a sum of branches; the stem added again through a projection.
pub fn branched() -> Network {
    let mut b = Builder::new(8, 8, 1);
    let stem = b.conv_norm(0, 8, 1, Activation::Relu);
    let near = b.conv(stem, 4, 1, 1, 1);
    let near = b.norm(near);
    let near = b.activation(near, Activation::Hardtanh);
    let far = b.conv_norm(stem, 6, 1, Activation::Relu);
    // The same value twice: both parts add to its gradient.
    let all = b.concat(&[near, stem, far, stem]);
    let mixed = b.conv_norm(all, 12, 2, Activation::Relu);
    let left = b.conv(mixed, 12, 3, 1, 12);
    let left = b.norm(left);
    let sum = b.same(Op::Sum, vec![left, mixed]);
    let projected = b.conv(stem, 12, 1, 2, 1);
    let projected = b.norm(projected);
    let x = b.add(sum, projected);
    let x = b.activation(x, Activation::Relu);
    let x = b.global_average(x);
    b.vector(x, Op::Linear, 10);
    b.finish()
}

/// A quantizer without a surrogate of its own.
pub fn quantizer(grid: Grid, scale: ScaleRule) -> Quantizer {
    Quantizer {
        name: grid.to_string(),
        grid,
        per_channel: true,
        scale,
        formulas: Default::default(),
    }
}

/// Signed and unsigned integers of some bits.
pub fn int(bits: u32, signed: bool) -> Grid {
    Grid::Integer { bits, signed }
}

/// Places 8-bit quantizers on the first and last layer and the given ones on the others.
pub fn place(network: &mut Network, weights: &Quantizer, activations: &Quantizer) {
    let weighted: Vec<usize> = network.weighted().collect();
    for (i, node) in weighted.iter().enumerate() {
        let outer = i == 0 || i + 1 == weighted.len();
        network.nodes[*node].placement = Some(Placement {
            weights: Some(if outer {
                quantizer(int(8, true), ScaleRule::MaxAbs)
            } else {
                weights.clone()
            }),
            activations: Some(if outer {
                quantizer(int(8, i + 1 == weighted.len() && i > 0), ScaleRule::MaxAbs)
            } else {
                activations.clone()
            }),
        });
    }
}

/// A stage with Adam and a cosine.
pub fn recipe(epochs: usize, lr: f64) -> Recipe {
    Recipe {
        epochs,
        batch: 64,
        optimizer: Optimizer::Adam {
            lr,
            beta1: 0.9,
            beta2: 0.999,
            weight_decay: 0.0,
        },
        schedule: Schedule::Cosine,
        label_smoothing: 0.0,
        techniques: Techniques::default(),
    }
}

/// A stage without a teacher.
pub fn stage(name: &str, quantize: Quantize, recipe: Recipe) -> Stage {
    Stage {
        name: name.into(),
        quantize,
        recipe,
        teacher: None,
        loss: Loss::default(),
    }
}

/// A candidate that trains `network` for some epochs.
pub fn candidate(network: Network, epochs: usize, finetune: Option<usize>) -> Candidate {
    let float = stage("train", Quantize::None, recipe(epochs, 3e-3));
    let tuned = finetune.map(|epochs| stage("finetune", Quantize::All, recipe(epochs, 1e-3)));
    Candidate {
        network,
        stages: [float].into_iter().chain(tuned).collect(),
        target: None,
        repairs: vec![],
        init: Default::default(),
        shift: 0,
        flip: false,
        cutout: 0,
    }
}
