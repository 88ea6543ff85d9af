//! Gradients of whole networks.

use super::{data, key, run};
use crate::interpreter::train::fixtures::{
    branched, candidate, int, place, quantizer, small, varied,
};
use crate::interpreter::train::model::Objective;
use crate::interpreter::train::parameters::Value;
use crate::interpreter::train::schedule::Moment;
use crate::interpreter::train::{Model, batch};
use crate::ir::Expr;
use crate::model::{Activation, Loss, Network, ScaleRule};
use crate::stream::{Purpose, normal, stream};

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

fn slope_of_the_loss(network: Network, taught: Loss) {
    // Along the gradient g of each parameter by itself, the loss must change by |g|.
    let data = data();
    let images = batch::images(data.train(), 0..32);
    let labels: Vec<usize> = (0..32).map(|i| data.train().label(i)).collect();
    let mut model = Model::new(&candidate(network, 1, None), key(3)).unwrap();
    let teacher = Model::new(&candidate(small(Activation::Relu), 1, None), key(4)).unwrap();
    let objective = Objective {
        labels: &labels,
        smoothing: 0.1,
        loss: taught,
        teacher: Some(&teacher),
    };
    let loss = |model: &mut Model| {
        model
            .gradients(images.clone(), &objective, Moment::END)
            .unwrap()
    };
    let (_, mut gradients) = loss(&mut model);
    let mut rng = stream(9, 0, Purpose::Init);
    for (index, parameter) in model.parameters.iter().enumerate() {
        let gradient = match &parameter.value {
            Value::Kernel(t) => gradients.get_or_alloc_mut(t),
            Value::Matrix(t) => gradients.get_or_alloc_mut(t),
            Value::Vector(t) => gradients.get_or_alloc_mut(t),
        };
        let gradient: Vec<f64> = gradient.unwrap().iter().map(|g| f64::from(*g)).collect();
        let size = gradient.iter().map(|g| g * g).sum::<f64>().sqrt();
        // Of a parameter without a gradient any direction has to change nothing.
        let direction: Vec<f64> = match size > 1e-6 {
            true => gradient.iter().map(|g| g / size).collect(),
            false => gradient.iter().map(|_| normal(&mut rng)).collect(),
        };
        // Longer steps go past the kinks of activations and of the largest pixel.
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
        // The loss is known to some 1e-7.
        assert!(
            (slope - size).abs() < 0.05 * size + 5e-4,
            "{}: {slope}, not {size}",
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
