//! How often something is repeated is wrong, or the name that counts it: one mistake, whoever speaks of the copies.

use super::super::fixtures::{codes, on_digits};

const OF_COPIES: &str = "space net {
  width in {8, 16}
  repeat 2 as s {
    layer down = conv(channels = width * 2^s) -> norm -> relu when s > 0 or width == 8
    deep in 1..2
    repeat deep as d {
      kernel in {1, 3}
      layer l = conv(channels = width, kernel = kernel) -> norm
    }
  }
  add s[1].down
  layer head = pool(average) -> linear(classes)
  require s[1].deep >= s[0].deep
}
";

/// What reads copies in the experiment.
const LINES: &str = "space = net
  require space.s[1].deep == 1 implies space.width == 8
  require count(space.s[*].d[*].kernel == 3) >= 1";

/// The only thing that is said when one line is another.
fn said(right: &str, wrong: &str) -> &'static str {
    let text = OF_COPIES.replacen(right, wrong, 1);
    let codes = codes(&on_digits(&text, LINES));
    assert_eq!(codes.len(), 1, "{wrong}: {codes:?}");
    codes[0]
}

#[test]
fn a_counter_is_another_one() {
    assert_eq!(said("as s {", "as t {"), "bnas::name::unknown");
}

#[test]
fn a_count_is_out_of_range() {
    for (wrong, code) in [
        ("repeat 1e6 as s", "bnas::space::count"),
        ("repeat -1 as s", "bnas::domain::out_of_range"),
        ("repeat 2.5 as s", "bnas::domain::not_whole"),
    ] {
        assert_eq!(said("repeat 2 as s", wrong), code);
    }
}

#[test]
fn there_are_fewer_copies_than_are_spoken_of() {
    for fewer in ["repeat 0 as s", "repeat 1 as s"] {
        assert_eq!(said("repeat 2 as s", fewer), "bnas::skip::missing");
    }
}
