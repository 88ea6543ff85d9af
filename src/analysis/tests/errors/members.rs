//! `in` as a comparison: what help offers in its place means the same, wherever it stands.

use num_bigint::BigUint;

use crate::analysis::tests::fixtures::{on_digits, refusals, template};
use crate::model::counting::Count;

fn text(require: &str) -> String {
    let space = "space net {
  a in {1, 2, 3}
  b in {1, 2, 3}
  repeat 2 as s { c in {1, 2, 3}  layer x = conv(channels = a * b * c) -> norm -> relu }
  layer head = pool(average) -> linear(classes)
}";
    on_digits(space, &format!("space = net\nrequire {require}"))
}

#[test]
fn what_is_offered_for_in_means_the_same_where_it_stands() {
    for (before, wrong, behind, points) in [
        ("", "space.b in {1, 2}", "", 54_u32),
        ("space.a == 1 and ", "space.b in {1, 2}", "", 18),
        ("not ", "space.b in {1, 2}", "", 27),
        ("not (", "space.b in {1, 2}", ")", 27),
        ("space.a == 1 implies ", "space.b in {1, 2}", "", 72),
        ("not ", "space.b not in {1, 2}", "", 54),
        ("all(", "space.s[*].c in {1, 2}", ")", 36),
        ("count(", "space.s[*].c in {1, 2}", ") == 1", 36),
        ("all(", "space.s[*].c not in {1, 2}", ")", 9),
    ] {
        let (found, _) = refusals(&text(&format!("{before}{wrong}{behind}")));
        assert_eq!(found.len(), 1, "{before}{wrong}{behind}");
        let help = found[0].help.as_deref().unwrap();
        let typed = help.strip_prefix("write `").unwrap().trim_end_matches('`');
        let template = template(&text(&format!("{before}{typed}{behind}")));
        let count = template.counted().count(template.decisions());
        assert_eq!(
            count,
            Count::Exact(BigUint::from(points)),
            "{before}{typed}"
        );
    }
}
