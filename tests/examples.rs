use std::path::{Path, PathBuf};
use std::process::Output;

use walkdir::WalkDir;

use crate::util;

fn specs(root: &str) -> Vec<PathBuf> {
    let files = WalkDir::new(root)
        .sort_by_file_name()
        .into_iter()
        .map(|e| e.unwrap().into_path());
    files
        .filter(|p| p.extension().is_some_and(|x| x == "bnas"))
        .collect()
}

#[test]
fn examples_and_library_check_alone() {
    for path in specs("examples")
        .into_iter()
        .chain(specs("stdlib"))
        .chain(specs("benches"))
    {
        let output = util::run(&["check", path.to_str().unwrap()]);
        util::expect_code(&output, 0);
        assert!(
            !util::stderr(&output).contains("warning"),
            "{}: {}",
            path.display(),
            util::stderr(&output)
        );
    }
}

#[test]
fn examples_and_library_are_formatted() {
    util::expect_code(
        &util::run(&["fmt", "--check", "examples", "stdlib", "benches"]),
        0,
    );
}

#[test]
fn examples_and_library_are_documented() {
    for path in specs("examples").into_iter().chain(specs("stdlib")) {
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(
            text.starts_with("bnas 1\n"),
            "{} has no edition line",
            path.display()
        );
        assert!(
            text.contains("\n/// "),
            "{} has no doc comment",
            path.display()
        );
    }
}

/// One definition per file, named as the file.
#[test]
fn library_files_define_one_thing_each_and_are_named_for_it() {
    for path in specs("stdlib") {
        let text = std::fs::read_to_string(&path).unwrap();
        let stem = path.file_stem().unwrap().to_str().unwrap();
        let kinds = [
            "dataset",
            "block",
            "space",
            "quantizer",
            "policy",
            "repair",
            "target",
            "experiment",
        ];
        let defined: Vec<&str> = text
            .lines()
            .filter_map(|line| {
                let mut words = line.split([' ', '(']);
                let kind = words.next().unwrap_or("");
                kinds.contains(&kind).then(|| words.next().unwrap_or(""))
            })
            .collect();
        assert_eq!(defined, [stem], "{}", path.display());
    }
}

/// Every file of the library says where it comes from, or that it is an assumption.
#[test]
fn library_files_have_a_source() {
    for path in specs("stdlib") {
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(
            text.contains("@paper(") || text.contains("@assumption("),
            "{} has no source",
            path.display()
        );
    }
}

/// Runs an example with further arguments, and looks whether it has left its result.
fn example(path: &Path, extra: &[&str]) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("run");
    let output = util::bnas()
        .arg("run")
        .arg(path)
        .args(["--jobs", "2", "--out"])
        .arg(&out)
        .args(extra)
        .output()
        .unwrap();
    assert!(
        out.join("result.json").exists(),
        "{} left no result: {}",
        path.display(),
        util::stderr(&output)
    );
    output
}

/// The formula, the fixed network and the search over a target, to their ends: what their `expect` lines say holds.
#[test]
fn short_examples_do_what_they_expect() {
    let short = ["01-formula", "03-fixed-network", "10-codesign"];
    for path in specs("examples") {
        if short.contains(&path.file_stem().unwrap().to_str().unwrap()) {
            util::expect_code(&example(&path, &[]), 0);
        }
    }
}

/// Every example runs. After three trials, what it expects may not hold yet.
#[test]
fn examples_run() {
    for path in specs("examples") {
        let output = example(&path, &["--trials", "3"]);
        assert!(
            util::code(&output) == 0 || util::only_expectations_failed(&output),
            "{} ended with {}: {}",
            path.display(),
            util::code(&output),
            util::stderr(&output)
        );
    }
}
