use crate::kills::survives_kills;
use crate::util::{self, SMALL, read, run_small};

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
