//! Formulas that a quantizer names for itself are what they would be with their bodies in place of the calls.

use super::checked;
use super::fixtures::on_digits;
use crate::ir::Formulas;

/// Of the quantizer `q` of the declarations, used for all weights: its formulas as text, without the places in the file.
fn formulas(declarations: &str) -> String {
    let policy = "policy p { each layer { weights = q } }";
    let text = on_digits(
        &format!("use std.spaces.small_cnn\n{declarations}\n{policy}"),
        "space = small_cnn { width = 4 }  policy = p",
    );
    let (checked, _) = checked("test.bnas", &text);
    assert!(checked.diagnostics.is_empty(), "{:?}", checked.diagnostics);
    let experiment = &checked.program.expect("no errors").experiments[0];
    let quantizer = experiment.quantizers.iter().find(|q| q.name == "q");
    let Formulas {
        normalize,
        scale,
        forward,
        gradient,
        ..
    } = &quantizer.expect("is used").formulas;
    let shown = |formula: &Option<_>| formula.as_ref().map(crate::ir::show);
    format!("{:?}", [normalize, scale, forward, gradient].map(shown))
}

#[test]
fn calls_stand_for_bodies() {
    let named = "quantizer q : ternary {
        forward(w) = scale(w) * round(clip(w / (2 * delta(w)), -1, 1))
        scale(x)   = stop(mean(kept(x) * abs(x), per = filter))
        kept(w)    = if abs(w) > delta(w) then 1 else 0.5
        delta(x)   = max(0.7 * mean(abs(x), per = filter), 1e-6) }";
    let written = "quantizer q : ternary {
        scale(w)   = stop(mean((if abs(w) > max(0.7 * mean(abs(w), per = filter), 1e-6) then 1 else 0.5) * abs(w), per = filter))
        forward(w) = scale(w) * round(clip(w / (2 * max(0.7 * mean(abs(w), per = filter), 1e-6)), -1, 1)) }";
    assert_eq!(formulas(named), formulas(written));
}

#[test]
fn a_call_takes_any_argument() {
    let named = "quantizer q : binary { steep(x) = x^3  gradient(x) = steep(steep(abs(x)) + 1) }";
    let written = "quantizer q : binary { gradient(x) = (abs(x)^3 + 1)^3 }";
    assert_eq!(formulas(named), formulas(written));
}

#[test]
fn who_derives_gives_another_formula_in_its_place() {
    let named = "quantizer base : binary { steep(x) = abs(x)  gradient(x) = 2 * steep(x) }
        quantizer q : base { steep(x) = x * x }";
    let written = "quantizer q : binary { gradient(x) = 2 * (x * x) }";
    assert_eq!(formulas(named), formulas(written));
}

#[test]
fn chains_and_circles_end() {
    let chain = |links: usize, body: &str| {
        let links = (0..links)
            .map(|i| format!("a{i}(x) = {}", body.replace("next", &format!("a{}", i + 1))));
        let links: Vec<String> = links.collect();
        format!(
            "bnas 1\nquantizer q : binary {{\n{}\na{}(x) = x\ngradient(x) = a0(x)\n}}",
            links.join("\n"),
            links.len()
        )
    };
    let codes = |text: &str| -> Vec<&str> {
        let (checked, _) = checked("test.bnas", text);
        checked.diagnostics.iter().map(|d| d.code).collect()
    };
    assert_eq!(codes(&chain(100, "next(x) + 1")), Vec::<&str>::new());
    assert_eq!(codes(&chain(1000, "next(x) + 1")), ["bnas::parse::nesting"]);
    assert_eq!(
        codes(&chain(100, "next(x) + next(x)")),
        ["bnas::quantizer::length"]
    );
    let circle =
        "bnas 1\nquantizer q : binary { a(x) = b(x)  b(x) = a(x)  forward(x) = sign(a(x)) }";
    assert_eq!(codes(circle), ["bnas::name::circular"]);
}

#[test]
fn slips_in_formulas_are_one_report() {
    let found = |body: &str| -> Vec<(&str, String)> {
        let (checked, _) = checked(
            "test.bnas",
            &format!("bnas 1\nquantizer q : binary {{ {body} }}"),
        );
        let all = checked.diagnostics.into_iter();
        all.map(|d| (d.code, d.help.unwrap_or_default())).collect()
    };
    for (body, code, help) in [
        (
            "delta(x) = x + 1  gradient(x) = dleta(x)",
            "bnas::name::unknown",
            "did you mean `delta`?",
        ),
        (
            "x = 3  gradient(w) = w * 2",
            "bnas::name::duplicate",
            "take another name: `own_x = …`",
        ),
        (
            "progress(x) = x  gradient(x) = 2 * x",
            "bnas::name::duplicate",
            "take another name: `own_progress(…) = …`",
        ),
        (
            "k = f(2)  f(x) = x  gradient(x) = k * f(x)",
            "bnas::name::unknown",
            "names call no formulas, and formulas those before them in `normalize`, `scale`, `forward`, `gradient`",
        ),
    ] {
        assert_eq!(found(body), [(code, help.to_string())], "{body}");
    }
    // Of a chain that nothing calls, its head is news.
    let unused = found("a(w) = b(w)  b(w) = w + 1");
    assert_eq!(unused.len(), 1, "{unused:?}");
    let wrong = found("f(w) = w > 0  forward(w) = if f(w) then 1 else -1");
    assert_eq!(wrong.len(), 1, "{wrong:?}");
}
