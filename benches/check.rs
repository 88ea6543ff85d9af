//! How fast a long spec is checked and formatted: specs of 10,000 lines, each long in another way. Of the one with mistakes, the time
//! to draw every diagnostic is part of the check. The plan is what `bnas check` does then: experiments are unrolled, counted and surveyed.
//!
//! `cargo bench --bench check` prints a Markdown table: the least of twenty runs, in milliseconds. Texts are read and experiments lowered on all cores, as the
//! program does, all else on one. Words behind `--`
//! select specs by name: `cargo bench --bench check -- networks`.

use std::fmt::Write;
use std::hint::black_box;
use std::time::Instant;

use bnas::model::Template;
use bnas::report::{Look, plan};
use bnas::source::{SourceId, Sources};
use bnas::{analysis, diagnostic, syntax};

/// That of the program.
#[global_allocator]
static ALLOCATOR: bnas::kernels::memory::Heap = bnas::kernels::memory::Heap::new();

const LINES: usize = 10_000;
const RUNS: usize = 20;
const LOOK: Look = Look {
    color: false,
    width: 80,
};

const USES: &str = "bnas 1

use std.data.digits
use std.policies.tied
use std.quantizers.{binary, int8}
use std.spaces.small_cnn
use std.targets.braintta

";

/// One experiment of the quickstart's kind.
const NETWORK: &str = "/// Experiment #.
experiment e# {
  seed   = #
  data   = digits { augment = shift(1) }
  space  = small_cnn { width in {8, 16, 24} }
  policy = tied { kinds = {binary, int8} }
  target = braintta
  train    { epochs = 25  batch = 64  optimizer = adam(lr = 2e-3)  schedule = cosine }
  finetune { epochs = 5 }
  search   { method = bayes  trials = 40  initial = 10 }
  maximize accuracy
  minimize energy
  require  model_size <= 8 KiB
}

";

/// One experiment over a formula.
const FORMULA: &str = "experiment f# {
  x in -5.0..10.0
  y in 0.0..15.0
  minimize (y - 5.1 / (4 * pi^2) * x^2 + 5 / pi * x - 6)^2 + 10 * (1 - 1 / (8 * pi)) * cos(x) + 10
  require x + y <= 20
  search { method = bayes  trials = 40 }
}

";

const POLICY: &str = "/// Policy #.
policy p# {
  kinds = {binary, int8}
  each layer              { q in kinds  weights = q  activations = q }
  conv layer where channels <= 16 { weights = int8 }
  first layer, last layer { weights = int8  activations = int8 }
}

";

fn main() {
    let wanted: Vec<String> = (std::env::args().skip(1))
        .filter(|word| !word.starts_with('-'))
        .collect();
    println!("| spec of {LINES} lines | KiB | check | plan | fmt |");
    println!("|---|---|---|---|---|");
    let specs = [
        ("experiments with networks", repeated(USES, NETWORK)),
        ("experiments with formulas", repeated("bnas 1\n\n", FORMULA)),
        ("policies", repeated(USES, POLICY)),
        ("one experiment of many rules", rules()),
        ("one space of many layers", space()),
        ("one space of many facts", facts()),
        ("one experiment of many decisions", decisions()),
        ("decisions in a chain", tied(|i| i.max(1) - 1)),
        ("decisions around one", tied(|_| 0)),
        ("comments and documentation", comments()),
        ("500 mistakes", mistakes()),
    ];
    let is_wanted = |name: &str| wanted.is_empty() || wanted.iter().any(|word| name.contains(word));
    for (name, text) in specs.into_iter().filter(|(name, _)| is_wanted(name)) {
        let check = least(|| {
            let mut sources = Sources::default();
            let main = sources.add("spec.bnas", &*text);
            let checked = analysis::check(&mut sources, main, &analysis::FileLoader);
            let errors = checked.diagnostics.iter().filter(|d| d.is_error()).count();
            assert_eq!(
                errors,
                if name == "500 mistakes" { 500 } else { 0 },
                "{name}"
            );
            black_box(diagnostic::render(&checked.diagnostics, &sources, false));
            black_box(checked);
        });
        let mut sources = Sources::default();
        let main = sources.add("spec.bnas", &*text);
        let program = analysis::check(&mut sources, main, &analysis::FileLoader).program;
        let plan = least(|| {
            for experiment in program.iter().flat_map(|p| &p.experiments) {
                let template = Template::new(experiment).expect("the experiment can run");
                black_box(plan::text(experiment, &[], &template, false, LOOK));
            }
        });
        let fmt = least(|| {
            black_box(syntax::format(SourceId(0), &text).expect("the spec parses"));
        });
        let size = text.len() / 1024;
        println!("| {name} | {size} | {check:.0} | {plan:.0} | {fmt:.0} |");
    }
}

/// Declarations with numbers in place of `#`, up to the length.
fn repeated(head: &str, declaration: &str) -> String {
    let count = (LINES - head.lines().count()) / declaration.lines().count();
    let all = (0..count).map(|i| declaration.replace('#', &i.to_string()));
    std::iter::once(head.to_string()).chain(all).collect()
}

fn space() -> String {
    let mut text = format!("{USES}space long {{\n  width in {{8, 16}}\n");
    for i in 0..(LINES - 13) / 2 {
        let layer = format!("conv(channels = width, kernel = k{i}) -> norm -> relu");
        writeln!(text, "  k{i} in {{1, 3, 5}}\n  layer l{i} = {layer}").expect("memory");
    }
    text + "  layer head = pool(average) -> linear(classes)\n}\n"
}

/// A rule for each copy of each layer, and later ones that take its place, over an experiment.
fn rules() -> String {
    let (copies, layers) = (3, 60);
    let mut text = format!("{USES}space deep {{\n  repeat {copies} as r {{\n");
    for layer in 0..layers {
        writeln!(
            text,
            "    layer l{layer} = conv(channels = 8) -> norm -> relu"
        )
        .expect("memory");
    }
    text += "  }\n  layer head = pool(average) -> linear(classes)\n}\n\npolicy of_copies {\n";
    let kinds = ["int8", "binary"];
    for rule in 0..LINES - layers - 26 {
        let (copy, layer) = (rule % copies, rule / copies % layers);
        let kind = kinds[rule % kinds.len()];
        writeln!(
            text,
            "  layer r[{copy}].l{layer} {{ weights = {kind}  activations = {kind} }}"
        )
        .expect("memory");
    }
    text += "  layer head { weights = int8  activations = int8 }\n}\n";
    text + &NETWORK
        .replace('#', "0")
        .replace("small_cnn { width in {8, 16, 24} }", "deep")
        .replace("tied { kinds = {binary, int8} }", "of_copies")
        .replace("8 KiB", "80 KiB")
}

fn decisions() -> String {
    let mut text = "bnas 1\n\nexperiment many {\n".to_string();
    for i in 0..(LINES - 8) / 2 {
        writeln!(text, "  x{i} in {{{i}, {}}}\n  require x{i} >= {i}", i + 1).expect("memory");
    }
    text + "  minimize x0\n  search { trials = 3 }\n}\n"
}

/// What a space states about itself.
fn facts() -> String {
    let mut text = format!("{USES}space stated : small_cnn {{\n");
    for i in 0..LINES - USES.lines().count() - 2 {
        writeln!(text, "  check params(digits) >= {}", i % 1000).expect("memory");
    }
    text + "}\n"
}

/// Each decision is not less than another one.
fn tied(to: impl Fn(usize) -> usize) -> String {
    let mut text = "bnas 1\n\nexperiment tied {\n".to_string();
    for i in 0..(LINES - 6) / 2 {
        let least = to(i);
        writeln!(text, "  x{i} in {{1, 2, 3}}\n  require x{i} >= x{least}").expect("memory");
    }
    text + "  minimize x0\n  search { trials = 3 }\n}\n"
}

fn comments() -> String {
    let text = "  // What stands below was chosen on validation.\n".repeat(LINES - 7);
    format!(
        "bnas 1\n\nexperiment e {{\n{text}  x in 0..9\n  minimize x\n  search {{ trials = 3 }}\n}}\n"
    )
}

/// One line in twenty speaks of a name that is not there, each of another one.
fn mistakes() -> String {
    let mut text = "bnas 1\n\nexperiment many {\n  x in 0..9\n".to_string();
    for i in 0..LINES - 7 {
        match i % 20 {
            0 => writeln!(text, "  c{i} = y{i} + {i}").expect("memory"),
            _ => writeln!(text, "  c{i} = x + {i}").expect("memory"),
        }
    }
    text + "  minimize x\n  search { trials = 3 }\n}\n"
}

/// The least time of the runs in milliseconds.
fn least(mut run: impl FnMut()) -> f64 {
    let time = |_| {
        let start = Instant::now();
        run();
        start.elapsed().as_secs_f64() * 1e3
    };
    (0..RUNS).map(time).fold(f64::INFINITY, f64::min)
}
