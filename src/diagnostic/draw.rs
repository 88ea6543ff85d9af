//! Diagnostics as text.
//!
//! In: diagnostics and the texts that they are about. Out: what a terminal shows, drawn by miette, one view per file, and per place where labels
//! stand far from each other; of very long lines what is near the labels.

use std::fmt;

use miette::{
    GraphicalReportHandler, GraphicalTheme, LabeledSpan, MietteError, MietteSpanContents,
    Severity as MietteSeverity, SourceCode, SourceSpan, SpanContents,
};

use super::{DRAWN, Diagnostic, Label, Severity};
use crate::source::{Source, SourceId, Sources, Span};

/// What of a line of this many bytes or more is drawn: so many on each side of a label.
const LONG_LINE: usize = 1000;
const SHOWN: usize = 200;
/// Labels so many lines apart, or fewer, are drawn with the lines between them.
const FAR: usize = 8;

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
        // What is quoted from a spec, `!=` say, is not broken within.
        .with_word_separator(textwrap::WordSeparator::AsciiSpace)
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
        let mut parts = parts(&diagnostic.labels, sources).into_iter();
        let main = parts.next();
        let mut elsewhere: Vec<Elsewhere> = parts
            .map(|part| Elsewhere {
                is_near: main.as_ref().is_some_and(|main| is_same(main, &part)),
                part,
                help: None,
            })
            .collect();
        // The help stands below everything that it speaks of.
        let mut help = diagnostic.help.as_deref();
        if let Some(last) = elsewhere.last_mut() {
            last.help = help.take();
        }
        draw(&View {
            diagnostic,
            main,
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

/// Labels by the place where they are drawn, the main one's first: those of other files apart, and those that stand far from each other.
fn parts<'a>(labels: &'a [Label], sources: &'a Sources) -> Vec<Part<'a>> {
    let mut sorted: Vec<&Label> = labels.iter().collect();
    sorted.sort_by_key(|label| (label.span.source, label.span.start));
    let mut parts: Vec<Part> = Vec::new();
    let mut end = 0;
    for label in sorted {
        let source = named(sources, label.span.source);
        let line = |at: u32| source.0.line_of(at as usize);
        let (first, last) = (line(label.span.start), line(label.span.end));
        match parts.last_mut() {
            Some(part) if part.labels[0].span.source == label.span.source && first <= end + FAR => {
                part.labels.push(label);
                end = end.max(last);
            }
            _ => {
                end = last;
                parts.push(Part {
                    labels: vec![label],
                    source,
                });
            }
        }
    }
    // As they were said: what comes first in the text is not always what matters most.
    let said = |label: &Label| labels.iter().position(|other| std::ptr::eq(other, label));
    for part in &mut parts {
        part.labels.sort_by_key(|label| said(label));
    }
    parts.sort_by_key(|part| said(part.labels[0]));
    parts
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
            // Labels that are drawn together are so with all lines between them.
            source.line_of(source.text.len()) + 1,
        );
        Ok(Box::new(contents))
    }
}

/// The last place up to `at` where a character begins.
fn boundary(text: &str, at: usize) -> usize {
    let is_boundary = |at: &usize| text.is_char_boundary(*at);
    (0..=at).rev().find(is_boundary).unwrap_or(0)
}

/// The labels to draw of one file, the main one first, which the heading points at. Of one that lies within another one on its line the drawing would stand behind that, so the outer one ends before it.
fn drawn<'a>(labels: impl Iterator<Item = &'a Label> + Clone, source: &Source) -> Vec<LabeledSpan> {
    let on_one_line =
        |span: Span| source.line_of(span.start as usize) == source.line_of(span.end as usize);
    let shortened = |label: &Label| {
        let within = labels.clone().map(|other| other.span).filter(|other| {
            let is_within = label.span.start < other.start && other.end <= label.span.end;
            is_within && on_one_line(label.span)
        });
        let mut label = label.clone();
        label.span.end = within
            .map(|inner| inner.start)
            .fold(label.span.end, u32::min);
        labeled(&label, source)
    };
    let mut drawn: Vec<LabeledSpan> = labels.clone().map(shortened).collect();
    if let Some(main) = drawn.first_mut() {
        *main = LabeledSpan::new_primary_with_span(main.label().map(str::to_string), *main.inner());
    }
    drawn
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

/// Labels of one file that stand near each other; at least one.
struct Part<'a> {
    labels: Vec<&'a Label>,
    source: Excerpts<'a>,
}

/// Whether both are of one file.
fn is_same(x: &Part, y: &Part) -> bool {
    x.labels[0].span.source == y.labels[0].span.source
}

struct View<'a> {
    diagnostic: &'a Diagnostic,
    main: Option<Part<'a>>,
    help: Option<&'a str>,
}

struct Elsewhere<'a> {
    part: Part<'a>,
    /// Whether it is of the file of the main part.
    is_near: bool,
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
        let Part { labels, source } = self.main.as_ref()?;
        let drawn = drawn(labels.iter().copied(), source.0);
        Some(Box::new(drawn.into_iter()))
    }

    fn source_code(&self) -> Option<&dyn miette::SourceCode> {
        let main = self.main.as_ref()?;
        Some(&main.source as &dyn miette::SourceCode)
    }
}

impl fmt::Display for Elsewhere<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.part.labels.as_slice() {
            [only] => f.write_str(&only.text),
            _ if self.is_near => f.write_str("in the same file"),
            _ => write!(f, "in `{}`", self.part.source.0.name),
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
        let labels = match self.part.labels.as_slice() {
            // The only text is the heading already.
            [only] => vec![LabeledSpan::new(
                None,
                only.span.start as usize,
                only.span.len(),
            )],
            all => drawn(all.iter().copied(), self.part.source.0),
        };
        Some(Box::new(labels.into_iter()))
    }

    fn source_code(&self) -> Option<&dyn miette::SourceCode> {
        Some(&self.part.source)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_within_another_one_is_drawn_where_it_belongs() {
        let mut sources = Sources::default();
        let id = sources.add("a.bnas", "space in {net, net}\n");
        let found = Diagnostic::error("bnas::name::duplicate", "two of these are called `net`");
        let found = found
            .label(Span::new(id, 15, 18), "this one")
            .label(Span::new(id, 9, 19), "among these");
        let shown = render(&[found], &sources, false);
        let under = |text: &str| {
            let line = shown
                .lines()
                .find(|line| line.contains(text))
                .expect("is drawn");
            line[..line.find('╰').expect("has a corner")]
                .chars()
                .count()
        };
        let column = |at: usize| {
            let text = shown
                .lines()
                .find(|line| line.contains("space in"))
                .expect("is drawn");
            text[..text.find("space in").expect("stands there") + at]
                .chars()
                .count()
        };
        assert!(
            (column(15)..column(18)).contains(&under("this one")),
            "{shown}"
        );
        assert!(
            (column(9)..column(15)).contains(&under("among these")),
            "{shown}"
        );
    }

    #[test]
    fn help_is_wrapped_between_words() {
        // For one of these lengths, the line ends within `!=`.
        for length in 40..90 {
            let long = format!("write `require all({} != true)`", "x".repeat(length));
            let found = Diagnostic::error("bnas::shape::misfit", "misfit").help(long);
            assert!(
                render(&[found], &Sources::default(), false).contains("!="),
                "{length}"
            );
        }
    }
}
