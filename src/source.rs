//! Source texts and the spans that point into them.
//!
//! In: a name and a text. Out: a [`SourceId`] and [`Span`]s. Knows nothing of the language.

use serde::{Deserialize, Serialize};

/// Index of a text in [`Sources`].
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize,
)]
pub struct SourceId(pub u32);

/// A half-open byte range `start..end` of one source text.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize,
)]
pub struct Span {
    /// The text that is pointed into.
    pub source: SourceId,
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

impl Span {
    /// The range `start..end` of `source`.
    pub fn new(source: SourceId, start: usize, end: usize) -> Self {
        Span {
            source,
            start: start as u32,
            end: end as u32,
        }
    }

    /// The smallest span that covers both; both must be of one source.
    pub fn to(self, other: Span) -> Span {
        Span {
            source: self.source,
            start: self.start.min(other.start),
            end: self.end.max(other.end),
        }
    }

    /// Whether another range lies in this one, of the same source.
    pub fn holds(self, inner: Span) -> bool {
        self.source == inner.source && self.start <= inner.start && inner.end <= self.end
    }

    /// Length in bytes.
    pub fn len(self) -> usize {
        (self.end - self.start) as usize
    }

    /// Whether the range holds no byte.
    pub fn is_empty(self) -> bool {
        self.start == self.end
    }
}

/// A value with the place it was written at.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Spanned<T> {
    /// The value.
    pub value: T,
    /// Where it stands.
    pub span: Span,
}

/// One text: a file, or an entry of the standard library.
#[derive(Debug, Clone)]
pub struct Source {
    /// What diagnostics call it: a path as the user gave it, or `<std>/targets/braintta.bnas`.
    pub name: String,
    /// The whole text.
    pub text: String,
    /// Where each line but the first begins.
    lines: Vec<usize>,
}

impl Source {
    /// Zero-based line of a byte.
    pub(crate) fn line_of(&self, byte: usize) -> usize {
        self.lines.partition_point(|line| *line <= byte)
    }

    /// The first byte of a line, counted from zero; the end of the text behind the last line.
    pub(crate) fn line_start(&self, line: usize) -> usize {
        match line.checked_sub(1) {
            None => 0,
            Some(before) => self.lines.get(before).copied().unwrap_or(self.text.len()),
        }
    }
}

/// All texts of one compilation.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    texts: Vec<Source>,
}

impl Sources {
    /// Adds a text and returns its index.
    pub fn add(&mut self, name: impl Into<String>, text: impl Into<String>) -> SourceId {
        let text = text.into();
        let ends = text.bytes().enumerate().filter(|(_, b)| *b == b'\n');
        let lines = ends.map(|(at, _)| at + 1).collect();
        self.texts.push(Source {
            name: name.into(),
            text,
            lines,
        });
        SourceId(self.texts.len() as u32 - 1)
    }

    /// The text with this index.
    pub fn get(&self, id: SourceId) -> &Source {
        &self.texts[id.0 as usize]
    }

    /// The text under a span.
    pub fn slice(&self, span: Span) -> &str {
        &self.get(span.source).text[span.start as usize..span.end as usize]
    }

    /// One-based line of a span's first byte.
    pub fn line(&self, span: Span) -> usize {
        self.get(span.source).line_of(span.start as usize) + 1
    }

    /// Every text in the order in which it was added.
    pub fn iter(&self) -> impl Iterator<Item = &Source> {
        self.texts.iter()
    }
}
