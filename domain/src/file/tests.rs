use cqrs_es::{
    DomainEvent,
    test::{AggregateTestExecutor, TestFramework},
};

use super::samples::{
    attach, attached, book, content, cover, events, first_lesson, remove, removed, replaced,
};
use super::{
    Event, FILES_MAX, FileName, FileNameError, Files, HEAD_BYTES, MediaType, MediaTypeError,
    Refusal, Sha256, Size, Target, TargetError,
};
use crate::samples::text;

fn given<const N: usize>(history: [Event; N]) -> AggregateTestExecutor<Files> {
    given_all(history.into())
}

fn given_all(history: Vec<Event>) -> AggregateTestExecutor<Files> {
    TestFramework::with(()).given(history)
}

#[test]
fn the_same_content_under_the_same_name_changes_nothing() {
    let (to, name) = (book(), cover());
    let once = attached(to, name.clone(), content(1));
    given([]).when(attach(to, name.clone(), content(1))).then_expect_events(vec![once.clone()]);
    given([once]).when(attach(to, name, content(1))).then_expect_events(vec![]);
}

#[test]
fn other_content_replaces_what_has_the_name_and_leaves_the_others_alone() {
    let (to, name) = (first_lesson(), cover());
    let notes: FileName = text("notes.md");
    let history = [attached(to, name.clone(), content(1)), attached(to, notes, content(2))];
    given(history).when(attach(to, name.clone(), content(2))).then_expect_events(vec![replaced(
        to,
        name,
        content(1),
        content(2),
    )]);
}

#[test]
fn a_file_is_removed_once_and_may_come_back() {
    let (to, name) = (book(), cover());
    let (once, gone) =
        (attached(to, name.clone(), content(1)), removed(to, name.clone(), content(1)));
    given([]).when(remove(to, name.clone())).then_expect_error(Refusal::Unknown);
    given([once.clone()]).when(remove(to, name.clone())).then_expect_events(vec![gone.clone()]);
    given([once.clone(), gone.clone()])
        .when(remove(to, name.clone()))
        .then_expect_error(Refusal::Unknown);
    given([once.clone(), gone]).when(attach(to, name, content(1))).then_expect_events(vec![once]);
}

#[test]
fn who_has_all_the_files_there_may_be_can_replace_them_but_add_none() {
    let name = |number: usize| -> FileName { text(&format!("{number}.png")) };
    let full = || (0..FILES_MAX).map(|number| attached(book(), name(number), content(1))).collect();
    given_all(full()).when(attach(book(), cover(), content(1))).then_expect_error(Refusal::TooMany);
    given_all(full()).when(attach(book(), name(0), content(2))).then_expect_events(vec![replaced(
        book(),
        name(0),
        content(1),
        content(2),
    )]);
}

#[test]
fn a_target_is_an_item_or_a_lesson() {
    for target in [book(), first_lesson()] {
        assert_eq!(target.to_string().parse(), Ok(target));
    }
    for text in ["", "lesson", "lesson:x", "lesson:x:y", "film:x", &format!("{}:x", first_lesson())]
    {
        assert_eq!(text.parse::<Target>(), Err(TargetError), "{text:?}");
    }
}

#[test]
fn a_name_is_one_part_of_a_path() {
    for good in ["cover", "cover.png", "Übersicht 1.md", ".x", "a..b", &"x".repeat(200)] {
        assert!(good.parse::<FileName>().is_ok(), "{good}");
    }
    for bad in ["", ".", "..", "a/b", "a\\b", "a\nb", " a", "a ", "a\u{202e}gnp", &"x".repeat(201)]
    {
        assert_eq!(bad.parse::<FileName>(), Err(FileNameError), "{bad:?}");
    }
    let is_cover = |name: &str| text::<FileName>(name).is_cover();
    assert!(is_cover("cover") && is_cover("cover.png"));
    assert!(!is_cover("covered.png") && !is_cover("my cover.png"));
}

#[test]
fn a_hash_and_a_size_have_their_ranges() {
    assert_eq!(Sha256::from([0xab; 32]).as_str(), "ab".repeat(32));
    for bad in ["", "ab", &"AB".repeat(32), &"xy".repeat(32)] {
        assert!(bad.parse::<Sha256>().is_err(), "{bad}");
    }
    assert!(Size::try_from(0).is_err());
    assert!(Size::try_from(Size::BYTES_MAX).is_ok());
    assert!(Size::try_from(Size::BYTES_MAX + 1).is_err());
}

#[test]
fn what_a_file_is_called_must_be_what_it_is() {
    let samples: [(MediaType, &[u8]); 10] = [
        (MediaType::Png, b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"),
        (MediaType::Jpeg, b"\xff\xd8\xff\xe0\0\x10JFIF"),
        (MediaType::Gif, b"GIF89a\x01\0"),
        (MediaType::Webp, b"RIFF\x24\0\0\0WEBPVP8 "),
        (MediaType::Avif, b"\0\0\0\x20ftypavif"),
        (MediaType::Svg, b"<?xml version=\"1.0\"?>\n<svg xmlns=\"http://www.w3.org/2000/svg\"/>"),
        (MediaType::Pdf, b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n"),
        (MediaType::Html, b"\xef\xbb\xbf<!doctype html><title>x</title>"),
        (MediaType::Markdown, "# Für alle\n".as_bytes()),
        (MediaType::WebVtt, b"WEBVTT\n\n00:01.000 --> 00:04.000\nHello"),
    ];
    for (kind, head) in samples {
        assert!(kind.fits(head), "{kind:?}");
        for other in MediaType::ALL {
            let is_text_of_any_kind = kind.is_text() && other == MediaType::Markdown;
            let is_markup = kind == MediaType::Svg && other == MediaType::Html;
            if other != kind && !is_text_of_any_kind && !is_markup {
                assert!(!other.fits(head), "{kind:?} is no {other:?}");
            }
        }
        assert!(!kind.fits(b""), "{kind:?}");
        assert!(!kind.fits(&[0; HEAD_BYTES]), "{kind:?}");
    }
    let cut = [&b"a".repeat(HEAD_BYTES - 1)[..], &"é".as_bytes()[..1]].concat();
    assert!(MediaType::Markdown.fits(&cut), "a character may be cut where the beginning ends");
    assert!(!MediaType::Markdown.fits(&cut[1..]), "but not where the file ends");
}

#[test]
fn types_are_known_by_their_names_whatever_comes_after() {
    for kind in MediaType::ALL {
        assert_eq!(format!("{}; charset=utf-8", kind.name().to_uppercase()).parse(), Ok(kind));
        assert_eq!(serde_json::json!(kind), kind.name());
    }
    for other in ["", "text/plain", "application/json", "image/", "video/mp4"] {
        assert_eq!(other.parse::<MediaType>(), Err(MediaTypeError), "{other}");
    }
}

/// These snapshots are the contract with every event already stored.
#[test]
fn events_keep_their_shape() {
    for event in events() {
        insta::assert_json_snapshot!(event.event_type(), event);
    }
}
