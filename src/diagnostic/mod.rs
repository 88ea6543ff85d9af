//! What is wrong with a text, as data: a code, a message, labelled spans, and help that can be typed.
//!
//! Phases push [`Diagnostic`]s into a [`Sink`] and go on, so that one pass reports many. Only [`render`] draws them,
//! with miette; nothing here knows the language.

mod draw;
mod suggestion;

use std::collections::HashSet;

pub use self::draw::render;
pub use self::suggestion::{Spelling, called_elsewhere, did_you_mean, meant, meant_field};
use crate::source::Span;

/// How many diagnostics are drawn: nobody reads more, and the first ones are enough to go on with.
pub(crate) const DRAWN: usize = 1000;

/// How bad it is: an error stops before any work, a warning does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Severity {
    /// The spec cannot run.
    Error,
    /// The spec runs, and probably not as meant.
    Warning,
}

/// A span with what to say about it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Label {
    /// Where.
    pub span: Span,
    /// What, in a few words.
    pub text: String,
}

/// One problem: lower-case message without a full stop, labels on both sides of a conflict, help in the imperative.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Diagnostic {
    /// Stable name such as `bnas::unit::mismatch`; `phase::what`.
    pub code: &'static str,
    /// Error or warning.
    pub severity: Severity,
    /// The fact.
    pub message: String,
    /// The first label is the main one and decides the file that is shown.
    pub labels: Vec<Label>,
    /// What to type instead.
    pub help: Option<String>,
    /// The fields that something lacks, where that is what is wrong.
    pub missing: Option<Box<Missing>>,
    /// The layers that lead to what does not fit, by their paths; the one that does not is the last.
    pub layers: Box<[String]>,
}

/// Fields that something lacks. Those of one section are one report.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Missing {
    /// What lacks them, as messages call it.
    pub owner: String,
    /// Their names.
    pub fields: Vec<String>,
    /// Whether that is a section which is not written at all.
    pub is_section: bool,
}

impl Missing {
    /// One field that `owner` lacks.
    pub fn one(owner: impl Into<String>, field: impl Into<String>) -> Self {
        Missing {
            owner: owner.into(),
            fields: vec![field.into()],
            is_section: false,
        }
    }

    /// The fact: "`d` needs `a`, `b` and `c`".
    fn message(&self) -> String {
        let fields: Vec<String> = self.fields.iter().map(|f| format!("`{f}`")).collect();
        match fields.split_last() {
            Some((last, [])) => format!("{} needs {last}", self.owner),
            Some((last, before)) => {
                format!("{} needs {} and {last}", self.owner, before.join(", "))
            }
            None => String::new(),
        }
    }

    /// What to say where it is missing.
    fn label(&self) -> String {
        match self.fields.as_slice() {
            [one] => format!("`{one}` is missing"),
            _ => "these are missing".into(),
        }
    }
}

impl Diagnostic {
    /// An error with its code and message.
    pub fn error(code: &'static str, message: impl Into<String>) -> Self {
        Diagnostic {
            code,
            severity: Severity::Error,
            message: message.into(),
            labels: Vec::new(),
            help: None,
            missing: None,
            layers: Box::default(),
        }
    }

    /// An error: `at` stands what lacks a field.
    pub fn missing(missing: Missing, at: Span) -> Self {
        let text = missing.label();
        let diagnostic = Self::error("bnas::field::missing", missing.message());
        Diagnostic {
            missing: Some(Box::new(missing)),
            ..diagnostic.label(at, text)
        }
    }

    /// Whether another one says what the same section lacks, too: then this one says both.
    pub fn joins(&mut self, other: &Diagnostic) -> bool {
        let (Some(own), Some(more)) = (&mut self.missing, &other.missing) else {
            return false;
        };
        if !own.is_section || own.owner != more.owner {
            return false;
        }
        let before = own.label();
        own.fields.extend(more.fields.iter().cloned());
        self.message = own.message();
        for label in self.labels.iter_mut().filter(|l| l.text == before) {
            label.text = own.label();
        }
        if let (Some(help), Some(more)) = (&mut self.help, &other.help) {
            help.push_str(&format!("; {more}"));
        }
        true
    }

    /// A warning with its code and message.
    pub fn warning(code: &'static str, message: impl Into<String>) -> Self {
        Diagnostic {
            severity: Severity::Warning,
            ..Self::error(code, message)
        }
    }

    /// Adds a labelled span.
    pub fn label(mut self, span: Span, text: impl Into<String>) -> Self {
        self.labels.push(Label {
            span,
            text: text.into(),
        });
        self
    }

    /// Sets the help.
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Whether it stops the spec.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

/// Collects diagnostics over one or more passes.
#[derive(Debug, Default)]
pub struct Sink {
    found: Vec<Diagnostic>,
    /// The same, to know again what is pushed twice.
    known: HashSet<Diagnostic>,
    errors: usize,
    pushed: usize,
}

impl Sink {
    /// Adds one, unless the same problem at the same place is already there.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        self.pushed += 1;
        if self.known.insert(diagnostic.clone()) {
            self.errors += usize::from(diagnostic.is_error());
            self.found.push(diagnostic);
        }
    }

    /// Those that are there.
    pub fn found(&self) -> impl Iterator<Item = &Diagnostic> {
        self.found.iter()
    }

    /// The one that was added as number `index`, to say more in it.
    pub fn found_mut(&mut self, index: usize) -> Option<&mut Diagnostic> {
        self.found.get_mut(index)
    }

    /// Whether any error is among them.
    pub fn has_errors(&self) -> bool {
        self.errors > 0
    }

    /// How many of them are errors.
    pub fn errors(&self) -> usize {
        self.errors
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.found.len()
    }

    /// How often one was added, known ones included.
    pub fn pushed(&self) -> usize {
        self.pushed
    }

    /// Says those more fully that were added behind the first `count`; what is pushed again is known by what it said before.
    pub fn complete(&mut self, count: usize, mut more: impl FnMut(Diagnostic) -> Diagnostic) {
        for diagnostic in &mut self.found[count..] {
            let code = diagnostic.code;
            let less = std::mem::replace(diagnostic, Diagnostic::error(code, ""));
            *diagnostic = more(less);
        }
    }

    /// All of them, in the order of their main span.
    pub fn into_sorted(mut self) -> Vec<Diagnostic> {
        self.found.sort_by_key(|d| d.labels.first().map(|l| l.span));
        self.found
    }
}
