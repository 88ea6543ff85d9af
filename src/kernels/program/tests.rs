use super::*;
use crate::kernels::testing::{noise, on_every_isa};

fn inputs<'a>(x: &'a [f32], dy: &'a [f32], scales: &'a [f32], filters: usize) -> Inputs<'a> {
    Inputs {
        x,
        dy,
        scales,
        filters,
        progress: [0.25, 0.5],
    }
}

/// The result of a program on every instruction set, which must agree.
fn result(program: &Program, inputs: Inputs, start: f32) -> Vec<f32> {
    on_every_isa(|isa| {
        let mut y = vec![start; inputs.x.len()];
        program.run(isa, inputs, &mut y);
        y
    })
}

#[test]
fn pairs_of_steps_fuse_and_slots_are_shared() {
    // if |x| <= 1 then 2 - 2 |x| else 0, times dy.
    let steps = vec![
        Op::X,
        Op::Unary(Unary::Abs, 0),
        Op::Constant(1.0),
        Op::Binary(Binary::LessEqual, 1, 2),
        Op::Constant(2.0),
        Op::Binary(Binary::Multiply, 4, 1),
        Op::Binary(Binary::Subtract, 4, 5),
        Op::Constant(0.0),
        Op::Select(3, 6, 7),
        Op::Dy,
        Op::Binary(Binary::Multiply, 8, 9),
    ];
    let program = Program::new(steps, Some(Outcome::Add(10)), vec![]);
    assert_eq!(program.passes[0].instructions.len(), 3);
    let (x, dy) = (noise(1001, 1), noise(1001, 2));
    let y = result(&program, inputs(&x, &dy, &[1.0], 1), 3.0);
    for ((x, dy), y) in x.iter().zip(&dy).zip(y) {
        let a = x.abs();
        let slope = if a <= 1.0 { 2.0 - 2.0 * a } else { 0.0 };
        assert_eq!(y, 3.0 + slope * dy);
    }
}

/// (x - mean of the filter) * largest of the tensor + scale of the filter, and the means.
fn centered() -> Program {
    let steps = vec![
        Op::X,
        Op::Reduce(Reduction::Sum, Level::Filter, 0),
        Op::Count(Level::Filter),
        Op::Binary(Binary::Divide, 1, 2),
        Op::Binary(Binary::Subtract, 0, 3),
        Op::Reduce(Reduction::Max, Level::Tensor, 4),
        Op::Binary(Binary::Multiply, 4, 5),
        Op::Scale(Level::Filter),
        Op::Binary(Binary::Add, 6, 7),
    ];
    Program::new(steps, Some(Outcome::Fill(8)), vec![3, 5])
}

#[test]
fn reductions_know_their_filter_whatever_its_number() {
    let program = centered();
    for (filters, rows) in [
        (1, 700),
        (2, 3),
        (7, 100),
        (33, 9),
        (256, 2),
        (300, 5),
        (1000, 1),
    ] {
        let x = noise(filters * rows, 3);
        let scales: Vec<f32> = (0..filters).map(|c| c as f32).collect();
        let mut mean = vec![0.0_f64; filters];
        for (i, x) in x.iter().enumerate() {
            mean[i % filters] += f64::from(*x);
        }
        let mean: Vec<f32> = mean.iter().map(|m| *m as f32 / rows as f32).collect();
        let centered: Vec<f32> = (x.iter().enumerate())
            .map(|(i, x)| x - mean[i % filters])
            .collect();
        let largest = centered.iter().copied().fold(f32::MIN, f32::max);
        let wanted: Vec<f32> = (centered.iter().enumerate())
            .map(|(i, c)| c * largest + scales[i % filters])
            .collect();
        // A filter of its own has its sum in eight lanes.
        let found = result(&program, inputs(&x, &[], &scales, filters), 0.0);
        for (found, wanted) in found.iter().zip(&wanted) {
            assert!(
                (found - wanted).abs() <= 1e-5,
                "{filters}: {found}, {wanted}"
            );
        }
        let mut y = vec![0.0; x.len()];
        let kept = program.run(Isa::current(), inputs(&x, &[], &scales, filters), &mut y);
        assert_eq!((kept[0].len(), kept[1].len()), (filters, 1));
    }
}

#[test]
fn what_nobody_needs_is_not_computed() {
    let steps = vec![
        Op::X,
        Op::Reduce(Reduction::Min, Level::Tensor, 0),
        Op::Progress(1),
        Op::Unary(Unary::Negate, 2),
    ];
    let program = Program::new(steps, Some(Outcome::Fill(3)), vec![]);
    assert_eq!(program.passes.len(), 1);
    let y = result(&program, inputs(&[1.0; 300], &[], &[1.0], 1), 0.0);
    assert_eq!(y, [-0.5; 300]);
}

#[test]
fn nan_stays() {
    for op in [
        Op::Unary(Unary::Sign, 0),
        Op::Clip(0, 1, 1),
        Op::Reduce(Reduction::Max, Level::Tensor, 0),
        Op::Reduce(Reduction::Sum, Level::Tensor, 0),
    ] {
        let program = Program::new(
            vec![Op::X, Op::Constant(1.0), op],
            Some(Outcome::Fill(2)),
            vec![],
        );
        let y = result(&program, inputs(&[f32::NAN, 2.0], &[], &[1.0], 1), 0.0);
        assert!(y[0].is_nan(), "{op:?}");
    }
}
