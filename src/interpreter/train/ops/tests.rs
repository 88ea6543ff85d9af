use dfdx::{
    optim::SgdConfig,
    shapes::HasShape,
    tensor::{AsArray, NoneTape, PutTape, TensorFromVec, Trace, WithEmptyTape},
    tensor_ops::Backward,
};

use super::*;
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
fn backward(y: Tensor4<Recording>) -> Gradients {
    weighted(y).backward()
}

fn weighted<T: AnyTape>(y: Tensor4<T>) -> Tensor0<T> {
    let len = values(&y).len();
    let weights: Tensor2<T> = y
        .device()
        .tensor_from_vec((0..len).map(weight).collect(), (len, 1))
        .put_tape(T::default());
    use dfdx::tensor_ops::ReshapeTo;
    let row: Tensor2<T> = y.try_reshape_like(&(1, len)).unwrap();
    linear(row, weights, None).try_reshape_like(&()).unwrap()
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
    let traced = x.clone().traced(Gradients::leaky());
    let fork = traced.with_empty_tape();
    let y = add(traced, fork);
    for (y, x) in values(&y).iter().zip(values(&x)) {
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
    let traced = x.clone().traced(Gradients::leaky());
    let fork = traced.with_empty_tape();
    let other = z.clone().put_tape(Recording::default());
    // The first tensor stands at both ends.
    let y = concat(vec![traced, other, fork]);
    assert_eq!(*y.shape(), (2, 2, 1, 8));
    for (pixel, row) in values(&y).chunks(8).enumerate() {
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
        let traced = x.clone().traced(Gradients::leaky());
        let residual = if residual_is_x {
            traced.with_empty_tape()
        } else {
            // an equal tensor of its own
            images(shape, 1).put_tape(Recording::default())
        };
        let other = residual.retaped::<NoneTape>();
        let mut running = RunningStatistics::new(3);
        let (gamma, beta) = (gamma.retaped(), beta.retaped());
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
        (gradient_of(&gradients, &x), gradient_of(&gradients, &other))
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
        let (gamma, beta) = (gamma.clone(), beta.clone());
        let tail = Tail::activation(Activation::None);
        batch_norm(x.clone(), gamma, beta, running, tail)
    };
    forward(&mut running);
    // mean 3, unbiased variance 14 / 3
    assert!((running.mean[0] - 0.3).abs() < 1e-6);
    assert!((running.variance[0] - (0.9 + 0.1 * 14.0 / 3.0)).abs() < 1e-6);
    for _ in 0..300 {
        forward(&mut running);
    }
    let tail = Tail::activation(Activation::None);
    let y = batch_norm_inference(x.clone(), &gamma, &beta, &running, tail);
    let y = y.plain.unwrap();
    let expected: Vec<f64> = [1.0, 2.0, 3.0, 6.0]
        .iter()
        .map(|x| (x - 3.0) / (14.0f64 / 3.0 + 1e-5).sqrt())
        .collect();
    assert_close(values(&y), &expected, 1e-5);
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
        let h = conv2d(x, w1.retaped(), options);
        let skip = h.with_empty_tape();
        let mut running = RunningStatistics::new(4);
        let h = batch_norm(
            h,
            gamma.retaped(),
            beta.retaped(),
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
        let h = conv2d(h, w2.retaped(), depthwise);
        let h = activate(h, Activation::Relu6);
        let window = PoolOptions {
            kernel: [2, 2],
            stride: [1, 1],
            padding: [0, 0],
        };
        let h = add(
            max_pool(h.with_empty_tape(), window),
            average_pool(h, window),
        );
        let logits = linear(global_average_pool(h), w3.retaped(), Some(bias.retaped()));
        softmax_cross_entropy(logits, targets, 0.1)
    }
    let vectors = [&gamma, &beta, &bias];
    let traced = x.clone().traced(Gradients::leaky());
    let loss = net(traced, [&w1, &w2], &w3, vectors, &targets);
    let recorded = loss.array();
    let gradients = loss.backward();
    let plain = net(x.clone(), [&w1, &w2], &w3, vectors, &targets);
    assert_eq!(plain.array(), recorded, "recording changes nothing");

    // differences in single precision, with a step that suits it
    let difference = |plus: Tensor0, minus: Tensor0, step: f32| {
        (f64::from(plus.array()) - f64::from(minus.array())) / f64::from(2.0 * step)
    };
    const STEP: f32 = 2e-3;
    let shifted = |t: &Tensor4, i: usize, by: f32| -> Tensor4 {
        let mut v = values(t).to_vec();
        v[i] += by;
        t.device().tensor_from_vec(v, *t.shape())
    };
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
    let numeric = (0..values(&x).len()).map(|i| {
        let at = |by| net(shifted(&x, i, by), [&w1, &w2], &w3, vectors, &targets);
        difference(at(STEP), at(-STEP), STEP)
    });
    check(gradient_of(&gradients, &x), numeric.collect());
    let numeric = (0..values(&w1).len()).map(|i| {
        let at = |by| {
            net(
                x.clone(),
                [&shifted(&w1, i, by), &w2],
                &w3,
                vectors,
                &targets,
            )
        };
        difference(at(STEP), at(-STEP), STEP)
    });
    check(gradient_of(&gradients, &w1), numeric.collect());
    let numeric = (0..values(&w2).len()).map(|i| {
        let at = |by| {
            net(
                x.clone(),
                [&w1, &shifted(&w2, i, by)],
                &w3,
                vectors,
                &targets,
            )
        };
        difference(at(STEP), at(-STEP), STEP)
    });
    check(gradient_of(&gradients, &w2), numeric.collect());
    let shifted = |t: &Tensor1, i: usize, by: f32| -> Tensor1 {
        let mut v = values(t).to_vec();
        v[i] += by;
        vector(v)
    };
    for which in 0..3 {
        let numeric = (0..values(vectors[which]).len()).map(|i| {
            let at = |by| {
                let moved = shifted(vectors[which], i, by);
                let mut vectors = vectors;
                vectors[which] = &moved;
                net(x.clone(), [&w1, &w2], &w3, vectors, &targets)
            };
            difference(at(STEP), at(-STEP), STEP)
        });
        let analytic = values(&gradients.get(vectors[which])).to_vec();
        check(analytic, numeric.collect());
    }
}

#[test]
fn surrogates_use_the_given_functions() {
    let x = images((1, 1, 2, 2), 1);
    let sign = |x: &[f32]| x.iter().map(|x| x.signum()).collect();
    let traced = x.clone().traced(Gradients::leaky());
    let y = surrogate(traced, sign, |x, dy| {
        x.iter().zip(dy).map(|(x, dy)| 2.0 * x * dy).collect()
    });
    assert!(values(&y).iter().all(|y| y.abs() == 1.0));
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
        x.clone().traced(Gradients::leaky()),
        scale.retaped(),
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
    let quantized = surrogate(w.retaped::<Recording>(), quarters, |_, dy| dy);
    let plain = quantized.retaped::<NoneTape>();
    let x = x.traced(Gradients::leaky());
    let through = backward(conv2d(
        x.with_empty_tape(),
        quantized,
        ConvOptions::default(),
    ));
    let direct = backward(conv2d(x, plain.retaped(), ConvOptions::default()));
    assert_eq!(gradient_of(&through, &w), gradient_of(&direct, &plain));
}

#[test]
fn optimizers_of_dfdx_move_parameters_in_place() {
    let mut w = images((1, 1, 2, 2), 1);
    let before = values(&w).to_vec();
    let x = images((1, 2, 2, 2), 2).traced(Gradients::leaky());
    let mut gradients = backward(conv2d(x, w.retaped(), ConvOptions::default()));
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
