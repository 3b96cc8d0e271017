//! JSON that is wrong in one place.

use super::description::{Field, Shape};

/// A body, and where it is wrong.
pub struct Wrong {
    pub what: String,
    pub body: Vec<u8>,
    pub expected: Expected,
}

#[derive(Debug, Clone)]
pub enum Expected {
    /// 422 that points at this field, at one within it or at what it is part of.
    At(String),
    /// As before, or any other refusal if the value is fine in itself.
    AtIf(String),
    /// 400.
    Malformed,
    /// Any refusal.
    Refused,
    /// Any answer that is not a failure.
    Answered,
    /// This status and no other.
    Status(u16),
}

/// Nobody lets a text be this long.
pub const LONG: usize = 300_000;
/// No list may be this long; a body of this size is taken in.
const MANY: usize = 20_000;
const BYTES: usize = 1_000_000;
const DEEP: [usize; 2] = [10_000, 200_000];

impl Shape {
    /// A value that can be read. Three capitals are a title, a SKU and a currency.
    pub fn sample(&self) -> String {
        match self {
            Self::Text { choices, .. } if !choices.is_empty() => format!("\"{}\"", choices[0]),
            Self::Text { format: Some(format), .. } if format == "uuid" => {
                format!("\"{}\"", uuid::Uuid::now_v7())
            }
            Self::Text { format: Some(format), .. } if format == "email" => {
                "\"nobody@example.org\"".to_owned()
            }
            Self::Text { chars_min, .. } => format!("\"{}\"", "GBP".repeat(chars_min.div_ceil(3))),
            Self::Integer { minimum, .. } => minimum.unwrap_or_default().max(1).to_string(),
            Self::Number => "1.5".to_owned(),
            Self::Boolean => "true".to_owned(),
            Self::List(item) => format!("[{}]", item.sample()),
            Self::Object(fields) => object(None, fields),
        }
    }

    fn distinct(&self, number: usize) -> String {
        match self {
            Self::Text { format: None, choices, .. } if choices.is_empty() => {
                format!("\"G{number}\"")
            }
            _ => self.sample(),
        }
    }

    /// Wrong bodies for a value of this shape.
    pub fn wrong_bodies(&self, optional: bool) -> Vec<Wrong> {
        let wrong = |what: &str, body: Vec<u8>, expected| Wrong {
            what: format!("the body is {what}"),
            body,
            expected,
        };
        let sample = self.sample();
        let mut all: Vec<Wrong> = self
            .wrong_values("")
            .into_iter()
            .map(|Value { what, json, expected }| Wrong { what, body: json.into(), expected })
            .collect();
        for text in ["null", "[]", "7", "\"x\"", "true", "[[]]"] {
            if optional && text == "null" {
                continue;
            }
            all.push(wrong(text, text.into(), Expected::At(String::new())));
        }
        for text in ["", "{", "{]", "nonsense", "'x'", "{\"a\":1,}", "// x\n{}", "NaN", "\u{0}"] {
            all.push(wrong(&format!("{text:?}"), text.into(), Expected::Malformed));
        }
        all.push(wrong("with more behind it", (sample.clone() + " x").into(), Expected::Malformed));
        all.push(wrong("twice", sample.repeat(2).into(), Expected::Malformed));
        all.push(wrong("with a BOM", format!("\u{feff}{sample}").into(), Expected::Malformed));
        let utf_16: Vec<u8> = sample.encode_utf16().flat_map(u16::to_le_bytes).collect();
        all.push(wrong("UTF-16", utf_16, Expected::Malformed));
        for bytes in [&b"{\"\xff\":1}"[..], b"{\"a\":\"\xc3\x28\"}", b"\"\xed\xa0\x80\"", b"\xff"] {
            all.push(wrong("not UTF-8", bytes.to_vec(), Expected::Malformed));
        }
        for deep in DEEP {
            let what = format!("{deep} deep");
            all.push(wrong(&what, "[".repeat(deep).into(), Expected::Malformed));
            all.push(wrong(&what, nested(deep).into(), Expected::Refused));
            let objects = "{\"a\":".repeat(deep) + "1" + &"}".repeat(deep);
            all.push(wrong(&what, objects.into(), Expected::Refused));
        }
        all
    }

    /// Values that are wrong where this shape is expected, at `pointer`.
    fn wrong_values(&self, pointer: &str) -> Vec<Value> {
        let mut all = Vec::new();
        if !pointer.is_empty() {
            all.extend(self.of_other_types(pointer));
        }
        match self {
            Self::Text { .. } => all.extend(self.wrong_texts(pointer)),
            Self::Integer { minimum, maximum } => {
                let beyond = [minimum.map(|least| least - 1), maximum.map(|most| most + 1)];
                for number in beyond.into_iter().flatten() {
                    all.push(Value::new(pointer, &number.to_string(), Expected::At));
                }
                // A difference may be anything: what is too much depends on what is there.
                let bounded = minimum.is_some() || maximum.is_some();
                let expected = if bounded { Expected::At } else { Expected::AtIf };
                for number in [i64::MIN, i64::MAX] {
                    all.push(Value::new(pointer, &number.to_string(), expected));
                }
                for number in ["0.5", "-9223372036854775809", "9223372036854775808"] {
                    all.push(Value::new(pointer, number, Expected::At));
                }
            }
            Self::List(item) => {
                for value in item.wrong_values(&format!("{pointer}/0")) {
                    all.push(value.within(|json| format!("[{json}]")));
                }
                let most = MANY.min(BYTES / item.sample().len());
                let many: Vec<String> = (0..most).map(|number| item.distinct(number)).collect();
                let many = format!("[{}]", many.join(","));
                all.push(Value::new(pointer, &many, Expected::At));
            }
            Self::Object(fields) => all.extend(wrong_objects(fields, pointer)),
            Self::Number | Self::Boolean => {}
        }
        all
    }

    fn of_other_types(&self, pointer: &str) -> Vec<Value> {
        let others = [
            ("\"x\"", matches!(self, Self::Text { .. })),
            ("7", matches!(self, Self::Integer { .. } | Self::Number)),
            ("true", matches!(self, Self::Boolean)),
            ("[]", matches!(self, Self::List(_))),
            ("{}", matches!(self, Self::Object(_))),
            ("1e400", false),
            ("-1e400", false),
            ("1e-400", matches!(self, Self::Number)),
        ];
        let others = others.into_iter().filter(|(_, fits)| !fits);
        let mut all: Vec<Value> =
            others.map(|(json, _)| Value::new(pointer, json, Expected::At)).collect();
        all.push(Value::new(pointer, &nested(DEEP[0]), Expected::At));
        all
    }

    fn wrong_texts(&self, pointer: &str) -> Vec<Value> {
        let Self::Text { format, choices, .. } = self else { return Vec::new() };
        let mut all = Vec::new();
        for text in ["\\ud800", "\\udc00\\ud800", "\\ud800x"] {
            all.push(Value::new(pointer, &format!("\"{text}\""), Expected::At));
        }
        // A password may be anything: it is hashed, not stored.
        for text in ["\\u0000", "a\\u0000b", &"x".repeat(LONG), &"\\u0000".repeat(LONG)] {
            all.push(Value::new(pointer, &format!("\"{text}\""), Expected::AtIf));
        }
        if format.is_some() || !choices.is_empty() {
            for text in ["", "x", "-1", "\\u202e"] {
                all.push(Value::new(pointer, &format!("\"{text}\""), Expected::At));
            }
        }
        all
    }
}

/// A value for one place.
struct Value {
    what: String,
    json: String,
    expected: Expected,
}

impl Value {
    fn new(pointer: &str, json: &str, expected: fn(String) -> Expected) -> Self {
        let shown: String = json.chars().take(40).collect();
        let what = format!("{pointer} is {shown}");
        Self { what, json: json.to_owned(), expected: expected(pointer.to_owned()) }
    }

    fn within(self, around: impl FnOnce(&str) -> String) -> Self {
        Self { json: around(&self.json), ..self }
    }
}

fn wrong_objects(fields: &[Field], pointer: &str) -> Vec<Value> {
    let mut all = Vec::new();
    for field in fields {
        let at = format!("{pointer}/{}", field.name);
        let put = |json: &str| object(Some((&field.name, json)), fields);
        for value in field.shape.wrong_values(&at) {
            all.push(value.within(put));
        }
        if !field.nullable {
            all.push(Value::new(&at, "null", Expected::At).within(put));
        }
        let twice = format!("{0},\"{1}\":{0}", field.shape.sample(), field.name);
        all.push(Value {
            what: format!("{at} is there twice"),
            json: put(&twice),
            expected: Expected::At(at.clone()),
        });
        if field.required {
            let others: Vec<Field> =
                fields.iter().filter(|other| other.name != field.name).cloned().collect();
            all.push(Value {
                what: format!("{at} is missing"),
                json: object(None, &others),
                expected: Expected::At(at),
            });
        }
    }
    for (name, escaped) in [("unheard_of", "unheard_of"), ("__proto__", "__proto__"), ("", "")] {
        let at = format!("{pointer}/{escaped}");
        let json = object(Some((name, "1")), fields);
        all.push(Value { what: format!("{at} is nothing"), json, expected: Expected::At(at) });
    }
    all
}

/// What must be there, and before it the one field that is tried: it is read first, so that
/// nothing else is complained of.
fn object(tried: Option<(&str, &str)>, fields: &[Field]) -> String {
    let pair = |name: &str, json: &str| format!("\"{name}\":{json}");
    let tried_name = tried.map(|(name, _)| name);
    let rest = fields.iter().filter(|field| field.required && Some(&*field.name) != tried_name);
    let pairs = tried.map(|(name, json)| pair(name, json)).into_iter();
    let pairs = pairs.chain(rest.map(|field| pair(&field.name, &field.shape.sample())));
    format!("{{{}}}", pairs.collect::<Vec<_>>().join(","))
}

fn nested(deep: usize) -> String {
    "[".repeat(deep) + &"]".repeat(deep)
}
