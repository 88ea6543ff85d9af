//! What varies: how large the space is and how that was had, what requirements exclude, and every decision.

use std::fmt::Write;

use crate::ir::Value;
use crate::model::counting::{Count, How};
use crate::model::survey::Survey;
use crate::model::template::Limited;
use crate::model::{Choices, Decision, Template};
use crate::report::Look;
use crate::report::grid::Grid;
use crate::report::quantity::group;
use crate::report::words::plural;

/// The most decisions that are listed unless all are asked for.
const MOST_DECISIONS: usize = 16;

/// The most decisions of which it is said what a requirement excludes.
const MOST_PRUNED: usize = 8;

/// The most members of a set that are spelled out.
const MOST_MEMBERS: usize = 10;

/// The size of the space, what never occurs in it, and its decisions.
pub fn decisions(
    template: &Template,
    survey: &Survey,
    verbose: bool,
    look: Look,
    out: &mut String,
) {
    let mut all = template.decisions().by_path();
    all.retain(|(_, places)| !places.iter().all(|i| survey.nowhere.contains(i)));
    let is_excluded = |places: &[usize]| places.iter().all(|i| survey.excluded.contains(i));
    let total = match &survey.count {
        Count::Exact(n) if *n == 1_u32.into() => "1 candidate".into(),
        Count::Exact(n) => format!("{} candidates", group(&n.to_string())),
        Count::TooHard { at_most } => {
            format!("at most {} candidates", group(&at_most.to_string()))
        }
        Count::Infinite => "a continuous space".into(),
    };
    let exact = template.limits().iter();
    let exact = exact.filter(|l| l.counted == Limited::Exactly).count();
    let constraints = template.decisions().constraints.len() + exact;
    let rough = template.limits().iter();
    let rough: Vec<_> = rough.filter(|l| l.counted == Limited::Roughly).collect();
    let before = template.counted().left_out().len() + rough.len();
    let constrained = match (constraints, &survey.count) {
        (0, _) if before == 0 => String::new(),
        (_, Count::TooHard { .. }) => match before {
            0 => String::new(),
            1 => ", since 1 requirement is not counted exactly".into(),
            n => format!(", since {n} requirements are not counted exactly"),
        },
        (n, Count::Infinite) => format!(" that meets {}", plural(n, "constraint")),
        (n, Count::Exact(one)) if *one == 1_u32.into() => {
            format!(" that meets {}", plural(n, "constraint"))
        }
        (n, _) => format!(" that meet {}", plural(n, "constraint")),
    };
    let how = match (&survey.parts, survey.how) {
        _ if all.is_empty() => String::new(),
        (None, _) => String::new(),
        (Some(_), How::Product) => " (counted: product of domains)".into(),
        (Some(_), How::Conditioning(n)) => {
            // Of a name in two places one is chosen.
            let n = n.min(all.len());
            format!(" (counted: conditioning on {})", plural(n, "decision"))
        }
        (Some(_), How::Elimination(n)) => {
            format!(" (counted: elimination of {})", plural(n, "decision"))
        }
        (Some(_), How::PartialSums(n)) => {
            format!(" (counted: partial sums over {})", plural(n, "decision"))
        }
        (Some(_), How::Trying(n)) => {
            format!(" (counted: each of {} tried)", plural(n, "combination"))
        }
    };
    let _ = writeln!(
        out,
        "{}: {total}{constrained}{how}",
        plural(all.len(), "decision")
    );
    if let (Count::Infinite, Some(parts)) = (&survey.count, &survey.parts)
        && *parts != 1_u32.into()
    {
        let at_most = match before {
            0 => "",
            _ => "at most ",
        };
        let _ = writeln!(
            out,
            "{at_most}{} combinations of all decisions but the reals",
            group(&parts.to_string())
        );
    }
    for limit in rough {
        let text = &limit.written.text;
        let _ = writeln!(
            out,
            "points are drawn from those whose layers alone can meet `require {text}`"
        );
    }
    if let Some(sample) = survey.sample {
        let (share, error) = sample.acceptance();
        let size = match (&survey.count, &survey.parts) {
            (Count::Infinite, _) | (_, None) => None,
            (_, Some(parts)) => Some(parts.to_string().parse::<f64>().unwrap_or(f64::INFINITY)),
        };
        let estimate = match size {
            None => String::new(),
            Some(size) => format!(
                ": about {:.3e} ± {:.1e} candidates",
                size * share,
                size * error
            ),
        };
        // A share of 0 would be said of a space that has candidates.
        let _ = match sample.met {
            0 => {
                let most = sample.most();
                let at_most = size.map_or(String::new(), |size| {
                    format!(", {:.1e} candidates", size * most)
                });
                writeln!(
                    out,
                    "none of {} points that were drawn meets everything that is known before training: at most {:.2} % do{at_most} (95 % confidence)",
                    sample.drawn,
                    100.0 * most,
                )
            }
            _ => writeln!(
                out,
                "{} of {} points that were drawn meet everything that is known before training, {:.1} ± {:.1} %{estimate}",
                sample.met,
                sample.drawn,
                100.0 * share,
                100.0 * error,
            ),
        };
    }
    for pruned in survey.pruned.iter().take(MOST_PRUNED) {
        let decision = all.iter().find(|(d, _)| d.path == pruned.path);
        let shown = |v: &Value| decision.map_or(v.to_string(), |(d, _)| d.shown(v));
        let members = match &pruned.members[..] {
            [one] => format!("= {}", shown(one)),
            several => format!("in {}", set(several.iter().map(shown).collect())),
        };
        let by = match &pruned.by {
            Some(text) => format!("never meets `require {text}`"),
            None => "meets no combination of the other decisions".into(),
        };
        let _ = writeln!(out, "`{} {members}` {by}", pruned.path);
    }
    if survey.pruned.len() > MOST_PRUNED {
        let more = survey.pruned.len() - MOST_PRUNED;
        let _ = writeln!(
            out,
            "and {} more with members that never occur",
            plural(more, "decision")
        );
    }
    let excluded = all.iter().filter(|(_, places)| is_excluded(places));
    let excluded: Vec<&str> = excluded.map(|(d, _)| d.path.as_str()).collect();
    if !excluded.is_empty() {
        let more = match excluded.len().saturating_sub(MOST_PRUNED) {
            0 => String::new(),
            n => format!(" and {n} more"),
        };
        let named = excluded.iter().take(MOST_PRUNED);
        let named: Vec<String> = named.map(|path| format!("`{path}`")).collect();
        let _ = writeln!(
            out,
            "in no candidate, since requirements exclude what they need: {}{more}",
            named.join(", ")
        );
    }
    out.push('\n');
    if all.is_empty() {
        return;
    }
    let header = ["decision", "members", "default", "exists"].map(String::from);
    let mut grid = Grid::new(&header, &[0, 1, 2, 3], look);
    let shown = if verbose || all.len() <= MOST_DECISIONS {
        all.len()
    } else {
        MOST_DECISIONS
    };
    for (decision, places) in &all[..shown] {
        let exists = if is_excluded(places) {
            "never"
        } else if template.decisions().is_always(places) {
            "always"
        } else {
            "sometimes"
        };
        grid.row(
            &[
                decision.path.clone(),
                domain(decision),
                decision.shown(&decision.default),
                exists.into(),
            ],
            false,
        );
    }
    out.push_str(&grid.finish());
    if shown < all.len() {
        let _ = writeln!(
            out,
            "and {} more (`-v` lists them)",
            plural(all.len() - shown, "decision")
        );
    }
}

/// A set as it would be written; a long one by its ends.
fn set(items: Vec<String>) -> String {
    match &items[..] {
        [first, second, .., last] if items.len() > MOST_MEMBERS => {
            format!("{{{first}, {second}, …, {last}}}: {}", items.len())
        }
        _ => format!("{{{}}}", items.join(", ")),
    }
}

/// A domain as it would be written.
pub fn domain(decision: &Decision) -> String {
    match &decision.choices {
        Choices::Ordered(values) => {
            let shown = |x: &f64| decision.shown(&Value::Number(*x));
            set(values.iter().map(shown).collect())
        }
        Choices::Categories(values) => set(values.iter().map(Value::to_string).collect()),
        Choices::Integers {
            low,
            high,
            step,
            log,
        } => {
            let step = if *step > 1 {
                format!(" step {step}")
            } else {
                String::new()
            };
            format!("{low}..{high}{step}{}", logarithmic(*log))
        }
        Choices::Reals { low, high, log } if !decision.unit.is_empty() => {
            let shown = |x: f64| decision.shown(&Value::Number(x));
            format!("{}..{}{}", shown(*low), shown(*high), logarithmic(*log))
        }
        Choices::Reals { low, high, log } => {
            format!("{low:?}..{high:?}{}", logarithmic(*log))
        }
    }
}

fn logarithmic(log: bool) -> &'static str {
    if log { " log" } else { "" }
}
