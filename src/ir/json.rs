//! Values as JSON, for those who read results or measure candidates.

use serde_json::{Map, Number, Value as Json};

use super::Value;

/// A value of the language as JSON; a call becomes an object with its name under `is`.
pub fn value(value: &Value) -> Json {
    match value {
        Value::Bool(b) => (*b).into(),
        Value::Number(n) => number(*n),
        Value::Name(name) => name.as_str().into(),
        Value::Set(items) => items.iter().map(self::value).collect(),
        Value::Record(record) => {
            let mut out = Map::new();
            out.insert("is".into(), record.name.as_str().into());
            for (field, v) in &record.fields {
                out.insert(field.clone(), self::value(v));
            }
            out.into()
        }
    }
}

/// Whole numbers without a fraction, others in the shortest form; what is not finite has no form in JSON and is `null`.
pub fn number(x: f64) -> Json {
    const EXACT: f64 = 9_007_199_254_740_992.0; // 2^53: whole numbers are exact up to here
    if x.fract() == 0.0 && x.abs() < EXACT && !(x == 0.0 && x.is_sign_negative()) {
        return (x as i64).into();
    }
    Number::from_f64(x).map_or(Json::Null, Json::Number)
}
