//! A thread that was written elsewhere: who took part, and what each of them may read, as its history
//! tells (`S13`: nobody reads here what they could not read there).

use super::message::{Content, Message};
use super::thread::Participant;
use plenary_protocol::id::RawId;
use std::collections::{BTreeMap, BTreeSet};

/// Somebody who takes part now, as the other service lists them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listed {
    /// Name.
    pub name: Option<String>,
    /// From when on history was shared with them.
    pub shared_from: Option<u64>,
    /// The application's own.
    pub metadata: BTreeMap<String, String>,
}

/// Everybody who takes part or did. `history` is in the order of its ids. Before each message in `breaks`
/// something may be missing, so that nobody's right goes on across it unproved; since the last of them nothing
/// is missing, and whoever is listed and did not come since was there before.
pub fn people<'a>(
    history: impl IntoIterator<Item = &'a Message>,
    listed: &[(RawId, Listed)],
    breaks: &BTreeSet<u64>,
) -> BTreeMap<RawId, Participant> {
    let mut people: BTreeMap<RawId, Participant> = BTreeMap::new();
    for (order, (id, one)) in (0u64..).zip(listed) {
        let mut new = Participant::new(order);
        new.name.clone_from(&one.name);
        new.shared_from = one.shared_from;
        new.metadata.clone_from(&one.metadata);
        people.insert(id.clone(), new);
    }
    let mut last_id = 0;
    for message in history {
        if breaks.contains(&message.id) {
            people.values_mut().for_each(|one| one.go(last_id));
        }
        match &message.body.content {
            Content::ParticipantAdded { who, .. } => {
                for one in who {
                    let order = people.len() as u64;
                    let known = people
                        .entry(one.id.clone())
                        .or_insert_with(|| Participant::new(order));
                    known.name = known.name.take().or_else(|| one.name.clone());
                    // Who is added reads the message that says so.
                    known.enter(message.id);
                }
            }
            Content::ParticipantRemoved { who, .. } => {
                for one in who {
                    if let Some(known) = people.get_mut(&one.id) {
                        known.go(last_id);
                    }
                }
            }
            _ => {}
        }
        last_id = message.id;
    }
    // What is missing after the last of them.
    if breaks.range(last_id.saturating_add(1)..).next().is_some() {
        people.values_mut().for_each(|one| one.go(last_id));
    }
    let unbroken_from = breaks.last().copied().unwrap_or_default();
    for (id, one) in &mut people {
        match listed.iter().find(|(listed, _)| listed == id) {
            Some((_, listed)) => stays(one, listed.shared_from, unbroken_from),
            None => one.go(last_id),
        }
    }
    people
}

/// Takes part now, and what was shared with them is theirs to read, too.
fn stays(one: &mut Participant, shared_from: Option<u64>, unbroken_from: u64) {
    let came = match one.windows.last() {
        Some(last) if last.to.is_none() => last.from,
        _ => unbroken_from,
    };
    let from = shared_from.map_or(came, |shared| shared.min(came));
    if one.is_present() {
        one.windows.pop();
    }
    one.enter(from);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::{Body, Life, Named, Window};

    fn message(id: u64, content: Content) -> Message {
        Message {
            id,
            sequence: id,
            version: id,
            created: id,
            sender: None,
            client_id: None,
            body: Body {
                name: None,
                content,
                metadata: BTreeMap::new(),
                life: Life::Sent,
            },
        }
    }

    fn named(ids: &[&str]) -> Vec<Named> {
        let named = |id: &&str| Named {
            id: (*id).into(),
            name: Some(format!("{id}'s name")),
        };
        ids.iter().map(named).collect()
    }

    fn added(id: u64, who: &[&str]) -> Message {
        let (who, by) = (named(who), "a".into());
        message(id, Content::ParticipantAdded { who, by })
    }

    fn removed(id: u64, who: &[&str]) -> Message {
        let (who, by) = (named(who), "a".into());
        message(id, Content::ParticipantRemoved { who, by })
    }

    fn text(id: u64) -> Message {
        message(id, Content::Text("x".into()))
    }

    fn window(from: u64, to: Option<u64>) -> Window {
        Window { from, to }
    }

    fn listed(id: &str, shared_from: Option<u64>) -> (RawId, Listed) {
        let one = Listed {
            shared_from,
            ..Listed::default()
        };
        (id.into(), one)
    }

    #[test]
    fn s13_everybody_reads_what_they_could_read_there() {
        let history = [
            added(1, &["a", "b"]),
            text(5),
            removed(10, &["b"]),
            text(12),
            added(15, &["b", "c"]),
            text(20),
            removed(25, &["b"]),
            text(30),
        ];
        let now = [listed("a", None), listed("c", Some(7))];
        let people = people(&history, &now, &[1].into());
        let windows = |id: &str| people[&RawId::from(id)].windows.clone();
        assert_eq!(windows("a"), [window(1, None)]);
        assert_eq!(
            windows("b"),
            [window(1, Some(5)), window(15, Some(20))],
            "not what was written meanwhile or later"
        );
        assert_eq!(windows("c"), [window(7, None)], "shared with them");
        assert!(!people[&RawId::from("b")].is_present());
        let b = &people[&RawId::from("b")];
        assert_eq!(b.name.as_deref(), Some("b's name"));
    }

    #[test]
    fn s13_where_the_history_is_broken_nobody_reads_what_is_not_proved() {
        // Nothing says when b and c came: between 5 and 20 something is missing.
        let history = [added(5, &["d"]), text(7), text(20), text(30)];
        let now = [listed("b", None), listed("c", Some(25))];
        let people = people(&history, &now, &[5, 20].into());
        assert_eq!(people[&RawId::from("b")].windows, [window(20, None)]);
        assert_eq!(people[&RawId::from("c")].windows, [window(20, None)]);
        assert_eq!(people[&RawId::from("d")].windows, [window(5, Some(7))]);
    }

    #[test]
    fn who_went_without_a_word_is_gone() {
        let history = [added(1, &["a", "b"]), text(5)];
        let people = people(&history, &[listed("a", None)], &[1].into());
        assert_eq!(people[&RawId::from("b")].windows, [window(1, Some(5))]);
    }
}
