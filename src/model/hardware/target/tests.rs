use super::*;
use crate::model::hardware::fixtures::{braintta, grid_int8};
use crate::source::Span;

fn name(text: &str) -> Expr {
    Expr::Name(text.into(), Span::default())
}

fn fixed(value: f64) -> Slot {
    Slot::Fixed(Expr::number(value))
}

fn product(x: Expr, y: Expr) -> Expr {
    Expr::Binary(BinaryOp::Multiply, Arc::new(x), Arc::new(y))
}

fn quotient(x: Expr, y: Expr) -> Expr {
    Expr::Binary(BinaryOp::Divide, Arc::new(x), Arc::new(y))
}

/// The target as the library writes it: `macs` from the width, and the width from the lanes.
fn written() -> ir::Target {
    let precision = |text: &str, bits: u32, energy: f64| ir::Precision {
        name: text.into(),
        bits,
        energy: fixed(energy),
        macs: Slot::Fixed(quotient(name("vector.width"), Expr::number(bits.into()))),
        span: Span::default(),
    };
    ir::Target {
        name: "braintta".into(),
        op_per_mac: fixed(2.0),
        clock: fixed(300e6),
        vector_width: Slot::Fixed(product(name("vector.lanes"), Expr::number(32.0))),
        lanes: fixed(32.0),
        idle: fixed(1.0),
        precisions: vec![
            precision("binary", 1, 35e-15),
            precision("ternary", 2, 67e-15),
            precision("int8", 8, 405e-15),
        ],
        memories: Vec::new(),
        checks: Vec::new(),
        provenance: Vec::new(),
        span: Span::default(),
    }
}

#[test]
fn fields_may_use_each_other_in_any_order() {
    assert_eq!(Target::from_ir(&written(), &Alone), Ok(braintta()));
    // clock = peak(binary) / (binary.macs * op_per_mac) would be circular, a derived energy is not.
    let mut ir = written();
    let power = product(
        Expr::number(21.504e-3),
        quotient(
            Expr::number(1.0),
            Expr::Call(Function::Peak, vec![name("binary")]),
        ),
    );
    ir.precisions[0].energy = Slot::Fixed(power);
    let target = Target::from_ir(&ir, &Alone).unwrap();
    assert!((target.precisions[0].energy - 35e-15).abs() < 1e-28);
}

#[test]
fn what_has_no_value_is_a_failure() {
    let broken = |change: &dyn Fn(&mut ir::Target)| {
        let mut ir = written();
        change(&mut ir);
        Target::from_ir(&ir, &Alone).unwrap_err().to_string()
    };
    assert_eq!(
        broken(&|t| t.clock = Slot::Fixed(name("clocks"))),
        "`clocks` has no value here"
    );
    assert_eq!(
        broken(&|t| t.lanes = Slot::Fixed(quotient(name("vector.width"), Expr::number(32.0)))),
        "`vector.lanes` has no value here"
    );
    assert_eq!(
        broken(&|t| t.clock = Slot::Fixed(Expr::Call(Function::Peak, vec![name("binary")]))),
        "`clock` has no value here"
    );
    assert_eq!(
        broken(&|t| t.clock = Slot::Fixed(Expr::Call(Function::Peak, vec![name("int4")]))),
        "`int4` has no value here"
    );
    assert_eq!(
        broken(&|t| t.idle = fixed(1.5)),
        "expected a share from 0 to 1, found `vector.idle` = 1.5"
    );
    assert_eq!(
        broken(&|t| t.clock = fixed(0.0)),
        "expected a positive number, found `clock` = 0"
    );
    assert_eq!(
        broken(&|t| t.vector_width = fixed(128.0)),
        "expected lanes that hold a code of every precision, found 4 bits a lane and `int8`"
    );
}

#[test]
fn decisions_come_from_outside() {
    struct First;
    impl Scope for First {
        fn name(&self, _: &str) -> Option<Value> {
            None
        }
        fn decision(&self, index: usize) -> Option<Value> {
            (index == 0).then_some(Value::Number(16.0))
        }
    }
    let mut ir = written();
    ir.lanes = Slot::Fixed(Expr::Decision(0));
    let target = Target::from_ir(&ir, &First).unwrap();
    assert_eq!((target.lanes, target.precisions[0].macs), (16.0, 512.0));
    assert_eq!(
        Target::from_ir(&ir, &Alone),
        Err(Failure::Inactive(0)),
        "a decision without a value"
    );
}

#[test]
fn peaks_are_the_published_throughputs() {
    // arXiv:2211.11331 prints 614, 307 and 77 GOPS.
    let target = braintta();
    let peaks: Vec<f64> = target.precisions.iter().map(|p| target.peak(p)).collect();
    assert_eq!(peaks, [614.4e9, 307.2e9, 76.8e9]);
}

#[test]
fn checks_see_fields_and_peaks() {
    let near = |found: Expr, expected: f64, tolerance: f64| ir::Check {
        holds: Expr::Binary(
            BinaryOp::LessEqual,
            Arc::new(Expr::Call(
                Function::Abs,
                vec![Expr::Binary(
                    BinaryOp::Subtract,
                    Arc::new(found),
                    Arc::new(Expr::number(expected)),
                )],
            )),
            Arc::new(Expr::number(tolerance * expected)),
        ),
        text: String::new(),
        span: Span::default(),
    };
    let target = braintta();
    let peak = || Expr::Call(Function::Peak, vec![name("binary")]);
    assert_eq!(target.holds(&near(peak(), 614e9, 0.01)), Ok(true));
    assert_eq!(target.holds(&near(peak(), 600e9, 0.01)), Ok(false));
    let efficiency = quotient(Expr::number(1.0), name("int8.energy"));
    assert_eq!(target.holds(&near(efficiency, 2.47e12, 0.01)), Ok(true));
    assert!(target.holds(&near(name("memory.size"), 1.0, 0.1)).is_err());
    let unknown = Expr::Call(Function::Peak, vec![name("int4")]);
    assert!(target.holds(&near(unknown, 1.0, 0.1)).is_err());
}

#[test]
fn runs_as() {
    let int = |bits, signed| Grid::Integer { bits, signed };
    let target = braintta();
    for (weights, activations, expected) in [
        (Grid::Binary, Grid::Binary, "binary"),
        (Grid::Binary, Grid::Ternary, "ternary"),
        (Grid::Ternary, Grid::Binary, "ternary"),
        (Grid::Ternary, Grid::Ternary, "ternary"),
        (Grid::Binary, grid_int8(), "int8"),
        (Grid::Ternary, int(4, false), "int8"),
        (int(2, true), int(2, true), "int8"),
        (int(4, true), int(4, false), "int8"),
        (int(8, true), int(8, false), "int8"),
    ] {
        let precision = target.runs_as(weights, activations);
        assert_eq!(
            precision.map(|p| p.name.as_str()),
            Some(expected),
            "{weights} times {activations}"
        );
    }
}

#[test]
fn the_cheapest_precision_wins() {
    // On a machine whose ternary unit costs more than its 8-bit unit, ternary codes run as int8.
    let mut target = braintta();
    target.precisions[1].energy = 500e-15;
    let precision = target.runs_as(Grid::Ternary, Grid::Ternary);
    assert_eq!(precision.map(|p| p.name.as_str()), Some("int8"));
    target.precisions.truncate(1);
    assert_eq!(target.runs_as(Grid::Ternary, Grid::Binary), None);
}
