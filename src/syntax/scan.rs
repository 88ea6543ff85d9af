//! The look at a text before the grammar reads it: brackets are counted.
//!
//! In: a text. Out: whether its brackets pair up and nest less than [`MAX_NESTING`] deep, or the diagnostic. The grammar
//! descends once per bracket and per `if`, so the bound keeps its stack small; and a grammar that recovers from errors
//! would try an unbalanced text in exponentially many ways.

use pest::Parser;
use pest::iterators::Pair;

use crate::diagnostic::{Diagnostic, Sink};
use crate::source::{SourceId, Span};
use crate::syntax::grammar::{Grammar, Rule};

/// How deep brackets and `if` may nest.
pub(super) const MAX_NESTING: usize = 128;

/// The text as a row of tokens. Every text has one.
pub(super) fn tokens(text: &str) -> Vec<Pair<'_, Rule>> {
    let all = Grammar::parse(Rule::tokens, text)
        .expect("invariant: the rule `tokens` ends in ANY, so it takes any text");
    all.flatten()
        .filter(|pair| !matches!(pair.as_rule(), Rule::tokens | Rule::EOI))
        .collect()
}

struct Open<'t> {
    bracket: &'t str,
    span: Span,
    /// `if`s since the last `=` or `,`: each may stand in the branch of the one before.
    ifs: usize,
}

/// Pushes what is wrong with the brackets; true if nothing is.
pub(super) fn brackets(id: SourceId, text: &str, sink: &mut Sink) -> bool {
    let mut open = vec![Open {
        bracket: "",
        span: Span::new(id, 0, 0),
        ifs: 0,
    }];
    let mut depth = 0;
    let mut suspect = None;
    for token in tokens(text) {
        let range = token.as_span();
        let span = Span::new(id, range.start(), range.end());
        let starts_line = range.start() == 0 || text[..range.start()].ends_with('\n');
        let top = open
            .last_mut()
            .expect("invariant: the bottom of the stack is never popped");
        if suspect.is_none() && starts_line && top.bracket == "{" && token.as_rule() == Rule::word {
            suspect = Some((top.span, span));
        }
        match (token.as_rule(), token.as_str()) {
            (Rule::sign, bracket @ ("(" | "[" | "{")) => {
                open.push(Open {
                    bracket,
                    span,
                    ifs: 0,
                });
                depth += 1;
            }
            (Rule::sign, close @ (")" | "]" | "}")) => {
                if partner(top.bracket) != close {
                    sink.push(unpaired(top, close, span));
                    return false;
                }
                depth -= 1 + top.ifs;
                open.pop();
            }
            (Rule::sign, "=" | ",") => {
                depth -= top.ifs;
                top.ifs = 0;
            }
            (Rule::word, "if") => {
                top.ifs += 1;
                depth += 1;
            }
            _ => {}
        }
        if depth > MAX_NESTING {
            sink.push(too_deep(span));
            return false;
        }
    }
    let last = open
        .last()
        .expect("invariant: the bottom of the stack is never popped");
    if last.bracket.is_empty() {
        return true;
    }
    let close = partner(last.bracket);
    let (opened, before) = match suspect {
        Some((opened, before)) if last.bracket == "{" => (opened, Some(before)),
        _ => (last.span, None),
    };
    let mut diagnostic = Diagnostic::error(
        "bnas::parse::bracket",
        format!("`{}` is never closed", last.bracket),
    )
    .label(opened, "opened here")
    .help(format!("write the missing `{close}`"));
    if let Some(before) = before {
        diagnostic = diagnostic.label(
            before,
            format!("`{close}` is probably missing before this line"),
        );
    }
    sink.push(diagnostic);
    false
}

/// The diagnostic of nesting that goes too deep.
pub(super) fn too_deep(span: Span) -> Diagnostic {
    Diagnostic::error(
        "bnas::parse::nesting",
        format!("nesting is deeper than {MAX_NESTING} levels"),
    )
    .label(span, "this level is one too many")
    .help("name a part of it in a field of its own")
}

fn partner(bracket: &str) -> &'static str {
    match bracket {
        "(" => ")",
        "[" => "]",
        "{" => "}",
        _ => "",
    }
}

fn unpaired(top: &Open, close: &str, span: Span) -> Diagnostic {
    if top.bracket.is_empty() {
        return Diagnostic::error("bnas::parse::bracket", format!("`{close}` closes nothing"))
            .label(span, "nothing is open here")
            .help(format!("delete this `{close}`"));
    }
    let wanted = partner(top.bracket);
    Diagnostic::error(
        "bnas::parse::bracket",
        format!("`{}` is closed by `{close}`", top.bracket),
    )
    .label(span, format!("expected `{wanted}`"))
    .label(top.span, "opened here")
    .help(format!("write `{wanted}` before this `{close}`"))
}
