use std::path::Path;

use walkdir::WalkDir;

/// For each layer, what it may use of the crate; `"crate"` prefixes are paths below `crate::`.
const LAYERS: &[(&str, &[&str])] = &[
    ("source", &[]),
    ("units", &["units", "diagnostic"]),
    ("stream", &[]),
    ("threads", &[]),
    ("diagnostic", &["source"]),
    (
        "syntax",
        &["syntax", "source", "units", "diagnostic", "threads"],
    ),
    ("ir", &["ir", "source"]),
    ("kernels", &["kernels"]),
    (
        "model",
        &[
            "model",
            "ir",
            "units",
            "source",
            "diagnostic",
            "kernels",
            "stream",
        ],
    ),
    (
        "analysis",
        &[
            "analysis",
            "syntax",
            "model",
            "ir",
            "source",
            "units",
            "diagnostic",
            "stream",
            "threads",
        ],
    ),
    (
        "interpreter",
        &[
            "interpreter",
            "model",
            "ir",
            "kernels",
            "stream",
            "source",
            "diagnostic",
            "threads",
        ],
    ),
    (
        "interpreter/search",
        &["interpreter::search", "model", "ir", "stream", "source"],
    ),
    (
        "interpreter/train",
        &[
            "interpreter::train",
            "model",
            "ir",
            "kernels",
            "stream",
            "source",
        ],
    ),
    ("interpreter/store", &["interpreter::store", "model", "ir"]),
    ("report", &["report", "interpreter", "model", "ir", "units"]),
];

/// Tests that look at a module from above: whether two runs are equal is asked of the files that the report writes.
const FROM_ABOVE: &[(&str, &str)] = &[("interpreter/tests.rs", "report")];

/// Crates that belong to one place.
const HOMES: &[(&str, &[&str])] = &[
    ("pest", &["syntax"]),
    ("statrs", &["interpreter/search"]),
    ("clap", &["cli", "main.rs"]),
    ("dfdx", &["interpreter/train"]),
];

#[test]
fn arrows_point_down_only() {
    let mut wrong = Vec::new();
    for (path, text) in sources() {
        for (layer, allowed) in LAYERS.iter().filter(|(layer, _)| belongs(&path, layer)) {
            for (number, line) in text.lines().enumerate() {
                for used in line.split("crate::").skip(1) {
                    let used = used.trim_start_matches('{');
                    let is_above =
                        |(file, of): &(&str, &str)| path == *file && used.starts_with(of);
                    if !allowed.iter().any(|a| used.starts_with(a))
                        && !FROM_ABOVE.iter().any(is_above)
                        && !line.trim_start().starts_with("//")
                    {
                        wrong.push(format!("{path}:{} ({layer}): {}", number + 1, line.trim()));
                    }
                }
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "these arrows point up:\n{}",
        wrong.join("\n")
    );
}

#[test]
fn crates_stay_at_home() {
    let mut wrong = Vec::new();
    for (path, text) in sources() {
        for (krate, homes) in HOMES {
            let away = !homes.iter().any(|home| belongs(&path, home));
            let uses = text
                .lines()
                .filter(|l| !l.trim_start().starts_with("//"))
                .any(|l| names(l, krate));
            if away && uses {
                wrong.push(format!("{path} uses {krate}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Whether a line names something of a crate: `pest::Parser`, not `cheapest::<Added>`.
fn names(line: &str, krate: &str) -> bool {
    let path = format!("{krate}::");
    let starts = |at: usize| {
        let before = line[..at].chars().next_back();
        !before.is_some_and(|c| c.is_alphanumeric() || c == '_')
    };
    line.match_indices(&path).any(|(at, _)| starts(at)) || line.contains(&format!("use {krate};"))
}

#[test]
fn main_is_short() {
    let lines = std::fs::read_to_string("src/main.rs")
        .unwrap()
        .lines()
        .count();
    assert!(lines <= 30, "src/main.rs has {lines} lines");
}

/// Whether a file below `src` is the module `layer` or lies in it.
fn belongs(path: &str, layer: &str) -> bool {
    path == layer
        || path
            .strip_prefix(layer)
            .is_some_and(|rest| rest.starts_with('/') || rest == ".rs")
}

/// Path below `src` and text of every file.
fn sources() -> Vec<(String, String)> {
    let root = Path::new("src");
    let files = WalkDir::new(root)
        .sort_by_file_name()
        .into_iter()
        .map(|e| e.unwrap());
    files
        .filter(|e| e.path().extension().is_some_and(|x| x == "rs"))
        .map(|e| {
            let path = e
                .path()
                .strip_prefix(root)
                .unwrap()
                .to_string_lossy()
                .replace('\\', "/");
            (path, std::fs::read_to_string(e.path()).unwrap())
        })
        .collect()
}
