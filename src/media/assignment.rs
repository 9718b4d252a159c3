//! Which remote track arrives in which m-section: one map, whatever filled it.
//!
//! Two engines tell it differently: with receive slots by a message ([`SlotMessage`]), without them
//! by an answer's `mid_to_track_id`. Nothing above this file knows which it was. Pure data; the
//! tracks and elements behind the mids are `playback.rs`'s and `frames.rs`'s.

use super::small_map::SmallMap;
use plenary_protocol::media::SlotMessage;

/// How a mid's content changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AssignmentChange {
    /// The track arrives in the section now, in the place of what was there.
    Arrives {
        /// The m-section.
        mid: String,
        /// Sid of the track.
        track: String,
    },
    /// The section carries the track no longer.
    Gone {
        /// The m-section.
        mid: String,
        /// Sid of the track.
        track: String,
    },
}

/// The living map.
#[derive(Debug, Default)]
pub struct Assignment {
    tracks: SmallMap<String, String>,
}

impl Assignment {
    /// A slot message is the whole assignment: what it does not name is empty.
    pub fn apply_slots(&mut self, message: SlotMessage) -> Vec<AssignmentChange> {
        let SlotMessage::Slots { slots } = message;
        self.replace(
            slots
                .into_iter()
                .map(|slot| (slot.mid, slot.track))
                .collect(),
        )
    }

    /// `SessionDescription.mid_to_track_id` of an answer, which names every section that carries
    /// something, the client's own sending sections among them (`own`).
    pub fn apply_answer(
        &mut self,
        mid_to_track_id: impl IntoIterator<Item = (String, String)>,
        own: impl Fn(&str) -> bool,
    ) -> Vec<AssignmentChange> {
        let received = mid_to_track_id.into_iter().filter(|(mid, _)| !own(mid));
        self.replace(received.collect())
    }

    /// Nothing arrives any more: the session was lost or has ended.
    pub fn clear(&mut self) -> Vec<AssignmentChange> {
        self.replace(SmallMap::default())
    }

    /// The section that carries a track.
    pub fn mid_of(&self, track: &str) -> Option<&str> {
        self.tracks
            .iter()
            .find(|(_, sid)| *sid == track)
            .map(|(mid, _)| mid.as_str())
    }

    /// The track that a section carries.
    pub fn track_in(&self, mid: &str) -> Option<&str> {
        self.tracks.get(mid).map(String::as_str)
    }

    /// Every filled section.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.tracks
            .iter()
            .map(|(mid, track)| (mid.as_str(), track.as_str()))
    }

    /// Departures come first, so that a track that changes its section is told as gone and then as
    /// arriving, never the other way round.
    fn replace(&mut self, next: SmallMap<String, String>) -> Vec<AssignmentChange> {
        let before = std::mem::replace(&mut self.tracks, next);
        let gone = before
            .iter()
            .filter(|(mid, track)| self.tracks.get(mid.as_str()) != Some(track))
            .map(|(mid, track)| AssignmentChange::Gone {
                mid: mid.clone(),
                track: track.clone(),
            });
        let arrives = self
            .tracks
            .iter()
            .filter(|(mid, track)| before.get(mid.as_str()) != Some(track))
            .map(|(mid, track)| AssignmentChange::Arrives {
                mid: mid.clone(),
                track: track.clone(),
            });
        gone.chain(arrives).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use plenary_protocol::media::SlotAssignment;

    fn slots(filled: &[(&str, &str)]) -> SlotMessage {
        let slots = filled
            .iter()
            .map(|(mid, track)| SlotAssignment {
                mid: (*mid).to_owned(),
                track: (*track).to_owned(),
                identity: "endpoint".to_owned(),
            })
            .collect();
        SlotMessage::Slots { slots }
    }

    fn arrives(mid: &str, track: &str) -> AssignmentChange {
        AssignmentChange::Arrives {
            mid: mid.to_owned(),
            track: track.to_owned(),
        }
    }

    fn gone(mid: &str, track: &str) -> AssignmentChange {
        AssignmentChange::Gone {
            mid: mid.to_owned(),
            track: track.to_owned(),
        }
    }

    #[test]
    fn only_differences_are_told() {
        let mut assignment = Assignment::default();
        assert_eq!(
            assignment.apply_slots(slots(&[("3", "TR_a"), ("4", "TR_b")])),
            [arrives("3", "TR_a"), arrives("4", "TR_b")]
        );
        assert_eq!(
            assignment.apply_slots(slots(&[("3", "TR_a"), ("4", "TR_c")])),
            [gone("4", "TR_b"), arrives("4", "TR_c")]
        );
        assert_eq!(
            assignment.apply_slots(slots(&[("3", "TR_a"), ("4", "TR_c")])),
            []
        );
        assert_eq!(assignment.track_in("4"), Some("TR_c"));
        assert_eq!(assignment.mid_of("TR_a"), Some("3"));
    }

    #[test]
    fn a_track_that_changes_its_section_is_gone_before_it_arrives() {
        let mut assignment = Assignment::default();
        assignment.apply_slots(slots(&[("5", "TR_a")]));
        assert_eq!(
            assignment.apply_slots(slots(&[("3", "TR_a")])),
            [gone("5", "TR_a"), arrives("3", "TR_a")]
        );
    }

    #[test]
    fn an_unnamed_slot_is_empty() {
        let mut assignment = Assignment::default();
        assignment.apply_slots(slots(&[("3", "TR_a")]));
        assert_eq!(assignment.apply_slots(slots(&[])), [gone("3", "TR_a")]);
        assert_eq!(assignment.clear(), []);
    }

    #[test]
    fn an_answers_own_sections_are_not_received() {
        let mut assignment = Assignment::default();
        let answer = [("0", "TR_mine"), ("3", "TR_a")].map(|(m, t)| (m.to_owned(), t.to_owned()));
        assert_eq!(
            assignment.apply_answer(answer, |mid| mid == "0"),
            [arrives("3", "TR_a")]
        );
    }
}
