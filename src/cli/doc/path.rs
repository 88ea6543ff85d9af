//! Paths of the language: a field behind what it stands in, `search.initial`, and what `expect` may speak of, `best.accuracy`.
//!
//! In: words joined by points. Out: their pages. Fields come from the schema, metrics from their table; other results stand here.

use super::keyword::{self, fields, of_field_in};
use super::page::Page;
use super::word::page;
use crate::analysis::schema::{self, DECLARATIONS, Kind, Label, RECORDS};
use crate::model::metrics::METRICS;

/// What is known when a run ends, beside the metrics of the best candidate, and what it is.
const RESULTS: [(&str, &str); 3] = [
    (
        "best.test.accuracy",
        "the accuracy of the best candidate on the test split, which is read once, when the search ends",
    ),
    (
        "best.final.accuracy",
        "the accuracy of the best candidate on the validation split once `final` has trained it again",
    ),
    (
        "pareto.count",
        "how many candidates no other one beats in every goal",
    ),
];

/// What enters a block has a shape.
const SIDES: [&str; 3] = ["height", "width", "channels"];

/// Every path of two words that has a page.
pub fn names() -> Vec<String> {
    let of_fields = fields().map(|(owner, field)| format!("{owner}.{}", field.name));
    let metrics = METRICS.iter().map(|m| format!("best.{}", m.name));
    let results = RESULTS.iter().map(|(name, _)| name.to_string());
    of_fields.chain(metrics).chain(results).collect()
}

/// The pages of a path, with the indices of copies or without.
pub fn pages(path: &str) -> Vec<Page> {
    let words: Vec<&str> = path
        .split('.')
        .map(|word| word.split('[').next().unwrap_or(word))
        .collect();
    let [around @ .., name] = &words[..] else {
        return Vec::new();
    };
    if around.is_empty() {
        return Vec::new();
    }
    if let Some(result) = result(path) {
        return vec![result];
    }
    if around == ["input"] && SIDES.contains(name) {
        return keyword::pages("input");
    }
    // Names that the author chose say nothing of a field: `target.int8.energy`.
    for word in around.iter().rev() {
        let owner = match *word {
            "data" => "dataset",
            word => word,
        };
        let found = in_owner(name, owner);
        if !found.is_empty() {
            return found;
        }
        if is_owner(owner) {
            break;
        }
    }
    Vec::new()
}

/// Pages of a field in what is called so; in a field that takes calls, of their arguments; in a declaration, of its sections with names of their own.
fn in_owner(name: &str, owner: &str) -> Vec<Page> {
    let here = of_field_in(name, &|other| other == owner);
    if !here.is_empty() {
        return here;
    }
    let taken = fields().filter(|(_, field)| field.name == owner);
    let kinds: Vec<Kind> = taken.map(|(_, field)| field.kind).collect();
    let calls = RECORDS.iter().filter(|(kind, _)| kinds.contains(kind));
    let calls: Vec<&str> = calls.map(|(_, call)| call.name).collect();
    let found = of_field_in(name, &|other| calls.contains(&other));
    let sections = schema::declaration(owner).map_or(&[][..], |d| d.sections);
    match found.is_empty() {
        false => found,
        true => of_field_in(name, &|other| {
            let mut named = sections.iter().filter(|s| s.label != Label::None);
            named.any(|section| section.name == other)
        }),
    }
}

fn is_owner(word: &str) -> bool {
    let mut kinds = DECLARATIONS.iter();
    kinds.any(|d| d.kind == word) || fields().any(|(owner, _)| owner == word)
}

fn result(path: &str) -> Option<Page> {
    let docs = match RESULTS.iter().find(|(name, _)| *name == path) {
        Some((_, docs)) => docs.to_string(),
        None => {
            let name = path.strip_prefix("best.")?;
            let name = name.strip_prefix("validation.").unwrap_or(name);
            let metric = METRICS.iter().find(|m| m.name == name)?;
            let unit = match metric.unit {
                "" => String::new(),
                unit => format!(", in {unit}"),
            };
            format!("of the best candidate: {}{unit}", metric.docs)
        }
    };
    let docs = format!("{docs}; `expect` may speak of it");
    let signature = format!("result {path}");
    Some(page("result", path, signature, docs, Vec::new()))
}

#[cfg(test)]
mod tests {
    use super::super::word;
    use super::{names, pages};

    fn signatures(path: &str) -> Vec<String> {
        let found = word::pages(path).into_iter();
        found.map(|page| page.signature).collect()
    }

    #[test]
    fn a_field_behind_what_it_stands_in_has_its_page_alone() {
        for (path, signature) in [
            ("search.initial", "field initial = … in search"),
            ("experiment.search.initial", "field initial = … in search"),
            ("vector.width", "field width = … in vector"),
            ("braintta.vector.width", "field width = … in vector"),
            ("target.int8.energy", "field energy = … in precision"),
            ("train.optimizer.adam.lr", "field lr = … in adam"),
            ("data.normalize.mean", "field mean = … in normalize"),
            ("data.classes", "field classes = … in dataset"),
        ] {
            assert_eq!(signatures(path), [signature]);
        }
        let of_all = signatures("train.optimizer.lr");
        assert!(of_all.iter().all(|s| s.starts_with("field lr = …")));
        assert!(!of_all.is_empty());
    }

    #[test]
    fn every_name_has_a_page_and_no_other_path_has_one() {
        for name in names() {
            assert!(!pages(&name).is_empty() || name.contains(' '), "{name}");
        }
        assert_eq!(signatures("best.validation.energy").len(), 1);
        for wrong in ["search.width", "best.pi", "search.", ".initial", "x.y", "…"] {
            assert!(signatures(wrong).is_empty(), "{wrong}");
        }
    }
}
