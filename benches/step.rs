//! Times training steps as `bnas train` takes them: batch, forward, backward, SGD with momentum; batches of 64, one thread.
//!
//! `cargo bench --bench step [-- NET... --mode float|qat4|lsq4|binary --steps N --threads N]` prints one JSON object a net:
//!
//! ```text
//! net, mode               what was asked for
//! isa                     the instruction set that ran
//! ms                      milliseconds of each step after the warm-up
//! base_mb, peak_mb        resident memory before the first step, and at most
//! first_loss, last_loss   of the first and of the last step
//! ```
//!
//! The networks are those of `step.bnas`. Each is an epoch of one batch of noise, repeated, in a process of its own.

use std::path::Path;
use std::process::{Command, exit};
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use bnas::interpreter::train::{self, Data, Watch};
use bnas::model::Template;
use bnas::source::Sources;
use bnas::stream::Key;
use bnas::{analysis, ir::Experiment};

#[global_allocator]
static ALLOCATOR: bnas::kernels::memory::Heap = bnas::kernels::memory::Heap::new();

const NETS: [&str; 4] = ["resnet20", "mbv2", "small28", "small8"];
const MODES: [&str; 4] = ["float", "qat4", "lsq4", "binary"];

/// Steps that are run and not reported.
const WARM_UP: usize = 3;

fn main() {
    let (mut nets, mut mode) = (Vec::new(), String::from("float"));
    let (mut steps, mut threads) = (None, 1_usize);
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--steps" => steps = arguments.next().and_then(|n| n.parse().ok()),
            "--threads" => threads = arguments.next().and_then(|n| n.parse().ok()).unwrap_or(1),
            "--mode" => mode = arguments.next().unwrap_or_default(),
            name if NETS.contains(&name) => nets.push(name.to_owned()),
            "--bench" => {} // cargo passes it
            other => refuse(&format!(
                "unknown argument `{other}`, expected --mode, --steps N, --threads N or nets of {NETS:?}"
            )),
        }
    }
    if !MODES.contains(&mode.as_str()) {
        refuse(&format!("unknown mode `{mode}`, expected one of {MODES:?}"));
    }
    if nets.is_empty() {
        nets = NETS.map(String::from).to_vec();
    }
    let [net] = nets.as_slice() else {
        return apart(&nets, &mode, steps, threads);
    };
    let default = match net.as_str() {
        "small28" => 60,
        "small8" => 300,
        _ => 12,
    };
    let work = || measure(net, &mode, WARM_UP + steps.unwrap_or(default));
    let run = bnas::kernels::parallel::with_threads(threads, work).expect("threads");
    let times: Vec<String> = run.ms[WARM_UP..]
        .iter()
        .map(|ms| format!("{ms:.4}"))
        .collect();
    println!(
        r#"{{"net": "{net}", "mode": "{mode}", "isa": "{}", "ms": [{}], "peak_mb": {:.1}, "base_mb": {:.1}, "first_loss": {}, "last_loss": {}}}"#,
        bnas::kernels::Isa::current().name(),
        times.join(", "),
        memory("VmHWM"),
        run.base_mb,
        run.losses[0],
        run.losses[run.losses.len() - 1]
    );
}

fn refuse(message: &str) -> ! {
    eprintln!("{message}");
    exit(2)
}

/// Each net in a process of its own: what one has freed is no other's memory.
fn apart(nets: &[String], mode: &str, steps: Option<usize>, threads: usize) {
    for net in nets {
        let program = std::env::current_exe().expect("a process has a program");
        let mut command = Command::new(program);
        command.args([net, "--mode", mode, "--threads", &threads.to_string()]);
        command.args(steps.iter().flat_map(|n| ["--steps".into(), n.to_string()]));
        let status = command.status().expect("a program that runs can be run");
        if !status.success() {
            exit(status.code().unwrap_or(1));
        }
    }
}

struct Run {
    ms: Vec<f64>,
    losses: Vec<f64>,
    base_mb: f64,
}

/// Trains through `steps` epochs of one batch.
fn measure(net: &str, mode: &str, steps: usize) -> Run {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let side = match net {
        "small28" => 28,
        "small8" => 8,
        _ => 32,
    };
    write_noise(folder.path(), side);
    let experiment = experiment(folder.path(), net, mode, side, steps);
    let template = Template::new(&experiment).unwrap_or_else(|e| panic!("{e:?}"));
    let point = template.decisions().default_point();
    let candidate = template
        .candidate(&point)
        .expect("the network fits")
        .expect("a network");
    let data = Data::load(experiment.data.as_ref().expect("data")).expect("data that load");
    let mut run = Run {
        ms: Vec::new(),
        losses: Vec::new(),
        base_mb: memory("VmHWM"),
    };
    let mut start = Instant::now();
    let watch = Watch {
        stop: &AtomicBool::new(false),
        progress: &mut |progress| {
            run.ms.push(start.elapsed().as_secs_f64() * 1e3);
            run.losses.push(progress.loss);
            start = Instant::now();
        },
        validates: false,
        aside: false,
        keeper: None,
    };
    train::train(&candidate, &data, Key::default(), watch).expect("a training that converges");
    run
}

/// The experiment that trains a net of `step.bnas`.
fn experiment(folder: &Path, net: &str, mode: &str, side: usize, steps: usize) -> Experiment {
    let mut text = include_str!("step.bnas").to_owned();
    if mode == "binary" {
        // The sign itself is the nonlinearity.
        text = text.replace(" -> relu", "");
    }
    let space = net
        .trim_end_matches(char::is_numeric)
        .replace("resnet", "resnet20");
    let space = space.replace("mbv", "mbv2");
    let (policy, quantize) = match mode {
        "qat4" => ("policy = qat4", "all"),
        "lsq4" => ("policy = lsq4", "all"),
        "binary" => ("policy = signs", "all"),
        _ => ("", "none"),
    };
    text += &format!(
        "
experiment step {{
  data  = noise{side}
  space = {space}
  {policy}
  stage steps {{
    quantize  = {quantize}
    epochs    = {steps}
    batch     = 64
    optimizer = sgd(lr = 0.05, momentum = 0.9)
    schedule  = constant
    weight_decay = 1e-4
  }}
  search {{ method = grid  trials = 1 }}
  maximize accuracy
}}
"
    );
    let mut sources = Sources::default();
    let main = sources.add(folder.join("step.bnas").to_string_lossy(), text);
    let checked = analysis::check(&mut sources, main, &analysis::FileLoader);
    let program = checked
        .program
        .unwrap_or_else(|| panic!("{:?}", checked.diagnostics));
    program.experiments[0].clone()
}

/// Files of 66 images of noise: records of CIFAR-10 for three channels, IDX for one.
fn write_noise(folder: &Path, side: usize) {
    const COUNT: usize = 66;
    let mut state = 7_u64;
    let mut byte = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    };
    let labels = (0..COUNT).map(|i| ((i * 7 + i / 3) % 10) as u8);
    let write = |name: &str, bytes: Vec<u8>| {
        std::fs::write(folder.join(name), bytes).expect("a folder to write to");
    };
    if side == 32 {
        let records = labels.flat_map(|label| {
            let pixels: Vec<u8> = (0..3 * side * side).map(|_| byte()).collect();
            [vec![label], pixels].concat()
        });
        return write("images", records.collect());
    }
    let header = |axes: &[usize]| {
        let sizes = axes.iter().flat_map(|n| (*n as u32).to_be_bytes());
        let magic = [0, 0, 8, axes.len() as u8];
        magic.into_iter().chain(sizes).collect::<Vec<u8>>()
    };
    let pixels: Vec<u8> = (0..COUNT * side * side).map(|_| byte()).collect();
    write("images", [header(&[COUNT, side, side]), pixels].concat());
    write(
        "labels",
        header(&[COUNT]).into_iter().chain(labels).collect(),
    );
}

/// A line of the process's status, in megabytes; 0 on systems that have no such file.
fn memory(line: &str) -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let found = status
        .lines()
        .find_map(|l| l.strip_prefix(line)?.strip_prefix(':'));
    let kilobytes = found.and_then(|l| l.trim().trim_end_matches("kB").trim().parse::<f64>().ok());
    kilobytes.unwrap_or(0.0) / 1024.0
}
