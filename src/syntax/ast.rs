//! The tree of a `.bnas` file as it was written.
//!
//! In: what the parser recognized. Out: plain data with a [`Span`] on everything that a diagnostic
//! may point at. It must not know the schema: kinds, field names, operations, units and functions are words here, and
//! analysis decides which of them exist. Comments are no part of the tree (the formatter works on the text); documentation
//! comments are.

use crate::source::{Span, Spanned};

/// One source text.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct File {
    /// The number on the line `bnas 1`; `None` when it is missing or unknown, which is a diagnostic already.
    pub edition: Option<Spanned<u32>>,
    /// What the file takes from other files, in order.
    pub uses: Vec<Use>,
    /// What the file declares, in order.
    pub declarations: Vec<Declaration>,
    /// Whether something that no declaration could be read from stands outside of all: names may be missing.
    pub broken: bool,
    /// Names that entries may have defined that could not be read.
    pub lost: Vec<String>,
}

/// A word with its place.
#[derive(Debug, Clone, PartialEq)]
pub struct Name {
    /// The word.
    pub text: String,
    /// Where it stands.
    pub span: Span,
}

/// `use std.targets.braintta`, `use std.repairs.training.{a, b}`, `use "layers.bnas".{x}`.
#[derive(Debug, Clone, PartialEq)]
pub struct Use {
    /// Where the names come from.
    pub from: UseFrom,
    /// The names in braces; `None` without braces.
    pub names: Option<Vec<Name>>,
    /// The whole line.
    pub span: Span,
}

/// The source of a [`Use`].
#[derive(Debug, Clone, PartialEq)]
pub enum UseFrom {
    /// `std.targets.braintta`: the segments in order, at least one.
    Path(Vec<Name>),
    /// `"layers.bnas"`: a file, relative to the importing file.
    File(Spanned<String>),
}

/// `kind name(parameters) : base { entries }`, with what stands above it.
#[derive(Debug, Clone, PartialEq)]
pub struct Declaration {
    /// The text of the `///` lines above it, one per line, without the slashes and one leading blank.
    pub docs: Vec<Spanned<String>>,
    /// `@paper(…)` and the like.
    pub annotations: Vec<Annotation>,
    /// `experiment`, `space`, `quantizer`, …: any word here.
    pub kind: Name,
    /// What it declares.
    pub name: Name,
    /// Parameters in parentheses; empty without them.
    pub params: Vec<Parameter>,
    /// The word after `:`.
    pub base: Option<Name>,
    /// What stands between the braces.
    pub entries: Vec<Entry>,
    /// From the kind to the closing brace.
    pub span: Span,
    /// Whether a part of it could not be read, which is a diagnostic already; perhaps only kind and name could.
    pub broken: bool,
}

/// One parameter of a declaration or formula: `channels` or `kernel = 3`.
#[derive(Debug, Clone, PartialEq)]
pub struct Parameter {
    /// Its name.
    pub name: Name,
    /// Its default, if it has one.
    pub default: Option<Expr>,
}

/// `@paper("arXiv:2211.11331", where = "abstract")`.
#[derive(Debug, Clone, PartialEq)]
pub struct Annotation {
    /// The word after `@`.
    pub name: Name,
    /// What stands in parentheses.
    pub args: Vec<Argument>,
    /// From the `@` to the closing parenthesis.
    pub span: Span,
}

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
    /// The first trial.
    pub default: Option<Expr>,
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

/// `space.s[1].channels`, `s[*].d[0]`, or a plain name.
#[derive(Debug, Clone, PartialEq)]
pub struct Path {
    /// The first name.
    pub head: Name,
    /// What follows it.
    pub steps: Vec<Step>,
    /// From the first name to the last step.
    pub span: Span,
}

impl Path {
    /// The name, if it is nothing but one.
    pub fn as_name(&self) -> Option<&Name> {
        self.steps.is_empty().then_some(&self.head)
    }
}

/// One step of a [`Path`].
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// `.channels`.
    Member(Name),
    /// `[1]`.
    Index(Expr),
    /// `[*]`: every copy.
    All(Span),
}

/// One argument in parentheses.
#[derive(Debug, Clone, PartialEq)]
pub enum Argument {
    /// `average`, or `model_size where accuracy >= 85 %`.
    Positional {
        /// Its value.
        value: Expr,
        /// Which members count.
        filter: Option<Expr>,
    },
    /// `channels = 16`. Before `=` any word is a name, keywords too (`where = "abstract"`).
    Fixed {
        /// The parameter.
        name: Name,
        /// Its value.
        value: Expr,
    },
    /// `lr in 1e-4..1e-2 log default 1e-3`.
    Searched {
        /// The parameter.
        name: Name,
        /// Its domain.
        domain: Expr,
        /// The first trial.
        default: Option<Expr>,
    },
}

/// An expression with its place. A parenthesized one is the one inside, with a span that includes the parentheses.
#[derive(Debug, Clone, PartialEq)]
pub struct Expr {
    /// What it is.
    pub kind: ExprKind,
    /// Where it stands.
    pub span: Span,
}

/// What an [`Expr`] is.
#[derive(Debug, Clone, PartialEq)]
pub enum ExprKind {
    /// `2e-3`, `35 fJ/op`, `1 %`.
    Number(Number),
    /// `"arXiv:1801.04381"`, without quotes and escapes.
    Text(String),
    /// `true`, `false`.
    Bool(bool),
    /// `width`, `space.s[1].channels`.
    Path(Path),
    /// `conv(channels = 16)`.
    Call {
        /// What is called.
        callee: Path,
        /// Its arguments.
        args: Vec<Argument>,
    },
    /// `resnet20 { width = 8 }`: a copy of the base with these entries overridden.
    Amend {
        /// A path or a call.
        base: Box<Expr>,
        /// The overrides.
        entries: Vec<Entry>,
    },
    /// `{a, b}`, `{}`.
    Set(Vec<Expr>),
    /// `categories {0, 1, 2}`: a set without order.
    Categories(Box<Expr>),
    /// `subsets {a, b}`: the set of all its subsets.
    Subsets(Box<Expr>),
    /// `1e-4..1e-1 log`, `8..64 step 8`; both ends included.
    Range {
        /// The least.
        low: Box<Expr>,
        /// The greatest.
        high: Box<Expr>,
        /// Searched on a logarithmic scale.
        log: bool,
        /// Distance of neighbors.
        step: Option<Box<Expr>>,
    },
    /// `-x`, `not x`.
    Unary {
        /// Which.
        op: UnaryOp,
        /// Its operand.
        operand: Box<Expr>,
    },
    /// `a + b`, `a <= b`, `a implies b`.
    Binary {
        /// Which.
        op: BinaryOp,
        /// Left operand.
        left: Box<Expr>,
        /// Right operand.
        right: Box<Expr>,
    },
    /// `a ~= b within 1 %`.
    Approx {
        /// Left operand.
        left: Box<Expr>,
        /// Right operand, the reference.
        right: Box<Expr>,
        /// A share of the reference, or an absolute tolerance in its unit.
        tolerance: Box<Expr>,
    },
    /// `if condition then yes else no`.
    If {
        /// The question.
        condition: Box<Expr>,
        /// The value when it holds.
        yes: Box<Expr>,
        /// The value when it does not.
        no: Box<Expr>,
    },
    /// Stands where a diagnostic already says what is wrong; such a tree is never analyzed further.
    Error,
}

/// A number as it was written.
#[derive(Debug, Clone, PartialEq)]
pub struct Number {
    /// The literal without its unit.
    pub text: String,
    /// Its value, not yet multiplied by the unit.
    pub value: f64,
    /// `fJ/op`, `%`: any unit expression here; `units` knows which exist.
    pub unit: Option<Name>,
}

/// Operators with one operand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnaryOp {
    /// `-x`; binds looser than `^`.
    Neg,
    /// `not x`; binds looser than comparisons.
    Not,
}

/// Operators with two operands, from the loosest to the tightest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BinaryOp {
    /// `implies`, to the right.
    Implies,
    /// `or`.
    Or,
    /// `and`.
    And,
    /// `==`; comparisons do not chain.
    Eq,
    /// `!=`.
    Ne,
    /// `<`.
    Lt,
    /// `<=`.
    Le,
    /// `>`.
    Gt,
    /// `>=`.
    Ge,
    /// `+`.
    Add,
    /// `-`.
    Sub,
    /// `*`.
    Mul,
    /// `/`.
    Div,
    /// `^`, to the right.
    Pow,
}
