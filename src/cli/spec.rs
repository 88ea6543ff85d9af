//! From a path to checked experiments.

use std::collections::BTreeSet;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::string::FromUtf8Error;

use serde_json::{Value as Json, json};
use walkdir::WalkDir;

use super::Failed;
use super::terminal::{Format, Terminal};
use crate::analysis::{self, FileLoader};
use crate::diagnostic::{Diagnostic, render};
use crate::ir::{Experiment, Program};
use crate::source::{Sources, Span};

/// A file that was read and checked.
pub struct Spec {
    /// The path as the user gave it.
    pub path: PathBuf,
    /// Its text and every text that it imports; the file itself is the first.
    pub sources: Sources,
    /// What is wrong with it.
    pub diagnostics: Vec<Diagnostic>,
    /// What it says; absent if there are errors.
    pub program: Option<Program>,
    /// Experiments that nothing is wrong with in a file that has errors elsewhere.
    pub sound: Vec<Experiment>,
}

impl Spec {
    /// Reads and checks a file, or standard input where the path is `-`; what that imports is relative to the working directory. Errors in
    /// it are in `diagnostics`; only a file that cannot be read fails.
    pub fn read(path: &Path) -> Result<Spec, Failed> {
        Ok(Spec::of(path, shown(path), read_any(path)?))
    }

    fn of(path: &Path, name: String, bytes: Vec<u8>) -> Spec {
        let mut sources = Sources::default();
        let text = match String::from_utf8(bytes) {
            Ok(text) => text,
            Err(e) => return Spec::not_utf8(path, name, &e),
        };
        let main = sources.add(name, text);
        let checked = analysis::check(&mut sources, main, &FileLoader);
        Spec {
            path: path.to_path_buf(),
            sources,
            diagnostics: checked.diagnostics,
            program: checked.program,
            sound: checked.sound,
        }
    }

    /// A file that is no text: shown with a mark in place of what is not UTF-8.
    pub(super) fn not_utf8(path: &Path, name: String, error: &FromUtf8Error) -> Spec {
        let at = error.utf8_error().valid_up_to();
        let mut sources = Sources::default();
        let main = sources.add(name, String::from_utf8_lossy(error.as_bytes()));
        let mark = char::REPLACEMENT_CHARACTER.len_utf8();
        let message = format!("the file is not UTF-8: byte {at} begins no character");
        let problem = Diagnostic::error("bnas::file::not_utf8", message)
            .label(Span::new(main, at, at + mark), "this byte")
            .help("save the file in the encoding UTF-8");
        Spec {
            path: path.to_path_buf(),
            sources,
            diagnostics: vec![problem],
            program: None,
            sound: Vec::new(),
        }
    }

    /// The text of the file.
    pub fn text(&self) -> &str {
        self.sources.iter().next().map_or("", |s| s.text.as_str())
    }

    /// Names and texts of everything that it imports.
    pub fn imports(&self) -> impl Iterator<Item = (&str, &str)> {
        let imports = self.sources.iter().skip(1);
        imports.map(|s| (s.name.as_str(), s.text.as_str()))
    }

    /// Draws diagnostics on standard error; where it shall be quiet, errors only.
    pub fn show(&self, diagnostics: &[Diagnostic], terminal: &Terminal) {
        let shown = diagnostics
            .iter()
            .filter(|d| d.is_error() || !terminal.quiet);
        let shown: Vec<Diagnostic> = shown.cloned().collect();
        if !shown.is_empty() {
            terminal.raw(&render(&shown, &self.sources, terminal.color_errors));
            terminal.say(&more(&shown));
        }
    }

    /// Draws what a space unrolled is warned of, but for what the text was warned of already.
    pub fn warn(&self, found: &[Diagnostic], terminal: &Terminal) {
        let new = found.iter().filter(|d| !self.diagnostics.contains(d));
        let new: Vec<Diagnostic> = new.cloned().collect();
        self.show(&new, terminal);
    }

    /// The experiments, after warnings and errors have been shown; fails if there is an error.
    pub fn experiments(&self, terminal: &Terminal) -> Result<&[Experiment], Failed> {
        let Some(program) = &self.program else {
            return Err(self.refused(&self.diagnostics, terminal));
        };
        self.show(&self.diagnostics, terminal);
        Ok(&program.experiments)
    }

    /// Says why nothing is done with a spec: for programs in the form of `check`.
    pub fn refused(&self, found: &[Diagnostic], terminal: &Terminal) -> Failed {
        if terminal.format == Format::Human {
            self.show(found, terminal);
            return Failed::spec();
        }
        let found: Vec<Json> = { found.iter() }
            .map(|d| diagnostic(d, &self.sources))
            .collect();
        let file = json!({"file": shown(&self.path), "diagnostics": found});
        let document = json!({"schema": 1, "files": [file]});
        match terminal.print(&format!("{document:#}\n")) {
            Ok(()) => Failed::spec(),
            Err(failed) => failed,
        }
    }

    /// The experiment of this name, or the only one.
    pub fn experiment(
        &self,
        name: Option<&str>,
        terminal: &Terminal,
    ) -> Result<&Experiment, Failed> {
        let all = self.experiments(terminal)?;
        let path = shown(&self.path);
        let names = || {
            let names: Vec<String> = all.iter().map(|e| format!("`{}`", e.name)).collect();
            names.join(", ")
        };
        match (all, name) {
            ([], _) => Err(Failed::usage(format!(
                "`{path}` declares no experiment\n  add `experiment NAME {{ … }}`, or give a file that has one"
            ))),
            (_, Some(name)) => all.iter().find(|e| e.name == name).ok_or_else(|| {
                Failed::usage(format!(
                    "`{path}` has no experiment `{name}`; it has {}",
                    names()
                ))
            }),
            ([only], None) => Ok(only),
            _ => Err(Failed::usage(format!(
                "`{path}` has several experiments: choose with `--experiment` one of {}",
                names()
            ))),
        }
    }
}

/// A diagnostic for programs.
pub fn diagnostic(diagnostic: &Diagnostic, sources: &Sources) -> Json {
    json!({
        "code": diagnostic.code,
        "severity": if diagnostic.is_error() { "error" } else { "warning" },
        "message": diagnostic.message,
        "help": diagnostic.help,
        "labels": diagnostic.labels.iter().map(|label| json!({
            "file": sources.get(label.span.source).name,
            "line": sources.line(label.span),
            "start": label.span.start,
            "end": label.span.end,
            "text": label.text,
        })).collect::<Vec<_>>(),
    })
}

/// Where more is said about what was found, once for all of it.
fn more(diagnostics: &[Diagnostic]) -> String {
    let codes: BTreeSet<&str> = diagnostics.iter().map(|d| d.code).collect();
    let short = codes.iter().map(|code| code.trim_start_matches("bnas::"));
    let short: Vec<&str> = short.collect();
    match short.as_slice() {
        [only] => format!("more: `bnas explain {only}`"),
        several => format!("more: `bnas explain CODE` of {}", several.join(", ")),
    }
}

/// Every `.bnas` file that paths name: files as they are, folders searched in the order of names.
pub fn find(paths: &[PathBuf]) -> Result<Vec<PathBuf>, Failed> {
    let mut found = Vec::new();
    if paths.iter().filter(|path| is_stdin(path)).count() > 1 {
        return Err(Failed::usage("`-` is standard input: it is read once"));
    }
    for path in paths {
        if !path.is_dir() {
            found.push(path.clone());
            continue;
        }
        let before = found.len();
        for entry in WalkDir::new(path).sort_by_file_name() {
            let entry = entry.map_err(|e| Failed::usage(format!("cannot search: {e}")))?;
            if entry.file_type().is_file() && entry.path().extension().is_some_and(|x| x == "bnas")
            {
                found.push(entry.into_path());
            }
        }
        if found.len() == before {
            return Err(Failed::usage(format!(
                "there is no `.bnas` file under `{}`",
                path.display()
            )));
        }
    }
    Ok(found)
}

/// Whether a path stands for standard input.
pub fn is_stdin(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// The bytes of a file, or of standard input where the path is `-`.
pub fn read_any(path: &Path) -> Result<Vec<u8>, Failed> {
    let mut bytes = Vec::new();
    match is_stdin(path) {
        true => std::io::stdin().read_to_end(&mut bytes).map(|_| bytes),
        false => std::fs::read(path),
    }
    .map_err(|e| unreadable(path, &e))
}

/// What a path is called.
pub fn shown(path: &Path) -> String {
    match is_stdin(path) {
        true => "<stdin>".into(),
        false => path.display().to_string(),
    }
}

/// The text of a file, or what keeps it from being one, which is shown.
pub fn read_text(path: &Path, terminal: &Terminal) -> Result<String, Failed> {
    let bytes = std::fs::read(path).map_err(|e| unreadable(path, &e))?;
    String::from_utf8(bytes).map_err(|e| {
        let spec = Spec::not_utf8(path, path.display().to_string(), &e);
        spec.show(&spec.diagnostics, terminal);
        Failed::spec()
    })
}

/// A file that the user named and that cannot be read is an error of usage.
pub fn unreadable(path: &Path, error: &std::io::Error) -> Failed {
    Failed::usage(format!("cannot read `{}`: {error}", shown(path)))
}
