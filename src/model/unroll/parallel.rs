//! Parallel branches, and where several ways through the network become one.
//!
//! In: a [`Parallel`] statement. Out: the nodes of its branches, each behind what flows before all of them, and a join.

use super::{Place, Unroller};
use crate::ir::{BinaryOp, Expr, Join, Parallel};
use crate::model::expression::evaluate;
use crate::model::expression::frame::Frame;
use crate::model::shape::extent::Extent;
use crate::model::shape::operation::{Arm, How, TemplateOp};
use crate::source::Span;

impl Unroller<'_, '_> {
    pub(super) fn parallel(&mut self, parallel: &Parallel, names: &Frame, place: &Place) {
        let start = self.flow.clone();
        let mut arms = Vec::with_capacity(parallel.branches.len());
        for branch in &parallel.branches {
            let path = place.of(&branch.name);
            let there = match &branch.when {
                None => Expr::bool(true),
                Some(when) => self.settler.expr(when, &path, &place.guard, names),
            };
            if there == Expr::bool(false) {
                continue;
            }
            self.flow = start.clone();
            let inside = Place {
                path,
                guard: evaluate::both(place.guard.clone(), there.clone()),
                ..place.clone()
            };
            self.statements(&branch.body, &mut names.clone(), &inside);
            self.end(&inside);
            arms.push(Arm {
                guard: there,
                end: self.flow.clone(),
                name: branch.name.clone(),
                span: branch.span,
            });
        }
        self.flow = start;
        let how = match parallel.join {
            Join::Concat => How::Concat,
            Join::Add => How::Sum,
        };
        self.join(how, arms, place, parallel.span);
    }

    /// Makes several ways one; they began with what flows now.
    pub(super) fn join(&mut self, how: How, arms: Vec<Arm>, place: &Place, span: Span) {
        let output = joined(how, &arms).unwrap_or_else(|| self.flow.extent.clone());
        let op = TemplateOp::Join(how, arms);
        let layer = place.at(match how {
            How::Concat => "concat",
            How::Either | How::Sum => "add",
        });
        self.push(&layer, place.guard.clone(), op, output, span);
    }
}

/// The shape of the first that is there, with the channels of all of them for a concatenation.
fn joined(how: How, arms: &[Arm]) -> Option<Extent> {
    let (last, others) = arms.split_last()?;
    let mut extent = last.end.extent.clone();
    for arm in others.iter().rev() {
        extent = arm.end.extent.clone().where_or(&arm.guard, &extent);
    }
    if how == How::Concat {
        let of_arm = |arm: &Arm| {
            let channels = arm.end.extent.channels.clone();
            evaluate::choose(arm.guard.clone(), channels, Expr::number(0.0))
        };
        // What is no number has been reported where it is an argument.
        let sum = |x: Expr, y: Expr| evaluate::combine(BinaryOp::Add, x, y).ok();
        extent.channels = arms[1..]
            .iter()
            .map(of_arm)
            .try_fold(of_arm(&arms[0]), sum)?;
    }
    Some(extent)
}
