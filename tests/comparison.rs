use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::util;

const FOLDER: &str = "tests/comparison";

fn page() -> String {
    std::fs::read_to_string("docs/language-comparison.md").unwrap()
}

fn file(name: &str) -> String {
    std::fs::read_to_string(Path::new(FOLDER).join(name)).unwrap()
}

/// The folders of the mistakes in order, the control before them.
fn cases() -> Vec<PathBuf> {
    let folder = std::fs::read_dir(Path::new(FOLDER).join("mistakes")).unwrap();
    let mut cases: Vec<PathBuf> = folder.map(|entry| entry.unwrap().path()).collect();
    cases.sort();
    cases
}

/// What bnas reports of each mistake names a line that has it; of the same file without a mistake, it reports nothing.
#[test]
fn each_mistake_is_reported_on_its_line() {
    for case in cases() {
        let path = case.join("spec.bnas");
        let output = util::run(&["--format", "json", "check", path.to_str().unwrap()]);
        let said: Value = serde_json::from_str(&util::stdout(&output)).unwrap();
        let found = said["files"][0]["diagnostics"].as_array().unwrap();
        if case.ends_with("00-control") {
            util::expect_code(&output, 0);
            assert!(found.is_empty(), "{found:?}");
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let lines = text.lines().zip(1_u64..);
        let marked: Vec<u64> = lines
            .filter(|(line, _)| line.ends_with("// <- here"))
            .map(|(_, number)| number)
            .collect();
        assert!(!found.is_empty(), "nothing is said of {}", case.display());
        for diagnostic in found {
            let mut labels = diagnostic["labels"].as_array().unwrap().iter();
            assert!(
                labels.any(|label| marked.contains(&label["line"].as_u64().unwrap())),
                "{}: {diagnostic} names none of the lines {marked:?}",
                case.display()
            );
        }
    }
}

/// The page's table of mistakes is what the last run of all tools found, and its sums are right.
#[test]
fn the_table_of_mistakes_is_that_of_the_results() {
    let (page, results) = (page(), file("results.json"));
    let results: Value = serde_json::from_str(&results).unwrap();
    let tools = ["bnas", "optuna", "configspace", "nni", "neps"];
    let mut counts: BTreeMap<&str, [usize; 5]> = BTreeMap::new();
    let cells = |row: &str| -> Vec<String> {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        cells[cells.len() - 5..]
            .iter()
            .map(|c| c.to_string())
            .collect()
    };
    let row = |begin: &str| {
        let row = page.lines().find(|line| line.starts_with(begin));
        cells(row.unwrap_or_else(|| panic!("the page has no row {begin}")))
    };
    let mistakes = &cases()[1..];
    assert_eq!(mistakes.len(), 20);
    for (number, case) in (1..).zip(mistakes) {
        let name = case.file_name().unwrap().to_str().unwrap();
        let found = tools.map(|tool| results[tool][name].as_str().unwrap());
        let begin = format!("| [{number}](../tests/comparison/mistakes/{name})");
        assert_eq!(row(&begin), found, "{name}");
        for (tool, found) in found.into_iter().enumerate() {
            counts.entry("reported").or_default()[tool] += usize::from(found.starts_with("yes"));
            counts.entry("with the line").or_default()[tool] += usize::from(found == "yes, line");
            counts.entry("cannot be said").or_default()[tool] += usize::from(found == "–");
        }
    }
    for (sum, counts) in counts {
        assert_eq!(
            row(&format!("| **{sum}**")),
            counts.map(|n| n.to_string()),
            "{sum}"
        );
    }
}

/// The space on the page is the file that is counted and sampled.
#[test]
fn the_page_shows_the_space() {
    assert!(page().contains(&format!("```bnas\n{}```\n", file("space.bnas"))));
}

/// Lines that are neither blank, comment, doc string nor driver, as `count_lines.py` counts them.
#[test]
fn the_page_counts_the_lines_of_the_spaces() {
    let lines = |text: &str, comment: &str| {
        let lines = text.lines().map(str::trim);
        lines
            .filter(|l| !l.is_empty() && !l.starts_with(comment))
            .count()
    };
    let python = |tool: &str| {
        let text = file(&format!("space_{tool}.py"));
        let space = text.split("# What follows is the driver").next().unwrap();
        let parts: Vec<&str> = space.split("\"\"\"").collect();
        assert_eq!(parts.len(), 3, "{tool}: one doc string, at the top");
        lines(parts[2], "#")
    };
    let row = format!(
        "| lines, neither blank nor comment | {}, with the network, data, target and goals | {} | {} | {} | {} |",
        lines(&file("space.bnas"), "//"),
        python("optuna"),
        python("configspace"),
        lines(&file("space_nni.json"), "//"),
        python("neps")
    );
    assert!(page().contains(&row), "the page lacks\n{row}");
}

/// All rows of `n` numbers below `base`.
fn rows(base: usize, n: u32) -> impl Iterator<Item = Vec<usize>> {
    let digits = move |row: usize| (0..n).map(|i| row / base.pow(i) % base).collect();
    (0..base.pow(n)).map(digits)
}

/// Feasible combinations of the space beside the learning rates, enumerated. Nothing couples channels, blocks, bits with activations, and the
/// head once the depth is known, so that each is enumerated by itself.
fn enumerated() -> u64 {
    // One bit has hardtanh, the others have either activation.
    const BITS: [usize; 7] = [1, 2, 2, 4, 4, 8, 8];
    let count = |rows: &mut dyn Iterator<Item = bool>| rows.filter(|holds| *holds).count() as u64;
    (3..=6)
        .map(|depth: u32| {
            let product = |head: u32| (100..=500).contains(&(depth * head));
            let heads = count(&mut [16, 32, 64, 128].into_iter().map(product));
            let channels = count(&mut rows(3, depth).map(|row| row.is_sorted()));
            let bits = |row: Vec<usize>| row.into_iter().map(|i| BITS[i]).sum::<usize>() <= 16;
            let bits = count(&mut rows(BITS.len(), depth).map(bits));
            // Two kernels or three expansions in a layer, two optimizers.
            heads * channels * bits * 5_u64.pow(depth) * 2
        })
        .sum()
}

/// The space has as many members as an enumeration without bnas finds, and the page says so.
#[test]
fn the_space_is_counted_exactly() {
    let digits = |text: &str| -> String { text.chars().filter(char::is_ascii_digit).collect() };
    let output = util::run(&["check", "tests/comparison/space.bnas"]);
    util::expect_code(&output, 0);
    let shown = util::stdout(&output);
    let line = shown
        .lines()
        .find(|line| line.contains("combinations of all decisions"))
        .unwrap_or_else(|| panic!("{shown}"));
    assert_eq!(digits(line), enumerated().to_string());
    let said = "There are 20,962,400,000 feasible combinations";
    assert!(page().contains(said));
    assert_eq!(digits(said), enumerated().to_string());
}
