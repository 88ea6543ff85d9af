//! Why a node of a network cannot be there.
//!
//! In: what is wrong, found where shapes are built. Out: [`Misfit`], the text for a message, its label and its help.

use crate::model::expression::evaluate::Failure;
use crate::source::Span;

/// Why a node cannot be there: text for the message and for the label.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::model) struct Misfit {
    pub(in crate::model) message: Box<str>,
    pub(in crate::model) label: Box<str>,
    /// Where the label stands, if not at the node.
    pub(in crate::model) at: Option<Span>,
    /// The other side of the conflict.
    pub(in crate::model) also: Option<(Span, String)>,
    pub(in crate::model) help: Option<&'static str>,
    /// Of what a value is that is wrong by itself, whichever layer reads it.
    pub(in crate::model) value_of: Option<&'static str>,
}

impl Misfit {
    pub(in crate::model) fn new(message: impl Into<Box<str>>, label: impl Into<Box<str>>) -> Self {
        Misfit {
            message: message.into(),
            label: label.into(),
            at: None,
            also: None,
            help: None,
            value_of: None,
        }
    }

    /// A value that is wrong by itself.
    pub(super) fn of_value(of: &'static str, message: String, label: impl Into<Box<str>>) -> Self {
        Misfit {
            value_of: Some(of),
            ..Misfit::new(message, label)
        }
    }
}

impl From<Failure> for Misfit {
    fn from(failure: Failure) -> Self {
        let (message, label) = (failure.to_string(), "is computed here");
        match failure {
            Failure::Kind(..) => Misfit::of_value("operand", message, label),
            _ => Misfit::new(message, label),
        }
    }
}
