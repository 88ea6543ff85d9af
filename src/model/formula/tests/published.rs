//! Quantizers of papers: their formulas have the gradients that the papers state.

use super::*;

#[test]
fn learned_steps_have_the_gradient_of_their_paper() {
    let lsq = quantizer(INT4, ScaleRule::Learned, Formulas::default());
    let programs = programs(&lsq, Surrogate::Identity).unwrap().unwrap();
    let x = [-3.0_f32, 0.3, 0.74, -0.26, 5.0, 0.1];
    let scales = [0.2_f32, 0.5, 0.3];
    let dy = [1.0_f32, -2.0, 0.5, 3.0, 1.5, 0.25];
    let (mut y, mut dx) = ([0.0; 6], [0.0; 6]);
    let isa = Isa::current();
    (programs.forward).run(isa, inputs(&x, &[], &scales), &mut y);
    let ds = (programs.backward).run(isa, inputs(&x, &dy, &scales), &mut dx);
    let mut wanted = [0.0_f64; 3];
    for i in 0..6 {
        // LSQ, Eq. (3) and (5).
        let s = f64::from(scales[i % 3]);
        let v = f64::from(x[i]) / s;
        let code = v.round_ties_even().clamp(-7.0, 7.0);
        let inside = v.abs() <= 7.0;
        assert!((f64::from(y[i]) - code * s).abs() < 1e-6);
        assert_eq!(dx[i], if inside { dy[i] } else { 0.0 });
        wanted[i % 3] += f64::from(dy[i]) * if inside { code - v } else { code };
    }
    for (found, wanted) in ds[0].iter().zip(wanted) {
        assert!(
            (f64::from(*found) - wanted).abs() < 1e-5,
            "{found}, {wanted}"
        );
    }
}

#[test]
fn of_a_learned_step_nothing_is_computed_twice() {
    let lsq = quantizer(INT4, ScaleRule::Learned, Formulas::default());
    let programs = programs(&lsq, Surrogate::Identity).unwrap().unwrap();
    assert_eq!(programs.forward.instructions(), 2);
    // x / s, its code, dy inside the range, dy * code - inside * x / s, which is summed, and dx.
    assert_eq!(programs.backward.instructions(), 5);
}

#[test]
fn learned_clipping_has_the_gradient_of_its_paper() {
    let grid = Grid::Integer {
        bits: 4,
        signed: false,
    };
    let pact = quantizer(grid, ScaleRule::LearnedClip, Formulas::default());
    let programs = programs(&pact, Surrogate::Straight).unwrap().unwrap();
    let alpha = 3.0_f32;
    let scales = [alpha / 15.0; FILTERS];
    let x = [-0.5, 0.0, 0.3, 1.7, 2.9, 3.5, 7.0, 2.0, -2.0];
    let dy = [1.0, -2.0, 0.5, 3.0, 1.5, 0.25, -4.0, 1.0, 2.0];
    let (mut y, mut dx) = ([0.0; 9], [0.0; 9]);
    let isa = Isa::current();
    (programs.forward).run(isa, inputs(&x, &[], &scales), &mut y);
    let ds = (programs.backward).run(isa, inputs(&x, &dy, &scales), &mut dx);
    let mut wanted = [0.0_f32; FILTERS];
    for i in 0..9 {
        // PACT, Eq. (1) to (3): the derivative for alpha is 1 from alpha on, else 0; alpha is 15 scales.
        let clipped = x[i].clamp(0.0, alpha);
        let steps = (clipped * 15.0 / alpha).round_ties_even();
        assert!((y[i] - steps * alpha / 15.0).abs() < 1e-6);
        assert_eq!(dx[i], if clipped == x[i] { dy[i] } else { 0.0 });
        wanted[i % FILTERS] += if x[i] >= alpha { 15.0 * dy[i] } else { 0.0 };
    }
    assert_eq!(ds[0], wanted);
}

#[test]
fn learned_clipping_is_the_slope_of_clipping() {
    let grid = Grid::Integer {
        bits: 4,
        signed: false,
    };
    let pact = quantizer(grid, ScaleRule::LearnedClip, Formulas::default());
    let programs = programs(&pact, Surrogate::Straight).unwrap().unwrap();
    let x = weights();
    let dy: Vec<f32> = (0..x.len()).map(|i| (i as f32 * 1.7).sin()).collect();
    let alpha = 0.6_f32;
    let (scales, mut dx) = ([alpha / 15.0; FILTERS], vec![0.0; x.len()]);
    let ds = (programs.backward).run(Isa::current(), inputs(&x, &dy, &scales), &mut dx);
    // Rounding passes straight through, so that the loss is that of clipped values.
    let loss = |alpha: f64, moved: Option<(usize, f64)>| -> f64 {
        let of = |i: usize| {
            let x = f64::from(x[i]) + moved.filter(|m| m.0 == i).map_or(0.0, |m| m.1);
            x.clamp(0.0, alpha) * f64::from(dy[i])
        };
        (0..x.len()).map(of).sum()
    };
    let (alpha, h) = (f64::from(alpha), 1e-6);
    let slope = (loss(alpha + h, None) - loss(alpha - h, None)) / (2.0 * h);
    let found: f32 = ds[0].iter().sum();
    assert!(slope != 0.0, "nothing is clipped");
    assert!(
        (f64::from(found) / 15.0 - slope).abs() < 1e-4,
        "{found} / 15, not {slope}"
    );
    for (i, dx) in dx.iter().enumerate() {
        let slope = (loss(alpha, Some((i, h))) - loss(alpha, Some((i, -h)))) / (2.0 * h);
        assert!(
            (f64::from(*dx) - slope).abs() < 1e-4,
            "at {i}: {dx}, not {slope}"
        );
    }
}

#[test]
fn the_gradient_of_dorefa_weights_goes_through_their_normalization() {
    let tanh = || call(Function::Tanh, &[x()]);
    let largest = per(Reduction::Max, Per::Tensor, call(Function::Abs, &[tanh()]));
    let largest = call(Function::Max, &[largest, num(1e-6)]);
    let normalize = op(BinaryOp::Divide, tanh(), largest);
    let scale = num(1.0 / 7.0);
    let formulas = Formulas {
        normalize: Some(normalize.clone()),
        scale: Some(scale.clone()),
        ..Formulas::default()
    };
    let steps = op(BinaryOp::Divide, normalize, scale.clone());
    let clipped = call(Function::Clip, &[steps, num(-7.0), num(7.0)]);
    let value = times(scale, call(Function::Round, &[clipped]));
    agrees(&quantizer(INT4, ScaleRule::MaxAbs, formulas), &value, 1.0);
}

#[test]
fn error_decay_sharpens_with_progress() {
    // t = 1e-3 * (1e1 / 1e-3) ^ progress, k = max(1 / t, 1), k * t * (1 - tanh(t * x)^2)
    let ratio = op(BinaryOp::Divide, num(1e1), num(1e-3));
    let power = op(BinaryOp::Power, ratio, name("progress"));
    let inverse = op(BinaryOp::Divide, num(1.0), name("t"));
    let tanh = call(Function::Tanh, &[times(name("t"), x())]);
    let square = op(BinaryOp::Power, tanh, num(2.0));
    let formulas = Formulas {
        lets: vec![
            fix("t", times(num(1e-3), power)),
            fix("k", call(Function::Max, &[inverse, num(1.0)])),
        ],
        gradient: Some(times(
            times(name("k"), name("t")),
            op(BinaryOp::Subtract, num(1.0), square),
        )),
        ..Formulas::default()
    };
    let program = surrogate(&quantizer(Grid::Binary, ScaleRule::One, formulas));
    let program = program.unwrap().unwrap();
    let x = [-2.0_f32, -0.1, 0.0, 0.3, 1.5, 0.7];
    for progress in [0.0_f32, 0.25, 0.5, 1.0] {
        let mut y = [0.0; 6];
        let mut inputs = inputs(&x, &[1.0; 6], &[1.0]);
        inputs.progress = [progress, 0.0];
        program.run(Isa::current(), inputs, &mut y);
        let t = 1e-3 * 1e4_f64.powf(f64::from(progress));
        let k = (1.0 / t).max(1.0);
        for (x, y) in x.iter().zip(y) {
            let wanted = k * t * (1.0 - (t * f64::from(*x)).tanh().powi(2));
            assert!(
                (f64::from(y) - wanted).abs() < 1e-5 * wanted.abs().max(1.0),
                "at {x}, {progress}: {y}, not {wanted}"
            );
        }
    }
}

/// The quantizer of the library, whose file must say what is built here.
fn libra() -> Quantizer {
    let file = std::fs::read_to_string("stdlib/quantizers/libra.bnas").unwrap();
    for formula in [
        "normalize(w) = (w - mean(w, per = filter)) / std(w, per = filter)",
        "scale(w)     = stop(2^round(log2(max(mean(abs(normalize(w)), per = filter), 1e-6))))",
        "forward(w)   = scale(w) * sign(normalize(w))",
    ] {
        assert!(file.contains(&format!("  {formula}\n")), "{formula}");
    }
    assert!(!file.contains("gradient(w)"));
    let size = call(Function::Abs, &[normalized()]);
    let size = per(Reduction::Mean, Per::Filter, size);
    let size = call(Function::Max, &[size, num(1e-6)]);
    let exponent = call(Function::Round, &[call(Function::Log2, &[size])]);
    let scale = call(Function::Stop, &[op(BinaryOp::Power, num(2.0), exponent)]);
    let formulas = Formulas {
        normalize: Some(normalized()),
        scale: Some(scale.clone()),
        forward: Some(times(scale, call(Function::Sign, &[normalized()]))),
        ..Formulas::default()
    };
    quantizer(Grid::Binary, ScaleRule::MeanAbs, formulas)
}

#[test]
fn libra_standardizes_and_its_gradient_goes_through_that() {
    let libra = libra();
    let forward = libra.formulas.forward.clone().unwrap();
    agrees(&libra, &forward, 1.0);
    let programs = programs(&libra, Surrogate::Identity).unwrap().unwrap();
    let x = weights();
    let scales = programs
        .scale
        .run(Isa::current(), inputs(&x, &[], &[1.0]), &mut []);
    assert_eq!(scales[0].len(), FILTERS);
    assert!(
        scales[0].iter().all(|s| s.log2().fract() == 0.0),
        "{scales:?}"
    );
}
