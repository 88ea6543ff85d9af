//! A slip is one report: in a spec, each word is misspelt and missing, each sign is missing, each number is another value, one at a time.

use rayon::prelude::*;

use super::{checked, render};
use crate::diagnostic::Diagnostic;
use crate::model::Template;

const SPEC: &str = include_str!("edited.bnas");

/// Values in the place of a number.
const OTHERS: [&str; 8] = ["0", "-1", "7", "2.5", "4 s", "1e6", "\"x\"", "true"];

/// An opening bracket that is missing may be two: brackets are counted before anything is read.
const OPENING: [&str; 2] = ["`(` -> ``", "`{` -> ``"];

/// The spec with one stretch replaced, and what was done.
struct Edit {
    text: String,
    what: String,
}

fn edit(at: usize, length: usize, by: &str) -> Edit {
    let (before, rest) = SPEC.split_at(at);
    let (old, behind) = rest.split_at(length);
    let line = before.rfind('\n').map_or(0, |n| n + 1);
    let number = before.matches('\n').count() + 1;
    Edit {
        text: [before, by, behind].concat(),
        what: format!(
            "line {number}, behind `{}`: `{old}` -> `{by}`",
            &before[line..]
        ),
    }
}

/// Every edit; comments and the edition are left alone.
fn edits() -> Vec<Edit> {
    let mut edits = Vec::new();
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut at = SPEC.find("use ").expect("imports");
    while let Some(c) = SPEC[at..].chars().next() {
        let rest = &SPEC[at..];
        let until = |is_in: &dyn Fn(char) -> bool| rest.find(|c| !is_in(c)).unwrap_or(rest.len());
        let length = match c {
            '/' => until(&|c| c != '\n'),
            _ if c.is_ascii_digit() => until(&|c| is_word(c) || c == '-'),
            _ if is_word(c) => until(&is_word),
            _ => 1,
        };
        if is_word(c) || "{}(),=\"".contains(c) {
            edits.push(edit(at, length, ""));
        }
        if is_word(c) && !c.is_ascii_digit() && length > 2 {
            let middle = length / 2;
            edits.push(edit(at + middle, 1, ""));
        }
        if c.is_ascii_digit() {
            edits.extend(OTHERS.map(|other| edit(at, length, other)));
        }
        at += length;
    }
    edits
}

/// Everything that `bnas check` says of a text.
fn said(text: &str) -> (Vec<Diagnostic>, String) {
    let (checked, sources) = checked("edited.bnas", text);
    let mut found = checked.diagnostics;
    let whole = checked.program.iter().flat_map(|p| &p.experiments);
    for experiment in whole.chain(&checked.sound) {
        found.extend(Template::new(experiment).err().into_iter().flatten());
    }
    let shown = render(&found, &sources, false);
    (found, shown)
}

#[test]
fn a_slip_is_one_report() {
    let edits = edits();
    assert!(edits.len() > 600, "{}", edits.len());
    let is_known = |what: &str| OPENING.iter().any(|slip| what.ends_with(slip));
    let wrong: Vec<String> = (edits.par_iter())
        .filter_map(|edit| {
            let (found, shown) = said(&edit.text);
            let errors = found.iter().filter(|d| d.is_error()).count();
            let is_one = errors == 0 || found.len() == 1;
            (!is_one && !is_known(&edit.what)).then(|| format!("{}\n{shown}", edit.what))
        })
        .collect();
    assert!(
        wrong.is_empty(),
        "{} slips:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}
