//! Names that stand for nothing, for themselves, or for two things.
//!
//! In: a name and where it stands. Out: one diagnostic, with what was probably meant.

use std::collections::BTreeSet;

use crate::analysis::context::{Cx, Local, list};
use crate::analysis::expression::meant_path::path_help;
use crate::analysis::expression::types::Type;
use crate::analysis::schema::{self, Kind, SCALES};
use crate::analysis::scope::Scope;
use crate::analysis::structure::operations::{ACTIVATIONS, ELSEWHERE};
use crate::diagnostic::{DRAWN, Diagnostic, called_elsewhere, did_you_mean, meant, meant_field};
use crate::model::metrics::{METRICS, metric};
use crate::source::Span;
use crate::syntax::ast;

/// The fewest letters by which a name is told that goes on.
const SHORTEST: usize = 3;

/// How help begins that lists what could have been meant.
pub(super) const KNOWN_HERE: &str = "names that have a value here: ";

/// What to write for `int5`, which the library does not have by name.
fn bits_of_int(name: &str, is_known: impl Fn(&str) -> bool) -> Option<String> {
    let bits = name.strip_prefix("int")?;
    let bits: u32 = bits.parse().ok().filter(|bits| (2..=8).contains(bits))?;
    Some(match is_known("int") {
        true => format!("write `int {{ bits = {bits} }}`"),
        false => format!(
            "write `int {{ bits = {bits} }}`, with `use std.quantizers.int` at the top of the file"
        ),
    })
}

/// What to write for a quantizer of the library that stands in place of the rule by which it is known.
pub(in crate::analysis) fn rule_of_quantizer(name: &str) -> Option<String> {
    let rule = match name {
        "lsq" => "learned",
        "pact" => "learned_clip",
        _ => return None,
    };
    Some(format!("write `{rule}`, as in `scale = {rule}`"))
}

/// The one name that begins with another: `best.accuracy` for `best.acc`.
fn begun<'k>(name: &str, known: impl Iterator<Item = &'k str>) -> Option<&'k str> {
    let last = name.rsplit('.').next().unwrap_or(name);
    let longer = known.filter(|known| known.starts_with(name) && last.len() >= SHORTEST);
    let mut longer: Vec<&str> = longer.collect();
    longer.dedup();
    match longer.as_slice() {
        [only] => Some(*only),
        _ => None,
    }
}

impl Cx<'_> {
    /// Whether a file declares or imports a name.
    pub(super) fn find_text(&self, name: &str, span: Span) -> bool {
        let module = self.modules.get(span.source);
        module.is_some_and(|module| module.names.contains_key(name))
    }

    /// The names of the experiment that amends something at this place.
    fn amending(&self, at: Span) -> Option<&Scope> {
        let around = self.modules.around(at);
        around
            .is_some_and(|d| d.kind.text == "experiment")
            .then_some(&self.outer)
    }

    /// A name that stands for nothing.
    pub(in crate::analysis) fn unknown_name(&mut self, name: &str, span: Span, words: &[&str]) {
        let modules = self.modules;
        if let Some([itself]) = self.circle_around(name, span).as_deref() {
            self.made_of_itself(std::slice::from_ref(itself), span);
            return;
        }
        if let Some(below) = self.defined_below(name, span) {
            if let Some(circle) = self.circle_around(name, span) {
                self.made_of_itself(&circle, span);
                return;
            }
            let line = self.sources.line(below);
            self.report(
                Diagnostic::error(
                    "bnas::name::unknown",
                    format!("`{name}` is used above its definition"),
                )
                .label(span, "not known yet")
                .label(below, "defined here")
                .help(format!("move line {line} above this one")),
            );
            return;
        }
        if let Some((_, formula)) = self.of_candidates.iter().find(|(known, _)| known == name) {
            let formula = *formula;
            self.report(
                Diagnostic::error(
                    "bnas::name::unknown",
                    format!("`{name}` has no value before a candidate is there"),
                )
                .label(span, "fixed or searched before")
                .label(formula, "speaks of metrics or of values by their path")
                .help("goals, requirements and `expect` may read it"),
            );
            return;
        }
        if self.unit_alone(span) {
            return;
        }
        let files = std::iter::once(span.source).chain(self.also.iter().copied());
        let declared = files.filter_map(|source| modules.get(source));
        let declared = declared.flat_map(|module| module.names.keys().map(String::as_str));
        let locals = || self.locals.iter().map(|l| l.name.as_str());
        let truth = ["true", "false"].iter().copied();
        let truth = truth.filter(|word| name.eq_ignore_ascii_case(word));
        let others = declared.chain(truth);
        let known = (words.iter().copied())
            .chain(locals())
            .chain(others.clone());
        // A name that stands for what is being defined cannot be what was meant.
        let known = known.filter(|k| *k != name);
        let schedules = self.schedule_words();
        // Nobody sees what is said beyond these, and among thousands of names each look takes its time.
        let is_drawn = self.sink.count() <= DRAWN;
        let (alike, holding): (Vec<&Local>, Vec<&Local>) = match is_drawn {
            true => (
                self.locals.alike(name).collect(),
                self.locals.holding(name).collect(),
            ),
            false => Default::default(),
        };
        let longer = || {
            let locals = holding.iter().map(|l| l.name.as_str());
            let known = words.iter().copied().chain(locals).chain(others.clone());
            known.filter(|k| k.len() > name.len())
        };
        let undefined = || {
            let built_in = alike.iter().filter(|l| l.span.is_none());
            let built_in = built_in.map(|l| l.name.as_str());
            let known = words.iter().copied().chain(built_in);
            let known = known.chain(others.clone()).chain(schedules.iter().copied());
            known.filter(|k| *k != name)
        };
        let ends_with = |k: &&str| k.strip_suffix(name).is_some_and(|rest| rest.ends_with('.'));
        let mut diagnostic =
            Diagnostic::error("bnas::name::unknown", format!("unknown name `{name}`"))
                .label(span, "nothing here has this name");
        // Names of the experiment stand for values of what it amends.
        let defined = || {
            let own = alike.iter().copied().filter(|l| l.span.is_some());
            let outer = self.amending(span).into_iter();
            let defined = own.chain(outer.flat_map(|outer| outer.alike(name)));
            defined.map(|l| l.name.as_str()).filter(|l| *l != name)
        };
        // What follows from the search is named by what it is of.
        let is_expected = self.locals.find("pareto.count").is_some();
        let of_result = |local: &str| local.starts_with("best.") || local.starts_with("pareto.");
        let activations = ACTIVATIONS.iter().chain(&["true", "false"]).copied();
        let is_rule = words == SCALES;
        if let Some(help) = rule_of_quantizer(name).filter(|_| is_rule) {
            diagnostic = diagnostic.help(help);
        } else if let Some(path) = modules.in_library(name).filter(|_| !is_rule) {
            diagnostic = diagnostic.help(format!("write `use {path}` at the top of the file"));
        } else if let Some(help) = bits_of_int(name, |base| self.find_text(base, span)) {
            diagnostic = diagnostic.help(help);
        } else if !is_drawn {
            // No more is said.
        } else if let Some((choice, field)) = self.within_quantizer(name) {
            diagnostic = diagnostic.help(format!(
                "give the value a name, and read that: `n in {{…}}  {choice} in {{int {{ {field} = n }}, …}}`"
            ));
        } else if let Some(help) = self.of_another_part(name, span) {
            diagnostic = diagnostic.help(help);
        } else if let Some(alike) = did_you_mean(name, defined()) {
            diagnostic = diagnostic.help(format!("did you mean `{alike}`?"));
        } else if let Some(longer) = longer().find(ends_with) {
            diagnostic = diagnostic.help(format!("did you mean `{longer}`?"));
        } else if let Some(help) = (self.paths.as_ref())
            .filter(|_| !is_expected)
            .and_then(|paths| path_help(name, name, paths))
        {
            diagnostic = diagnostic.help(help);
        } else if let Some(longer) = begun(name, longer()) {
            diagnostic = diagnostic.help(format!("did you mean `{longer}`?"));
        } else if let Some(alike) =
            // No name that is defined here is spelled alike: that has been looked at.
            did_you_mean(name, undefined()).or_else(|| called_elsewhere(name, known))
        {
            // What was meant is read.
            self.read.insert(alike.to_string());
            diagnostic = diagnostic.help(format!("did you mean `{alike}`?"));
        } else if let Some(of_each) = name.strip_prefix("best.")
            && self.locals.find(of_each).is_some()
            && !is_expected
        {
            let help =
                format!("write `{of_each}`: `best` is known when the search is over, to `expect`");
            diagnostic = diagnostic.help(help);
        } else if name == "best.final.accuracy" {
            let help = "add `final { on = best }`: the best candidate is trained again after the search, and this is its accuracy";
            diagnostic = diagnostic.help(help);
        } else if words == ["same"] && name == "valid" {
            diagnostic = diagnostic.help("write `0`: nothing is padded");
        } else if ["bool", "boolean"].contains(&name) {
            diagnostic = diagnostic.help("write `{false, true}`");
        } else if self.formulas.is_some() && name == "bits" {
            let help = "write `high`, the largest code: 2^(bits - 1) - 1 of a signed grid, 2^bits - 1 of an unsigned one";
            diagnostic = diagnostic.help(help);
        } else if ELSEWHERE.contains(&name) {
            let known = list(ACTIVATIONS.iter().copied());
            diagnostic = diagnostic.help(format!("activations are {known}"));
        } else if metric(name).is_some() {
            let help = "metrics are those of whole networks: they stand in a `require` of a space, in the goals and requirements of an experiment, and in facts with the data, `macs(digits)`";
            diagnostic = diagnostic.help(help);
        } else if let Some(alike) = did_you_mean(name, METRICS.iter().map(|m| m.name))
            && self.amending(span).is_some()
        {
            diagnostic = diagnostic.help(format!("did you mean `{alike}`?"));
        } else if let Some((alike, path)) = self.library_quantizer(name, words) {
            diagnostic = diagnostic.help(format!(
                "write `{alike}`, with `use {path}` at the top of the file"
            ));
        } else if words == ["float"]
            && let Some(names) = self.takes_by_name(Kind::Quantizer, span.source)
        {
            diagnostic = diagnostic.help(names);
        } else if !words.is_empty() {
            diagnostic = diagnostic.help(format!("one of {}", list(words.iter().copied())));
        } else if let Some(alike) =
            did_you_mean(name, activations).filter(|_| self.may_be_word || self.is_in_network())
        {
            diagnostic = diagnostic.help(format!("did you mean `{alike}`?"));
        } else if schema::operation(name).is_some() && self.is_in_network() {
            let help = "an operation is no value: choose among blocks, `block in {basic(…), separable(…)}`";
            diagnostic = diagnostic.help(help);
        } else if self.may_be_word {
            diagnostic =
                diagnostic.help(format!("a word of your own stands in quotes: `\"{name}\"`"));
        } else if !self.locals.is_empty() && self.locals.len() <= 24 {
            let names = list(locals().filter(|l| !is_expected || of_result(l)));
            diagnostic = diagnostic.help(format!("{KNOWN_HERE}{names}"));
        }
        self.report(diagnostic);
    }

    /// `space.deep` in a field of `train`: what another part of the experiment has, which is read by a name of both.
    fn of_another_part(&self, name: &str, span: Span) -> Option<String> {
        let (part, path) = name.split_once('.')?;
        let last = path.rsplit('.').next()?;
        let around = self.modules.around(span)?;
        let is_part = ["space", "policy", "target", "train", "finetune"].contains(&part);
        (is_part && self.paths.is_none() && around.kind.text == "experiment").then(|| {
            format!(
                "parts of an experiment share names of its own: define `{last} in {{…}}` above both, write `{path} = {last}` in the `{part}` and read `{last}` here"
            )
        })
    }

    /// `weights.int.bits` or `q.bits` in a policy: the name of a choice among quantizers, and the last word.
    fn within_quantizer<'n>(&self, name: &'n str) -> Option<(&'n str, &'n str)> {
        let (choice, _) = name.split_once('.')?;
        let (_, field) = name.rsplit_once('.')?;
        let local = self.locals.find(choice)?;
        (local.ty == Type::Quantizer).then_some((choice, field))
    }

    /// The quantizer of the library that has this name in another tool, and where it stands.
    fn library_quantizer(&self, name: &str, words: &[&str]) -> Option<(&'static str, String)> {
        if words != ["float"] {
            return None;
        }
        let alike = meant(
            name,
            ["binary", "ternary", "approx_sign", "dorefa", "pact", "lsq"],
        )?;
        Some((alike, self.modules.in_library(alike)?.to_string()))
    }

    /// A value that is made of itself; its circle is reported once, whichever of its values reads on.
    fn made_of_itself(&mut self, circle: &[ast::Name], used: Span) {
        let before = self.circles_of_values.len();
        let places = circle.iter().map(|name| name.span);
        self.circles_of_values.extend(places);
        if self.circles_of_values.len() < before + circle.len() {
            return;
        }
        let [of, others @ ..] = circle else { return };
        let mut diagnostic = Diagnostic::error(
            "bnas::name::circular",
            format!("`{}` is made of itself", of.text),
        );
        for (at, reader) in circle.iter().enumerate() {
            let read = circle.get(at + 1).unwrap_or(of);
            diagnostic = match at {
                0 => diagnostic.label(used, format!("needs `{}`", read.text)),
                _ => diagnostic.label(reader.span, format!("which needs `{}`", read.text)),
            };
        }
        let help = match others.len() {
            0 => "give it a value that does not need it",
            1 => "give one of them a value that does not need the other",
            _ => "give one of them a value that does not need the others",
        };
        self.report(diagnostic.help(help));
    }

    /// A key that its owner does not have.
    pub(in crate::analysis) fn unknown_key(
        &mut self,
        owner: &str,
        name: &ast::Name,
        declared: Option<Span>,
        known: &[&str],
    ) {
        // What is amended twice is known twice.
        let mut known = known.to_vec();
        let mut seen = BTreeSet::new();
        known.retain(|k| seen.insert(*k));
        let mut diagnostic = Diagnostic::error(
            "bnas::name::unknown_key",
            format!("{owner} has no field `{}`", name.text),
        )
        .label(name.span, "unknown field");
        if let Some(span) = declared {
            diagnostic = diagnostic.label(span, format!("{owner} stands here"));
        }
        let experiment = schema::declaration("experiment");
        let sections = experiment.into_iter().flat_map(|d| d.keys());
        let home = schema::home(&name.text, sections).filter(|_| !known.is_empty());
        let is_of_experiment =
            experiment.is_some_and(|e| e.fields.iter().any(|field| field.name == name.text));
        // What is a key elsewhere, and cannot stand here, is not what was meant.
        known.retain(|k| *k != name.text);
        let inside = (name.text.split_once('.')).filter(|(field, _)| known.contains(field));
        let alike = meant_field(&name.text, known.iter().copied()).filter(|_| inside.is_none());
        diagnostic = match alike {
            Some(alike) => {
                if let Some(owner) = declared {
                    self.meant.insert((owner, alike.to_string()));
                }
                diagnostic.help(format!("did you mean `{alike}`?"))
            }
            None if owner == "`pool`" && name.text == "padding" => diagnostic.help(
                "a window of a pool lies within its input: leave the padding out, or let a `conv` with a stride take its place",
            ),
            None if let Some(home) = home => diagnostic.help(format!(
                "it belongs into {home}; fields here are {}",
                list(known.iter().copied())
            )),
            None if is_of_experiment => diagnostic.help(format!(
                "it belongs into the experiment itself: `{} = …`, outside of these braces",
                name.text
            )),
            None if let Some((field, inner)) = inside => diagnostic.help(match field {
                "optimizer" => {
                    format!("write it in the optimizer: `optimizer = adam({inner} = …)`")
                }
                _ => format!("write it where `{field}` has its value: `{field} = …({inner} = …)`"),
            }),
            None if name.text == "log" && declared.is_some() => {
                diagnostic.help("write it behind the range: `low..high log`")
            }
            None if ["activation", "act", "nonlinearity"].contains(&name.text.as_str())
                && (known.contains(&"channels") || known.contains(&"outputs")) =>
            {
                diagnostic.help("write it behind an arrow: `-> norm -> relu`")
            }
            None if known.is_empty() => diagnostic.help("it takes no fields: remove this"),
            None => diagnostic.help(format!("its fields are {}", list(known.iter().copied()))),
        };
        self.report(diagnostic);
    }

    /// A key that is said twice.
    pub(in crate::analysis) fn twice(&mut self, name: &str, again: Span, first: Span) {
        self.report(
            Diagnostic::error(
                "bnas::name::duplicate",
                format!("`{name}` is defined twice"),
            )
            .label(again, "defined again here")
            .label(first, "first defined here")
            .help("remove one of the two"),
        );
    }
}
