//! A stage of training: epochs of steps.

use std::sync::atomic::{AtomicBool, Ordering};

use super::batch::{self, Augmentation};
use super::data::Data;
use super::model::{Model, Objective};
use super::optimizer::Stepper;
use super::schedule::{self, Moment};
use super::{Progress, TrainError};
use crate::model::{Candidate, Stage};
use crate::stream::{Key, Purpose};

/// A trial that is running.
pub struct Run<'a> {
    /// What is trained.
    pub candidate: &'a Candidate,
    /// On what.
    pub data: &'a Data,
    /// Whose random numbers.
    pub key: Key,
    /// Whether somebody asked to stop.
    pub stop: &'a AtomicBool,
    /// Who wants to know.
    pub progress: &'a mut dyn FnMut(Progress),
}

impl Run<'_> {
    /// Trains `model` through stage `index` and gives the mean loss of the last epoch.
    pub fn stage(
        &mut self,
        model: &mut Model,
        index: usize,
        stage: &Stage,
        teacher: Option<&Model>,
    ) -> Result<Option<f64>, TrainError> {
        let recipe = &stage.recipe;
        let mut shuffle = self.key.stream(Purpose::Shuffle(index as u16));
        let mut augment = self.key.stream(Purpose::Augment(index as u16));
        let augmentation = Augmentation {
            shift: self.candidate.shift,
            flip: self.candidate.flip,
            cutout: self.candidate.cutout,
        };
        let split = self.data.train();
        let batches = batch::count(split.len(), recipe.batch);
        let steps = recipe.epochs * batches;
        let mut stepper = Stepper::new(recipe.optimizer);
        let mut mean = None;
        for epoch in 0..recipe.epochs {
            let order = batch::order(&mut shuffle, split.len());
            let mut sum = 0.0;
            for index in 0..batches {
                if self.stop.load(Ordering::Relaxed) {
                    return Err(TrainError::Stopped);
                }
                let samples = &order[batch::range(split.len(), batches, index)];
                let images = batch::augmented(split, samples, augmentation, &mut augment);
                let labels: Vec<usize> = samples.iter().map(|s| split.label(*s)).collect();
                let objective = Objective {
                    labels: &labels,
                    smoothing: recipe.label_smoothing,
                    loss: stage.loss,
                    teacher,
                };
                let step = epoch * batches + index;
                let moment = Moment::new(epoch, recipe.epochs, step, steps);
                let (loss, mut gradients) = model.gradients(images, &objective, moment)?;
                if !loss.is_finite() {
                    return Err(TrainError::Diverged {
                        stage: stage.name.clone(),
                        epoch: epoch + 1,
                        loss,
                    });
                }
                sum += loss * samples.len() as f64;
                let factor = schedule::factor(&recipe.schedule, moment);
                stepper.step(&mut model.parameters, &mut gradients, factor)?;
            }
            let loss = sum / split.len() as f64;
            mean = Some(loss);
            (self.progress)(Progress {
                stage: index,
                epoch: epoch + 1,
                epochs: recipe.epochs,
                loss,
            });
        }
        Ok(mean)
    }
}
