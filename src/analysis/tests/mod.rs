//! The library and the examples check, with the values that they should have; mistakes give the diagnostics that they should.

mod alternatives;
mod amended;
mod asks;
mod attained;
mod coded;
mod constraints;
mod errors;
mod excluded;
mod existing;
mod fields_of_quantizers;
mod fixtures;
mod imports;
mod least;
mod library;
mod limits;
mod lowering;
mod many;
mod memories;
mod misfits;
mod mobile;
mod named;
mod networks;
mod own_formulas;
mod pruned;
mod ranges;
mod rules;
mod scoping;
mod searched;
mod training;
mod tried;
mod verdicts;
mod within;

use std::collections::BTreeMap;
use std::path::Path;

use super::{Checked, FileLoader, check};
use crate::diagnostic::render;
use crate::ir::Experiment;
use crate::model::Template;
use crate::source::Sources;

/// A text checked under a name.
fn checked(name: &str, text: &str) -> (Checked, Sources) {
    let mut sources = Sources::default();
    let main = sources.add(name, text);
    (check(&mut sources, main, &FileLoader), sources)
}

/// The experiments of a text without any diagnostic.
fn experiments(name: &str, text: &str) -> Vec<Experiment> {
    let (checked, sources) = checked(name, text);
    assert!(
        checked.diagnostics.is_empty(),
        "{}",
        render(&checked.diagnostics, &sources, false)
    );
    checked.program.expect("no errors").experiments
}

/// The only experiment of a text.
fn experiment(text: &str) -> Experiment {
    experiments("test.bnas", text).remove(0)
}

/// Name and text of every `.bnas` file under a folder of the project.
fn files(folder: &str) -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut found: Vec<_> = walkdir::WalkDir::new(root)
        .follow_links(true)
        .into_iter()
        .map(|entry| entry.unwrap().into_path())
        .filter(|path| path.extension().is_some_and(|e| e == "bnas"))
        .collect();
    found.sort();
    found
        .into_iter()
        .map(|p| {
            (
                p.to_string_lossy().into_owned(),
                std::fs::read_to_string(&p).unwrap(),
            )
        })
        .collect()
}

#[test]
fn every_file_of_the_library_checks() {
    let all = files("stdlib");
    assert!(all.len() >= 20);
    for (name, text) in all {
        experiments(&name, &text);
    }
}

#[test]
fn every_example_checks() {
    let all = files("examples");
    assert!(all.len() >= 6);
    for (name, text) in all {
        let all = experiments(&name, &text);
        assert!(!all.is_empty(), "{name}");
        for experiment in all {
            let template = Template::new(&experiment);
            assert!(template.is_ok(), "{name}: {:?}", template.err());
        }
    }
}

#[test]
fn a_file_of_the_library_declares_one_thing_of_its_name_with_a_sentence() {
    for (name, text) in files("stdlib") {
        let stem = Path::new(&name)
            .file_stem()
            .unwrap()
            .to_string_lossy()
            .into_owned();
        let mut sources = Sources::default();
        let id = sources.add(&*name, &*text);
        let mut sink = crate::diagnostic::Sink::default();
        let file = crate::syntax::parse(id, &text, &mut sink);
        assert_eq!(file.declarations.len(), 1, "{name}");
        assert_eq!(file.declarations[0].name.text, stem);
        assert!(!file.declarations[0].docs.is_empty(), "{name}");
    }
}

/// Everything in the library says where it comes from, what it is, and a fact that it must reproduce. Checking a file evaluates its facts.
#[test]
fn every_file_of_the_library_documents_itself() {
    let mut kinds: BTreeMap<String, usize> = BTreeMap::new();
    for (name, text) in files("stdlib") {
        experiments(&name, &text);
        let mut sources = Sources::default();
        let main = sources.add(&*name, &*text);
        let described = super::describe(&mut sources, main, &FileLoader).unwrap();
        for one in described {
            assert!(!one.sources.is_empty(), "{name} has no source");
            assert!(!one.docs.trim().is_empty(), "{name} has no summary");
            assert!(!one.facts.is_empty(), "{name} states no fact");
            *kinds.entry(one.kind.to_string()).or_default() += 1;
        }
    }
    for kind in [
        "block",
        "dataset",
        "policy",
        "quantizer",
        "repair",
        "space",
        "target",
    ] {
        assert!(kinds.contains_key(kind), "the library has no {kind}");
    }
}

/// A fact that held whatever the file says would be none: with any of its numbers changed, most files fail.
#[test]
fn facts_of_the_library_hold_its_numbers() {
    let (mut changed, mut noticed) = (0, 0);
    for (name, text) in files("stdlib") {
        let body = text.find('{').unwrap();
        let facts = text.find("  check ").unwrap();
        let (head, rest) = text.split_at(body);
        let (fields, facts) = rest.split_at(facts - body);
        let Some(at) = fields.find(|c: char| ('1'..='8').contains(&c)) else {
            continue;
        };
        let mut other = fields.to_string();
        other.replace_range(at..=at, "9");
        changed += 1;
        let (checked, _) = checked(&name, &format!("{head}{other}{facts}"));
        noticed += usize::from(checked.program.is_none());
    }
    assert!(changed >= 25, "only {changed} files have a number");
    assert!(5 * noticed >= 3 * changed, "{noticed} of {changed}");
}

/// Whatever is wrong with a text, checking ends with a diagnostic or a program.
#[test]
fn no_mutation_of_an_example_panics() {
    let swaps = ["", "x", "1", "{}", "in", "(1)", "5 nJ", "tied", "\"t\""];
    for (name, text) in files("examples") {
        let words: Vec<&str> = text.split_inclusive([' ', '\n']).collect();
        for i in (0..words.len()).step_by(7) {
            let swap = swaps[i % swaps.len()];
            let mut mutant = words.clone();
            let replaced = format!("{swap} ");
            mutant[i] = &replaced;
            let (checked, _) = checked(&name, &mutant.concat());
            assert!(checked.program.is_some() || !checked.diagnostics.is_empty());
        }
    }
}
