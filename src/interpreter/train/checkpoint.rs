//! A training between two epochs, as bytes: what it needs to go on as if nothing had happened.
//!
//! In: a model, where its stage is, what earlier stages left. Out: a safetensors file, and back. Its metadata say which training it is (the spec's
//! hash, seed, trial, repeat, a hash of the candidate), where it is, and what everything else hashes to, so that a file that is damaged, or
//! another training's, is found out. Knows nothing of folders and clocks: that is what a [`Keeper`] is for.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::feed::Positions;
use super::model::Model;
use super::optimizer::Stepper;
use super::stage::State;
use super::storage::{self, Entry, StorageError};
use super::technique::{Average, Patience};
use super::{Marks, Past, TrainError};
use crate::model::Candidate;
use crate::stream::Key;

/// Words of the metadata that are this file's own.
const CANDIDATE: &str = "candidate";
const PLACE: &str = "place";
const CHECK: &str = "check";

/// Keeps checkpoints of one training: where, when, and what is said about it.
pub trait Keeper {
    /// Which training it is. A checkpoint of another identity is not its own.
    fn identity(&self) -> &BTreeMap<String, String>;
    /// What was kept last.
    fn load(&mut self) -> Option<Vec<u8>>;
    /// Whether it is time to keep again; asked at the end of each epoch.
    fn is_due(&self) -> bool;
    /// Keeps this in place of what was kept before. What goes wrong here stops no training.
    fn save(&mut self, bytes: &[u8]);
    /// Something that the user should know.
    fn note(&mut self, text: &str);
}

/// A training that goes on.
pub struct Resumed {
    /// As it was.
    pub model: Model,
    /// The stage that it was in.
    pub stage: usize,
    /// Where in it.
    pub state: State,
    /// What earlier stages left.
    pub past: Past,
}

/// Everything that is no tensor.
#[derive(Serialize, Deserialize)]
struct Place {
    stage: usize,
    epochs: usize,
    loss: Option<f64>,
    positions: Positions,
    /// Of the optimizer.
    steps: i32,
    /// Epochs that early stopping has waited, and its best accuracy.
    patience: Option<(usize, Option<f64>)>,
    averages: bool,
    /// Whether each earlier stage teaches.
    teachers: Vec<bool>,
    marks: Marks,
}

/// The bytes of a training in stage `stage`, which is at `state`.
pub fn write(
    candidate: &Candidate,
    identity: &BTreeMap<String, String>,
    model: &Model,
    stage: usize,
    state: &mut State,
    past: &Past,
) -> Result<Vec<u8>, TrainError> {
    let mut entries = model.state("model.");
    let mut list = |prefix: &str, lists: Vec<Vec<f32>>| {
        for (parameter, values) in model.parameters.iter().zip(lists) {
            let name = format!("{prefix}{}", parameter.name);
            entries.push(Entry::vector(name, values));
        }
    };
    let (first, second) = state.stepper.moments(&model.parameters)?;
    list("first.", first);
    list("second.", second);
    if let Some(average) = &state.average {
        list("average.", average.values().to_vec());
    }
    if let Some((_, best)) = state.patience.as_ref().and_then(Patience::best) {
        entries.extend(best.state("best."));
    }
    for (index, teacher) in past.teachers.iter().enumerate() {
        let state = teacher.as_ref().map(|t| t.state(&teacher_prefix(index)));
        entries.extend(state.into_iter().flatten());
    }
    let place = Place {
        stage,
        epochs: state.epochs,
        loss: state.loss,
        positions: state.positions,
        steps: state.stepper.steps(),
        patience: (state.patience.as_ref()).map(|p| (p.waited(), p.best().map(|(a, _)| *a))),
        averages: state
            .average
            .as_ref()
            .is_some_and(|a| !a.values().is_empty()),
        teachers: past.teachers.iter().map(Option::is_some).collect(),
        marks: past.marks.clone(),
    };
    let place = serde_json::to_string(&place).expect("invariant: plain data");
    entries.sort_by(|a, b| a.name.cmp(&b.name));
    let mut metadata = identity.clone();
    metadata.insert(CANDIDATE.into(), hash_of(candidate));
    metadata.insert(CHECK.into(), check(&place, &entries));
    metadata.insert(PLACE.into(), place);
    Ok(storage::write(&entries, &metadata))
}

/// The training that [`write()`] wrote, if it is this one.
pub fn read(
    candidate: &Candidate,
    key: Key,
    identity: &BTreeMap<String, String>,
    bytes: &[u8],
) -> Result<Resumed, StorageError> {
    let (entries, mut metadata) = storage::read(bytes)?;
    let place = metadata.remove(PLACE).unwrap_or_default();
    if metadata.remove(CHECK) != Some(check(&place, &entries)) {
        return storage::error("it is damaged");
    }
    if metadata.remove(CANDIDATE) != Some(hash_of(candidate)) || metadata != *identity {
        let mut differ = identity
            .iter()
            .filter(|(name, value)| metadata.get(*name) != Some(value));
        let what = differ
            .next()
            .map_or("network or recipe", |(name, _)| name.as_str());
        return storage::error(format!("it is of another training, whose {what} differs"));
    }
    let place: Place = serde_json::from_str(&place).map_err(|e| StorageError {
        reason: format!("it says nothing of where it is ({e})"),
    })?;
    let Some(stage) = candidate.stages.get(place.stage) else {
        return storage::error("it is in a stage that is not there");
    };
    let mut entries: BTreeMap<String, Entry> =
        entries.into_iter().map(|e| (e.name.clone(), e)).collect();
    let mut model = Model::new(candidate, key).map_err(|e| StorageError {
        reason: e.to_string(),
    })?;
    let mut other = model.clone();
    model.restore("model.", &mut entries)?;
    let mut list = |prefix: &str| -> Result<Vec<Vec<f32>>, StorageError> {
        let all = model.parameters.iter().map(|p| {
            let name = format!("{prefix}{}", p.name);
            storage::take(&mut entries, &name, p.value.values().len())
        });
        all.collect()
    };
    let moments = (list("first.")?, list("second.")?);
    let average = match (place.averages, stage.recipe.techniques.average) {
        (true, Some(decay)) => Some(Average::of(decay, list("average.")?)),
        (_, decay) => decay.map(Average::new),
    };
    let optimizer = stage.recipe.optimizer;
    let stepper = Stepper::of(optimizer, place.steps, &model.parameters, moments);
    let stepper = stepper.map_err(|e| StorageError {
        reason: e.to_string(),
    })?;
    let mut restored = |prefix: &str| -> Result<Model, StorageError> {
        other.restore(prefix, &mut entries)?;
        Ok(other.clone())
    };
    let patience = match (place.patience, stage.recipe.techniques.patience) {
        (Some((waited, best)), Some(epochs)) => {
            let best = match best {
                Some(accuracy) => Some((accuracy, restored("best.")?)),
                None => None,
            };
            Some(Patience::of(epochs, waited, best))
        }
        (_, epochs) => epochs.map(Patience::new),
    };
    let mut teachers = Vec::new();
    for (index, teaches) in place.teachers.iter().enumerate() {
        teachers.push(match teaches {
            true => Some(restored(&teacher_prefix(index))?),
            false => None,
        });
    }
    if let Some(name) = entries.keys().next() {
        return storage::error(format!("tensor `{name}` is none of this training"));
    }
    Ok(Resumed {
        model,
        stage: place.stage,
        state: State {
            epochs: place.epochs,
            loss: place.loss,
            positions: place.positions,
            stepper,
            average,
            patience,
        },
        past: Past {
            marks: place.marks,
            teachers,
        },
    })
}

fn teacher_prefix(stage: usize) -> String {
    format!("teacher.{stage}.")
}

/// A hash of the network, its quantizers and its recipe.
fn hash_of(candidate: &Candidate) -> String {
    let json = serde_json::to_vec(candidate).expect("invariant: a candidate is plain data");
    blake3::hash(&json).to_hex().to_string()
}

/// A hash of all that is kept; entries in the order of their names.
fn check(place: &str, entries: &[Entry]) -> String {
    let mut hasher = blake3::Hasher::new();
    hasher.update(place.as_bytes());
    for entry in entries {
        hasher.update(entry.name.as_bytes());
        let bytes: Vec<u8> = entry.values.iter().flat_map(|v| v.to_le_bytes()).collect();
        hasher.update(&bytes);
    }
    hasher.finalize().to_hex().to_string()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;

    use super::*;
    use crate::interpreter::train::fixtures::{
        candidate, digits, int, place, quantizer, recipe, small, stage,
    };
    use crate::interpreter::train::{Data, Trained, Watch, train};
    use crate::ir::Quantize;
    use crate::model::{Activation, Grid, Loss, Optimizer, ScaleRule, Stage};

    const KEY: Key = Key {
        seed: 5,
        trial: 3,
        repeat: 1,
    };

    /// Keeps every checkpoint, and gives one.
    struct Shelf {
        identity: BTreeMap<String, String>,
        given: Option<Vec<u8>>,
        kept: Vec<Vec<u8>>,
        notes: Vec<String>,
    }

    impl Shelf {
        fn new(given: Option<Vec<u8>>) -> Shelf {
            Shelf {
                identity: BTreeMap::from([
                    ("spec".into(), "a".into()),
                    ("seed".into(), "5".into()),
                ]),
                given,
                kept: Vec::new(),
                notes: Vec::new(),
            }
        }
    }

    impl Keeper for Shelf {
        fn identity(&self) -> &BTreeMap<String, String> {
            &self.identity
        }
        fn load(&mut self) -> Option<Vec<u8>> {
            self.given.clone()
        }
        fn is_due(&self) -> bool {
            true
        }
        fn save(&mut self, bytes: &[u8]) {
            self.kept.push(bytes.to_vec());
        }
        fn note(&mut self, text: &str) {
            self.notes.push(text.into());
        }
    }

    /// Every kind of state: learned and calibrated scales, half and whole quantization, a teacher, an average, early stopping, both
    /// optimizers, changes of images.
    fn everything() -> Candidate {
        let mut network = small(Activation::Hardtanh);
        place(
            &mut network,
            &quantizer(int(4, true), ScaleRule::Learned),
            &quantizer(Grid::Ternary, ScaleRule::MeanAbs),
        );
        let mut of = candidate(network, 0, None);
        (of.shift, of.flip, of.cutout) = (1, true, 2);
        let mut float = stage("float", Quantize::None, recipe(2, 3e-3));
        float.recipe.optimizer = Optimizer::Sgd {
            lr: 0.05,
            momentum: 0.9,
            weight_decay: 1e-4,
        };
        float.recipe.techniques.average = Some(0.9);
        let weights = stage("weights", Quantize::Weights, recipe(2, 1e-3));
        let mut all = Stage {
            teacher: Some(0),
            loss: Loss {
                task: 0.5,
                distill: 0.5,
                temperature: 2.0,
            },
            ..stage("all", Quantize::All, recipe(3, 1e-3))
        };
        all.recipe.techniques.average = Some(0.5);
        all.recipe.techniques.patience = Some(2.0);
        of.stages = vec![float, weights, all];
        of
    }

    fn run(of: &Candidate, shelf: &mut Shelf) -> Trained {
        let data = Data::load_from(&digits(), None).unwrap();
        let watch = Watch {
            stop: &AtomicBool::new(false),
            progress: &mut |_| {},
            validates: false,
            aside: false,
            keeper: Some(shelf),
        };
        train(of, &data, KEY, watch).unwrap()
    }

    fn same(a: &Trained, b: &Trained) {
        let bytes = |t: &Trained| t.model.to_safetensors(&BTreeMap::new());
        assert!(bytes(a) == bytes(b));
        assert_eq!(a.after, b.after);
        assert_eq!(a.float_validation, b.float_validation);
        assert_eq!(a.post_training_validation, b.post_training_validation);
        assert_eq!((a.validation, a.is_tuned), (b.validation, b.is_tuned));
        assert_eq!((a.epochs, a.loss), (b.epochs, b.loss));
    }

    #[test]
    fn a_training_goes_on_from_any_epoch_to_the_same_bits() {
        let of = everything();
        let mut whole = Shelf::new(None);
        let trained = run(&of, &mut whole);
        assert!((6..=7).contains(&whole.kept.len()));
        assert!(whole.notes.is_empty());
        for (index, checkpoint) in whole.kept.iter().enumerate() {
            let mut rest = Shelf::new(Some(checkpoint.clone()));
            same(&trained, &run(&of, &mut rest));
            assert!(rest.kept == whole.kept[index + 1..], "from {index}");
            assert!(rest.notes[0].contains("goes on"), "{:?}", rest.notes);
        }
    }

    #[test]
    fn a_damaged_or_foreign_checkpoint_is_no_start() {
        let of = everything();
        let mut whole = Shelf::new(None);
        let trained = run(&of, &mut whole);
        let good = &whole.kept[3];
        let begins_anew = |bytes: Vec<u8>, why: &str| {
            let mut shelf = Shelf::new(Some(bytes));
            same(&trained, &run(&of, &mut shelf));
            assert!(shelf.kept == whole.kept);
            assert!(shelf.notes[0].contains(why), "{:?}", shelf.notes);
        };
        let mut flipped = good.clone();
        *flipped.last_mut().unwrap() ^= 1;
        begins_anew(flipped, "damaged");
        begins_anew(good[..good.len() / 2].to_vec(), "safetensors");
        begins_anew(b"nonsense".to_vec(), "safetensors");
        // Of the same spec with another recipe, and of another spec.
        let mut other = of.clone();
        other.stages[2].recipe.label_smoothing = 0.1;
        let mut shelf = Shelf::new(None);
        run(&other, &mut shelf);
        begins_anew(shelf.kept[0].clone(), "recipe differs");
        let mut shelf = Shelf::new(None);
        shelf.identity.insert("spec".into(), "b".into());
        run(&of, &mut shelf);
        begins_anew(shelf.kept[0].clone(), "whose spec differs");
    }
}
