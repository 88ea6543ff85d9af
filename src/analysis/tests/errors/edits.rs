//! A slip is one report: in a spec, each word is misspelt and missing, each sign is missing, each number is another value, one at a time.

use rayon::prelude::*;

use super::{checked, render};
use crate::diagnostic::Diagnostic;
use crate::model::Template;

const SPEC: &str = include_str!("edited.bnas");

/// Files that every seventh edit is made in.
const OTHERS: [&str; 6] = [
    include_str!("../../../../examples/02-bayes.bnas"),
    include_str!("../../../../examples/07-conditional.bnas"),
    include_str!("../../../../examples/09-stages.bnas"),
    include_str!("../../../../stdlib/policies/mixed_int.bnas"),
    include_str!("../../../../stdlib/spaces/mobilenet_v2.bnas"),
    include_str!("../../../../stdlib/spaces/vgg_small.bnas"),
];

/// Values in the place of a number.
const VALUES: [&str; 8] = ["0", "-1", "7", "2.5", "4 s", "1e6", "\"x\"", "true"];

/// An opening bracket that is missing may be two: brackets are counted before anything is read.
const OPENING: [&str; 2] = ["`(` -> ``", "`{` -> ``"];

/// The spec with one stretch replaced, and what was done.
struct Edit {
    text: String,
    what: String,
}

fn edit(spec: &str, at: usize, length: usize, by: &str) -> Edit {
    let (before, rest) = spec.split_at(at);
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
fn edits(spec: &str) -> Vec<Edit> {
    let mut edits = Vec::new();
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut at = spec.find("\n\n").expect("an edition");
    while let Some(c) = spec[at..].chars().next() {
        let rest = &spec[at..];
        let until = |is_in: &dyn Fn(char) -> bool| rest.find(|c| !is_in(c)).unwrap_or(rest.len());
        let length = match c {
            '/' | '@' if rest.starts_with("//") || c == '@' => until(&|c| c != '\n'),
            _ if c.is_ascii_digit() => until(&|c| is_word(c) || c == '-'),
            _ if is_word(c) => until(&is_word),
            _ => c.len_utf8(),
        };
        if is_word(c) || "{}(),=\"".contains(c) {
            edits.push(edit(spec, at, length, ""));
        }
        if is_word(c) && !c.is_ascii_digit() && length > 2 {
            let middle = length / 2;
            edits.push(edit(spec, at + middle, 1, ""));
        }
        if c.is_ascii_digit() {
            edits.extend(VALUES.map(|other| edit(spec, at, length, other)));
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

/// Slips that are more than one report, or an error and warnings.
fn cascades(edits: &[Edit]) -> Vec<String> {
    let is_known = |what: &str| OPENING.iter().any(|slip| what.ends_with(slip));
    (edits.par_iter())
        .filter_map(|edit| {
            let (found, shown) = said(&edit.text);
            let errors = found.iter().filter(|d| d.is_error()).count();
            let is_one = errors == 0 || found.len() == 1;
            (!is_one && !is_known(&edit.what)).then(|| format!("{}\n{shown}", edit.what))
        })
        .collect()
}

#[test]
fn a_slip_is_one_report() {
    let edits = edits(SPEC);
    assert!(edits.len() > 600, "{}", edits.len());
    let wrong = cascades(&edits);
    assert!(
        wrong.is_empty(),
        "{} slips:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

#[test]
fn a_slip_in_examples_and_library_is_one_report() {
    let all = OTHERS.iter().flat_map(|spec| edits(spec));
    let some: Vec<Edit> = all.step_by(7).collect();
    assert!(some.len() > 200, "{}", some.len());
    let wrong = cascades(&some);
    assert!(
        wrong.is_empty(),
        "{} slips:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}
