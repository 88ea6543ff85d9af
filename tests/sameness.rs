use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use crate::util::{self, SMALL};

fn read(folder: &Path, name: &str) -> String {
    std::fs::read_to_string(folder.join(name)).unwrap()
}

fn run_small(folder: &Path, name: &str, extra: &[&str]) -> std::path::PathBuf {
    let spec = util::write(folder, "small.bnas", SMALL);
    let out = folder.join(name);
    let mut args = vec![
        "run",
        spec.to_str().unwrap(),
        "--out",
        out.to_str().unwrap(),
    ];
    args.extend(extra);
    util::expect_code(&util::run(&args), 0);
    out
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

#[test]
fn a_killed_run_resumes_to_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let whole = run_small(folder.path(), "whole", &["--jobs", "2"]);
    let spec = folder.path().join("small.bnas");
    let out = folder.path().join("killed");
    let args = [
        "run",
        spec.to_str().unwrap(),
        "--jobs",
        "2",
        "--out",
        out.to_str().unwrap(),
    ];
    // Five kills at times that drift through the run; a run that ends before its kill is resumed all the same.
    for (i, pause) in [120, 310, 50, 430, 220].into_iter().enumerate() {
        let mut command = util::bnas();
        command
            .args(args)
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        if i > 0 && out.exists() {
            command.arg("--resume");
        }
        let mut child = command.spawn().unwrap();
        std::thread::sleep(Duration::from_millis(pause));
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let mut last = args.to_vec();
    last.push("--resume");
    util::expect_code(&util::run(&last), 0);
    for file in ["result.json", "trials.csv"] {
        assert_eq!(read(&whole, file), read(&out, file), "{file}");
    }
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

    let output = util::run(&[
        "run",
        spec.to_str().unwrap(),
        "--out",
        damaged.to_str().unwrap(),
        "--resume",
    ]);
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
    let output = util::run(&[
        "run",
        other.to_str().unwrap(),
        "--out",
        out.to_str().unwrap(),
        "--resume",
    ]);
    util::expect_code(&output, 3);
    let again = util::run(&[
        "run",
        other.to_str().unwrap(),
        "--out",
        out.to_str().unwrap(),
    ]);
    util::expect_code(&again, 3);
    assert!(
        util::stderr(&again).contains("--resume"),
        "{}",
        util::stderr(&again)
    );
}
