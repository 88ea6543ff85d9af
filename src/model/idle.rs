//! Decisions of one copy that nothing reads, while other copies read theirs: what an amendment of a copy leaves behind.
//!
//! In: a template. Out: warnings. A name that no copy reads is analysis' business; here it is what a search goes through in vain.

use std::collections::{BTreeMap, BTreeSet};

use super::decision::Decision;
use super::fold;
use super::template::Template;
use crate::diagnostic::Diagnostic;
use crate::ir::Expr;
use crate::source::Span;

/// Of more decisions, it is not looked which of them are read.
const MOST_LOOKED_AT: usize = 1000;

/// The most copies that one warning names.
const MOST_NAMED: usize = 4;

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
    for placed in template.body.placed.iter().flatten() {
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
