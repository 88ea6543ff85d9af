use std::path::Path;

use crate::util::{self, SMALL};

/// What points met is said where something is asked of them, and only of points that had not been proposed.
#[test]
fn only_requirements_are_met() {
    let folder = tempfile::tempdir().unwrap();
    let said = |require: &str| {
        let text = format!(
            "bnas 1\nexperiment e {{\n  x in 1..4\n  y in 0.0..1.0\n  z in 0.0..1.0\n  minimize (x - 2)^2 + y + z\n  {require}\n  search {{ trials = 12 }}\n}}\n"
        );
        let text = match require {
            "" => text.replace("  y in 0.0..1.0\n", "  y in 1..4\n"),
            _ => text,
        };
        let spec = util::write(folder.path(), "e.bnas", &text);
        let out = tempfile::tempdir().unwrap();
        let output = util::run_spec(&spec, &out.path().join("out"), &[]);
        util::expect_code(&output, 0);
        util::stderr(&output)
    };
    assert!(!said("").contains("points that were drawn"));
    // One real is drawn from what is left of it; two are drawn, and some are rejected.
    let said = said("require x * y + z <= 1");
    assert!(
        said.contains("met everything that is known before a measurement"),
        "{said}"
    );
}

/// Names of an experiment over a formula are what the best candidate has of them.
#[test]
fn expectations_speak_of_names_of_the_best() {
    let folder = tempfile::tempdir().unwrap();
    let text = "bnas 1
experiment e {
  x in 1..4
  y in 1..4
  edp = (x - 2)^2 + y
  minimize edp
  search { method = grid  trials = 16 }
  expect best.x == 2 and best.edp ~= 1 within 10 %
  expect best.edp > 1
}
";
    let spec = util::write(folder.path(), "e.bnas", text);
    let output = util::run_spec(&spec, &folder.path().join("out"), &[]);
    util::expect_code(&output, 1);
    let said = util::stdout(&output);
    let wanted = [
        "ok      expect best.x == 2 and best.edp ~= 1 within 10 %",
        "FAILED  expect best.edp > 1\n          best.edp = 1",
    ];
    assert!(wanted.iter().all(|w| said.contains(w)), "{said}");
}

/// Values of the network by their path are what the best candidate has there, alone, in lists and in names of the experiment.
#[test]
fn expectations_speak_of_paths_of_the_best() {
    let folder = tempfile::tempdir().unwrap();
    let text = "bnas 1
use std.data.digits
space net {
  width in {4, 8} default 4
  repeat 2 as s { layer c = conv(channels = width * (s + 1)) -> norm -> relu }
  layer head = pool(average) -> linear(classes)
}
experiment e {
  data = digits
  space = net
  area = space.width * 10 + macs / (1 mac) * 0
  twice = 2 * space.width
  total = sum(space.s[*].channels)
  train { epochs = 0 }
  search { method = grid  trials = 2 }
  minimize twice
  expect best.space.width == 4 and best.area == 40 and best.twice == 8 and best.total == 12
  expect best.space.s[1].channels > 8
  expect all(best.space.s[*].channels > 4)
  expect best.total > 12
}
";
    let spec = util::write(folder.path(), "e.bnas", text);
    let output = util::run_spec(&spec, &folder.path().join("out"), &[]);
    util::expect_code(&output, 1);
    let said = util::stdout(&output);
    let wanted = [
        "ok      expect best.space.width == 4 and",
        "FAILED  expect best.space.s[1].channels > 8\n          best.space.s[1].channels = 8",
        "FAILED  expect all(best.space.s[*].channels > 4)\n          all(best.space.s[*].channels > 4) = false",
        "FAILED  expect best.total > 12\n          best.total = 12",
    ];
    for wanted in wanted {
        assert!(said.contains(wanted), "{wanted}: {said}");
    }
}

/// What the best candidate has not has no value, and of what is no number nothing is expected.
#[test]
fn expectations_of_what_is_not_there_fail() {
    let folder = tempfile::tempdir().unwrap();
    let text = "bnas 1
use std.data.digits
space net {
  width in {4, 8} default 4
  depth in 1..2
  repeat depth as s { layer c = conv(channels = 4, kernel = 3) -> norm -> relu }
  layer more = conv(channels = width) -> norm -> relu
  layer head = pool(average) -> linear(classes)
}
space wide : net { width = 16 }
experiment e {
  data = digits
  space in {net, wide}
  train { epochs = 0 }
  search { method = grid  trials = 8 }
  minimize params
  expect best.space.net.s[1].c.kernel == 3
  expect best.space.net.s[1].channels == 4
  expect 1 / (best.space.net.width - 4) >= 7
  expect best.space == net
  expect best.space.net.width == 4 or 1 / (best.space.net.width - 4) >= 7
}
";
    let spec = util::write(folder.path(), "e.bnas", text);
    let output = util::run_spec(&spec, &folder.path().join("out"), &[]);
    let said = util::stdout(&output);
    for wanted in [
        "FAILED  expect best.space.net.s[1].c.kernel == 3\n          best.space.net.s[1].c.kernel has no value",
        "FAILED  expect best.space.net.s[1].channels == 4\n          best.space.net.s[1].channels has no value",
        "FAILED  expect 1 / (best.space.net.width - 4) >= 7",
        "ok      expect best.space == net",
        "ok      expect best.space.net.width == 4 or",
    ] {
        assert!(said.contains(wanted), "{wanted}: {said}");
    }
}

#[test]
fn dry_run_touches_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("run");
    let spec = Path::new("examples/06-quickstart.bnas");
    util::expect_code(&util::run_spec(spec, &out, &["--dry-run"]), 0);
    assert!(!out.exists());
}

#[test]
fn results_go_to_stdout_and_the_rest_to_stderr() {
    let folder = tempfile::tempdir().unwrap();
    let spec = util::write(folder.path(), "small.bnas", SMALL);
    let out = folder.path().join("run");
    let output = util::run_spec(&spec, &out, &[]);
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
    let output = util::run_spec(&spec, &out, &[]);
    util::expect_code(&output, 4);
}

#[test]
fn a_search_without_any_candidate_ends() {
    let folder = tempfile::tempdir().unwrap();
    for method in ["bayes", "random", "grid"] {
        // Known before training, and nothing that counting or bounds speak of, of too many candidates to try each.
        let text = SMALL
            .replace("width in {4, 6, 8, 12}", "width in 1..5000")
            .replace("model_size <= 8 KiB", "max(energy, energy) <= 1 fJ")
            .replace(
                "method = bayes  trials = 8  initial = 4",
                &format!("method = {method}  trials = 3"),
            );
        let spec = util::write(folder.path(), "none.bnas", &text);
        let out = folder.path().join(method);
        let output = util::run_spec(&spec, &out, &[]);
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
    let output = util::run_spec(&spec, &out, &[]);
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
    let output = util::run_spec(&spec, &out, &[]);
    util::expect_code(&output, 3);
    assert!(
        util::stderr(&output).contains("file"),
        "{}",
        util::stderr(&output)
    );
}
