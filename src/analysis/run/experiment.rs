//! Experiments: everything bound together.
//!
//! In: a merged declaration. Out: [`Experiment`], with each declaration that it names lowered as amended, and with every quantizer and repair
//! that can be reached.

use std::collections::BTreeSet;

use super::goals::Claims;
use super::parts::Parts;
use crate::analysis::amend::settle_dotted;
use crate::analysis::context::{Cx, list};
use crate::analysis::expression::fields::{Given, Written};
use crate::analysis::merged::Merged;
use crate::analysis::names::Id;
use crate::analysis::paths;
use crate::analysis::quantization::quantizer::target;
use crate::analysis::schema::DATA;
use crate::analysis::structure::network::Network;
use crate::diagnostic::{Diagnostic, Missing};
use crate::ir::{Evaluator, Experiment, Expr, Slot, Value};
use crate::model::hardware::fits;
use crate::source::Span;
use crate::syntax::ast::{self, EntryKind};

impl Cx<'_> {
    /// Lowers an experiment; nothing if it cannot be understood at all.
    pub(in crate::analysis) fn experiment(&mut self, id: Id) -> Option<Experiment> {
        let mut merged = self.merged(id)?;
        self.inside_of(id, merged.from.clone(), false, |cx| {
            settle_dotted(cx, &mut merged);
            cx.with_arms(merged)
        })
    }

    pub(in crate::analysis) fn experiment_body(&mut self, merged: &Merged) -> Option<Experiment> {
        let schema = merged.schema;
        let sections = self.sections(merged);
        let mark = self.locals.len();
        self.of_candidates.clear();
        let Parts {
            fields,
            lets,
            measures,
        } = self.parts_of(merged, mark);

        let data = self
            .named(&fields, "data")
            .map(|m| self.inside(&m, true, |cx| cx.dataset(&m)));
        let lower = |cx: &mut Self, m: &Merged| cx.space(m, true);
        let (network, others) = self.one_of(&fields, "space", lower, |n| &n.space.name);
        let network = match (network, others) {
            (Some(first), Some(choice)) => Some(Network::joined(first, choice)),
            (network, _) => network,
        };
        let space = network.as_ref().map(|n| &n.space);
        let (policy, policy_choice) =
            self.one_of(&fields, "policy", |cx, m| cx.policy(m, true), |p| &p.name);
        let (target, target_choice) = match fields.get("target") {
            Some((_, Given::Searched(..))) => {
                self.one_of(&fields, "target", |cx, m| cx.target(m, true), |t| &t.name)
            }
            _ => (self.named_target(&fields), None),
        };
        let parts = [
            ("space", space.is_none()),
            ("policy", policy.is_none()),
            ("target", target.is_none()),
        ];
        let absent = parts.into_iter().filter(|(_, is_absent)| *is_absent);
        let absent = absent.map(|(name, _)| name);
        self.lost = absent.filter(|name| fields.get(name).is_some()).collect();
        let repairs = match fields.get("repairs") {
            Some((_, given)) => {
                let repairs = self.slot_of(&fields, schema.fields, "repairs");
                self.clash(&repairs, *given);
                repairs
            }
            None => Slot::Fixed(Expr::Value(Value::Set(Vec::new()))),
        };
        let has_space = fields.get("space").is_some();
        let of_network = of_network(&fields, &sections);
        // Beside a network, which is trained, it is one field too many: what it says is of no matter.
        let evaluator = match has_space || of_network.is_some() {
            true => None,
            false => self.evaluator(&fields, &lets),
        };
        if let (Some((key, _)), Some((space, _))) = (fields.get("evaluate"), fields.get("space")) {
            let (key, space) = (key.span, space.span);
            self.report(
                Diagnostic::error(
                    "bnas::evaluate::table",
                    "`evaluate` stands in place of training",
                )
                .label(key, "measures candidates")
                .label(space, "a network, which is trained")
                .help("remove one of the two"),
            );
        }
        let is_trained = |s: &&ast::Section| matches!(s.name.text.as_str(), "train" | "stage");
        let is_trained = sections.iter().any(is_trained);
        let stages = self.stages(merged, &sections);
        if has_space && fields.get("evaluate").is_some() {
            // Without one of the two, nothing or another thing is missing.
        } else if !has_space {
            if let Some(name) = &of_network {
                self.needs_space(merged, name);
                self.lost.insert("space");
            }
        } else if fields.get("evaluate").is_none() {
            let missing = [
                ("data", fields.get("data").is_none()),
                ("train", !is_trained),
            ];
            for name in missing
                .iter()
                .filter(|(_, missing)| *missing)
                .map(|(name, _)| *name)
            {
                self.missing_part(merged, name, fields.place("space"), "a space is trained");
            }
        }
        let final_training = self.final_training(merged, &sections, &stages);
        let search = self.search(merged, &sections);
        let seed = self.count_of(&fields, schema.fields, "seed").unwrap_or(0);

        let repeats = self
            .count_of(&fields, schema.fields, "repeats")
            .unwrap_or(1) as usize;
        let init = self.slot_of(&fields, schema.fields, "init");

        let mut known = paths::Paths::default();
        for binding in &lets {
            paths::of_slot(&binding.slot, &binding.name, &mut known);
        }
        if let Some(data) = &data {
            paths::of_slot(&data.augment, "data.augment", &mut known);
        }
        paths::of_slot(&init, "init", &mut known);
        paths::of_slot(&repairs, "repairs", &mut known);
        paths::of_space(space, &mut known);
        stages
            .iter()
            .for_each(|stage| paths::of_stage(stage, &mut known));
        paths::of_policies(
            policy.as_ref(),
            policy_choice.as_ref(),
            &self.reached.quantizers,
            &mut known,
        );
        paths::of_targets(target.as_ref(), target_choice.as_ref(), &mut known);
        self.paths = Some(known);
        self.written = written(merged);
        self.of_candidates.clear();
        let own = evaluator.as_ref().map_or(&[][..], |e| e.metrics());
        // Without its evaluator, nothing is known of what goals may name.
        let lost = evaluator.is_none() && fields.get("evaluate").is_some();
        let mut claims = match lost {
            true => Claims::default(),
            false => {
                let is_network = has_space || is_trained || fields.get("data").is_some();
                self.claims(merged, is_network, own, &measures)
            }
        };
        if let Some(network) = &network {
            claims.ask(network, data.as_ref());
        }
        if let (Some(_), Some(target)) = (space, &target) {
            // Whatever does not fit into the memories does not run.
            claims.requires.extend(fits(target, target_choice.as_ref()));
        }
        self.paths = None;
        if let Some(Evaluator::Table(table)) = &evaluator {
            self.unmeasured(&claims, table);
        }
        if !lost {
            self.needs(merged, &claims, &fields, own);
        }
        self.lost.clear();

        let names = self.leave(mark);
        self.unused(&names, schema.keys(), &merged.owner());
        let mut reached = std::mem::take(&mut self.reached);
        let is_space = |of: &Span| {
            let declared = self.modules.around(*of);
            declared.is_some_and(|d| d.kind.text == "space")
        };
        for amendment in &mut reached.amendments {
            if amendment.of.iter().any(is_space) {
                amendment.of.extend(&reached.blocks);
            }
        }
        Some(Experiment {
            name: merged.name.text.clone(),
            docs: merged.docs.clone(),
            seed,
            repeats,
            init,
            evaluator,
            lets,
            data,
            space: network.map(|n| n.space),
            policy,
            policy_choice,
            quantizers: reached.quantizers.into_iter().map(|(_, q)| q).collect(),
            repairs,
            repair_definitions: reached.repairs.into_iter().map(|(_, r)| r).collect(),
            target,
            target_choice,
            stages,
            final_training,
            search: search?,
            goals: claims.goals,
            requires: claims.requires,
            expects: claims.expects,
            units: claims.units,
            provenance: reached.provenance,
            arms: Vec::new(),
            amendments: reached.amendments,
            span: merged.name.span,
        })
    }

    fn sections<'m>(&mut self, merged: &'m Merged) -> Vec<&'m ast::Section> {
        let mut sections: Vec<&ast::Section> = Vec::new();
        for entry in merged.entries.iter() {
            let EntryKind::Section(section) = &entry.kind else {
                continue;
            };
            if !self.knows_section(merged, section) {
                continue;
            }
            let same = |s: &&&ast::Section| {
                s.name.text == section.name.text && label(s).text == label(section).text
            };
            match sections.iter().find(same).map(|s| label(s)) {
                Some(first) => {
                    let (again, first) = (label(section), first.span);
                    self.twice(&again.text, again.span, first);
                }
                None => sections.push(section),
            }
        }
        sections
    }

    /// The declaration that a field names.
    pub(in crate::analysis) fn named(
        &mut self,
        fields: &Written,
        name: &'static str,
    ) -> Option<Merged> {
        let kind = if name == "data" { "dataset" } else { name };
        let (key, given) = fields.get(name)?;
        match given {
            Given::Fixed(value) => self.reference(value, kind),
            Given::Searched(domain, _) => {
                self.not_searched(name, &DATA, domain, key.span);
                None
            }
        }
    }

    /// Without a space there is nothing to train, quantize or price.
    fn needs_space(&mut self, merged: &Merged, name: &ast::Name) {
        self.report(
            Diagnostic::missing(Missing::one(merged.owner(), "space"), merged.name.span)
                .label(name.span, format!("`{}` speaks of a network", name.text))
                .help("add `space = small_cnn`, with `use std.spaces.small_cnn`, or remove what speaks of a network"),
        );
    }

    /// Reports that an experiment lacks `train`, say, which something else in it needs.
    pub(in crate::analysis) fn missing_part(
        &mut self,
        merged: &Merged,
        name: &str,
        because: Span,
        why: &str,
    ) {
        let help = match name {
            "train" => "add `train { epochs = 20 }`",
            "search" => "add `search { method = bayes  trials = 40 }`",
            "data" => "add `data = digits`, with `use std.data.digits`",
            "target" => "add `target = braintta`, with `use std.targets.braintta`",
            "space" => "add `space = small_cnn`, with `use std.spaces.small_cnn`",
            _ => "add it",
        };
        let missing = Missing::one(merged.owner(), name);
        let mut diagnostic = Diagnostic::missing(missing, merged.name.span);
        if because != merged.name.span {
            diagnostic = diagnostic.label(because, why);
        }
        self.report(diagnostic.help(help));
    }

    /// Metrics need what they measure: a network, and a target for what only hardware has.
    fn needs(&mut self, merged: &Merged, claims: &Claims, fields: &Written, own: &[String]) {
        if claims.goals.is_empty() && !claims.poisoned {
            self.report(
                Diagnostic::error(
                    "bnas::field::missing",
                    format!("{} has no goal", merged.owner()),
                )
                .label(merged.name.span, "what is better?")
                .help(a_goal(merged, fields, own)),
            );
        }
        // What has been said to be missing.
        let lost = self.lost.iter().copied();
        let mut missing: BTreeSet<&str> = lost.filter(|l| fields.get(l).is_none()).collect();
        for (metric, span) in &claims.metrics {
            if self.misnamed.contains(metric.name) {
                continue;
            }
            let needs = match fields.get("space") {
                None => "space",
                Some(_) => "target",
            };
            // One that is missing is missing once.
            if missing.contains(needs) {
                continue;
            }
            if let (None, Some((key, _))) = (fields.get("space"), fields.get("evaluate")) {
                missing.insert(needs);
                let mut diagnostic = Diagnostic::error(
                    "bnas::name::unknown",
                    format!("nothing measures `{}` here", metric.name),
                )
                .label(*span, "measured on a network")
                .label(key.span, "stands in place of a network");
                if !own.is_empty() && own.len() <= 24 {
                    let own = list(own.iter().map(String::as_str));
                    diagnostic = diagnostic.help(format!("what is measured here is {own}"));
                }
                self.report(diagnostic);
            } else if fields.get("space").is_none() {
                missing.insert(needs);
                self.missing_part(
                    merged,
                    "space",
                    *span,
                    &format!("`{}` is measured on a network", metric.name),
                );
            } else if metric.needs_target && fields.get("target").is_none() {
                missing.insert(needs);
                self.missing_part(
                    merged,
                    "target",
                    *span,
                    &format!("`{}` is priced by a target", metric.name),
                );
            }
        }
    }
}

/// The first field or section that speaks of a network.
fn of_network(fields: &Written, sections: &[&ast::Section]) -> Option<ast::Name> {
    let fields = ["data", "policy", "target", "repairs", "repeats", "init"]
        .iter()
        .filter_map(|n| fields.get(n))
        .map(|(n, _)| n);
    let sections = sections
        .iter()
        .map(|s| &s.name)
        .filter(|n| n.text != "search");
    fields.chain(sections).next().cloned()
}

/// A goal that an experiment without one may have.
fn a_goal(merged: &Merged, fields: &Written, own: &[String]) -> String {
    let is_choice = |e: &ast::Entry| matches!(e.kind, EntryKind::Choice(_));
    let mut choices = merged.entries.iter().filter(|e| is_choice(e));
    let chosen = choices.find_map(|e| target(e)?.as_name());
    match (own.first(), fields.get("space"), chosen) {
        (Some(metric), None, _) => format!("add `maximize {metric}`"),
        (None, None, Some(name)) => format!("add `minimize {}`", name.text),
        (None, None, None) => "name a value of the experiment: `minimize …`".into(),
        _ => "add `maximize accuracy`".into(),
    }
}

/// Where the entries stand below which goals and requirements have paths.
fn written(merged: &Merged) -> Vec<(String, Span)> {
    let entries = merged.entries.iter().filter_map(|entry| {
        let name = match &entry.kind {
            EntryKind::Section(section) => label(section),
            _ => &target(entry)?.head,
        };
        Some((name.text.clone(), entry.span))
    });
    entries.collect()
}

/// What tells a section from others: the name behind its word, or the word.
fn label(section: &ast::Section) -> &ast::Name {
    section.label.as_ref().unwrap_or(&section.name)
}
