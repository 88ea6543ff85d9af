//! Amendments of what a block says itself, of arguments of quantizers, and whose names the right side of an amendment reads.

use num_bigint::BigUint;

use super::fixtures::{codes, on_digits, paths, template};
use crate::ir::Value;
use crate::model::counting::{Count, members};
use crate::model::{Point, Template};

const BLOCKS: &str = "use std.blocks.{basic, inverted_residual}
block inner(channels) { k in {1, 3}  layer c = conv(channels = channels, kernel = k) -> norm }
block bl(channels) {
  w in {4, 8}
  layer one = conv(channels = channels * w, kernel = 3) -> norm -> relu
  repeat 2 as d { e in {1, 2}  layer two = conv(channels = channels * e) -> norm -> relu }
  deep = inner(channels = w)
}
space plain {
  more = bl(channels = 1)
  other = bl(channels = 1)
  layer head = pool(average) -> linear(classes)
}
space chosen {
  layer stem = conv(channels = 8) -> norm -> relu
  repeat 2 as s {
    block in {basic(channels = 8), inverted_residual(channels = 8, expansion in {2, 4})} default inverted_residual
  }
  layer head = pool(average) -> linear(classes)
}";

fn with(lines: &str) -> Template {
    template(&on_digits(BLOCKS, lines))
}

fn count(template: &Template) -> Count {
    template.counted().count(template.decisions())
}

/// The parameters of the default candidate.
fn params(template: &Template) -> f64 {
    let point = template.decisions().default_point();
    template.known(&point).unwrap().0["params"]
}

#[test]
fn a_block_is_amended_within() {
    let all = 16_u32 * 16;
    for (lines, points) in [
        ("space = plain", all),
        ("space = plain { more.w = 4 }", all / 2),
        ("space = plain { more.w in {4, 8, 16} }", all / 2 * 3),
        ("space = plain { more.one.kernel in {1, 3, 5} }", all * 3),
        ("space = plain { more.d[1].e = 2 }", all / 2),
        ("space = plain { more.d.e = 2  other.d[0].e = 1 }", all / 8),
        (
            "space = plain { more.deep.k = 3  other.deep.k = 1 }",
            all / 4,
        ),
        (
            "space = plain  space.more.w = 8  space.other.w = 8",
            all / 4,
        ),
        (
            "q in {1, 2}  space = plain { more.w = 4 * q  other.d.two.kernel = 2 * q - 1 }",
            all,
        ),
        ("space = plain { more { w = 4 } }", all / 2),
        (
            "space = plain { more { w = 4  deep { k = 3 }  d { e = 2 } }  other.w = 8 }",
            all / 32,
        ),
        (
            "space = plain { more { one { kernel in {1, 3, 5} } } }",
            all * 3,
        ),
        (
            "space = plain { more.w = 4 }  require space.more.w < space.other.w",
            all / 4,
        ),
    ] {
        let template = with(lines);
        assert_eq!(
            count(&template),
            Count::Exact(BigUint::from(points)),
            "{lines}"
        );
    }
    // The other copy of the block is as it was.
    let amended = with("space = plain { more.w = 8 }");
    assert!(!paths(&amended).contains(&"space.more.w"));
    assert!(paths(&amended).contains(&"space.other.w"));
    let kernels = |kernel: u32| {
        params(&with(&format!(
            "space = plain {{ more.one.kernel = {kernel} }}"
        )))
    };
    assert_eq!(kernels(5) - kernels(3), 16.0 * 4.0);
}

#[test]
fn what_stands_in_a_bare_block_is_amended_by_the_path_that_is_shown() {
    let space = format!(
        "{BLOCKS}\nspace bare {{ repeat 2 as s {{ block = bl(channels = 4) }}  layer head = pool(average) -> linear(classes) }}"
    );
    let found = |amended: &str| {
        let lines = format!("space = bare {{ {amended} }}");
        let template = template(&on_digits(&space, &lines));
        let paths = paths(&template).into_iter().map(String::from);
        (count(&template), paths.collect::<Vec<_>>())
    };
    let before = found("s[1].block.channels = 2");
    assert!(before.1.contains(&"space.s[0].w".to_string()), "{before:?}");
    for (short, long) in [
        ("s.w = 4", "s.block.w = 4"),
        ("s[1].w = 4", "s[1].block.w = 4"),
        (
            "s[1].one.kernel in {1, 3}",
            "s[1].block.one.kernel in {1, 3}",
        ),
        ("s[0].d.e = 2", "s[0].block.d.e = 2"),
        ("s[0].channels = 8", "s[0].block.channels = 8"),
    ] {
        assert_eq!(found(short), found(long), "{short}");
    }
    for unknown in ["s.v = 4", "s[0].three.kernel = 3", "w = 4"] {
        let lines = format!("space = bare {{ {unknown} }}");
        let codes = codes(&on_digits(&space, &lines));
        assert_eq!(codes, ["bnas::name::unknown_key"], "{unknown}");
    }
}

#[test]
fn branches_and_copies_in_a_bare_block_are_amended_by_the_path_that_is_shown() {
    let space = "block one(ch) {
  parallel {
    branch near { g = false  layer p = conv(channels = ch) when g  layer q = conv(channels = ch) }
    branch far { layer p = conv(channels = ch, kernel = 1) }
  } join concat
  repeat 2 as r { layer c = conv(channels = ch, kernel = 1) }
}
space net { block = one(ch = 4)  layer head = pool(average) -> linear(classes) }";
    for (amended, path) in [
        ("near.g in {false, true}", "space.near.g"),
        ("far.p.kernel in {1, 3}", "space.far.p.kernel"),
        ("r[1].c.kernel in {1, 3}", "space.r[1].c.kernel"),
    ] {
        for block in ["", "block."] {
            let lines = format!("space = net {{ {block}{amended} }}");
            let template = template(&on_digits(space, &lines));
            assert_eq!(paths(&template), [path], "{lines}");
        }
    }
    let lines = "space = net { far.g = true }";
    assert_eq!(codes(&on_digits(space, lines)), ["bnas::name::unknown_key"]);
}

#[test]
fn a_copy_may_hold_another_kind_of_value() {
    let space = "space net { repeat 2 as s { layer one = conv(channels = 8) -> norm }  layer head = pool(average) -> linear(classes) }";
    let lines = "space = net { s[0].one.padding in {0, 1} }  require space.s[0].one.padding == 1";
    let template = template(&on_digits(space, lines));
    assert_eq!(count(&template), Count::Exact(BigUint::from(1_u32)));
}

#[test]
fn blocks_of_one_name_are_numbered() {
    let space = |default: &str, require: &str| {
        format!(
            "use std.blocks.basic
space net {{ block in {{basic(channels = 8), basic(channels = 16, stride = 2)}} {default}
  layer head = pool(average) -> linear(classes)  {require} }}"
        )
    };
    let default = |declared: &str, lines: &str| {
        let template = template(&on_digits(declared, &format!("space = net  {lines}")));
        let Point(values) = template.decisions().default_point();
        (count(&template), values[0].clone())
    };
    let second = Some(Value::name("basic_2"));
    let one = Count::Exact(BigUint::from(1_u32));
    let all = default(&space("default basic_2", ""), "");
    assert_eq!(all, (Count::Exact(BigUint::from(2_u32)), second));
    let inside = default(&space("", "require block == basic_1"), "");
    assert_eq!(inside.0, one);
    let outside = default(&space("", ""), "require space.block != basic_1");
    assert_eq!(outside.0, one);
    let wrong = on_digits(&space("default basic", ""), "space = net");
    assert_eq!(codes(&wrong), ["bnas::domain::default"]);
}

#[test]
fn braces_and_paths_say_one_thing_once() {
    let twice = "space = plain { more { w = 4 }  more.w = 8 }";
    assert_eq!(codes(&on_digits(BLOCKS, twice)), ["bnas::name::duplicate"]);
    for lines in [
        "space = plain { more { v = 4 } }",
        "space = plain { less { w = 4 } }",
        "space = plain { more { w { x = 4 } } }",
    ] {
        let found = codes(&on_digits(BLOCKS, lines));
        assert_eq!(found.len(), 1, "{lines}: {found:?}");
    }
}

#[test]
fn an_alternative_is_amended_within() {
    let amended = with("space = chosen { s[0].block.inverted_residual.filter.kernel in {3, 5} }");
    let path = "space.s[0].block.inverted_residual.filter.kernel";
    assert!(paths(&amended).contains(&path), "{:?}", paths(&amended));
    // Of each copy: basic, or two expansions; of the first, two kernels with each of these.
    assert_eq!(count(&amended), Count::Exact(BigUint::from(5_u32 * 3)));
}

#[test]
fn what_is_given_as_a_whole_has_no_other_alternatives() {
    let whole = "s[0].block = basic(channels = 8)";
    let within = "s[0].block.inverted_residual.expansion = 4";
    for lines in [format!("{whole}  {within}"), format!("{within}  {whole}")] {
        let lines = format!("space = chosen {{ {lines} }}");
        assert_eq!(
            codes(&on_digits(BLOCKS, &lines)),
            ["bnas::name::unknown_key"],
            "{lines}"
        );
    }
    // An argument of it is amended on, in either order.
    for lines in [
        format!("{whole}  s[0].block.kernel = 5"),
        format!("s[0].block.kernel = 5  {whole}"),
    ] {
        let template = with(&format!("space = chosen {{ {lines} }}"));
        assert_eq!(
            count(&template),
            Count::Exact(BigUint::from(3_u32)),
            "{lines}"
        );
    }
    // Who amends what is amended already may say it anew.
    let anew = with(&format!("space = chosen {{ {within} }}  space.{whole}"));
    assert_eq!(count(&anew), Count::Exact(BigUint::from(3_u32)));
}

#[test]
fn a_space_amends_what_it_copies_with_names_of_its_own() {
    let count_of = |copy: &str| {
        let space = format!(
            "{BLOCKS}\nspace own {{ k in {{1, 3}}  more = bl(channels = 1) {{ {copy} }}  layer head = pool(average) -> linear(classes) }}"
        );
        count(&template(&on_digits(&space, "space = own")))
    };
    for (copy, points) in [
        ("w = 4 * k", 2_u32 * 8),
        ("w in {4, 4 * k}", (1 + 2) * 8),
        ("w = 4  one.kernel = k", 2 * 8),
        ("one.kernel in {k, 5}  deep.k = k", 2 * 2 * 8),
        ("d.e = 2  deep.c.channels = k  deep.k = 1", 2 * 2),
    ] {
        assert_eq!(
            count_of(copy),
            Count::Exact(BigUint::from(points)),
            "{copy}"
        );
    }
}

#[test]
fn what_a_block_lacks_is_said() {
    for lines in [
        "space = plain { more.v = 4 }",
        "space = plain { more.one.width = 4 }",
        "space = plain { more.three.kernel = 4 }",
        "space = plain { more.deep.w = 4 }",
    ] {
        assert_eq!(
            codes(&on_digits(BLOCKS, lines)),
            ["bnas::name::unknown_key"],
            "{lines}"
        );
    }
}

#[test]
fn an_amendment_is_read_where_it_is_written() {
    const SPACE: &str = "use std.policies.tied
use std.quantizers.{int2, int4, int8}
use std.targets.braintta
space mine { width in {8, 16}  layer stem = conv(channels = width) -> norm  layer head = pool(average) -> linear(classes) }";
    for (lines, expected) in [
        (
            "width in {4, 5}  space = mine { width = 2 * width }",
            &["width"][..],
        ),
        (
            "width in {4, 5}  space = mine { stem.channels = width }",
            &["width"],
        ),
        (
            "space = mine { stem.channels = 2 * width }",
            &["space.width"],
        ),
        (
            "clock in {100 MHz, 200 MHz}  space = mine { width = 8 }  policy = tied { kinds = {int8} }  target = braintta { clock = clock }",
            &["clock"],
        ),
        (
            "kinds = {int2, int4}  space = mine { width = 8 }  policy = tied { kinds = kinds  each layer { q in kinds  weights = q } }",
            &["policy.stem.q", "policy.head.q"],
        ),
        (
            "q = int2  space = mine { width = 8 }  policy = tied { kinds = {q}  each layer { q in {int4, int8}  weights = q } }",
            &["policy.stem.q", "policy.head.q"],
        ),
    ] {
        let (found, _) = super::checked("test.bnas", &on_digits(SPACE, lines));
        let Some(program) = found.program else {
            panic!("{lines}: {:?}", found.diagnostics);
        };
        let template = Template::new(&program.experiments[0]).unwrap();
        assert_eq!(paths(&template), expected, "{lines}");
    }
    let stem = |lines: &str| {
        let (found, _) = super::checked("test.bnas", &on_digits(SPACE, lines));
        Template::new(&found.program.unwrap().experiments[0]).unwrap()
    };
    let template = stem("width in {4, 5}  space = mine { stem.channels = width }");
    for point in members(template.decisions()).unwrap() {
        let of_experiment = point.0[0].as_ref().and_then(Value::as_number).unwrap();
        let params = template.known(&point).unwrap().0["params"];
        assert_eq!(params, of_experiment * (9.0 + 1.0 + 10.0) + 10.0);
    }
}

/// Copies that require something of each other, and how many candidates do.
#[test]
fn copies_require_of_each_other() {
    const BLOCK: &str = "block bb(channels) {
      repeat 2 as d { k in {1, 3}  layer c = conv(channels = channels, kernel = k) -> norm }
      require d[0].k <= d[1].k
    }";
    for (body, points) in [
        // Of each first width, those at least as wide: 3², 2², 1.
        (
            "repeat 3 as s { w in {4, 8, 16}  require s[0].w <= w  layer c = conv(channels = w) -> norm }",
            14_u32,
        ),
        (
            "repeat 3 as s { w in {4, 8, 16}  require space.s[0].w <= w  layer c = conv(channels = w) -> norm }",
            14,
        ),
        // One copy: 2 widths of 3 pairs; two: 3 sums of 9; three: one sum of 33.
        (
            "n in 1..3
             repeat n as s {
               w in {4, 8}
               repeat 2 as d { e in {1, 2}  require sum(s[*].w) <= 12 and s[0].d[0].e <= e  layer c = conv(channels = w * e) -> norm }
             }",
            6 + 27 + 33,
        ),
        // What does not exist binds nothing.
        (
            "n in 1..3
             repeat n as s { w in {4, 8}  layer c = conv(channels = w) -> norm  require s[0].c.channels <= w and s[1].w == 4 }",
            2 + 1 + 2,
        ),
        ("one = bb(channels = 4)  two = bb(channels = 8)", 9),
    ] {
        let space = format!("space mine {{ {body}  layer head = pool(average) -> linear(classes) }}");
        let found = template(&on_digits(&format!("{BLOCK}\n{space}"), "space = mine"));
        assert_eq!(count(&found), Count::Exact(BigUint::from(points)), "{body}");
        // Each that is counted is a member, and no other point is.
        let (free, all) = super::fixtures::every_point(&found);
        assert!(all.len() as u32 >= points && free.constraints.is_empty());
        let constraints = &found.decisions().constraints;
        let met = all.iter().filter(|point| {
            constraints.iter().all(|c| found.evaluate(c, point, &Default::default()) == Ok(Value::Bool(true)))
        });
        assert_eq!(met.count() as u32, points, "{body}");
    }
    // One of several spaces, whose paths begin at its own name.
    let one = "space one { repeat 2 as s { w in {4, 8}  layer c = conv(channels = w) -> norm }
        layer head = pool(average) -> linear(classes)  require increasing(s[*].w) }
      space two { repeat 2 as s { w in {4, 8}  require s[0].w <= w  layer c = conv(channels = w) -> norm }
        layer head = pool(average) -> linear(classes) }";
    let found = template(&on_digits(one, "space in {one, two}"));
    assert_eq!(count(&found), Count::Exact(BigUint::from(1 + 3_u32)));
}

#[test]
fn what_no_experiment_takes_is_looked_at() {
    let head = "layer head = pool(average) -> linear(classes)";
    let of = |declaration: &str| {
        let text = format!("bnas 1\nuse std.targets.braintta\n{declaration}");
        let (found, _) = super::checked("test.bnas", &text);
        found.diagnostics.iter().map(|d| d.code).collect::<Vec<_>>()
    };
    for (declaration, is_wrong) in [
        (
            format!("space s {{ w in 1..8  layer c = conv(channels = 8 / (w - 3)) {head} }}"),
            true,
        ),
        (
            format!(
                "space s {{ w in 1..8  require w > 3  layer c = conv(channels = 8 / (w - 3)) {head} }}"
            ),
            false,
        ),
        (
            format!("space s {{ layer c = conv(channels = 8 / (input.channels - 3)) {head} }}"),
            false,
        ),
        (
            "target t : braintta { vector.lanes in 1..4  clock = 1 MHz / (vector.lanes - 2) }"
                .into(),
            true,
        ),
        (
            "target t : braintta { vector.lanes in 1..4  clock = 1 MHz / (vector.lanes - 0.5) }"
                .into(),
            false,
        ),
        // Of 1024 bits, no more than 128 lanes hold a code.
        (
            "target t : braintta { vector.lanes in 1..200  clock = max(1 MHz, 1 MHz / (vector.lanes - 150)) }"
                .into(),
            false,
        ),
    ] {
        let expected: &[&str] = if is_wrong {
            &["bnas::domain::undefined"]
        } else {
            &[]
        };
        assert_eq!(of(&declaration), expected, "{declaration}");
    }
}
