//! Every slot of an experiment made an expression over decisions.
//!
//! In: an experiment, and a settler that knows nothing yet or where decisions stand. Out: the network, the settings and what is asked for, over the
//! settler's decisions.

use super::asked::Asked;
use super::body::Body;
use super::of_best::OfBest;
use super::places::add_decisions;
use super::settings::Settings;
use crate::ir::{AUTHOR, Experiment, Expr};
use crate::model::expression::aggregate::Places;
use crate::model::expression::evaluate;
use crate::model::expression::frame::Frame;
use crate::model::settling::arrangement::Arrangement;
use crate::model::settling::settle::Settler;

/// An experiment over decisions.
pub(super) struct Settled<'a> {
    pub(super) settler: Settler<'a>,
    pub(super) body: Body,
    pub(super) settings: Settings,
    pub(super) asked: Asked,
    /// What stands for names that expectations of the result speak of.
    expected: Vec<Expr>,
    pub(super) of_best: OfBest,
}

impl<'a> Settled<'a> {
    /// Settles everything in the order of decisions. What is wrong goes to the settler's sink.
    pub(super) fn new(experiment: &Experiment, mut settler: Settler<'a>) -> Settled<'a> {
        let mut names = Frame::default();
        for binding in &experiment.lets {
            settler.define(binding, &binding.name, &Expr::bool(true), &mut names);
            names.also(&binding.name, format!("{AUTHOR}{}", binding.name));
        }
        let expected = { experiment.expects.iter() }
            .flat_map(|expect| evaluate::names(&expect.holds))
            .filter_map(|name| names.get(name.strip_prefix("best.").unwrap_or(&name)))
            .collect();
        let mut places = Places::default();
        let body = Body::new(experiment, &names, &mut places, &mut settler);
        let settings = Settings::new(experiment, &body, &names, &mut places, &mut settler);
        add_decisions(&mut places, &settler);
        let asked = Asked::new(experiment, &names, &places, &mut settler);
        let of_best = OfBest::new(experiment, &names, &places, &mut settler);
        if let Some(training) = &settings.final_training {
            training.read(&mut settler);
        }
        Settled {
            settler,
            body,
            settings,
            asked,
            expected,
            of_best,
        }
    }

    /// Where decisions stand that do not exist wherever they were met; `None` if all do, or if something is wrong. An evaluator reads them all.
    pub(super) fn arrangement(&self, experiment: &Experiment) -> Option<Arrangement> {
        if self.settler.sink.has_errors() || experiment.evaluator.is_some() {
            return None;
        }
        let constraints = self.settler.decisions.constraints.iter();
        let asked = self.asked.goals.iter().chain(&self.asked.requires);
        let mentioned = self.body.mentioned().chain(asked);
        let mentioned = (mentioned.chain(&self.expected))
            .chain(self.of_best.values())
            .chain(constraints);
        Arrangement::of(&self.settler, mentioned)
    }
}
