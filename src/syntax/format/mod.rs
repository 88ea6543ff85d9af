//! The one layout of a text: no options, and nothing but blanks and line ends changes.
//!
//! In: a text that parses. Out: the same tokens in the same order, every comment included, laid out by these rules:
//!
//! - Two blanks per level; one entry per line, except in a body that was written on one line and fits 120 columns.
//! - A statement is one line. If that is too wide its bodies open, and what is still too wide is broken behind commas,
//!   before arrows and clauses, or before operators, wherever brackets are fewest; continuations are four blanks further in.
//! - Blank lines stay, at most one in a row, and none at either end of a body.
//! - Neighboring one-line entries align their `=` and `in`, neighboring one-line sections their `{`, neighboring lines
//!   the comments behind them.
//!
//! It works on tokens, with what the grammar says about them; it knows nothing of their meaning. Formatting twice is
//! formatting once.

mod lines;
mod spacing;
#[cfg(test)]
pub(super) mod tests;

use crate::diagnostic::{Diagnostic, Sink};
use crate::source::SourceId;
use crate::syntax::grammar::Rule;
use crate::syntax::parse;
use crate::syntax::tree::{Pair, Tree};
use lines::{Line, Verb};
use spacing::{Role, Token};

/// No line is made wider than this if it can be broken.
const WIDTH: usize = 120;

/// The text in its one layout, or everything that keeps it from parsing.
pub fn format(id: SourceId, text: &str) -> Result<String, Vec<Diagnostic>> {
    let mut sink = Sink::default();
    let tree = parse::tree(id, text);
    if let Some(tree) = &tree {
        parse::file(id, tree, &mut sink);
    }
    let Some(tree) = tree.filter(|_| !sink.has_errors()) else {
        // In the words of a check.
        let mut sink = Sink::default();
        parse::parse(id, text, &mut sink);
        return Err(sink.into_sorted());
    };
    let mut layout = Layout {
        tokens: spacing::tokens(text, &tree),
        bodies: tree.pairs().filter(|p| p.rule() == Rule::body).collect(),
        lines: Vec::new(),
    };
    layout.items(tree.root(), 0);
    Ok(lines::print(layout.lines))
}

/// An expression on one line, without comments, as `format` lays it out: however it is written, it is one text.
pub fn one_line(text: &str) -> String {
    if is_laid_out(text) {
        return text.to_string();
    }
    let Ok(tree) = Tree::read(Rule::expression, text) else {
        return text.split_whitespace().collect::<Vec<_>>().join(" ");
    };
    let mut tokens = spacing::tokens(text, &tree);
    tokens.retain(|token| token.rule != Rule::comment);
    let is_closing = |token: &Token| matches!(token.text, ")" | "]" | "}");
    let is_last = |i: usize| tokens.get(i + 1).is_some_and(is_closing);
    let ends: Vec<bool> = (0..tokens.len())
        .map(|i| tokens[i].text == "," && is_last(i))
        .collect();
    let mut ends = ends.iter();
    tokens.retain(|_| !ends.next().copied().unwrap_or(false));
    spacing::joined(&tokens)
}

/// Whether a text is laid out as `format` does it, by a look at its words: names, paths and plain numbers with a comparison, or what joins two,
/// between every two of them, and one blank on each side. Of others this is not said. Most requirements are of this kind, and need not be read again.
fn is_laid_out(text: &str) -> bool {
    let is_word = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    let is_operand = |word: &str| match word.as_bytes() {
        [b'0'..=b'9', rest @ ..] => rest.iter().all(u8::is_ascii_digit),
        _ => word.split('.').all(|name| {
            let mut bytes = name.bytes();
            bytes
                .next()
                .is_some_and(|b| is_word(b) && !b.is_ascii_digit())
                && bytes.all(is_word)
        }),
    };
    let joins = ["<=", ">=", "<", ">", "==", "!=", "and", "or", "implies"];
    let mut words = text.split(' ');
    loop {
        match (words.next().is_some_and(is_operand), words.next()) {
            (false, _) => return false,
            (true, None) => return true,
            (true, Some(join)) if joins.contains(&join) => {}
            _ => return false,
        }
    }
}

struct Layout<'t> {
    /// Every token but blanks and line ends, in order.
    tokens: Vec<Token<'t>>,
    /// Every body in the order of the opening braces.
    bodies: Vec<Pair<'t>>,
    lines: Vec<Line>,
}

/// A stretch of tokens, as indices.
type Stretch = std::ops::Range<usize>;

impl<'t> Layout<'t> {
    /// What stands in a file or body, one item after the other.
    fn items(&mut self, parent: Pair<'t>, indent: usize) {
        let (mut first, mut at) = (true, parent.start());
        for item in parent.parts().filter(|item| item.rule() != Rule::EOI) {
            self.comments(at, item.start(), indent, &mut first);
            match item.rule() {
                Rule::entry | Rule::declaration => self.item(item, indent, first),
                _ => {
                    self.gap(item.start(), first);
                    self.statement(self.stretch(item.start(), item.end()), indent, None);
                }
            }
            (first, at) = (false, item.end());
        }
        self.comments(at, parent.end(), indent, &mut first);
    }

    /// A declaration or entry, with what stands above it.
    fn item(&mut self, item: Pair<'t>, indent: usize, mut first: bool) {
        let mut at = item.start();
        for part in item.parts() {
            let start = part.start();
            self.comments(at, start, indent, &mut first);
            self.gap(start, first);
            match part.rule() {
                Rule::doc => {
                    self.line(indent, part.text().trim_end().to_string());
                }
                Rule::annotation => {
                    self.statement(self.stretch(start, part.end()), indent, None);
                }
                _ => {
                    let stretch = self.stretch(start, item.end());
                    self.statement(stretch, indent, verb(part));
                    return;
                }
            }
            (first, at) = (false, part.end());
        }
    }

    /// Asks for a blank line if the author left one before the token at `start`; `first` items stand at their brace.
    fn gap(&mut self, start: usize, first: bool) {
        let token = &self.tokens[self.stretch(start, start + 1).start];
        let blank = token.line_ends > 1 && !first;
        self.lines.push(Line::pending(blank));
    }

    /// Puts a text on the line that `gap` asked for, or on a new one.
    fn line(&mut self, indent: usize, text: String) -> &mut Line {
        let blank = self
            .lines
            .pop_if(|line| line.is_pending())
            .is_some_and(|line| line.blank_before);
        self.lines.push(Line {
            indent,
            text,
            blank_before: blank,
            ..Line::default()
        });
        self.lines
            .last_mut()
            .expect("invariant: a line was just pushed")
    }

    /// The comments between two items: each behind the line above it or on its own.
    fn comments(&mut self, start: usize, end: usize, indent: usize, first: &mut bool) {
        for i in self.stretch(start, end) {
            let token = &self.tokens[i];
            if token.rule != Rule::comment {
                continue; // the brace of a body
            }
            let text = token.text.trim_end().to_string();
            if token.line_ends == 0 && !self.lines.is_empty() {
                self.behind(text);
            } else {
                self.gap(token.start, *first);
                self.line(indent, text);
            }
            *first = false;
        }
    }

    /// Puts a comment behind the last line.
    fn behind(&mut self, text: String) {
        let last = self
            .lines
            .last_mut()
            .expect("invariant: a comment follows a token");
        last.comment = Some(text);
    }

    /// The tokens from byte `start` to byte `end`.
    fn stretch(&self, start: usize, end: usize) -> Stretch {
        let index = |at: usize| self.tokens.partition_point(|token| token.start < at);
        index(start)..index(end)
    }

    /// One statement: a line, or several where bodies open, comments stand inside, or the width asks for it.
    fn statement(&mut self, stretch: Stretch, indent: usize, verb: Option<Verb>) {
        let bodies = self.direct_bodies(stretch.clone());
        let mut open: Vec<bool> = bodies
            .iter()
            .map(|body| self.is_open(body.clone()))
            .collect();
        let too_wide =
            |segment: Stretch| indent + spacing::width(&self.tokens[segment], WIDTH) > WIDTH;
        if segments(&stretch, &bodies, &open).any(too_wide) {
            open = bodies.iter().map(|body| body.len() > 2).collect();
        }
        let before = self.lines.len()
            - self
                .lines
                .last()
                .map_or(0, |line| usize::from(line.is_pending()));
        let opened = bodies
            .iter()
            .zip(&open)
            .filter(|(_, open)| **open)
            .map(|(body, _)| body.start);
        let opened: Vec<usize> = opened.collect();
        let all: Vec<Stretch> = segments(&stretch, &bodies, &open).collect();
        for (i, segment) in all.into_iter().enumerate() {
            self.segment(segment, indent);
            if let Some(brace) = opened.get(i) {
                let body = self.body(*brace);
                self.items(body, indent + 2);
            }
        }
        if let Some(verb) = verb
            && self.lines.len() == before + 1
        {
            let column = self.column(stretch, verb.offset());
            self.lines[before].verb = column.map(|column| verb.at(column));
        }
    }

    /// The bodies in a statement that stand in no other body of it.
    fn direct_bodies(&self, stretch: Stretch) -> Vec<Stretch> {
        let mut bodies = Vec::new();
        let mut at = stretch.start;
        while at < stretch.end {
            if self.tokens[at].role == Role::Body {
                let body = self.body(at);
                let body = self.stretch(body.start(), body.end());
                at = body.end;
                bodies.push(body);
            } else {
                at += 1;
            }
        }
        bodies
    }

    /// The body that the token at an index opens.
    fn body(&self, brace: usize) -> Pair<'t> {
        let start = self.tokens[brace].start;
        let at = self.bodies.partition_point(|body| body.start() < start);
        self.bodies[at]
    }

    /// Whether a body was written over several lines, or holds what needs a line of its own.
    fn is_open(&self, body: Stretch) -> bool {
        if body.len() <= 2 {
            return false;
        }
        let inside = &self.tokens[body.start + 1..body.end];
        inside
            .iter()
            .any(|token| token.line_ends > 0 || token.rule == Rule::comment)
            || inside.iter().any(|token| token.role == Role::Above)
    }

    /// A stretch without open bodies: one line, or several where comments or the width ask for it.
    fn segment(&mut self, segment: Stretch, indent: usize) {
        let mut at = segment.start;
        let mut inner = indent;
        while at < segment.end {
            let is_comment = |i: &usize| self.tokens[*i].rule == Rule::comment;
            let stop = (at..segment.end).find(is_comment).unwrap_or(segment.end);
            for text in spacing::wrapped(&self.tokens[at..stop], inner, indent + 4) {
                self.line(inner, text);
                inner = indent + 4;
            }
            if stop < segment.end {
                let (text, line_ends) = (
                    self.tokens[stop].text.trim_end().to_string(),
                    self.tokens[stop].line_ends,
                );
                if line_ends == 0 {
                    self.behind(text);
                } else {
                    self.line(inner, text);
                }
                inner = indent + 4;
            }
            at = stop + 1;
        }
    }

    /// The column of a one-line statement's verb.
    fn column(&self, stretch: Stretch, offset: usize) -> Option<usize> {
        let verb = self.stretch(offset, offset + 1).start;
        let before = || spacing::width(&self.tokens[stretch.start..verb], usize::MAX);
        stretch.contains(&verb).then(|| before() + 1)
    }
}

/// The parts of a statement between its open bodies: up to an opening brace, from a closing one.
fn segments<'a>(
    stretch: &'a Stretch,
    bodies: &'a [Stretch],
    open: &'a [bool],
) -> impl Iterator<Item = Stretch> + 'a {
    let opened = bodies
        .iter()
        .zip(open)
        .filter(|(_, open)| **open)
        .map(|(body, _)| body);
    let starts = std::iter::once(stretch.start).chain(opened.clone().map(|body| body.end - 1));
    let ends = opened
        .map(|body| body.start + 1)
        .chain(std::iter::once(stretch.end));
    starts.zip(ends).map(|(start, end)| start..end)
}

/// The word or sign by which neighboring entries of this kind align.
fn verb(statement: Pair<'_>) -> Option<Verb> {
    let mut parts = statement.parts();
    match statement.rule() {
        Rule::binding | Rule::layer | Rule::formula | Rule::learned => {
            let verb = parts.find(|part| matches!(part.rule(), Rule::equals | Rule::kw_in));
            verb.map(|pair| Verb::Value(pair.start()))
        }
        Rule::section | Rule::policy_rule => {
            let body = parts.find(|part| part.rule() == Rule::body);
            body.map(|pair| Verb::Brace(pair.start()))
        }
        _ => None,
    }
}
