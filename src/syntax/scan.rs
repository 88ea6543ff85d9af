//! The look at a text before the grammar reads it: brackets are counted.
//!
//! In: a text. Out: the stretches, declaration by declaration, in which brackets do not pair up or nest more than [`MAX_NESTING`] deep,
//! with a diagnostic each; the rest can be read without them. The grammar
//! descends once per bracket and per `if`, so the bound keeps its stack small; and a grammar that recovers from errors
//! would try an unbalanced text in exponentially many ways.

use std::ops::Range;

use crate::diagnostic::{Diagnostic, Sink};
use crate::source::{SourceId, Span};
use crate::syntax::ast::Name;
use crate::syntax::brackets::{
    closed_early, hidden, lacks_opening, never_opened, open_before, partner, too_deep, unpaired,
};
use crate::syntax::explain;
use crate::syntax::grammar::Rule;
use crate::syntax::heads::{above, head, starts_line, unopened};
use crate::syntax::tokens::{Token, tokens};

/// How deep brackets and `if` may nest.
pub(super) const MAX_NESTING: usize = 128;

struct Open<'t> {
    bracket: &'t str,
    span: Span,
    /// How far the line begins on which it stands.
    indent: usize,
    /// `if`s since the last `=` or `,`: each may stand in the branch of the one before.
    ifs: usize,
}

/// Where a token stands on its line.
#[derive(Clone, Copy)]
struct OnLine {
    /// How far the line begins.
    indent: usize,
    is_first: bool,
}

/// How many bytes behind quotes that are not closed the grammar may look at: it looks at all of a line behind each of them.
const UNCLOSED: usize = 256 << 10;

/// A stretch of text whose brackets do not pair up.
pub(super) struct Lost {
    pub(super) range: Range<usize>,
    /// Kind and name of the declaration that it was to be.
    pub(super) head: Option<(Name, Name)>,
}

/// Pushes what is wrong with the brackets, and gives the stretches that nothing can be read from.
pub(super) fn brackets(id: SourceId, text: &str, sink: &mut Sink) -> Vec<Lost> {
    let tokens = tokens(text);
    let mut scan = Scan::new(id);
    let mut lost = Vec::new();
    // The token that closed the last declaration, and whether it stands on a line that belongs inside.
    let mut closed = None;
    let mut on_line = OnLine {
        indent: 0,
        is_first: true,
    };
    let mut last_end = 0;
    let (mut line_end, mut unclosed) = (0, 0);
    for (i, token) in tokens.iter().enumerate() {
        let range = token.start..token.end();
        let blanks = &text[last_end..token.start];
        let line = blanks.rfind('\n').map(|n| blanks.len() - n - 1);
        on_line = OnLine {
            indent: line.unwrap_or(on_line.indent),
            is_first: line.is_some() || i == 0,
        };
        last_end = range.end;
        let starts_line = starts_line(text, token);
        if starts_line && token.rule == Rule::word {
            let head = head(id, &tokens[i..]);
            let is_import = || token.text == "use" && !closes_behind(&scan, text, &tokens[i + 1..]);
            if head.is_some() || is_import() {
                if let Some(unclosed) = scan.unclosed(Some(scan.span(token))) {
                    sink.push(unclosed);
                    scan.is_lost = true;
                }
                let unopened = head
                    .is_some()
                    .then(|| unopened(id, text, &tokens[i..]))
                    .flatten();
                let start = match head {
                    Some(_) => above(&tokens[..i]).unwrap_or(range.start),
                    None => range.start,
                };
                lost.extend(scan.restart(start, head));
                closed = None;
                if let Some(last) = unopened {
                    sink.push(never_opened(scan.span(token).to(scan.span(last))));
                    scan.is_lost = true;
                }
            }
        }
        if token.rule == Rule::sign && token.text == "\"" {
            if line_end <= range.start {
                let line = text[range.start..].find('\n');
                line_end = line.map_or(text.len(), |n| range.start + n);
            }
            unclosed += line_end - range.start;
            if unclosed > UNCLOSED && !scan.is_lost {
                sink.push(explain::unclosed_text(scan.span(token)));
                scan.is_lost = true;
            }
        }
        if scan.is_lost {
            continue;
        }
        let was_open = scan.open.get(1).map(|open| open.indent);
        match scan.step(token, on_line) {
            Ok(()) if scan.open.len() == 1 && token.text == "}" => {
                let is_inside = was_open.is_some_and(|indent| on_line.indent > indent);
                closed = closed.or(was_open.map(|_| (i, is_inside)));
            }
            Ok(()) => {}
            Err(mut problem) => {
                // A bracket too many right behind a declaration costs nothing but itself.
                let is_behind = |(closed, _)| i == closed + 1;
                let is_stray = scan.open.len() == 1 && closed.is_some_and(is_behind);
                if let (false, 1, Some((closed, true))) = (is_stray, scan.open.len(), closed) {
                    let closed = scan.span(&tokens[closed]);
                    problem = closed_early(closed, scan.span(token));
                }
                let top = scan.open.last();
                if top.is_some_and(|top| is_surplus(&scan, top, text, token)) {
                    problem = unpaired("", scan.span(token), token.text, scan.span(token));
                } else if let Some(hidden) =
                    top.and_then(|top| hidden(top.bracket, top.span, text, &tokens[..i]))
                {
                    problem = hidden;
                } else if let Some(open) =
                    top.and_then(|top| open_before(top.bracket, top.span, text, &tokens[..i]))
                {
                    problem = open;
                }
                let declaration = tokens[..i].partition_point(|t| t.start < scan.start);
                let lacking = (is_stray && token.text == "}")
                    .then(|| lacks_opening(id, text, &tokens[declaration..i]))
                    .flatten();
                let is_whole = lacking.is_none();
                problem = lacking.unwrap_or(problem);
                match is_stray && is_whole {
                    true => lost.push(Lost { range, head: None }),
                    false => scan.is_lost = true,
                }
                sink.push(problem);
            }
        }
    }
    if let Some(unclosed) = scan.unclosed(None) {
        sink.push(unclosed);
        scan.is_lost = true;
    }
    lost.extend(scan.restart(text.len(), None));
    // What is lost within a declaration that is lost itself is nothing more.
    lost.sort_by_key(|l| l.range.start);
    lost.dedup_by(|next, before| next.range.start < before.range.end);
    lost
}

/// Whether a `)` that no `(` is open for is one too many: the brace around it is that of the declaration, or was opened on a line above, and has its own.
fn is_surplus(scan: &Scan, top: &Open, text: &str, token: &Token<'_>) -> bool {
    let between = &text[top.span.start as usize..token.start];
    let mut open = scan.open.iter();
    top.bracket == "{"
        && [")", "]"].contains(&token.text)
        && (scan.open.len() == 2 || between.contains('\n'))
        && !open.any(|o| partner(o.bracket) == token.text)
}

/// The text with blanks in place of what is lost: every other byte keeps its place.
pub(super) fn masked(text: &str, lost: &[Lost]) -> String {
    let mut masked = String::with_capacity(text.len());
    let mut at = 0;
    for Lost { range, .. } in lost {
        masked.push_str(&text[at..range.start]);
        blank(&text[range.clone()], &mut masked);
        at = range.end;
    }
    masked.push_str(&text[at..]);
    masked
}

/// Blanks for every byte of a stretch, and its line breaks.
pub(super) fn blank(stretch: &str, into: &mut String) {
    let blank = |byte| if byte == b'\n' { '\n' } else { ' ' };
    into.extend(stretch.bytes().map(blank));
}

/// Whether all that is open is closed behind these tokens, before a declaration or an import begins: what stands here stands inside.
fn closes_behind(scan: &Scan, text: &str, tokens: &[Token<'_>]) -> bool {
    let mut depth = scan.open.len() - 1;
    for (i, token) in tokens.iter().enumerate() {
        let begins = || token.text == "use" || head(scan.id, &tokens[i..]).is_some();
        match token.text {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => depth = depth.saturating_sub(1),
            _ if starts_line(text, token) && begins() => return false,
            _ => {}
        }
        if depth == 0 {
            return scan.open.len() > 1;
        }
    }
    false
}

/// The brackets that are open, from the last declaration on.
struct Scan<'t> {
    id: SourceId,
    start: usize,
    head: Option<(Name, Name)>,
    /// The first is no bracket.
    open: Vec<Open<'t>>,
    depth: usize,
    /// A brace within which a line starts with a word, and that word.
    suspect: Option<(Span, Span)>,
    /// A brace and the one that closes it, on a line that begins before that of the first.
    misfit: Option<(Span, Span)>,
    is_lost: bool,
}

impl<'t> Scan<'t> {
    fn new(id: SourceId) -> Self {
        let bottom = Open {
            bracket: "",
            span: Span::new(id, 0, 0),
            indent: 0,
            ifs: 0,
        };
        Scan {
            id,
            start: 0,
            head: None,
            open: vec![bottom],
            depth: 0,
            suspect: None,
            misfit: None,
            is_lost: false,
        }
    }

    fn span(&self, token: &Token<'_>) -> Span {
        Span::new(self.id, token.start, token.end())
    }

    /// Begins anew at a declaration, and gives what lies behind if that is lost.
    fn restart(&mut self, start: usize, head: Option<(Name, Name)>) -> Option<Lost> {
        let behind = std::mem::replace(self, Scan::new(self.id));
        (self.start, self.head) = (start, head);
        behind.is_lost.then_some(Lost {
            range: behind.start..start,
            head: behind.head,
        })
    }

    /// Takes one token.
    fn step(&mut self, token: &Token<'t>, on_line: OnLine) -> Result<(), Diagnostic> {
        let span = self.span(token);
        let OnLine { indent, is_first } = on_line;
        let top = self
            .open
            .last_mut()
            .expect("invariant: the bottom of the stack is never popped");
        let is_outside = is_first && indent == 0;
        let is_suspect = is_outside && top.bracket == "{" && token.rule == Rule::word;
        if self.suspect.is_none() && is_suspect {
            self.suspect = Some((top.span, span));
        }
        match (token.rule, token.text) {
            (Rule::sign, bracket @ ("(" | "[" | "{")) => {
                self.open.push(Open {
                    bracket,
                    span,
                    indent,
                    ifs: 0,
                });
                self.depth += 1;
            }
            (Rule::sign, close @ (")" | "]" | "}")) => {
                if partner(top.bracket) != close {
                    return Err(unpaired(top.bracket, top.span, close, span));
                }
                if self.misfit.is_none() && is_first && close == "}" && indent < top.indent {
                    self.misfit = Some((top.span, span));
                }
                self.depth -= 1 + top.ifs;
                self.open.pop();
            }
            (Rule::sign, "=" | ",") => {
                self.depth -= top.ifs;
                top.ifs = 0;
            }
            (Rule::word, "if") => {
                top.ifs += 1;
                self.depth += 1;
            }
            _ => {}
        }
        match self.depth > MAX_NESTING {
            true => Err(too_deep(span)),
            false => Ok(()),
        }
    }

    /// What is said of a bracket that is open at the end, or before the declaration at `next`.
    fn unclosed(&self, next: Option<Span>) -> Option<Diagnostic> {
        let last = self
            .open
            .last()
            .expect("invariant: the bottom of the stack is never popped");
        if last.bracket.is_empty() || self.is_lost {
            return None;
        }
        let close = partner(last.bracket);
        if let Some((opened, closed)) = self.misfit.filter(|_| last.bracket == "{") {
            let unclosed = Diagnostic::error("bnas::parse::bracket", "`{` is never closed");
            return Some(
                unclosed
                    .label(opened, "opened here")
                    .label(
                        closed,
                        "this `}` is read as its end, and belongs to a line further out",
                    )
                    .help("write the missing `}` before that"),
            );
        }
        let (opened, before) = match self.suspect {
            Some((opened, before)) if last.bracket == "{" => (opened, Some(before)),
            _ => (last.span, next),
        };
        let mut diagnostic = Diagnostic::error(
            "bnas::parse::bracket",
            format!("`{}` is never closed", last.bracket),
        )
        .label(opened, "opened here")
        .help(format!("write the missing `{close}`"));
        if let Some(before) = before {
            let text = format!("`{close}` is probably missing before this line");
            diagnostic = diagnostic.label(before, text);
        }
        Some(diagnostic)
    }
}
