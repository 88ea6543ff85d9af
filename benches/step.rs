//! Times a training step: forward, backward and SGD with momentum on a batch of 64, one thread.
//!
//! `cargo bench --bench step [-- NET...] [--steps N]` prints one JSON object a net: its name, milliseconds of
//! each step after the warm-up, and the first and last loss. `step_vs_pytorch.py` compares with PyTorch.

use std::time::Instant;

use bnas::interpreter::train::ops::{
    Activation, ConvOptions, Gradients, Recording, RunningStatistics, Tensor1, Tensor2, Tensor4,
    batch_norm, conv2d, global_average_pool, linear, softmax_cross_entropy,
};
use dfdx::{
    optim::{Momentum, SgdConfig, WeightDecay},
    tensor::{AsArray, Cpu, TensorFromVec, Trace, WithEmptyTape},
    tensor_ops::Backward,
};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const BATCH: usize = 64;
const CLASSES: usize = 10;
const NETS: [&str; 4] = ["resnet20", "mbv2", "small28", "small8"];

/// Steps that are run and not reported.
const WARM_UP: usize = 3;

fn main() {
    bnas::kernels::memory::keep_freed_pages();
    let mut nets = Vec::new();
    let mut steps = None;
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--steps" => steps = arguments.next().and_then(|n| n.parse().ok()),
            name if NETS.contains(&name) => nets.push(name.to_owned()),
            "--bench" => {} // cargo passes it
            other => {
                eprintln!("unknown argument `{other}`, expected --steps N or nets of {NETS:?}");
                std::process::exit(2);
            }
        }
    }
    if nets.is_empty() {
        nets = NETS.map(String::from).to_vec();
    }
    for net in nets {
        let default = match net.as_str() {
            "small28" => 60,
            "small8" => 300,
            _ => 12,
        };
        let run = train(&net, WARM_UP + steps.unwrap_or(default));
        let times: Vec<String> = run.times_ms[WARM_UP..]
            .iter()
            .map(|ms| format!("{ms:.4}"))
            .collect();
        println!(
            r#"{{"net": "{net}", "ms": [{}], "first_loss": {}, "last_loss": {}}}"#,
            times.join(", "),
            run.losses[0],
            run.losses[run.losses.len() - 1]
        );
    }
}

struct Run {
    times_ms: Vec<f64>,
    losses: Vec<f32>,
}

/// Trains on one fixed batch of noise.
fn train(name: &str, steps: usize) -> Run {
    let (channels, side) = match name {
        "small28" => (1, 28),
        "small8" => (1, 8),
        _ => (3, 32),
    };
    let mut net = Net::new();
    let mut noise = Noise(7);
    let pixels = (0..BATCH * side * side * channels).map(|_| noise.next());
    let images: Tensor4 = net
        .device
        .tensor_from_vec(pixels.collect(), (BATCH, side, side, channels));
    let targets: Vec<usize> = (0..BATCH).map(|i| (i * 7 + i / 3) % CLASSES).collect();
    let sgd = SgdConfig {
        lr: 0.05,
        momentum: Some(Momentum::Classic(0.9)),
        weight_decay: Some(WeightDecay::L2(1e-4)),
    };
    let mut velocities = Gradients::leaky();
    let mut run = Run {
        times_ms: Vec::new(),
        losses: Vec::new(),
    };
    for _ in 0..steps {
        let start = Instant::now();
        net.rewind();
        let x = images.clone().traced(Gradients::leaky());
        let logits = match name {
            "resnet20" => net.resnet20(x),
            "mbv2" => net.mobilenet(x),
            _ => net.small(x),
        };
        let loss = softmax_cross_entropy(logits, &targets, 0.0);
        run.losses.push(loss.array());
        let mut gradients = loss.backward();
        net.update(&sgd, &mut velocities, &mut gradients);
        drop(gradients);
        run.times_ms.push(start.elapsed().as_secs_f64() * 1e3);
    }
    run
}

type Images = Tensor4<Recording>;
type Logits = Tensor2<Recording>;

enum Parameter {
    Kernel(Tensor4),
    Matrix(Tensor2),
    Vector(Tensor1),
}

/// Parameters in the order of their use; the first pass creates them.
struct Net {
    device: Cpu,
    parameters: Vec<Parameter>,
    running: Vec<RunningStatistics>,
    next_parameter: usize,
    next_norm: usize,
    noise: Noise,
}

impl Net {
    fn new() -> Self {
        Net {
            device: Cpu::default(),
            parameters: Vec::new(),
            running: Vec::new(),
            next_parameter: 0,
            next_norm: 0,
            noise: Noise(1),
        }
    }

    fn rewind(&mut self) {
        self.next_parameter = 0;
        self.next_norm = 0;
    }

    fn update(&mut self, sgd: &SgdConfig, velocities: &mut Gradients, gradients: &mut Gradients) {
        macro_rules! step {
            ($tensor:expr) => {{
                let velocity = velocities.get_or_alloc_mut($tensor).expect("memory");
                let gradient = gradients.get_or_alloc_mut($tensor).expect("memory");
                sgd.try_update($tensor, velocity, gradient).expect("memory")
            }};
        }
        for parameter in &mut self.parameters {
            match parameter {
                Parameter::Kernel(tensor) => step!(tensor),
                Parameter::Matrix(tensor) => step!(tensor),
                Parameter::Vector(tensor) => step!(tensor),
            }
        }
    }

    fn draw(&mut self, len: usize, deviation: f32) -> Vec<f32> {
        (0..len).map(|_| self.noise.next() * deviation).collect()
    }

    fn parameter(&mut self, create: impl FnOnce(&mut Self) -> Parameter) -> &Parameter {
        if self.next_parameter == self.parameters.len() {
            let parameter = create(self);
            self.parameters.push(parameter);
        }
        self.next_parameter += 1;
        &self.parameters[self.next_parameter - 1]
    }

    fn vector(&mut self, len: usize, value: f32) -> Tensor1<Recording> {
        let create = |net: &mut Self| {
            Parameter::Vector(net.device.tensor_from_vec(vec![value; len], (len,)))
        };
        match self.parameter(create) {
            Parameter::Vector(tensor) => tensor.retaped(),
            _ => unreachable!("parameters come in the order of the first pass"),
        }
    }

    fn conv(
        &mut self,
        x: Images,
        outputs: usize,
        k: usize,
        stride: usize,
        groups: usize,
    ) -> Images {
        use dfdx::shapes::HasShape;
        let inputs = x.shape().3 / groups;
        let input_gradient = self.next_parameter > 0;
        let create = |net: &mut Self| {
            let deviation = (2.0 / (inputs * k * k) as f32).sqrt();
            let values = net.draw(k * k * inputs * outputs, deviation);
            Parameter::Kernel(net.device.tensor_from_vec(values, (k, k, inputs, outputs)))
        };
        let weight = match self.parameter(create) {
            Parameter::Kernel(tensor) => tensor.retaped(),
            _ => unreachable!("parameters come in the order of the first pass"),
        };
        let options = ConvOptions {
            stride: [stride; 2],
            padding: [(k - 1) / 2; 2],
            groups,
            input_gradient,
        };
        conv2d(x, weight, options)
    }

    fn norm(&mut self, x: Images, residual: Option<Images>, activation: Activation) -> Images {
        use dfdx::shapes::HasShape;
        let channels = x.shape().3;
        let (gamma, beta) = (self.vector(channels, 1.0), self.vector(channels, 0.0));
        if self.next_norm == self.running.len() {
            self.running.push(RunningStatistics::new(channels));
        }
        self.next_norm += 1;
        let running = &mut self.running[self.next_norm - 1];
        batch_norm(x, gamma, beta, running, residual, activation)
    }

    fn classify(&mut self, x: Images) -> Logits {
        use dfdx::shapes::HasShape;
        let x = global_average_pool(x);
        let inputs = x.shape().1;
        let create = |net: &mut Self| {
            let values = net.draw(inputs * CLASSES, (1.0 / inputs as f32).sqrt());
            Parameter::Matrix(net.device.tensor_from_vec(values, (inputs, CLASSES)))
        };
        let weight = match self.parameter(create) {
            Parameter::Matrix(tensor) => tensor.retaped(),
            _ => unreachable!("parameters come in the order of the first pass"),
        };
        let bias = self.vector(CLASSES, 0.0);
        linear(x, weight, Some(bias))
    }

    /// ResNet-20 for CIFAR (He et al., 2016), with projections where the shape changes.
    fn resnet20(&mut self, x: Images) -> Logits {
        let mut x = self.conv(x, 16, 3, 1, 1);
        x = self.norm(x, None, Activation::Relu);
        for (stage, channels) in [16, 32, 64].into_iter().enumerate() {
            for block in 0..3 {
                let first = stage > 0 && block == 0;
                let stride = if first { 2 } else { 1 };
                let mut skip = x.with_empty_tape();
                let y = self.conv(x, channels, 3, stride, 1);
                let y = self.norm(y, None, Activation::Relu);
                let y = self.conv(y, channels, 3, 1, 1);
                if first {
                    skip = self.conv(skip, channels, 1, stride, 1);
                    skip = self.norm(skip, None, Activation::None);
                }
                x = self.norm(y, Some(skip), Activation::Relu);
            }
        }
        self.classify(x)
    }

    /// A small MobileNetV2 (Sandler et al., 2018) for 32 x 32 images.
    fn mobilenet(&mut self, x: Images) -> Logits {
        use dfdx::shapes::HasShape;
        let mut x = self.conv(x, 16, 3, 1, 1);
        x = self.norm(x, None, Activation::Relu);
        let stages = [
            (1, 16, 1, 1),
            (6, 24, 2, 2),
            (6, 32, 2, 2),
            (6, 64, 2, 2),
            (6, 96, 1, 1),
        ];
        for (expansion, channels, blocks, first_stride) in stages {
            for block in 0..blocks {
                let stride = if block == 0 { first_stride } else { 1 };
                let inputs = x.shape().3;
                let hidden = inputs * expansion;
                let skip = (stride == 1 && inputs == channels).then(|| x.with_empty_tape());
                let mut y = x;
                if expansion != 1 {
                    y = self.conv(y, hidden, 1, 1, 1);
                    y = self.norm(y, None, Activation::Relu);
                }
                y = self.conv(y, hidden, 3, stride, hidden);
                y = self.norm(y, None, Activation::Relu);
                y = self.conv(y, channels, 1, 1, 1);
                x = self.norm(y, skip, Activation::None);
            }
        }
        let x = self.conv(x, 256, 1, 1, 1);
        let x = self.norm(x, None, Activation::Relu);
        self.classify(x)
    }

    /// Three convolutions.
    fn small(&mut self, mut x: Images) -> Logits {
        for (channels, stride) in [(16, 1), (32, 2), (64, 2)] {
            x = self.conv(x, channels, 3, stride, 1);
            x = self.norm(x, None, Activation::Relu);
        }
        self.classify(x)
    }
}

/// Roughly normal numbers from a linear congruential generator.
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> f32 {
        let mut uniform = || {
            self.0 = self
                .0
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (self.0 >> 40) as f32 / (1u64 << 24) as f32 - 0.5
        };
        (uniform() + uniform() + uniform() + uniform()) * 1.732_050_8
    }
}
