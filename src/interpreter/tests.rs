use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use super::store::Lock;
use super::*;
use crate::ir::{
    BinaryOp, Direction, Domain, DomainKind, Expect, Expr, Function, Goal, Let, Require, Search,
    Slot, Value,
};
use crate::report::{csv, json};
use crate::source::Span;

fn name(text: &str) -> Expr {
    Expr::Name(text.into(), Span::default())
}

fn op(op: BinaryOp, x: Expr, y: Expr) -> Expr {
    Expr::Binary(op, Arc::new(x), Arc::new(y))
}

fn chosen(name: &str, kind: DomainKind) -> Let {
    Let {
        name: name.into(),
        slot: Slot::Chosen(Domain {
            kind,
            default: None,
            unit: String::new(),
            span: Span::default(),
        }),
        span: Span::default(),
    }
}

fn goal(direction: Direction, text: &str, expr: Expr) -> Goal {
    Goal {
        direction,
        expr: Arc::new(expr),
        text: text.into(),
        unit: String::new(),
        span: Span::default(),
    }
}

/// A search over formulas: nothing is trained.
fn experiment(lets: Vec<Let>, goals: Vec<Goal>, method: Method, trials: usize) -> Experiment {
    Experiment {
        name: "formula".into(),
        docs: String::new(),
        seed: 1,
        repeats: 1,
        init: Slot::word("glorot_uniform"),
        evaluator: None,
        lets,
        data: None,
        space: None,
        policy: None,
        quantizers: Vec::new(),
        repairs: Slot::Fixed(Expr::Value(Value::Set(Vec::new()))),
        repair_definitions: Vec::new(),
        target: None,
        policy_choice: None,
        target_choice: None,
        stages: Vec::new(),
        final_training: None,
        search: Search {
            method,
            trials,
            initial: 5,
            slots: 4,
        },
        goals,
        requires: Vec::new(),
        expects: Vec::new(),
        units: Default::default(),
        provenance: Vec::new(),
        arms: Vec::new(),
        amendments: Vec::new(),
        span: Span::default(),
    }
}

fn reals(low: f64, high: f64) -> DomainKind {
    DomainKind::Reals {
        low,
        high,
        log: false,
    }
}

/// (x - 1)^2 + y against x + y: both goals pull, and the front is a curve.
fn two_goals(trials: usize) -> Experiment {
    let (x, y) = (|| name("x"), || name("y"));
    let shifted = op(BinaryOp::Subtract, x(), Expr::number(1.0));
    let square = op(BinaryOp::Power, shifted, Expr::number(2.0));
    experiment(
        vec![chosen("x", reals(0.0, 2.0)), chosen("y", reals(0.0, 1.0))],
        vec![
            goal(
                Direction::Minimize,
                "(x - 1)^2 + y",
                op(BinaryOp::Add, square, y()),
            ),
            goal(Direction::Maximize, "x + y", op(BinaryOp::Add, x(), y())),
        ],
        Method::Bayes,
        trials,
    )
}

/// Makes trials end in another order than they begin, and may stop the run after some.
struct Disturbed<'a> {
    stop: &'a AtomicBool,
    stop_after: usize,
    ended: AtomicUsize,
    salt: usize,
}

impl Observer for Disturbed<'_> {
    fn running(&self, trial: usize) {
        let pause = (trial * 7 + self.salt * 5) % 4;
        std::thread::sleep(Duration::from_millis(pause as u64));
    }

    fn ended(&self, _: Phase, _: &Trial) {
        if self.ended.fetch_add(1, Ordering::Relaxed) + 1 == self.stop_after {
            self.stop.store(true, Ordering::Relaxed);
        }
    }
}

fn run_with(
    experiment: &Experiment,
    jobs: usize,
    salt: usize,
    stop_after: usize,
    store: &mut Store,
) -> Result<RunResult, RunError> {
    let stop = AtomicBool::new(false);
    let observer = Disturbed {
        stop: &stop,
        stop_after,
        ended: AtomicUsize::new(0),
        salt,
    };
    run(
        experiment,
        RunOptions {
            jobs,
            stop: &stop,
            checkpoint: Duration::ZERO,
        },
        store,
        &observer,
    )
}

fn finished(experiment: &Experiment, jobs: usize, salt: usize) -> RunResult {
    let mut store = Store::in_memory();
    run_with(experiment, jobs, salt, usize::MAX, &mut store).unwrap()
}

fn bytes(result: &RunResult) -> String {
    json::result(result, false) + &csv::trials(result, false)
}

fn lock() -> Lock {
    Lock::new("formula", 1, 14, "spec", [], BTreeMap::new(), Vec::new())
}

#[test]
fn jobs_and_the_order_of_ends_change_no_byte() {
    let experiment = two_goals(14);
    let alone = bytes(&finished(&experiment, 1, 0));
    for (jobs, salt) in [(2, 1), (3, 2), (4, 3), (9, 0)] {
        let result = finished(&experiment, jobs, salt);
        assert_eq!(bytes(&result), alone, "{jobs} jobs");
    }
}

#[test]
fn another_lag_is_another_search() {
    let mut experiment = two_goals(14);
    let four = bytes(&finished(&experiment, 1, 0));
    experiment.search.slots = 1;
    assert_ne!(bytes(&finished(&experiment, 1, 0)), four);
}

#[test]
fn a_stopped_run_goes_on_to_the_same_bytes() {
    let experiment = two_goals(14);
    let whole = bytes(&finished(&experiment, 2, 0));
    for stop_after in [1, 3, 6, 9] {
        let folder = tempfile::tempdir().unwrap();
        let mut store = Store::create(folder.path(), &lock(), "spec").unwrap();
        let outcome = run_with(&experiment, 3, stop_after, stop_after, &mut store);
        assert!(
            matches!(outcome, Err(RunError::Interrupted { total: 14, .. })),
            "{stop_after}: {outcome:?}"
        );
        drop(store);
        let mut store = Store::resume(folder.path(), &lock(), "spec").unwrap();
        assert!(store.state().trials.len() >= stop_after);
        let result = run_with(&experiment, 2, 1, usize::MAX, &mut store).unwrap();
        assert_eq!(bytes(&result), whole, "stopped after {stop_after}");
    }
}

/// Whichever lines of the journal are lost, what they said is found out again.
#[test]
fn lost_lines_are_found_out_again() {
    let experiment = two_goals(14);
    let folder = tempfile::tempdir().unwrap();
    let mut store = Store::create(folder.path(), &lock(), "spec").unwrap();
    let whole = bytes(&run_with(&experiment, 2, 0, usize::MAX, &mut store).unwrap());
    drop(store);
    let path = folder.path().join("journal/main.jsonl");
    let journal = std::fs::read_to_string(&path).unwrap();
    let lines: Vec<&str> = journal.lines().collect();
    for keep in [
        0b00_0000_0000_0000_u32,
        0b10_1011_0011_1010,
        0b01_1111_1111_1111,
        0b11_1100_0000_0011,
    ] {
        let kept = lines.iter().enumerate();
        let kept = kept.filter(|(i, _)| keep >> i & 1 == 1).map(|(_, l)| *l);
        let text: String = kept.flat_map(|l| [l, "\n"]).collect();
        std::fs::write(&path, text + "{\"check\":\"torn").unwrap();
        let mut store = Store::resume(folder.path(), &lock(), "spec").unwrap();
        assert_eq!(store.losses().len(), 1);
        let result = run_with(&experiment, 4, 2, usize::MAX, &mut store).unwrap();
        assert_eq!(bytes(&result), whole, "{keep:b}");
    }
}

#[test]
fn a_failed_trial_is_a_result_and_the_search_goes_on() {
    let root = Expr::Call(Function::Sqrt, vec![name("x")]);
    let experiment = experiment(
        vec![chosen(
            "x",
            DomainKind::Integers {
                low: -3,
                high: 3,
                step: 1,
                log: false,
            },
        )],
        vec![goal(Direction::Maximize, "sqrt(x)", root)],
        Method::Grid,
        20,
    );
    let result = finished(&experiment, 2, 0);
    assert_eq!(result.trials.len(), 7, "the grid has seven members");
    let failed: Vec<usize> = result
        .trials
        .iter()
        .filter(|t| matches!(&t.status, Status::Failed(r) if r.contains("sqrt(x)")))
        .map(|t| t.number)
        .collect();
    assert_eq!(failed, [0, 1, 2]);
    assert_eq!(result.pareto, [6]);
    assert_eq!(result.best, Some(6));
    assert_eq!(result.trials[6].goals, [3.0_f64.sqrt()]);
}

#[test]
fn what_is_known_to_be_excluded_is_never_tried() {
    let mut experiment = two_goals(10);
    experiment.search.method = Method::Random;
    experiment.requires.push(Require {
        holds: Arc::new(op(BinaryOp::LessEqual, name("x"), Expr::number(0.5))),
        text: "x <= 0.5".into(),
        why: None,
        span: Span::default(),
        parts: Vec::new(),
    });
    let result = finished(&experiment, 2, 0);
    assert_eq!(result.trials.len(), 10);
    for trial in &result.trials {
        let x = trial.point.0[0].as_ref().and_then(Value::as_number);
        assert!(x.unwrap() <= 0.5);
        assert!(trial.is_feasible());
    }
}

#[test]
fn the_front_and_the_best_follow_their_definition() {
    let result = finished(&two_goals(14), 2, 0);
    // Minimize the first, maximize the second.
    let beats = |a: &Trial, b: &Trial| {
        a.goals[0] <= b.goals[0] && a.goals[1] >= b.goals[1] && a.goals != b.goals
    };
    for trial in &result.trials {
        let is_beaten = result.trials.iter().any(|other| beats(other, trial));
        assert_eq!(result.pareto.contains(&trial.number), !is_beaten);
    }
    let best = result.trial(result.best.unwrap()).unwrap();
    assert!(result.trials.iter().all(|t| best.goals[0] <= t.goals[0]));
    assert!(result.hypervolume.unwrap().value > 0.0);
}

#[test]
fn an_expectation_says_what_it_saw() {
    let mut experiment = two_goals(8);
    experiment.lets.push(Let {
        name: "wanted".into(),
        slot: Slot::Fixed(Expr::number(9.0)),
        span: Span::default(),
    });
    for wanted in [name("wanted"), Expr::number(1.0)] {
        experiment.expects.push(Expect {
            measures: Vec::new(),
            holds: Arc::new(op(BinaryOp::GreaterEqual, name("pareto.count"), wanted)),
            text: "pareto.count >= …".into(),
            span: Span::default(),
        });
    }
    let result = finished(&experiment, 1, 0);
    let [fails, holds] = &result.expects[..] else {
        panic!("two expectations");
    };
    assert!(!fails.holds && holds.holds);
    let shown: Vec<&str> = fails.parts.iter().map(|p| p.text.as_str()).collect();
    assert_eq!(shown, ["pareto.count", "wanted"]);
    assert_eq!(fails.parts[1].value, Some(Value::Number(9.0)));
    assert!(!result.meets_expectations());
}
