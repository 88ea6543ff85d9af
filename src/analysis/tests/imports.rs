//! Files that import files.

use std::collections::BTreeMap;
use std::path::Path;

use super::super::{Checked, Loader, check};
use crate::source::Sources;

/// Files in memory.
struct Memory(BTreeMap<&'static str, &'static [u8]>);

impl Loader for Memory {
    fn file(&self, path: &Path) -> std::io::Result<Vec<u8>> {
        let name = path.to_string_lossy();
        let found = self.0.get(name.as_ref());
        found
            .map(|bytes| bytes.to_vec())
            .ok_or_else(|| std::io::ErrorKind::NotFound.into())
    }
}

fn run(main: &'static str, files: &[(&'static str, &'static [u8])]) -> (Checked, Sources) {
    let mut sources = Sources::default();
    let id = sources.add("specs/main.bnas", main);
    let loader = Memory(files.iter().copied().collect());
    (check(&mut sources, id, &loader), sources)
}

fn codes(checked: &Checked) -> Vec<&'static str> {
    checked.diagnostics.iter().map(|d| d.code).collect()
}

const QUANTIZER: &[u8] = b"bnas 1\nquantizer tiny : uniform { bits = 3 }\n";

#[test]
fn a_file_is_relative_to_the_one_that_imports_it() {
    let main = "bnas 1\nuse \"parts/q.bnas\".{tiny}\npolicy p { each layer { weights = tiny } }\n";
    let (checked, _) = run(main, &[("specs/parts/q.bnas", QUANTIZER)]);
    assert!(codes(&checked).is_empty(), "{:?}", checked.diagnostics);
    let all = "bnas 1\nuse \"parts/q.bnas\"\npolicy p { each layer { weights = tiny } }\n";
    let (checked, _) = run(all, &[("specs/parts/q.bnas", QUANTIZER)]);
    assert!(codes(&checked).is_empty(), "{:?}", checked.diagnostics);
}

#[test]
fn what_cannot_be_imported_is_said() {
    let (missing, _) = run("bnas 1\nuse \"no.bnas\"\n", &[]);
    assert_eq!(codes(&missing), ["bnas::import::missing"]);
    let (bytes, _) = run("bnas 1\nuse \"b.bnas\"\n", &[("specs/b.bnas", b"\xff\xfe")]);
    assert_eq!(codes(&bytes), ["bnas::import::not_utf8"]);
    let (name, _) = run(
        "bnas 1\nuse \"q.bnas\".{tinny}\n",
        &[("specs/q.bnas", QUANTIZER)],
    );
    assert_eq!(codes(&name), ["bnas::import::missing"]);
    assert_eq!(
        name.diagnostics[0].help.as_deref(),
        Some("did you mean `tiny`?")
    );
}

#[test]
fn a_circle_of_imports_ends() {
    let (circle, _) = run(
        "bnas 1\nuse \"a.bnas\"\n",
        &[
            ("specs/a.bnas", b"bnas 1\nuse \"b.bnas\"\n"),
            ("specs/b.bnas", b"bnas 1\nuse \"a.bnas\"\n"),
        ],
    );
    assert_eq!(codes(&circle), ["bnas::import::circular"]);
    let (main, _) = run(
        "bnas 1\nuse \"a.bnas\"\n",
        &[("specs/a.bnas", b"bnas 1\nuse \"main.bnas\"\n")],
    );
    assert_eq!(codes(&main), ["bnas::import::circular"]);
}

#[test]
fn definitions_that_need_themselves_end() {
    let text = "bnas 1
quantizer a : b { bits = 2 }
quantizer b : a { bits = 3 }
block x(channels) { block = y(channels = channels) }
block y(channels) { block = x(channels = channels) }
";
    let (checked, _) = run(text, &[]);
    assert!(!checked.diagnostics.is_empty());
    assert!(codes(&checked).iter().all(|c| *c == "bnas::name::circular"));
}
