//! Fields of quantizers that read names of the quantizer, fixed and searched.

use super::fixtures::{codes, on_digits, template};
use crate::model::Template;
use crate::model::counting::members;

const QUANTIZERS: &str = "use std.spaces.small_cnn
quantizer z : uniform { bits = 4  keep = 0.99  scale = percentile(keep) }
quantizer y : uniform { b in {2, 4}  bits = b  scale in {mse, percentile(share in {0.9, 0.99})} }
quantizer x : uniform { b = 3  bits = 2 * b }";

/// One convolution and the classifier, quantized like this.
fn quantized(weights: &str, activations: &str) -> Template {
    let declarations = format!(
        "{}
space mine {{ layer stem = conv(channels = 8) -> norm  layer head = pool(average) -> linear(classes) }}
policy p {{ every layer {{ weights = {weights}  activations = {activations} }} }}",
        QUANTIZERS.trim_start_matches("use std.spaces.small_cnn\n")
    );
    template(&on_digits(&declarations, "space = mine  policy = p"))
}

fn weights_of(template: &Template) -> Vec<String> {
    let all = members(template.decisions()).unwrap();
    let shown = all.map(|point| {
        let candidate = template.candidate(&point).unwrap().unwrap();
        let nodes = candidate.network.nodes.iter();
        let mut weights = nodes.filter_map(|n| n.placement.as_ref()?.weights.as_ref());
        let first = weights.next().unwrap();
        format!("{} {:?}", first.grid, first.scale)
    });
    shown.collect()
}

#[test]
fn fields_of_a_quantizer_read_its_names() {
    for (weights, expected) in [
        ("z", &["int4 Percentile(0.99)"][..]),
        ("z { keep = 0.9 }", &["int4 Percentile(0.9)"]),
        ("z { scale.share = 0.5 }", &["int4 Percentile(0.5)"]),
        ("z { scale = mse }", &["int4 MeanSquaredError"]),
        ("x", &["int6 MaxAbs"]),
        ("x { b = 2 }", &["int4 MaxAbs"]),
        ("x { b in {1, 2} }", &["int2 MaxAbs", "int4 MaxAbs"]),
        ("x { bits = 5 }", &["int5 MaxAbs"]),
        (
            "y { scale.percentile.share = 0.5 }",
            &[
                "int2 MeanSquaredError",
                "int2 Percentile(0.5)",
                "int4 MeanSquaredError",
                "int4 Percentile(0.5)",
            ],
        ),
        ("y { b = 2  scale = mse }", &["int2 MeanSquaredError"]),
    ] {
        let mut found = weights_of(&quantized(weights, "z"));
        found.sort();
        assert_eq!(found, expected, "{weights}");
    }
}

#[test]
fn a_field_takes_what_its_names_give() {
    let text = |lines: &str| {
        let declarations = format!("{QUANTIZERS}\n{lines}");
        on_digits(&declarations, "space = small_cnn { width = 8 }  policy = p")
    };
    let wrong = "policy p { each layer { weights = x { b in {1, 5} }  activations = z } }";
    assert_eq!(codes(&text(wrong)), ["bnas::domain::out_of_range"]);
    let moving = "quantizer m : uniform { k = 4 * progress  bits = k }
      policy p { each layer { weights = m  activations = z } }";
    assert_eq!(codes(&text(moving)), ["bnas::quantizer::moving"]);
}
