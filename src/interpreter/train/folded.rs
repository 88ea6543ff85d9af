//! A check: integer codes, integer sums, then one multiplier and one bias per channel give what fake quantization gives.

use std::collections::BTreeMap;

use super::model::Model;
use super::ops::RunningStatistics;
use super::plan::{Operands, Step, Work};
use super::quantize::Fit;
use super::schedule::Moment;
use crate::model::Activation;

/// Integer sums of a product (pixels, channels) and what one of them stands for, per channel.
struct Sums {
    sums: Vec<i32>,
    units: Vec<f32>,
}

/// Runs `model` on `images` and recomputes every quantized product from integers. Returns how many products were compared.
pub fn check(model: &Model, images: Vec<f32>) -> usize {
    let mut products: BTreeMap<usize, Sums> = BTreeMap::new();
    let mut compared = 0;
    let mut watch = |step: &Step, x: &[f32], added: Option<&[f32]>, result: &[f32]| {
        match &step.work {
            Work::Convolution {
                weight, operands, ..
            } => {
                let sums = integer_product(model, step, operands, *weight, x);
                products.insert(step.node, sums);
            }
            Work::Linear {
                weight,
                bias,
                operands,
            } => {
                let found = integer_product(model, step, operands, *weight, x);
                let folded = fold(&found, &found.units, model.parameters.values(*bias));
                compare(&folded, result);
                compared += 1;
                products.insert(step.node, found);
            }
            Work::Norm {
                norm,
                gain,
                bias,
                activation,
                ..
            } => {
                let Some(found) = products.get(&step.input) else {
                    return;
                };
                let (factor, mut offset) = affine(
                    &model.statistics[*norm],
                    model.parameters.values(*gain),
                    model.parameters.values(*bias),
                );
                let multiplier: Vec<f32> = factor
                    .iter()
                    .zip(&found.units)
                    .map(|(f, u)| f * u)
                    .collect();
                if let Some(step) = model.plan.steps.iter().find(|s| s.node == step.input)
                    && let Work::Linear { bias, .. } = step.work
                {
                    // The bias of a linear layer in front of a norm goes through its factor.
                    let inner = model.parameters.values(bias);
                    offset
                        .iter_mut()
                        .zip(&factor)
                        .zip(inner)
                        .for_each(|((o, f), b)| *o += f * b);
                }
                let mut folded = fold(found, &multiplier, &offset);
                if let Some(added) = added {
                    folded.iter_mut().zip(added).for_each(|(y, x)| *y += x);
                }
                let (low, high) = match activation {
                    None => (f32::MIN, f32::MAX),
                    Some(Activation::Relu) => (0.0, f32::MAX),
                    Some(Activation::Relu6) => (0.0, 6.0),
                    Some(Activation::Hardtanh) => (-1.0, 1.0),
                };
                folded.iter_mut().for_each(|y| *y = y.clamp(low, high));
                compare(&folded, result);
                compared += 1;
            }
            _ => {}
        }
    };
    model.watched(images, Some(&mut watch));
    compared
}

/// Factor and offset per channel that batch norm is at inference.
fn affine(statistics: &RunningStatistics, gain: &[f32], bias: &[f32]) -> (Vec<f32>, Vec<f32>) {
    let factor: Vec<f32> = gain
        .iter()
        .zip(&statistics.variance)
        .map(|(g, v)| g / (v + 1e-5).sqrt())
        .collect();
    let offset = bias
        .iter()
        .zip(&statistics.mean)
        .zip(&factor)
        .map(|((b, m), f)| b - m * f)
        .collect();
    (factor, offset)
}

/// The textbook loops of a convolution over codes.
fn integer_product(
    model: &Model,
    step: &Step,
    operands: &Operands,
    weight: usize,
    x: &[f32],
) -> Sums {
    let (input, output) = (model.plan.shapes[step.input], model.plan.shapes[step.node]);
    let quantizer = operands.weights.as_ref().expect("quantized weights");
    let weights = model.parameters.values(weight);
    let fit = match operands.weight_scale {
        Some(scales) => Fit::learned(
            model.parameters.values(scales),
            output.channels,
            Moment::END,
        ),
        None => quantizer.fit_weights(weights, output.channels, Moment::END),
    };
    let w = quantizer.codes(&fit, weights);
    let mut weight_scales = fit.scales;
    weight_scales.resize(output.channels, weight_scales[0]);
    let (quantizer, index) = operands.activations.as_ref().expect("quantized inputs");
    let scales = model.scales.as_ref().expect("a quantized model");
    let scale = model.activation_scale(scales, *index);
    let x = quantizer.codes(&Fit::scale(scale, Moment::END), x);
    let batch = x.len() / input.len();
    // A linear layer is a convolution whose kernel covers all of its input.
    let (kernel, stride, padding, dilation, groups) = match &step.work {
        Work::Convolution { convolution: c, .. } => {
            ([c.kernel; 2], c.stride, c.padding, c.dilation, c.groups)
        }
        _ => ([input.height, input.width], 1, 0, 1, 1),
    };
    let inputs = input.channels / groups;
    let per_group = output.channels / groups;
    let mut sums = Vec::with_capacity(batch * output.len());
    for n in 0..batch {
        for oy in 0..output.height {
            for ox in 0..output.width {
                for o in 0..output.channels {
                    let mut sum = 0;
                    for ky in 0..kernel[0] {
                        for kx in 0..kernel[1] {
                            let y = (oy * stride + ky * dilation).wrapping_sub(padding);
                            let xx = (ox * stride + kx * dilation).wrapping_sub(padding);
                            if y >= input.height || xx >= input.width {
                                continue;
                            }
                            for c in 0..inputs {
                                let pixel = (n * input.height + y) * input.width + xx;
                                let from = o / per_group * inputs + c;
                                sum += x[pixel * input.channels + from]
                                    * w[((ky * kernel[1] + kx) * inputs + c) * output.channels + o];
                            }
                        }
                    }
                    sums.push(sum);
                }
            }
        }
    }
    Sums {
        sums,
        units: weight_scales.iter().map(|s| s * scale).collect(),
    }
}

fn fold(found: &Sums, multiplier: &[f32], offset: &[f32]) -> Vec<f32> {
    let row = multiplier.iter().zip(offset).cycle();
    found
        .sums
        .iter()
        .zip(row)
        .map(|(sum, (m, o))| *sum as f32 * m + o)
        .collect()
}

/// Sums of n products of f32 differ from integer sums by n roundings at most; layers here have up to 576 inputs.
fn compare(folded: &[f32], wanted: &[f32]) {
    assert_eq!(folded.len(), wanted.len());
    let largest = wanted.iter().fold(0.0_f32, |m, x| m.max(x.abs()));
    for (x, y) in folded.iter().zip(wanted) {
        assert!((x - y).abs() <= 2e-5 * largest, "{x} is not {y}");
    }
}
