//! Experiments: everything bound to a seed, a search, goals, requirements and expectations.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{
    Dataset, Evaluator, Expr, Let, Policy, Quantizer, Repair, Slot, Space, Target, Techniques,
    Value,
};
use crate::source::Span;

/// A checked spec.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Program {
    /// The experiments of the file that was checked, in order.
    pub experiments: Vec<Experiment>,
}

/// One experiment, with everything that it refers to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Experiment {
    /// Its name.
    pub name: String,
    /// Its doc comment.
    pub docs: String,
    /// The root of all randomness.
    pub seed: u64,
    /// How often each candidate is trained, at least once; its measurements are the means.
    pub repeats: usize,
    /// What weights start from: the name of an [`Init`](super::Init).
    pub init: Slot,
    /// `x in -5.0..10.0`: values and decisions of the experiment itself.
    pub lets: Vec<Let>,
    /// Measures candidates in place of training. Its metrics are called `measured.…` in expressions.
    pub evaluator: Option<Evaluator>,
    /// Absent in a search over a formula; then `space`, `policy` and `target` are absent, too.
    pub data: Option<Dataset>,
    /// The network.
    pub space: Option<Space>,
    /// Absent: no quantization. The first of several, if one is searched.
    pub policy: Option<Policy>,
    /// The others of `policy in {…}`.
    pub policy_choice: Option<Choice<Policy>>,
    /// Every quantizer that can be named, by the policy, a decision or a repair.
    pub quantizers: Vec<Quantizer>,
    /// A set of repairs' names. Fixed or searched.
    pub repairs: Slot,
    /// Every repair that `repairs` can name.
    pub repair_definitions: Vec<Repair>,
    /// Absent: no energy and no latency. The first of several, if one is searched.
    pub target: Option<Target>,
    /// The others of `target in {…}`.
    pub target_choice: Option<Choice<Target>>,
    /// How candidates are trained, in order; empty in a search over a formula. What is not quantized after the last stage is quantized then.
    pub stages: Vec<Stage>,
    /// What is trained again after the search.
    pub final_training: Option<FinalTraining>,
    /// How candidates are chosen.
    pub search: Search,
    /// At least one.
    pub goals: Vec<Goal>,
    /// What a candidate must meet.
    pub requires: Vec<Require>,
    /// What the result must show.
    pub expects: Vec<Expect>,
    /// The author's units: of a metric or goal, by its text, the unit that it is compared with somewhere in the experiment.
    #[serde(default)]
    pub units: BTreeMap<String, String>,
    /// Where the numbers of the library come from, for the report.
    pub provenance: Vec<Provenance>,
    /// Each runs the whole search; then this experiment is that of the first. Empty without `arms`.
    pub arms: Vec<Arm>,
    /// What it amends, for messages.
    #[serde(skip)]
    pub amendments: Vec<Amendment>,
    /// Where the name stands.
    pub span: Span,
}

/// A declaration that an experiment amends, and where it does.
#[derive(Debug, Clone, PartialEq)]
pub struct Amendment {
    /// The declaration's name.
    pub name: String,
    /// The name of what it becomes: another one where it is declared as such.
    pub becomes: String,
    /// Where it stands, what it derives from, and the blocks that it copies if it is a space.
    pub of: Vec<Span>,
    /// Each entry of the amendment.
    pub at: Vec<Span>,
    /// For each, the path of the value that it gives, `s[0].kernel` of `s[0].kernel = 5`; empty where it has none.
    pub paths: Vec<String>,
}

/// A choice among declarations, `target in {a, b}`: a search decides which one it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Choice<T> {
    /// All but the first.
    pub others: Vec<T>,
    /// The name of that of the first trial.
    pub default: Option<Value>,
    /// Where the domain stands.
    pub span: Span,
}

/// One combination of the values of `arms { … }`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Arm {
    /// What was set to what, as written, in the order of the text.
    pub settings: Vec<(String, String)>,
    /// The experiment with these values, without arms of its own.
    pub experiment: Experiment,
}

impl Experiment {
    /// What is searched: the experiment itself, or that of each arm with its settings.
    pub fn searches(&self) -> Vec<(&[(String, String)], &Experiment)> {
        if self.arms.is_empty() {
            return vec![(&[], self)];
        }
        let arms = self.arms.iter();
        arms.map(|a| (a.settings.as_slice(), &a.experiment))
            .collect()
    }
}

/// A stage of training with its place among the others.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Stage {
    /// `train`, `finetune`, or the author's; its decisions stand below it.
    pub name: String,
    /// What is quantized meanwhile: the name of a [`Quantize`].
    pub quantize: Slot,
    /// How it trains.
    pub training: Training,
    /// The name of the earlier stage whose network is asked.
    pub teacher: Option<Slot>,
    /// What is minimized. The first of several, if one is searched.
    pub loss: Loss,
    /// The others of `loss in {…}`.
    pub loss_choice: Option<Choice<Loss>>,
    /// Where its name stands.
    pub span: Span,
}

/// Which operands go through their quantizers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Quantize {
    /// None: the network is float.
    #[default]
    None,
    /// What enters a product.
    Activations,
    /// Weights.
    Weights,
    /// Both.
    All,
}

impl Quantize {
    /// The one with this name in the language.
    pub fn of(word: &str) -> Option<Quantize> {
        match word {
            "none" => Some(Quantize::None),
            "activations" => Some(Quantize::Activations),
            "weights" => Some(Quantize::Weights),
            "all" => Some(Quantize::All),
            _ => None,
        }
    }

    /// Whether what enters a product is quantized.
    pub fn activations(self) -> bool {
        matches!(self, Quantize::Activations | Quantize::All)
    }

    /// Whether weights are.
    pub fn weights(self) -> bool {
        matches!(self, Quantize::Weights | Quantize::All)
    }
}

/// A linear combination of losses; each coefficient is an expression.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Loss {
    /// What it is called among others: `task`, `task_distill`.
    pub name: String,
    /// Of the cross-entropy with the labels, `task`.
    pub task: Expr,
    /// Of `distill(kl)`: the divergence of the network's classes from those of the teacher.
    pub distill: Expr,
    /// Of both, in `distill`.
    pub temperature: Slot,
}

impl Default for Loss {
    /// `task`.
    fn default() -> Loss {
        Loss {
            name: "task".into(),
            task: Expr::number(1.0),
            distill: Expr::number(0.0),
            temperature: Slot::Fixed(Expr::number(1.0)),
        }
    }
}

/// How a stage trains.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Training {
    /// Passes over the training split.
    pub epochs: Slot,
    /// Samples per step.
    pub batch: Slot,
    /// `adam(lr, beta1, beta2, weight_decay)` or `sgd(lr, momentum, weight_decay)`; defaults filled in by analysis.
    pub optimizer: Slot,
    /// `constant`, `cosine` (to zero over the stage), or a formula of [`PROGRESS`](super::PROGRESS) in which schedules that have names are
    /// records: `warmup(share = 0.1)`.
    pub schedule: Slot,
    /// 0 to 1.
    pub label_smoothing: Slot,
    /// In place of the optimizer's own.
    pub weight_decay: Option<Slot>,
    /// What it does besides stepping.
    pub techniques: Techniques<Slot>,
}

/// Training after the search, from the start: one stage has other fields then, the rest is as in the search.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FinalTraining {
    /// Whether only the best is trained, or the whole Pareto set.
    pub only_best: bool,
    /// The name of the stage whose fields these are.
    pub stage: String,
    /// Passes over the training split, if more or fewer.
    pub epochs: Option<Slot>,
    /// Samples per step, if others.
    pub batch: Option<Slot>,
    /// What steps, if another.
    pub optimizer: Option<Slot>,
    /// How the learning rate goes, if in another way.
    pub schedule: Option<Slot>,
    /// 0 to 1, if another.
    pub label_smoothing: Option<Slot>,
    /// In place of the optimizer's own.
    pub weight_decay: Option<Slot>,
    /// What it does besides stepping, in addition to what the stage does and in place of it.
    #[serde(default)]
    pub techniques: Techniques<Slot>,
}

/// How the search goes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Search {
    /// Who proposes.
    pub method: Method,
    /// Candidates in all.
    pub trials: usize,
    /// Random ones before the model is asked.
    pub initial: usize,
    /// Suggestion k sees the results of trials 0 … k - slots. `--jobs` never changes it.
    pub slots: usize,
}

/// Who proposes candidates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// Uniform over the feasible space.
    Random,
    /// Every member in order.
    Grid,
    /// Bayesian optimization.
    Bayes,
}

/// `maximize accuracy`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Goal {
    /// Which way.
    pub direction: Direction,
    /// Over metrics and the experiment's names.
    pub expr: Arc<Expr>,
    /// The text as written: the column's name.
    pub text: String,
    /// Its base unit: `J`, `s`, `bit`, `J*s`; `%` for shares that read as percentages; empty for plain numbers.
    pub unit: String,
    /// Where it stands.
    pub span: Span,
}

/// Which way a goal goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// More is better.
    Maximize,
    /// Less is better.
    Minimize,
}

/// `require model_size <= 8 KiB, "why"`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Require {
    /// A truth value over metrics and names.
    pub holds: Arc<Expr>,
    /// The text as written.
    pub text: String,
    /// The author's reason.
    pub why: Option<String>,
    /// Where it stands.
    pub span: Span,
    /// The parts of a conjunction as written, `a <= 1` and `b <= 2` of `a <= 1 and b <= 2`, and where they stand, in order; empty of anything else.
    pub parts: Vec<(String, Span)>,
}

/// `expect best.test.accuracy >= 95 %`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Expect {
    /// A truth value over `best.*` and `pareto.*`.
    pub holds: Arc<Expr>,
    /// Names of the experiment in it that stand for formulas of metrics.
    #[serde(default)]
    pub measures: Vec<Measure>,
    /// The text as written.
    pub text: String,
    /// Where it stands.
    pub span: Span,
}

/// `best.edp`, of `edp = energy * latency`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Measure {
    /// The name.
    pub name: String,
    /// What it stands for.
    pub formula: Expr,
    /// Its base unit: `J*s`; empty for plain numbers.
    pub unit: String,
}

/// Where a constant comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Provenance {
    /// What it is about: `target braintta`, `clock`.
    pub subject: String,
    /// `paper` or `assumption`.
    pub kind: String,
    /// The citation or the reason.
    pub text: String,
}
