//! Several diagnostics of one mistake are one: what a section lacks, what belongs from it into another one, uses of one unknown name.
//!
//! In: diagnostics in the order of the text. Out: the same, joined.

use std::collections::HashMap;

use super::consequences::main_of;
use super::misnamed::KNOWN_HERE;
use crate::analysis::names::Modules;
use crate::diagnostic::{Diagnostic, Label};
use crate::source::{SourceId, Sources, Span};

/// How many places of one unknown name are shown.
const MOST: usize = 8;

/// What a section lacks in one diagnostic, what belongs from it into another one, and what a declaration does not know, one after the other in
/// the order of the text.
pub(in crate::analysis) fn joined(
    found: Vec<Diagnostic>,
    sources: &Sources,
    modules: &Modules,
) -> Vec<Diagnostic> {
    let found = by_name(by_home(by_section(found)), sources, modules);
    by_facts(by_text(found, sources, modules), modules)
}

/// Fields of one section that belong into the same other one are one report: the section is the mistake.
fn by_home(found: Vec<Diagnostic>) -> Vec<Diagnostic> {
    let mut joined: Vec<Diagnostic> = Vec::with_capacity(found.len());
    let mut first: HashMap<(String, Span), usize> = HashMap::new();
    for diagnostic in found {
        let (Some(home), [field, declared]) = (home(&diagnostic), diagnostic.labels.as_slice())
        else {
            joined.push(diagnostic);
            continue;
        };
        let index = *first.entry((home, declared.span)).or_insert(joined.len());
        match joined.get_mut(index) {
            Some(known) => known.labels.push(Label {
                text: "belongs there, too".into(),
                ..field.clone()
            }),
            None => joined.push(diagnostic),
        }
    }
    joined
}

/// The section or call into which a field belongs that its own does not have.
fn home(diagnostic: &Diagnostic) -> Option<String> {
    let help = diagnostic.help.as_deref()?;
    let (home, _) = help
        .strip_prefix("it belongs into `")?
        .split_once(['{', '('])?;
    (diagnostic.code == "bnas::name::unknown_key").then(|| home.to_string())
}

/// Uses of one unknown name in one declaration are one report, and in the whole file if it is that of a declaration: if its definition is misspelt or missing,
/// they are one mistake.
fn by_name(found: Vec<Diagnostic>, sources: &Sources, modules: &Modules) -> Vec<Diagnostic> {
    let mut joined: Vec<Diagnostic> = Vec::with_capacity(found.len());
    // By the name, what helps, and where it is unknown: which one says it, and in how many places.
    type Unknown<'a> = (&'a str, Option<String>, SourceId, Option<Span>);
    let mut first: HashMap<Unknown, (usize, usize)> = HashMap::new();
    for diagnostic in found {
        let place = match diagnostic.labels.as_slice() {
            [only] if diagnostic.code == "bnas::name::unknown" => Some(only.span),
            _ => None,
        };
        let Some((place, around)) = place.and_then(|at| Some((at, modules.around(at)?))) else {
            joined.push(diagnostic);
            continue;
        };
        let within = match is_of_declaration(&diagnostic, place.source, modules) {
            true => None,
            false => Some(around.span),
        };
        let help = diagnostic.help.clone();
        // Which names have a value differs from place to place.
        let help = help.filter(|help| !help.starts_with(KNOWN_HERE));
        // A name is the same where it is called.
        let name = sources.slice(place).split('(').next().unwrap_or_default();
        let unknown = (name, help, place.source, within);
        let (index, uses) = first.entry(unknown).or_insert((joined.len(), 0));
        *uses += 1;
        match joined.get_mut(*index) {
            Some(known) if *uses <= MOST => {
                let more = diagnostic.labels.into_iter();
                known.labels.extend(more.map(|label| Label {
                    text: "nor here".into(),
                    ..label
                }));
            }
            Some(known) => {
                let more = *uses - MOST;
                known.labels[MOST - 1].text = format!("nor here, and at {more} more places");
            }
            None => joined.push(diagnostic),
        }
    }
    joined
}

/// Whether an unknown name was meant to be that of a declaration of the file, or of the library.
fn is_of_declaration(diagnostic: &Diagnostic, source: SourceId, modules: &Modules) -> bool {
    let help = diagnostic.help.as_deref().unwrap_or_default();
    let meant = help.strip_prefix("did you mean `");
    let meant = meant.and_then(|rest| rest.strip_suffix("`?"));
    let is_declared =
        |name: &str| (modules.get(source)).is_some_and(|module| module.names.contains_key(name));
    help.starts_with("write `use ") || meant.is_some_and(is_declared)
}

/// What a section lacks in one diagnostic.
fn by_section(found: Vec<Diagnostic>) -> Vec<Diagnostic> {
    let mut joined: Vec<Diagnostic> = Vec::with_capacity(found.len());
    for diagnostic in found {
        let place = |d: &Diagnostic| main_of(d).map(|label| label.span);
        let is_joined = joined
            .last_mut()
            .is_some_and(|last| place(last) == place(&diagnostic) && last.joins(&diagnostic));
        if !is_joined {
            joined.push(diagnostic);
        }
    }
    joined
}

/// One expression that is wrong for one reason wherever it stands in a declaration: what it reads is wrong.
fn by_text(found: Vec<Diagnostic>, sources: &Sources, modules: &Modules) -> Vec<Diagnostic> {
    let mut joined: Vec<Diagnostic> = Vec::with_capacity(found.len());
    let mut first: HashMap<(String, String, Span), usize> = HashMap::new();
    for diagnostic in found {
        let is_of_value =
            diagnostic.code == "bnas::unit::mismatch" || diagnostic.code == "bnas::type::mismatch";
        let main = main_of(&diagnostic).filter(|_| is_of_value && diagnostic.is_error());
        let Some(around) = main.and_then(|main| modules.around(main.span)) else {
            joined.push(diagnostic);
            continue;
        };
        let texts = diagnostic.labels.iter().map(|l| sources.slice(l.span));
        let help = diagnostic.help.as_deref();
        let said = texts.chain(help).collect::<Vec<_>>().join("\n");
        let key = (diagnostic.message.clone(), said, around.span);
        let index = *first.entry(key).or_insert(joined.len());
        match joined.get_mut(index) {
            Some(known) if known.labels.len() < MOST => known.labels.extend(diagnostic.labels),
            Some(_) => {}
            None => joined.push(diagnostic),
        }
    }
    joined
}

/// Facts of one declaration that fail are one report: what they are about is what is wrong, or each of them shows its own two sides.
fn by_facts(found: Vec<Diagnostic>, modules: &Modules) -> Vec<Diagnostic> {
    let mut joined: Vec<Diagnostic> = Vec::with_capacity(found.len());
    // By declaration: which report is of its facts, and how many fail.
    let mut first: HashMap<Span, (usize, usize)> = HashMap::new();
    for diagnostic in found {
        let is_fact = diagnostic.code == "bnas::check::fails";
        let main = main_of(&diagnostic).filter(|_| is_fact);
        let Some(around) = main.and_then(|main| modules.around(main.span)) else {
            joined.push(diagnostic);
            continue;
        };
        let (index, facts) = first.entry(around.span).or_insert((joined.len(), 0));
        *facts += 1;
        match joined.get_mut(*index) {
            Some(known) => {
                known.message = format!("{facts} checks of `{}` fail", around.name.text);
                known.labels.extend(diagnostic.labels);
            }
            None => joined.push(diagnostic),
        }
    }
    joined
}
