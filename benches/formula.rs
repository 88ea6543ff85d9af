//! How fast formulas run: quantizers of the standard library against the same functions written by hand in Rust, on 10^6 values.
//!
//! `cargo bench --bench formula` prints a Markdown table: medians of alternated rounds in milliseconds, and their ratio. Both sides are compiled
//! for the same instruction set, take elementary functions from `kernels::elementary`, read and write the same memory, and give the same
//! values, which is checked first. What is written by hand has no branches, so that the compiler turns it into vectors.

use std::hint::black_box;
use std::time::Instant;

use bnas::kernels::program::{Inputs, Program};
use bnas::kernels::quantize;
use bnas::kernels::simd::{Kernel, Simd};
use bnas::kernels::{Isa, elementary};
use bnas::model::{Quantizer, Template, formula};
use bnas::{analysis, source::Sources};

const VALUES: usize = 1_000_000;
const ROUNDS: usize = 41;
const SCALE: f32 = 0.1;
const PROGRESS: f32 = 0.5;

fn main() {
    let isa = Isa::current();
    println!("{VALUES} values, {}\n", isa.name());
    println!("| quantizer | pass | formula, ms | by hand, ms | ratio |");
    println!("|---|---|---|---|---|");
    let mut ratios = Vec::new();
    for case in cases() {
        let [ours, theirs] = case.medians(isa);
        let ratio = ours / theirs;
        let Case { name, pass, .. } = case;
        println!("| {name} | {pass} | {ours:.3} | {theirs:.3} | {ratio:.2} |");
        ratios.push(ratio.ln());
    }
    let mean = (ratios.iter().sum::<f64>() / ratios.len() as f64).exp();
    println!("| geometric mean | | | | {mean:.2} |");
}

/// Fills the last from the values and the gradients that arrive.
type Function = Box<dyn Fn(Isa, &[f32], &[f32], &mut [f32])>;

struct Case {
    name: &'static str,
    pass: &'static str,
    formula: Function,
    by_hand: Function,
}

impl Case {
    /// Milliseconds of both, a round of one after a round of the other.
    fn medians(&self, isa: Isa) -> [f64; 2] {
        let (x, dy) = (numbers(1), numbers(2));
        let sides = [&self.formula, &self.by_hand];
        let mut out = [vec![0.5; VALUES], vec![0.5; VALUES]];
        for (side, out) in sides.iter().zip(&mut out) {
            side(isa, &x, &dy, out);
        }
        for (i, (a, b)) in out[0].iter().zip(&out[1]).enumerate() {
            let far = (a - b).abs() > 1e-5 * a.abs().max(b.abs()).max(1.0);
            assert!(
                !far,
                "{} {}: {a} and {b} for {}",
                self.name, self.pass, x[i]
            );
        }
        let mut times = [Vec::new(), Vec::new()];
        let [out, _] = &mut out;
        for _ in 0..ROUNDS {
            for (side, times) in sides.iter().zip(&mut times) {
                let start = Instant::now();
                side(isa, black_box(&x), black_box(&dy), black_box(out));
                times.push(start.elapsed().as_secs_f64() * 1e3);
            }
        }
        times.map(|mut times| {
            times.sort_by(f64::total_cmp);
            times[times.len() / 2]
        })
    }
}

/// Numbers from -2 to 2 without any order.
fn numbers(seed: u64) -> Vec<f32> {
    let mut state = seed;
    let number = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1 << 22) as f32 - 2.0
    };
    std::iter::repeat_with(number).take(VALUES).collect()
}

/// A quantizer of the library as it is placed on activations.
fn quantizer(name: &str, amended: &str) -> Quantizer {
    let text = format!(
        "bnas 1
use std.data.digits
use std.quantizers.{{{name}, int8}}
space one {{
  layer body = conv(channels = 8) -> norm -> relu
  layer head = pool(average) -> linear(classes)
}}
policy formulas {{ each layer {{ weights = int8  activations = {name}{amended} }} }}
experiment bench {{
  data   = digits
  space  = one
  policy = formulas
  train  {{ epochs = 1 }}
  search {{ method = grid }}
  maximize accuracy
}}"
    );
    let mut sources = Sources::default();
    let main = sources.add("bench.bnas", text);
    let checked = analysis::check(&mut sources, main, &analysis::FileLoader);
    let problems = bnas::diagnostic::render(&checked.diagnostics, &sources, false);
    let program = checked.program.unwrap_or_else(|| panic!("{problems}"));
    let template = Template::new(&program.experiments[0]).expect("a template");
    let point = template.decisions().default_point();
    let candidate = template
        .candidate(&point)
        .expect("a member")
        .expect("a network");
    let mut nodes = candidate.network.nodes.into_iter();
    let placement = nodes
        .find_map(|n| n.placement)
        .expect("a layer with weights");
    placement.activations.expect("activations are quantized")
}

fn run(program: &Program, isa: Isa, x: &[f32], dy: &[f32], scale: f32, out: &mut [f32]) {
    let inputs = Inputs {
        x,
        dy,
        scales: &[scale],
        filters: 1,
        progress: [PROGRESS; 2],
    };
    black_box(program.run(isa, inputs, out));
}

fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (name, by_hand) in [
        (
            "approx_sign",
            approx_sign as fn(Isa, &[f32], &[f32], &mut [f32]),
        ),
        ("ede", ede),
        ("reste", reste),
    ] {
        cases.push(Case {
            name,
            pass: "forward",
            formula: Box::new(|isa, x, _, out| {
                quantize::quantize_into(isa, quantize::Codes::Sign, x, &[SCALE], out)
            }),
            by_hand: Box::new(|isa, x, _, out| {
                isa.run(Map(x, out, |x: f32| if x >= 0.0 { SCALE } else { -SCALE }))
            }),
        });
        let program = formula::surrogate(&quantizer(name, "")).expect("a formula");
        let program = program.expect("a surrogate");
        cases.push(Case {
            name,
            pass: "backward",
            formula: Box::new(move |isa, x, dy, out| run(&program, isa, x, dy, 1.0, out)),
            by_hand: Box::new(by_hand),
        });
    }
    let lsq = quantizer("lsq", " { bits = 4  signed = true }");
    let programs = formula::programs(&lsq, formula::Surrogate::Straight).expect("formulas");
    let programs = programs.expect("a learned scale");
    let (forward, backward) = (programs.forward, programs.backward);
    cases.push(Case {
        name: "lsq",
        pass: "forward",
        formula: Box::new(move |isa, x, _, out| run(&forward, isa, x, &[], SCALE, out)),
        by_hand: Box::new(|isa, x, _, out| {
            let scale = black_box(SCALE);
            isa.run(Map(x, out, |x: f32| {
                (x / scale).clamp(-7.0, 7.0).round_ties_even() * scale
            }));
        }),
    });
    cases.push(Case {
        name: "lsq",
        pass: "backward",
        formula: Box::new(move |isa, x, dy, out| run(&backward, isa, x, dy, SCALE, out)),
        by_hand: Box::new(|isa, x, dy, out| {
            let scale = black_box(SCALE);
            black_box(isa.run(LsqBackward { x, dy, out, scale }));
        }),
    });
    cases
}

fn approx_sign(isa: Isa, x: &[f32], dy: &[f32], out: &mut [f32]) {
    isa.run(Slope(x, dy, out, |x: f32| {
        let a = x.abs();
        if a <= 1.0 { 2.0 - 2.0 * a } else { 0.0 }
    }));
}

fn ede(isa: Isa, x: &[f32], dy: &[f32], out: &mut [f32]) {
    let t = 1e-3 * elementary::pow(1e1 / 1e-3, PROGRESS);
    let k = (1.0 / t).max(1.0);
    isa.run(Slope(x, dy, out, move |x: f32| {
        let tanh = elementary::tanh(t * x);
        k * t * (1.0 - tanh * tanh)
    }));
}

fn reste(isa: Isa, x: &[f32], dy: &[f32], out: &mut [f32]) {
    let o = 1.0 + (3.0 - 1.0) * (1.0 - libm::cosf(std::f32::consts::PI * PROGRESS / 2.0));
    let (steep, reach) = (0.1_f32, 1.5);
    let flat = elementary::pow(steep, 1.0 / o) / steep;
    let exponent = (1.0 - o) / o;
    isa.run(ResteBackward {
        x,
        dy,
        out,
        curve: ResteCurve {
            o,
            steep,
            reach,
            flat,
            exponent,
        },
    });
}

/// The power in a loop of its own: beside the comparisons the compiler would compute it behind branches, value by value.
struct ResteBackward<'a> {
    x: &'a [f32],
    dy: &'a [f32],
    out: &'a mut [f32],
    curve: ResteCurve,
}

#[derive(Clone, Copy)]
struct ResteCurve {
    o: f32,
    steep: f32,
    reach: f32,
    flat: f32,
    exponent: f32,
}

impl ResteCurve {
    #[inline(always)]
    fn power(self, x: f32) -> f32 {
        elementary::pow(x.abs(), self.exponent) / self.o
    }

    #[inline(always)]
    fn slope(self, x: f32, power: f32) -> f32 {
        let a = x.abs();
        let beyond = if a <= self.reach { power } else { 0.0 };
        if a <= self.steep { self.flat } else { beyond }
    }
}

impl Kernel for ResteBackward<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self) {
        let curve = self.curve;
        let (x, x_rest) = self.x.as_chunks::<LANES>();
        let (dy, dy_rest) = self.dy.as_chunks::<LANES>();
        let (out, out_rest) = self.out.as_chunks_mut::<LANES>();
        for ((out, x), dy) in out.iter_mut().zip(x).zip(dy) {
            let mut powers = [0.0_f32; LANES];
            for i in 0..LANES {
                powers[i] = curve.power(x[i]);
            }
            for i in 0..LANES {
                out[i] += curve.slope(x[i], powers[i]) * dy[i];
            }
        }
        for ((out, &x), dy) in out_rest.iter_mut().zip(x_rest).zip(dy_rest) {
            *out += curve.slope(x, curve.power(x)) * dy;
        }
    }
}

/// `y = f(x)`
struct Map<'a, F>(&'a [f32], &'a mut [f32], F);

impl<F: Fn(f32) -> f32> Kernel for Map<'_, F> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self) {
        for (y, x) in self.1.iter_mut().zip(self.0) {
            *y = (self.2)(*x);
        }
    }
}

/// `dx += f(x) dy`
struct Slope<'a, F>(&'a [f32], &'a [f32], &'a mut [f32], F);

impl<F: Fn(f32) -> f32> Kernel for Slope<'_, F> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self) {
        for ((dx, x), dy) in self.2.iter_mut().zip(self.0).zip(self.1) {
            *dx += (self.3)(*x) * dy;
        }
    }
}

/// The gradient for values, and the sum for the step size (Esser et al., arXiv:1902.08153, equation 3) in 32 lanes.
struct LsqBackward<'a> {
    x: &'a [f32],
    dy: &'a [f32],
    out: &'a mut [f32],
    scale: f32,
}

const LANES: usize = 32;

impl Kernel for LsqBackward<'_> {
    type Output = f64;
    #[inline(always)]
    fn run<S: Simd>(self) -> f64 {
        let scale = self.scale;
        let mut sums = [0.0_f64; LANES];
        let (x, x_rest) = self.x.as_chunks::<LANES>();
        let (dy, dy_rest) = self.dy.as_chunks::<LANES>();
        let (out, out_rest) = self.out.as_chunks_mut::<LANES>();
        for ((out, x), dy) in out.iter_mut().zip(x).zip(dy) {
            // In two loops, of which each becomes vectors of its own width.
            let mut shares = [0.0_f32; LANES];
            for i in 0..LANES {
                shares[i] = lsq_backward(x[i], dy[i], scale, &mut out[i]);
            }
            for i in 0..LANES {
                sums[i] += f64::from(shares[i]);
            }
        }
        let mut sum: f64 = sums.iter().sum();
        for ((out, x), dy) in out_rest.iter_mut().zip(x_rest).zip(dy_rest) {
            sum += f64::from(lsq_backward(*x, *dy, scale, out));
        }
        sum
    }
}

/// One value: its gradient goes to `out`, its share of that of the step size is given.
#[inline(always)]
fn lsq_backward(x: f32, dy: f32, scale: f32, out: &mut f32) -> f32 {
    let u = x / scale;
    #[allow(clippy::manual_range_contains)] // without a branch between the two, the loop vectorizes
    let inside = (u >= -7.0) & (u <= 7.0);
    let code = u.clamp(-7.0, 7.0).round_ties_even();
    *out += if inside { dy } else { 0.0 };
    dy * if inside { code - u } else { code }
}
