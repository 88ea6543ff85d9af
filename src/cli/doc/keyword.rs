//! Keywords of the grammar, and words that stand for a value: one line each.
//!
//! In: a name. Out: its pages. Words of fields come from the schema; how a keyword is written stands here.

use super::page::Page;
use super::word::page;
use crate::analysis::schema::{
    self, COMMAND, DECLARATIONS, Field, Kind, OPERATIONS, RECORDS, RULE,
};
use crate::units::Unit;

/// Word, how it is written, what it does.
#[rustfmt::skip] // a table
const KEYWORDS: &[(&str, &str, &str)] = &[
    ("add", "add input via pad_shortcut when condition", "in a space or block: adds an earlier output to the one before it: a skip connection. In an edit of a repair, `input` is what the edited operations read"),
    ("after", "after every binary conv { … }", "in a repair: edits what follows the operations that the pattern matches"),
    ("against", "compare accuracy against repairs = {}", "the setting that `compare` compares with; not built yet"),
    ("around", "around every binary conv -> norm { … }", "in a repair: edits the operations that the pattern matches, and what stands around them"),
    ("as", "repeat n as i { … }", "names the counter of a `repeat`, which starts at 0"),
    ("before", "before every binary conv { … }", "in a repair: edits what stands before the operations that the pattern matches"),
    ("branch", "branch name { … } when condition", "one of the branches of `parallel`"),
    ("categories", "name in categories {1, 2, 8}", "a set without order: neighbours in it are no more alike than others"),
    ("check", "check condition, \"reason\"", "a fact of the declaration that it stands in, which must hold at its defaults"),
    ("compare", "compare accuracy, energy against repairs = {}", "the same search with another setting; not built yet"),
    ("default", "name in {8, 16, 32} default 16", "the member of the first trial of `bayes` (`random` and `grid` do not try it first), and what `train`, `cost` and facts take"),
    ("each", "each layer { … }", "a rule of a policy: what it searches is decided for each layer by itself"),
    ("else", "if condition then x else y", "the value where the condition does not hold"),
    ("every", "every layer { … }", "a rule of a policy: what it searches is decided once for all layers that it matches"),
    ("expect", "expect best.test.accuracy >= 90 %", "what the result of a run is expected to be, looked at when it ends"),
    ("false", "false", "the truth value"),
    ("first", "first layer { … }", "in a policy: the first layer with weights"),
    ("in", "name in {8, 16}", "searches a value among the members of a set or range; `=` fixes one"),
    ("join", "parallel { … } join concat", "how the branches of `parallel` become one: `concat` or `add`"),
    ("last", "last layer { … }", "in a policy: the last layer with weights"),
    ("layer", "layer name = conv(channels = 16) -> norm -> relu when condition", "a layer of a space or block, operation by operation; in a policy, what a rule is for"),
    ("log", "name in 1e-4..1e-1 log", "a range that is walked by factors"),
    ("maximize", "maximize accuracy", "a goal: more is better. With several goals the result is their Pareto front"),
    ("minimize", "minimize energy", "a goal: less is better. With several goals the result is their Pareto front"),
    ("parallel", "parallel { branch near { … }  branch far { … } } join concat", "branches that all read what stands before it"),
    ("param", "param b per channel = 0", "in a repair: a trained parameter and where it starts"),
    ("per", "param b per channel = 0", "what a trained parameter has one value for"),
    ("remove", "remove skip", "in a repair: takes away what the pattern has matched"),
    ("repeat", "repeat n as i { … }", "copies of layers and blocks, one after the other; `space.i[0].width` speaks of the first copy, `space.i[*].width` of all"),
    ("require", "require model_size <= 8 KiB, \"reason\"", "what every candidate must meet. What is known before training excludes candidates before any is trained"),
    ("subsets", "name in subsets {a, b}", "all subsets of a set, the empty one first"),
    ("then", "if condition then x else y", "the value where the condition holds"),
    ("true", "true", "the truth value"),
    ("use", "use std.quantizers.{binary, int8}", "takes declarations of the library, or of a file: `use \"layers.bnas\".{x}`"),
    ("via", "add input via conv_shortcut", "how a skip connection changes shape: `pad_shortcut` or `conv_shortcut`"),
    ("when", "layer name = … when condition", "where a layer, block, branch or `add` is there. In `require`, write `condition implies …`"),
    ("where", "conv layer where channels <= 16 { … }", "which of the layers a rule of a policy is for; `@paper(\"…\", where = \"table 2\")` names the place"),
];

/// Words that stand for a value, of which the schema has no sentence.
#[rustfmt::skip] // a table
const VALUES: &[(&str, &str, &str)] = &[
    ("constant", "schedule = constant", "the learning rate stays: the factor is 1"),
    ("classes", "linear(classes)", "in a space or block: how many classes the data has, so many outputs the last layer gives"),
    ("concat", "parallel { … } join concat", "puts the channels of the branches one after the other; their rows and columns must agree"),
    ("cosine", "schedule = cosine", "the learning rate falls from its value to 0 along half a cosine: the factor is `0.5 * (1 + cos(pi * step_progress))`"),
    ("distill", "loss = 0.2 * task + 0.8 * distill(kl, temperature = 1)", "how far a stage's classes are from those of its `teacher`: the Kullback-Leibler divergence of both with their logits divided by the temperature T, times T²"),
    ("filter", "mean(w, per = filter)", "in formulas of quantizers: one number for each output channel of a weight"),
    ("high", "round(clip(x, low, high))", "in formulas of quantizers: the largest code"),
    ("input", "conv(channels = input.channels)", "in a block what enters it, in a space the sample: `input.height`, `input.width`, `input.channels`"),
    ("kl", "distill(kl)", "the Kullback-Leibler divergence of a stage's classes from its teacher's"),
    ("low", "round(clip(x, low, high))", "in formulas of quantizers: the smallest code"),
    ("pad_shortcut", "add input via pad_shortcut", "a skip connection without weights: every stride-th pixel, and zero channels behind (option A of arXiv:1512.03385)"),
    ("conv_shortcut", "add input via conv_shortcut", "a skip connection through a strided convolution of 1 x 1 with a norm (option B of arXiv:1512.03385)"),
    ("flip", "augment = flip", "mirrors training images from left to right, half of the time"),
    ("float", "weights = float", "not quantized: 32 bits"),
    ("progress", "schedule = 1 - progress", "epochs done / epochs, in formulas of a schedule or quantizer"),
    ("pi", "cos(pi * progress)", "the number 3.14159…"),
    ("skip", "remove skip", "in a repair: the skip connection around what the pattern matches"),
    ("table", "evaluate = table(\"results.csv\")", "measurements that have been made already: columns that are called like choices index the rows of a CSV file, the others are metrics"),
    ("task", "loss = task", "the cross-entropy of a stage's classes with the labels; the loss where none is given"),
    ("tensor", "mean(w, per = tensor)", "in formulas of quantizers: one number for all of a weight"),
    ("step_progress", "schedule = 1 - step_progress", "steps done / steps, in formulas of a schedule or quantizer"),
];

/// Every word that has a page here.
pub fn names() -> impl Iterator<Item = &'static str> {
    let tables = KEYWORDS.iter().chain(VALUES).map(|(name, ..)| *name);
    tables
        .chain(fields().flat_map(|(_, field)| words(field)).copied())
        .chain(fields().map(|(_, field)| field.name))
}

/// The pages of a word.
pub fn pages(name: &str) -> Vec<Page> {
    let told = |kind: &str, table: &[(&str, &str, &str)]| -> Vec<Page> {
        let found = table.iter().filter(|(word, ..)| *word == name);
        found
            .map(|(word, written, docs)| {
                let signature = format!("{kind} {written}");
                page(kind, word, signature, docs.to_string(), Vec::new())
            })
            .collect()
    };
    let mut pages = told("keyword", KEYWORDS);
    pages.extend(told("value", VALUES));
    if pages.is_empty() {
        let takers = fields().filter(|(_, field)| words(field).contains(&name));
        let mut seen = Vec::new();
        for (owner, field) in takers {
            if seen.contains(&(field.name, field.docs)) {
                continue;
            }
            seen.push((field.name, field.docs));
            let signature = format!("value {} = {name} in {owner}", field.name);
            let docs = format!(
                "`{}` is {}; takes {}",
                field.name,
                field.docs,
                schema::takes(field)
            );
            pages.push(page("value", name, signature, docs, Vec::new()));
        }
    }
    pages
}

/// The pages of a field: one for each thing that it says something else of.
pub fn of_field(name: &str) -> Vec<Page> {
    of_field_in(name, &|_| true)
}

/// The same of those that some of its owners have.
pub fn of_field_in(name: &str, is_owner: &dyn Fn(&str) -> bool) -> Vec<Page> {
    let mut found: Vec<(&Field, Vec<&str>)> = Vec::new();
    for (owner, field) in fields().filter(|(owner, field)| field.name == name && is_owner(owner)) {
        let is_same = |(other, _): &&mut (&Field, Vec<&str>)| {
            other.docs == field.docs && schema::takes(other) == schema::takes(field)
        };
        match found.iter_mut().find(is_same) {
            Some((_, owners)) if owners.contains(&owner) => {}
            Some((_, owners)) => owners.push(owner),
            None => found.push((field, vec![owner])),
        }
    }
    let of_one = |(field, owners): (&Field, Vec<&str>)| {
        let signature = format!("field {name} = … in {}", owners.join(", "));
        let docs = format!("{}; takes {}", field.docs, schema::takes(field));
        page("field", name, signature, docs, Vec::new())
    };
    found.into_iter().map(of_one).collect()
}

/// The page of a unit, with any prefix.
pub fn of_unit(name: &str) -> Option<Page> {
    let unit = Unit::parse(name).ok().filter(|_| !name.is_empty())?;
    let (base, size) = (unit.dimension.base_unit(), unit.to_base(1.0));
    let docs = match (base.as_str(), base.strip_prefix('1')) {
        ("", _) => format!("a unit of plain numbers: 1 {name} is {size}"),
        (base, _) if base == name => format!("the base unit of {}", unit.dimension),
        (_, Some(per)) => format!("a unit of {}: 1 {name} is {size}{per}", unit.dimension),
        (base, None) => format!("a unit of {}: 1 {name} is {size} {base}", unit.dimension),
    };
    let signature = format!("unit {name}");
    Some(page("unit", name, signature, docs, Vec::new()))
}

/// Every field of the schema, with what owns it.
pub fn fields() -> impl Iterator<Item = (&'static str, &'static Field)> {
    fn of(owner: &'static str, fields: &'static [Field]) -> Vec<(&'static str, &'static Field)> {
        fields.iter().map(|field| (owner, field)).collect()
    }
    let declared = DECLARATIONS.iter().flat_map(|d| {
        let sections = d.sections.iter().flat_map(|s| of(s.name, s.fields));
        of(d.kind, d.fields).into_iter().chain(sections)
    });
    let operations = OPERATIONS.iter().flat_map(|o| of(o.name, o.fields));
    let records = RECORDS
        .iter()
        .flat_map(|(_, call)| of(call.name, call.fields));
    declared
        .chain(operations)
        .chain(records)
        .chain(of(COMMAND.name, COMMAND.fields))
        .chain(of("a rule", RULE))
}

fn words(field: &Field) -> &'static [&'static str] {
    match field.kind {
        Kind::Word(words)
        | Kind::WholeOr(words)
        | Kind::TruthOr(words)
        | Kind::WordOrFormula(words) => words,
        Kind::Scale => schema::SCALES,
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::super::word;

    /// Every keyword of the grammar is documented.
    #[test]
    fn every_keyword_has_a_page() {
        let grammar = include_str!("../../../grammar/bnas.pest");
        let keywords = grammar.lines().filter_map(|line| line.strip_prefix("kw_"));
        let keywords: Vec<&str> = keywords
            .filter_map(|k| k.split_whitespace().next())
            .collect();
        assert!(keywords.len() > 30);
        for keyword in keywords.into_iter().chain(["log", "step", "implies"]) {
            assert!(!word::pages(keyword).is_empty(), "{keyword}");
        }
        for value in [
            "cosine",
            "constant",
            "pad_shortcut",
            "conv_shortcut",
            "he_normal",
            "bayes",
            "distill",
            "bits",
            "teacher",
            "KiB",
            "fps",
            "mac",
            "TOPS/W",
        ] {
            assert_eq!(word::pages(value).len(), 1, "{value}");
        }
        // A name in a network, and a field of a data set.
        assert_eq!(word::pages("classes").len(), 2);
    }
}
