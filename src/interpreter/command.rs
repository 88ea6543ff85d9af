//! A program that measures a candidate: one line of JSON in, one line of JSON out.
//!
//! In: what is run, and the candidate. Out: its metrics, or why there are none. Knows nothing of trials.
//!
//! The program runs in a process group of its own, so that nothing of it outlives the time limit, or the run.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{Read, Write};
use std::process::{ChildStdin, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use process_wrap::std::{ChildWrapper, CommandWrap};
use serde_json::Value as Json;

use crate::ir::Command;

/// How often a running program is looked at.
const PERIOD: Duration = Duration::from_millis(10);

/// Lines of its messages that a reason shows.
const SHOWN: usize = 5;

/// Why there are no metrics.
#[derive(Debug, PartialEq)]
pub(super) enum CommandError {
    /// Somebody asked to stop.
    Stopped,
    /// It has failed, for this reason.
    Failed(String),
}

/// Runs a command for a candidate. The last line that it prints is an object with a finite number for each of its metrics; what it prints
/// above is its own affair, and so are further keys. The end of its messages becomes part of the reason if it fails.
pub(super) fn run(
    command: &Command,
    candidate: &Json,
    stop: &AtomicBool,
) -> Result<BTreeMap<String, f64>, CommandError> {
    let name = &command.line;
    let mut child = start(command)
        .map_err(|e| CommandError::Failed(format!("`{name}` cannot be started: {e}")))?;
    let input = feed(child.stdin().take(), format!("{candidate}\n"));
    let printed = gather(child.stdout().take());
    let messages = gather(child.stderr().take());
    let ended = wait(child.as_mut(), command.timeout, stop);
    // What the program has left behind would hold its pipes open.
    let _ = child.start_kill();
    let _ = child.wait();
    let _ = input.join();
    let printed = printed.join().unwrap_or_default();
    let messages = messages.join().unwrap_or_default();
    let failed = |reason: String| CommandError::Failed(reason + &tail(&messages));
    match ended {
        Ended::Stopped => Err(CommandError::Stopped),
        Ended::Late(limit) => Err(failed(format!("`{name}` ran longer than {limit} s"))),
        Ended::Lost(error) => Err(failed(format!("`{name}` was lost: {error}"))),
        Ended::With(status) if !status.success() => {
            Err(failed(format!("`{name}` failed: {status}")))
        }
        Ended::With(_) => metrics(command, &printed).map_err(failed),
    }
}

fn start(command: &Command) -> std::io::Result<Box<dyn ChildWrapper>> {
    #[cfg(windows)]
    let (shell, flag) = ("cmd", "/C");
    #[cfg(not(windows))]
    let (shell, flag) = ("sh", "-c");
    let mut wrapped = CommandWrap::with_new(shell, |shell| {
        shell.arg(flag).arg(&command.line);
        shell.stdin(Stdio::piped());
        shell.stdout(Stdio::piped());
        shell.stderr(Stdio::piped());
        if !command.folder.is_empty() {
            shell.current_dir(&command.folder);
        }
    });
    #[cfg(unix)]
    wrapped.wrap(process_wrap::std::ProcessGroup::leader());
    wrapped.spawn()
}

/// Writes the candidate beside the program, which may print before it reads. One that reads nothing is fine.
fn feed(pipe: Option<ChildStdin>, line: String) -> thread::JoinHandle<()> {
    thread::spawn(move || {
        if let Some(mut pipe) = pipe {
            let _ = pipe.write_all(line.as_bytes());
        }
    })
}

/// Everything that comes out of a pipe.
fn gather(pipe: Option<impl Read + Send + 'static>) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut pipe) = pipe {
            let _ = pipe.read_to_end(&mut bytes);
        }
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

enum Ended {
    With(ExitStatus),
    Late(f64),
    Stopped,
    Lost(std::io::Error),
}

fn wait(child: &mut dyn ChildWrapper, limit: Option<f64>, stop: &AtomicBool) -> Ended {
    let start = Instant::now();
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Ended::With(status),
            Ok(None) => {}
            Err(error) => return Ended::Lost(error),
        }
        if stop.load(Ordering::Relaxed) {
            return Ended::Stopped;
        }
        if let Some(limit) = limit.filter(|limit| start.elapsed().as_secs_f64() > *limit) {
            return Ended::Late(limit);
        }
        thread::sleep(PERIOD);
    }
}

/// The metrics in the last line that is not blank.
fn metrics(command: &Command, printed: &str) -> Result<BTreeMap<String, f64>, String> {
    let name = &command.line;
    let Some(line) = printed.lines().rev().find(|line| !line.trim().is_empty()) else {
        return Err(format!("`{name}` printed nothing"));
    };
    let shown: String = line.chars().take(80).collect();
    let Ok(Json::Object(object)) = serde_json::from_str(line) else {
        return Err(format!("`{name}` ended with no JSON object: {shown}"));
    };
    let metric = |metric: &String| match object.get(metric).map(Json::as_f64) {
        Some(Some(value)) if value.is_finite() => Ok((metric.clone(), value)),
        Some(_) => Err(format!("`{name}` printed no number as `{metric}`: {shown}")),
        None => Err(format!("`{name}` printed no `{metric}`: {shown}")),
    };
    command.metrics.iter().map(metric).collect()
}

/// The last lines of what it said on standard error.
fn tail(messages: &str) -> String {
    let lines: Vec<&str> = messages.lines().filter(|l| !l.trim().is_empty()).collect();
    let shown = &lines[lines.len().saturating_sub(SHOWN)..];
    let mut out = String::new();
    for line in shown {
        let _ = write!(out, "; {}", line.trim());
    }
    out
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use serde_json::json;

    fn command(line: &str) -> Command {
        Command {
            line: line.into(),
            folder: String::new(),
            metrics: vec!["acc".into()],
            timeout: None,
        }
    }

    fn failure(line: &str) -> String {
        match run(&command(line), &json!({}), &AtomicBool::new(false)) {
            Err(CommandError::Failed(reason)) => reason,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_last_line_counts_and_the_candidate_is_read() {
        let echo = command("echo epoch 1; read line; echo \"$line\"");
        let found = run(
            &echo,
            &json!({"acc": 0.25, "more": 1}),
            &AtomicBool::new(false),
        );
        assert_eq!(found.unwrap(), BTreeMap::from([("acc".into(), 0.25)]));
    }

    #[test]
    fn a_program_may_print_much_and_read_nothing() {
        let long = json!({ "text": "x".repeat(200_000) });
        let loud = command("seq 100000; echo '{\"acc\": 1}'");
        assert_eq!(
            run(&loud, &long, &AtomicBool::new(false)).unwrap()["acc"],
            1.0
        );
    }

    #[test]
    fn reasons_say_what_was_wrong() {
        assert_eq!(failure("true"), "`true` printed nothing");
        assert!(failure("echo done").contains("no JSON object: done"));
        assert!(failure("echo '{\"top1\": 1}'").contains("no `acc`"));
        assert!(failure("echo '{\"acc\": null}'").contains("no number as `acc`"));
        let failed = failure("echo out of memory >&2; exit 3");
        assert!(
            failed.contains("exit status: 3") && failed.ends_with("; out of memory"),
            "{failed}"
        );
        let nowhere = Command {
            folder: "/no/such/folder".into(),
            ..command("true")
        };
        let failed = run(&nowhere, &json!({}), &AtomicBool::new(false)).unwrap_err();
        assert!(matches!(failed, CommandError::Failed(r) if r.contains("cannot be started")));
    }

    #[test]
    fn nothing_outlives_the_limit_or_a_stop() {
        // The grandchild holds the pipes: without a group of its own, this would wait for it.
        let mut late = command("sleep 1000 & sleep 1000");
        late.timeout = Some(0.05);
        let found = run(&late, &json!({}), &AtomicBool::new(false)).unwrap_err();
        assert!(matches!(found, CommandError::Failed(r) if r.contains("longer than 0.05 s")));
        let found = run(&command("sleep 1000"), &json!({}), &AtomicBool::new(true));
        assert_eq!(found, Err(CommandError::Stopped));
        let left = command("sleep 1000 & echo '{\"acc\": 1}'");
        assert_eq!(
            run(&left, &json!({}), &AtomicBool::new(false)).unwrap()["acc"],
            1.0
        );
    }
}
