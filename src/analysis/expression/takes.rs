//! What may stand in a field, listed for whoever wrote something else there.
//!
//! In: the kind of the field, and the names in scope. Out: help that can be typed.

use super::lookup::words;
use crate::analysis::context::{Cx, list};
use crate::analysis::paths::Paths;
use crate::analysis::schema::{self, Kind, RECORDS, SCHEDULES};
use crate::diagnostic::{did_you_mean, meant};
use crate::source::SourceId;

/// What to write where `name(…)` is nothing that can be called, if the field takes words or calls of its own.
pub(in crate::analysis) fn instead_of_call(name: &str, kind: Kind) -> Option<String> {
    let words = words(kind);
    if words.contains(&name) {
        return Some(format!("`{name}` takes no arguments: write `{name}`"));
    }
    let records = RECORDS.iter().filter(|(of, _)| *of == kind);
    let records = records.map(|(_, call)| call.name);
    let schedules = SCHEDULES.iter().map(|call| call.name);
    let schedules = schedules.filter(|_| matches!(kind, Kind::WordOrFormula(_)));
    let calls: Vec<&str> = records.chain(schedules).collect();
    if calls.is_empty() {
        return None;
    }
    let known = words.iter().chain(&calls).copied();
    Some(match meant(name, known) {
        Some(alike) => format!("did you mean `{alike}`?"),
        None => {
            let calls: Vec<String> = calls.iter().map(|call| format!("{call}(…)")).collect();
            let calls = calls.iter().map(String::as_str);
            format!("it takes {}", list(words.iter().copied().chain(calls)))
        }
    })
}

/// What is said of `train.epochs` in a requirement where `epochs` is fixed.
pub(in crate::analysis) fn of_fixed_field(path: &str) -> Option<String> {
    let (section, name) = path.split_once('.')?;
    let section = schema::declaration("experiment")?.section(section)?;
    let field = section.fields.iter().find(|f| f.name == name)?;
    let because = "so this holds for every candidate or for none";
    Some(match field.fixed {
        Some(_) => format!("remove it: `{name}` has one value, {because}"),
        None => format!(
            "search the value, `{name} in {{…}}`, or name the decisions that it is made of: a number is one value, {because}"
        ),
    })
}

/// What is said of `train.lr`, which is an argument of the optimizer, and of a misspelt field of a section.
fn of_section(path: &str) -> Option<String> {
    let (section, name) = path.split_once('.')?;
    let optimizers = RECORDS.iter().filter(|(of, _)| *of == Kind::Optimizer);
    let with_it = optimizers
        .map(|(_, call)| call)
        .find(|call| call.fields.iter().any(|f| f.name == name));
    let is_stage = ["train", "finetune"].contains(&section);
    if let (true, Some(call)) = (is_stage, with_it) {
        return Some(format!(
            "search it where it stands, `optimizer = {}({name} in …)`, and name it by `{section}.optimizer.{name}`",
            call.name
        ));
    }
    let fields = schema::declaration("experiment")?.section(section)?.fields;
    let meant = did_you_mean(name, fields.iter().map(|f| f.name))?;
    let meant = format!("{section}.{meant}");
    let more = of_fixed_field(&meant)?;
    Some(format!("the field is `{meant}`; {more}"))
}

impl Cx<'_> {
    /// What to write for a path that nothing has: of a part that the experiment does not say, of a rule without its layer, of a section.
    pub(in crate::analysis) fn instead_of_path(&self, path: &str, paths: &Paths) -> Option<String> {
        let (head, rest) = path.split_once('.')?;
        let is_said = self.written.iter().any(|(word, _)| word == head);
        let example = match head {
            "target" => Some("braintta"),
            "policy" => Some("tied"),
            _ => None,
        };
        if let (Some(name), false, false) = (example, is_said, self.written.is_empty()) {
            let library = self.modules.in_library(name).unwrap_or_default();
            return Some(format!(
                "the experiment has no {head}: add `{head} = {name}`, with `use {library}` at the top of the file"
            ));
        }
        match head {
            "policy" => paths.of_a_rule(rest),
            _ => of_section(path),
        }
    }

    /// What a field of this kind takes by name: words of the language, and of the declarations in scope those that fit.
    pub(in crate::analysis) fn takes_by_name(
        &self,
        kind: Kind,
        source: SourceId,
    ) -> Option<String> {
        let words = words(kind);
        if kind != Kind::Quantizer {
            return (!words.is_empty()).then(|| format!("one of {}", list(words.iter().copied())));
        }
        let files = std::iter::once(source).chain(self.also.iter().copied());
        let modules = files.filter_map(|source| self.modules.get(source));
        let names = modules.flat_map(|module| &module.names);
        let mut quantizers: Vec<&str> = names
            .filter(|(_, meaning)| self.modules.declaration(meaning.id).kind.text == "quantizer")
            .map(|(name, _)| name.as_str())
            .collect();
        quantizers.sort_unstable();
        quantizers.dedup();
        Some(match quantizers.is_empty() {
            true => "import one, as in `use std.quantizers.int8`, or write `float`".to_string(),
            false => format!(
                "one of {}",
                list(quantizers.into_iter().chain(words.iter().copied()))
            ),
        })
    }
}
