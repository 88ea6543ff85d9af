//! The one table of every kind of declaration, its sections and fields, and of everything that can be called.
//!
//! In: nothing. Out: names, kinds of values, defaults, limits and one sentence each; checking, "did you mean" and
//! documentation all read it. It must not know how anything is lowered.

mod calls;
mod declarations;
mod functions;

pub use calls::{COMMAND, OPERATIONS, OPERATIONS_LATER, RECORDS, SCALES, SCHEDULES};
pub use declarations::{
    COUNT, DATA, DECLARATIONS, EVALUATE, OF_COMMAND, OUTPUT, QUANTIZER, RULE, TEMPERATURE,
};
pub use functions::{FUNCTIONS, WORDS};

use std::collections::HashSet;
use std::sync::LazyLock;

use crate::model::settling::limits::BELOW_ONE;

/// A function, an operator that is a word, or a constant.
#[derive(Debug, Clone, Copy)]
pub struct BuiltIn {
    /// Its name in the language.
    pub name: &'static str,
    /// The function of numbers that it is, if it is one.
    pub computes: Option<crate::ir::Function>,
    /// How many arguments it takes.
    pub arity: usize,
    /// How it is written.
    pub signature: &'static str,
    /// What it gives.
    pub docs: &'static str,
    /// What it takes: dimensions, and the numbers for which it has a value.
    pub rule: &'static str,
}

/// What a field takes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    /// A number of the dimension of this unit; `""`: a plain number.
    Number(&'static str),
    /// A whole number.
    Whole,
    /// A whole number or one of these words.
    WholeOr(&'static [&'static str]),
    /// `true` or `false`.
    Truth,
    /// `"…"`.
    Text,
    /// `"…"`, or several in braces, in order.
    Texts,
    /// A plain number, or several in braces, in order.
    Numbers,
    /// One of these words.
    Word(&'static [&'static str]),
    /// One of these words, or a plain number that may depend on `progress` and `step_progress`.
    WordOrFormula(&'static [&'static str]),
    /// A truth value or one of these words.
    TruthOr(&'static [&'static str]),
    /// A quantizer by name, perhaps amended, or `float`.
    Quantizer,
    /// `adam(…)` or `sgd(…)`.
    Optimizer,
    /// How the scale of a quantizer is found: a word or `percentile(…)`.
    Scale,
    /// A set of repairs.
    Repairs,
    /// `shift(…)`, `crop(…)`, `cutout(…)`, `flip`, `none`, or a set of them.
    Augment,
    /// What a file of its own reads, in words.
    Other(&'static str),
    /// A declaration of this kind, perhaps amended.
    Declared(&'static str),
}

/// What holds where a field is not written.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Otherwise {
    /// It must be written.
    Required,
    /// Nothing; whoever reads the field says what that means.
    Absent,
    /// This number, in base units.
    Number(f64),
    /// This word.
    Word(&'static str),
}

/// One field.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Field {
    /// Its name.
    pub name: &'static str,
    /// What it takes.
    pub kind: Kind,
    /// What holds without it.
    pub default: Otherwise,
    /// The least number that it takes, in base units.
    pub low: f64,
    /// The greatest.
    pub high: f64,
    /// Whether it counts, in its unit: no fractions.
    pub whole: bool,
    /// Why `in` may not stand in place of `=`; absent: it may.
    pub fixed: Option<Fixed>,
    /// One sentence.
    pub docs: &'static str,
}

/// Why a field has one value for the whole search, and what to write instead.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Fixed {
    /// Behind "it cannot be searched: ".
    pub why: &'static str,
    /// What does what was wanted.
    pub instead: Instead,
}

/// What does what a searched field would do.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Instead {
    /// An arm at this path: `arms { search.method in {random, bayes} }`.
    Arm(&'static str),
    /// This.
    This(&'static str),
}

impl Fixed {
    const fn arm(at: &'static str, why: &'static str) -> Fixed {
        let instead = Instead::Arm(at);
        Fixed { why, instead }
    }

    const fn this(instead: &'static str, why: &'static str) -> Fixed {
        let instead = Instead::This(instead);
        Fixed { why, instead }
    }

    /// What to type. `domain` is what was written behind `in`, if an arm can have its values.
    pub fn help(&self, name: &str, domain: Option<String>) -> String {
        let domain = domain.unwrap_or_else(|| "{…}".into());
        match self.instead {
            Instead::Arm(at) => {
                format!("run the search once for each: `arms {{ {at}{name} in {domain} }}`")
            }
            Instead::This(instead) => instead.into(),
        }
    }
}

impl Field {
    const fn within(self, low: f64, high: f64) -> Field {
        Field { low, high, ..self }
    }

    /// Above zero.
    const fn positive(self) -> Field {
        self.within(f64::MIN_POSITIVE, f64::INFINITY)
    }

    /// A number of its unit.
    const fn whole(self) -> Field {
        Field {
            whole: true,
            ..self
        }
    }

    const fn fixed(self, why: Fixed) -> Field {
        Field {
            fixed: Some(why),
            ..self
        }
    }
}

const fn field(name: &'static str, kind: Kind, default: Otherwise, docs: &'static str) -> Field {
    let low = match kind {
        Kind::Whole | Kind::WholeOr(_) => 1.0,
        _ => f64::NEG_INFINITY,
    };
    Field {
        name,
        kind,
        default,
        low,
        high: f64::INFINITY,
        whole: matches!(kind, Kind::Whole | Kind::WholeOr(_)),
        fixed: None,
        docs,
    }
}

/// `name { … }` or `name label { … }` with fields of its own.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Section {
    /// Its name.
    pub name: &'static str,
    /// What stands behind the name.
    pub label: Label,
    /// What stands in it.
    pub fields: &'static [Field],
    /// One sentence.
    pub docs: &'static str,
}

/// The label of a section, and how a path to what stands in it begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Label {
    /// None: `vector.width` of `vector { … }`.
    None,
    /// In place of the name: `int8.energy` of `precision int8 { … }`.
    Alone,
    /// Behind the name: `memory.data.size` of `memory data { … }`.
    Behind,
}

/// A word of the language that is not built yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Later {
    /// The word.
    pub name: &'static str,
    /// Why not, if there is more to say.
    pub why: &'static str,
}

/// One kind of declaration.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Declaration {
    /// The word that opens it.
    pub kind: &'static str,
    /// Words that may stand after the colon, besides another declaration of the kind.
    pub bases: &'static [&'static str],
    /// Whether something must stand after the colon.
    pub base_required: bool,
    /// Fields.
    pub fields: &'static [Field],
    /// Sections.
    pub sections: &'static [Section],
    /// Formulas by name.
    pub formulas: &'static [&'static str],
    /// Whether names of the author's own may be defined.
    pub lets: bool,
    /// Words of the language that are not built yet.
    pub later: &'static [Later],
    /// One sentence.
    pub docs: &'static str,
}

/// Something that is called: `conv(…)`, `adam(…)`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Callable {
    /// Its name.
    pub name: &'static str,
    /// Its arguments.
    pub fields: &'static [Field],
    /// The argument that may stand without its name.
    pub positional: Option<&'static str>,
    /// One sentence.
    pub docs: &'static str,
}

/// Annotations and what their argument says.
pub const ANNOTATIONS: &[&str] = &["paper", "assumption"];

/// The declaration kind of this name.
pub fn declaration(kind: &str) -> Option<&'static Declaration> {
    DECLARATIONS.iter().find(|d| d.kind == kind)
}

/// The operation of this name.
pub fn operation(name: &str) -> Option<&'static Callable> {
    OPERATIONS.iter().find(|o| o.name == name)
}

/// The call of this name that makes a value, and the kind of value.
pub fn record(name: &str) -> Option<&'static (Kind, Callable)> {
    RECORDS.iter().find(|(_, call)| call.name == name)
}

/// The call of this name that may hold choices: a record or a schedule.
pub fn called(name: &str) -> Option<&'static Callable> {
    let schedule = SCHEDULES.iter().find(|call| call.name == name);
    record(name).map(|(_, call)| call).or(schedule)
}

impl Declaration {
    /// The section of this name.
    pub fn section(&self, name: &str) -> Option<&'static Section> {
        self.sections.iter().find(|s| s.name == name)
    }

    /// What is said of this word where it is not built yet.
    pub fn later(&self, name: &str) -> Option<&'static Later> {
        self.later.iter().find(|l| l.name == name)
    }

    /// Every field and section by name.
    pub fn keys(&self) -> impl Iterator<Item = &'static str> + Clone + use<> {
        self.fields
            .iter()
            .map(|f| f.name)
            .chain(self.sections.iter().map(|s| s.name))
            .chain(self.formulas.iter().copied())
    }
}

/// How a path to what stands in a section begins: `vector`, `int8`, `memory.data`.
pub fn section_path(name: &str, label: Option<&str>) -> String {
    section_names(name, label).collect::<Vec<_>>().join(".")
}

/// The names of that path.
pub fn section_names<'s>(name: &'s str, label: Option<&'s str>) -> impl Iterator<Item = &'s str> {
    let mut sections = DECLARATIONS.iter().flat_map(|d| d.sections);
    let has_both = label.is_none() || sections.any(|s| s.name == name && s.label == Label::Behind);
    has_both.then_some(name).into_iter().chain(label)
}

/// What a field takes, in words: "energy per op (J/op), above 0".
pub fn takes(field: &Field) -> String {
    let quoted = |words: &[&str]| {
        let words: Vec<String> = words.iter().map(|w| format!("`{w}`")).collect();
        words.join(", ")
    };
    let kind = match field.kind {
        Kind::Whole => "a whole number".into(),
        Kind::WholeOr(words) => format!("a whole number or {}", quoted(words)),
        Kind::TruthOr(words) | Kind::Word(words) => format!("one of {}", quoted(words)),
        Kind::Number(unit) if !unit.is_empty() => {
            format!(
                "{} ({unit})",
                super::expression::types::of_kind(field.kind).name()
            )
        }
        Kind::Texts => "a text, or several in braces".into(),
        Kind::Numbers => "a number, or one per channel in braces".into(),
        Kind::Other(what) => what.into(),
        kind => super::expression::types::of_kind(kind).name(),
    };
    let counts = matches!(field.kind, Kind::Whole | Kind::WholeOr(_));
    match (field.low, field.high) {
        (f64::NEG_INFINITY, f64::INFINITY) => kind,
        (low, f64::INFINITY) if low == f64::MIN_POSITIVE => format!("{kind}, above 0"),
        (low, f64::INFINITY) if counts && low == 1.0 => kind,
        (low, f64::MAX..) => format!("{kind}, at least {low}"),
        (low, high) if low == f64::MIN_POSITIVE => format!("{kind}, above 0, {high} at most"),
        (low, high) if high == BELOW_ONE => format!("{kind}, at least {low}, below 1"),
        (low, high) => format!("{kind}, {low} to {high}"),
    }
}

/// Where a key belongs that was written elsewhere, among sections of these names: "`train { epochs = … }`".
pub fn home<'k>(key: &str, sections: impl Iterator<Item = &'k str> + Clone) -> Option<String> {
    // Most names are no key of anything.
    static KEYS: LazyLock<HashSet<&str>> = LazyLock::new(|| {
        let sections = DECLARATIONS.iter().flat_map(|d| d.sections);
        let fields = sections.flat_map(|section| section.fields);
        let args = RECORDS.iter().flat_map(|(_, call)| call.fields);
        fields.chain(args).map(|field| field.name).collect()
    });
    if !KEYS.contains(key) {
        return None;
    }
    let has = |fields: &[Field]| fields.iter().any(|f| f.name == key);
    let all = || DECLARATIONS.iter().flat_map(|d| d.sections);
    let section = |is: &dyn Fn(&Section) -> bool| {
        let mut names = sections.clone();
        names.find_map(|name| all().find(|s| s.name == name && is(s) && has(s.fields)))
    };
    if let Some(section) = section(&|s| s.label == Label::None) {
        return Some(format!("`{} {{ {key} = … }}`", section.name));
    }
    let trains = sections.clone().any(|name| name == "train");
    let mut calls = RECORDS.iter().filter(|(_, call)| has(call.fields));
    if let Some((_, call)) = calls.find(|_| trains) {
        return Some(format!("`{}({key} = …)`", call.name));
    }
    let section = section(&|_| true)?;
    Some(format!("`{} name {{ {key} = … }}`", section.name))
}

/// Words that some operation takes in place of a count: `padding = same`.
pub fn stands_for_a_count(word: &str) -> bool {
    let takes = |field: &Field| matches!(field.kind, Kind::WholeOr(words) if words.contains(&word));
    OPERATIONS.iter().any(|o| o.fields.iter().any(takes))
}

/// Words that some field takes, so that a name of one's own may hold them.
pub fn is_word(name: &str) -> bool {
    let takes = |field: &Field| match field.kind {
        Kind::Word(words)
        | Kind::WholeOr(words)
        | Kind::TruthOr(words)
        | Kind::WordOrFormula(words) => words.contains(&name),
        Kind::Scale => SCALES.contains(&name),
        _ => false,
    };
    DECLARATIONS.iter().any(|d| {
        d.fields.iter().any(takes) || d.sections.iter().any(|s| s.fields.iter().any(takes))
    }) || OPERATIONS.iter().any(|o| o.fields.iter().any(takes))
        || matches!(
            name,
            "flip" | "none" | "float" | "relu" | "relu6" | "hardtanh"
        )
}
