//! What takes one value for a whole search: as an arm, in the manual, and in what is said of it.

use std::collections::BTreeMap;

use super::{one_error, text};
use crate::analysis::schema::{
    COMMAND, DECLARATIONS, Field, Fixed, Instead, OPERATIONS, OUTPUT, RECORDS, RULE, SCHEDULES,
    TEMPERATURE,
};
use crate::analysis::tests::checked;
use crate::diagnostic::render;
use crate::model::Template;

/// Whatever is fixed may be an arm; each arm is lowered as if it had been written so.
#[test]
fn what_is_fixed_may_be_an_arm() {
    for (line, arms) in [
        (
            "arms { data in {digits, digits { splits { train = 500 } }} }",
            2,
        ),
        ("arms { data.augment in {none, flip, {flip, shift(1)}} }", 3),
        ("arms { data.augment in subsets {flip, shift(1)} }", 4),
        (
            "arms { data.normalize.mean in {0.1, 0.2}  data.scale in {16, 17} }",
            4,
        ),
        ("arms { data.splits.train in 300..500 step 100 }", 3),
        ("arms { space in {small_cnn { width = 8 }, ds_cnn} }", 2),
        ("arms { policy in {tied, uniform_int { bits = 4 }} }", 2),
        (
            "arms { target in {braintta, other { clock in {100 MHz, 200 MHz} }} }",
            2,
        ),
        (
            "arms { repairs in subsets {feature_approx_sign, double_residual} }",
            4,
        ),
        ("arms { init in {he_normal, uniform_fan_in} }", 2),
        ("arms { seed in 1..3 }", 3),
        ("arms { repeats in {1, 3} }", 2),
        (
            "arms { search.method in {random, grid}  search.slots in {1, 4} }",
            4,
        ),
        ("arms { search.trials in {1, 2} }", 2),
        ("arms { search.initial in {1, 2} }", 2),
        (
            "arms { final.epochs in {1, 2}  final.on in {best, pareto} }",
            4,
        ),
        (
            "arms { train.optimizer in {sgd(lr = 0.1), adam(lr in {1e-3, 1e-2})} }",
            2,
        ),
        (
            "arms { train.schedule in {cosine, step(0.5)}  train.epochs in {0, 1} }",
            4,
        ),
    ] {
        let mut lines = vec!["policy = binary_body", "target = braintta", line];
        match () {
            () if line.contains("normalize") => {
                lines.push("data = digits { normalize { mean = 0  std = 1 } }");
            }
            () if line.contains("final") => lines.push("final { epochs = 1 }"),
            () => {}
        }
        let text = text(&lines)
            .replace("OPERAND", "int8")
            .replace("ACTIVATION", "int8")
            .replace("OPERATION", "conv(channels = 8)");
        let (checked, sources) = checked("test.bnas", &text);
        let errors: Vec<_> = checked
            .diagnostics
            .iter()
            .filter(|d| d.is_error())
            .cloned()
            .collect();
        assert!(
            errors.is_empty(),
            "{line}\n{}",
            render(&errors, &sources, false)
        );
        let experiment = checked.program.unwrap().experiments.remove(0);
        assert_eq!(experiment.arms.len(), arms, "{line}");
        for arm in &experiment.arms {
            Template::new(&arm.experiment).unwrap_or_else(|e| panic!("{line}: {e:?}"));
        }
    }
}

/// Fields that take one value for the whole search, by their path.
fn fixed() -> Vec<(String, Fixed)> {
    let mut found = Vec::new();
    let mut add = |owner: &str, fields: &[Field]| {
        for field in fields {
            found.extend(
                field
                    .fixed
                    .map(|why| (format!("{owner}{}", field.name), why)),
            );
        }
    };
    for declaration in DECLARATIONS.iter().rev() {
        let owner = match declaration.kind {
            "experiment" => "",
            "dataset" => "data.",
            kind => &format!("{kind}."),
        };
        add(owner, declaration.fields);
        for section in declaration.sections {
            add(&format!("{owner}{}.", section.name), section.fields);
        }
    }
    for callable in OPERATIONS
        .iter()
        .chain(SCHEDULES)
        .chain(RECORDS.iter().map(|(_, c)| c))
        .chain([&COMMAND])
    {
        add(&format!("{}.", callable.name), callable.fields);
    }
    add("", &[RULE, OUTPUT].concat());
    add("", &[TEMPERATURE]);
    found
}

/// The table in docs/language.md is the schema's.
#[test]
fn the_manual_lists_what_is_not_searched() {
    let mut rows: BTreeMap<(usize, &str, String), Vec<String>> = BTreeMap::new();
    let all = fixed();
    for (at, (path, fixed)) in all.iter().enumerate() {
        let instead = match fixed.instead {
            Instead::Arm(_) => "an arm".to_string(),
            Instead::This(text) => text.to_string(),
        };
        let known = rows
            .keys()
            .find(|(_, why, other)| *why == fixed.why && *other == instead)
            .cloned();
        let key = known.unwrap_or((at, fixed.why, instead));
        rows.entry(key).or_default().push(format!("`{path}`"));
    }
    let rows: Vec<String> = rows
        .iter()
        .map(|((_, why, instead), paths)| format!("| {} | {why} | {instead} |", paths.join(", ")))
        .collect();
    let manual = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/language.md");
    let manual = std::fs::read_to_string(manual).unwrap();
    let table = format!(
        "| fixed | since | instead |\n|---|---|---|\n{}\n\n",
        rows.join("\n")
    );
    assert!(
        manual.contains(&table),
        "docs/language.md should have\n{table}"
    );
}

#[test]
fn a_fixed_field_says_why_and_what_to_type() {
    let code = "bnas::domain::not_searched";
    for (line, at, help) in [
        (
            "data in {digits, digits { augment = flip }}",
            "{digits, digits { augment = flip }}",
            "`arms { data in {digits, digits { augment = flip }} }`",
        ),
        ("seed in {1, 2}", "{1, 2}", "`repeats = 3`"),
        (
            "repeats in {1, 2}",
            "{1, 2}",
            "`arms { repeats in {1, 2} }`",
        ),
        (
            "final { epochs in {1, 2} }",
            "{1, 2}",
            "`arms { final.epochs in {1, 2} }`",
        ),
        (
            "final { epochs = 1  schedule = step(0.5, factor in {0.1, 0.2}) }",
            "step(0.5, factor in {0.1, 0.2})",
            "train with",
        ),
    ] {
        one_error(line, code, at, help);
    }
}

#[test]
fn what_an_augmentation_says_twice_is_reported() {
    let of = |augment: &str, code: &str, at: &str, help: &str| {
        one_error(
            &format!("data = digits {{ augment {augment} }}"),
            code,
            at,
            help,
        );
    };
    of(
        "= {shift(1), crop(padding = 2)}",
        "bnas::name::duplicate",
        "crop(padding = 2)",
        "remove one",
    );
    of(
        "in {flip, {shift(1), crop(padding = 2)}}",
        "bnas::name::duplicate",
        "crop(padding = 2)",
        "remove one",
    );
    of(
        "in subsets {shift(1), crop(padding = 2)}",
        "bnas::name::duplicate",
        "crop(padding = 2)",
        "remove one",
    );
    of(
        "= {none, flip}",
        "bnas::type::mismatch",
        "none",
        "stands alone",
    );
    of(
        "in {flip, cosine}",
        "bnas::type::mismatch",
        "cosine",
        "`flip`",
    );
    of(
        "= {flip, cosine}",
        "bnas::type::mismatch",
        "cosine",
        "`flip`",
    );
    of(
        "in {flip, shift(1)} default cutout",
        "bnas::domain::default",
        "cutout",
        "`shift`",
    );
}
