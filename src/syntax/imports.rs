//! What people write by habit to import something.
//!
//! In: a [`Place`] on a line that imports, or an import and what stands behind it. Out: what is said of it, with the line to write.

use crate::diagnostic::{Diagnostic, did_you_mean};
use crate::source::Span;
use crate::syntax::place::{Place, Slip, is_letter, line_start};

/// `import std.data.digits`, `use std/data/digits`.
pub(super) fn slip(place: &Place<'_>, token: &str) -> Option<Slip> {
    if token == "as" && place.line().starts_with("use ") {
        let help = "delete `as` and the name behind it";
        return Some(Slip::new("an import keeps its name", "another name", help));
    }
    let line = place.whole_line();
    let (first, path) = line.split_once(' ')?;
    let dotted = |path: &str| path.replace("::", ".").replace('/', ".");
    let help = match (first, token) {
        ("use", name) if path.starts_with('"') && name.starts_with(is_letter) => {
            format!("write `{{{name}}}`: names of a file stand in braces")
        }
        ("import" | "include" | "using", _) => format!("write `use {}`", dotted(path)),
        ("from", _) => format!("write `use {}`", dotted(path).replace(" import ", ".")),
        ("use", ":" | "/") => format!("write `use {}`", dotted(path)),
        ("use", ".") if path.contains("..") => format!("write `use {}`", path.replace("..", ".")),
        (word, _)
            if word != "use"
                && is_path_of_import(path)
                && did_you_mean(word, ["use"]).is_some() =>
        {
            format!("write `use {path}`")
        }
        ("use", "*") => {
            let folder = path.trim_end_matches(['.', '*']);
            format!("name what you take: `use {folder}.{{…}}`; `bnas list` names all that there is")
        }
        _ => return None,
    };
    Some(match (first, token) {
        ("use", ":" | "/" | ".") => Slip::new(
            "parts of a path are joined by one `.`",
            "not a sign of a path",
            help,
        ),
        ("use", name) if name.starts_with(is_letter) => Slip::new(
            "names of a file stand in braces",
            "a name without braces",
            help,
        ),
        ("use", _) => Slip::new(
            "an import says what it takes",
            "everything of a folder",
            help,
        ),
        _ => Slip::new(
            format!("`{first}` imports nothing"),
            "a path is taken by `use`",
            help,
        ),
    })
}

/// Whether a path begins as one of the library or a file does, as nothing else does.
fn is_path_of_import(path: &str) -> bool {
    path.starts_with("std.") || path.starts_with('"') && path.contains(".bnas\".")
}

/// What is wrong with an import that a second path stands behind: `use std.data.digits digits`, `use use std.data.digits`.
pub(super) fn second_path(text: &str, import: Span, behind: Span) -> Option<Diagnostic> {
    let (start, end) = (import.start as usize, import.end as usize);
    let (first, rest) = (&text[start..end], &text[behind.start as usize..]);
    let second = rest.split(['\n', '\r']).next().unwrap_or("");
    let second = second.split("//").next().unwrap_or("").trim_end();
    let is_path =
        |path: &str| path.starts_with(is_letter) && path.chars().all(|c| is_letter(c) || c == '.');
    let path = first.strip_prefix("use")?.trim();
    let is_beside = line_start(&text[..behind.start as usize]) <= start;
    if !is_beside || !is_path(path) || !is_path(second) || second == "as" {
        return None;
    }
    let last = path.rsplit('.').next().unwrap_or(path);
    let meant = match second.split_once('.') {
        Some(("std", _)) => second.to_string(),
        Some((head, more)) if head == last => format!("{path}.{more}"),
        Some(_) => format!("{path}.{second}"),
        None => path.to_string(),
    };
    Some(
        Diagnostic::error("bnas::parse::syntax", "an import takes one path")
            .label(
                Span::new(import.source, start, behind.start as usize + second.len()),
                "these are two",
            )
            .help(format!("write `use {meant}`")),
    )
}
