//! What is said in a video, by its subtitles (WebVTT).

/// The text of all cues in their order, a line each. What stands twice in a row, as in subtitles that
/// roll up, is said once.
pub(super) fn spoken(vtt: &str) -> String {
    let vtt = vtt.replace("\r\n", "\n").replace('\r', "\n");
    let mut said: Vec<String> = Vec::new();
    for block in vtt.split("\n\n") {
        // What stands before the times is the cue's name; what has no times is a note or a style.
        let lines = block.lines().skip_while(|line| !line.contains("-->")).skip(1);
        for line in lines.map(plain).filter(|line| !line.is_empty()) {
            if said.last() != Some(&line) {
                said.push(line);
            }
        }
    }
    said.join("\n")
}

/// Without marks such as `<v Ada>` or `<i>`.
fn plain(line: &str) -> String {
    let mut text = String::new();
    let mut rest = line;
    while let Some((before, tag)) = rest.split_once('<') {
        text.push_str(before);
        rest = tag.split_once('>').map_or("", |(_, after)| after);
    }
    text.push_str(rest);
    let text = text.replace("&nbsp;", " ").replace("&lrm;", "").replace("&rlm;", "");
    // The ampersand last: `&amp;lt;` is how `&lt;` is written.
    text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&").trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_stays_and_times_names_notes_and_marks_go() {
        let vtt = "WEBVTT - A ledger\n\nNOTE\nnot said\n\nSTYLE\n::cue { color: red }\n\n\
                   intro\n00:00.000 --> 00:02.000 align:start\n<v Ada>Every debit</v>\n\
                   has a <i>credit</i>.\n\n00:02.000 --> 00:04.000\nhas a credit.\n\
                   <00:03.000>R&amp;D &lt;first&gt;\n\n00:04.000 --> 00:05.000\n\n";
        let said = "Every debit\nhas a credit.\nR&D <first>";
        assert_eq!(spoken(vtt), said);
        assert_eq!(spoken(&vtt.replace('\n', "\r\n")), said);
        assert_eq!(spoken("WEBVTT"), "");
    }
}
