use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use walkdir::WalkDir;

use crate::util::{self, SMALL};

fn read(folder: &Path, name: &str) -> String {
    std::fs::read_to_string(folder.join(name)).unwrap()
}

fn run_small(folder: &Path, name: &str, extra: &[&str]) -> std::path::PathBuf {
    let spec = util::write(folder, "small.bnas", SMALL);
    let out = folder.join(name);
    util::expect_code(&util::run_spec(&spec, &out, extra), 0);
    out
}

/// Choices of how images are changed and how the learning rate goes, with choices of their own.
fn recipes() -> String {
    let text = SMALL.replace(
        "= digits\n",
        "= digits { augment in {none, shift(pixels in 1..2), {shift(1), flip}} }\n",
    );
    text.replace(
        "epochs = 2  batch = 64",
        "epochs = 2  batch = 64  schedule in {cosine, step(at = 0.5, factor in {0.1, 0.3}), warmup(share in 0.1..0.3) * cosine}",
    )
}

#[test]
fn recipes_are_searched_to_the_same_bytes() {
    let files = ["result.json", "trials.csv"];
    let whole = survives_kills(&recipes(), &files);
    let folder = tempfile::tempdir().unwrap();
    let spec = util::write(folder.path(), "small.bnas", &recipes());
    let out = folder.path().join("one");
    let output = util::run_spec(&spec, &out, &["--jobs", "1"]);
    util::expect_code(&output, 0);
    assert_eq!(read(&out, "result.json"), whole);
    for path in ["data.augment", "train.schedule"] {
        assert!(whole.contains(&format!("\"{path}\"")), "{path}");
    }
}

/// Two members that differ in nothing but the augmentation, or nothing but the schedule, become two networks.
#[test]
fn what_is_chosen_is_what_is_trained() {
    let folder = tempfile::tempdir().unwrap();
    let text = SMALL
        .replace("width in {4, 6, 8, 12}", "width = 4")
        .replace("= digits\n", "= digits { augment in {none, shift(1)} }\n")
        .replace(
            "epochs = 2  batch = 64",
            "epochs = 2  schedule in {cosine, step(at = 0.5)}",
        )
        .replace("  policy = tied\n", "")
        .replace("  target = braintta\n", "")
        .replace("  finetune { epochs = 1 }\n", "")
        .replace("  minimize energy\n", "")
        .replace("method = bayes  trials = 8  initial = 4", "method = grid");
    let text = text.replace("use std.policies.tied\nuse std.targets.braintta\n", "");
    let spec = util::write(folder.path(), "grid.bnas", &text);
    let out = folder.path().join("out");
    let args = ["run", spec.to_str().unwrap(), "--out"];
    util::expect_code(&util::bnas().args(args).arg(&out).output().unwrap(), 0);
    // What stands behind the header of a stored network are its numbers.
    let numbers = |trial: usize| {
        let bytes = std::fs::read(out.join(format!("models/{trial}.safetensors"))).unwrap();
        let header = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
        bytes[8 + header..].to_vec()
    };
    let all: Vec<Vec<u8>> = (0..4).map(numbers).collect();
    for i in 0..4 {
        assert!((0..i).all(|j| all[i] != all[j]), "{i}");
    }
}

/// Each arm has its own data, its own network for them, and its own reference point.
#[test]
fn data_are_arms() {
    let few = "dataset few : embedded {
  content = digits
  shape { height = 8  width = 8 }
  classes = 10
  scale   = 16
  splits { train = 300  validation = 297  test = 500 }
}

experiment small";
    let text = SMALL
        .replace("experiment small", few)
        .replace("seed   = 3", "seed   = 3  arms { data in {digits, few} }")
        .replace("trials = 8", "trials = 4");
    let arms = [
        "arms/0-data=digits/result.json",
        "arms/1-data=few/result.json",
    ];
    let whole = survives_kills(&text, &[&["result.json"], &arms[..]].concat());
    let result: serde_json::Value = serde_json::from_str(&whole).unwrap();
    assert_eq!(result["arms"].as_array().unwrap().len(), 2);
    assert!(result["hypervolume_reference"].is_null());
    for arm in result["arms"].as_array().unwrap() {
        assert!(arm["hypervolume"].as_f64().unwrap() >= 0.0);
    }
}

#[test]
fn options_replace_nothing_that_arms_vary() {
    let folder = tempfile::tempdir().unwrap();
    let text = SMALL.replace("seed   = 3", "arms { seed in {3, 4} }");
    let spec = util::write(folder.path(), "small.bnas", &text);
    let out = folder.path().join("out");
    let args = ["run", spec.to_str().unwrap(), "--seed", "5", "--out"];
    let output = util::bnas().args(args).arg(&out).output().unwrap();
    util::expect_code(&output, 2);
    assert!(util::stderr(&output).contains("`--seed` would replace"));
    assert!(!out.exists());
}

#[test]
fn jobs_change_no_byte() {
    let folder = tempfile::tempdir().unwrap();
    let one = run_small(folder.path(), "one", &["--jobs", "1"]);
    let two = run_small(folder.path(), "two", &["--jobs", "2"]);
    for file in ["result.json", "trials.csv"] {
        assert_eq!(read(&one, file), read(&two, file), "{file}");
    }
    let other = run_small(folder.path(), "other", &["--seed", "4"]);
    assert_ne!(read(&one, "result.json"), read(&other, "result.json"));
}

/// A network that is wide enough for its steps to be worth sharing.
const WIDE: &str = "bnas 1

use std.data.digits
use std.quantizers.int

space wide {
  layer stem   = conv(channels = 16, kernel = 3) -> norm -> relu
  layer plain  = conv(channels = 24, kernel = 3) -> norm -> relu
  layer apart  = conv(channels = 24, kernel = 3, dilation = 2, groups = 2) -> norm -> relu
  layer filter = depthwise(kernel = 3, stride = 2) -> norm -> relu
  layer mix    = conv(channels = 32, kernel = 1) -> norm -> relu
  layer head   = pool(average) -> linear(classes)
}

policy few { each layer { weights = int { bits = 4 }  activations = int { bits = 8 } } }

experiment together {
  data   = digits
  space  = wide
  policy = few
  train {
    epochs    = 1
    batch     = 64
    optimizer = adam(lr = 0.01)
  }
  search { trials = 1 }
  maximize accuracy
}
";

/// Whole trainings and known costs are the same on every instruction set that this machine has; others are left out.
#[test]
fn instruction_sets_change_no_byte() {
    let folder = tempfile::tempdir().unwrap();
    let wide = util::write(folder.path(), "wide.bnas", WIDE);
    let small = util::write(folder.path(), "small.bnas", SMALL);
    let on = |set: &str, args: &[&str]| util::bnas().args(args).env("BNAS_SIMD", set).output();
    let mut found: Vec<(&str, [Vec<u8>; 3])> = Vec::new();
    for set in ["portable", "avx2", "avx512", "neon"] {
        let probe = on(set, &["list"]).unwrap();
        if util::code(&probe) != 0 {
            let said = util::stderr(&probe);
            assert!(said.contains("no instruction set"), "{said}");
            continue;
        }
        let [model, out] = ["safetensors", "run"].map(|x| folder.path().join(format!("{set}.{x}")));
        let [wide, small, file, run] =
            [&wide, &small, &model, &out].map(|path| path.to_str().unwrap());
        util::expect_code(&on(set, &["train", wide, "--out", file]).unwrap(), 0);
        util::expect_code(&on(set, &["run", small, "--out", run]).unwrap(), 0);
        let files = [
            model,
            out.join("models/2.safetensors"),
            out.join("result.json"),
        ];
        found.push((set, files.map(|path| std::fs::read(path).unwrap())));
    }
    let (first, wanted) = &found[0];
    for (set, files) in &found[1..] {
        assert!(files == wanted, "{set} gives other bytes than {first}");
    }
}

#[test]
fn threads_of_a_training_change_no_byte() {
    let folder = tempfile::tempdir().unwrap();
    let spec = util::write(folder.path(), "wide.bnas", WIDE);
    let train = |threads: &str| {
        let out = folder.path().join(format!("{threads}.safetensors"));
        let [spec, file] = [&spec, &out].map(|p| p.to_str().unwrap());
        util::expect_code(
            &util::run(&["train", spec, "--threads", threads, "--out", file]),
            0,
        );
        std::fs::read(out).unwrap()
    };
    let alone = train("1");
    assert!(train("2") == alone);
    assert!(train("3") == alone);
    util::expect_code(
        &util::run(&["train", spec.to_str().unwrap(), "--threads", "0"]),
        2,
    );
}

/// A trial of a run that is trained by itself is that trial.
#[test]
fn a_picked_trial_trains_to_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let run = run_small(folder.path(), "run", &["--seed", "5"]);
    let spec = folder.path().join("small.bnas");
    let out = folder.path().join("one.safetensors");
    let train = |trial: &str| {
        let [spec, run, out] = [&spec, &run, &out].map(|p| p.to_str().unwrap());
        util::run(&["train", spec, "--pick", trial, "--run", run, "--out", out])
    };
    util::expect_code(&train("1"), 0);
    let stored = run.join("models").join("1.safetensors");
    assert!(std::fs::read(&out).unwrap() == std::fs::read(stored).unwrap());
    util::expect_code(&train("100"), 3);
    std::fs::write(&spec, SMALL.replace("seed   = 3", "seed   = 4")).unwrap();
    util::expect_code(&train("1"), 3);
}

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

/// Candidates without a row are never tried; goals and `expect` speak of the other columns, whatever metrics of networks are called.
#[test]
fn a_table_is_searched() {
    let folder = tempfile::tempdir().unwrap();
    let table = "edge,width,val_acc,latency\n0,8,0.5,0.25\n0,16,0.75,0.5\n1,8,0.6,0.25\n";
    util::write(folder.path(), "table.csv", table);
    let spec = util::write(
        folder.path(),
        "t.bnas",
        "bnas 1\nexperiment t {\n  evaluate = table(\"table.csv\")\n  edge in categories {0, 1}\n  width in {8, 16}\n  maximize val_acc\n  \
         minimize latency\n  require latency <= 1\n  expect best.val_acc >= 0.7 and pareto.count == 2\n  search { method = grid }\n}\n",
    );
    let out = folder.path().join("out");
    util::expect_code(&util::run_spec(&spec, &out, &[]), 0);
    let result: serde_json::Value = serde_json::from_str(&read(&out, "result.json")).unwrap();
    let trials = result["trials"].as_array().unwrap();
    assert_eq!(trials.len(), 3, "one combination has no row");
    let best = result["best"].as_u64().unwrap() as usize;
    assert_eq!(trials[best]["metrics"]["val_acc"], 0.75);
    // A run of another table is another run.
    util::write(folder.path(), "table.csv", &table.replace("0.75", "0.8"));
    let output = util::run_spec(&spec, &out, &["--resume"]);
    util::expect_code(&output, 3);
    assert!(util::stderr(&output).contains("table.csv"));
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
fn survives_kills(text: &str, files: &[&str]) -> String {
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
