use std::io::Read;
use std::process::Stdio;

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

/// What points met is said where something is asked of them, and only of points that had not been proposed.
#[test]
fn only_requirements_are_met() {
    let folder = tempfile::tempdir().unwrap();
    let said = |require: &str| {
        let text = format!(
            "bnas 1\nexperiment e {{\n  x in 1..4\n  y in 0.0..1.0\n  minimize (x - 2)^2 + y\n  {require}\n  search {{ trials = 12 }}\n}}\n"
        );
        let text = match require {
            "" => text.replace("  y in 0.0..1.0\n", "  y in 1..4\n"),
            _ => text,
        };
        let spec = util::write(folder.path(), "e.bnas", &text);
        let out = tempfile::tempdir().unwrap();
        let out = out.path().join("out");
        let args = ["run", spec.to_str().unwrap(), "--out"];
        let output = util::bnas().args(args).arg(&out).output().unwrap();
        util::expect_code(&output, 0);
        util::stderr(&output)
    };
    assert!(!said("").contains("points that were drawn"));
    let said = said("require x * y <= 1");
    assert!(
        said.contains("met everything that is known before a measurement"),
        "{said}"
    );
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
fn dry_run_touches_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("run");
    let args = [
        "run",
        "examples/06-quickstart.bnas",
        "--dry-run",
        "--out",
        out.to_str().unwrap(),
    ];
    util::expect_code(&util::run(&args), 0);
    assert!(!out.exists());
}

#[test]
fn results_go_to_stdout_and_the_rest_to_stderr() {
    let folder = tempfile::tempdir().unwrap();
    let spec = util::write(folder.path(), "small.bnas", SMALL);
    let out = folder.path().join("run");
    let output = util::run(&[
        "run",
        spec.to_str().unwrap(),
        "--out",
        out.to_str().unwrap(),
    ]);
    util::expect_code(&output, 0);
    assert!(
        util::stdout(&output).contains("Pareto"),
        "{}",
        util::stdout(&output)
    );
    assert!(
        !util::stderr(&output).contains("Pareto"),
        "{}",
        util::stderr(&output)
    );
    assert!(
        !util::stderr(&output).contains('\u{1b}'),
        "no escape codes off a terminal"
    );
}

#[test]
fn json_is_json() {
    let folder = tempfile::tempdir().unwrap();
    let spec = util::write(folder.path(), "small.bnas", SMALL);
    let out = folder.path().join("run");
    let args = [
        "--format",
        "json",
        "run",
        spec.to_str().unwrap(),
        "--out",
        out.to_str().unwrap(),
    ];
    let output = util::run(&args);
    util::expect_code(&output, 0);
    let result: serde_json::Value = serde_json::from_str(&util::stdout(&output)).unwrap();
    assert_eq!(result["schema"], 1);
    assert_eq!(result["trials"].as_array().unwrap().len(), 8);
    let wrong = util::run(&[
        "--format",
        "json",
        "check",
        "tests/fixtures/name/unknown_key.bnas",
    ]);
    util::expect_code(&wrong, 1);
    let found: serde_json::Value = serde_json::from_str(&util::stdout(&wrong)).unwrap();
    assert!(found.to_string().contains("bnas::"), "{found}");
}

#[test]
fn no_feasible_candidate_ends_with_4() {
    let folder = tempfile::tempdir().unwrap();
    let spec = util::write(
        folder.path(),
        "hard.bnas",
        &SMALL.replace(
            "require  model_size <= 8 KiB",
            "require  accuracy >= 99.99 %",
        ),
    );
    let out = folder.path().join("run");
    let output = util::run(&[
        "run",
        spec.to_str().unwrap(),
        "--out",
        out.to_str().unwrap(),
    ]);
    util::expect_code(&output, 4);
}

#[test]
fn a_search_without_any_candidate_ends() {
    let folder = tempfile::tempdir().unwrap();
    for method in ["bayes", "random", "grid"] {
        // Known before training, and nothing that counting or bounds speak of.
        let text = SMALL
            .replace("model_size <= 8 KiB", "max(energy, energy) <= 1 fJ")
            .replace(
                "method = bayes  trials = 8  initial = 4",
                &format!("method = {method}  trials = 3"),
            );
        let spec = util::write(folder.path(), "none.bnas", &text);
        let out = folder.path().join(method);
        let output = util::run(&[
            "run",
            spec.to_str().unwrap(),
            "--out",
            out.to_str().unwrap(),
        ]);
        util::expect_code(&output, 4);
        assert!(util::stderr(&output).contains("no candidate was found"));
    }
}

#[test]
fn a_failed_expectation_ends_with_1_and_shows_its_values() {
    let folder = tempfile::tempdir().unwrap();
    let text = SMALL.trim_end().trim_end_matches('}').to_string()
        + "  expect best.test.accuracy >= 99.9 %\n}\n";
    let spec = util::write(folder.path(), "hopeful.bnas", &text);
    let out = folder.path().join("run");
    let output = util::run(&[
        "run",
        spec.to_str().unwrap(),
        "--out",
        out.to_str().unwrap(),
    ]);
    util::expect_code(&output, 1);
    let result = std::fs::read_to_string(out.join("result.json")).unwrap();
    let result: serde_json::Value = serde_json::from_str(&result).unwrap();
    let accuracy = result["tests"][result["best"].to_string()]
        .as_f64()
        .unwrap();
    let shown = util::stdout(&output);
    let wanted = format!(
        "FAILED  expect best.test.accuracy >= 99.9 %\n          best.test.accuracy = {:.1} %\n",
        100.0 * accuracy
    );
    assert!(shown.contains(&wanted), "{wanted}\n{shown}");
}

#[test]
fn an_unwritable_folder_ends_with_3() {
    let folder = tempfile::tempdir().unwrap();
    let spec = util::write(folder.path(), "small.bnas", SMALL);
    let file = util::write(folder.path(), "file", "in the way");
    let out = file.join("run");
    let output = util::run(&[
        "run",
        spec.to_str().unwrap(),
        "--out",
        out.to_str().unwrap(),
    ]);
    util::expect_code(&output, 3);
    assert!(
        util::stderr(&output).contains("file"),
        "{}",
        util::stderr(&output)
    );
}

#[test]
fn damaged_data_ends_with_3_and_names_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let spec = SMALL.replace("use std.data.digits\n", "").replace(
        "space tiny {",
        "dataset mine : idx {\n  images = \"images.idx\"\n  labels = \"labels.idx\"\n  shape { height = 8  width = 8  channels = 1 }\n  classes = 10\n  scale = 16\n  \
         splits { train = 10  validation = 5  test = 5 }\n}\n\nspace tiny {",
    );
    let spec = spec.replace("data   = digits", "data   = mine");
    let path = util::write(folder.path(), "mine.bnas", &spec);
    let out = folder.path().join("run");
    let args = [
        "run",
        path.to_str().unwrap(),
        "--out",
        out.to_str().unwrap(),
    ];
    let missing = util::run(&args);
    util::expect_code(&missing, 3);
    assert!(
        util::stderr(&missing).contains("images.idx"),
        "{}",
        util::stderr(&missing)
    );

    // Magic and sizes for 20 images, and half of the first.
    let mut bytes = vec![0, 0, 8, 3, 0, 0, 0, 20, 0, 0, 0, 8, 0, 0, 0, 8];
    bytes.extend([0; 32]);
    std::fs::write(folder.path().join("images.idx"), bytes).unwrap();
    let mut labels = vec![0, 0, 8, 1, 0, 0, 0, 20];
    labels.extend([0; 20]);
    std::fs::write(folder.path().join("labels.idx"), labels).unwrap();
    let truncated = util::run(&args);
    util::expect_code(&truncated, 3);
    let shown = util::stderr(&truncated);
    assert!(
        shown.contains("images.idx") && shown.contains("byte"),
        "{shown}"
    );
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
    let output = util::run(&["--format", "json", "doc", "mobilenet_v2"]);
    util::expect_code(&output, 0);
    let document: serde_json::Value = serde_json::from_str(&util::stdout(&output)).unwrap();
    assert_eq!(document["pages"][0]["leaves open"][0]["name"], "width");
}

#[test]
fn doc_suggests_what_was_meant() {
    for (wrong, right) in [
        ("brainta", "`braintta`"),
        ("std.spaces.resnet21", "`std.spaces.resnet20`"),
        ("finetunes", "`finetune`"),
        ("examples/06-quickstart.bnas:quickstar", ":quickstart`"),
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

const TABLE: &str = "bnas 1

experiment tabular {
  evaluate = table(\"results.csv.gz\")
  edge in categories {0, 1, 2}
  maximize val_acc
  require  late <= 3
  search { method = grid }
}
";

fn compressed(text: &str) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut encoder, text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

/// An empty cell is no measurement: only who asks for it fails.
#[test]
fn a_table_may_have_empty_cells_and_be_compressed() {
    let folder = tempfile::tempdir().unwrap();
    let path = util::write(folder.path(), "t.bnas", TABLE);
    let table = compressed("edge,val_acc,late,never\n0,0.5,1,\n1,,2,\n2,0.7,nan,\n");
    std::fs::write(folder.path().join("results.csv.gz"), table).unwrap();
    let out = folder.path().join("run");
    let (path, out) = (path.to_str().unwrap(), out.to_str().unwrap());
    let output = util::run(&["run", path, "-q", "--out", out]);
    util::expect_code(&output, 0);
    let report = util::stdout(&output);
    assert!(
        report.contains("3 trials, 1 complete, 1 meet every requirement"),
        "{report}"
    );
    for metric in ["val_acc", "late"] {
        let reason = format!("`{metric}` was not measured: its cell in `");
        assert!(report.contains(&reason), "{report}");
    }
    let asks = TABLE.replace("maximize val_acc", "maximize never");
    std::fs::write(path, asks).unwrap();
    let output = util::run(&["check", path]);
    util::expect_code(&output, 1);
    let shown = util::stderr(&output);
    assert!(
        shown.contains("no row of the table has a value of `never`"),
        "{shown}"
    );
}

const POINTS: &str = "bnas 1

dataset points : csv {
  files = \"points.csv\"
  shape { height = 1  width = 2  channels = 1 }
  classes = 2
  scale   = 1
  splits { train = 4  validation = 2  test = 2 }
}

space one {
  layer head = flatten -> linear(classes)
}

experiment e {
  data  = points
  space = one
  lr in {1e-3, 1e-2}
  train  { epochs = 1  batch = 2  optimizer = adam(lr = lr) }
  search { method = grid }
  maximize accuracy
}
";

/// A run on data that have changed is another run.
#[test]
fn changed_data_are_not_resumed() {
    let folder = tempfile::tempdir().unwrap();
    let path = util::write(folder.path(), "e.bnas", POINTS);
    let lines: Vec<String> = (0..8)
        .map(|i| format!("{},0.{i},0.{}", i % 2, 7 - i))
        .collect();
    let table = |lines: &[String]| format!("label,a,b\n{}\n", lines.join("\n"));
    let data = util::write(folder.path(), "points.csv", &table(&lines));
    let out = folder.path().join("run");
    let args = [
        "run",
        path.to_str().unwrap(),
        "-q",
        "--out",
        out.to_str().unwrap(),
    ];
    let resumed = || util::run(&[&args[..], &["--resume"]].concat());
    let output = util::run(&args);
    util::expect_code(&output, 0);
    util::expect_code(&resumed(), 0);
    // The same data in another place and form.
    std::fs::write(
        folder.path().join("points.csv.gz"),
        compressed(&table(&lines)),
    )
    .unwrap();
    std::fs::remove_file(&data).unwrap();
    util::expect_code(&resumed(), 0);
    let mut other = lines.clone();
    other.swap(0, 1);
    std::fs::write(&data, table(&other)).unwrap();
    let output = resumed();
    util::expect_code(&output, 3);
    let shown = util::stderr(&output);
    assert!(
        shown.contains("the data in `points.csv` have changed"),
        "{shown}"
    );
}
