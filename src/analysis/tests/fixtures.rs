//! Set-up that tests share: experiments on the embedded digits, and points of their templates.

use super::{checked, experiment};
use crate::diagnostic::Diagnostic;
use crate::ir::Value;
use crate::model::counting::members;
use crate::model::{Candidate, Decisions, Metrics, Point, Template};
use crate::source::Sources;

/// Declarations, and an experiment on digits with these lines that trains for an epoch and draws a few candidates.
pub fn on_digits(declarations: &str, lines: &str) -> String {
    format!(
        "bnas 1
use std.data.digits
{declarations}
experiment e {{
  data = digits
  train {{ epochs = 1 }}
  search {{ method = random  trials = 4 }}
  maximize accuracy
  {lines}
}}
"
    )
}

/// The template of a text without any diagnostic.
pub fn template(text: &str) -> Template {
    Template::new(&experiment(text)).unwrap_or_else(|e| panic!("{text}\n{e:?}"))
}

/// What is found in place of a template; nothing if there is one.
pub fn refusals(text: &str) -> (Vec<Diagnostic>, Sources) {
    let (checked, sources) = checked("test.bnas", text);
    let found = match checked.program {
        Some(program) => Template::new(&program.experiments[0]).err(),
        None => Some(checked.diagnostics),
    };
    (found.unwrap_or_default(), sources)
}

/// The codes of what is found in place of a template.
pub fn codes(text: &str) -> Vec<&'static str> {
    let (found, _) = refusals(text);
    found.into_iter().map(|d| d.code).collect()
}

/// The decisions under their guards alone, and every point of them.
pub fn every_point(template: &Template) -> (Decisions, Vec<Point>) {
    let free = Decisions {
        constraints: Vec::new(),
        ..template.decisions().clone()
    };
    let all = members(&free).unwrap().collect();
    (free, all)
}

/// Whether a point of these metrics meets every requirement of the experiment.
pub fn meets(template: &Template, point: &Point, known: &Metrics) -> bool {
    let holds = |require| template.evaluate(require, point, known) == Ok(Value::Bool(true));
    template.requires().iter().all(holds)
}

pub fn paths(template: &Template) -> Vec<&str> {
    let all = template.decisions().all.iter();
    all.map(|d| d.path.as_str()).collect()
}

/// The defaults, but for these decisions.
pub fn point(template: &Template, chosen: &[(&str, Value)]) -> Point {
    template.decisions().fill(|_, decision| {
        let chosen = chosen.iter().find(|(path, _)| *path == decision.path);
        chosen.map_or(&decision.default, |(_, value)| value).clone()
    })
}

/// The candidate at the defaults, but for these decisions.
pub fn candidate(template: &Template, chosen: &[(&str, Value)]) -> Candidate {
    let candidate = template.candidate(&point(template, chosen));
    candidate.unwrap().expect("a network")
}

/// Two optional layers with a width and a precision each.
pub fn few(lines: &str) -> String {
    let declared = "use std.quantizers.{binary, int8}
use std.targets.braintta
space net {
  layer stem = conv(channels = 8) -> norm -> relu
  depth in 1..2
  repeat depth as d {
    width in {16, 8}
    layer c = conv(channels = width) -> norm -> relu
  }
  layer head = pool(average) -> linear(classes)
}
policy few { each layer { q in {int8, binary}  weights = q  activations = q } }";
    let lines = format!("space = net  policy = few  target = braintta\n  {lines}");
    on_digits(declared, &lines)
}
