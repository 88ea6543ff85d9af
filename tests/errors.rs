use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

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
        let said = util::stderr(&output);
        // The pointer to `bnas explain` is the same everywhere.
        let said = said.lines().filter(|l| !l.starts_with("more: "));
        let said: String = said.map(|l| format!("{l}\n")).collect();
        let shown = format!("----- SOURCE\n{source}----- ERROR\n{said}");
        let is_warning = path.components().any(|c| c.as_os_str() == "warning");
        assert_eq!(
            util::code(&output),
            i32::from(!is_warning),
            "{} should be an error, or a warning below `warning/`:\n{shown}",
            path.display()
        );
        assert!(
            !is_warning || shown.contains('⚠'),
            "{} warns of nothing:\n{shown}",
            path.display()
        );
        insta::assert_snapshot!(name, shown);
        seen += 1;
    }
    assert!(seen >= 245, "only {seen} fixtures");
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

/// Codes that no fixture can show, with the test that does.
const UNSHOWN: &[(&str, &str)] = &[(
    "bnas::parse::length",
    "syntax::tests: a fixture would have 16 MiB",
)];

/// A code that the program can emit has a page and a fixture; a page has a code.
#[test]
fn every_code_is_explained_and_shown() {
    let codes = codes();
    let snapshots: String = files("tests/snapshots", "snap")
        .iter()
        .filter(|p| p.to_string_lossy().contains("__errors__"))
        .map(|p| std::fs::read_to_string(p).unwrap())
        .collect();
    let mut wrong = Vec::new();
    for (code, place) in &codes {
        if !page(code).exists() {
            wrong.push(format!(
                "{code} ({place}) has no page {}",
                page(code).display()
            ));
        }
        // On a line of its own: `bnas::parse::syntax` begins no longer code.
        let is_shown = snapshots.lines().any(|l| l == code);
        if !is_shown && !UNSHOWN.iter().any(|(known, _)| known == code) {
            wrong.push(format!("{code} ({place}) has no fixture"));
        }
    }
    for path in files("docs/errors", "md") {
        if !codes.keys().any(|code| page(code) == path) {
            wrong.push(format!("{} explains no code", path.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The wrong example of a page gives its code and no other, the right one checks clean; `bnas explain` prints both.
#[test]
fn pages_show_what_they_explain() {
    let folder = tempfile::tempdir().unwrap();
    for path in files("docs/errors", "md") {
        let text = std::fs::read_to_string(&path).unwrap();
        let place = path.display();
        let title = text.lines().next().unwrap_or_default();
        let code = title.trim_start_matches("# ");
        assert_eq!(page(code), path, "{place} has the title `{title}`");
        let fences: Vec<&str> = text
            .split("```bnas\n")
            .skip(1)
            .map(|rest| rest.split("```").next().unwrap())
            .collect();
        let (right, wrong) = fences.split_last().unwrap();
        assert!(
            text.contains("\nWrong:\n") && text.contains("\nRight:\n"),
            "{place}"
        );
        assert!(wrong.len() == 1 || text.contains("```text\n"), "{place}");
        assert_eq!(
            found_in(folder.path(), right),
            Vec::<String>::new(),
            "{place}"
        );
        for spec in wrong {
            let said = spec.contains(&format!("// error: {code}\n"))
                || spec.contains(&format!("// warning: {code}\n"));
            assert!(said, "{place}: the wrong example does not say its code");
            assert_eq!(found_in(folder.path(), spec), [code], "{place}");
        }
    }
}

/// The codes that `bnas check` finds in a text.
fn found_in(folder: &Path, text: &str) -> Vec<String> {
    let path = util::write(folder, "spec.bnas", text);
    let output = util::run(&["check", "--format", "json", path.to_str().unwrap()]);
    let document: serde_json::Value = serde_json::from_str(&util::stdout(&output)).unwrap();
    let found = document["files"][0]["diagnostics"].as_array().unwrap();
    found
        .iter()
        .map(|d| d["code"].as_str().unwrap().to_string())
        .collect()
}

/// The page of a code: `docs/errors/unit/mismatch.md`.
fn page(code: &str) -> PathBuf {
    let name = code.trim_start_matches("bnas::").replace("::", "/");
    Path::new("docs/errors").join(format!("{name}.md"))
}

/// Every code in the source, with a place that emits it; unit tests are left out.
fn codes() -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for path in files("src", "rs") {
        let place = slashes(&path);
        if place.ends_with("tests.rs") || place.contains("/tests/") {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
        for literal in code.split("\"bnas::").skip(1) {
            let name = literal.split('"').next().unwrap();
            let is_code = name
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "_:".contains(c));
            if is_code && !name.is_empty() && !name.ends_with("::") {
                found.insert(format!("bnas::{name}"), place.clone());
            }
        }
    }
    found
}

fn files(folder: &str, extension: &str) -> Vec<PathBuf> {
    WalkDir::new(folder)
        .sort_by_file_name()
        .into_iter()
        .map(|entry| entry.unwrap().into_path())
        .filter(|path| path.extension().is_some_and(|x| x == extension))
        .collect()
}
