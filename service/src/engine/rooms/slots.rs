//! Receive slots: which track is in which of a client's fixed sections.

use std::time::Instant;

use plenary_protocol::media::{SlotAssignment, SlotMessage};

use super::loudest::Voice;
use super::participant::{Mode, Participant, Receiving};
use super::sdp::Kind;
use super::signal::Frame;
use super::subscribe::Wanted;
use super::Locked;
use crate::clock;

impl Locked<'_> {
    /// Give out the slots; true if the assignment changed. What is in a slot stays there as long
    /// as it is wanted and nothing better has to take its place.
    pub fn assign_slots(&mut self, sid: &str, wanted: &[Wanted]) -> bool {
        let Some(participant) = self.participants.get_mut(sid) else {
            return false;
        };
        let before = assignment(participant);
        for kind in [Kind::Audio, Kind::Video] {
            let chosen = match kind {
                Kind::Audio => loudest(participant, wanted, clock::now()),
                Kind::Video | Kind::Application => choose(participant, wanted, kind),
            };
            for slot in slots_of(participant, kind) {
                if !chosen.iter().any(|w| slot.track.as_ref() == Some(&w.track)) {
                    slot.clear();
                }
            }
            for track in &chosen {
                place(participant, wanted, track);
            }
        }
        pair(participant, wanted);
        assignment(participant) != before
    }

    /// The whole assignment as a text frame.
    pub fn send_slots(&mut self, sid: &str) {
        let Some(participant) = self.participants.get(sid) else {
            return;
        };
        if participant.mode != Mode::Slots {
            return;
        }
        let owner_of = |track: &str| {
            let (owner, _) = self.keys.values().find(|(_, t)| t == track)?;
            Some(self.participants.get(owner)?.identity.clone())
        };
        let slots = participant
            .receiving
            .iter()
            .filter_map(|r| {
                let track = r.track.clone()?;
                Some(SlotAssignment {
                    mid: r.mid.clone(),
                    identity: owner_of(&track)?,
                    track,
                })
            })
            .collect();
        match serde_json::to_string(&SlotMessage::Slots { slots }) {
            Ok(text) => self.send_frame(sid, Frame::Text(text)),
            Err(error) => tracing::error!(%error, "a slot message cannot be written"),
        }
    }
}

fn assignment(participant: &Participant) -> Vec<Option<String>> {
    participant
        .receiving
        .iter()
        .map(|r| r.track.clone())
        .collect()
}

fn slots_of(participant: &mut Participant, kind: Kind) -> impl Iterator<Item = &mut Receiving> {
    participant
        .receiving
        .iter_mut()
        .filter(move |r| r.kind == kind)
}

/// Those who are heard: the loudest, steadily.
fn loudest(participant: &mut Participant, wanted: &[Wanted], now: Instant) -> Vec<Wanted> {
    let audio: Vec<&Wanted> = wanted.iter().filter(|w| w.kind == Kind::Audio).collect();
    let voices: Vec<Voice> = audio
        .iter()
        .map(|w| Voice {
            track: &w.track,
            asked: w.asked,
            muted: w.muted,
            speaking: w.speaking,
            level: w.loudness,
        })
        .collect();
    let slots = participant.receiving.iter();
    let slots: Vec<Option<&str>> = slots
        .filter(|r| r.kind == Kind::Audio)
        .map(|r| r.track.as_deref())
        .collect();
    let seated = |track: &str| slots.contains(&Some(track));
    let louder = &mut participant.louder;
    let chosen = super::loudest::choose(&voices, seated, slots.len(), louder, now);
    chosen.into_iter().map(|n| audio[n].clone()).collect()
}

/// Those who get a slot of this kind: whom the page asked for, who is not muted, who has a slot
/// already, then the order of coming.
fn choose(participant: &Participant, wanted: &[Wanted], kind: Kind) -> Vec<Wanted> {
    let slots = participant.receiving.iter().filter(|r| r.kind == kind);
    let capacity = slots.clone().count();
    let assigned = |w: &Wanted| slots.clone().any(|r| r.track.as_ref() == Some(&w.track));
    let mut candidates: Vec<Wanted> = wanted.iter().filter(|w| w.kind == kind).cloned().collect();
    candidates.sort_by_key(|w| (!w.asked, w.muted, !assigned(w)));
    candidates.truncate(capacity);
    candidates
}

/// Put a track into a free slot, at the number of its owner's other kind if that is free: audio
/// slot n and video slot n are synchronised.
fn place(participant: &mut Participant, wanted: &[Wanted], track: &Wanted) {
    let held = participant
        .receiving
        .iter()
        .any(|r| r.track.as_ref() == Some(&track.track));
    if held {
        return;
    }
    let partner = wanted.iter().find(|w| belong_together(w, track));
    let number = partner.and_then(|w| seat(participant, w));
    let taken_by_others: Vec<usize> = participant
        .receiving
        .iter()
        .filter(|r| r.kind != track.kind && r.track.is_some())
        .map(|r| participant.slot_number(&r.mid))
        .collect();
    let free: Vec<usize> = slots_of(participant, track.kind)
        .enumerate()
        .filter(|(_, r)| r.track.is_none())
        .map(|(n, _)| n)
        .collect();
    let best = free
        .iter()
        .find(|n| Some(**n) == number)
        .or_else(|| free.iter().find(|n| !taken_by_others.contains(n)))
        .or(free.first())
        .copied();
    if let Some(slot) = best.and_then(|n| slots_of(participant, track.kind).nth(n)) {
        slot.track = Some(track.track.clone());
    }
}

/// Somebody's microphone and camera, or their screen and its sound.
fn belong_together(one: &Wanted, other: &Wanted) -> bool {
    one.owner == other.owner && one.screen == other.screen && one.kind != other.kind
}

/// The number of the slot that a track is in.
fn seat(participant: &Participant, wanted: &Wanted) -> Option<usize> {
    let mut slots = participant.receiving.iter();
    let slot = slots.find(|r| r.track.as_ref() == Some(&wanted.track))?;
    Some(participant.slot_number(&slot.mid))
}

/// Sound goes to the number of its owner's picture, and what was there changes places with it: its own
/// owner's picture is not at that number. Pictures stay, for they would wait for a key frame.
fn pair(participant: &mut Participant, wanted: &[Wanted]) {
    for picture in wanted.iter().filter(|w| w.kind == Kind::Video) {
        let sound = wanted.iter().find(|w| belong_together(w, picture));
        let Some((sound, number)) = sound.zip(seat(participant, picture)) else {
            continue;
        };
        let Some(now) = seat(participant, sound).filter(|now| *now != number) else {
            continue;
        };
        let mut slots: Vec<&mut Receiving> = slots_of(participant, Kind::Audio).collect();
        if let Some(there) = slots.get_mut(number).map(|slot| slot.track.take()) {
            let moved = std::mem::replace(&mut slots[now].track, there);
            slots[number].track = moved;
        }
    }
}
