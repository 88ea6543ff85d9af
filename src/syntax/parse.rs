//! Text to tree: the file, its edition, its imports and declarations.
//!
//! In: one text. Out: a [`File`] and, for everything that no rule reads, a diagnostic with a place. It never panics
//! and never stops at the first error. Entries are read in `entries`, expressions in `expressions`; what is said about an
//! error is in `explain`.

use std::borrow::Cow;
use std::sync::Arc;

use crate::diagnostic::{Diagnostic, Sink};
use crate::source::{SourceId, Span, Spanned};
use crate::syntax::ast::{Annotation, Declaration, File, Name, Parameter, Use, UseFrom};
use crate::syntax::grammar::Rule;
use crate::syntax::place::line_start;
use crate::syntax::scan::Lost;
use crate::syntax::tokens::tokens;
use crate::syntax::tree::{Pair, Parts, Tree};
use crate::syntax::{comments, explain, imports, pieces, scan};

/// The edition of the language that this program reads: the number on the line `bnas 1`.
pub const EDITION: u32 = 1;

/// The most bytes of a source text. A spec is written by people, and spans hold 32 bits.
pub(super) const LONGEST: usize = 16 << 20;

/// Reads one text. What is wrong with it goes into `sink`; the tree holds everything else.
pub fn parse(id: SourceId, text: &str, sink: &mut Sink) -> File {
    let unread = File {
        broken: true,
        ..File::default()
    };
    if text.len() > LONGEST {
        let message = format!("a source text may not be longer than {} MiB", LONGEST >> 20);
        let too_long = Diagnostic::error("bnas::parse::length", message)
            .label(Span::new(id, 0, 0), "this is probably no spec");
        sink.push(too_long);
        return unread;
    }
    let text = &*comments::without_blocks(id, text, sink);
    let lost = scan::brackets(id, text, sink);
    if lost.iter().any(|l| l.range.start == 0) {
        return unread;
    }
    let masked = match lost.is_empty() {
        true => Cow::Borrowed(text),
        false => Cow::Owned(scan::masked(text, &lost)),
    };
    let mut file = match pieces::file(&masked) {
        Ok(tree) => file(id, &tree, sink),
        Err(error) => {
            sink.push(explain::syntax_error(id, &masked, 0, &error));
            return unread;
        }
    };
    for Lost { range, head } in lost {
        file.unread.push(Span::new(id, range.start, range.end));
        match head {
            Some((kind, name)) => file.declarations.push(Declaration {
                docs: Vec::new(),
                annotations: Vec::new(),
                kind,
                name,
                params: Vec::new(),
                base: None,
                entries: Arc::default(),
                span: Span::new(id, range.start, range.end),
                broken: true,
            }),
            None => file.broken |= range.len() > 1,
        }
    }
    file.declarations.sort_by_key(|d| d.span);
    file.unread.sort();
    file
}

/// The tree of a text whose brackets pair up and that the grammar reads; what stands in it may still be wrong.
pub(super) fn tree(id: SourceId, text: &str) -> Option<Tree<'_>> {
    let mut sink = Sink::default();
    let is_whole = text.len() <= LONGEST && scan::brackets(id, text, &mut sink).is_empty();
    is_whole.then(|| pieces::file(text).ok()).flatten()
}

/// The file that a tree says; what is wrong with it goes into `sink`.
pub(super) fn file(id: SourceId, tree: &Tree<'_>, sink: &mut Sink) -> File {
    let mut reader = Reader {
        id,
        text: tree.root().whole(),
        sink,
        depth: 0,
        lost: Vec::new(),
        unread: Vec::new(),
        nameless: Vec::new(),
        said: None,
    };
    let mut file = reader.file(tree.root());
    file.lost = reader.lost;
    file.unread = reader.unread;
    file.nameless = reader.nameless;
    file
}

/// Turns pairs into nodes.
pub(super) struct Reader<'t, 's> {
    pub(super) id: SourceId,
    pub(super) text: &'t str,
    pub(super) sink: &'s mut Sink,
    /// Nesting of the expression that is being built, operators included.
    pub(super) depth: usize,
    /// First words of what could not be read.
    pub(super) lost: Vec<String>,
    /// What could not be read.
    pub(super) unread: Vec<Span>,
    /// Of that, what may define a name that is not in it.
    pub(super) nameless: Vec<Span>,
    /// Where a stretch begins that no rule will read, and about which all has been said.
    pub(super) said: Option<usize>,
}

impl<'t> Reader<'t, '_> {
    pub(super) fn span(&self, pair: Pair<'_>) -> Span {
        Span::new(self.id, pair.start(), pair.end())
    }

    pub(super) fn name(&self, pair: Pair<'_>) -> Name {
        Name {
            text: pair.text().to_string(),
            span: self.span(pair),
        }
    }

    /// The text between quotes, with its escapes replaced.
    pub(super) fn string(&self, pair: Pair<'_>) -> Spanned<String> {
        let quoted = pair.text();
        let mut value = String::with_capacity(quoted.len());
        let mut characters = quoted[1..quoted.len() - 1].chars();
        while let Some(c) = characters.next() {
            value.push(match (c, c == '\\') {
                (_, true) => match characters.next() {
                    Some('n') => '\n',
                    Some('t') => '\t',
                    Some(other) => other,
                    None => '\\',
                },
                (plain, false) => plain,
            });
        }
        Spanned {
            value,
            span: self.span(pair),
        }
    }

    /// The line behind `///`, without one leading blank.
    pub(super) fn doc(&self, pair: Pair<'_>) -> Spanned<String> {
        let line = &pair.text()[3..];
        let value = line
            .strip_prefix(' ')
            .unwrap_or(line)
            .trim_end()
            .to_string();
        Spanned {
            value,
            span: self.span(pair),
        }
    }

    fn file(&mut self, pair: Pair<'t>) -> File {
        let mut parts = pair.parts();
        let mut file = File::default();
        // A stretch about which all has been said.
        let mut elsewhere = None;
        match parts.given(Rule::edition) {
            Some(edition) => match self.edition(edition) {
                Some(edition) => file.edition = Some(edition),
                None => {
                    // Another edition may mean other things by every line below.
                    file.broken = true;
                    return file;
                }
            },
            None => elsewhere = self.edition_elsewhere(&parts),
        }
        for part in parts {
            if Some(part.start()) == elsewhere {
                file.broken = true;
                continue;
            }
            match part.rule() {
                Rule::import => {
                    if let Some(first) = file.declarations.first() {
                        let late = Diagnostic::error(
                            "bnas::parse::late_use",
                            "`use` stands after a declaration",
                        )
                        .label(self.span(part), "this line")
                        .label(first.name.span, "the first declaration")
                        .help("move it above the first declaration");
                        self.sink.push(late);
                    }
                    file.uses.push(self.import(part));
                }
                Rule::declaration => file.declarations.push(self.declaration(part)),
                Rule::lost => {
                    file.broken = true;
                    let second = file.uses.last().and_then(|import| {
                        imports::second_path(self.text, import.span, self.span(part))
                    });
                    if let Some(second) = second {
                        file.uses.pop();
                        self.sink.push(second);
                        self.unread.push(self.span(part));
                        self.lose(part.text());
                        continue;
                    }
                    self.lost(part, true);
                }
                _ => {}
            }
        }
        file
    }

    fn edition(&mut self, pair: Pair<'t>) -> Option<Spanned<u32>> {
        let span = self.span(pair);
        let number = pair.parts().given(Rule::edition_number);
        let value = number.as_ref().and_then(|n| n.text().parse().ok());
        if value == Some(EDITION) {
            return Some(Spanned {
                value: EDITION,
                span,
            });
        }
        let message = match number {
            Some(number) => format!("edition `{}` is unknown", number.text()),
            None => "the edition has no number".to_string(),
        };
        let unknown = Diagnostic::error("bnas::parse::edition_unknown", message)
            .label(span, format!("this program reads edition {EDITION}"))
            .help(format!("write `bnas {EDITION}`"));
        self.sink.push(unknown);
        None
    }

    /// Says that the first line is no edition, if that is what is wrong: where a stretch stands that was to be one.
    fn edition_elsewhere(&mut self, parts: &Parts<'t>) -> Option<usize> {
        let first = parts.peek();
        let below = parts
            .clone()
            .find(|p| p.rule() == Rule::lost && p.text().starts_with("bnas "));
        let Some(below) = below else {
            self.edition_missing();
            // `version 1`: this is no declaration either.
            return first
                .filter(|p| p.rule() == Rule::lost && is_version(p.text()))
                .map(|p| p.start());
        };
        // Junk above it is reported for itself.
        if first.is_some_and(|first| first.rule() != Rule::lost) {
            let late = Diagnostic::error(
                "bnas::parse::edition_missing",
                "the edition is not the first line",
            )
            .label(self.span(below), "expected above everything else")
            .help(format!("move `bnas {EDITION}` to the first line"));
            self.sink.push(late);
        }
        Some(below.start())
    }

    fn edition_missing(&mut self) {
        let first = tokens(self.text)
            .into_iter()
            .find(|t| t.rule != Rule::comment);
        let diagnostic = match first {
            None => Diagnostic::error("bnas::file::empty", "the file is empty")
                .label(Span::new(self.id, 0, 0), "nothing is declared here")
                .help(format!(
                    "write `bnas {EDITION}` on the first line, and an experiment below it"
                )),
            Some(token) => {
                Diagnostic::error("bnas::parse::edition_missing", "the edition is missing")
                    .label(
                        Span::new(self.id, token.start, token.end()),
                        "expected the edition before this",
                    )
                    .help(format!("write `bnas {EDITION}` on the first line"))
            }
        };
        self.sink.push(diagnostic);
    }

    fn import(&mut self, pair: Pair<'t>) -> Use {
        let span = self.span(pair);
        let mut parts = pair.parts();
        parts.passes(Rule::kw_use);
        let source = parts.must();
        let from = match source.rule() {
            Rule::text => UseFrom::File(self.string(source)),
            _ => UseFrom::Path(source.parts().map(|segment| self.name(segment)).collect()),
        };
        let names = parts
            .given(Rule::import_names)
            .map(|names| names.parts().map(|n| self.name(n)).collect());
        Use { from, names, span }
    }

    fn declaration(&mut self, pair: Pair<'t>) -> Declaration {
        let end = self.span(pair).end;
        let before = self.sink.count();
        let mut parts = pair.parts();
        let (docs, annotations) = self.above(&mut parts);
        let kind = self.name(parts.must());
        let name = self.name(parts.must());
        let params = parts
            .given(Rule::parameters)
            .map(|p| self.parameters(p))
            .unwrap_or_default();
        let base = parts.given(Rule::base).map(|b| self.name(b));
        let entries = Arc::new(self.body(parts.must()));
        let span = Span { end, ..kind.span };
        Declaration {
            docs,
            annotations,
            kind,
            name,
            params,
            base,
            entries,
            span,
            broken: self.sink.count() > before,
        }
    }

    /// The documentation and annotations in front of a declaration or entry.
    pub(super) fn above(
        &mut self,
        parts: &mut Parts<'t>,
    ) -> (Vec<Spanned<String>>, Vec<Annotation>) {
        let (mut docs, mut annotations) = (Vec::new(), Vec::new());
        loop {
            if let Some(doc) = parts.given(Rule::doc) {
                match self.text[line_start(&self.text[..doc.start()])..doc.start()]
                    .trim()
                    .is_empty()
                {
                    true => docs.push(self.doc(doc)),
                    false => self.doc_behind(doc),
                }
            } else if let Some(annotation) = parts.given(Rule::annotation) {
                annotations.push(self.annotation(annotation));
            } else {
                return (docs, annotations);
            }
        }
    }

    /// Documentation behind an entry, which its author means for this one, and the grammar for the next.
    fn doc_behind(&mut self, doc: Pair<'t>) {
        let behind = Diagnostic::error(
            "bnas::parse::syntax",
            "documentation stands above what it documents",
        );
        let behind = behind.label(self.span(doc), "behind something else on this line");
        self.sink
            .push(behind.help("write `//` for a comment, or put it on the line above"));
    }

    pub(super) fn annotation(&mut self, pair: Pair<'t>) -> Annotation {
        let span = self.span(pair);
        let mut parts = pair.parts();
        let name = self.name(parts.must());
        let args = parts
            .given(Rule::arguments)
            .map(|a| self.arguments(a))
            .unwrap_or_default();
        Annotation { name, args, span }
    }

    pub(super) fn parameters(&mut self, pair: Pair<'t>) -> Vec<Parameter> {
        let mut parameters = Vec::new();
        for parameter in pair.parts() {
            let mut parts = parameter.parts();
            let name = self.name(parts.must());
            let default = parts
                .passes(Rule::equals)
                .then(|| self.expression(parts.must()));
            parameters.push(Parameter { name, default });
        }
        parameters
    }
}

/// Whether a line is a number, perhaps with a word before it: `1`, `version 1`, `bnas1`.
fn is_version(line: &str) -> bool {
    let line = line.split("//").next().unwrap_or(line);
    let words: Vec<&str> = line.split_whitespace().collect();
    let number = match words.as_slice() {
        [word, number] if word.starts_with(|c: char| c.is_ascii_alphabetic()) => number,
        [one] => one.strip_prefix("bnas").unwrap_or(one),
        _ => return false,
    };
    number.starts_with(|c: char| c.is_ascii_digit())
}
