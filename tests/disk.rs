use std::path::Path;
use std::process::{Command, Output};

use crate::util::{self, SMALL};

/// Runs `bnas` where no file may become larger than so many bytes: writing fails as on a full disk.
fn limited(bytes: usize, args: &[&str]) -> Output {
    // POSIX counts in blocks of 512 bytes.
    let script = format!("ulimit -f {}; exec \"$0\" \"$@\"", bytes / 512);
    Command::new("sh")
        .args(["-c", &script, env!("CARGO_BIN_EXE_bnas")])
        .args(args)
        .env("NO_COLOR", "1")
        .output()
        .unwrap()
}

/// A run that could not write `file` says so, leaves no part of it, and ends like one that could once there is room.
fn goes_on_once_there_is_room(text: &str, file: &str) {
    let folder = tempfile::tempdir().unwrap();
    let spec = util::write(folder.path(), "small.bnas", text);
    let [whole, out] = ["whole", "full"].map(|name| folder.path().join(name));
    let args = |out: &Path, extra: &[&str]| -> Vec<String> {
        let args = [
            "run",
            spec.to_str().unwrap(),
            "--out",
            out.to_str().unwrap(),
        ];
        [&args[..], extra]
            .concat()
            .iter()
            .map(|s| s.to_string())
            .collect()
    };
    let all = args(&whole, &[]);
    util::expect_code(&util::bnas().args(all).output().unwrap(), 0);

    let all = args(&out, &["--jobs", "1", "--checkpoint", "0"]);
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    let output = limited(8192, &all);
    util::expect_code(&output, 3);
    let said = util::stderr(&output);
    let path = out.join(file);
    let wanted = format!("error: cannot write `{}`: ", path.display());
    assert!(said.contains(&wanted), "{said}");
    assert!(!path.exists());
    let unfinished = format!("{}.tmp", path.display());
    assert!(!Path::new(&unfinished).exists());
    // A checkpoint that finds no room costs nothing but itself.
    assert!(
        said.contains("note: trial 0: goes on without a checkpoint"),
        "{said}"
    );
    assert!(said.contains("\ntrial 0: accuracy "), "{said}");

    let all = args(&out, &["--resume"]);
    util::expect_code(&util::bnas().args(all).output().unwrap(), 0);
    let models = std::fs::read_dir(whole.join("models")).unwrap();
    let models: Vec<String> = models
        .map(|model| format!("models/{}", model.unwrap().file_name().to_str().unwrap()))
        .collect();
    assert!(models.len() >= 2);
    for file in ["result.json", "trials.csv"]
        .map(String::from)
        .into_iter()
        .chain(models)
    {
        let read = |out: &Path| std::fs::read(out.join(&file)).unwrap();
        assert!(read(&whole) == read(&out), "{file}");
    }
}

#[test]
fn a_model_without_room_is_trained_again() {
    // The third trial has the widest network, whose file has more than 8 KiB.
    goes_on_once_there_is_room(SMALL, "models/2.safetensors");
}

#[test]
fn a_result_without_room_is_written_again() {
    let narrow = SMALL.replace("{4, 6, 8, 12}", "{4, 6}");
    goes_on_once_there_is_room(&narrow, "result.json");
}

#[test]
fn a_training_whose_network_finds_no_room_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let spec = util::write(folder.path(), "small.bnas", SMALL);
    let out = folder.path().join("small.safetensors");
    let [spec, file] = [&spec, &out].map(|path| path.to_str().unwrap());
    let output = limited(1024, &["train", spec, "--out", file]);
    util::expect_code(&output, 3);
    let said = util::stderr(&output);
    assert!(said.contains(&format!("cannot write `{file}`")), "{said}");
    assert!(said.contains("ulimit -f unlimited"), "{said}");
    assert!(!out.exists());
}

#[test]
fn a_place_that_holds_no_network_is_said_before_training() {
    let folder = tempfile::tempdir().unwrap();
    let spec = util::write(folder.path(), "small.bnas", SMALL);
    let missing = folder.path().join("missing").join("small.safetensors");
    // A network replaces a network, and nothing else.
    let notes = util::write(folder.path(), "notes.txt", "not to be lost");
    for (out, what) in [
        (folder.path(), "is a folder"),
        (&missing, "no folder"),
        (&spec, "holds no network"),
        (&notes, "holds no network"),
        (Path::new("/dev/null"), "holds no network"),
    ] {
        let [spec, out] = [&spec, out].map(|path| path.to_str().unwrap());
        let output = util::run(&["train", spec, "--out", out]);
        util::expect_code(&output, 3);
        let said = util::stderr(&output);
        assert!(said.contains(what) && !said.contains("epoch"), "{said}");
    }
    assert_eq!(std::fs::read_to_string(&spec).unwrap(), SMALL);
}

#[test]
fn a_run_is_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let spec = util::write(folder.path(), "small.bnas", SMALL);
    let spec = spec.to_str().unwrap();
    let output = util::run(&["run", spec, "--out", spec]);
    util::expect_code(&output, 3);
    let said = util::stderr(&output);
    assert!(
        said.contains("there is a file of this name: choose a folder with `--out DIR`"),
        "{said}"
    );
    assert_eq!(std::fs::read_to_string(spec).unwrap(), SMALL);
}

#[test]
fn two_trainings_do_not_write_one_network() {
    let folder = tempfile::tempdir().unwrap();
    let spec = util::write(folder.path(), "small.bnas", SMALL);
    let out = folder.path().join("small.safetensors");
    // As another training holds it.
    let lock = folder.path().join("small.safetensors.lock");
    let other = std::fs::File::create(&lock).unwrap();
    other.lock().unwrap();
    let [spec, file] = [&spec, &out].map(|path| path.to_str().unwrap());
    let output = util::run(&["train", spec, "--out", file]);
    util::expect_code(&output, 3);
    let said = util::stderr(&output);
    assert!(said.contains("another training writes"), "{said}");
    drop(other);
    // What one leaves that was killed is no obstacle.
    util::expect_code(&util::run(&["train", spec, "--out", file]), 0);
    assert!(out.exists() && !lock.exists());
}
