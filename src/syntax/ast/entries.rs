//! What stands between the braces of a declaration: fields, choices, sections, layers, rules, goals.

use super::{Annotation, Expr, Name, Parameter, Path};
use crate::source::{Span, Spanned};

/// One entry between braces, with what stands above and behind it.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// The text of the `///` lines above it.
    pub docs: Vec<Spanned<String>>,
    /// Annotations above it and behind it on its last line, in order.
    pub annotations: Vec<Annotation>,
    /// What it says.
    pub kind: EntryKind,
    /// Without docs and annotations.
    pub span: Span,
}

/// What an [`Entry`] says.
#[derive(Debug, Clone, PartialEq)]
pub enum EntryKind {
    /// `name = value`: fixes.
    Field(Field),
    /// `name in domain default value`: searches.
    Choice(Choice),
    /// `train { … }`, `precision binary { … }`, `stage acts { … }`.
    Section(Section),
    /// `s[1] { depth = 2 }`, `s[0].more { … }`.
    Part(Part),
    /// `forward(x) = sign(x)`.
    Formula(Formula),
    /// `layer stem = conv(…) -> norm -> relu6 when …`.
    Layer(Layer),
    /// `repeat depth as d { … }`.
    Repeat(Repeat),
    /// `parallel { branch a { … }  branch b { … } } join concat`.
    Parallel(Parallel),
    /// `branch a { … } when wide`, one of these.
    Branch(Branch),
    /// `block = residual(…) when deep`: a field or choice that is there under a condition.
    Optional(Optional),
    /// What an amendment says of one copy of a `repeat`; no file is written so.
    OfCopy(OfCopy),
    /// `add input via pad_shortcut when stride == 1`.
    Add(Add),
    /// `each layer { … }`, `first layer, last layer { … }`: a rule of a policy.
    Rule(PolicyRule),
    /// `maximize accuracy`, `minimize energy`.
    Goal(Goal),
    /// `require model_size <= 8 KiB, "fits the parameter memory"`.
    Require(Claim),
    /// `expect best.test.accuracy >= 95 %`.
    Expect(Claim),
    /// `check peak(binary) ~= 614 Gop/s within 1 %`.
    Check(Claim),
    /// `compare accuracy, energy against repairs = {}`.
    Compare(Compare),
    /// `remove skip`.
    Remove(Path),
    /// `around every binary conv -> norm { … }`, `before every sign { … }`.
    Edit(Edit),
    /// `param b per channel = 0`: a trained parameter that a repair adds.
    Learned(Learned),
}

/// `name = value`; the name may be dotted and indexed (`finetune.epochs`, `s[0].channels`) to override at depth.
#[derive(Debug, Clone, PartialEq)]
pub struct Field {
    /// What is fixed.
    pub target: Path,
    /// Its value.
    pub value: Expr,
}

/// `name in domain default value`.
#[derive(Debug, Clone, PartialEq)]
pub struct Choice {
    /// What is searched.
    pub target: Path,
    /// A set, `categories`, `subsets`, a range, or any expression such as the name of a set.
    pub domain: Expr,
    /// The first trial; rare, and not to make every entry longer.
    pub default: Option<Box<Expr>>,
}

/// `name { … }` or `name label { … }`.
#[derive(Debug, Clone, PartialEq)]
pub struct Section {
    /// `train`, `precision`, `stage`, …: any word here.
    pub name: Name,
    /// `binary` of `precision binary`.
    pub label: Option<Name>,
    /// What stands between the braces.
    pub entries: Vec<Entry>,
}

/// `s[1] { … }`: what an amendment says of one part, where that has more than a name.
#[derive(Debug, Clone, PartialEq)]
pub struct Part {
    /// Which.
    pub target: Path,
    /// What stands between the braces.
    pub entries: Vec<Entry>,
}

/// `name(parameters) = body`.
#[derive(Debug, Clone, PartialEq)]
pub struct Formula {
    /// What it defines.
    pub name: Name,
    /// Its parameters, at least one.
    pub params: Vec<Parameter>,
    /// The single expression.
    pub body: Expr,
}

/// `layer name = a -> b -> c when condition`.
#[derive(Debug, Clone, PartialEq)]
pub struct Layer {
    /// Its name in paths.
    pub name: Name,
    /// What stands between the arrows: names and calls, at least one.
    pub chain: Vec<Expr>,
    /// When it exists.
    pub when: Option<Expr>,
}

/// `repeat count as index { … }`.
#[derive(Debug, Clone, PartialEq)]
pub struct Repeat {
    /// How many copies.
    pub count: Expr,
    /// The name that counts them from 0 and stands in paths.
    pub index: Name,
    /// What is copied.
    pub entries: Vec<Entry>,
}

/// `parallel { branch a { … }  branch b { … } when wide } join concat`.
#[derive(Debug, Clone, PartialEq)]
pub struct Parallel {
    /// What stands between the braces: branches.
    pub entries: Vec<Entry>,
    /// `concat`, `add`: any word here.
    pub join: Name,
}

/// `branch name { … } when condition`.
#[derive(Debug, Clone, PartialEq)]
pub struct Branch {
    /// Its name in paths.
    pub name: Name,
    /// What stands between the braces.
    pub entries: Vec<Entry>,
    /// When it exists.
    pub when: Option<Expr>,
}

/// `name = value when condition`, `name in domain when condition`.
#[derive(Debug, Clone, PartialEq)]
pub struct Optional {
    /// The field or choice.
    pub statement: Box<EntryKind>,
    /// When it exists.
    pub when: Expr,
}

/// An entry that an amendment changed for one copy of a `repeat`.
#[derive(Debug, Clone, PartialEq)]
pub struct OfCopy {
    /// The name that counts the copies.
    pub index: Name,
    /// The number of the copy.
    pub copy: Expr,
    /// What stands in that copy.
    pub entry: Box<Entry>,
    /// What stands in all others.
    pub otherwise: Box<Entry>,
}

/// `add value via shortcut when condition`.
#[derive(Debug, Clone, PartialEq)]
pub struct Add {
    /// What is added to the output.
    pub value: Expr,
    /// How the shapes are made to fit: a name or a call.
    pub via: Option<Expr>,
    /// When it is added.
    pub when: Option<Expr>,
}

/// `quantifier selector, selector { … }`.
#[derive(Debug, Clone, PartialEq)]
pub struct PolicyRule {
    /// `each` or `every`, if written.
    pub quantifier: Option<Spanned<Quantifier>>,
    /// Which layers, at least one selector; a layer that any of them selects is meant.
    pub selectors: Vec<Selector>,
    /// What they get.
    pub entries: Vec<Entry>,
}

/// Whether a choice is made once per match or once for all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quantifier {
    /// Decides per match.
    Each,
    /// Decides once for all.
    Every,
}

/// `first layer`, `depthwise layer`, `layer s[0].d[*].project`, `conv layer where channels <= 16`.
#[derive(Debug, Clone, PartialEq)]
pub struct Selector {
    /// `first` or `last`.
    pub position: Option<Spanned<Position>>,
    /// The word before `layer`: the kind of operation.
    pub kind: Option<Name>,
    /// The pattern after `layer`.
    pub path: Option<Path>,
    /// The condition after `where`.
    pub condition: Option<Expr>,
    /// The whole selector.
    pub span: Span,
}

/// A layer picked by its place in the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Position {
    /// The first that has weights.
    First,
    /// The last that has weights.
    Last,
}

/// `maximize value` or `minimize value`.
#[derive(Debug, Clone, PartialEq)]
pub struct Goal {
    /// Which way is better.
    pub direction: Direction,
    /// The objective.
    pub value: Expr,
}

/// Which way is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// More is better.
    Maximize,
    /// Less is better.
    Minimize,
}

/// What must hold, and why.
#[derive(Debug, Clone, PartialEq)]
pub struct Claim {
    /// What must hold.
    pub condition: Expr,
    /// The reason in the author's words.
    pub message: Option<Spanned<String>>,
}

/// `compare subjects against baseline`.
#[derive(Debug, Clone, PartialEq)]
pub struct Compare {
    /// What is tabulated, at least one.
    pub subjects: Vec<Expr>,
    /// The setting that the others are compared with.
    pub against: Option<Field>,
}

/// A change of the network at every place that a pattern finds.
#[derive(Debug, Clone, PartialEq)]
pub struct Edit {
    /// Where, relative to the match.
    pub place: Place,
    /// `each` or `every`, if written.
    pub quantifier: Option<Spanned<Quantifier>>,
    /// `binary conv -> norm`: the steps of a chain, each one or more words, of which the last is the operation.
    pub pattern: Vec<Vec<Name>>,
    /// What is added there.
    pub entries: Vec<Entry>,
}

/// Where an [`Edit`] happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// From the input of the match to its output.
    Around,
    /// On the input of the match.
    Before,
    /// On the output of the match.
    After,
}

/// `param name per axis = initial`.
#[derive(Debug, Clone, PartialEq)]
pub struct Learned {
    /// Its name in the formulas beside it.
    pub name: Name,
    /// `channel`, `tensor`, …: any word here.
    pub per: Option<Name>,
    /// The value before training.
    pub initial: Expr,
}
