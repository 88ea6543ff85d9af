//! What is said of brackets that do not pair up, and of what nests too deep.
//!
//! In: where brackets stand. Out: a [`Diagnostic`] with both sides of what is wrong.

use crate::diagnostic::Diagnostic;
use crate::source::{SourceId, Span};
use crate::syntax::grammar::Rule;
use crate::syntax::scan::MAX_NESTING;
use crate::syntax::tokens::Token;

/// The diagnostic of nesting that goes too deep.
pub(super) fn too_deep(span: Span) -> Diagnostic {
    Diagnostic::error(
        "bnas::parse::nesting",
        format!("nesting is deeper than {MAX_NESTING} levels"),
    )
    .label(span, "this level is one too many")
    .help("name a part of it in a field of its own")
}

/// The diagnostic of an expression with so many operators that nobody reads it; the first one too many stands at `span`.
pub(super) fn too_many_operators(span: Span, most: usize) -> Diagnostic {
    Diagnostic::error(
        "bnas::parse::nesting",
        format!("an expression has {most} operators at most"),
    )
    .label(span, "this operator is one too many")
    .help("name parts of it, or write `sum(…)` or `all(…)` over the copies of a `repeat`, such as `all(space.s[*].width <= 32)`")
}

pub(super) fn partner(bracket: &str) -> &'static str {
    match bracket {
        "(" => ")",
        "[" => "]",
        "{" => "}",
        _ => "",
    }
}

/// The diagnostic of a brace inside a declaration that ends it.
pub(super) fn closed_early(closed: Span, stray: Span) -> Diagnostic {
    Diagnostic::error("bnas::parse::bracket", "`}` is written once too often")
        .label(closed, "this one ends the declaration")
        .label(stray, "so nothing is left for this one")
        .help("delete the first of the two, or the one before it")
}

pub(super) fn unpaired(open: &str, opened: Span, close: &str, span: Span) -> Diagnostic {
    if open.is_empty() {
        return Diagnostic::error("bnas::parse::bracket", format!("`{close}` closes nothing"))
            .label(span, "nothing is open here")
            .help(format!("delete this `{close}`"));
    }
    let wanted = partner(open);
    Diagnostic::error(
        "bnas::parse::bracket",
        format!("`{}` is closed by `{close}`", open),
    )
    .label(span, format!("expected `{wanted}`"))
    .label(opened, "opened here")
    .help(format!("write `{wanted}` before this `{close}`"))
}

/// Words that begin a section, whose brace stands on their line.
const SECTIONS: [&str; 13] = [
    "memory",
    "precision",
    "vector",
    "train",
    "finetune",
    "stage",
    "search",
    "final",
    "arms",
    "shape",
    "splits",
    "parallel",
    "repeat",
];

/// The line of a declaration that lacks its `{`, where the declaration is closed one brace too early: `layer head  weights = int8 }`, or `memory data` alone on its line.
/// `tokens` are those of the declaration, from its head to the brace that closed it.
pub(super) fn lacks_opening(
    source: SourceId,
    text: &str,
    tokens: &[Token<'_>],
) -> Option<Diagnostic> {
    let mut depth = 0_usize;
    let mut at = 0;
    while at < tokens.len() {
        let is_last = |pair: &[Token]| text[pair[0].end()..pair[1].start].contains('\n');
        let len = { tokens[at..].windows(2) }.position(is_last);
        let line = &tokens[at..len.map_or(tokens.len(), |len| at + len + 1)];
        let count = |brackets: &str| {
            let all = line.iter().filter(|token| token.rule == Rule::sign);
            all.filter(|token| brackets.contains(token.text)).count()
        };
        let (opens, closes) = (count("([{"), count(")]}"));
        let mut told = line.iter().filter(|token| token.rule != Rule::comment);
        let is_alone =
            SECTIONS.contains(&line[0].text) && told.all(|token| token.rule == Rule::word);
        // With a brace of its own, the line has one too many.
        let closes_outer = closes > opens && count("{") == 0 && line[0].text != "}";
        if depth == 1 && (is_alone || closes_outer) {
            let last = line[line.len() - 1];
            let span = Span::new(source, line[0].start, last.end());
            let help = match is_alone {
                true => "write `{` at the end of this line",
                false => "write `{` where its entries begin",
            };
            return Some(
                Diagnostic::error("bnas::parse::bracket", "`{` is missing on this line")
                    .label(span, "its entries stand in braces")
                    .help(help),
            );
        }
        depth = (depth + opens).saturating_sub(closes);
        at += line.len();
    }
    None
}

/// A declaration without the brace that opens it.
pub(super) fn never_opened(span: Span) -> Diagnostic {
    Diagnostic::error("bnas::parse::bracket", "the declaration has no `{`")
        .label(span, "its entries stand in braces")
        .help("write `{` at the end of this line")
}

/// Words that begin an entry, and stand nowhere else at the beginning of a line; so do those of sections, with their brace.
const ENTRIES: [&str; 7] = [
    "require", "check", "expect", "maximize", "minimize", "layer", "repeat",
];

/// What is said where a word stands in a bracket that is not closed before it, and that cannot stand there: `else` of an `if` outside.
pub(super) fn open_before(
    open: &str,
    opened: Span,
    text: &str,
    before: &[Token<'_>],
) -> Option<Diagnostic> {
    let wanted = partner(open);
    if !["(", "["].contains(&open) {
        return None;
    }
    let start = opened.start as usize;
    let (mut depth, mut ifs) = (0_usize, 0_usize);
    let first = before.partition_point(|token| token.start <= start);
    let mut word = None;
    let mut last_end = start;
    for token in &before[first..] {
        let begins_line = text[last_end..token.start].contains('\n');
        last_end = token.end();
        match (token.rule, token.text) {
            (Rule::sign, "(" | "[" | "{") => depth += 1,
            (Rule::sign, ")" | "]" | "}") => depth = depth.saturating_sub(1),
            (Rule::word, "if") if depth == 0 => ifs += 1,
            (Rule::word, "else") if depth == 0 && ifs > 0 => ifs -= 1,
            (Rule::word, "then" | "else" | "when") if depth == 0 && ifs == 0 => {
                word = Some(token);
                break;
            }
            (Rule::word, entry)
                if begins_line
                    && (ENTRIES.contains(&entry) || text[token.end()..].starts_with(" {")) =>
            {
                word = Some(token);
                break;
            }
            _ => {}
        }
    }
    let word = word?;
    let at = Span::new(opened.source, word.start, word.end());
    Some(
        Diagnostic::error(
            "bnas::parse::bracket",
            format!("`{open}` is not closed before `{}`", word.text),
        )
        .label(at, format!("expected `{wanted}`"))
        .label(opened, "opened here")
        .help(format!("write `{wanted}` before this `{}`", word.text)),
    )
}

/// What is said where the bracket that is missing stands behind `//`, which some write for a division: `conv(channels = w // 2)`.
pub(super) fn hidden(
    open: &str,
    opened: Span,
    text: &str,
    before: &[Token<'_>],
) -> Option<Diagnostic> {
    let start = opened.start as usize;
    let line = text[start..].find('\n').map_or(text.len(), |n| start + n);
    let comment = before.iter().rev().take_while(|token| token.start > start);
    let comment = comment
        .filter(|token| token.rule == Rule::comment && token.start < line)
        .last()?;
    if open.is_empty() || !comment.text.contains(partner(open)) {
        return None;
    }
    let close = partner(open);
    let sign = Span::new(opened.source, comment.start, comment.start + 2);
    let message = format!("the `{close}` of this line stands in a comment");
    Some(
        Diagnostic::error("bnas::parse::bracket", message)
            .label(sign, "a comment begins here")
            .label(opened, "opened here")
            .help(
                "write `floor(a / b)` to divide and round down, or the comment behind the bracket",
            ),
    )
}
