//! The library and the examples check, and mistakes give the diagnostics that they should.

use std::path::Path;

use super::{Checked, FileLoader, check};
use crate::diagnostic::{Diagnostic, render};
use crate::ir::Experiment;
use crate::source::Sources;

fn checked(name: &str, text: &str) -> (Checked, Sources) {
    let mut sources = Sources::default();
    let main = sources.add(name, text);
    (check(&mut sources, main, &FileLoader), sources)
}

fn experiments(name: &str, text: &str) -> Vec<Experiment> {
    let (checked, sources) = checked(name, text);
    assert!(
        checked.diagnostics.is_empty(),
        "{}",
        render(&checked.diagnostics, &sources, false)
    );
    checked.program.expect("no errors").experiments
}

fn files(folder: &str) -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut found: Vec<_> = walkdir::WalkDir::new(root)
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
        assert!(!experiments(&name, &text).is_empty(), "{name}");
    }
}
