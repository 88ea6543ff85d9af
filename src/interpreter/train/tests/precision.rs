//! Networks of every precision learn, and give what integer arithmetic gives.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{data, quantized, run};
use crate::interpreter::train::fixtures::{
    branched, candidate, int, place, quantizer, small, varied,
};
use crate::interpreter::train::plan::Step;
use crate::interpreter::train::{Model, batch, folded};
use crate::ir::{BinaryOp, Expr, Function, Per, Reduction};
use crate::model::{Activation, Grid, Node, Op, Optimizer, Placement, ScaleRule};

#[test]
fn every_precision_learns_and_equals_integer_inference() {
    let data = data();
    for (weights, scale, activations, floor) in [
        (int(8, true), ScaleRule::MaxAbs, int(8, false), 0.9),
        (
            int(4, true),
            ScaleRule::MeanSquaredError,
            int(4, false),
            0.88,
        ),
        (
            int(4, true),
            ScaleRule::Percentile(0.999),
            int(8, false),
            0.88,
        ),
        (Grid::Ternary, ScaleRule::MeanAbs, Grid::Ternary, 0.75),
        (Grid::Binary, ScaleRule::MeanAbs, Grid::Binary, 0.7),
    ] {
        let network = quantized(weights, scale, activations);
        let trained = run(&candidate(network, 6, Some(4)), &data, 0).unwrap();
        assert!(
            trained.validation > floor,
            "{weights}: {} after {:?}",
            trained.validation,
            trained.post_training_validation
        );
        assert_eq!(trained.epochs, 10);
        let images = batch::images(data.validation(), 0..16);
        assert_eq!(folded::check(&trained.model, images), 4);
    }
}

#[test]
fn learned_scales_learn_and_equal_integer_inference() {
    let data = data();
    let mut network = small(Activation::Relu);
    let mut per_tensor = quantizer(int(4, false), ScaleRule::Learned);
    per_tensor.per_channel = false;
    place(
        &mut network,
        &quantizer(int(4, true), ScaleRule::Learned),
        &per_tensor,
    );
    let mut candidate = candidate(network, 6, Some(3));
    if let Some(finetune) = candidate.stages.get_mut(1) {
        finetune.recipe.optimizer = Optimizer::Sgd {
            lr: 0.01,
            momentum: 0.9,
            weight_decay: 0.0,
        };
    }
    let trained = run(&candidate, &data, 0).unwrap();
    assert!(trained.validation > 0.88, "{}", trained.validation);
    let model = &trained.model;
    let images = batch::images(data.validation(), 0..16);
    assert_eq!(folded::check(model, images), 4);
    // Calibration found a start, training went on from there.
    let start = {
        let mut untrained = candidate.clone();
        untrained.stages.truncate(1);
        run(&untrained, &data, 0).unwrap().model
    };
    let steps = |model: &Model| {
        let steps = model.parameters.iter().filter(|p| p.name.contains("_step"));
        let steps = steps.map(|p| (p.name.clone(), p.value.values().to_vec()));
        steps.collect::<Vec<_>>()
    };
    let (before, after) = (steps(&start), steps(model));
    assert_eq!(before.len(), 4);
    for ((name, before), (_, after)) in before.iter().zip(&after) {
        assert_ne!(before, after, "{name}");
        assert!(
            after.iter().all(|s| *s > 0.0 && *s < 1.0),
            "{name}: {after:?}"
        );
    }
    let bytes = model.to_safetensors(&BTreeMap::new());
    let back = Model::from_safetensors(&candidate, &bytes).unwrap();
    let images = batch::images(data.validation(), 0..8);
    assert_eq!(back.logits(images.clone()), model.logits(images));
}

/// `dorefa_weights` and `pact` of the library.
#[test]
fn dorefa_weights_and_pact_activations_learn_and_equal_integer_inference() {
    let data = data();
    let x = || Expr::Name("x".into(), Default::default());
    let call = |f, e: &[Expr]| Expr::Call(f, e.to_vec());
    let tanh = || call(Function::Tanh, &[x()]);
    let largest = call(
        Function::Reduce(Reduction::Max, Per::Tensor),
        &[call(Function::Abs, &[tanh()])],
    );
    let largest = call(Function::Max, &[largest, Expr::number(1e-6)]);
    let mut dorefa = quantizer(int(4, true), ScaleRule::MaxAbs);
    dorefa.formulas.normalize = Some(Expr::Binary(
        BinaryOp::Divide,
        Arc::new(tanh()),
        Arc::new(largest),
    ));
    dorefa.formulas.scale = Some(Expr::number(1.0 / 7.0));
    let mut pact = quantizer(int(4, false), ScaleRule::LearnedClip);
    pact.per_channel = false;
    let mut network = small(Activation::Relu);
    place(&mut network, &dorefa, &pact);
    let candidate = candidate(network, 6, Some(4));
    let trained = run(&candidate, &data, 0).unwrap();
    assert!(trained.validation > 0.85, "{}", trained.validation);
    let images = batch::images(data.validation(), 0..16);
    assert_eq!(folded::check(&trained.model, images), 4);
    // Where to clip is found by calibration, and moves where values come to lie beyond it: no pixel ever does.
    let mut untrained = candidate;
    untrained.stages[1].recipe.epochs = 0;
    let start = run(&untrained, &data, 0).unwrap().model;
    let clips = |model: &Model| {
        let clips = model.parameters.iter().filter(|p| p.name.contains("_step"));
        clips.map(|p| p.value.values()[0]).collect::<Vec<_>>()
    };
    let (before, after) = (clips(&start), clips(&trained.model));
    assert!(!before.is_empty() && before.len() == after.len());
    let moved = before.iter().zip(&after).filter(|(b, a)| b != a).count();
    assert!(moved > 0, "{after:?}");
    assert!(after.iter().all(|clip| *clip > 0.0), "{after:?}");
}

#[test]
fn formulas_learn_and_equal_integer_inference() {
    let data = data();
    let x = || Expr::Name("x".into(), Default::default());
    let call = |f, e: Expr| Expr::Call(f, vec![e]);
    let binary = |op, a, b| Expr::Binary(op, Arc::new(a), Arc::new(b));
    let of_filter = |kind, e| call(Function::Reduce(kind, Per::Filter), e);
    // Centered weights, scaled by a power of two near their mean magnitude.
    let centered = || binary(BinaryOp::Subtract, x(), of_filter(Reduction::Mean, x()));
    let size = of_filter(Reduction::Mean, call(Function::Abs, centered()));
    let power = call(Function::Round, call(Function::Log2, size));
    let scale = binary(BinaryOp::Power, Expr::number(2.0), power);
    let scale = call(Function::Stop, scale);
    let mut weights = quantizer(Grid::Binary, ScaleRule::MeanAbs);
    weights.formulas.forward = Some(binary(
        BinaryOp::Multiply,
        scale.clone(),
        call(Function::Sign, centered()),
    ));
    weights.formulas.scale = Some(scale);
    let mut network = small(Activation::Hardtanh);
    place(
        &mut network,
        &weights,
        &quantizer(Grid::Binary, ScaleRule::One),
    );
    let trained = run(&candidate(network, 6, Some(4)), &data, 0).unwrap();
    assert!(trained.validation > 0.7, "{}", trained.validation);
    let images = batch::images(data.validation(), 0..16);
    assert_eq!(folded::check(&trained.model, images), 4);
}

#[test]
fn every_kind_of_node_trains_and_folds() {
    let data = data();
    for (mut network, products, floor) in [(varied(), 8, 0.85), (branched(), 7, 0.65)] {
        let signed = quantizer(int(8, true), ScaleRule::Percentile(0.999));
        place(
            &mut network,
            &quantizer(int(8, true), ScaleRule::MaxAbs),
            &signed,
        );
        let trained = run(&candidate(network, 6, Some(1)), &data, 0).unwrap();
        assert!(trained.validation > floor, "{}", trained.validation);
        let images = batch::images(data.validation(), 0..8);
        assert_eq!(folded::check(&trained.model, images), products);
    }
}

#[test]
fn calibration_leaves_an_int8_network_as_good_as_it_was() {
    let data = data();
    let network = quantized(int(8, true), ScaleRule::MaxAbs, int(8, false));
    let trained = run(&candidate(network, 6, None), &data, 0).unwrap();
    let after = trained.post_training_validation.unwrap();
    assert_eq!(trained.validation, after);
    assert!(
        (after - trained.float_validation.unwrap()).abs() < 0.03,
        "{after}"
    );
}

#[test]
fn an_output_is_quantized_and_learns() {
    let data = data();
    let mut network = varied();
    place(
        &mut network,
        &quantizer(int(8, true), ScaleRule::MaxAbs),
        &quantizer(int(8, false), ScaleRule::MaxAbs),
    );
    let logits = network.nodes.last().unwrap().clone();
    let four_bits = quantizer(int(4, true), ScaleRule::MaxAbs);
    network.nodes.push(Node {
        op: Op::Quantize,
        inputs: vec![network.nodes.len() - 1],
        placement: Some(Placement {
            weights: None,
            activations: Some(four_bits),
        }),
        ..logits
    });
    let trained = run(&candidate(network, 2, Some(2)), &data, 0).unwrap();
    let images = batch::images(data.validation(), 0..20);
    let mut last = Vec::new();
    let mut watch = |_: &Step, _: &[f32], _: Option<&[f32]>, y: &[f32]| last = y.to_vec();
    trained.model.watched(images, Some(&mut watch));
    let step = (last.iter().filter(|y| **y != 0.0)).fold(f32::MAX, |least, y| least.min(y.abs()));
    let mut codes: Vec<i32> = last.iter().map(|y| (y / step).round() as i32).collect();
    for (y, code) in last.iter().zip(&codes) {
        assert!(
            (y - *code as f32 * step).abs() <= 1e-5 * y.abs(),
            "{y} is no multiple of {step}"
        );
    }
    codes.sort_unstable();
    codes.dedup();
    assert!(codes.len() > 3 && codes.len() <= 15, "{codes:?}");
    assert!(trained.validation > 0.3, "{}", trained.validation);
}
