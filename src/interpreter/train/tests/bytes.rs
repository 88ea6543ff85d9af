//! The bytes of a trained network.

use std::collections::BTreeMap;

use super::{data, quantized, run};
use crate::interpreter::train::fixtures::{self, candidate, int, varied};
use crate::interpreter::train::{Model, batch};
use crate::model::{Grid, ScaleRule};

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
