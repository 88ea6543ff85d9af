//! What stages and their recipes do.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::{data, key, quantized, run, watch};
use crate::interpreter::train::fixtures::{candidate, int, recipe, small, stage};
use crate::interpreter::train::stage::{Run, State};
use crate::interpreter::train::{Model, Past, Progress, Trained, Watch, batch, folded, train};
use crate::ir::{BinaryOp, Expr, Function, Quantize};
use crate::model::{Activation, Grid, Loss, Optimizer, ScaleRule, Schedule, Stage};

#[test]
fn a_small_network_learns_digits() {
    let data = data();
    let mut seen = Vec::new();
    let trained = train(
        &candidate(small(Activation::Relu), 6, None),
        &data,
        key(0),
        watch(&AtomicBool::new(false), &mut |p| seen.push(p)),
    )
    .unwrap();
    assert!(trained.validation > 0.9, "{}", trained.validation);
    assert_eq!(Some(trained.validation), trained.float_validation);
    assert_eq!(trained.post_training_validation, None);
    assert_eq!(trained.epochs, 6);
    let epochs: Vec<usize> = seen.iter().map(|p| p.epoch).collect();
    assert_eq!(epochs, [1, 2, 3, 4, 5, 6]);
    assert!(seen[5].loss < 0.3 * seen[0].loss, "{seen:?}");
    assert_eq!(trained.loss, Some(seen[5].loss));
}

#[test]
fn the_formula_of_a_schedule_trains_like_its_word() {
    let data = data();
    let name = |text: &str| Expr::Name(text.into(), Default::default());
    let binary = |op, x, y| Expr::Binary(op, Arc::new(x), Arc::new(y));
    let angle = binary(
        BinaryOp::Multiply,
        Expr::number(std::f64::consts::PI),
        name("step_progress"),
    );
    let wave = Expr::Call(Function::Cos, vec![angle]);
    let sum = binary(BinaryOp::Add, Expr::number(1.0), wave);
    let formula = binary(BinaryOp::Multiply, Expr::number(0.5), sum);
    let bytes = |schedule| {
        let mut candidate = candidate(small(Activation::Relu), 2, None);
        candidate.stages[0].recipe.schedule = schedule;
        let trained = run(&candidate, &data, 0).unwrap();
        trained.model.to_safetensors(&BTreeMap::new())
    };
    let cosine = bytes(Schedule::Cosine);
    assert!(bytes(Schedule::Formula(formula)) == cosine);
    assert!(bytes(Schedule::Constant) != cosine);
}

#[test]
fn a_stage_ends_early_with_its_best() {
    let data = data();
    let mut candidate = candidate(small(Activation::Relu), 6, None);
    // A step of almost nothing changes nothing but the statistics of batch norm, which settle after an epoch or two.
    candidate.stages[0].recipe.optimizer = Optimizer::Sgd {
        lr: 1e-12,
        momentum: 0.0,
        weight_decay: 0.0,
    };
    candidate.stages[0].recipe.techniques.patience = Some(2.0);
    let ended = run(&candidate, &data, 0).unwrap();
    assert!((3..6).contains(&ended.epochs), "{}", ended.epochs);
    // One that learns ends with the best of its epochs, which is not always the last one.
    candidate.stages[0].recipe = recipe(6, 3e-2);
    let mut later_are_worse = 0;
    for trial in 0..4 {
        candidate.stages[0].recipe.techniques.patience = None;
        let mut epochs = Vec::new();
        let plain = {
            let mut see = |p: Progress| epochs.push(p.validation.unwrap());
            let stop = AtomicBool::new(false);
            let watch = Watch {
                validates: true,
                ..watch(&stop, &mut see)
            };
            train(&candidate, &data, key(trial), watch).unwrap()
        };
        let largest = epochs.iter().copied().fold(0.0, f64::max);
        assert_eq!(epochs.len(), 6);
        assert_eq!(epochs[5], plain.validation);
        later_are_worse += usize::from(largest > plain.validation);
        candidate.stages[0].recipe.techniques.patience = Some(6.0);
        let best = run(&candidate, &data, trial).unwrap();
        assert_eq!(best.epochs, 6);
        assert_eq!(best.validation, largest);
    }
    assert!(later_are_worse > 0);
}

#[test]
fn an_average_without_memory_is_the_last_step() {
    let data = data();
    let mut candidate = candidate(small(Activation::Relu), 2, None);
    let numbers = |trained: Trained| -> Vec<Vec<f32>> {
        let parameters = trained.model.parameters.iter();
        parameters.map(|p| p.value.values().to_vec()).collect()
    };
    let plain = numbers(run(&candidate, &data, 0).unwrap());
    candidate.stages[0].recipe.techniques.average = Some(0.0);
    assert_eq!(numbers(run(&candidate, &data, 0).unwrap()), plain);
    candidate.stages[0].recipe.techniques.average = Some(0.9);
    assert_ne!(numbers(run(&candidate, &data, 0).unwrap()), plain);
}

/// Activations first, then all with the first stage's network as the teacher (as Real-to-Binary trains).
#[test]
fn stages_quantize_in_turn_and_teach() {
    let data = data();
    let mut of = candidate(
        quantized(Grid::Binary, ScaleRule::MeanAbs, Grid::Binary),
        0,
        None,
    );
    let stage = |name: &str, quantize, epochs| stage(name, quantize, recipe(epochs, 3e-3));
    of.stages = vec![
        stage("acts", Quantize::Activations, 4),
        Stage {
            teacher: Some(0),
            loss: Loss {
                task: 0.2,
                distill: 0.8,
                temperature: 2.0,
            },
            ..stage("both", Quantize::All, 4)
        },
    ];
    let mut seen = Vec::new();
    let stop = AtomicBool::new(false);
    let trained = train(
        &of,
        &data,
        key(0),
        watch(&stop, &mut |p| seen.push(p.stage)),
    )
    .unwrap();
    assert_eq!(seen, [0, 0, 0, 0, 1, 1, 1, 1]);
    assert_eq!(trained.after.len(), 2);
    assert_eq!(trained.after[1], trained.validation);
    assert_eq!(trained.float_validation, None);
    assert!(trained.post_training_validation.is_some() && trained.is_tuned);
    assert!(trained.validation > 0.7, "{}", trained.validation);
    // What counts is the network with all quantizers on.
    let images = batch::images(data.validation(), 0..16);
    assert_eq!(folded::check(&trained.model, images), 4);
    // Without the teacher's part, another network comes out.
    of.stages[1].loss = Loss::default();
    let alone = run(&of, &data, 0).unwrap();
    assert_ne!(alone.loss, trained.loss);
    assert_eq!(alone.after[0], trained.after[0]);
}

/// Behind quantizers and for averaged parameters, batch norm ends with the statistics of the final network; else in float, with moving
/// averages.
#[test]
fn stages_end_with_measured_statistics() {
    let data = data();
    let of = candidate(
        quantized(Grid::Binary, ScaleRule::MeanAbs, Grid::Binary),
        1,
        Some(2),
    );
    let mut shown = Vec::new();
    let stop = AtomicBool::new(false);
    let mut see = |p: Progress| shown.push(p.validation);
    let watch = Watch {
        validates: true,
        ..watch(&stop, &mut see)
    };
    let tuned = train(&of, &data, key(0), watch).unwrap();
    // What is shown of the last epoch is the network that the stage ends with.
    assert_eq!(shown.last(), Some(&Some(tuned.validation)));
    // All training images in any order have these statistics.
    let samples = data.train().len();
    let all = || std::iter::once(batch::images(data.train(), 0..samples));
    let far = |model: &Model| -> f32 {
        let mut again = model.clone();
        again.measure_norms(all());
        let pairs = model.statistics.iter().zip(&again.statistics);
        let pairs = pairs.flat_map(|(ended, again)| {
            let means = ended.mean.iter().zip(&again.mean);
            means.chain(ended.variance.iter().zip(&again.variance))
        });
        let far = pairs.map(|(a, b)| (a - b).abs() / (1.0 + b.abs()));
        far.fold(0.0, f32::max)
    };
    assert!(far(&tuned.model) < 1e-4);
    let mut float = candidate(small(Activation::Relu), 2, None);
    assert!(far(&run(&float, &data, 0).unwrap().model) > 1e-3);
    float.stages[0].recipe.techniques.average = Some(0.98);
    assert!(far(&run(&float, &data, 0).unwrap().model) < 1e-4);
}

/// A copy of a network stays as it was while the network learns on.
#[test]
fn a_teacher_does_not_learn() {
    let data = data();
    let images = batch::images(data.validation(), 0..8);
    let of = candidate(small(Activation::Relu), 1, None);
    let mut model = run(&of, &data, 0).unwrap().model;
    let teacher = model.clone();
    let before = teacher.logits(images.clone());
    let stop = AtomicBool::new(false);
    let mut nothing = |_| {};
    let mut training = Run {
        candidate: &of,
        data: &data,
        key: key(7),
        watch: watch(&stop, &mut nothing),
    };
    let start = State::new(&of.stages[0].recipe);
    let past = Past::default();
    training.stage(&mut model, 0, start, &past).unwrap();
    assert_eq!(teacher.logits(images.clone()), before);
    assert_ne!(model.logits(images), before);
}

/// A last stage that leaves something float is followed by quantization: it is what would run.
#[test]
fn what_is_left_float_is_quantized_in_the_end() {
    let data = data();
    let mut of = candidate(
        quantized(int(8, true), ScaleRule::MaxAbs, int(8, false)),
        0,
        None,
    );
    of.stages = vec![stage("acts", Quantize::Activations, recipe(4, 3e-3))];
    let trained = run(&of, &data, 0).unwrap();
    assert_eq!(trained.post_training_validation, Some(trained.validation));
    assert!(!trained.is_tuned);
    let images = batch::images(data.validation(), 0..16);
    assert_eq!(folded::check(&trained.model, images), 4);
}
