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

/// One stretch of a spec, and what takes its place.
struct Edit {
    at: usize,
    length: usize,
    by: &'static str,
}

impl Edit {
    fn applied(&self, spec: &str) -> String {
        let behind = &spec[self.at + self.length..];
        [&spec[..self.at], self.by, behind].concat()
    }

    fn line(&self, spec: &str) -> usize {
        spec[..self.at].matches('\n').count() + 1
    }

    /// "line 3: `width` -> ``".
    fn shown(&self, spec: &str) -> String {
        let old = &spec[self.at..self.at + self.length];
        format!("line {}: `{old}` -> `{}`", self.line(spec), self.by)
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
            _ if c.is_ascii_digit() => {
                let whole = until(&|c| is_word(c) || c == '-');
                let behind = rest[whole..].strip_prefix('.').unwrap_or("x");
                let digits = behind.find(|c: char| !c.is_ascii_digit());
                match digits.unwrap_or(behind.len()) {
                    0 => whole,
                    digits => whole + 1 + digits,
                }
            }
            _ if is_word(c) => until(&is_word),
            _ => c.len_utf8(),
        };
        if is_word(c) || "{}(),=\"".contains(c) {
            edits.push(Edit { at, length, by: "" });
        }
        if is_word(c) && !c.is_ascii_digit() && length > 2 {
            let at = at + length / 2;
            edits.push(Edit {
                at,
                length: 1,
                by: "",
            });
        }
        if c.is_ascii_digit() {
            edits.extend(VALUES.map(|by| Edit { at, length, by }));
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

/// Slips in a spec that are more than one report, or an error and warnings.
fn cascades(spec: &str, edits: &[Edit]) -> Vec<String> {
    (edits.par_iter())
        .filter_map(|edit| {
            let (found, shown) = said(&edit.applied(spec));
            let errors = found.iter().filter(|d| d.is_error()).count();
            let is_one = errors == 0 || found.len() == 1;
            let what = edit.shown(spec);
            (!is_one).then(|| format!("{what}\n{shown}"))
        })
        .collect()
}

fn assert_none(wrong: &[String]) {
    assert!(
        wrong.is_empty(),
        "{} slips:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

#[test]
fn a_slip_is_one_report() {
    let edits = edits(SPEC);
    assert!(edits.len() > 600, "{}", edits.len());
    let wrong = cascades(SPEC, &edits);
    assert_none(&wrong);
}

#[test]
fn a_slip_in_examples_and_library_is_one_report() {
    let mut wrong = Vec::new();
    for spec in OTHERS {
        let some: Vec<Edit> = edits(spec).into_iter().step_by(7).collect();
        assert!(some.len() > 20, "{}", some.len());
        wrong.extend(cascades(spec, &some));
    }
    assert_none(&wrong);
}

/// What is left out as a consequence of one mistake must not be another one.
#[test]
fn two_slips_are_two_reports() {
    let of_values = [
        "bnas::domain::",
        "bnas::name::",
        "bnas::type::",
        "bnas::unit::",
    ];
    let told: Vec<(Edit, Diagnostic)> = (edits(SPEC).into_par_iter())
        .filter_map(|edit| {
            let (mut found, _) = said(&edit.applied(SPEC));
            let only = found.pop().filter(|_| found.is_empty())?;
            let is_of_value = of_values.iter().any(|area| only.code.starts_with(area));
            // Nothing is known within what is of no kind, and networks are looked at if their texts are right.
            let alone = ["bnas::name::unknown_kind", "bnas::domain::undefined"];
            let is_told = is_of_value && !alone.contains(&only.code);
            (is_told && only.is_error()).then_some((edit, only))
        })
        .collect();
    let half = told.len() / 2;
    let pairs: Vec<_> = told[..half].iter().zip(&told[half..]).collect();
    assert!(pairs.len() > 100, "{}", pairs.len());
    let lost: Vec<String> = (pairs.into_par_iter())
        .filter(|((one, first), (other, second))| {
            first.message != second.message && one.line(SPEC) + 1 < other.line(SPEC)
        })
        .filter_map(|((one, _), (other, _))| {
            let text = one.applied(&other.applied(SPEC));
            let (found, shown) = said(&text);
            let what = format!("{}, {}", one.shown(SPEC), other.shown(SPEC));
            (found.len() < 2).then(|| format!("{what}\n{shown}"))
        })
        .collect();
    assert!(
        lost.is_empty(),
        "{} pairs:\n{}",
        lost.len(),
        lost.join("\n")
    );
}
