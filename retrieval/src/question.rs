//! What a question means that has words and code: of both together the words say too little.

/// Bytes of words, and of code, that say something on their own.
const WORDS_MIN: usize = 20;
const CODE_MIN: usize = 10;
const FENCE: &str = "```";

/// The question itself, and if it has both, its words and its code on their own: it means the mean
/// of them. Code stands between fences, is indented, or ends its lines as code does.
pub fn parts(question: &str) -> Vec<String> {
    let (mut words, mut code) = (String::new(), String::new());
    let mut is_fenced = false;
    for line in question.lines() {
        let fence = line.trim_start().strip_prefix(FENCE);
        if fence.is_some_and(|after| !after.contains(FENCE)) {
            is_fenced = !is_fenced;
            continue;
        }
        let is_code = is_fenced
            || fence.is_some()
            || line.starts_with("  ")
            || line.starts_with('\t')
            || line.trim_end().ends_with(['{', '}', ';']);
        let part = if is_code { &mut code } else { &mut words };
        part.push_str(line);
        part.push('\n');
    }
    let mut parts = vec![question.to_owned()];
    if words.trim().len() >= WORDS_MIN && code.trim().len() >= CODE_MIN {
        parts.extend([words, code]);
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    const CODE: &str = "fn main() {\n  let x = 5;\n}\n";

    #[test]
    fn words_and_code_of_a_question_are_its_parts() {
        let words = "Does this program compile, and why?\n";
        for question in [format!("{words}{CODE}"), format!("{words}```rust\n{CODE}```")] {
            assert_eq!(parts(&question), [&question, words, CODE]);
        }
        let fenced = "What is printed, if anything?\n```\nlet x: u8\n  = 5\n```";
        assert_eq!(parts(fenced)[2], "let x: u8\n  = 5\n");
        let on_one_line =
            "What does this do to x?\n```x = x + 1```\nAnd what does it print?\n\tx += 1";
        assert_eq!(parts(on_one_line)[2], "```x = x + 1```\n\tx += 1\n");
    }

    #[test]
    fn what_has_only_one_of_them_is_a_whole() {
        for question in ["What is a daybook?", CODE, "Why?\nlet x = 5;\nlet y = 6;", ""] {
            assert_eq!(parts(question), [question]);
        }
    }
}
