//! The values that a field or a decision can take.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A value without any choice left in it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Value {
    /// `true` or `false`.
    Bool(bool),
    /// A number in base units.
    Number(f64),
    /// A name (`relu6`, `int8`, `average`) or a string.
    Name(String),
    /// `{a, b}`: an ordered set.
    Set(Vec<Value>),
    /// `adam(lr = 2e-3)` or `int { bits = 4 }`.
    Record(Record),
}

/// A named thing with fields: a call or an amendment whose arguments are all known.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// What is called or amended.
    pub name: String,
    /// The fields that were given, in the order of the text; defaults are the callee's.
    pub fields: Vec<(String, Value)>,
}

impl Value {
    /// A name value.
    pub fn name(text: impl Into<String>) -> Value {
        Value::Name(text.into())
    }

    /// The number, if it is one.
    pub fn as_number(&self) -> Option<f64> {
        match self {
            Value::Number(n) => Some(*n),
            _ => None,
        }
    }

    /// The truth value, if it is one.
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Value::Bool(b) => Some(*b),
            _ => None,
        }
    }

    /// The name of a name or of a record.
    pub fn as_name(&self) -> Option<&str> {
        match self {
            Value::Name(n) => Some(n),
            Value::Record(r) => Some(&r.name),
            _ => None,
        }
    }

    /// What kind of value it is, in words for a reader.
    pub fn kind(&self) -> &'static str {
        match self {
            Value::Bool(_) => "a truth value",
            Value::Number(_) => "a number",
            Value::Name(_) => "a name",
            Value::Set(_) => "a set",
            Value::Record(_) => "a call",
        }
    }
}

impl Record {
    /// The value of a field that was given.
    pub fn get(&self, field: &str) -> Option<&Value> {
        self.fields
            .iter()
            .find(|(name, _)| name == field)
            .map(|(_, value)| value)
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Bool(b) => write!(f, "{b}"),
            Value::Number(n) => write!(f, "{n}"),
            Value::Name(n) => f.write_str(n),
            Value::Set(items) => {
                f.write_str("{")?;
                write_list(f, items.iter(), |f, item| write!(f, "{item}"))?;
                f.write_str("}")
            }
            Value::Record(r) => {
                write!(f, "{}(", r.name)?;
                write_list(f, r.fields.iter(), |f, (name, value)| {
                    write!(f, "{name} = {value}")
                })?;
                f.write_str(")")
            }
        }
    }
}

fn write_list<T>(
    f: &mut fmt::Formatter<'_>,
    items: impl Iterator<Item = T>,
    write: impl Fn(&mut fmt::Formatter<'_>, T) -> fmt::Result,
) -> fmt::Result {
    for (i, item) in items.enumerate() {
        if i > 0 {
            f.write_str(", ")?;
        }
        write(f, item)?;
    }
    Ok(())
}
