use super::*;
use crate::kernels::{
    quantize::{Codes, quantize, straight_through},
    testing::{assert_close, noise, numeric_gradient, on_every_isa, wide},
};

const EPSILON: f64 = 1e-5;

const ACTIVATIONS: [Activation; 4] = [
    Activation::None,
    Activation::Relu,
    Activation::Relu6,
    Activation::Hardtanh,
];

/// The whole forward pass in double precision.
fn reference(
    x: &[f64],
    gamma: &[f64],
    beta: &[f64],
    residual: &[f64],
    activation: Activation,
) -> Vec<f64> {
    let channels = gamma.len();
    let rows = x.len() / channels;
    let mut y = vec![0.0; x.len()];
    let (low, high) = activation.bounds();
    for c in 0..channels {
        let column = || (0..rows).map(|r| x[r * channels + c]);
        let mean = column().sum::<f64>() / rows as f64;
        let variance = column().map(|x| (x - mean).powi(2)).sum::<f64>() / rows as f64;
        for r in 0..rows {
            let i = r * channels + c;
            let normal = (x[i] - mean) / (variance + EPSILON).sqrt();
            y[i] =
                (gamma[c] * normal + beta[c] + residual[i]).clamp(f64::from(low), f64::from(high));
        }
    }
    y
}

/// A batch with its statistics and its parameters.
struct Case {
    x: Vec<f32>,
    gamma: Vec<f32>,
    beta: Vec<f32>,
    residual: Vec<f32>,
    mean: Vec<f32>,
    inverse_deviation: Vec<f32>,
    scale: Vec<f32>,
    shift: Vec<f32>,
}

impl Case {
    fn new(rows: usize, channels: usize) -> Case {
        let x: Vec<f32> = noise(rows * channels, 1).iter().map(|v| 3.0 * v).collect();
        let gamma: Vec<f32> = noise(channels, 2).iter().map(|v| v + 3.0).collect();
        let beta = noise(channels, 3);
        let batch = statistics(Isa::current(), &x, channels);
        let inverse = |v: &f32| (1.0 / (f64::from(*v) + EPSILON).sqrt()) as f32;
        let inverse_deviation: Vec<f32> = batch.variance.iter().map(inverse).collect();
        let scale: Vec<f32> = (0..channels)
            .map(|c| gamma[c] * inverse_deviation[c])
            .collect();
        let shift = (0..channels)
            .map(|c| beta[c] - batch.mean[c] * scale[c])
            .collect();
        Case {
            residual: noise(x.len(), 4).iter().map(|v| 2.0 * v).collect(),
            mean: batch.mean,
            x,
            gamma,
            beta,
            inverse_deviation,
            scale,
            shift,
        }
    }

    fn tail(&self, activation: Activation, residual: bool) -> Tail<'_> {
        Tail {
            scale: &self.scale,
            shift: &self.shift,
            residual: residual.then_some(&self.residual[..]),
            activation,
            quantizer: None,
        }
    }

    fn pass<'a>(&'a self, tail: Tail<'a>) -> Backward<'a> {
        Backward {
            x: &self.x,
            tail,
            mean: &self.mean,
            inverse_deviation: &self.inverse_deviation,
            gamma: &self.gamma,
            clipped: None,
            residual: tail.residual.is_some(),
        }
    }
}

fn all(found: Gradients) -> Vec<f32> {
    let residual = found.residual.unwrap_or_default();
    [found.gamma, found.beta, found.x, residual].concat()
}

#[test]
fn statistics_survive_a_mean_far_from_zero() {
    for (rows, channels) in [(1, 3), (2, 16), (255, 7), (256, 19), (700, 33)] {
        let offset = 1000.0;
        let x: Vec<f32> = noise(rows * channels, 5)
            .iter()
            .map(|v| v + offset)
            .collect();
        let mean = on_every_isa(|isa| statistics(isa, &x, channels).mean);
        let variance = on_every_isa(|isa| statistics(isa, &x, channels).variance);
        for c in 0..channels {
            let column = || (0..rows).map(|r| f64::from(x[r * channels + c]));
            let expected_mean = column().sum::<f64>() / rows as f64;
            let expected = column().map(|x| (x - expected_mean).powi(2)).sum::<f64>() / rows as f64;
            assert!((f64::from(mean[c]) - expected_mean).abs() < 1e-4);
            assert!((f64::from(variance[c]) - expected).abs() < 1e-5 * expected.max(0.1));
        }
    }
}

#[test]
fn sums_of_numbers_on_their_way_are_those_of_all_numbers() {
    for (rows, channels) in [(1, 3), (255, 7), (256, 19), (700, 33)] {
        let case = Case::new(rows, channels);
        let isa = Isa::current();
        let steps = || (0..=rows).step_by(100).map(|rows| rows * channels);
        let mut measuring = Measuring::new(isa, case.x.len(), channels);
        steps().for_each(|there| measuring.see(&case.x[..there]));
        assert_eq!(
            measuring.finish(&case.x),
            statistics(isa, &case.x, channels)
        );

        let quantizer = Quantizer {
            codes: Codes::Sign,
            scale: 0.5,
        };
        for quantizer in [None, Some(quantizer)] {
            let dy = noise(case.x.len(), 5);
            let pass = case.pass(Tail {
                quantizer,
                ..case.tail(Activation::Hardtanh, false)
            });
            let mut summing = Summing::new(isa, pass);
            steps().for_each(|there| summing.see(&dy[..there]));
            let found = all(summing.finish(dy.clone()));
            let upstream = Upstream {
                plain: quantizer.is_none().then(|| dy.clone()),
                quantized: quantizer.map(|_| dy),
            };
            assert_eq!(found, all(backward(isa, &pass, upstream)));
        }
    }
}

#[test]
fn agrees_with_the_formula_and_with_differences_of_it() {
    for (activation, (rows, channels)) in ACTIVATIONS
        .into_iter()
        .flat_map(|a| [(5, 3), (9, 17), (3, 40)].map(|size| (a, size)))
    {
        let case = Case::new(rows, channels);
        let tail = case.tail(activation, true);
        let len = case.x.len();
        let dy = noise(len, 5);
        let y = on_every_isa(|isa| apply(isa, &case.x, &tail, true).plain.unwrap());
        let (wx, wg) = (wide(&case.x), wide(&case.gamma));
        let (wb, wr) = (wide(&case.beta), wide(&case.residual));
        assert_close(&y, &reference(&wx, &wg, &wb, &wr, activation), 1e-5);

        let found = on_every_isa(|isa| {
            let upstream = Upstream {
                plain: Some(dy.clone()),
                quantized: None,
            };
            all(backward(isa, &case.pass(tail), upstream))
        });
        let loss = |y: Vec<f64>| -> f64 { y.iter().zip(&dy).map(|(y, d)| y * f64::from(*d)).sum() };
        let (dgamma, rest) = found.split_at(channels);
        let (dbeta, rest) = rest.split_at(channels);
        let (dx, dresidual) = rest.split_at(len);
        let tolerance = 2e-5;
        let expected = numeric_gradient(&case.gamma, |g| {
            loss(reference(&wx, g, &wb, &wr, activation))
        });
        assert_close(dgamma, &expected, tolerance);
        let expected = numeric_gradient(&case.beta, |b| {
            loss(reference(&wx, &wg, b, &wr, activation))
        });
        assert_close(dbeta, &expected, tolerance);
        let expected = numeric_gradient(&case.x, |x| loss(reference(x, &wg, &wb, &wr, activation)));
        assert_close(dx, &expected, tolerance);
        let expected = numeric_gradient(&case.residual, |r| {
            loss(reference(&wx, &wg, &wb, r, activation))
        });
        assert_close(dresidual, &expected, tolerance);
    }
}

#[test]
fn the_fused_quantizer_is_the_composed_one_to_the_bit() {
    let uint8 = Codes::Uniform {
        low: 0.0,
        high: 255.0,
    };
    let int3 = Codes::Uniform {
        low: -3.0,
        high: 3.0,
    };
    let quantizers = [(uint8, 0.007), (int3, 0.4), (Codes::Sign, 0.5)];
    let sizes = [(600, 16), (5, 3), (300, 24), (9, 40)];
    for ((codes, scale), (rows, channels)) in
        quantizers.into_iter().flat_map(|q| sizes.map(|s| (q, s)))
    {
        let case = Case::new(rows, channels);
        let len = case.x.len();
        let quantizer = Some(Quantizer { codes, scale });
        for (activation, residual, plain) in ACTIVATIONS.into_iter().flat_map(|a| {
            [(true, true), (true, false), (false, true), (false, false)].map(|(r, p)| (a, r, p))
        }) {
            let alone = case.tail(activation, residual);
            let fused = Tail { quantizer, ..alone };
            let isa = Isa::current();
            let y = apply(isa, &case.x, &alone, true).plain.unwrap();
            let q = on_every_isa(|isa| apply(isa, &case.x, &fused, plain).quantized.unwrap());
            assert_eq!(q, quantize(isa, codes, &y, &[scale]));
            let both = apply(isa, &case.x, &fused, plain);
            assert_eq!(both.plain, plain.then_some(y.clone()));

            let dq = noise(len, 6);
            let dy = plain.then(|| noise(len, 7));
            let mut composed = straight_through(isa, codes, &y, &[scale], dq.clone());
            for (to, from) in composed.iter_mut().zip(dy.iter().flatten()) {
                *to += from;
            }
            let upstream = Upstream {
                plain: Some(composed),
                quantized: None,
            };
            let composed = all(backward(isa, &case.pass(alone), upstream));
            let found = on_every_isa(|isa| {
                let upstream = Upstream {
                    plain: dy.clone(),
                    quantized: Some(dq.clone()),
                };
                all(backward(isa, &case.pass(fused), upstream))
            });
            assert_eq!(found, composed);
            if residual {
                let pass = Backward {
                    tail: Tail {
                        residual: None,
                        ..fused
                    },
                    clipped: Some(&y),
                    ..case.pass(fused)
                };
                let found = on_every_isa(|isa| {
                    let upstream = Upstream {
                        plain: dy.clone(),
                        quantized: Some(dq.clone()),
                    };
                    all(backward(isa, &pass, upstream))
                });
                assert_eq!(found, composed, "what was clipped stands for the residual");
            }
        }
    }
}

#[test]
fn a_residual_that_nothing_clips_need_not_be_kept() {
    let case = Case::new(20, 5);
    let upstream = || Upstream {
        plain: Some(noise(100, 8)),
        quantized: None,
    };
    let kept = case.pass(case.tail(Activation::None, true));
    let tail = case.tail(Activation::None, false);
    let forgotten = Backward { tail, ..kept };
    let isa = Isa::current();
    assert_eq!(
        all(backward(isa, &kept, upstream())),
        all(backward(isa, &forgotten, upstream()))
    );
}

#[test]
fn a_nan_spoils_its_channel_and_is_seen() {
    let mut x = noise(10 * 3, 1);
    x[4] = f32::NAN;
    let batch = statistics(Isa::current(), &x, 3);
    assert!(batch.mean[1].is_nan() && batch.variance[1].is_nan());
    assert!(!batch.mean[0].is_nan() && !batch.mean[2].is_nan());
    for activation in ACTIVATIONS {
        for codes in [
            Codes::Sign,
            Codes::Uniform {
                low: 0.0,
                high: 7.0,
            },
        ] {
            let tail = Tail {
                scale: &[1.0; 3],
                shift: &[0.0; 3],
                residual: None,
                activation,
                quantizer: Some(Quantizer { codes, scale: 0.1 }),
            };
            let y = on_every_isa(|isa| {
                let found = apply(isa, &x, &tail, true);
                [found.plain.unwrap(), found.quantized.unwrap()].concat()
            });
            assert!(y[4].is_nan() && y[34].is_nan());
        }
    }
}
