//! Words that a declaration stands on or holds, and that are no fields: bases, formulas, what is reserved.
//!
//! In: a name. Out: its pages. Which there are comes from the schema, and the tests hold these tables to it.

use super::page::Page;
use super::word::page;
use crate::analysis::schema::{DECLARATIONS, OPERATIONS_LATER};

/// Base, what it is.
#[rustfmt::skip] // a table
const BASES: &[(&str, &str)] = &[
    ("binary", "codes -1 and 1: 1 bit"),
    ("ternary", "codes -1, 0 and 1: 2 bits"),
    ("uniform", "an integer grid of `bits` bits"),
    ("training", "changes how a network is trained, and costs nothing at inference"),
    ("topology", "adds operations, which the cost model charges"),
    ("tta", "a transport-triggered core: one vector unit, whose precisions say what an operation costs"),
    ("embedded", "inside the program: `content = digits`"),
    ("idx", "`images` and `labels` in IDX files of unsigned bytes"),
    ("cifar", "`files` of records: label bytes, of which the last counts, then one plane of bytes per channel"),
    ("image_folder", "a `folder` with one folder of PNG or JPEG images per class"),
    ("csv", "`files` with a header, one sample a line: the column `label`, and one column per value"),
];

/// Formula, its number, what it is.
#[rustfmt::skip] // a table
const FORMULAS: &[(&str, &str, &str)] = &[
    ("normalize", "w", "what is quantized in place of the weight"),
    ("scale", "w", "the scale of weights, in place of a rule: the same for a whole filter"),
    ("forward", "x", "the quantized value: a scale times a code of the quantizer; with a rule for the scale, the code of `x` in units of the scale"),
    ("gradient", "x", "the surrogate for the derivative of the quantizing step at its argument"),
];

/// Every such word.
pub fn names() -> impl Iterator<Item = &'static str> {
    let bases = BASES.iter().map(|(name, _)| *name);
    let formulas = FORMULAS.iter().map(|(name, ..)| *name);
    let later = DECLARATIONS.iter().flat_map(|d| d.later).map(|l| l.name);
    let operations = OPERATIONS_LATER.iter().copied();
    bases.chain(formulas).chain(later).chain(operations)
}

/// The pages of such a word.
pub fn pages(name: &str) -> Vec<Page> {
    let mut pages = Vec::new();
    for kind in DECLARATIONS {
        for base in kind.bases.iter().filter(|base| **base == name) {
            let docs = BASES.iter().find(|(word, _)| word == base);
            let signature = format!("base {} NAME : {base} {{ … }}", kind.kind);
            let docs = docs.map_or("", |(_, docs)| docs).to_string();
            pages.push(page("base", base, signature, docs, Vec::new()));
        }
        for formula in kind.formulas.iter().filter(|formula| **formula == name) {
            let row = FORMULAS.iter().find(|(word, ..)| word == formula);
            let (of, docs) = row.map_or(("x", ""), |(_, of, docs)| (of, docs));
            let signature = format!("formula {formula}({of}) = … in {}", kind.kind);
            pages.push(page("formula", formula, signature, docs.into(), Vec::new()));
        }
        for later in kind.later.iter().filter(|later| later.name == name) {
            let signature = format!("reserved {name} in {}", kind.kind);
            let docs = match later.why {
                "" => "not built yet".to_string(),
                why => format!("not built: {why}"),
            };
            pages.push(page("reserved", name, signature, docs, Vec::new()));
        }
    }
    if OPERATIONS_LATER.contains(&name) {
        let signature = format!("reserved operation {name}");
        let docs = "not built yet".to_string();
        pages.push(page("reserved", name, signature, docs, Vec::new()));
    }
    pages
}

#[cfg(test)]
mod tests {
    use super::{names, pages};
    use crate::analysis::schema::DECLARATIONS;

    #[test]
    fn every_base_and_formula_of_the_schema_has_a_sentence() {
        let bases = DECLARATIONS.iter().flat_map(|d| d.bases);
        let formulas = DECLARATIONS.iter().flat_map(|d| d.formulas);
        for name in bases.chain(formulas).copied().chain(names()) {
            let found = pages(name);
            assert!(!found.is_empty(), "{name}");
            assert!(found.iter().all(|page| !page.docs.is_empty()), "{name}");
        }
    }
}
