//! What expressions may name by its path: values of the network and shapes of its parts, fields of targets, decisions.
//!
//! In: what has been settled so far. Out: [`Place`]s, and expressions in which they stand for their paths. A list that cannot be written
//! out is reported to the settler's sink.

use std::collections::BTreeSet;

use crate::ir::Expr;
use crate::model::expression::aggregate::{self, Place, Places};
use crate::model::expression::evaluate;
use crate::model::expression::existence;
use crate::model::expression::frame::Frame;
use crate::model::settling::settle::Settler;
use crate::model::unroll::End;

/// Shapes of what leaves parts of the network, as far as these expressions speak of such and no value of the network has that path.
pub(super) fn add_sides<'a>(
    places: &mut Places,
    ends: &[End],
    asked: impl Iterator<Item = &'a Expr>,
) {
    let mut wanted = BTreeSet::new();
    for expr in asked {
        evaluate::walk(expr, &mut |e| {
            if let Expr::Name(path, _) = e
                && let Some((_, side)) = path.rsplit_once('.')
                && ["height", "width", "channels"].contains(&side)
            {
                wanted.insert(side.to_string());
            }
        });
    }
    if wanted.is_empty() {
        return;
    }
    let mut sides = Vec::new();
    for End {
        path,
        guard,
        extent,
    } in ends
    {
        let [height, width, channels] = extent.sides();
        for (side, value) in [("height", height), ("width", width), ("channels", channels)] {
            let path = format!("{path}.{side}");
            if wanted.contains(side) && places.find(&path).is_none() {
                sides.push(Place {
                    path,
                    guard: guard.clone(),
                    value: value.clone(),
                });
            }
        }
    }
    places.extend(sides);
}

/// Decisions that have no place of their own yet, by their path: one whose members are formulas as the number that it gives.
pub(super) fn add_decisions(places: &mut Places, settler: &Settler) {
    let (mut open, mut known) = (Vec::new(), BTreeSet::new());
    for (index, decision) in settler.decisions.all.iter().enumerate() {
        let is_new = places.find(&decision.path).is_none() && known.insert(&decision.path);
        if settler.written.contains_key(&decision.path) && is_new {
            open.push(Place {
                path: decision.path.clone(),
                guard: settler.exists(index),
                value: settler.value_of(index),
            });
        }
    }
    places.extend(open);
}

/// An expression over paths, and the condition under which all that it needs exists.
pub(super) struct Settled {
    pub(super) value: Expr,
    pub(super) exists: Expr,
}

/// An expression with its lists written out, its paths replaced and its names settled; `None` after a diagnostic. `root` is in front of the
/// paths of its decisions.
pub(super) fn settled(
    expr: &Expr,
    root: &str,
    names: &Frame,
    places: &Places,
    settler: &mut Settler,
) -> Option<Settled> {
    let always = Expr::bool(true);
    let plain = aggregate::expand(expr, places, &|place| place.value.clone())
        .map_err(|diagnostic| settler.sink.push(diagnostic))
        .ok()?;
    let value = settler.expr(&plain, root, &always, names);
    // What is fixed has a value everywhere, but means something only where the part is that it belongs to.
    let mut is_guarded = false;
    evaluate::walk(expr, &mut |e| {
        if let Expr::Name(path, _) = e {
            is_guarded |= places.find(path).is_some_and(|p| p.guard != always);
        }
    });
    let exists = match is_guarded {
        false => existence::condition(&value, &settler.decisions),
        true => {
            let decisions = &settler.decisions;
            let stands = |place: &Place| existence::guarded(&place.value, &place.guard, decisions);
            let guarded = aggregate::expand(expr, places, &stands).ok()?;
            // Said once is enough.
            let said = settler.uses.len();
            let guarded = settler.expr(&guarded, root, &always, names);
            settler.uses.truncate(said);
            existence::condition(&guarded, &settler.decisions)
        }
    };
    Some(Settled { value, exists })
}
