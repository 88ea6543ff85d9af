//! How good the samplers are: median regret over ten seeds on Branin's function, as `examples/02-bayes.bnas` states it.
//!
//! `cargo bench --bench search` prints a Markdown table. Regret is the best value so far minus the minimum, 0.397887.

use bnas::interpreter::{self, RunOptions, Silent, store::Store};
use bnas::ir::{Experiment, Method};
use bnas::{analysis, source::Sources};

const MINIMUM: f64 = 0.397887357729739;
const AFTER: [usize; 3] = [20, 30, 40];
const SEEDS: u64 = 10;

fn main() {
    let mut sources = Sources::default();
    let text = include_str!("../examples/02-bayes.bnas");
    let main = sources.add("02-bayes.bnas", text);
    let checked = analysis::check(&mut sources, main, &analysis::FileLoader);
    let program = checked.program.expect("the example checks");

    println!("| sampler | after 20 trials | after 30 | after 40 |");
    println!("|---|---|---|---|");
    for (name, method) in [("random", Method::Random), ("bayes", Method::Bayes)] {
        let curves: Vec<[f64; 3]> = (0..SEEDS)
            .map(|seed| regrets(&program.experiments[0], method, seed))
            .collect();
        let medians: Vec<String> = (0..AFTER.len())
            .map(|i| format!("{:.2e}", median(curves.iter().map(|c| c[i]).collect())))
            .collect();
        println!("| {name} | {} |", medians.join(" | "));
    }
}

/// Regrets of one search after 20, 30 and 40 trials; ten initial points, one slot.
fn regrets(experiment: &Experiment, method: Method, seed: u64) -> [f64; 3] {
    let mut experiment = experiment.clone();
    experiment.seed = seed;
    experiment.search.method = method;
    experiment.search.trials = AFTER[AFTER.len() - 1];
    experiment.search.initial = 10;
    experiment.search.slots = 1;
    let stop = false.into();
    let options = RunOptions::new(1, &stop);
    let result = interpreter::run(&experiment, options, &mut Store::in_memory(), &Silent)
        .expect("a formula always has a value");
    AFTER.map(|n| {
        let values = result.trials[..n].iter().map(|t| t.goals[0]);
        values.fold(f64::INFINITY, f64::min) - MINIMUM
    })
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    (values[values.len() / 2 - 1] + values[values.len() / 2]) / 2.0
}
