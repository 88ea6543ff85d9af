//! What is wrong with a text, as data: a code, a message, labelled spans, and help that can be typed.
//!
//! Phases push [`Diagnostic`]s into a [`Sink`] and go on, so that one pass reports many. Only [`render`] draws them,
//! with miette; nothing here knows the language.

use std::fmt;

use miette::{
    GraphicalReportHandler, GraphicalTheme, LabeledSpan, NamedSource, Severity as MietteSeverity,
};

use crate::source::{SourceId, Sources, Span};

/// How bad it is: an error stops before any work, a warning does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// The spec cannot run.
    Error,
    /// The spec runs, and probably not as meant.
    Warning,
}

/// A span with what to say about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    /// Where.
    pub span: Span,
    /// What, in a few words.
    pub text: String,
}

/// One problem: lower-case message without a full stop, labels on both sides of a conflict, help in the imperative.
#[derive(Debug, Clone, PartialEq, Eq)]
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
        }
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
}

impl Sink {
    /// Adds one, unless the same problem at the same place is already there.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        if !self.found.contains(&diagnostic) {
            self.found.push(diagnostic);
        }
    }

    /// Whether any error is among them.
    pub fn has_errors(&self) -> bool {
        self.found.iter().any(Diagnostic::is_error)
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.found.len()
    }

    /// All of them, in the order of their main span.
    pub fn into_sorted(mut self) -> Vec<Diagnostic> {
        self.found.sort_by_key(|d| d.labels.first().map(|l| l.span));
        self.found
    }
}

/// The name among `known` that `name` was probably meant to be: Damerau-Levenshtein distance of at most a third of its
/// length (at least one, at most three).
pub fn did_you_mean<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let limit = (name.chars().count() / 3).clamp(1, 3);
    known
        .into_iter()
        .map(|k| (strsim::damerau_levenshtein(name, k), k))
        .filter(|(distance, _)| *distance <= limit)
        .min()
        .map(|(_, k)| k)
}

/// Draws diagnostics as text, 100 columns wide, with or without color.
pub fn render(diagnostics: &[Diagnostic], sources: &Sources, color: bool) -> String {
    let theme = if color {
        GraphicalTheme::unicode()
    } else {
        GraphicalTheme::unicode_nocolor()
    };
    let handler = GraphicalReportHandler::new_themed(theme)
        .with_width(100)
        .with_links(false);
    let mut out = String::new();
    let mut draw = |view: &dyn miette::Diagnostic| {
        handler
            .render_report(&mut out, view)
            .expect("writing to a string cannot fail");
    };
    for diagnostic in diagnostics {
        let main = diagnostic.labels.first().map(|l| l.span.source);
        let mut elsewhere = elsewhere(diagnostic, sources, main);
        // The help stands below everything that it speaks of.
        let mut help = diagnostic.help.as_deref();
        if let Some(last) = elsewhere.last_mut() {
            last.help = help.take();
        }
        draw(&View {
            diagnostic,
            main,
            source: main.map(|id| named(sources, id)),
            help,
        });
        for view in &elsewhere {
            draw(view);
        }
    }
    out
}

/// Labels in other files than the main one, one view per file: miette draws one file per report.
fn elsewhere<'a>(
    diagnostic: &'a Diagnostic,
    sources: &Sources,
    main: Option<SourceId>,
) -> Vec<Elsewhere<'a>> {
    let mut views: Vec<Elsewhere> = Vec::new();
    for label in &diagnostic.labels {
        let id = label.span.source;
        if Some(id) == main {
            continue;
        }
        match views.iter_mut().find(|v| v.labels[0].span.source == id) {
            Some(view) => view.labels.push(label),
            None => views.push(Elsewhere {
                labels: vec![label],
                source: named(sources, id),
                help: None,
            }),
        }
    }
    views
}

fn named(sources: &Sources, id: SourceId) -> NamedSource<String> {
    let source = sources.get(id);
    NamedSource::new(&source.name, source.text.clone())
}

fn labeled(label: &Label) -> LabeledSpan {
    LabeledSpan::new(
        Some(label.text.clone()),
        label.span.start as usize,
        label.span.len(),
    )
}

struct View<'a> {
    diagnostic: &'a Diagnostic,
    main: Option<SourceId>,
    source: Option<NamedSource<String>>,
    help: Option<&'a str>,
}

struct Elsewhere<'a> {
    /// At least one.
    labels: Vec<&'a Label>,
    source: NamedSource<String>,
    help: Option<&'a str>,
}

impl fmt::Display for View<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.diagnostic.message)
    }
}

impl fmt::Debug for View<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.diagnostic.message)
    }
}

impl std::error::Error for View<'_> {}

impl miette::Diagnostic for View<'_> {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Some(Box::new(self.diagnostic.code))
    }

    fn severity(&self) -> Option<MietteSeverity> {
        Some(match self.diagnostic.severity {
            Severity::Error => MietteSeverity::Error,
            Severity::Warning => MietteSeverity::Warning,
        })
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.help.map(|h| Box::new(h) as Box<dyn fmt::Display>)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let here = self
            .diagnostic
            .labels
            .iter()
            .filter(|l| Some(l.span.source) == self.main);
        Some(Box::new(here.map(labeled)))
    }

    fn source_code(&self) -> Option<&dyn miette::SourceCode> {
        self.source
            .as_ref()
            .map(|source| source as &dyn miette::SourceCode)
    }
}

impl fmt::Display for Elsewhere<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.labels.as_slice() {
            [only] => f.write_str(&only.text),
            _ => write!(f, "in `{}`", self.source.name()),
        }
    }
}

impl fmt::Debug for Elsewhere<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Elsewhere<'_> {}

impl miette::Diagnostic for Elsewhere<'_> {
    fn severity(&self) -> Option<MietteSeverity> {
        Some(MietteSeverity::Advice)
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.help.map(|h| Box::new(h) as Box<dyn fmt::Display>)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        // The only text is the heading already.
        let is_only = self.labels.len() == 1;
        let drawn = self.labels.iter().map(move |label| match is_only {
            true => LabeledSpan::new(None, label.span.start as usize, label.span.len()),
            false => labeled(label),
        });
        Some(Box::new(drawn))
    }

    fn source_code(&self) -> Option<&dyn miette::SourceCode> {
        Some(&self.source)
    }
}
