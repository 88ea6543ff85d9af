//! Whatever the text, an answer; whatever the layout, the same meaning.

/// Texts that say the same are the same program.
mod meaning;
/// Bytes of any kind, and slips of an editor.
mod slips;
/// Deep, wide, long and vast.
mod vast;

use std::io::{Error, ErrorKind};
use std::path::Path;

use bnas::analysis::{Checked, Loader, check};
use bnas::diagnostic::render;
use bnas::model::Template;
use bnas::source::Sources;
use walkdir::WalkDir;

/// The library, and no other file: a random `use "…"` reads nothing.
struct Library;

impl Loader for Library {
    fn file(&self, _: &Path) -> std::io::Result<Vec<u8>> {
        Err(Error::new(ErrorKind::NotFound, "no such file"))
    }
}

pub fn checked(text: &str) -> (Checked, Sources) {
    let mut sources = Sources::default();
    let main = sources.add("spec.bnas", text);
    (check(&mut sources, main, &Library), sources)
}

/// What must hold of any text: a program or an error, and every diagnostic can be drawn.
pub fn answered(text: &str) {
    let (checked, sources) = checked(text);
    let failed = checked.diagnostics.iter().any(|d| d.is_error());
    assert_ne!(checked.program.is_some(), failed, "{text}");
    // Drawing looks at every span.
    render(&checked.diagnostics, &sources, false);
    for experiment in checked.program.iter().flat_map(|p| &p.experiments) {
        let _ = Template::new(experiment);
    }
}

/// The texts of the examples and of the library.
pub fn texts() -> Vec<String> {
    let found = ["examples", "stdlib", "tests/fixtures/warning"]
        .into_iter()
        .flat_map(|folder| WalkDir::new(folder).sort_by_file_name());
    found
        .map(|entry| entry.unwrap().into_path())
        .filter(|path| path.extension().is_some_and(|x| x == "bnas"))
        .map(|path| std::fs::read_to_string(path).unwrap())
        .collect()
}
