//! What is wrong with a text, as data: a code, a message, labelled spans, and help that can be typed.
//!
//! Phases push [`Diagnostic`]s into a [`Sink`] and go on, so that one pass reports many. Only [`render`] draws them,
//! with miette; nothing here knows the language.

use std::collections::HashSet;
use std::fmt;

use miette::{
    GraphicalReportHandler, GraphicalTheme, LabeledSpan, MietteError, MietteSpanContents,
    Severity as MietteSeverity, SourceCode, SourceSpan, SpanContents,
};

use crate::source::{Source, SourceId, Sources, Span};

/// What of a line of this many bytes or more is drawn: so many on each side of a label.
const LONG_LINE: usize = 1000;
const SHOWN: usize = 200;

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

/// The name among `known` that `name` was probably meant to be: Damerau-Levenshtein distance of at most a third of its
/// length (at least one, at most three).
pub fn did_you_mean<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let mut known = known.into_iter();
    let length = name.chars().count();
    if length == 1 {
        // Another letter is another name.
        return known.find(|k| k.eq_ignore_ascii_case(name));
    }
    let mut same = None;
    let known = known.inspect(|k| same = same.or(k.eq_ignore_ascii_case(name).then_some(*k)));
    let limit = (length / 3).clamp(1, 3);
    let set = letters_of(name);
    let mut letters = [0_u16; 256];
    for byte in name.bytes() {
        letters[usize::from(byte)] = letters[usize::from(byte)].saturating_add(1);
    }
    let near = known
        // A distance is at least what one has of any letter and the other has not; nearly all fail here, cheaply.
        .filter(|k| k.len() <= 4 * (length + limit) && k.chars().count().abs_diff(length) <= limit)
        .filter(|k| {
            (letters_of(k) & !set).count_ones() as usize <= limit && excess(&letters, k) <= limit
        })
        .map(|k| (strsim::damerau_levenshtein(name, k), k))
        .filter(|(distance, _)| *distance <= limit)
        .min()
        .map(|(_, k)| k);
    same.or(near)
}

/// The field that `name` was probably meant to be: one that is spelled alike, or that is a part of it, as `epochs` is of `num_epochs`.
pub fn meant_field<'a>(
    name: &str,
    known: impl IntoIterator<Item = &'a str> + Clone,
) -> Option<&'a str> {
    // What enters is another thing than what leaves.
    let is_other = || {
        ["in_", "input_"]
            .iter()
            .any(|other| name.starts_with(other))
    };
    let words: Vec<&str> = name.split('_').collect();
    let is_part = |field: &&str| {
        let field: Vec<&str> = field.split('_').collect();
        words.windows(field.len()).any(|part| part == field)
    };
    did_you_mean(name, known.clone()).or_else(|| {
        let mut parts = known.into_iter().filter(is_part).filter(|_| !is_other());
        parts.next()
    })
}

/// Which ASCII characters a word has, those alike in their last six bits as one.
fn letters_of(word: &str) -> u64 {
    let ascii = word.bytes().filter(u8::is_ascii);
    ascii.fold(0, |set, byte| set | 1 << (byte & 63))
}

/// How many ASCII letters of a word are not among these.
fn excess(letters: &[u16; 256], word: &str) -> usize {
    let mut left = *letters;
    let missing = word.bytes().filter(u8::is_ascii).filter(|byte| {
        let count = &mut left[usize::from(*byte)];
        let is_missing = *count == 0;
        *count = count.saturating_sub(1);
        is_missing
    });
    missing.count()
}

/// Draws diagnostics as text, 100 columns wide, with or without color. Of very many it draws the first errors, and says how many more
/// there are.
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
    let is_many = diagnostics.len() > DRAWN;
    // Where not all are drawn, warnings stand back.
    let first = diagnostics.iter().filter(|d| !is_many || d.is_error());
    let then = diagnostics.iter().filter(|d| is_many && !d.is_error());
    for diagnostic in first.chain(then).take(DRAWN) {
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
    if let Some(more @ 1..) = diagnostics.len().checked_sub(DRAWN) {
        out.push_str(&format!("and {more} more problems\n"));
    }
    out
}

/// Labels in other files than the main one, one view per file: miette draws one file per report.
fn elsewhere<'a>(
    diagnostic: &'a Diagnostic,
    sources: &'a Sources,
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

fn named(sources: &Sources, id: SourceId) -> Excerpts<'_> {
    Excerpts(sources.get(id))
}

/// A text of which only the lines around a label are looked at, and of a long line only what is near the label.
struct Excerpts<'a>(&'a Source);

impl SourceCode for Excerpts<'_> {
    fn read_span<'a>(
        &'a self,
        span: &SourceSpan,
        before: usize,
        after: usize,
    ) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        let Excerpts(source) = self;
        let (start, end) = (span.offset(), span.offset() + span.len());
        if end > source.text.len() {
            return Err(MietteError::OutOfBounds);
        }
        let mut from = source.line_start(source.line_of(start).saturating_sub(before));
        if start - from > LONG_LINE {
            from = boundary(&source.text, start - SHOWN);
        }
        let mut to = source.line_start(source.line_of(end) + after + 2);
        if to - end > LONG_LINE {
            to = boundary(&source.text, end + SHOWN);
        }
        let lines_before = source.line_of(from);
        let cut = from - source.line_start(lines_before);
        let shifted = SourceSpan::from((start - from, span.len()));
        let excerpt = &source.text.as_bytes()[from..to];
        let read = excerpt.read_span(&shifted, before, after)?;
        let at = read.span().offset();
        let contents = MietteSpanContents::new_named(
            source.name.clone(),
            &excerpt[at..at + read.span().len()],
            (from + at, read.span().len()).into(),
            lines_before + read.line(),
            read.column() + if read.line() == 0 { cut } else { 0 },
            lines_before + read.line_count(),
        );
        Ok(Box::new(contents))
    }
}

/// The last place up to `at` where a character begins.
fn boundary(text: &str, at: usize) -> usize {
    let is_boundary = |at: &usize| text.is_char_boundary(*at);
    (0..=at).rev().find(is_boundary).unwrap_or(0)
}

/// A label to draw; of a stretch on one line that nobody would read to its end, the beginning.
fn labeled(label: &Label, source: &Source) -> LabeledSpan {
    let start = label.span.start as usize;
    let mut length = label.span.len();
    if length > LONG_LINE
        && let Some(text) = source.text.get(start..)
    {
        let end = boundary(text, LONG_LINE);
        if !text[..end].contains('\n') {
            length = boundary(text, SHOWN);
        }
    }
    LabeledSpan::new(Some(label.text.clone()), start, length)
}

struct View<'a> {
    diagnostic: &'a Diagnostic,
    main: Option<SourceId>,
    source: Option<Excerpts<'a>>,
    help: Option<&'a str>,
}

struct Elsewhere<'a> {
    /// At least one.
    labels: Vec<&'a Label>,
    source: Excerpts<'a>,
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
        let Excerpts(source) = self.source.as_ref()?;
        let here = self
            .diagnostic
            .labels
            .iter()
            .filter(|l| Some(l.span.source) == self.main);
        Some(Box::new(here.map(|label| labeled(label, source))))
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
            _ => write!(f, "in `{}`", self.source.0.name),
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
            false => labeled(label, self.source.0),
        });
        Some(Box::new(drawn))
    }

    fn source_code(&self) -> Option<&dyn miette::SourceCode> {
        Some(&self.source)
    }
}
