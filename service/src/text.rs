//! Text that people chose and others are shown (`S12`).

/// Longest display name, in characters.
const NAME_CHARS: usize = 256;

/// A display name as others may see it: one line, nothing invisible, nothing that turns the writing
/// direction of what stands around it. `None` when nothing is left.
pub fn display_name(raw: &str) -> Option<String> {
    let mut name = String::new();
    let mut last = ' ';
    for c in raw.chars().take(NAME_CHARS * 4) {
        let c = if c.is_whitespace() { ' ' } else { c };
        // A zero-width joiner holds emoji together; between letters it only deceives.
        let joins_emoji = c == '\u{200d}' && last >= '\u{2190}';
        if (is_deceptive(c) && !joins_emoji) || (c == ' ' && last == ' ') {
            continue;
        }
        name.push(c);
        last = c;
        if name.chars().count() == NAME_CHARS {
            break;
        }
    }
    let name = name.trim();
    (!name.is_empty()).then(|| name.to_owned())
}

/// A meeting's subject: as a display name.
pub fn subject(raw: &str) -> Option<String> {
    display_name(raw)
}

/// A text of several lines: as a display name, but that lines stay. Longer ones are refused, not cut.
pub fn message(raw: &str, most_chars: usize) -> Option<String> {
    if raw.chars().count() > most_chars {
        return None;
    }
    let seen = raw
        .chars()
        .filter(|c| *c == '\n' || *c == '\u{200d}' || !is_deceptive(*c));
    let text: String = seen.collect();
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

/// Whether it can be an id of a stranger's: something in it, of at most so many bytes, that every database takes
/// and finds again, and no terminal acts on.
pub fn is_id(raw: &str, most_bytes: usize) -> bool {
    (1..=most_bytes).contains(&raw.len()) && !raw.contains(char::is_control)
}

/// Control, bidirectional, zero-width, tag and other invisible characters.
fn is_deceptive(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{00ad}' | '\u{034f}' | '\u{061c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{3164}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s12_a_name_holds_no_tricks() {
        assert_eq!(
            display_name("  Ada \n Lovelace\t").as_deref(),
            Some("Ada Lovelace")
        );
        assert_eq!(
            display_name("Ada\u{202e}(lanretxE)").as_deref(),
            Some("Ada(lanretxE)")
        );
        assert_eq!(
            display_name("A\u{200b}d\u{200d}a\u{feff}").as_deref(),
            Some("Ada")
        );
        assert_eq!(
            display_name("👩\u{200d}🚀").as_deref(),
            Some("👩\u{200d}🚀")
        );
        assert_eq!(display_name("\u{200b}\u{0}"), None);
        assert_eq!(
            display_name(&"x".repeat(1_000_000)).map(|name| name.len()),
            Some(NAME_CHARS)
        );
    }

    #[test]
    fn s12_markup_is_left_for_the_page_to_escape() {
        assert_eq!(
            display_name("<b>Ada</b> %41").as_deref(),
            Some("<b>Ada</b> %41")
        );
    }
}
