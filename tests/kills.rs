use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use walkdir::WalkDir;

use crate::util::{self, SMALL, read, run_small};

#[test]
fn a_killed_run_resumes_to_the_same_bytes() {
    survives_kills(SMALL, &["result.json", "trials.csv"]);
}

/// Each candidate is trained with two seeds: both are kept, and what is known of the candidate is their mean.
#[test]
fn repeats_survive_kills_and_are_averaged() {
    let text = SMALL.replace("seed   = 3", "seed   = 3  repeats = 2");
    let text = text.replace("trials = 8", "trials = 5");
    let whole = survives_kills(&text, &["result.json", "trials.csv"]);
    let result: serde_json::Value = serde_json::from_str(&whole).unwrap();
    for trial in result["trials"].as_array().unwrap() {
        let repeats = trial["repeats"].as_array().unwrap();
        let of = |i: usize| repeats[i]["accuracy"].as_f64().unwrap();
        let mean = trial["metrics"]["accuracy"].as_f64().unwrap();
        assert_eq!(repeats.len(), 2);
        assert!((mean - (of(0) + of(1)) / 2.0).abs() < 1e-12);
        // Two values: the quantile of Student's t times half their distance.
        let half_width = trial["accuracy_half_width"].as_f64().unwrap();
        let wanted = 12.706_204_736 * (of(0) - of(1)).abs() / 2.0;
        assert!((half_width - wanted).abs() < 1e-6 * wanted, "{half_width}");
    }
    let differ = |t: &serde_json::Value| t["repeats"][0]["accuracy"] != t["repeats"][1]["accuracy"];
    assert!(result["trials"].as_array().unwrap().iter().any(differ));
    let best = result["best"].as_u64().unwrap() as usize;
    assert!(result["trials"][best]["test_half_width"].is_number());
}

/// Each arm is a search of its own in a folder of its own; one reference point measures all hypervolumes.
#[test]
fn arms_survive_kills_and_compare() {
    let text = SMALL.replace(
        "seed   = 3",
        "seed   = 3  arms { finetune.epochs in {0, 1} search.method in {random, bayes} }",
    );
    let text = text.replace("trials = 8", "trials = 4");
    let folders = [
        "0-finetune.epochs=0-search.method=random",
        "1-finetune.epochs=0-search.method=bayes",
        "2-finetune.epochs=1-search.method=random",
        "3-finetune.epochs=1-search.method=bayes",
    ];
    let results = folders.map(|f| format!("arms/{f}/result.json"));
    let mut files = vec!["result.json"];
    files.extend(results.iter().map(String::as_str));
    let whole = survives_kills(&text, &files);
    let result: serde_json::Value = serde_json::from_str(&whole).unwrap();
    let arms = result["arms"].as_array().unwrap();
    assert_eq!(arms.len(), 4);
    for (arm, folder) in arms.iter().zip(folders) {
        assert_eq!(arm["folder"], format!("arms/{folder}"));
        assert_eq!(arm["trials"], 4);
        assert!(arm["hypervolume"].as_f64().unwrap() >= 0.0);
    }
    assert_eq!(arms[1]["settings"]["finetune.epochs"], "0");
    assert_eq!(arms[1]["settings"]["search.method"], "bayes");
    assert_eq!(result["hypervolume_reference"].as_array().unwrap().len(), 2);
}

/// Networks of the Pareto set are trained again, longer and with numbers of their own; only these are tested.
#[test]
fn final_training_survives_kills() {
    let text = SMALL.replace(
        "seed   = 3",
        "seed   = 3  final { on = pareto  epochs = 4 }",
    );
    let text = text.replace("trials = 8", "trials = 5");
    let whole = survives_kills(&text, &["result.json", "trials.csv"]);
    let result: serde_json::Value = serde_json::from_str(&whole).unwrap();
    let pareto = result["pareto"].as_array().unwrap();
    assert_eq!(result["tests"].as_object().unwrap().len(), pareto.len());
    for trial in result["trials"].as_array().unwrap() {
        let again = &trial["final"];
        assert_eq!(again.is_object(), pareto.contains(&trial["number"]));
        if again.is_object() {
            assert_ne!(again["accuracy"], trial["metrics"]["accuracy"]);
            let name = format!("models/final-{}.safetensors", trial["number"]);
            assert_eq!(again["models"][0], name.as_str());
        }
    }
}

/// Trials that have ended, by the journals of a run and of its arms.
fn ended(out: &Path) -> usize {
    let files = WalkDir::new(out).into_iter().flatten();
    let journals = files.filter(|entry| entry.path().extension().is_some_and(|x| x == "jsonl"));
    let texts = journals.filter_map(|entry| std::fs::read(entry.path()).ok());
    texts
        .map(|text| text.iter().filter(|byte| **byte == b'\n').count())
        .sum()
}

/// Runs a spec whole, and again with kills while its journal grows: these files must be the same. Gives the result.
pub fn survives_kills(text: &str, files: &[&str]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let spec = util::write(folder.path(), "small.bnas", text);
    let whole = folder.path().join("whole");
    util::expect_code(&util::run_spec(&spec, &whole, &[]), 0);
    let out = folder.path().join("killed");
    let args = [
        "run",
        spec.to_str().unwrap(),
        "--jobs",
        "2",
        "--out",
        out.to_str().unwrap(),
    ];
    // Each kill waits for further trials to end. The last may find a run that has ended by itself.
    let all = ended(&whole);
    let further = (all / 5).max(1);
    let mut kills_between_trials = 0;
    for i in 0..5 {
        let mut command = util::bnas();
        command
            .args(args)
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        if i > 0 {
            command.arg("--resume");
        }
        let before = ended(&out);
        let child = command.spawn().unwrap();
        let was_running = kill_when(child, || ended(&out) >= before + further);
        let some_are_left = (1..all).contains(&ended(&out));
        kills_between_trials += usize::from(was_running && some_are_left);
    }
    assert!(
        kills_between_trials >= 2,
        "of five kills, {kills_between_trials} came when some of {all} trials had ended and others had not"
    );
    let mut last = args.to_vec();
    last.push("--resume");
    util::expect_code(&util::run(&last), 0);
    for file in files {
        assert_eq!(read(&whole, file), read(&out, file), "{file}");
    }
    read(&whole, "result.json")
}

/// Three stages with a teacher, an average and early stopping, long enough to be killed in.
fn long() -> String {
    let text = SMALL.replace(
        "  train    { epochs = 2  batch = 64 }\n  finetune { epochs = 1 }\n",
        "  stage float { quantize = none         epochs = 30  average = 0.9  optimizer = sgd(lr = 0.05) }\n  \
           stage acts  { quantize = activations  epochs = 30  optimizer = adamw(lr = 1e-3) }\n  \
           stage both  { quantize = all          epochs = 30  patience = 29  teacher = float  loss = task + distill(kl) }\n",
    );
    let text = text.replace("= digits\n", "= digits { augment = {shift(1), flip} }\n");
    text.replace("trials = 8  initial = 4", "trials = 2  initial = 2")
}

/// Kills a child as soon as it is time, and says whether it was killed; one that has ended before must have ended well.
fn kill_when(mut child: std::process::Child, mut is_time: impl FnMut() -> bool) -> bool {
    while !is_time() && child.try_wait().unwrap().is_none() {
        std::thread::sleep(Duration::from_millis(1));
    }
    let _ = child.kill();
    let status = child.wait().unwrap();
    assert!(status.success() || status.code().is_none(), "{status}");
    status.code().is_none()
}

/// Waits for a file that a child writes, kills the child once the file has been there `times` times anew, and says whether it came to that.
fn kill_at(child: std::process::Child, file: &Path, times: usize) -> bool {
    let (mut seen, mut last) = (0, None);
    kill_when(child, || {
        let stamp = std::fs::metadata(file).and_then(|m| m.modified()).ok();
        if stamp.is_some() && stamp != last {
            last = stamp;
            seen += 1;
        }
        seen == times
    })
}

/// In the middle of a trial nothing is lost but the epoch that was running.
#[test]
fn a_run_killed_in_a_trial_goes_on_in_that_trial() {
    let folder = tempfile::tempdir().unwrap();
    let spec = util::write(folder.path(), "long.bnas", &long());
    let [whole, out] = ["whole", "killed"].map(|name| folder.path().join(name));
    let command = |out: &Path, extra: &[&str]| {
        let mut command = util::bnas();
        command.arg("run").arg(&spec).args(["--jobs", "1", "--out"]);
        command.arg(out).args(extra).stdout(Stdio::null());
        command
    };
    util::expect_code(&command(&whole, &[]).output().unwrap(), 0);
    assert!(!whole.join("checkpoints").exists());
    let checkpoint = out.join("checkpoints/0.safetensors");
    // In the first stage, then later: in the third, as a rule.
    for (times, extra) in [
        (2, &["--checkpoint", "0"][..]),
        (65, &["--checkpoint", "0", "--resume"]),
    ] {
        let mut command = command(&out, extra);
        let child = command.stderr(Stdio::null()).spawn().unwrap();
        assert!(kill_at(child, &checkpoint, times), "ended before its kill");
    }
    // A damaged checkpoint would begin anew; this one goes on.
    let output = command(&out, &["--resume"]).output().unwrap();
    util::expect_code(&output, 0);
    let said = util::stderr(&output);
    assert!(said.contains("trial 0: goes on after epoch"), "{said}");
    for file in ["result.json", "trials.csv"] {
        assert_eq!(read(&whole, file), read(&out, file), "{file}");
    }
    for file in ["models/0.safetensors", "models/1.safetensors"] {
        let bytes = |folder: &Path| std::fs::read(folder.join(file)).unwrap();
        assert!(bytes(&whole) == bytes(&out), "{file}");
    }
    assert!(!out.join("checkpoints").exists());
}

#[test]
fn a_training_that_was_killed_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let spec = util::write(folder.path(), "long.bnas", &long());
    let [whole, out] = ["whole", "killed"].map(|name| folder.path().join(name));
    let command = |out: &Path, extra: &[&str]| {
        let mut command = util::bnas();
        command.arg("train").arg(&spec).arg("--out").arg(out);
        command.args(extra).stdout(Stdio::null());
        command
    };
    util::expect_code(&command(&whole, &[]).output().unwrap(), 0);
    let checkpoint = folder.path().join("killed.checkpoint");
    let mut first = command(&out, &["--checkpoint", "0"]);
    let child = first.stderr(Stdio::null()).spawn().unwrap();
    assert!(kill_at(child, &checkpoint, 40), "ended before its kill");
    // Nothing is overwritten by accident.
    let output = command(&out, &[]).output().unwrap();
    util::expect_code(&output, 3);
    assert!(util::stderr(&output).contains("--resume"));
    // A checkpoint of something else is said to be one, and is no start.
    let other = command(&out, &["--resume", "--epochs", "1"])
        .output()
        .unwrap();
    util::expect_code(&other, 0);
    assert!(util::stderr(&other).contains("of another training"));
    let mut first = command(&out, &["--checkpoint", "0"]);
    let child = first.stderr(Stdio::null()).spawn().unwrap();
    assert!(kill_at(child, &checkpoint, 40), "ended before its kill");
    let output = command(&out, &["--resume"]).output().unwrap();
    util::expect_code(&output, 0);
    assert!(util::stderr(&output).contains("goes on after epoch"));
    let bytes = |path: &Path| std::fs::read(path).unwrap();
    assert!(bytes(&whole) == bytes(&out));
    assert!(!checkpoint.exists());
}

/// What a spec imports is a part of it.
#[test]
fn a_checkpoint_of_other_data_is_no_start() {
    let folder = tempfile::tempdir().unwrap();
    let data = |train: usize| {
        let text = format!(
            "bnas 1\nuse std.data.digits\ndataset own : digits {{ splits {{ train = {train}  validation = 200  test = 200 }} }}\n"
        );
        util::write(folder.path(), "own.bnas", &text);
    };
    let text = long().replace("use std.data.digits\n", "use \"own.bnas\".{own}\n");
    let text = text.replace("= digits {", "= own {");
    let spec = util::write(folder.path(), "long.bnas", &text);
    let out = folder.path().join("network");
    let command = |extra: &[&str]| {
        let mut command = util::bnas();
        command.arg("train").arg(&spec).arg("--out").arg(&out);
        command.args(extra).stdout(Stdio::null());
        command
    };
    data(600);
    let mut first = command(&["--checkpoint", "0"]);
    let child = first.stderr(Stdio::null()).spawn().unwrap();
    let checkpoint = folder.path().join("network.checkpoint");
    assert!(kill_at(child, &checkpoint, 10), "ended before its kill");
    data(640);
    let output = command(&["--resume"]).output().unwrap();
    util::expect_code(&output, 0);
    let said = util::stderr(&output);
    assert!(said.contains("of another training"), "{said}");
}

#[test]
fn a_damaged_journal_is_survived() {
    let folder = tempfile::tempdir().unwrap();
    let whole = run_small(folder.path(), "whole", &[]);
    let damaged = run_small(folder.path(), "damaged", &[]);
    let spec = folder.path().join("small.bnas");
    let journal = std::fs::read_dir(damaged.join("journal"))
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    let text = std::fs::read_to_string(&journal).unwrap();
    let mut lines: Vec<String> = text.lines().map(String::from).collect();
    let middle = lines.len() / 2;
    lines[middle] = lines[middle].replace("trial", "trail");
    let last = lines.pop().unwrap();
    let torn = &last[..last.len() / 2];
    std::fs::write(&journal, lines.join("\n") + "\n" + torn).unwrap();
    std::fs::remove_file(damaged.join("result.json")).unwrap();

    let output = util::run_spec(&spec, &damaged, &["--resume"]);
    util::expect_code(&output, 0);
    assert!(
        util::stderr(&output).contains("journal"),
        "nothing said of the damage: {}",
        util::stderr(&output)
    );
    assert_eq!(read(&whole, "result.json"), read(&damaged, "result.json"));
}

#[test]
fn resuming_another_spec_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let out = run_small(folder.path(), "run", &[]);
    let other = util::write(
        folder.path(),
        "other.bnas",
        &SMALL.replace("seed   = 3", "seed   = 4"),
    );
    let output = util::run_spec(&other, &out, &["--resume"]);
    util::expect_code(&output, 3);
    let again = util::run_spec(&other, &out, &[]);
    util::expect_code(&again, 3);
    assert!(
        util::stderr(&again).contains("--resume"),
        "{}",
        util::stderr(&again)
    );
}

/// What a run left is put right when it is resumed: networks off the Pareto set, too, and the text of the spec.
#[test]
fn networks_that_were_lost_are_trained_again() {
    let folder = tempfile::tempdir().unwrap();
    let out = run_small(folder.path(), "run", &[]);
    let mut models: Vec<_> = std::fs::read_dir(out.join("models"))
        .unwrap()
        .map(|model| model.unwrap().path())
        .collect();
    models.sort();
    let bytes = |all: &[std::path::PathBuf]| -> Vec<Vec<u8>> {
        all.iter()
            .map(|path| std::fs::read(path).unwrap())
            .collect()
    };
    let before = bytes(&models);
    std::fs::remove_file(&models[0]).unwrap();
    std::fs::write(&models[models.len() - 1], b"damaged").unwrap();
    let kept = out.join("spec.bnas");
    let text = std::fs::read(&kept).unwrap();
    std::fs::write(&kept, b"bnas 1").unwrap();
    let spec = folder.path().join("small.bnas");
    let output = util::run_spec(&spec, &out, &["--resume"]);
    util::expect_code(&output, 0);
    let said = util::stderr(&output);
    assert_eq!(said.matches("is missing or damaged").count(), 2, "{said}");
    assert!(bytes(&models) == before);
    assert_eq!(std::fs::read(&kept).unwrap(), text);
}
