//! What deploy/gateway.conf says, as far as it decides who is asked.

use reqwest::Method;

/// A directive with its arguments, and what stands between its braces.
#[derive(Debug, Clone, PartialEq)]
pub struct Directive {
    words: Vec<String>,
    block: Vec<Directive>,
}

/// The rules of the gateway.
pub struct Gateway {
    http: Vec<Directive>,
    server: Vec<Directive>,
}

/// Who answers.
#[derive(Debug, Clone, PartialEq)]
pub enum Answers {
    Upstream(String),
    /// The gateway itself, with this status.
    Gateway(u16),
}

impl Gateway {
    pub fn parse(text: &str) -> Self {
        let mut words = words(text).into_iter();
        let all = directives(&mut words);
        let http = named(&all, "http")[0].block.clone();
        let server = named(&http, "server")[0].block.clone();
        Self { http, server }
    }

    /// Who answers `method` at `path`; `wanted` is what a preflight asks for.
    pub fn answers(&self, method: &Method, wanted: Option<&Method>, path: &str) -> Answers {
        let location = self.location(path);
        if let Some(returned) = named(location, "return").first() {
            return Answers::Gateway(returned.words[1].parse().unwrap());
        }
        if let Some(passed) = named(location, "proxy_pass").first() {
            return Answers::Upstream(passed.words[1].strip_prefix("http://").unwrap().into());
        }
        let tried = named(location, "try_files")[0].words.last().unwrap();
        let name = self.value(tried.strip_prefix('@').unwrap(), method, wanted);
        let name = format!("@{name}");
        let place = named(&self.server, "location").into_iter().find(|l| l.words[1] == name);
        let passed = named(&place.unwrap().block, "proxy_pass")[0];
        Answers::Upstream(passed.words[1].strip_prefix("http://").unwrap().into())
    }

    /// Whether what is answered at `path` reaches the client as it comes.
    pub fn is_unbuffered(&self, path: &str) -> bool {
        let buffering = named(self.location(path), "proxy_buffering");
        buffering.first().is_some_and(|directive| directive.words[1] == "off")
    }

    /// Host and port of an upstream.
    pub fn host(&self, upstream: &str) -> (String, u16) {
        let all = named(&self.http, "upstream");
        let block = &all.iter().find(|u| u.words[1] == upstream).unwrap().block;
        let (host, port) = named(block, "server")[0].words[1].split_once(':').unwrap();
        (host.into(), port.parse().unwrap())
    }

    fn location(&self, path: &str) -> &[Directive] {
        let mut everything = None;
        for location in named(&self.server, "location") {
            match &location.words[1..] {
                [equal, exact] if equal == "=" && exact == path => return &location.block,
                [equal, _] if equal == "=" => {}
                [tilde, pattern] if tilde == "~" => {
                    if matches(pattern, path) {
                        return &location.block;
                    }
                }
                [root] if root == "/" => everything = Some(&location.block),
                [place] if place.starts_with('@') => {}
                other => panic!("this test does not know locations such as {other:?}"),
            }
        }
        everything.unwrap()
    }

    /// The value of a variable that a map of the method makes.
    fn value(&self, name: &str, method: &Method, wanted: Option<&Method>) -> String {
        let Some(_) = name.strip_prefix('$') else { return name.into() };
        let maps = named(&self.http, "map");
        let map = maps.iter().find(|map| map.words[2] == name).unwrap();
        let input = match map.words[1].as_str() {
            "$request_method" => method.as_str(),
            "$http_access_control_request_method" => wanted.map_or("", Method::as_str),
            other => panic!("this test does not know {other}"),
        };
        let of = |input: &str| map.block.iter().find(|row| row.words[0] == input);
        let row = of(input).or_else(|| of("default")).unwrap();
        self.value(&row.words[1], method, wanted)
    }
}

/// Whether a path is of the form `^<start>[^/]+$` or `^<start>.+<middle>[^/]+$`.
fn matches(pattern: &str, path: &str) -> bool {
    let form = pattern.strip_prefix('^').and_then(|rest| rest.strip_suffix("[^/]+$")).unwrap();
    let last = path.rfind('/').map_or(0, |slash| slash + 1);
    let (before, name) = path.split_at(last);
    let is_before = match form.split_once(".+") {
        None => before == form,
        Some((start, middle)) => {
            let inner = before.strip_prefix(start).and_then(|rest| rest.strip_suffix(middle));
            inner.is_some_and(|inner| !inner.is_empty())
        }
    };
    is_before && !name.is_empty()
}

fn named<'a>(block: &'a [Directive], name: &str) -> Vec<&'a Directive> {
    block.iter().filter(|directive| directive.words[0] == name).collect()
}

fn directives(words: &mut impl Iterator<Item = Word>) -> Vec<Directive> {
    let (mut all, mut line) = (Vec::new(), Vec::new());
    while let Some(word) = words.next() {
        let block = match word {
            Word::Text(text) => {
                line.push(text);
                continue;
            }
            Word::End => Vec::new(),
            Word::Open => directives(words),
            Word::Close => break,
        };
        all.push(Directive { words: std::mem::take(&mut line), block });
    }
    assert!(line.is_empty(), "{line:?} has no end");
    all
}

#[derive(Debug, PartialEq)]
enum Word {
    Text(String),
    End,
    Open,
    Close,
}

fn words(text: &str) -> Vec<Word> {
    let mut words = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let (word, length) = match first {
            '#' => (None, rest.find('\n').unwrap_or(rest.len())),
            ';' => (Some(Word::End), 1),
            '{' => (Some(Word::Open), 1),
            '}' => (Some(Word::Close), 1),
            '"' | '\'' => {
                let length = rest[1..].find(first).unwrap();
                (Some(Word::Text(rest[1..=length].into())), length + 2)
            }
            _ => {
                let end = |c: char| c.is_whitespace() || matches!(c, ';' | '{' | '}');
                let length = rest.find(end).unwrap_or(rest.len());
                (Some(Word::Text(rest[..length].into())), length)
            }
        };
        words.extend(word);
        rest = rest[length..].trim_start();
    }
    words
}
