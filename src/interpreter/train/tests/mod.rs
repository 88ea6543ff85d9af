//! Small networks learn digits, whole trials of them.

mod bytes;
mod failures;
mod gradients;
mod precision;
mod stages;

use std::sync::atomic::AtomicBool;

use super::fixtures::{digits, place, quantizer, small};
use super::{Data, Progress, TrainError, Trained, Watch, train};
use crate::model::{Activation, Candidate, Grid, Network, ScaleRule};
use crate::stream::Key;

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
