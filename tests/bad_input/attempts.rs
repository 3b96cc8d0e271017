//! Requests that must not be granted.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use reqwest::Method;
use reqwest::header::{HeaderName, HeaderValue};
use serde_json::{Value, json};

use super::description::{Operation, Parameter, Shape};
use super::json::{Expected, LONG, Wrong};
use super::scene::Scene;
use super::uploads::wrong_uploads;

/// One request with one thing wrong.
#[derive(Debug, Clone)]
pub struct Attempt {
    pub what: String,
    pub method: Method,
    /// Path and query as they stand on the wire.
    pub target: String,
    pub headers: Vec<(HeaderName, HeaderValue)>,
    pub body: Vec<u8>,
    pub expected: Expected,
}

const BODY_BYTES_MAX: usize = 1024 * 1024;
/// What a URL may hold and no parameter takes.
const LONG_IN_URL: usize = 10_000;
/// Query parameters in which every text has a meaning. All others know what they take.
const FREE_TEXTS: [&str; 19] = [
    "q",
    "genre",
    "author",
    "language",
    "publisher",
    "series",
    "skill",
    "category",
    "tag",
    "sku",
    "type",
    "stream_id",
    "stream_type",
    "actor",
    "correlation_id",
    "command_id",
    "projection",
    "reason",
    "reveal",
];

/// Lists with nothing in them.
const MAY_BE_EMPTY: [&str; 2] = ["topics", "items"];

/// Everything that can be wrong with a request for this operation.
pub fn attempts(operation: &Operation, scene: &Scene) -> Vec<Attempt> {
    let good = good(operation, scene);
    let mut all = Vec::new();
    for parameter in operation.parameters("path") {
        all.extend(wrong_in_path(operation, parameter, scene, &good));
    }
    for parameter in operation.parameters("query") {
        all.extend(wrong_in_query(operation, parameter, &good));
    }
    let mut unknown = good.with_query("unheard_of=1");
    unknown.what = "an unknown query parameter".to_owned();
    unknown.expected = Expected::At("/query/unheard_of".to_owned());
    all.push(unknown);
    all.extend(wrong_headers(operation, &good));
    all.extend(["BREW", "TRACE", "OPTIONS"].map(|method| Attempt {
        what: format!("the method {method}"),
        method: method.parse().unwrap(),
        expected: Expected::Status(405),
        ..good.clone()
    }));
    if !operation.uploads.is_empty() {
        all.extend(wrong_uploads(operation, &good));
    } else if operation.is_command() {
        all.extend(wrong_bodies(operation, &good));
    }
    all
}

/// Nothing is wrong with it: never sent as it is. But an upload is never what it says: any name will
/// do for it.
fn good(operation: &Operation, scene: &Scene) -> Attempt {
    let mut body = operation.body.as_ref().map(Shape::sample).unwrap_or_default();
    let mut headers = vec![header("authorization", format!("Bearer {}", scene.token).as_bytes())];
    if !body.is_empty() {
        headers.push(header("content-type", b"application/json"));
    }
    if let Some(kind) = operation.uploads.iter().find(|kind| kind.starts_with("image/")) {
        headers.push(header("content-type", kind.as_bytes()));
        body = "no image".to_owned();
    }
    let good = Attempt {
        what: String::new(),
        method: operation.method.clone(),
        target: scene.path(operation, None),
        headers,
        body: body.into_bytes(),
        expected: Expected::Refused,
    };
    let required = operation.parameters("query").filter(|parameter| parameter.required);
    required.fold(good, |good, parameter| good.with_query(&format!("{}=x", parameter.name)))
}

/// The first page of one item, if this is a list.
pub fn first_page(operation: &Operation, scene: &Scene) -> Option<Attempt> {
    operation.parameters("query").find(|parameter| parameter.name == "cursor")?;
    let good = good(operation, scene).with_query("limit=1");
    Some(Attempt { expected: Expected::Answered, ..good })
}

/// Later pages that nobody was given the cursor of: the true one with one value replaced.
pub fn forged(first: &Attempt, cursor: &str) -> Vec<Attempt> {
    let cursor = BASE64_URL_SAFE_NO_PAD.decode(cursor).unwrap();
    let cursor: Value = serde_json::from_slice(&cursor).unwrap();
    let mut all = Vec::new();
    for wrong in [
        json!(null),
        json!("x"),
        json!("a\u{0}b"),
        json!("x".repeat(LONG_IN_URL)),
        json!(true),
        json!(i64::MIN),
        json!(i64::MAX),
        json!(u64::MAX),
        json!(0.5),
        json!(1e308),
        json!([]),
        json!({}),
        json!("+262142-12-31T23:59:59Z"),
        json!("-262143-01-01T00:00:00Z"),
        json!("00000000-0000-0000-0000-000000000000"),
        json!("NaN"),
        json!("Infinity"),
    ] {
        let places = cursor[1].as_array().map_or(0, Vec::len);
        let mut forgeries = vec![json!([cursor[0], wrong])];
        for place in 0..places {
            let mut forgery = cursor.clone();
            forgery[1][place] = wrong.clone();
            forgeries.push(forgery);
        }
        all.extend(forgeries.into_iter().map(|forgery| {
            let text = forgery.to_string();
            let page =
                first.with_query(&format!("cursor={}", BASE64_URL_SAFE_NO_PAD.encode(&text)));
            Attempt { what: format!("a cursor that says {text:.60}"), ..page }
        }));
    }
    all
}

impl Attempt {
    fn with_query(&self, pair: &str) -> Self {
        let separator = if self.target.contains('?') { '&' } else { '?' };
        Self { target: format!("{}{separator}{pair}", self.target), ..self.clone() }
    }

    /// In place of what is there.
    pub fn with_header(&self, name: &str, values: &[&[u8]], expected: Expected) -> Self {
        let mut headers = self.headers.clone();
        headers.retain(|(known, _)| known.as_str() != name);
        headers.extend(values.iter().map(|value| header(name, value)));
        let shown = values.iter().map(|value| value.escape_ascii().take(40).collect::<Vec<_>>());
        let shown: Vec<String> = shown.map(|v| String::from_utf8(v).unwrap()).collect();
        let what = format!("{name} is {shown:?}");
        Self { what, headers, expected, ..self.clone() }
    }
}

fn header(name: &str, value: &[u8]) -> (HeaderName, HeaderValue) {
    (name.parse().unwrap(), HeaderValue::from_bytes(value).unwrap())
}

/// As they stand on the wire; each with whether it can mean anything as a text.
fn wrong_texts(shape: &Shape) -> Vec<(String, bool)> {
    let fits_integer = |text: &str| match shape {
        Shape::Integer { minimum, maximum } => text.parse::<i64>().is_ok_and(|number| {
            minimum.is_none_or(|least| number >= least) && maximum.is_none_or(|most| number <= most)
        }),
        _ => false,
    };
    let long_text = "x".repeat(LONG_IN_URL);
    let long_number = "9".repeat(LONG_IN_URL);
    let mut texts: Vec<(String, bool)> = [
        "x",
        "-1",
        "0.5",
        "1e400",
        "9223372036854775807",
        "9223372036854775808",
        "null",
        "[]",
        "{}",
        "%22x%22",
        "%E2%80%AE",
        "%2e%2e%2f%2e%2e%2fetc%2fpasswd",
        "'%20or%20'1'='1",
        "-262143-01-01",
        "-262143-01-01T00:00:00Z",
        "%2B262142-12-31",
        "%2B262142-12-31T23:59:59Z",
        "2026-02-30",
        "00000000-0000-0000-0000-00000000000g",
        &long_text,
        &long_number,
    ]
    .into_iter()
    .map(|text| (text.to_owned(), text.len() < LONG_IN_URL))
    .filter(|(text, _)| !fits_integer(text))
    .collect();
    texts.extend(["%00", "a%00b", "%ff", "%c3%28", "%zz", "%"].map(|t| (t.to_owned(), false)));
    texts
}

fn wrong_in_path(
    operation: &Operation,
    parameter: &Parameter,
    scene: &Scene,
    good: &Attempt,
) -> Vec<Attempt> {
    let name = &parameter.name;
    let at = format!("/path/{name}");
    let texts = wrong_texts(&parameter.shape).into_iter();
    texts
        .map(|(text, _)| Attempt {
            what: format!("{at} is {}", text.chars().take(40).collect::<String>()),
            target: scene.path(operation, Some((name, &text))),
            expected: Expected::AtIf(at.clone()),
            ..good.clone()
        })
        .collect()
}

fn wrong_in_query(operation: &Operation, parameter: &Parameter, good: &Attempt) -> Vec<Attempt> {
    let name = &parameter.name;
    let at = format!("/query/{name}");
    let mut alone = good.clone();
    alone.target.truncate(alone.target.find('?').unwrap_or(alone.target.len()));
    let others = operation.parameters("query").filter(|p| p.required && p.name != *name);
    let alone = others.fold(alone, |alone, other| alone.with_query(&format!("{}=x", other.name)));
    let put = |text: &str, what: String, expected| {
        let attempt = alone.with_query(text);
        Attempt { what, expected, ..attempt }
    };
    let mut all = Vec::new();
    let free = FREE_TEXTS.contains(&name.as_str());
    for (text, can_mean) in wrong_texts(&parameter.shape) {
        let extreme_date = text.contains("262143") || text.contains("262142");
        let expected = match free || extreme_date {
            true if can_mean && operation.is_command() => Expected::Refused,
            true if can_mean => Expected::Answered,
            _ if name == "cursor" => Expected::Refused,
            _ => Expected::At(at.clone()),
        };
        let what = format!("{at} is {}", text.chars().take(40).collect::<String>());
        all.push(put(&format!("{name}={text}"), what, expected));
    }
    if !free && !MAY_BE_EMPTY.contains(&name.as_str()) {
        let expected = if name == "cursor" { Expected::Refused } else { Expected::At(at.clone()) };
        all.push(put(&format!("{name}="), format!("{at} is empty"), expected));
    }
    let twice = format!("{name}=1&{name}=1");
    all.push(put(&twice, format!("{at} is there twice"), Expected::At(at)));
    all
}

fn wrong_headers(operation: &Operation, good: &Attempt) -> Vec<Attempt> {
    let long = [b'x'; LONG_IN_URL];
    let mut all = Vec::new();
    let mut wrong = |name: &str, values: &[&[u8]], expected: Expected| {
        all.push(good.with_header(name, values, expected));
    };
    let tokens: [&[u8]; 9] = [
        b"",
        b"Bearer",
        b"Bearer ",
        b"Bearer x",
        b"Bearer a b",
        b"Basic dTpw",
        b"Bearer \xff",
        b"x",
        b"Bearer ..",
    ];
    for token in tokens {
        wrong("authorization", &[token], Expected::Status(401));
    }
    wrong("authorization", &[&[&b"Bearer "[..], &long].concat()], Expected::Status(401));
    if operation.is_command() {
        let tags: [&[u8]; 9] = [
            b"",
            b"yesterday",
            b"1",
            b"W/\"1\"",
            b"\"-1\"",
            b"\"x\"",
            b"\"1\", \"2\"",
            b"\"9223372036854775808\"",
            b"\"1\xff\"",
        ];
        let keys: [&[u8]; 5] = [b"", b"two words", &[b'x'; 256], b"k\xc3\xa9y", b"\"\""];
        for (name, values) in [("if-match", &tags[..]), ("idempotency-key", &keys)] {
            for value in values {
                wrong(name, &[value], Expected::Refused);
            }
        }
        wrong("if-match", &[b"\"1\"", b"\"1\""], Expected::Refused);
        // A session has no version.
        if operation.path != "/api/v1/sessions/current" {
            wrong("if-match", &[b"\"9223372036854775807\""], Expected::Refused);
        }
        wrong("idempotency-key", &[b"a", b"b"], Expected::Refused);
    } else {
        let positions: [&[u8]; 7] =
            [b"", b"soon", b"-1", b"1.5", b"9223372036854775808", b"\xff", &long];
        for position in positions {
            wrong("consistency-token", &[position], Expected::Status(400));
        }
        let preferences: [&[u8]; 5] =
            [b"", b"wait=-1", b"wait=99999999999999999999", b"\xff", b"wait=wait; wait=,,;="];
        for preference in preferences {
            wrong("prefer", &[preference], Expected::Answered);
        }
        for (name, value) in [
            ("traceparent", &b"00-zz-zz-zz"[..]),
            ("traceparent", b"\xff"),
            ("accept", b"\xff"),
            ("if-none-match", b"\xff"),
            ("x-forwarded-for", b"nobody, \xff"),
            ("content-type", b"\xff"),
            ("accept-language", &long),
        ] {
            wrong(name, &[value], Expected::Answered);
        }
    }
    for parameter in operation.parameters("header") {
        let values: [&[u8]; 7] =
            [b"", b"soon", b"-1", b"1.5", b"9223372036854775808", b"\xff", &long];
        for value in values {
            wrong(&parameter.name.to_lowercase(), &[value], Expected::Status(400));
        }
    }
    all
}

fn wrong_bodies(operation: &Operation, good: &Attempt) -> Vec<Attempt> {
    let typed = good.with_header("content-type", &[b"application/json"], Expected::Refused);
    let with = |what: &str, body: Vec<u8>, expected| Attempt {
        what: what.to_owned(),
        body,
        expected,
        ..typed.clone()
    };
    let mut all = Vec::new();
    let wrong = match &operation.body {
        Some(shape) => shape.wrong_bodies(operation.body_optional),
        None => Shape::Object(Vec::new()).wrong_bodies(true),
    };
    for Wrong { what, body, expected } in wrong {
        if body.is_empty() && operation.body.is_none() {
            continue;
        }
        all.push(with(&what, body, expected));
    }
    let sample = operation.body.as_ref().map_or("{}".to_owned(), Shape::sample);
    let large = " ".repeat(BODY_BYTES_MAX + 1 - sample.len()) + &sample;
    all.push(with("1 MiB + 1", large.into_bytes(), Expected::Status(413)));
    let long_name = format!("{{\"{}\":1}}", "x".repeat(LONG));
    all.push(with("a long name", long_name.into_bytes(), Expected::Refused));
    for kind in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "x", ""]
    {
        let mut untyped =
            typed.with_header("content-type", &[kind.as_bytes()], Expected::Status(415));
        untyped.body = sample.clone().into_bytes();
        all.push(untyped);
    }
    let mut untyped = typed.with_header("content-type", &[], Expected::Status(415));
    untyped.body = sample.into_bytes();
    all.push(untyped);
    all
}
