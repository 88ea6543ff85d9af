//! A stage of training: epochs of steps.

use std::sync::atomic::Ordering;

use super::batch::{self, Augmentation};
use super::checkpoint;
use super::data::Data;
use super::feed::{self, Batch, Batches, Positions};
use super::model::{Model, Objective};
use super::optimizer::Stepper;
use super::schedule::{self, Moment};
use super::technique::{self, Average, Patience};
use super::{Past, Progress, TrainError, Watch};
use crate::ir::Quantize;
use crate::model::{Candidate, Recipe, Stage};
use crate::stream::Key;

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

/// Where a stage is between two epochs; the rest is in its model.
pub struct State {
    /// Epochs that are done.
    pub epochs: usize,
    /// Mean training loss of the last of them.
    pub loss: Option<f64>,
    /// Where the random streams are.
    pub positions: Positions,
    /// The optimizer and what it remembers.
    pub stepper: Stepper,
    /// The moving average of parameters.
    pub average: Option<Average>,
    /// Who waits for a better epoch.
    pub patience: Option<Patience>,
}

impl State {
    /// Before the first epoch.
    pub fn new(recipe: &Recipe) -> State {
        State {
            epochs: 0,
            loss: None,
            positions: Positions::default(),
            stepper: Stepper::new(recipe.optimizer),
            average: recipe.techniques.average.map(Average::new),
            patience: recipe.techniques.patience.map(Patience::new),
        }
    }
}

/// How a stage ended.
#[derive(Debug, Clone, Copy)]
pub struct Ended {
    /// Epochs that were trained.
    pub epochs: usize,
    /// Mean training loss of the last of them.
    pub loss: Option<f64>,
}

impl<'a> Run<'a> {
    /// Trains `model` through stage `index`, or through what is left of it behind `state`.
    pub fn stage(
        &mut self,
        model: &mut Model,
        index: usize,
        mut state: State,
        past: &Past,
    ) -> Result<Ended, TrainError> {
        let stage = &self.candidate.stages[index];
        let epochs = stage.recipe.epochs;
        let count = batch::count(self.data.train().len(), stage.recipe.batch);
        let left = epochs.saturating_sub(state.epochs).saturating_mul(count);
        let batches = self.batches(index, state.positions).take(left);
        let aside = self.watch.aside && left > 0;
        feed::feed(batches, aside, |next| {
            let is_over = |state: &State| state.patience.as_ref().is_some_and(Patience::is_over);
            while state.epochs < epochs && !is_over(&state) {
                let teacher = stage.teacher.and_then(|t| past.teachers.get(t)?.as_ref());
                let loss = self.epoch(model, stage, &mut state, teacher, next)?;
                let validation = self.judge(model, index, &mut state);
                (self.watch.progress)(Progress {
                    stage: index,
                    epoch: state.epochs,
                    epochs,
                    loss,
                    validation,
                });
                if let Some(keeper) = self.watch.keeper.as_deref_mut()
                    && keeper.is_due()
                {
                    let bytes = checkpoint::write(
                        self.candidate,
                        keeper.identity(),
                        model,
                        index,
                        &mut state,
                        past,
                    )?;
                    keeper.save(&bytes);
                }
            }
            Ok::<_, TrainError>(())
        })?;
        match state.patience.take().and_then(Patience::into_best) {
            Some(best) => *model = best,
            None => {
                exchange(&mut state.average, model);
                self.settle(model, index, &state);
            }
        }
        Ok(Ended {
            epochs: state.epochs,
            loss: state.loss,
        })
    }

    /// One pass over the training split; its mean loss.
    fn epoch(
        &self,
        model: &mut Model,
        stage: &Stage,
        state: &mut State,
        teacher: Option<&Model>,
        next: &mut dyn FnMut() -> Option<Batch>,
    ) -> Result<f64, TrainError> {
        let recipe = &stage.recipe;
        let techniques = recipe.techniques;
        let samples = self.data.train().len();
        let batches = batch::count(samples, recipe.batch);
        let diverged = |loss| TrainError::Diverged {
            stage: stage.name.clone(),
            epoch: state.epochs + 1,
            loss,
        };
        let mut sum = 0.0;
        for index in 0..batches {
            if self.watch.stop.load(Ordering::Relaxed) {
                return Err(TrainError::Stopped);
            }
            let batch = next().expect("invariant: as many batches as epochs have");
            state.positions = batch.after;
            let objective = Objective {
                labels: &batch.labels,
                smoothing: recipe.label_smoothing,
                loss: stage.loss,
                teacher,
            };
            let step = state.epochs * batches + index;
            let moment = Moment::new(state.epochs, recipe.epochs, step, recipe.epochs * batches);
            let (loss, mut gradients) = model.gradients(batch.images, &objective, moment)?;
            if !loss.is_finite() {
                return Err(diverged(loss));
            }
            sum += loss * batch.labels.len() as f64;
            if let Some(longest) = techniques.clip_gradient {
                technique::clip_gradient(&model.parameters, &mut gradients, longest)?;
            }
            let factor = schedule::factor(&recipe.schedule, moment);
            let parameters = &mut model.parameters;
            state.stepper.step(parameters, &mut gradients, factor)?;
            if let Some(limit) = techniques.clip_weights {
                technique::clip_weights(parameters, limit);
            }
            if let Some(average) = &mut state.average {
                average.add(parameters);
            }
        }
        let loss = sum / samples as f64;
        // A quantizer may hide it from the loss.
        if !model.is_finite() {
            return Err(diverged(loss));
        }
        state.epochs += 1;
        state.loss = Some(loss);
        Ok(loss)
    }

    /// The accuracy on the validation split of what the stage would end with, if anybody asks.
    fn judge(&self, model: &mut Model, index: usize, state: &mut State) -> Option<f64> {
        if state.patience.is_none() && !self.watch.validates {
            return None;
        }
        exchange(&mut state.average, model);
        let mut ending = model.clone();
        exchange(&mut state.average, model);
        self.settle(&mut ending, index, state);
        let accuracy = ending.accuracy(self.data.validation());
        if let Some(patience) = &mut state.patience {
            patience.see(accuracy, &ending);
        }
        Some(accuracy)
    }

    /// What a stage does to its network at the end, once it has trained: behind quantizers, and for averaged parameters, batch norm is
    /// measured anew, in the batches that the next epoch would have. What it has learned of the networks on the way is not of this one.
    fn settle(&self, model: &mut Model, index: usize, state: &State) {
        let stage = &self.candidate.stages[index];
        let is_quantized = model.has_quantizers() && stage.quantize != Quantize::None;
        let is_averaged = stage.recipe.techniques.average.is_some();
        if state.epochs == 0 || !is_quantized && !is_averaged {
            return;
        }
        let count = batch::count(self.data.train().len(), stage.recipe.batch);
        let batches = self.batches(index, state.positions).take(count);
        model.measure_norms(batches.map(|batch| batch.images));
    }

    /// The batches of stage `index` from an epoch on.
    fn batches(&self, index: usize, from: Positions) -> Batches<'a> {
        let augmentation = Augmentation {
            shift: self.candidate.shift,
            flip: self.candidate.flip,
            cutout: self.candidate.cutout,
        };
        let split = self.data.train();
        let count = batch::count(split.len(), self.candidate.stages[index].recipe.batch);
        Batches::new(split, augmentation, count, (self.key, index), from)
    }
}

/// The average of a model's parameters in their place, and back.
fn exchange(average: &mut Option<Average>, model: &mut Model) {
    if let Some(average) = average {
        average.exchange(&mut model.parameters);
    }
}
