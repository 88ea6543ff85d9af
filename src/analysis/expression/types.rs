//! Types of expressions: what kind of value, and for numbers which dimension.
//!
//! In: dimensions of `units`. Out: [`Type`] with its name for a reader, and whether two fit. Reads no syntax.

use crate::analysis::schema::Kind;
use crate::units::{Dimension, Unit, automatic};

/// What an expression gives.
#[derive(Debug, Clone, PartialEq, Default)]
pub(in crate::analysis) enum Type {
    /// A diagnostic already says what is wrong: fits everything, so that one mistake is one message.
    #[default]
    Poison,
    /// Known only when the space is unrolled, or the element of an empty set.
    Any,
    /// A number.
    Number(Dimension),
    Truth,
    Text,
    /// A word of a closed list: `cosine`.
    Word,
    Quantizer,
    Optimizer,
    Scale,
    Augment,
    Repair,
    /// One of several calls, which is compared by its name: `opt` of `opt in {sgd(…), adam(…)}`.
    Alternative,
    /// A declaration that is no value: its kind.
    Declared(&'static str),
    Set(Box<Type>),
}

impl Type {
    /// A number without a unit.
    pub(in crate::analysis) const PLAIN: Type = Type::Number(Dimension::NUMBER);

    /// The type of numbers in this unit of the schema.
    pub(in crate::analysis) fn in_unit(unit: &str) -> Type {
        Type::Number(dimension(unit))
    }

    /// A set of these.
    pub(in crate::analysis) fn set(self) -> Type {
        Type::Set(Box::new(self))
    }

    /// The unit that numbers of it are kept in; empty for plain ones and for what is no number.
    pub(in crate::analysis) fn base_unit(&self) -> String {
        match self {
            Type::Number(dimension) => dimension.base_unit(),
            _ => String::new(),
        }
    }

    /// Whether nothing can be said against it.
    pub(in crate::analysis) fn is_open(&self) -> bool {
        matches!(self, Type::Poison | Type::Any)
    }

    /// Whether a value of the one may stand where the other is.
    pub(in crate::analysis) fn fits(&self, other: &Type) -> bool {
        match (self, other) {
            (Type::Poison | Type::Any, _) | (_, Type::Poison | Type::Any) => true,
            (Type::Set(x), Type::Set(y)) => x.fits(y),
            // An alternative is compared with names of all kinds.
            (Type::Alternative, other) | (other, Type::Alternative) => {
                !matches!(other, Type::Number(_) | Type::Truth)
            }
            // Words are checked by their text where they are used.
            (Type::Word, Type::Scale | Type::Augment | Type::Quantizer) => true,
            (Type::Scale | Type::Augment | Type::Quantizer, Type::Word) => true,
            _ => self == other,
        }
    }

    /// A diagnostic already says what is wrong with it, or with one of its members.
    pub(in crate::analysis) fn is_poisoned(&self) -> bool {
        match self {
            Type::Poison => true,
            Type::Set(member) => member.is_poisoned(),
            _ => false,
        }
    }

    /// In words for a reader: "time", "a truth value".
    pub(in crate::analysis) fn name(&self) -> String {
        match self {
            Type::Poison | Type::Any => "a value".into(),
            Type::Number(d) if *d == Dimension::NUMBER => "a plain number".into(),
            Type::Number(d) => d.to_string(),
            Type::Truth => "a truth value".into(),
            Type::Text => "a text".into(),
            Type::Word => "a word".into(),
            Type::Quantizer => "a quantizer".into(),
            Type::Optimizer => "an optimizer".into(),
            Type::Scale => "a rule for the scale".into(),
            Type::Augment => "an augmentation".into(),
            Type::Repair => "a repair".into(),
            Type::Alternative => "one of several alternatives".into(),
            Type::Declared(kind) => article(kind),
            Type::Set(of) => match &**of {
                Type::Any | Type::Poison => "a set".into(),
                of => format!("a set of {}", plural(of)),
            },
        }
    }
}

/// "a space", "an experiment".
pub(in crate::analysis) fn article(kind: &str) -> String {
    let an = kind.starts_with(['a', 'e', 'i', 'o', 'u']);
    format!("{} {kind}", if an { "an" } else { "a" })
}

/// A unit that numbers of this dimension are usually written in.
pub(in crate::analysis) fn usual_unit(dimension: Dimension) -> String {
    let of = |unit: &str| Unit::of(unit).is_some_and(|u| u.dimension == dimension);
    let usual = ["nJ", "fJ/op", "ms", "MHz", "KiB", "mW", "Gop/s"];
    match usual.into_iter().find(|unit| of(unit)) {
        Some(unit) => unit.to_string(),
        None => dimension.base_unit(),
    }
}

/// A number that was written without a unit, with one. What is below 1, or a rate of many, was probably meant in the base unit.
pub(in crate::analysis) fn with_unit(digits: &str, dimension: Dimension) -> String {
    let value = digits.parse::<f64>().unwrap_or(1.0);
    let is_rate = dimension.base_unit().ends_with("/s") || dimension == Dimension::FREQUENCY;
    let is_base = value < 1.0 && value > 0.0 || is_rate && value >= 1e5;
    match dimension == Dimension::DATA {
        true if value >= 1024.0 => format!("{digits} B"),
        false if is_base => automatic(value, dimension),
        _ => format!("{digits} {}", usual_unit(dimension)),
    }
}

/// A unit of a dimension with the prefix of another one that begins alike: `fJ/mac` for `fJ/op`.
pub(in crate::analysis) fn same_prefix(written: &str, dimension: Dimension) -> Option<String> {
    let base = dimension.base_unit();
    let symbol = base.split(['/', '*', '^']).next()?;
    let factor = written.split(['/', '*', '^']).next()?;
    // One for what is counted alike, too: `kmac` for `kop`.
    let alike = match symbol {
        "mac" => "op",
        "op" => "mac",
        same => same,
    };
    let prefix = factor
        .strip_suffix(symbol)
        .or_else(|| factor.strip_suffix(alike));
    let prefix = prefix.filter(|p| !p.is_empty())?;
    let unit = format!("{prefix}{base}");
    let fits = Unit::of(&unit).is_some_and(|u| u.dimension == dimension);
    fits.then_some(unit)
}

fn plural(of: &Type) -> String {
    match of {
        Type::Number(d) if *d == Dimension::NUMBER => "numbers".into(),
        Type::Truth => "truth values".into(),
        Type::Text => "texts".into(),
        Type::Word => "words".into(),
        Type::Quantizer => "quantizers".into(),
        Type::Repair => "repairs".into(),
        Type::Augment => "augmentations".into(),
        other => format!("values, each {}", other.name()),
    }
}

/// The type that a field of this kind takes.
pub(in crate::analysis) fn of_kind(kind: Kind) -> Type {
    match kind {
        Kind::Number(unit) => Type::in_unit(unit),
        Kind::Whole => Type::PLAIN,
        Kind::WholeOr(_) | Kind::TruthOr(_) | Kind::WordOrFormula(_) => Type::Any,
        Kind::Truth => Type::Truth,
        Kind::Text => Type::Text,
        // Read item by item where they are used.
        Kind::Texts | Kind::Numbers => Type::Any,
        Kind::Word(_) => Type::Word,
        Kind::Quantizer => Type::Quantizer,
        Kind::Optimizer => Type::Optimizer,
        Kind::Scale => Type::Scale,
        Kind::Repairs => Type::Repair.set(),
        Kind::Augment => Type::Augment,
        Kind::Other(_) => Type::Any,
        Kind::Declared(kind) => Type::Declared(kind),
    }
}

/// The dimension of a unit that the schema names.
pub(in crate::analysis) fn dimension(unit: &str) -> Dimension {
    if unit.is_empty() {
        return Dimension::NUMBER;
    }
    Unit::parse(unit)
        .map(|u| u.dimension)
        .expect("units of the schema exist")
}
