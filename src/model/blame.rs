//! Both places of a value that an experiment has changed.
//!
//! In: a diagnostic about a declaration, and what the experiment amends. Out: the same with the amendments before the line that goes wrong by
//! them, since they are what the author can change.

use std::collections::BTreeSet;

use crate::diagnostic::{Diagnostic, Label};
use crate::ir::Amendment;
use crate::source::Span;

/// The most entries of one amendment that a diagnostic shows.
const MOST: usize = 3;

/// What the label of an amendment ends in.
const AMENDED: &str = " is amended here";

/// Whether a label shows an amendment, in front of the label of what goes wrong by it.
pub fn is_of_amendment(label: &Label) -> bool {
    label.text.ends_with(AMENDED)
}

/// Which entries of an amendment a diagnostic is about: those whose value it names, if it names any, else all.
fn named<'a>(diagnostic: &Diagnostic, amendment: &'a Amendment) -> Vec<&'a Span> {
    let said = format!(
        "{} {}",
        diagnostic.message,
        diagnostic.help.as_deref().unwrap_or_default()
    );
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let words: BTreeSet<&str> = said.split(|c| !is_word(c)).collect();
    let entries = amendment.at.iter().zip(&amendment.keys);
    let (named, others): (Vec<_>, Vec<_>) =
        entries.partition(|(_, key)| words.contains(key.as_str()));
    let shown = if named.is_empty() { others } else { named };
    shown.into_iter().map(|(at, _)| at).collect()
}

/// A diagnostic with the amendments of the declarations that it is about; unchanged if it shows one of them.
pub fn with_amendments(mut diagnostic: Diagnostic, amendments: &[Amendment]) -> Diagnostic {
    for amendment in amendments {
        let shows = |label: &Label| {
            let entries = amendment.at.iter();
            { entries }.any(|at| at.holds(label.span) || label.span.holds(*at))
        };
        let labels = &diagnostic.labels;
        let is_of_it = labels
            .iter()
            .any(|label| amendment.of.iter().any(|of| of.holds(label.span)));
        if !is_of_it || labels.iter().any(shows) {
            continue;
        }
        for at in named(&diagnostic, amendment).into_iter().take(MOST).rev() {
            let text = format!("`{}`{AMENDED}", amendment.name);
            diagnostic.labels.insert(0, Label { span: *at, text });
        }
    }
    diagnostic
}

/// The settings of an arm, as they are shown.
type Settings = [(String, String)];

/// What is found in one arm of an experiment, which says so.
pub fn in_arm(mut found: Vec<Diagnostic>, settings: &Settings) -> Vec<Diagnostic> {
    found.iter_mut().for_each(|one| name_arms(one, &[settings]));
    found
}

/// Says of what is found in some arms, and not in all of them, in which. What several of them have stays one report.
pub fn in_some_arms(found: &mut [(&Settings, Vec<Diagnostic>)]) {
    let before: Vec<Vec<Diagnostic>> = found.iter().map(|(_, all)| all.clone()).collect();
    let arms: Vec<&Settings> = found.iter().map(|(settings, _)| *settings).collect();
    for one in found.iter_mut().flat_map(|(_, all)| all) {
        let of = arms
            .iter()
            .zip(&before)
            .filter(|(_, all)| all.contains(one));
        let of: Vec<&Settings> = of.map(|(settings, _)| *settings).collect();
        if of.len() < arms.len() {
            name_arms(one, &of);
        }
    }
}

fn name_arms(diagnostic: &mut Diagnostic, arms: &[&Settings]) {
    let shown = arms.iter().take(MOST).map(|settings| {
        let each = settings
            .iter()
            .map(|(name, value)| format!("{name} = {value}"));
        format!("`{}`", each.collect::<Vec<_>>().join(", "))
    });
    let shown: Vec<String> = shown.collect();
    let more = match arms.len() > MOST {
        true => ", …",
        false => "",
    };
    let arm = match arms.len() {
        0 => return,
        1 => "arm",
        _ => "arms",
    };
    let text = format!(" in the {arm} {}{more}", shown.join(", "));
    diagnostic.message.push_str(&text);
}
