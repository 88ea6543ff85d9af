use std::collections::BTreeMap;

use super::fixtures::{candidate, digits, int, place, quantizer, small, varied};
use super::*;
use crate::model::{Activation, Grid, Network, Op, Optimizer, ScaleRule, Schedule};

fn data() -> Data {
    Data::load_from(&digits(), None).unwrap()
}

fn run(candidate: &Candidate, data: &Data, trial: u64) -> Result<Trained, TrainError> {
    train(
        candidate,
        data,
        1,
        trial,
        &AtomicBool::new(false),
        &mut |_| {},
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
        1,
        0,
        &AtomicBool::new(false),
        &mut |p| seen.push(p),
    )
    .unwrap();
    assert!(trained.validation > 0.9, "{}", trained.validation);
    assert_eq!(trained.validation, trained.float_validation);
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
fn every_kind_of_node_trains_and_folds() {
    let data = data();
    let mut network = varied();
    let signed = quantizer(int(8, true), ScaleRule::Percentile(0.999));
    place(
        &mut network,
        &quantizer(int(8, true), ScaleRule::MaxAbs),
        &signed,
    );
    let trained = run(&candidate(network, 6, Some(1)), &data, 0).unwrap();
    assert!(trained.validation > 0.85, "{}", trained.validation);
    let images = batch::images(data.validation(), 0..8);
    assert_eq!(folded::check(&trained.model, images), 8);
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
fn divergence_is_an_error() {
    let mut candidate = candidate(small(Activation::Relu), 3, None);
    candidate.train.optimizer = Optimizer::Sgd {
        lr: 1e30,
        momentum: 0.9,
        weight_decay: 0.0,
    };
    candidate.train.schedule = Schedule::Constant;
    match run(&candidate, &data(), 0) {
        Err(TrainError::Diverged {
            stage: Stage::Float,
            epoch: 1,
            loss,
        }) => assert!(!loss.is_finite()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn stopping_is_an_error() {
    let stop = AtomicBool::new(false);
    let mut epochs = 0;
    let result = train(
        &candidate(small(Activation::Relu), 3, None),
        &data(),
        1,
        0,
        &stop,
        &mut |_| {
            epochs += 1;
            stop.store(true, std::sync::atomic::Ordering::Relaxed);
        },
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
    assert!((after - trained.float_validation).abs() < 0.03, "{after}");
}
