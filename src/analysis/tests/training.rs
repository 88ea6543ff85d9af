//! What stages of training, their schedules and the final training become.

use super::lowering::lowered;
use crate::ir::{Expr, Value};

#[test]
fn stages_have_losses_teachers_and_decisions() {
    use crate::model::{Optimizer, Template};
    let e = lowered(
        "data = digits  space = small_cnn  policy = tied  share in 0.0..1.0 default 0.25
         stage acts { quantize = activations  epochs = 2  weight_decay = 1e-5
                      optimizer in {adam(lr in 1e-4..1e-2 log), sgd(lr = 0.1)} }
         stage both { quantize = all  epochs = 3  teacher = acts
                      loss = share * task + (1 - share) * distill(kl, temperature = 4) }
         require acts.optimizer.adam.lr <= 1e-3
         maximize accuracy",
    );
    let template = Template::new(&e).unwrap();
    let paths: Vec<&str> = (template.decisions().all.iter())
        .map(|d| d.path.as_str())
        .filter(|p| p.starts_with("acts"))
        .collect();
    assert_eq!(paths, ["acts.optimizer", "acts.optimizer.adam.lr"]);
    let point = template.decisions().default_point();
    let [acts, both] = &template.candidate(&point).unwrap().unwrap().stages[..] else {
        panic!("two stages");
    };
    assert!(matches!(
        acts.recipe.optimizer,
        Optimizer::Adam {
            weight_decay: 1e-5,
            ..
        }
    ));
    assert_eq!((acts.teacher, both.teacher), (None, Some(0)));
    let loss = both.loss;
    assert_eq!(
        (loss.task, loss.distill, loss.temperature),
        (0.25, 0.75, 4.0)
    );
}

#[test]
fn schedules_with_names_multiply() {
    use crate::model::expression::evaluate::{self, Scope};
    use crate::model::{Schedule, Template};
    struct Done(f64);
    impl Scope for Done {
        fn name(&self, name: &str) -> Option<Value> {
            (name == "step_progress").then_some(Value::Number(self.0))
        }
        fn decision(&self, _: usize) -> Option<Value> {
            None
        }
    }
    let schedule = |text: &str| {
        let e = lowered(&format!(
            "data = digits  space = small_cnn\nminimize params\nlow in {{0.5, 0.25}}\n\
             train {{ epochs = 3  schedule = {text} }}"
        ));
        let template = Template::new(&e).unwrap();
        let point = template.decisions().default_point();
        let candidate = template.candidate(&point).unwrap().unwrap();
        match candidate.stages[0].recipe.schedule.clone() {
            Schedule::Formula(formula) => formula,
            other => panic!("{other:?}"),
        }
    };
    let at = |text: &str, done: f64| evaluate::number(&schedule(text), &Done(done)).unwrap();
    let steps = "step(at = 0.5) * step(0.75, factor = low)";
    let wanted = [
        (0.0, 1.0),
        (0.49, 1.0),
        (0.5, 0.1),
        (0.75, 0.05),
        (1.0, 0.05),
    ];
    for (done, factor) in wanted {
        assert!((at(steps, done) - factor).abs() < 1e-15, "at {done}");
    }
    let cosine = |done: f64| 0.5 * (1.0 + (std::f64::consts::PI * done).cos());
    let warm = [
        (0.0, 0.0),
        (0.05, 0.5 * cosine(0.05)),
        (0.1, cosine(0.1)),
        (0.6, cosine(0.6)),
    ];
    for (done, factor) in warm {
        let found = at("warmup(0.1) * cosine", done);
        assert!((found - factor).abs() < 1e-15, "at {done}: {found}");
    }
    assert_eq!(at("warmup(0.1) * constant", 0.05), 0.5);
    let either = "if step_progress < 0.5 then constant else cosine";
    assert_eq!(at(either, 0.25), 1.0);
    assert!((at(either, 0.6) - cosine(0.6)).abs() < 1e-15);
}

#[test]
fn a_schedule_is_a_word_or_a_formula() {
    use crate::model::{Schedule, Template};
    let schedule = |body: &str| {
        let e = lowered(&format!(
            "data = digits  space = small_cnn\nminimize params\n{body}"
        ));
        let template = Template::new(&e).unwrap();
        let point = template.decisions().default_point();
        template.candidate(&point).unwrap().unwrap().stages[0]
            .recipe
            .schedule
            .clone()
    };
    assert_eq!(
        schedule("train { epochs = 3  schedule = constant }"),
        Schedule::Constant
    );
    // A decision is fixed, progress stays.
    let found = schedule(
        "floor in 0.0..0.5 default 0.25\ntrain { epochs = 3  schedule = max(1 - step_progress, floor) }",
    );
    let Schedule::Formula(Expr::Call(_, limits)) = found else {
        panic!("{found:?}");
    };
    // A schedule is never below 0.
    assert_eq!(limits[1], Expr::number(0.0));
    let Expr::Call(_, args) = &limits[0] else {
        panic!("{limits:?}");
    };
    assert_eq!(args[1], Expr::number(0.25));
    assert_eq!(
        crate::model::expression::evaluate::names(&args[0]),
        ["step_progress".to_string()].into()
    );
    // A name of one's own comes before the built-in one.
    let found = schedule("progress = 2\ntrain { epochs = 3  schedule = 1 / progress }");
    assert_eq!(found, Schedule::Formula(Expr::number(0.5)));
}

/// What `final` says of a technique takes the place of what the stage says; what it does not mention stays.
#[test]
fn final_training_has_techniques() {
    use crate::model::{Candidate, Template};
    let e = lowered(
        "data = digits  space = small_cnn  maximize accuracy
  train { epochs = 3  clip_gradient = 1  average = 0.9 }
  final { epochs = 9  average = 0.99  patience = 4 }",
    );
    let template = Template::new(&e).unwrap();
    let point = template.decisions().default_point();
    let searched = template.candidate(&point).unwrap().unwrap();
    let again = template.final_candidate(&point).unwrap().unwrap();
    let of = |candidate: &Candidate| {
        let recipe = &candidate.stages[0].recipe;
        let t = &recipe.techniques;
        (recipe.epochs, t.clip_gradient, t.average, t.patience)
    };
    assert_eq!(of(&searched), (3, Some(1.0), Some(0.9), None));
    assert_eq!(of(&again), (9, Some(1.0), Some(0.99), Some(4.0)));
}
