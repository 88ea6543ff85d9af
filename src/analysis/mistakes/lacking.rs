//! What some arms of an experiment have and others lack: paths, and goals that vary.
//!
//! In: what was found in each arm, and its settings. Out: the same, which says in which arms it is missing, and where to speak of a path instead.

use crate::diagnostic::Diagnostic;
use crate::model::findings::blame::in_some_arms;

/// Says of paths and goals that some arms lack in which.
pub(in crate::analysis) fn in_lacking_arms(
    found: Vec<Vec<Diagnostic>>,
    settings: &[Vec<(String, String)>],
) -> Vec<Vec<Diagnostic>> {
    let is_path = |d: &Diagnostic| {
        d.code == "bnas::name::unknown" && d.message.starts_with("there is no decision `space.")
    };
    let is_lacking = |d: &Diagnostic| is_path(d) || d.code == "bnas::goal::constant";
    let lacking = found
        .iter()
        .map(|all| all.iter().filter(|d| is_lacking(d)).cloned().collect());
    let settings = settings.iter().map(Vec::as_slice);
    let mut of_arms: Vec<(_, Vec<Diagnostic>)> = settings.zip(lacking).collect();
    let before = of_arms.clone();
    for one in of_arms.iter_mut().flat_map(|(_, all)| all) {
        let has = |all: &[Diagnostic]| all.iter().all(|other| other.message != one.message);
        let having = before.iter().filter(|(_, all)| has(all));
        let having: Vec<&[(String, String)]> = having.map(|(settings, _)| *settings).collect();
        if is_path(one) && !having.is_empty() {
            one.help = Some(where_it_is(&one.message, &having));
        }
    }
    in_some_arms(&mut of_arms);
    let named = of_arms.into_iter().map(|(_, all)| all);
    let others = found.into_iter();
    { others.zip(named) }
        .map(|(mut all, named)| {
            all.retain(|d| !is_lacking(d));
            all.extend(named);
            all
        })
        .collect()
}

/// Where to write a requirement that speaks of a path which only these arms have.
fn where_it_is(message: &str, having: &[&[(String, String)]]) -> String {
    let path = message.split('`').nth(1).unwrap_or_default();
    let name = path.strip_prefix("space.").unwrap_or(path);
    let settings = having.iter().flat_map(|settings| settings.iter());
    let mut spaces: Vec<String> = settings
        .filter(|(of, _)| of == "space")
        .filter_map(|(_, value)| value.split([' ', '{']).next())
        .map(|space| format!("`{space} {{ require {name} … }}`"))
        .collect();
    spaces.dedup();
    match spaces.len() {
        0 => "write this requirement in the space that has it, by its name there".into(),
        1 => format!(
            "write this requirement in the arm that has it: {}",
            spaces[0]
        ),
        _ => format!(
            "write this requirement in each arm that has it: {}",
            spaces.join(", ")
        ),
    }
}
