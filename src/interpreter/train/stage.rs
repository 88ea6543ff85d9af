//! A stage of training: epochs of steps.

use std::sync::atomic::Ordering;

use super::batch::{self, Augmentation};
use super::data::Data;
use super::model::{Model, Objective};
use super::optimizer::Stepper;
use super::schedule::{self, Moment};
use super::technique::{self, Average, Patience};
use super::{Progress, TrainError, Watch};
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
    /// Who wants to know, and may stop it.
    pub watch: Watch<'a>,
}

/// How a stage ended.
#[derive(Debug, Clone, Copy, Default)]
pub struct Ended {
    /// Epochs that were trained.
    pub epochs: usize,
    /// Mean training loss of the last of them.
    pub loss: Option<f64>,
}

impl Run<'_> {
    /// Trains `model` through stage `index`.
    pub fn stage(
        &mut self,
        model: &mut Model,
        index: usize,
        stage: &Stage,
        teacher: Option<&Model>,
    ) -> Result<Ended, TrainError> {
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
        let techniques = recipe.techniques;
        let mut average = techniques.average.map(Average::new);
        let mut patience = techniques.patience.map(Patience::new);
        let mut ended = Ended::default();
        for epoch in 0..recipe.epochs {
            let order = batch::order(&mut shuffle, split.len());
            let mut sum = 0.0;
            for index in 0..batches {
                if self.watch.stop.load(Ordering::Relaxed) {
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
                if let Some(longest) = techniques.clip_gradient {
                    technique::clip_gradient(&model.parameters, &mut gradients, longest)?;
                }
                let factor = schedule::factor(&recipe.schedule, moment);
                stepper.step(&mut model.parameters, &mut gradients, factor)?;
                if let Some(limit) = techniques.clip_weights {
                    technique::clip_weights(&mut model.parameters, limit);
                }
                if let Some(average) = &mut average {
                    average.add(&model.parameters);
                }
            }
            let loss = sum / split.len() as f64;
            ended = Ended {
                epochs: epoch + 1,
                loss: Some(loss),
            };
            let judges = patience.is_some() || self.watch.validates;
            let validation = judges.then(|| {
                // What is judged is what the stage would end with.
                exchange(&mut average, model);
                let accuracy = model.accuracy(self.data.validation());
                let best = patience.as_mut().map(|p| p.is_over(accuracy, model));
                exchange(&mut average, model);
                (accuracy, best.unwrap_or(false))
            });
            (self.watch.progress)(Progress {
                stage: index,
                epoch: epoch + 1,
                epochs: recipe.epochs,
                loss,
                validation: validation.map(|(accuracy, _)| accuracy),
            });
            if validation.is_some_and(|(_, is_over)| is_over) {
                break;
            }
        }
        match patience.and_then(Patience::into_best) {
            Some(best) => *model = best,
            None => exchange(&mut average, model),
        }
        Ok(ended)
    }
}

/// The average of a model's parameters in their place, and back.
fn exchange(average: &mut Option<Average>, model: &mut Model) {
    if let Some(average) = average {
        average.exchange(&mut model.parameters);
    }
}
