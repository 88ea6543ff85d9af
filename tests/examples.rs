use std::path::PathBuf;

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
fn library_files_are_named_for_what_they_define() {
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
        ];
        let defines = text.lines().any(|line| {
            let mut words = line.split([' ', '(']);
            kinds.contains(&words.next().unwrap_or("")) && words.next() == Some(stem)
        });
        assert!(defines, "{} does not define `{stem}`", path.display());
    }
}

/// Constants of the library say where they come from.
#[test]
fn targets_and_quantizers_have_a_source() {
    for path in specs("stdlib/targets") {
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(
            text.contains("@paper(") || text.contains("@assumption("),
            "{} has no source",
            path.display()
        );
    }
}

#[test]
fn the_examples_before_the_quickstart_run() {
    let folder = tempfile::tempdir().unwrap();
    for path in specs("examples") {
        let name = path.file_stem().unwrap().to_str().unwrap().to_string();
        let out = folder.path().join(&name);
        // A few trials show that it runs; what it finds is for the reader.
        let args = [
            "run",
            path.to_str().unwrap(),
            "--trials",
            "3",
            "--jobs",
            "2",
            "--out",
            out.to_str().unwrap(),
        ];
        let output = util::run(&args);
        assert!(
            [0, 1].contains(&util::code(&output)),
            "{name}: {}",
            util::stderr(&output)
        );
        assert!(out.join("result.json").exists(), "{name} left no result");
    }
}
