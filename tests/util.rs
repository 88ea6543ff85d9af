use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The binary under test.
pub fn bnas() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bnas"));
    command.env("NO_COLOR", "1").env_remove("BNAS_DATA");
    command
}

/// Runs `bnas` in the root of the project.
pub fn run(args: &[&str]) -> Output {
    bnas().args(args).output().unwrap()
}

/// Runs a spec into a folder, with more arguments perhaps.
pub fn run_spec(spec: &Path, out: &Path, more: &[&str]) -> Output {
    let mut command = bnas();
    command.arg("run").arg(spec).arg("--out").arg(out);
    command.args(more).output().unwrap()
}

/// Standard output as text.
pub fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// Standard error as text.
pub fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// The exit code; a test that was killed fails here.
pub fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

/// Asserts an exit code, and shows both streams otherwise.
#[track_caller]
pub fn expect_code(output: &Output, wanted: i32) {
    assert_eq!(
        code(output),
        wanted,
        "stdout:\n{}\nstderr:\n{}",
        stdout(output),
        stderr(output)
    );
}

/// Whether a run went to its end and fell short of an `expect` line alone: a spec with errors ends with 1, too.
pub fn only_expectations_failed(output: &Output) -> bool {
    code(output) == 1 && stdout(output).contains("\nFAILED  expect ")
}

/// Writes a spec into a folder and gives its path.
pub fn write(folder: &Path, name: &str, text: &str) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, text).unwrap();
    path
}

/// A search that takes about a second: few epochs, few trials, every stage there.
pub const SMALL: &str = r#"bnas 1

use std.data.digits
use std.policies.tied
use std.targets.braintta

space tiny {
  width in {4, 6, 8, 12}
  layer stem = conv(channels = width, stride = 2) -> norm -> relu
  layer body = conv(channels = 2 * width, stride = 2) -> norm -> relu
  layer head = pool(average) -> linear(classes)
}

experiment small {
  seed   = 3
  data   = digits
  space  = tiny
  policy = tied
  target = braintta

  train    { epochs = 2  batch = 64 }
  finetune { epochs = 1 }
  search   { method = bayes  trials = 8  initial = 4 }

  maximize accuracy
  minimize energy
  require  model_size <= 8 KiB, "fits the parameter memory"
}
"#;

/// The text of a file of a folder.
pub fn read(folder: &Path, name: &str) -> String {
    std::fs::read_to_string(folder.join(name)).unwrap()
}

/// The folder of a run of [`SMALL`] below a folder.
pub fn run_small(folder: &Path, name: &str, extra: &[&str]) -> std::path::PathBuf {
    let spec = write(folder, "small.bnas", SMALL);
    let out = folder.join(name);
    expect_code(&run_spec(&spec, &out, extra), 0);
    out
}
