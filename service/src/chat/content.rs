//! What a message may hold (`S12`): the service refuses or takes out what deceives; pages escape text
//! all the same, and never trust the HTML.

use super::Content;
use crate::text;
use ammonia::Builder;
use std::collections::{BTreeMap, HashSet};

/// Formatting, lists, tables, links: what chat clients write. No pictures: their addresses would tell a
/// stranger's server who reads.
const TAGS: [&str; 31] = [
    "a",
    "b",
    "blockquote",
    "br",
    "code",
    "del",
    "div",
    "em",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "hr",
    "i",
    "li",
    "ol",
    "p",
    "pre",
    "s",
    "span",
    "strike",
    "strong",
    "sub",
    "sup",
    "table",
    "td",
    "tr",
    "u",
    "ul",
];
/// Of links; a link with another scheme loses its target (CVE-2026-47733).
const SCHEMES: [&str; 3] = ["http", "https", "mailto"];

/// Plain text: several lines, nothing invisible, nothing that turns the writing direction. `None` when
/// nothing is left.
pub fn plain(raw: &str) -> Option<Content> {
    let lines = raw.replace("\r\n", "\n").replace('\t', "    ");
    text::message(&lines, usize::MAX).map(Content::Text)
}

/// HTML without scripts, styles, frames, pictures and deceptive characters. `None` when nothing is left.
pub fn html(raw: &str) -> Option<Content> {
    let clean = Builder::default()
        .tags(HashSet::from(TAGS))
        .generic_attributes(HashSet::new())
        .tag_attributes([("a", HashSet::from(["href", "title"]))].into())
        .url_schemes(HashSet::from(SCHEMES))
        .url_relative(ammonia::UrlRelative::Deny)
        .link_rel(Some("noopener noreferrer nofollow"))
        .clean(raw)
        .to_string();
    // After parsing: entities are characters now.
    plain(&clean).map(|content| match content {
        Content::Text(text) => Content::Html(text),
        other => other,
    })
}

/// Metadata of at most so many bytes, keys and values together.
pub fn metadata_fits(metadata: &BTreeMap<String, String>, most_bytes: usize) -> bool {
    let bytes = metadata.iter().map(|(key, value)| key.len() + value.len());
    bytes.sum::<usize>() <= most_bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cleaned(raw: &str) -> String {
        match html(raw) {
            Some(Content::Html(html)) => html,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn s12_formatting_stays_and_scripts_go() {
        let nice = "<p>See <b>this</b> <i>now</i></p><ul><li>1</li></ul>";
        assert_eq!(cleaned(nice), nice);
        for (raw, clean) in [
            ("a<script>alert(1)</script>b", "ab"),
            ("<b onclick=alert(1)>x</b>", "<b>x</b>"),
            ("<p style=position:fixed class=y id=z>x</p>", "<p>x</p>"),
            (
                "<a href=\"javascript:alert(1)\">x</a>",
                "<a rel=\"noopener noreferrer nofollow\">x</a>",
            ),
            (
                "<a href=\" java\nscript:alert(1)\">x</a>",
                "<a rel=\"noopener noreferrer nofollow\">x</a>",
            ),
            (
                "<a href=\"data:text/html,x\">x</a>",
                "<a rel=\"noopener noreferrer nofollow\">x</a>",
            ),
            (
                "<a href=\"//evil.test\">x</a>",
                "<a rel=\"noopener noreferrer nofollow\">x</a>",
            ),
            ("x<img src=x onerror=alert(1)>", "x"),
            ("x<iframe src=https://evil.test></iframe>", "x"),
            ("x<svg><script>alert(1)</script></svg>", "x"),
            ("x<style>*{display:none}</style>", "x"),
            ("x<!-- <script>alert(1)</script> -->", "x"),
            ("&lt;script&gt;", "&lt;script&gt;"),
            ("Ada&#x202e;(lanretxE)", "Ada(lanretxE)"),
        ] {
            assert_eq!(cleaned(raw), clean, "{raw}");
        }
        assert_eq!(
            cleaned("<a href=\"https://example.org/\">x</a>"),
            "<a href=\"https://example.org/\" rel=\"noopener noreferrer nofollow\">x</a>"
        );
        assert_eq!(html("<script>alert(1)</script>"), None);
    }

    #[test]
    fn s12_text_is_text_and_holds_nothing_invisible() {
        let text = |raw: &str| plain(raw);
        assert_eq!(
            text("<b>%41\r\n\tx</b>"),
            Some(Content::Text("<b>%41\n    x</b>".into()))
        );
        assert_eq!(
            text("a\u{202e}b\u{200b}c\u{0}"),
            Some(Content::Text("abc".into()))
        );
        assert_eq!(text(" \u{2066}\n"), None);
    }
}
