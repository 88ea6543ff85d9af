use dfdx::{
    optim::SgdConfig,
    shapes::HasShape,
    tensor::{AsArray, PutTape, TensorFromVec, Trace, WithEmptyTape},
    tensor_ops::Backward,
};

use super::*;
use crate::kernels::quantize::Codes;
use crate::kernels::testing::{assert_close, noise, numeric_gradient};

fn images(shape: (usize, usize, usize, usize), seed: u64) -> Tensor4 {
    let len = shape.0 * shape.1 * shape.2 * shape.3;
    Cpu::default().tensor_from_vec(noise(len, seed), shape)
}

fn vector(values: Vec<f32>) -> Tensor1 {
    let shape = (values.len(),);
    Cpu::default().tensor_from_vec(values, shape)
}

/// The gradient of `sum of y * (1, 2, 3, ...) / 10`, so that every element of `y` counts differently.
fn backward(y: Node4<Recording>) -> Gradients {
    weighted(y).backward()
}

fn weighted<T: AnyTape>(y: Node4<T>) -> Tensor0<T> {
    let len = y.values().len();
    let weights: Tensor2<T> = Cpu::default()
        .tensor_from_vec((0..len).map(weight).collect(), (len, 1))
        .put_tape(T::default());
    let sum = linear(y.reshape(&(1, len)), weights.into(), None).reshape(&());
    sum_of(sum)
}

/// What an operation made, for dfdx to go back from.
fn sum_of<T: AnyTape>(y: Node<(), T>) -> Tensor0<T> {
    let (y, place, mut tape) = y.split();
    let loss = y.device().tensor_from_vec(values(&y).to_vec(), ());
    let ghost = loss.ghost();
    tape.add_backward_op(move |gradients| {
        let d = gradients.get_or_alloc_mut(&ghost)?[0];
        place.give(gradients, vec![d])
    });
    loss.put_tape(tape)
}

fn weight(i: usize) -> f32 {
    (i + 1) as f32 / 10.0
}

fn gradient_of(gradients: &Gradients, x: &Tensor4) -> Vec<f32> {
    values(&gradients.get(x)).to_vec()
}

#[test]
fn a_tensor_added_to_itself_counts_twice() {
    let x = images((1, 2, 2, 3), 1);
    let traced = Node::from(x.clone().traced(Gradients::leaky()));
    let fork = traced.fork();
    let y = add(traced, fork);
    for (y, x) in y.values().iter().zip(values(&x)) {
        assert_eq!(*y, 2.0 * x);
    }
    let gradients = backward(y);
    for (i, g) in gradient_of(&gradients, &x).iter().enumerate() {
        assert_eq!(*g, 2.0 * weight(i));
    }
}

#[test]
fn concatenated_channels_go_back_where_they_came_from() {
    let (x, z) = (images((2, 2, 1, 3), 1), images((2, 2, 1, 2), 2));
    let traced = Node::from(x.clone().traced(Gradients::leaky()));
    let fork = traced.fork();
    let other = Node::from(z.clone().put_tape(Recording::default()));
    // The first tensor stands at both ends.
    let y = concat(vec![traced, other, fork]);
    assert_eq!(*y.shape(), (2, 2, 1, 8));
    for (pixel, row) in y.values().chunks(8).enumerate() {
        let (x, z) = (&values(&x)[pixel * 3..][..3], &values(&z)[pixel * 2..][..2]);
        assert_eq!(row, [x, z, x].concat());
    }
    let gradients = backward(y);
    for (i, g) in gradient_of(&gradients, &x).iter().enumerate() {
        let at = i / 3 * 8 + i % 3;
        assert_eq!(*g, weight(at) + weight(at + 5));
    }
    for (i, g) in gradient_of(&gradients, &z).iter().enumerate() {
        assert_eq!(*g, weight(i / 2 * 8 + 3 + i % 2));
    }
}

#[test]
fn batch_norm_takes_its_own_input_as_residual() {
    let shape = (2, 3, 2, 3);
    let x = images(shape, 1);
    let gamma = vector(vec![1.5, 0.5, 2.0]);
    let beta = vector(vec![0.1, 0.2, 0.3]);
    let run = |residual_is_x: bool| {
        let traced = Node::from(x.clone().traced(Gradients::leaky()));
        let other = images(shape, 1);
        let residual = if residual_is_x {
            traced.fork()
        } else {
            // an equal tensor of its own
            other.retaped().into()
        };
        let mut running = RunningStatistics::new(3);
        let (gamma, beta) = (gamma.retaped().into(), beta.retaped().into());
        let y = batch_norm(
            traced,
            gamma,
            beta,
            &mut running,
            Tail {
                residual: Some(residual),
                ..Tail::activation(Activation::Relu)
            },
        );
        let gradients = backward(y.plain.unwrap());
        let others = (!residual_is_x).then(|| gradient_of(&gradients, &other));
        (gradient_of(&gradients, &x), others.unwrap_or_default())
    };
    let (both, _) = run(true);
    let (from_input, from_residual) = run(false);
    for i in 0..both.len() {
        assert!((both[i] - (from_input[i] + from_residual[i])).abs() < 1e-5);
    }
}

#[test]
fn running_statistics_follow_the_batches() {
    let x: Tensor4 = Cpu::default().tensor_from_vec(vec![1.0, 2.0, 3.0, 6.0], (4, 1, 1, 1));
    let mut running = RunningStatistics::new(1);
    let (gamma, beta) = (vector(vec![1.0]), vector(vec![0.0]));
    let forward = |running: &mut RunningStatistics| {
        let (gamma, beta) = (gamma.clone().into(), beta.clone().into());
        let tail = Tail::activation(Activation::None);
        batch_norm(x.clone().into(), gamma, beta, running, tail)
    };
    forward(&mut running);
    // mean 3, unbiased variance 14 / 3
    assert!((running.mean[0] - 0.3).abs() < 1e-6);
    assert!((running.variance[0] - (0.9 + 0.1 * 14.0 / 3.0)).abs() < 1e-6);
    for _ in 0..300 {
        forward(&mut running);
    }
    let tail = Tail::activation(Activation::None);
    let y = batch_norm_inference(x.clone().into(), &gamma, &beta, &running, tail);
    let y = y.plain.unwrap();
    let expected: Vec<f64> = [1.0, 2.0, 3.0, 6.0]
        .iter()
        .map(|x| (x - 3.0) / (14.0f64 / 3.0 + 1e-5).sqrt())
        .collect();
    assert_close(y.values(), &expected, 1e-5);
}

#[test]
fn gradients_of_a_small_net_agree_with_differences() {
    // conv -> batch norm with residual -> depthwise conv -> hardtanh -> pools -> linear -> loss
    let targets = [1, 0];
    let x = images((2, 5, 4, 2), 1);
    let w1 = images((3, 3, 2, 4), 2);
    let w2 = images((3, 3, 1, 4), 3);
    let w3 = Cpu::default().tensor_from_vec(noise(4 * 3, 4), (4, 3));
    let bias = vector(vec![0.1, -0.2, 0.3]);
    let (gamma, beta) = (vector(vec![1.0, 2.0, 0.5, 1.5]), vector(noise(4, 5)));
    fn net<T: AnyTape>(
        x: Tensor4<T>,
        [w1, w2]: [&Tensor4; 2],
        w3: &Tensor2,
        [gamma, beta, bias]: [&Tensor1; 3],
        targets: &[usize],
    ) -> Tensor0<T> {
        let options = ConvOptions {
            padding: [2, 1],
            dilation: [2, 1],
            ..ConvOptions::default()
        };
        let h = conv2d(Node::from(x), w1.retaped().into(), options);
        let skip = h.fork();
        let mut running = RunningStatistics::new(4);
        let h = batch_norm(
            h,
            gamma.retaped().into(),
            beta.retaped().into(),
            &mut running,
            Tail {
                residual: Some(skip),
                ..Tail::activation(Activation::Relu)
            },
        );
        let h = h.plain.unwrap();
        let depthwise = ConvOptions {
            groups: 4,
            stride: [2, 1],
            ..options
        };
        let h = conv2d(h, w2.retaped().into(), depthwise);
        let h = activate(h, Activation::Relu6);
        let window = PoolOptions {
            kernel: [2, 2],
            stride: [1, 1],
            padding: [0, 0],
        };
        let h = add(max_pool(h.fork(), window), average_pool(h, window));
        let logits = linear(
            global_average_pool(h),
            w3.retaped().into(),
            Some(bias.retaped().into()),
        );
        softmax_cross_entropy(logits, targets, 0.1)
    }
    let vectors = [&gamma, &beta, &bias];
    let traced = x.clone().traced(Gradients::leaky());
    let loss = net(traced, [&w1, &w2], &w3, vectors, &targets);
    let recorded = loss.array();
    let gradients = loss.backward();
    let plain = net(x.clone(), [&w1, &w2], &w3, vectors, &targets);
    assert_eq!(plain.array(), recorded, "recording changes nothing");

    let check = |analytic: Vec<f32>, numeric: Vec<f64>| {
        let scale = numeric.iter().fold(0.0, |a: f64, b| a.max(b.abs()));
        assert!(scale > 1e-3, "there is a gradient");
        let agreeing = analytic
            .iter()
            .zip(&numeric)
            .filter(|(a, n)| (f64::from(**a) - *n).abs() < 0.02 * scale)
            .count();
        // kinks of the activations fall into some of the steps
        assert!(
            agreeing * 10 >= numeric.len() * 9,
            "{analytic:?} {numeric:?}"
        );
    };
    let with = |t: &Tensor4, values| -> Tensor4 { t.device().tensor_from_vec(values, *t.shape()) };
    let filters = [&w1, &w2];
    let numeric = slopes(values(&x), |moved| {
        net(with(&x, moved), filters, &w3, vectors, &targets).array()
    });
    check(gradient_of(&gradients, &x), numeric);
    for (which, filter) in filters.into_iter().enumerate() {
        let numeric = slopes(values(filter), |moved| {
            let moved = with(filter, moved);
            let mut filters = filters;
            filters[which] = &moved;
            net(x.clone(), filters, &w3, vectors, &targets).array()
        });
        check(gradient_of(&gradients, filter), numeric);
    }
    for (which, of) in vectors.into_iter().enumerate() {
        let numeric = slopes(values(of), |moved| {
            let moved = vector(moved);
            let mut vectors = vectors;
            vectors[which] = &moved;
            net(x.clone(), filters, &w3, vectors, &targets).array()
        });
        check(values(&gradients.get(of)).to_vec(), numeric);
    }
}

/// How `loss` changes with each number: differences in single precision, with a step that suits it.
fn slopes(numbers: &[f32], loss: impl Fn(Vec<f32>) -> f32) -> Vec<f64> {
    const STEP: f32 = 2e-3;
    let moved = |i: usize, by: f32| {
        let mut numbers = numbers.to_vec();
        numbers[i] += by;
        f64::from(loss(numbers))
    };
    let slope = |i| (moved(i, STEP) - moved(i, -STEP)) / f64::from(2.0 * STEP);
    (0..numbers.len()).map(slope).collect()
}

#[test]
fn surrogates_use_the_given_functions() {
    let x = images((1, 1, 2, 2), 1);
    let sign = |x: &[f32]| x.iter().map(|x| x.signum()).collect();
    let traced = Node::from(x.clone().traced(Gradients::leaky()));
    let y = surrogate(traced, sign, |x, dy| {
        x.iter().zip(dy).map(|(x, dy)| 2.0 * x * dy).collect()
    });
    assert!(y.values().iter().all(|y| y.abs() == 1.0));
    let gradient = gradient_of(&backward(y), &x);
    for (i, x) in values(&x).iter().enumerate() {
        assert_eq!(gradient[i], 2.0 * x * weight(i));
    }
}

#[test]
fn a_learned_step_size_gets_its_gradient() {
    let x = images((1, 1, 3, 2), 1);
    let scale = vector(vec![0.7]);
    let y = surrogate_with_parameter(
        x.clone().traced(Gradients::leaky()).into(),
        scale.retaped().into(),
        |x, s| x.iter().map(|x| x * s[0]).collect(),
        |x, s, dy| {
            let ds = x.iter().zip(&dy).map(|(x, dy)| x * dy).sum();
            (dy.iter().map(|dy| s[0] * dy).collect(), vec![ds])
        },
    );
    let gradients = backward(y);
    let expected = numeric_gradient(&[0.7], |s| {
        let terms = values(&x).iter().enumerate();
        terms
            .map(|(i, x)| f64::from(*x) * s[0] * f64::from(weight(i)))
            .sum()
    });
    assert_close(values(&gradients.get(&scale)), &expected, 1e-6);
}

#[test]
fn a_quantized_weight_passes_its_gradient_to_the_parameter() {
    let (x, w) = (images((1, 4, 4, 2), 1), images((3, 3, 2, 3), 2));
    let quarters = |w: &[f32]| w.iter().map(|w| (4.0 * w).round() / 4.0).collect();
    let quantized = surrogate(w.retaped::<Recording>().into(), quarters, |_, dy| dy);
    let rounded = quantized.values().to_vec();
    let plain: Tensor4 = Cpu::default().tensor_from_vec(rounded, *w.shape());
    let x = x.traced(Gradients::leaky());
    let fork = Node::from(x.with_empty_tape());
    let through = backward(conv2d(fork, quantized, ConvOptions::default()));
    let weight = plain.retaped().into();
    let direct = backward(conv2d(Node::from(x), weight, ConvOptions::default()));
    assert_eq!(gradient_of(&through, &w), gradient_of(&direct, &plain));
}

#[test]
fn a_norm_that_a_convolution_computes_on_the_way_is_the_stored_one() {
    // 280 rows: a whole block of sums, and a part of one
    let (x, w) = (images((14, 5, 4, 6), 1), images((3, 3, 6, 4), 2));
    let (w0, gamma, beta) = (images((1, 1, 6, 6), 3), noise(6, 4), noise(6, 5));
    let (gamma, beta) = (vector(gamma), vector(beta));
    let quantizer = Quantizer {
        codes: Codes::Uniform {
            low: 0.0,
            high: 7.0,
        },
        scale: 0.2,
    };
    for quantizer in [None, Some(quantizer)] {
        let run = |deferred: bool| {
            let traced = Node::from(x.clone().traced(Gradients::leaky()));
            let measured = ConvOptions {
                statistics: deferred,
                ..ConvOptions::default()
            };
            let h = conv2d(traced, w0.retaped().into(), measured);
            let (gain, shift) = (gamma.retaped().into(), beta.retaped().into());
            let mut running = RunningStatistics::new(6);
            let source = if deferred {
                let relu = Activation::Relu;
                let found = defer_batch_norm(h, gain, shift, &mut running, relu, quantizer);
                Source::Deferred(found)
            } else {
                let tail = Tail {
                    quantizer,
                    plain: quantizer.is_none(),
                    ..Tail::activation(Activation::Relu)
                };
                let found = batch_norm(h, gain, shift, &mut running, tail);
                Source::Stored(found.quantized.or(found.plain).unwrap())
            };
            let y = conv2d(source, w.retaped().into(), ConvOptions::default());
            let found = y.values().to_vec();
            let gradients = backward(y);
            let vectors = [&gamma, &beta].map(|v| values(&gradients.get(v)).to_vec());
            let tensors = [&x, &w0, &w].map(|t| gradient_of(&gradients, t));
            (running, found, vectors, tensors)
        };
        assert_eq!(run(true), run(false));
    }
}

#[test]
fn optimizers_of_dfdx_move_parameters_in_place() {
    let mut w = images((1, 1, 2, 2), 1);
    let before = values(&w).to_vec();
    let x = images((1, 2, 2, 2), 2).traced(Gradients::leaky());
    let weight = w.retaped().into();
    let mut gradients = backward(conv2d(Node::from(x), weight, ConvOptions::default()));
    let gradient = gradient_of(&gradients, &w);
    let sgd = SgdConfig {
        lr: 0.1,
        momentum: None,
        weight_decay: None,
    };
    let mut velocities = Gradients::leaky();
    let velocity = velocities.get_or_alloc_mut(&w).unwrap();
    let step = gradients.get_or_alloc_mut(&w).unwrap();
    sgd.try_update(&mut w, velocity, step).unwrap();
    for i in 0..before.len() {
        assert!((values(&w)[i] - (before[i] - 0.1 * gradient[i])).abs() < 1e-6);
    }
}

#[test]
#[should_panic(expected = "contiguous")]
fn permuted_views_are_refused() {
    use dfdx::{shapes::Axes4, tensor_ops::PermuteTo};
    let x = images((2, 3, 4, 5), 1);
    let view: Tensor4 = x.permute::<_, Axes4<0, 3, 1, 2>>();
    values(&view);
}
