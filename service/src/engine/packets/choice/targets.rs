//! The choice among decode targets, where frames carry a dependency descriptor (AV1): the best one that
//! is wanted and sent, entered at a frame from which on it can be decoded.
//!
//! A frame is sent if the target needs it and nothing that it refers to was left out here. What never
//! came is not counted as left out: it may come yet, and who misses it asks for it.

use super::{Aim, Choice, Current, Pick};
use crate::engine::packets::choice::Head;
use crate::engine::packets::dependency::{within, Frame, Indication, Target};
use crate::engine::packets::layers::{Layer, SPATIAL};

/// Frames remembered; references reach 64 frames back.
const FRAMES: u32 = u128::BITS;

/// What was done with the latest frames of the source: bit n stands for the one n before the newest.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Frames {
    newest: u16,
    decided: u128,
    left_out: u128,
    /// The decode target that is sent.
    target: u8,
    /// The marker of the newest picture was sent.
    complete: bool,
    /// Fewer decode targets than are published were named.
    told: bool,
}

impl Frames {
    fn begin(number: u16) -> Self {
        Self {
            newest: number,
            ..Self::default()
        }
    }

    /// How many frames before the newest; `None` if it is newer.
    fn behind(&self, number: u16) -> Option<u32> {
        let behind = self.newest.wrapping_sub(number);
        (behind < 1 << 15).then_some(u32::from(behind))
    }

    /// Make room up to a newer frame.
    fn advance(&mut self, number: u16) {
        let by = u32::from(number.wrapping_sub(self.newest));
        if by < 1 << 15 {
            self.decided = self.decided.checked_shl(by).unwrap_or(0);
            self.left_out = self.left_out.checked_shl(by).unwrap_or(0);
            self.newest = number;
        }
    }

    /// Whether a frame was sent, if it was decided; what is too old was not.
    fn sent(&self, number: u16) -> Option<bool> {
        let behind = self.behind(number)?;
        if behind >= FRAMES {
            return Some(false);
        }
        (self.decided >> behind & 1 == 1).then(|| self.left_out >> behind & 1 == 0)
    }

    fn decide(&mut self, number: u16, sent: bool) {
        if let Some(behind) = self.behind(number).filter(|b| *b < FRAMES) {
            self.decided |= 1 << behind;
            self.left_out |= u128::from(!sent) << behind;
        }
    }

    /// Whether a frame refers to one that was left out; to be asked when it has its place.
    fn lacks_for(&self, frame: &Frame) -> bool {
        let before = self.behind(frame.number).map_or(0, |behind| behind + 1);
        let left_out = self.left_out.checked_shr(before).unwrap_or(0);
        left_out & u128::from(frame.references.0) != 0
    }
}

impl Choice {
    /// What to do with a packet whose frame tells who needs it.
    pub fn pick_frame(&mut self, head: &Head, frame: &Frame) -> Pick {
        self.nested = head.nested.is_some_and(|n| n.stacked);
        if self.aim == Aim::Paused {
            return Pick::Drop;
        }
        let known = self.current.filter(|c| c.stream == head.stream);
        let Some(mut current) = known else {
            return self.begin_frames(head, frame);
        };
        if let Some(sent) = self.frames.sent(frame.number) {
            return if sent { Pick::Send } else { Pick::Skip };
        }
        let newest = self.frames.behind(frame.number).is_none();
        if newest {
            self.frames.advance(frame.number);
            if current.is_older_than(head) {
                current.frame = head.time;
                self.frames.complete = false;
            }
            let limit = self.limit(&current, head);
            if let Some(target) = self.enter(&current, frame, limit) {
                self.frames.target = target.number;
                current.layer = place(head, target);
            }
            self.current = Some(current);
        }
        let pick = self.pick_of(&current, head, frame);
        self.frames.decide(frame.number, pick == Pick::Send);
        pick
    }

    fn begin_frames(&mut self, head: &Head, frame: &Frame) -> Pick {
        // As anywhere: the layer has to be wanted, and its key frame has to be whole.
        let pick = match head.nested {
            Some(_) if head.starts_keyframe && !self.came_late(head) => Pick::Begin,
            Some(_) => {
                self.pass(head);
                Pick::Await
            }
            None => self.pick_new(head),
        };
        if pick != Pick::Begin {
            return pick;
        }
        self.passed = None;
        let begun = Current::begin(head, Layer::new(head.layer.spatial, 0), 0);
        let limit = self.limit(&begun, head);
        let sent = |t: &&Target| frame.active >> t.number & 1 == 1;
        let needs = |t: &&Target| frame.indications.present(t.number);
        let mut targets = frame.structure.targets().iter().filter(sent).filter(needs);
        let best = targets.clone().find(|t| within(t.layer, limit));
        // Better the least than nothing.
        let Some(target) = best.or_else(|| targets.next_back()) else {
            self.current = None;
            return Pick::Await;
        };
        self.frames = Frames::begin(frame.number);
        self.frames.target = target.number;
        self.frames.decide(frame.number, true);
        self.current = Some(Current {
            layer: place(head, *target),
            ..begun
        });
        Pick::Begin
    }

    /// The best layer that is wanted of this stream, as its structure counts.
    fn limit(&self, current: &Current, head: &Head) -> Layer {
        match (head.nested, self.aim) {
            (Some(_), Aim::At(most) | Aim::Open(most)) => most,
            _ => Layer::new(SPATIAL as u8 - 1, self.temporal_limit(current.layer)),
        }
    }

    /// The decode target to be sent from this frame on, if it is another one.
    fn enter(&self, current: &Current, frame: &Frame, limit: Layer) -> Option<Target> {
        let targets = frame.structure.targets();
        // A new structure counts its own targets.
        let now = targets
            .iter()
            .find(|t| t.number == self.frames.target && !frame.is_key);
        let lacks = self.frames.lacks_for(frame);
        let enters = |t: &&Target| {
            let upwards = now.is_none_or(|now| t.layer.spatial > now.layer.spatial);
            match frame.indications.of(t.number) {
                Indication::NotPresent => false,
                // Behind a picture's marker nothing of it can begin.
                _ if lacks || upwards && self.frames.complete => false,
                Indication::Switch => true,
                // What it builds on was sent all the time.
                _ => now.is_some_and(|now| within(t.layer, now.layer)),
            }
        };
        let best = |limit: Layer| {
            let wanted = targets
                .iter()
                .filter(|t| within(t.layer, limit) && frame.active >> t.number & 1 == 1);
            wanted
                .filter(|t| now == Some(*t) || enters(t))
                .copied()
                .next()
        };
        let found = best(limit).or_else(|| {
            // On the way down to a layer that begins with a key frame alone: the path is full, and the
            // rest of the current one is left out at once.
            let down = now.is_some_and(|now| limit.spatial < now.layer.spatial);
            let slow = Layer::new(current.layer.spatial, 0);
            best(slow).filter(|t| down && t.layer.spatial == slow.spatial)
        });
        found.filter(|found| now != Some(found))
    }

    fn pick_of(&self, current: &Current, head: &Head, frame: &Frame) -> Pick {
        let present = frame.indications.present(self.frames.target);
        if present {
            return match self.frames.lacks_for(frame) {
                true => Pick::Lacks,
                false => Pick::Send,
            };
        }
        let limit = self.limit(current, head);
        let sent = |t: &&Target| frame.active >> t.number & 1 == 1 && within(t.layer, limit);
        let wanted = frame.structure.targets().iter().find(sent);
        let other = |t: &Target| place(head, *t).spatial != current.layer.spatial;
        match wanted {
            Some(wanted) if other(wanted) && frame.indications.present(wanted.number) => {
                Pick::Lacks
            }
            _ => Pick::Skip,
        }
    }

    /// Whether a packet that is sent is the last of its picture here: the publisher's marker stands on
    /// the last of all layers.
    pub fn completes(&mut self, head: &Head, frame: &Frame, marker: bool) -> bool {
        let target = self.frames.target;
        let mut targets = frame.structure.targets().iter();
        let top = targets
            .find(|t| t.number == target)
            .is_some_and(|t| t.layer.spatial <= frame.spatial);
        let marker = marker || top && frame.ends;
        let newest = self.current.is_some_and(|c| c.frame == head.time);
        self.frames.complete |= marker && newest;
        marker
    }

    /// The decode targets that a receiver is told it gets, a bit each: in each packet from where these are
    /// not all that are published, until a key frame goes without it (A.4).
    pub fn targets_told(&mut self, frame: &Frame) -> Option<u32> {
        let mut targets = frame.structure.targets().iter();
        let target = targets.find(|t| t.number == self.frames.target)?;
        let sent = frame.structure.up_to(target.layer) & frame.active;
        let fewer = sent != frame.active;
        self.frames.told = fewer || self.frames.told && !frame.is_key;
        self.frames.told.then_some(sent)
    }
}

/// A target's layer as the track counts: simulcast streams have one spatial layer each.
fn place(head: &Head, target: Target) -> Layer {
    match head.nested {
        Some(_) => target.layer,
        None => Layer::new(head.layer.spatial, target.layer.temporal),
    }
}

#[cfg(test)]
#[path = "targets_tests.rs"]
mod tests;
