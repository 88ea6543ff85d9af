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

use std::collections::BTreeMap;

use pest::Parser;
use pest::iterators::Pair;

use crate::diagnostic::{Diagnostic, Sink};
use crate::source::SourceId;
use crate::syntax::grammar::{Grammar, Rule};
use crate::syntax::parse;
use lines::{Line, Verb};
use spacing::{Spacing, Token};

/// No line is made wider than this if it can be broken.
const WIDTH: usize = 120;

/// The text in its one layout, or everything that keeps it from parsing.
pub fn format(id: SourceId, text: &str) -> Result<String, Vec<Diagnostic>> {
    let mut sink = Sink::default();
    parse(id, text, &mut sink);
    if sink.has_errors() {
        return Err(sink.into_sorted());
    }
    let file = Grammar::parse(Rule::file, text)
        .expect("invariant: a text without diagnostics parses")
        .next()
        .expect("invariant: the rule `file` yields one pair");
    let bodies = file
        .clone()
        .into_inner()
        .flatten()
        .filter(|pair| pair.as_rule() == Rule::body);
    let mut layout = Layout {
        tokens: spacing::tokens(text, &file),
        spacing: Spacing::of(&file),
        bodies: bodies.map(|pair| (pair.as_span().start(), pair)).collect(),
        lines: Vec::new(),
    };
    layout.items(file, 0);
    Ok(lines::print(layout.lines))
}

struct Layout<'t> {
    /// Every token but blanks and line ends, in order.
    tokens: Vec<Token<'t>>,
    spacing: Spacing,
    /// Every body by the place of its opening brace.
    bodies: BTreeMap<usize, Pair<'t, Rule>>,
    lines: Vec<Line>,
}

/// A stretch of tokens, as indices.
type Stretch = std::ops::Range<usize>;

impl<'t> Layout<'t> {
    /// What stands in a file or body, one item after the other.
    fn items(&mut self, parent: Pair<'t, Rule>, indent: usize) {
        let mut first = true;
        for item in parent.into_inner() {
            match item.as_rule() {
                Rule::EOI => {}
                Rule::comment => self.comment(&item, indent, first),
                Rule::entry | Rule::declaration => self.item(item, indent, first),
                _ => {
                    let (start, end) = (item.as_span().start(), item.as_span().end());
                    self.gap(start, first);
                    self.statement(self.stretch(start, end), indent, None);
                }
            }
            first = false;
        }
    }

    /// A declaration or entry, with what stands above it.
    fn item(&mut self, item: Pair<'t, Rule>, indent: usize, mut first: bool) {
        let end = item.as_span().end();
        for part in item.into_inner() {
            let start = part.as_span().start();
            match part.as_rule() {
                Rule::comment => self.comment(&part, indent, first),
                Rule::doc => {
                    self.gap(start, first);
                    self.line(indent, part.as_str().trim_end().to_string());
                }
                Rule::annotation => {
                    self.gap(start, first);
                    self.statement(self.stretch(start, part.as_span().end()), indent, None);
                }
                _ => {
                    self.gap(start, first);
                    let verb = verb(&part);
                    self.statement(self.stretch(start, end), indent, verb);
                    return;
                }
            }
            first = false;
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

    /// A comment between items: behind the line above it or on its own.
    fn comment(&mut self, pair: &Pair<'t, Rule>, indent: usize, first: bool) {
        let start = pair.as_span().start();
        let token = &self.tokens[self.stretch(start, start + 1).start];
        let text = token.text.trim_end().to_string();
        if token.line_ends == 0 && !self.lines.is_empty() {
            self.behind(text);
        } else {
            self.gap(start, first);
            self.line(indent, text);
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
        let too_wide = |segment: Stretch| {
            indent + self.spacing.joined(&self.tokens[segment]).chars().count() > WIDTH
        };
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
                let body = self.bodies[&self.tokens[*brace].start].clone();
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
            if let Some(body) = self.bodies.get(&self.tokens[at].start) {
                let body = self.stretch(body.as_span().start(), body.as_span().end());
                at = body.end;
                bodies.push(body);
            } else {
                at += 1;
            }
        }
        bodies
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
            || inside.iter().any(|token| self.spacing.leads(token.start))
    }

    /// A stretch without open bodies: one line, or several where comments or the width ask for it.
    fn segment(&mut self, segment: Stretch, indent: usize) {
        let mut at = segment.start;
        let mut inner = indent;
        while at < segment.end {
            let is_comment = |i: &usize| self.tokens[*i].rule == Rule::comment;
            let stop = (at..segment.end).find(is_comment).unwrap_or(segment.end);
            for text in self
                .spacing
                .wrapped(&self.tokens[at..stop], inner, indent + 4)
            {
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
        let before = self.spacing.joined(&self.tokens[stretch.start..verb]);
        stretch.contains(&verb).then(|| before.chars().count() + 1)
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
fn verb(statement: &Pair<'_, Rule>) -> Option<Verb> {
    let mut parts = statement.clone().into_inner();
    let offset = |pair: Pair<'_, Rule>| pair.as_span().start();
    match statement.as_rule() {
        Rule::field | Rule::choice | Rule::layer | Rule::formula | Rule::learned => {
            let verb = parts.find(|part| matches!(part.as_rule(), Rule::equals | Rule::kw_in));
            verb.map(|pair| Verb::Value(offset(pair)))
        }
        Rule::section | Rule::policy_rule => {
            let body = parts.find(|part| part.as_rule() == Rule::body);
            body.map(|pair| Verb::Brace(offset(pair)))
        }
        _ => None,
    }
}
