//! What a search goes through in vain: decisions of one copy that nothing reads, while other copies read theirs, which is what an amendment of a copy
//! leaves behind; and names of an experiment that only some alternatives read.
//!
//! In: a template, or where names are read. Out: warnings. A name that nothing reads is analysis' business.

use std::collections::{BTreeMap, BTreeSet};

use super::bounds;
use super::decision::{Choices, Decision, Decisions};
use super::evaluate;
use super::fold;
use super::template::Template;
use crate::diagnostic::Diagnostic;
use crate::ir::{Expr, Value};
use crate::source::Span;

/// Of more decisions, it is not looked which of them are read.
const MOST_LOOKED_AT: usize = 1000;

/// The most copies that one warning names.
const MOST_NAMED: usize = 4;

/// The most members of a decision of which each is tried.
const MOST_MEMBERS: u64 = 16;

/// One warning for each decision of the experiment's own that is read by some alternatives of another decision alone. `reads` has the conditions
/// under which each is read.
pub(super) fn somewhere(
    decisions: &Decisions,
    reads: &BTreeMap<usize, Vec<Expr>>,
) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for (index, guards) in reads {
        if guards.contains(&Expr::bool(true)) {
            continue;
        }
        let of: BTreeSet<usize> = guards.iter().flat_map(evaluate::decisions).collect();
        let unread = of
            .into_iter()
            .filter(|other| other != index)
            .map(|other| (other, unread_with(decisions, guards, other)));
        let Some((other, members)) = unread.into_iter().find(|(_, all)| !all.is_empty()) else {
            continue;
        };
        let (one, other) = (&decisions.all[*index], &decisions.all[other]);
        let all = (0..MOST_MEMBERS).map_while(|i| other.choices.member(i));
        let readers = all.filter(|member| !members.contains(member));
        let readers: Vec<String> = readers.map(|m| other.shown(&m)).collect();
        let text = format!(
            "`{}` is read only where `{}` is {}",
            one.path,
            other.path,
            readers.join(" or ")
        );
        found.push(
            Diagnostic::warning("bnas::name::unused", text)
                .label(
                    one.span,
                    "elsewhere, candidates that differ in it alone are the same",
                )
                .label(other.span, "not every one of these reads it")
                .help(format!(
                    "write its domain where it is read, in place of `{}`",
                    one.path
                )),
        );
    }
    found
}

/// The members of a decision with which none of these conditions holds.
fn unread_with(decisions: &Decisions, guards: &[Expr], decision: usize) -> Vec<Value> {
    let choices = &decisions.all[decision].choices;
    let count = choices.len().filter(|n| *n <= MOST_MEMBERS).unwrap_or(0);
    let mut chosen = decisions.clone();
    let mut is_unread = |member: &Value| {
        chosen.all[decision].choices = Choices::Categories(vec![member.clone()]);
        let holds = |guard| bounds::proves(guard, &chosen, &|_| None);
        guards.iter().all(|guard| holds(guard) == Some(false))
    };
    let members = (0..count).filter_map(|i| choices.member(i));
    members.filter(|member| is_unread(member)).collect()
}

/// One warning for each domain that some copies search in vain.
pub(super) fn warnings(template: &Template) -> Vec<Diagnostic> {
    let all = &template.decisions().all;
    // The copies of one decision stand under its domain and are called alike.
    let mut copies: BTreeMap<(Span, String), Vec<usize>> = BTreeMap::new();
    for (index, decision) in all.iter().enumerate() {
        if decision.path.starts_with("space.") && decision.path.contains('[') {
            let of = (decision.span, without_indices(&decision.path));
            copies.entry(of).or_default().push(index);
        }
    }
    if all.len() > MOST_LOOKED_AT || copies.is_empty() {
        return Vec::new();
    }
    let read = read(template);
    let mut found = Vec::new();
    for ((span, _), copies) in copies {
        let (live, idle): (Vec<usize>, Vec<usize>) =
            copies.iter().partition(|index| read.contains(index));
        if live.is_empty() || idle.is_empty() {
            continue;
        }
        found.push(in_vain(span, idle.iter().map(|index| &all[*index])));
    }
    found
}

fn in_vain<'d>(span: Span, idle: impl Iterator<Item = &'d Decision>) -> Diagnostic {
    let idle: Vec<&Decision> = idle.collect();
    let named = idle.iter().take(MOST_NAMED);
    let named: Vec<String> = named.map(|d| format!("`{}`", d.path)).collect();
    let more = match idle.len() > MOST_NAMED {
        true => " and others",
        false => "",
    };
    let text = format!(
        "nothing reads {}{more}, which is searched",
        named.join(", ")
    );
    let first = &idle[0].path;
    let path = first.strip_prefix("space.").unwrap_or(first);
    Diagnostic::warning("bnas::name::unused", text)
        .label(span, "candidates that differ in it alone are the same")
        .help(format!(
            "fix it where that copy is amended: `{path} = {}`",
            idle[0].shown(&idle[0].default)
        ))
}

/// Decisions that a layer, what is placed on one, another decision, a constraint, a goal or a requirement reads. What enters a layer is read
/// by those before it.
fn read(template: &Template) -> BTreeSet<usize> {
    let decisions = template.decisions();
    let mut read = BTreeSet::new();
    let mut add = |expr: &Expr| read.extend(fold::decisions(expr));
    for node in &template.body.nodes {
        add(&node.guard);
        node.op.parts().into_iter().for_each(&mut add);
    }
    for placed in template.body.placed.layers.iter().flatten() {
        add(&placed.weights);
        add(&placed.activations);
    }
    decisions.all.iter().for_each(|d| add(&d.guard));
    decisions.constraints.iter().for_each(&mut add);
    template.goals().iter().for_each(&mut add);
    template.requires().iter().for_each(&mut add);
    read
}

/// `space.s[1].d[0].width` as `space.s.d.width`.
fn without_indices(path: &str) -> String {
    let parts = path.split('[').map(|part| match part.split_once(']') {
        Some((_, behind)) => behind,
        None => part,
    });
    parts.collect()
}
