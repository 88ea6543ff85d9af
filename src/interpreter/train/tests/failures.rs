//! How a training fails.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::{data, key, quantized, run, watch};
use crate::interpreter::train::fixtures::{Builder, candidate, small};
use crate::interpreter::train::{TrainError, train};
use crate::ir::{BinaryOp, Expr};
use crate::model::{Activation, Grid, Op, Optimizer, ScaleRule, Schedule};

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
    let step = Expr::Name("step_progress".into(), Default::default());
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
            stop.store(true, Ordering::Relaxed);
        }),
    );
    assert!(matches!(result, Err(TrainError::Stopped)));
    assert_eq!(epochs, 1);
}

#[test]
fn a_network_for_other_images_is_an_error() {
    let mut b = Builder::new(4, 4, 3);
    b.vector(0, Op::Linear, 10);
    let error = run(&candidate(b.finish(), 1, None), &data(), 0).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the network is for images of 4x4x3 and 10 classes, the data are images of 8x8x1 and 10 classes"
    );
}
