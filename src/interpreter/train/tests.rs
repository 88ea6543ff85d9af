use std::collections::BTreeMap;
use std::sync::Arc;

use super::fixtures::{branched, candidate, digits, int, place, quantizer, small, varied};
use super::parameters::Value;
use super::*;
use crate::ir::{BinaryOp, Expr, Function, Per, Reduction};
use crate::model::{Activation, Grid, Loss, Network, Op, Optimizer, ScaleRule, Schedule, Stage};

fn data() -> Data {
    Data::load_from(&digits(), None).unwrap()
}

fn key(trial: u64) -> Key {
    Key {
        seed: 1,
        trial,
        repeat: 0,
    }
}

fn watch<'a>(stop: &'a AtomicBool, progress: &'a mut dyn FnMut(Progress)) -> Watch<'a> {
    Watch {
        stop,
        progress,
        validates: false,
        aside: false,
        keeper: None,
    }
}

fn run(candidate: &Candidate, data: &Data, trial: u64) -> Result<Trained, TrainError> {
    train(
        candidate,
        data,
        key(trial),
        watch(&AtomicBool::new(false), &mut |_| {}),
    )
}

/// The small network with these weights and activations between its ends.
fn quantized(weights: Grid, scale: ScaleRule, activations: Grid) -> Network {
    let binary = matches!(activations, Grid::Binary | Grid::Ternary);
    let mut network = small(if binary {
        Activation::Hardtanh
    } else {
        Activation::Relu
    });
    let rule = if binary {
        ScaleRule::One
    } else {
        ScaleRule::MaxAbs
    };
    place(
        &mut network,
        &quantizer(weights, scale),
        &quantizer(activations, rule),
    );
    network
}

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
fn gradients_are_the_slope_of_the_loss() {
    slope_of_the_loss(varied(), Loss::default());
    slope_of_the_loss(branched(), Loss::default());
}

#[test]
fn gradients_with_a_teacher_are_the_slope_of_the_loss() {
    let taught = Loss {
        task: 0.2,
        distill: 0.8,
        temperature: 3.0,
    };
    slope_of_the_loss(varied(), taught);
}

fn slope_of_the_loss(network: crate::model::Network, taught: Loss) {
    // Along a random direction d of one parameter, the loss must change by g · d: what is missing in g is missed, too.
    let data = data();
    let images = batch::images(data.train(), 0..32);
    let labels: Vec<usize> = (0..32).map(|i| data.train().label(i)).collect();
    let mut model = Model::new(&candidate(network, 1, None), key(3)).unwrap();
    let teacher = Model::new(&candidate(small(Activation::Relu), 1, None), key(4)).unwrap();
    let objective = model::Objective {
        labels: &labels,
        smoothing: 0.1,
        loss: taught,
        teacher: Some(&teacher),
    };
    let loss = |model: &mut Model| {
        model
            .gradients(images.clone(), &objective, super::schedule::Moment::END)
            .unwrap()
    };
    let (_, mut gradients) = loss(&mut model);
    let mut rng = crate::stream::stream(9, 0, crate::stream::Purpose::Init);
    for (index, parameter) in model.parameters.iter().enumerate() {
        let gradient = match &parameter.value {
            Value::Kernel(t) => gradients.get_or_alloc_mut(t),
            Value::Matrix(t) => gradients.get_or_alloc_mut(t),
            Value::Vector(t) => gradients.get_or_alloc_mut(t),
        };
        let gradient: Vec<f64> = gradient.unwrap().iter().map(|g| f64::from(*g)).collect();
        let direction = gradient.iter().map(|_| crate::stream::normal(&mut rng));
        let direction: Vec<f64> = direction.collect();
        let step = 1e-3;
        let at = |side: f64| {
            let mut moved = model.clone();
            let value = &mut moved.parameters.iter_mut().nth(index).unwrap().value;
            let values = value.values().iter().zip(&direction);
            let values = values.map(|(v, d)| v + (side * step * d) as f32).collect();
            *value = Value::new(&value.axes(), values);
            loss(&mut moved).0
        };
        let slope = (at(1.0) - at(-1.0)) / (2.0 * step);
        let wanted: f64 = gradient.iter().zip(&direction).map(|(g, d)| g * d).sum();
        // How large the product is as a rule, whatever the direction.
        let size = gradient.iter().map(|g| g * g).sum::<f64>().sqrt();
        assert!(
            (slope - wanted).abs() < 0.02 * size + 2e-4,
            "{}: {slope}, not {wanted}, of about {size}",
            parameter.name
        );
    }
}

#[test]
fn weights_behind_a_gradient_of_zero_stay() {
    let data = data();
    let mut network = small(Activation::Relu);
    let mut frozen = quantizer(int(4, true), ScaleRule::MaxAbs);
    frozen.formulas.gradient = Some(Expr::number(0.0));
    place(
        &mut network,
        &frozen,
        &quantizer(int(8, false), ScaleRule::MaxAbs),
    );
    let after = |finetune| {
        let model = run(&candidate(network.clone(), 1, finetune), &data, 0)
            .unwrap()
            .model;
        let values = model.parameters.iter().map(|p| p.value.values().to_vec());
        values.collect::<Vec<_>>()
    };
    let (before, after) = (after(None), after(Some(1)));
    // Per layer: weights, gain, bias. The second and third layer are frozen, the first is not.
    assert_ne!(before[0], after[0]);
    assert_eq!(before[3], after[3]);
    assert_eq!(before[6], after[6]);
    assert_ne!(before[4], after[4]);
}

#[test]
fn the_same_trial_has_the_same_bytes_and_another_has_others() {
    let data = data();
    let network = quantized(Grid::Binary, ScaleRule::MeanAbs, Grid::Binary);
    let mut candidate = candidate(network, 1, Some(1));
    candidate.shift = 1;
    let metadata = BTreeMap::from([("trial".to_owned(), "0".to_owned())]);
    let bytes = |trial| {
        let trained = run(&candidate, &data, trial).unwrap();
        (trained.model.to_safetensors(&metadata), trained.validation)
    };
    let first = bytes(0);
    assert!(first == bytes(0));
    assert!(first.0 != bytes(1).0);
    // Other threads, other company, same bytes.
    std::thread::scope(|scope| {
        let handles: Vec<_> = (0..2).map(|_| scope.spawn(|| bytes(0))).collect();
        for handle in handles {
            assert!(handle.join().unwrap() == first);
        }
    });
}

#[test]
fn a_saved_model_is_the_same_model() {
    let data = data();
    let candidate = candidate(
        quantized(int(4, true), ScaleRule::MaxAbs, int(4, false)),
        1,
        Some(1),
    );
    let model = run(&candidate, &data, 0).unwrap().model;
    let metadata = BTreeMap::from([("a".to_owned(), "1".to_owned())]);
    let bytes = model.to_safetensors(&metadata);
    let back = Model::from_safetensors(&candidate, &bytes).unwrap();
    assert!(back.to_safetensors(&metadata) == bytes);
    let images = batch::images(data.validation(), 0..64);
    assert_eq!(back.logits(images.clone()), model.logits(images));
    // Of another candidate: an error that says what.
    let other = fixtures::candidate(varied(), 1, None);
    let error = Model::from_safetensors(&other, &bytes).unwrap_err();
    assert!(error.to_string().contains("tensor `"), "{error}");
    assert!(Model::from_safetensors(&candidate, &bytes[..100]).is_err());
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
    // One that learns ends with the best of its epochs, which is not the last one here.
    candidate.stages[0].recipe = super::fixtures::recipe(6, 3e-2);
    let mut epochs = Vec::new();
    let plain = {
        let mut see = |p: Progress| epochs.push(p.validation.unwrap());
        let stop = AtomicBool::new(false);
        let watch = Watch {
            validates: true,
            ..watch(&stop, &mut see)
        };
        train(&candidate, &data, key(0), watch).unwrap()
    };
    let largest = epochs.iter().copied().fold(0.0, f64::max);
    assert_eq!(epochs.len(), 6);
    assert_eq!(epochs[5], plain.validation);
    assert!(largest > plain.validation, "{epochs:?}");
    candidate.stages[0].recipe.techniques.patience = Some(6.0);
    let best = run(&candidate, &data, 0).unwrap();
    assert_eq!(best.epochs, 6);
    assert_eq!(best.validation, largest);
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

#[test]
fn divergence_is_an_error() {
    let mut candidate = candidate(small(Activation::Relu), 3, None);
    candidate.stages[0].recipe.optimizer = Optimizer::Sgd {
        lr: 1e30,
        momentum: 0.9,
        weight_decay: 0.0,
    };
    candidate.stages[0].recipe.schedule = Schedule::Constant;
    match run(&candidate, &data(), 0) {
        Err(TrainError::Diverged {
            stage,
            epoch: 1,
            loss,
        }) => assert!(stage == "train" && !loss.is_finite()),
        other => panic!("{other:?}"),
    }
}

/// Where quantized weights are ±1 whatever happens, the loss stays finite; what is trained does not.
#[test]
fn divergence_behind_a_quantizer_is_an_error() {
    let network = quantized(Grid::Binary, ScaleRule::One, Grid::Binary);
    let mut candidate = candidate(network, 1, Some(2));
    candidate.stages[1].recipe.optimizer = Optimizer::Sgd {
        lr: 1e-3,
        momentum: 0.0,
        weight_decay: 0.0,
    };
    let step = Expr::Name("step_progress".into(), crate::source::Span::default());
    let late = Expr::Binary(
        BinaryOp::Greater,
        Arc::new(step),
        Arc::new(Expr::number(0.95)),
    );
    // The very last steps go to infinity: no step after them would see it.
    let huge = Expr::If(
        Arc::new(late),
        Arc::new(Expr::number(1e300)),
        Arc::new(Expr::number(1.0)),
    );
    candidate.stages[1].recipe.schedule = Schedule::Formula(huge);
    match run(&candidate, &data(), 0) {
        Err(error @ TrainError::Diverged { epoch: 2, .. }) => {
            assert!(error.to_string().contains("`finetune` diverged in epoch 2"));
        }
        other => panic!("{:?}", other.map(|t| t.validation)),
    }
}

#[test]
fn stopping_is_an_error() {
    let stop = AtomicBool::new(false);
    let mut epochs = 0;
    let result = train(
        &candidate(small(Activation::Relu), 3, None),
        &data(),
        key(0),
        watch(&stop, &mut |_| {
            epochs += 1;
            stop.store(true, std::sync::atomic::Ordering::Relaxed);
        }),
    );
    assert!(matches!(result, Err(TrainError::Stopped)));
    assert_eq!(epochs, 1);
}

#[test]
fn a_network_for_other_images_is_an_error() {
    let mut b = fixtures::Builder::new(4, 4, 3);
    b.vector(0, Op::Linear, 10);
    let error = run(&candidate(b.finish(), 1, None), &data(), 0).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the network is for images of 4x4x3 and 10 classes, the data are images of 8x8x1 and 10 classes"
    );
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

/// Activations first, then all with the first stage's network as the teacher (as Real-to-Binary trains).
#[test]
fn stages_quantize_in_turn_and_teach() {
    let data = data();
    let mut of = candidate(
        quantized(Grid::Binary, ScaleRule::MeanAbs, Grid::Binary),
        0,
        None,
    );
    let stage = |name: &str, quantize, epochs| {
        fixtures::stage(name, quantize, fixtures::recipe(epochs, 3e-3))
    };
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
    let mut training = stage::Run {
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
    of.stages = vec![fixtures::stage(
        "acts",
        Quantize::Activations,
        fixtures::recipe(4, 3e-3),
    )];
    let trained = run(&of, &data, 0).unwrap();
    assert_eq!(trained.post_training_validation, Some(trained.validation));
    assert!(!trained.is_tuned);
    let images = batch::images(data.validation(), 0..16);
    assert_eq!(folded::check(&trained.model, images), 4);
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
    network.nodes.push(crate::model::Node {
        op: Op::Quantize,
        inputs: vec![network.nodes.len() - 1],
        placement: Some(crate::model::Placement {
            weights: None,
            activations: Some(four_bits),
        }),
        ..logits
    });
    let trained = run(&candidate(network, 2, Some(2)), &data, 0).unwrap();
    let images = super::batch::images(data.validation(), 0..20);
    let mut last = Vec::new();
    let mut watch =
        |_: &super::plan::Step, _: &[f32], _: Option<&[f32]>, y: &[f32]| last = y.to_vec();
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
