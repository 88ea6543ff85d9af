use std::path::Path;

use walkdir::WalkDir;

use crate::util;

/// Every fixture, as a user sees it: the source, and what `bnas check` says of it.
#[test]
fn every_wrong_spec_has_its_diagnostic() {
    let mut seen = 0;
    for entry in WalkDir::new("tests/fixtures").sort_by_file_name() {
        let path = entry.unwrap().into_path();
        let is_spec = path.extension().is_some_and(|x| x == "bnas");
        if !is_spec || path.components().any(|c| c.as_os_str() == "parts") {
            continue;
        }
        let name = path
            .strip_prefix("tests/fixtures")
            .unwrap()
            .with_extension("");
        let name = name.to_string_lossy().replace(['/', '\\'], "__");
        let output = util::run(&["check", &slashes(&path)]);
        let source = String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned();
        let source: String = source
            .lines()
            .map(|l| l.chars().take(100).collect::<String>() + "\n")
            .collect();
        let shown = format!(
            "----- SOURCE\n{source}----- ERROR\n{}",
            util::stderr(&output)
        );
        assert_eq!(
            util::code(&output),
            1,
            "{} should be an error:\n{shown}",
            path.display()
        );
        insta::assert_snapshot!(name, shown);
        seen += 1;
    }
    assert!(seen >= 30, "only {seen} fixtures");
}

/// Many mistakes are reported in one go.
#[test]
fn one_pass_reports_many() {
    let output = util::run(&["check", "tests/fixtures/name/many_at_once.bnas"]);
    let shown = util::stderr(&output);
    for code in ["bnas::name", "bnas::unit", "digits", "policy", "bayes"] {
        assert!(shown.contains(code), "{code} is missing in\n{shown}");
    }
}

fn slashes(path: &Path) -> String {
    path.to_string_lossy().replace('\\', "/")
}
