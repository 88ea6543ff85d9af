use std::path::{Path, PathBuf};

use walkdir::WalkDir;

use crate::util;

/// A fenced block of a document.
struct Fence {
    place: String,
    language: String,
    text: String,
}

fn documents() -> Vec<PathBuf> {
    let docs = WalkDir::new("docs")
        .sort_by_file_name()
        .into_iter()
        .map(|e| e.unwrap().into_path());
    let top = ["README.md", "CONTRIBUTING.md", "stdlib/README.md"].map(PathBuf::from);
    top.into_iter()
        .chain(docs)
        // The pages of `bnas explain` are held to more by `errors`.
        .filter(|p| p.extension().is_some_and(|x| x == "md") && !p.starts_with("docs/errors"))
        .collect()
}

fn fences() -> Vec<Fence> {
    let mut found = Vec::new();
    for path in documents() {
        let text = std::fs::read_to_string(&path).unwrap();
        let mut open: Option<Fence> = None;
        for (number, line) in text.lines().enumerate() {
            match (&mut open, line.strip_prefix("```")) {
                (None, Some(language)) => {
                    let place = format!("{}:{}", path.display(), number + 1);
                    open = Some(Fence {
                        place,
                        language: language.trim().into(),
                        text: String::new(),
                    });
                }
                (Some(_), Some(_)) => found.extend(open.take()),
                (Some(fence), None) => fence.text.push_str(&format!("{line}\n")),
                (None, None) => {}
            }
        }
    }
    found
}

/// A `bnas` fence is a whole file that checks; one whose second line is `// error: code` gives that diagnostic.
#[test]
fn every_spec_in_the_docs_checks() {
    let folder = tempfile::tempdir().unwrap();
    let mut seen = 0;
    for (i, fence) in fences().iter().filter(|f| f.language == "bnas").enumerate() {
        let path = util::write(folder.path(), &format!("fence{i}.bnas"), &fence.text);
        let output = util::run(&["check", path.to_str().unwrap()]);
        let wanted = fence
            .text
            .lines()
            .find_map(|l| l.strip_prefix("// error: "));
        let shown = util::stderr(&output);
        match wanted {
            None => assert_eq!(util::code(&output), 0, "{}:\n{shown}", fence.place),
            Some(code) => {
                assert_eq!(util::code(&output), 1, "{} should be an error", fence.place);
                assert!(
                    shown.contains(code),
                    "{} should give {code}:\n{shown}",
                    fence.place
                );
            }
        }
        seen += 1;
    }
    assert!(seen >= 10, "only {seen} specs in the docs");
}

/// A line `bnas …` of an `sh` fence runs, in a folder that has the examples; searches are cut to three trials.
#[test]
fn every_command_in_the_docs_runs() {
    let folder = tempfile::tempdir().unwrap();
    copy(Path::new("examples"), &folder.path().join("examples"));
    let mut seen = 0;
    for fence in fences().iter().filter(|f| f.language == "sh") {
        for line in fence
            .text
            .lines()
            .filter_map(|l| l.trim().strip_prefix("bnas "))
        {
            let line = line.split(" #").next().unwrap_or("").trim();
            let mut args: Vec<&str> = line.split_whitespace().collect();
            if args.first() == Some(&"run")
                && !args.contains(&"--resume")
                && !args.contains(&"--dry-run")
            {
                args.extend(["--trials", "3"]);
            }
            let output = util::bnas()
                .args(&args)
                .current_dir(folder.path())
                .output()
                .unwrap();
            seen += 1;
            // A search that is cut short may miss what its `expect` lines promise.
            assert!(
                util::code(&output) == 0 || util::only_expectations_failed(&output),
                "{}: `bnas {line}` ended with {}:\n{}",
                fence.place,
                util::code(&output),
                util::stderr(&output)
            );
        }
    }
    assert!(seen >= 4, "only {seen} commands in the docs");
}

/// `docs/stdlib.md` is what the program writes.
#[test]
fn the_pages_of_the_library_have_not_drifted() {
    let output = util::run(&["doc", "--markdown"]);
    util::expect_code(&output, 0);
    let committed = std::fs::read_to_string("docs/stdlib.md").unwrap();
    assert!(
        util::stdout(&output) == committed,
        "write it again: bnas doc --markdown > docs/stdlib.md"
    );
}

/// The amendments that docs/language.md shows within its sentences are accepted as they stand there.
#[test]
fn amendments_within_sentences_work() {
    let folder = tempfile::tempdir().unwrap();
    let text = std::fs::read_to_string("docs/language.md").unwrap();
    for (shown, space, line) in [
        (
            "`mobilenet_v2 { s[1].depth = 2 }`",
            "mobilenet_v2 { s[1].depth = 2 }",
            "",
        ),
        ("`s[*].depth`", "mobilenet_v2 { s[*].depth = 2 }", ""),
        ("`s.depth`", "mobilenet_v2 { s.depth = 2 }", ""),
        (
            "`stem.channels = 8`",
            "mobilenet_v2 { stem.channels = 8 }",
            "",
        ),
        ("`more.channels = 8`", "own { more.channels = 8 }", ""),
        (
            "`block.inverted_residual.expansion = 4`",
            "own { block.inverted_residual.expansion = 4 }",
            "",
        ),
        (
            "`train.optimizer.sgd.lr = 1e-2`",
            "own",
            "train.optimizer.sgd.lr = 1e-2",
        ),
    ] {
        assert!(text.contains(shown), "{shown}");
        let spec = format!(
            "bnas 1\n\nuse std.blocks.{{basic, inverted_residual}}\nuse std.data.digits\nuse std.spaces.mobilenet_v2\n\n\
             space own {{\n  layer stem = conv(channels = 8) -> norm -> relu\n\
             \x20 block in {{inverted_residual(channels = 8, expansion in {{1, 6}}), basic(channels = 8)}}\n\
             \x20 more = basic(channels = 16)\n  layer head = pool(average) -> linear(classes)\n}}\n\n\
             experiment e {{\n  data = digits\n  space = {space}\n\
             \x20 train {{ epochs = 1  optimizer in {{adam(lr = 1e-3), sgd(lr = 0.1)}} }}\n\
             \x20 search {{ trials = 2 }}\n  maximize accuracy\n}}\nexperiment f : e {{ {line} }}\n"
        );
        let path = util::write(folder.path(), "spec.bnas", &spec);
        let output = util::run(&["check", path.to_str().unwrap()]);
        assert_eq!(util::code(&output), 0, "{spec}\n{}", util::stderr(&output));
    }
}

/// A diagnostic that a `text` fence shows is what `bnas check` says of the file that it names.
#[test]
fn diagnostics_in_the_docs_are_what_is_said() {
    let mut seen = 0;
    for fence in fences().iter().filter(|f| f.text.starts_with("bnas::")) {
        let file = fence
            .text
            .split("─[")
            .nth(1)
            .and_then(|t| t.split(':').next());
        let output = util::run(&["check", file.unwrap()]);
        let said = util::stderr(&output);
        assert!(said.contains(&fence.text), "{}:\n{said}", fence.place);
        seen += 1;
    }
    assert!(seen >= 1);
}

/// What README prints of the quickstart is what it prints.
#[test]
fn the_quickstart_prints_what_readme_shows() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("quickstart");
    let args = ["run", "examples/06-quickstart.bnas", "--out"];
    let output = util::bnas().args(args).arg(&out).output().unwrap();
    util::expect_code(&output, 0);
    let shown = util::stdout(&output);
    assert!(
        fences()
            .iter()
            .any(|f| f.place.starts_with("README.md") && f.text == shown),
        "README shows something else than\n{shown}"
    );
}

/// README has its two commands, and the second is what a change must pass.
#[test]
fn readme_has_its_two_commands() {
    let readme = std::fs::read_to_string("README.md").unwrap();
    for command in [
        "cargo run --release -- run examples/06-quickstart.bnas",
        "cargo test",
    ] {
        assert!(
            readme
                .lines()
                .any(|l| l.split(" #").next().unwrap_or("").trim() == command),
            "README lacks `{command}`"
        );
    }
    assert!(
        std::fs::read_to_string(".ci/run")
            .unwrap()
            .contains("\ncargo test\n")
    );
}

/// Links to files of the project lead somewhere.
#[test]
fn links_lead_somewhere() {
    for path in documents() {
        let text = std::fs::read_to_string(&path).unwrap();
        for link in text
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split(')').next())
        {
            let file = link.split('#').next().unwrap_or("");
            if file.is_empty() || link.starts_with("http") {
                continue;
            }
            assert!(
                path.parent().unwrap().join(file).exists(),
                "{}: {link} leads nowhere",
                path.display()
            );
        }
    }
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            std::fs::copy(&path, to.join(path.file_name().unwrap())).unwrap();
        }
    }
}
