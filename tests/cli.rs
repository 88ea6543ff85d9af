use std::io::{Read, Write};
use std::path::Path;
use std::process::{Output, Stdio};

use crate::util::{self, SMALL};

#[test]
fn usage_errors_end_with_2() {
    util::expect_code(&util::run(&["frobnicate"]), 2);
    util::expect_code(&util::run(&["run"]), 2);
    util::expect_code(
        &util::run(&["run", "examples/06-quickstart.bnas", "--jobs", "none"]),
        2,
    );
}

#[test]
fn help_shows_every_command() {
    let output = util::run(&["--help"]);
    util::expect_code(&output, 0);
    insta::assert_snapshot!("help", util::stdout(&output));
}

#[test]
fn a_missing_file_says_so() {
    let output = util::run(&["check", "nowhere.bnas"]);
    util::expect_code(&output, 2);
    assert!(util::stderr(&output).contains("nowhere.bnas"));
}

#[test]
fn check_prints_the_plan_of_the_quickstart() {
    let output = util::run(&["check", "examples/06-quickstart.bnas"]);
    util::expect_code(&output, 0);
    insta::assert_snapshot!("plan", util::stdout(&output));
}

/// A short search has no more first trials than trials, and a default that breaks a requirement is marked.
#[test]
fn the_plan_says_what_is_so() {
    let folder = tempfile::tempdir().unwrap();
    let text = util::SMALL
        .replace("trials = 8  initial = 4", "trials = 3")
        .replace("8 KiB", "1 KiB")
        .replace(
            "policy = tied\n",
            "policy = tied { kinds = {int8, binary} }\n",
        )
        .replace(
            "width in {4, 6, 8, 12}",
            "width in {4, 6, 8, 12} default 12",
        )
        .replace(
            "use std.policies.tied",
            "use std.policies.tied\nuse std.quantizers.{binary, int8}",
        );
    let spec = util::write(folder.path(), "small.bnas", &text);
    let check = |path: &std::path::Path| {
        let output = util::run(&["check", path.to_str().unwrap()]);
        util::expect_code(&output, 0);
        util::stdout(&output)
    };
    let shown = check(&spec);
    assert!(
        shown.contains("3 trials, the default first, all others spread over each decision"),
        "{shown}"
    );
    assert!(shown.contains("default !"), "{shown}");
    assert!(
        shown.contains("! the default member does not meet `model_size <= 1 KiB`"),
        "{shown}"
    );
    let spec = util::write(folder.path(), "small.bnas", util::SMALL);
    let shown = check(&spec);
    assert!(
        shown.contains("the default and 3 spread over each decision first") && !shown.contains('!'),
        "{shown}"
    );
}

/// What only the space unrolled shows is said by whatever unrolls it, once.
#[test]
fn warnings_of_the_plan_are_shown_by_all_that_make_it() {
    let folder = tempfile::tempdir().unwrap();
    let text = "bnas 1
        use std.data.digits
        space tiny { layer head = pool(average) -> linear(classes) }
        experiment small {
          data = digits  space = tiny
          train { epochs = 1 }  finetune { epochs = 1 }
          search { method = grid }
          maximize accuracy
        }";
    let spec = util::write(folder.path(), "small.bnas", text);
    let (spec, out) = (spec.to_str().unwrap(), folder.path().join("run"));
    let out = out.to_str().unwrap();
    let network = format!("{out}.safetensors");
    for args in [
        &["check", spec][..],
        &["run", spec, "--dry-run"],
        &["run", spec, "--out", out],
        &["train", spec, "--out", &network],
    ] {
        let said = util::stderr(&util::run(args));
        let count = said.matches("stage `finetune` quantizes").count();
        assert_eq!(count, 1, "{args:?}: {said}");
    }
}

#[test]
fn cost_prices_the_quickstart() {
    let output = util::run(&["cost", "examples/06-quickstart.bnas"]);
    util::expect_code(&output, 0);
    insta::assert_snapshot!("cost", util::stdout(&output));
}

#[test]
fn cost_shows_memories_where_a_target_has_them() {
    let output = util::run(&["cost", "examples/10-codesign.bnas"]);
    util::expect_code(&output, 0);
    insta::assert_snapshot!("cost_memories", util::stdout(&output));
}

/// What an experiment asks of the fields of its own target is no matter for another one's prices.
#[test]
fn cost_takes_another_target_whatever_is_asked_of_the_first() {
    let args = ["cost", "examples/10-codesign.bnas", "--target", "braintta"];
    let output = util::run(&args);
    util::expect_code(&output, 0);
    assert!(util::stdout(&output).contains("energy, braintta"));
}

#[test]
fn a_closed_pipe_is_a_quiet_end() {
    let mut child = util::bnas()
        .args(["list"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let mut said = String::new();
    child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut said)
        .unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert_eq!(said, "");
}

#[test]
fn fmt_check_finds_what_fmt_would_change() {
    let folder = tempfile::tempdir().unwrap();
    let ugly = util::write(
        folder.path(),
        "ugly.bnas",
        &SMALL.replace("  seed   = 3", "seed=3"),
    );
    let path = ugly.to_str().unwrap();
    util::expect_code(&util::run(&["fmt", "--check", path]), 1);
    util::expect_code(&util::run(&["fmt", path]), 0);
    util::expect_code(&util::run(&["fmt", "--check", path]), 0);
}

#[test]
fn doc_shows_a_definition_with_its_numbers_and_sources() {
    let output = util::run(&["doc", "braintta"]);
    util::expect_code(&output, 0);
    insta::assert_snapshot!("doc", util::stdout(&output));
    let long = util::run(&["doc", "std.targets.braintta"]);
    assert_eq!(util::stdout(&long), util::stdout(&output));
}

#[test]
fn doc_knows_files_and_words_of_the_language() {
    let output = util::run(&["doc", "examples/06-quickstart.bnas:quickstart"]);
    util::expect_code(&output, 0);
    assert!(util::stdout(&output).contains("space.width"));
    let output = util::run(&["doc", "finetune"]);
    util::expect_code(&output, 0);
    let shown = util::stdout(&output);
    assert!(
        shown.contains("epochs") && shown.contains("required"),
        "{shown}"
    );
    for word in [
        "repeat",
        "when",
        "require",
        "subsets",
        "cosine",
        "pad_shortcut",
    ] {
        let output = util::run(&["doc", word]);
        util::expect_code(&output, 0);
        let shown = util::stdout(&output);
        assert!(shown.contains(word) && shown.lines().count() > 2, "{shown}");
    }
    for (path, says) in [
        ("search.initial", "field initial = … in search\n"),
        ("train.optimizer.adam.lr", "field lr = … in adam\n"),
        ("best.accuracy", "result best.accuracy\n"),
        ("pareto.count", "result pareto.count\n"),
        ("~=", "word a ~= b within t\n"),
        ("@paper", "annotation @paper("),
        ("small_cnn.width", "space small_cnn\n"),
        ("braintta.clock", "target braintta : tta\n"),
        ("input.channels", "value conv(channels = input.channels)\n"),
        ("command.timeout", "field timeout = … in command\n"),
        ("idx", "base dataset NAME : idx { … }\n"),
        ("gradient", "formula gradient(x) = … in quantizer\n"),
        ("dropout", "reserved operation dropout\n"),
    ] {
        let output = util::run(&["doc", path]);
        util::expect_code(&output, 0);
        let shown = util::stdout(&output);
        assert!(shown.starts_with(says), "{shown}");
    }
    for (word, says) in [
        ("weights", "field weights = … in a rule\n"),
        ("scale", "field scale = … in quantizer\n"),
        ("scale", "formula scale(w) = … in quantizer\n"),
        ("step", "plain number, at least 0"),
        ("default", "first trial of `bayes`"),
    ] {
        let output = util::run(&["doc", word]);
        util::expect_code(&output, 0);
        let shown = util::stdout(&output);
        assert!(shown.contains(says), "{shown}");
    }
    let output = util::run(&["--format", "json", "doc", "mobilenet_v2"]);
    util::expect_code(&output, 0);
    let document: serde_json::Value = serde_json::from_str(&util::stdout(&output)).unwrap();
    assert_eq!(document["pages"][0]["leaves open"][0]["name"], "width");
}

#[test]
fn a_spec_with_errors_is_json_for_programs() {
    let spec = "tests/fixtures/name/meant.bnas";
    for command in ["run", "train", "cost"] {
        let output = util::run(&["--format", "json", command, spec]);
        util::expect_code(&output, 1);
        let document: serde_json::Value = serde_json::from_str(&util::stdout(&output)).unwrap();
        let found = document["files"][0]["diagnostics"].as_array().unwrap();
        assert!(found.iter().any(|d| d["severity"] == "error"), "{command}");
    }
}

#[test]
fn a_run_that_is_not_there_is_a_wrong_command_line() {
    let spec = "examples/06-quickstart.bnas";
    let args = ["train", spec, "--pick", "0", "--run", "no/such/run"];
    let output = util::run(&args);
    util::expect_code(&output, 2);
    assert!(util::stderr(&output).contains("`--run DIR`"));
}

#[test]
fn doc_suggests_what_was_meant() {
    for (wrong, right) in [
        ("brainta", "`braintta`"),
        ("std.spaces.resnet21", "`std.spaces.resnet20`"),
        ("finetunes", "`finetune`"),
        ("repaet", "`repeat`"),
        ("cosin", "`cosine`"),
        ("examples/06-quickstart.bnas:quickstar", ":quickstart`"),
        ("search.intial", "`search.initial`"),
        ("space.width", "`bnas check -v FILE`"),
        ("unit::mismatch", "`bnas explain unit::mismatch`"),
        ("", "nothing is called ``"),
    ] {
        let output = util::run(&["doc", wrong]);
        util::expect_code(&output, 2);
        let shown = util::stderr(&output);
        assert!(shown.contains(right), "{shown}");
    }
}

#[test]
fn completions_name_the_commands() {
    let output = util::run(&["completions", "bash"]);
    util::expect_code(&output, 0);
    assert!(util::stdout(&output).contains("check"));
}

/// A code, whole or short, prints its page; a wrong one suggests, and none lists all.
#[test]
fn explain_teaches() {
    let whole = util::run(&["explain", "bnas::unit::mismatch"]);
    util::expect_code(&whole, 0);
    let page = util::stdout(&whole);
    assert!(page.starts_with("bnas::unit::mismatch\n"), "{page}");
    assert!(
        page.contains("Wrong:") && page.contains("    bnas 1"),
        "{page}"
    );
    assert!(!page.contains("```"), "{page}");
    assert_eq!(
        util::stdout(&util::run(&["explain", "unit::mismatch"])),
        page
    );

    let list = util::stdout(&util::run(&["explain"]));
    assert!(list.lines().count() > 60, "{list}");
    assert!(list.contains("unit::mismatch "), "{list}");

    for (wrong, help) in [
        ("unit::mismach", "`bnas explain unit::mismatch`"),
        (
            "mismatch",
            "`bnas explain type::mismatch` or `bnas explain unit::mismatch`",
        ),
        ("goal", "`bnas explain goal::constant`"),
        ("E0308", "`bnas explain` lists all codes"),
    ] {
        let output = util::run(&["explain", wrong]);
        util::expect_code(&output, 2);
        assert!(
            util::stderr(&output).contains(help),
            "{}",
            util::stderr(&output)
        );
    }
}

/// Every report ends by naming the codes that can be explained, unless it shall be quiet.
#[test]
fn errors_point_to_their_pages() {
    let path = "tests/fixtures/unit/unknown.bnas";
    let shown = util::stderr(&util::run(&["check", path]));
    assert!(
        shown.contains("more: `bnas explain unit::unknown`\n"),
        "{shown}"
    );
    let quiet = util::stderr(&util::run(&["check", "--quiet", path]));
    assert!(!quiet.contains("more:"), "{quiet}");
    let many = util::stderr(&util::run(&[
        "check",
        "tests/fixtures/name/many_at_once.bnas",
    ]));
    assert!(
        many.contains(
            "more: `bnas explain CODE` of name::unknown, name::unknown_key, unit::mismatch"
        ),
        "{many}"
    );
}

/// Quiet means quiet: a warning is no error and no result.
#[test]
fn quiet_leaves_warnings_out() {
    let path = "tests/fixtures/warning/division_unproved.bnas";
    let output = util::run(&["check", path]);
    assert!(util::stderr(&output).contains("bnas::domain::unproved"));
    let output = util::run(&["check", "-q", path]);
    util::expect_code(&output, 0);
    assert_eq!(util::stderr(&output), "");
}

#[test]
fn fmt_tells_programs_what_would_change() {
    let folder = tempfile::tempdir().unwrap();
    let wrong = util::write(
        folder.path(),
        "a.bnas",
        "bnas 1\nexperiment e {\n x   in 0..1\n}\n",
    );
    util::write(folder.path(), "b.bnas", "bnas 1\n");
    util::write(folder.path(), "c.bnas", "bnas 1\nspace s {\n");
    let before = std::fs::read_to_string(&wrong).unwrap();
    let folder = folder.path().to_str().unwrap();
    let output = util::run(&["fmt", "--check", "--format", "json", folder]);
    util::expect_code(&output, 1);
    let said: serde_json::Value = serde_json::from_str(&util::stdout(&output)).unwrap();
    assert_eq!(said["written"], false);
    let changes: Vec<bool> = said["files"]
        .as_array()
        .unwrap()
        .iter()
        .map(|f| f["changes"].as_bool().unwrap())
        .collect();
    assert_eq!(changes, [true, false, false]);
    assert_eq!(said["files"][2]["diagnostics"][0]["severity"], "error");
    assert_eq!(std::fs::read_to_string(&wrong).unwrap(), before);
}

/// `-` is standard input, whose imports are relative to the working directory.
#[test]
fn standard_input_is_checked_and_laid_out() {
    let folder = tempfile::tempdir().unwrap();
    util::write(
        folder.path(),
        "parts.bnas",
        "bnas 1\n\nspace mine {\n  layer head = pool(average) -> linear(classes)\n}\n",
    );
    let spec = "bnas 1\n\nuse \"parts.bnas\".{mine}\nuse std.data.digits\n\nexperiment e {\n  data = digits\n  space   = mine\n  \
                train { epochs = 1 }\n  search { method = grid }\n  maximize accuracy\n}\n";
    let said = with_input(folder.path(), &["check", "-"], spec);
    util::expect_code(&said, 0);
    assert!(util::stdout(&said).contains("experiment e\n"));

    let wrong = spec.replace("= mine", "= mime");
    let said = with_input(folder.path(), &["check", "-"], &wrong);
    util::expect_code(&said, 1);
    assert!(
        util::stderr(&said).contains("[<stdin>:8:13]"),
        "{}",
        util::stderr(&said)
    );
    let said = with_input(folder.path(), &["check", "--format", "json", "-"], &wrong);
    assert!(util::stdout(&said).contains("\"file\": \"<stdin>\""));

    let said = with_input(folder.path(), &["fmt", "-"], spec);
    util::expect_code(&said, 0);
    let laid_out = util::stdout(&said);
    assert!(
        laid_out.contains("  data  = digits\n  space = mine\n"),
        "{laid_out}"
    );
    let said = with_input(folder.path(), &["fmt", "--check", "-"], spec);
    util::expect_code(&said, 1);
    assert_eq!(util::stdout(&said), "would change <stdin>\n");
    let said = with_input(folder.path(), &["fmt", "-"], &laid_out);
    assert_eq!(util::stdout(&said), laid_out);
    util::expect_code(&with_input(folder.path(), &["check", "-", "-"], spec), 2);
}

/// A run of standard input goes where a run of its experiment would, and on with the same text; what it says of the text is of `<stdin>`.
#[test]
fn standard_input_is_run_and_priced() {
    let folder = tempfile::tempdir().unwrap();
    let spec = "bnas 1\n\nexperiment e {\n  x in 1..9\n  minimize x\n  search { method = random  trials = 4 }\n}\n";
    let said = with_input(folder.path(), &["run", "-"], spec);
    util::expect_code(&said, 0);
    let run = folder.path().join("runs/e");
    assert_eq!(
        std::fs::read_to_string(run.join("spec.bnas")).unwrap(),
        spec
    );
    let result = std::fs::read(run.join("result.json")).unwrap();
    let said = with_input(folder.path(), &["run", "-", "--resume"], spec);
    util::expect_code(&said, 0);
    assert_eq!(std::fs::read(run.join("result.json")).unwrap(), result);
    let other = spec.replace("1..9", "1..8");
    let said = with_input(folder.path(), &["run", "-", "--resume"], &other);
    util::expect_code(&said, 3);
    let shown = util::stderr(&said);
    assert!(
        shown.contains("the text of `spec.bnas` has changed"),
        "{shown}"
    );

    let said = with_input(folder.path(), &["cost", "-"], spec);
    util::expect_code(&said, 2);
    let shown = util::stderr(&said);
    assert!(shown.contains("`<stdin>` has no experiment"), "{shown}");
    let priced = "bnas 1\n\nuse std.data.digits\nuse std.policies.tied\nuse std.spaces.small_cnn\n\nexperiment e {\n  data = digits\n  \
                  space = small_cnn\n  policy = tied\n  train { epochs = 1 }\n  search { method = grid }\n  maximize accuracy\n}\n";
    let said = with_input(
        folder.path(),
        &["cost", "-", "--target", "braintta"],
        priced,
    );
    util::expect_code(&said, 0);
    assert!(util::stdout(&said).contains("the default network of `e`"));
}

fn with_input(folder: &Path, args: &[&str], input: &str) -> Output {
    let mut command = util::bnas();
    command.args(args).current_dir(folder);
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
    // A command that reads nothing has closed its end.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

/// Fields, units and the words of a loss have pages, too.
#[test]
fn words_that_no_file_declares_have_pages() {
    for (word, says) in [
        ("distill", "temperature"),
        ("classes", "how many classes"),
        ("bits", "field bits"),
        ("KiB", "8192 bit"),
        ("fps", "unit"),
        ("mac", "unit"),
        ("teacher", "field teacher"),
    ] {
        let output = util::run(&["doc", word]);
        util::expect_code(&output, 0);
        let said = util::stdout(&output);
        assert!(said.contains(says), "{word}: {said}");
    }
}
