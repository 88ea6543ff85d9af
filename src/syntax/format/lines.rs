//! Lines of the output, and what is aligned between neighbors.
//!
//! In: lines with a text, a comment behind it and the column of a verb. Out: the whole text.

/// One line of the output.
#[derive(Debug, Default)]
pub(super) struct Line {
    /// Blanks before the text.
    pub(super) indent: usize,
    /// Without indentation and comment; empty only while the line is pending.
    pub(super) text: String,
    /// What a neighbor aligns with.
    pub(super) verb: Option<Verb>,
    /// The comment behind the text.
    pub(super) comment: Option<String>,
    /// Whether a blank line stands above it.
    pub(super) blank_before: bool,
}

/// What is aligned, with its place: a byte of the input at first, a column of the line's text later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verb {
    /// `=` or `in`.
    Value(usize),
    /// The `{` of a one-line section.
    Brace(usize),
}

impl Verb {
    pub(super) fn offset(self) -> usize {
        match self {
            Verb::Value(place) | Verb::Brace(place) => place,
        }
    }

    pub(super) fn at(self, place: usize) -> Self {
        match self {
            Verb::Value(_) => Verb::Value(place),
            Verb::Brace(_) => Verb::Brace(place),
        }
    }
}

impl Line {
    /// A line whose text is still to come.
    pub(super) fn pending(blank_before: bool) -> Self {
        Line {
            blank_before,
            ..Line::default()
        }
    }

    pub(super) fn is_pending(&self) -> bool {
        self.text.is_empty()
    }

    fn width(&self) -> usize {
        self.indent + self.text.chars().count()
    }
}

/// Aligns and joins the lines.
pub(super) fn print(mut lines: Vec<Line>) -> String {
    lines.retain(|line| !line.is_pending());
    let verbs = |a: &Line, b: &Line| match (a.verb, b.verb) {
        (Some(x), Some(y)) => x.at(0) == y.at(0),
        _ => false,
    };
    for group in lines.chunk_by_mut(|a, b| a.indent == b.indent && !b.blank_before && verbs(a, b)) {
        let column = group
            .iter()
            .filter_map(|line| line.verb)
            .map(Verb::offset)
            .max();
        for line in group {
            if let (Some(verb), Some(column)) = (line.verb, column) {
                let at = line
                    .text
                    .char_indices()
                    .nth(verb.offset())
                    .map_or(line.text.len(), |(at, _)| at);
                line.text
                    .insert_str(at, &" ".repeat(column - verb.offset()));
            }
        }
    }
    let mut out = String::new();
    let commented =
        |a: &Line, b: &Line| !b.blank_before && a.comment.is_some() && b.comment.is_some();
    for group in lines.chunk_by(commented) {
        let width = group.iter().map(Line::width).max().unwrap_or(0);
        for line in group {
            if line.blank_before && !out.is_empty() {
                out.push('\n');
            }
            out.push_str(&" ".repeat(line.indent));
            out.push_str(&line.text);
            if let Some(comment) = &line.comment {
                out.push_str(&" ".repeat(width - line.width() + 2));
                out.push_str(comment);
            }
            out.push('\n');
        }
    }
    out
}
