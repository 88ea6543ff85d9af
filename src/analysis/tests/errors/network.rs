//! Networks that do not fit or have no value: what is labelled, and what is said.

use super::super::fixtures::{codes, on_digits, refusals};
use super::{checked, render};

/// Two stages of a block that an experiment amends within.
const STAGES: &str = "block unit(channels) {
  layer one = conv(channels = channels) -> norm -> relu
  layer two = conv(channels = channels) -> norm -> relu
}
space base {
  repeat 2 as s {
    repeat 4 as d { block = unit(channels = 8) }
  }
  layer head = pool(average) -> linear(classes)
}";

/// The texts of the amendments that are labelled, and the whole picture.
fn labelled(lines: &str) -> (Vec<String>, String) {
    let (found, sources) = refusals(&on_digits(STAGES, lines));
    let shown = render(&found, &sources, false);
    assert_eq!(found.len(), 1, "{shown}");
    let amended = found[0].labels.iter();
    let amended = amended.filter(|label| label.text.ends_with("is amended here"));
    let amended = amended.map(|label| sources.slice(label.span).to_string());
    (amended.collect(), shown)
}

#[test]
fn the_amendment_that_leads_there_is_labelled() {
    let padding = "s[0].d.block.one.padding = 0";
    for lines in [
        format!("space = base {{ {padding}  s[1].d[0].block.two.kernel in {{1, 3}} }}"),
        format!("space = base {{ s[1].d.two.kernel in {{1, 3}}  {padding} }}"),
        format!("space in {{base {{ s[1].d.two.kernel = 5  {padding} }}, other}}"),
    ] {
        let other = "space other : base { s.d.one.kernel = 1 }";
        let lines = match lines.contains("other") {
            true => format!("{lines}\n}}\n{other}\nexperiment f : e {{"),
            false => lines,
        };
        let (amended, shown) = labelled(&lines);
        assert_eq!(amended, [padding], "{shown}");
    }
    // What takes pixels before is told where nothing is said of the layer itself.
    let before = "s[0].d.one.padding = 0";
    let large = "s[0].d[3].two.kernel = 7  s[0].d[3].two.padding = 0";
    let (amended, shown) = labelled(&format!("space = base {{ {before} }}"));
    assert_eq!(amended, [before], "{shown}");
    let (amended, shown) = labelled(&format!(
        "space = base {{ s[0].d[0].one.padding = 0  {large} }}"
    ));
    assert_eq!(amended.len(), 2, "{shown}");
    assert!(amended.iter().all(|entry| large.contains(entry)), "{shown}");
}

#[test]
fn what_to_write_where_a_kernel_does_not_fit() {
    let space = |padding: &str| {
        format!(
            "space s {{\n p = {padding}\n repeat 4 as d {{ layer c = conv(channels = 8, padding = p) -> norm }}\n layer head = pool(average) -> linear(classes)\n}}"
        )
    };
    let (found, sources) = refusals(&on_digits(&space("0"), "space = s"));
    let shown = render(&found, &sources, false);
    let help = found[0].help.as_deref().unwrap_or_default();
    assert!(help.contains("write `padding = same`"), "{shown}");
    assert!(codes(&on_digits(&space("same"), "space = s")).is_empty());
}

#[test]
fn a_number_of_a_layer_without_a_value() {
    for (value, message) in [
        ("12 / (k - 1)", "a division by 0 when `space.k` is 1"),
        ("sqrt(k - 2)", "a square root of -1 when `space.k` is 1"),
    ] {
        for body in [
            format!("layer a = conv(channels = {value}) -> norm"),
            format!("c = {value}\n layer a = conv(channels = c) -> norm"),
        ] {
            let space = format!(
                "space s {{\n k in {{1, 2}}\n {body}\n layer b = conv(channels = 8 * k) -> norm\n layer head = pool(average) -> linear(classes)\n}}"
            );
            let (found, sources) = refusals(&on_digits(&space, "space = s"));
            let shown = render(&found, &sources, false);
            assert_eq!(found.len(), 1, "{shown}");
            assert_eq!(found[0].code, "bnas::domain::undefined", "{shown}");
            assert_eq!(found[0].message, message, "{shown}");
        }
    }
}

#[test]
fn what_one_of_several_spaces_does_not_read() {
    let lines = "space in {mine { s.d.block = unit(channels = 8) }, base}";
    let base = STAGES.replace(
        "block = unit(channels = 8)",
        "width in {8, 16}  block = unit(channels = width)",
    );
    let text = on_digits(
        &format!("{base}\nspace mine : base {{ s.d.one.kernel = 1 }}"),
        lines,
    );
    let (checked, sources) = checked("test.bnas", &text);
    let shown = render(&checked.diagnostics, &sources, false);
    assert!(checked.diagnostics.is_empty(), "{shown}");
    // What nothing reads where it is declared is told there.
    let unread = base.replace("channels = width", "channels = 8");
    let (checked, _) = super::checked("test.bnas", &on_digits(&unread, "space = base"));
    let found: Vec<&str> = checked.diagnostics.iter().map(|d| d.code).collect();
    assert_eq!(found, ["bnas::name::unused"]);
}
