//! Several imports, goals or skip connections in one entry: `maximize accuracy, model_size`.
//!
//! In: a [`Place`] at the comma between two of them. Out: what to write for them, which is an entry each.

use crate::syntax::place::{Place, is_letter};

/// Words that end what is said of one thing alone.
const CLAUSES: [&str; 2] = [" via ", " when "];

/// What to write for the things that a comma parts, if they are of an entry that takes one.
pub(super) fn help(place: &Place<'_>) -> Option<String> {
    let line = place.line();
    let rest = place.rest().strip_prefix(',')?;
    let rest = rest.split("//").next().unwrap_or(rest).trim();
    let (word, first) = ["add", "maximize", "minimize", "use"]
        .iter()
        .find_map(|word| Some((*word, begun(line, word)?)))?;
    if rest.is_empty() {
        return None;
    }
    let others: Vec<&str> = rest.split(',').map(str::trim).collect();
    match word {
        "use" => imports(first, &others),
        "add" => {
            let (last, clause) = CLAUSES
                .iter()
                .filter_map(|clause| rest.find(clause))
                .min()
                .map_or((rest, ""), |at| rest.split_at(at));
            let others = last.split(',').map(str::trim);
            let all: Vec<&str> = std::iter::once(first).chain(others).collect();
            let is_path = |c: char| is_letter(c) || ".[]*".contains(c);
            let are_paths = all.iter().all(|one| one.chars().all(is_path));
            let all = all.iter().map(|one| format!("`add {one}{clause}`"));
            are_paths.then(|| each(all))
        }
        goal => {
            let is_goal = |one: &&str| !one.is_empty() && !one.contains(['{', '}', '=', '"']);
            let all: Vec<&str> = std::iter::once(first).chain(others).collect();
            let written = |one: &&str| match one.split_once(' ') {
                Some(("maximize" | "minimize", _)) => format!("`{one}`"),
                _ => format!("`{goal} {one}`"),
            };
            all.iter()
                .all(is_goal)
                .then(|| each(all.iter().map(written)))
        }
    }
}

/// What stands behind a word that begins the entry at the end of a line.
fn begun<'t>(line: &'t str, word: &str) -> Option<&'t str> {
    let at = line.rfind(&format!("{word} "))?;
    let before = line[..at].trim_end();
    let is_entry = before.is_empty() || before.ends_with('{') || line[..at].ends_with("  ");
    is_entry.then(|| line[at + word.len()..].trim())
}

/// `use std.quantizers.{int, int8}` for `use std.quantizers.int, int8`.
fn imports(first: &str, others: &[&str]) -> Option<String> {
    let is_path = |path: &str| !path.is_empty() && path.chars().all(|c| is_letter(c) || c == '.');
    if !is_path(first) || !others.iter().all(|path| is_path(path)) {
        return None;
    }
    let (folder, name) = first.rsplit_once('.')?;
    if others.iter().any(|path| path.contains('.')) {
        let all = std::iter::once(&first).chain(others);
        return Some(each(all.map(|path| format!("`use {path}`"))));
    }
    Some(format!(
        "write `use {folder}.{{{name}, {}}}`",
        others.join(", ")
    ))
}

/// An entry for each.
fn each(all: impl Iterator<Item = String>) -> String {
    let all: Vec<String> = all.collect();
    format!("write a line for each: {}", all.join(", "))
}
