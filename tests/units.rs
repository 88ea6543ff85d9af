use crate::util;

/// `SMALL` with more entries in its experiment.
fn small(entries: &str) -> String {
    let (all, _) = util::SMALL.rsplit_once('}').unwrap();
    let all = all.replace(
        "  require  model_size <= 8 KiB, \"fits the parameter memory\"\n",
        "",
    );
    format!("{all}{entries}\n}}\n")
}

fn said(args: &[&str]) -> String {
    let output = util::run(args);
    util::expect_code(&output, 0);
    util::stdout(&output)
}

#[test]
fn results_come_in_the_unit_of_a_requirement() {
    let folder = tempfile::tempdir().unwrap();
    let text = small(
        "  limit = 50 uJ
  require energy <= limit
  require 3000 us >= latency
  require model_size <= 64 kB and peak_memory <= 65536 bit
  expect best.macs >= 1 kmac",
    );
    let path = util::write(folder.path(), "units.bnas", &text);
    let path = path.to_str().unwrap();
    let plan = said(&["check", path]);
    let row = |name: &str| {
        let line = plan.lines().find(|l| l.starts_with(&format!(" {name} ")));
        line.unwrap_or_else(|| panic!("{name} in\n{plan}"))
            .to_string()
    };
    for (name, unit) in [
        ("energy", " uJ"),
        ("latency", " us"),
        ("model_size", " kB"),
        ("peak_memory", " bit"),
        ("macs", " kmac"),
        ("stored_size", " B"),
    ] {
        assert!(row(name).contains(unit), "{name}: {}", row(name));
    }
    let cost = said(&["cost", path]);
    let total = cost.lines().find(|l| l.starts_with(" total")).unwrap();
    assert!(total.contains(" uJ") && total.contains(" us"), "{total}");
    assert!(cost.contains(" kB packed"), "{cost}");
    // The number is the one of the base unit, elsewhere: in JSON nothing is converted.
    let json: serde_json::Value =
        serde_json::from_str(&said(&["cost", path, "--format", "json"])).unwrap();
    let joules = json["costs"][0]["cost"]["energy"].as_f64().unwrap();
    let shown: f64 = total
        .split_whitespace()
        .rev()
        .nth(3)
        .unwrap()
        .parse()
        .unwrap();
    assert!(
        (shown * 1e-6 - joules).abs() < 1e-3 * joules,
        "{total} {joules}"
    );
}

#[test]
fn choices_keep_their_unit_and_goals_have_one() {
    let folder = tempfile::tempdir().unwrap();
    let text = small(
        "  minimize energy * latency\n  maximize 1 / latency\n  require 1 / latency >= 30 fps",
    )
    .replace(
        "target = braintta\n",
        "target = braintta { clock in {150 MHz, 0.3 GHz}  vector { width in {64 B, 128 B} } }\n",
    );
    let path = util::write(folder.path(), "units.bnas", &text);
    let path = path.to_str().unwrap();
    let plan = said(&["check", path]);
    assert!(plan.contains("{150 MHz, 300 MHz}"), "{plan}");
    assert!(plan.contains("{64 B, 128 B}"), "{plan}");
    let out = folder.path().join("run");
    let report = said(&[
        "run",
        path,
        "-q",
        "--trials",
        "3",
        "--out",
        out.to_str().unwrap(),
    ]);
    assert!(report.contains("J*s"), "{report}");
    assert!(report.contains(" fps"), "{report}");
    let clock = report.lines().find(|l| l.contains("target.clock")).unwrap();
    assert!(
        clock.ends_with("150 MHz") || clock.ends_with("300 MHz"),
        "{clock}"
    );
    // What programs read stays in base units.
    let csv = std::fs::read_to_string(out.join("trials.csv")).unwrap();
    assert!(
        csv.contains(",150000000,") || csv.contains(",300000000,"),
        "{csv}"
    );
    let result = std::fs::read_to_string(out.join("result.json")).unwrap();
    let result: serde_json::Value = serde_json::from_str(&result).unwrap();
    let units: Vec<&str> = result["goals"]
        .as_array()
        .unwrap()
        .iter()
        .map(|g| g["unit"].as_str().unwrap())
        .collect();
    assert_eq!(units, ["", "J", "J*s", "1/s"]);
}

#[test]
fn an_expectation_that_fails_speaks_in_its_own_unit() {
    let folder = tempfile::tempdir().unwrap();
    let path = util::write(
        folder.path(),
        "units.bnas",
        &small(
            "  edp = energy * latency\n  expect best.energy <= 2 pJ\n  expect best.edp <= 1 pJ*us",
        ),
    );
    let out = folder.path().join("run");
    let output = util::run_spec(&path, &out, &["-q", "--trials", "2"]);
    util::expect_code(&output, 1);
    let report = util::stdout(&output);
    let part = report
        .lines()
        .find(|l| l.trim().starts_with("best.energy ="))
        .unwrap();
    assert!(part.ends_with(" pJ"), "{part}");
    let mut parts = report.lines();
    let edp = parts.find(|l| l.trim().starts_with("best.edp =")).unwrap();
    assert!(edp.ends_with(" pJ*us"), "{edp}");
}

#[test]
fn one_network_is_priced_on_several_targets() {
    let folder = tempfile::tempdir().unwrap();
    let text = format!(
        "{}\ntarget half : braintta {{ vector {{ width = 512 bit }} }}\n",
        util::SMALL.trim_end()
    );
    let path = util::write(folder.path(), "units.bnas", &text);
    let path = path.to_str().unwrap();
    let table = said(&["cost", path, "--target", "half,braintta"]);
    for part in [
        "on half, braintta",
        "energy, half",
        "latency, braintta",
        "as half stores it",
    ] {
        assert!(table.contains(part), "{part} in\n{table}");
    }
    let json = |args: &[&str]| -> serde_json::Value {
        let all = [&["cost", path, "--format", "json"], args].concat();
        serde_json::from_str(&said(&all)).unwrap()
    };
    let both = json(&["--target", "half,braintta"]);
    let alone = json(&[]);
    assert_eq!(both["costs"][0]["cost"]["target"], "half");
    assert_eq!(
        both["costs"][1]["cost"]["cycles"],
        alone["costs"][0]["cost"]["cycles"]
    );
    let output = util::run(&["cost", path, "--target", "braintTA"]);
    util::expect_code(&output, 2);
    assert!(
        util::stderr(&output).contains("did you mean `braintta`?"),
        "{}",
        util::stderr(&output)
    );
}
