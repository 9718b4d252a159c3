//! What a section carries of a track that has layers: which packets are sent on, which are left
//! out, and where one layer ends and another begins.
//!
//! A spatial layer begins at its key frame alone; a higher temporal layer at a frame that refers
//! to the lowest alone, or behind one that lets it begin; a lower one at any frame. Where one stream
//! holds all spatial layers (SVC), a receiver gets its layer and those below it: the next higher one
//! begins in a picture in which it refers to no earlier one, a lower one is the last of any picture.
//! No clock and no I/O.

use super::layers::Layer;

mod targets;

/// What of a packet decides about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Head {
    /// The publisher's SSRC: another one means another encoder, so counters start anew.
    pub stream: u32,
    /// Extended sequence number.
    pub seq: u64,
    pub time: u32,
    pub layer: Layer,
    /// This packet begins a key frame (always so for audio).
    pub starts_keyframe: bool,
    /// A decoder that had lower temporal layers alone may begin with this one here.
    pub sync: bool,
    /// A decoder that has this temporal layer may begin with higher ones behind this frame.
    pub opens: bool,
    /// If its stream holds all spatial layers of the track.
    pub nested: Option<Nested>,
}

/// A packet of a frame, which together with those of the other spatial layers makes up a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Nested {
    /// The first and the last packet of its frame.
    pub begins: bool,
    pub ends: bool,
    /// The frame refers to earlier pictures.
    pub refers_back: bool,
    /// Its layer is of no use without those below it, also behind key pictures.
    pub stacked: bool,
}

/// Which layer a section is to carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Aim {
    /// The best up to this one, as key frames come: nothing is known of the track yet.
    Open(Layer),
    At(Layer),
    /// Nothing: it does not fit into the receiver's bandwidth.
    Paused,
}

/// What to do with a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pick {
    Send,
    /// Send it as the first of a new source.
    Begin,
    /// Leave it out and close up over it.
    Skip,
    /// The same, but it is wanted and waits for a key frame.
    Lacks,
    /// It would be sent if its layer had begun: a key frame is needed.
    Await,
    Drop,
}

/// The layer that is being sent.
#[derive(Debug, Clone, Copy)]
struct Current {
    stream: u32,
    layer: Layer,
    /// The newest frame, and the temporal layers that are sent since it.
    frame: u32,
    /// Behind it higher ones may begin.
    opened: bool,
    /// Of nested layers: the highest that may be in it, and whether its last packet was sent.
    most: u8,
    complete: bool,
}

#[derive(Debug)]
pub(crate) struct Choice {
    aim: Aim,
    current: Option<Current>,
    /// The newest packet of a stream that was dropped for want of a key frame: a key frame whose
    /// first packet comes after others of it were dropped is not whole any more.
    passed: Option<(u32, u64)>,
    /// The source's spatial layers are in one stream, and a receiver gets those below its own, too.
    nested: bool,
    /// Nothing was sent yet, and the smallest layer does until the one that is aimed at begins.
    low_first: bool,
    /// Where frames tell what they refer to.
    frames: targets::Frames,
}

impl Choice {
    pub fn new(most: Layer) -> Self {
        Self {
            aim: Aim::Open(most),
            low_first: false,
            current: None,
            passed: None,
            nested: false,
            frames: targets::Frames::default(),
        }
    }

    /// Begin with the smallest layer if that comes before the one that is aimed at.
    pub fn begin_low(&mut self) {
        self.low_first = true;
    }

    pub fn aim(&self) -> Aim {
        self.aim
    }

    pub fn set_aim(&mut self, aim: Aim) {
        self.aim = aim;
        if aim == Aim::Paused {
            self.end();
        }
    }

    /// The layer that is being sent.
    pub fn current(&self) -> Option<Layer> {
        self.current.map(|c| c.layer)
    }

    /// Forget the source.
    pub fn end(&mut self) {
        self.current = None;
        self.passed = None;
        self.low_first = false;
    }

    /// Send no more of what is larger than this, though nothing else has begun yet; true if that was
    /// being sent.
    pub fn break_off(&mut self, spatial: u8) -> bool {
        let larger = self.current.is_some_and(|c| c.layer.spatial > spatial);
        if larger {
            self.end();
        }
        larger
    }

    /// Which spatial layers are of use now, a bit each.
    pub fn listens(&self) -> u8 {
        let current = self.current.map_or(0, |c| 1 << c.layer.spatial);
        current
            | match self.aim {
                Aim::Open(most) => (2u8 << most.spatial) - 1,
                Aim::At(layer) => 1 << layer.spatial | u8::from(self.low_first),
                Aim::Paused => 0,
            }
    }

    /// Whether a key frame of this layer would be taken.
    pub fn wants(&self, spatial: u8) -> bool {
        let current = self.current.map(|c| c.layer.spatial);
        match self.aim {
            Aim::At(layer) if self.nested => {
                spatial == layer.spatial && current.is_none_or(|c| spatial > c)
            }
            Aim::Open(most) => spatial <= most.spatial && current.is_none_or(|c| spatial > c),
            Aim::At(_) if self.low_first && spatial == 0 => true,
            Aim::At(layer) => spatial == layer.spatial && current != Some(spatial),
            Aim::Paused => false,
        }
    }

    pub fn pick(&mut self, head: &Head) -> Pick {
        self.nested = head.nested.is_some();
        if let Some(nested) = head.nested {
            return self.pick_nested(head, nested);
        }
        match self.current.filter(|c| c.stream == head.stream) {
            Some(current) => self.pick_current(current, head),
            None => self.pick_new(head),
        }
    }

    fn pick_current(&mut self, mut current: Current, head: &Head) -> Pick {
        if current.is_older_than(head) {
            let limit = self.temporal_limit(current.layer);
            current.turn_to(head, limit);
            self.current = Some(current);
        }
        match head.layer.temporal > current.layer.temporal {
            true => Pick::Skip,
            false => Pick::Send,
        }
    }

    fn pick_nested(&mut self, head: &Head, nested: Nested) -> Pick {
        let most = match self.aim {
            Aim::Open(most) | Aim::At(most) => most,
            Aim::Paused => return Pick::Drop,
        };
        let known = self.current.filter(|c| c.stream == head.stream);
        let Some(mut current) = known else {
            return self.begin_nested(head, most);
        };
        if current.is_older_than(head) {
            current.turn_to(head, most.temporal);
            current.most = most.spatial;
            current.layer.spatial = match head.starts_keyframe {
                // The others begin as they come.
                true => 0,
                false => current.layer.spatial.min(most.spatial),
            };
        }
        let layer = head.layer;
        let of_newest = head.time == current.frame;
        let begins = of_newest && nested.begins && !nested.refers_back && !current.complete;
        if begins && layer.spatial > current.layer.spatial && layer.spatial <= current.most {
            current.layer.spatial = layer.spatial;
        }
        let pick = if layer.temporal > current.layer.temporal || layer.spatial > current.most {
            Pick::Skip
        } else if layer.spatial > current.layer.spatial {
            Pick::Lacks
        } else {
            Pick::Send
        };
        current.complete |= of_newest && pick == Pick::Send && current.ends_with(head);
        self.current = Some(current);
        pick
    }

    /// The first picture of a stream with all spatial layers is one that its lowest layer begins.
    fn begin_nested(&mut self, head: &Head, most: Layer) -> Pick {
        if !head.starts_keyframe || self.came_late(head) {
            self.pass(head);
            return Pick::Await;
        }
        self.passed = None;
        let mut current = Current::begin(head, Layer::new(0, most.temporal), most.spatial);
        current.complete = current.ends_with(head);
        self.current = Some(current);
        Pick::Begin
    }

    /// Whether a packet that is sent is the last of its picture here: the publisher's marker stands on
    /// the last of all layers.
    pub fn ends_picture(&self, head: &Head) -> bool {
        self.current.is_some_and(|c| c.ends_with(head))
    }

    /// The temporal layer that the current spatial one is sent with. On the way down the rest is
    /// left out at once: the path is full, and the key frame may take a while.
    fn temporal_limit(&self, current: Layer) -> u8 {
        match self.aim {
            Aim::At(aim) if aim.spatial < current.spatial => 0,
            Aim::At(aim) if aim.spatial > current.spatial => current.temporal,
            Aim::At(layer) | Aim::Open(layer) => layer.temporal,
            Aim::Paused => 0,
        }
    }

    fn pick_new(&mut self, head: &Head) -> Pick {
        let spatial = head.layer.spatial;
        let replaces = match self.aim {
            // The same layer from another encoder.
            Aim::At(layer) => layer.spatial == spatial,
            Aim::Open(_) | Aim::Paused => false,
        };
        if !replaces && !self.wants(spatial) {
            return Pick::Drop;
        }
        if !head.starts_keyframe || self.came_late(head) {
            self.pass(head);
            return Pick::Await;
        }
        let temporal = match self.aim {
            Aim::At(layer) | Aim::Open(layer) => layer.temporal,
            Aim::Paused => 0,
        };
        self.passed = None;
        self.low_first = false;
        self.current = Some(Current::begin(head, Layer::new(spatial, temporal), spatial));
        Pick::Begin
    }

    /// Others of its frame went by before it.
    fn came_late(&self, head: &Head) -> bool {
        let passed = self.passed;
        passed.is_some_and(|(stream, seq)| stream == head.stream && head.seq < seq)
    }

    fn pass(&mut self, head: &Head) {
        self.passed = match self.passed {
            Some((stream, seq)) if stream == head.stream => Some((stream, seq.max(head.seq))),
            _ => Some((head.stream, head.seq)),
        };
    }
}

impl Current {
    fn begin(head: &Head, layer: Layer, most: u8) -> Self {
        Self {
            stream: head.stream,
            layer,
            frame: head.time,
            opened: head.opens,
            most,
            complete: false,
        }
    }

    fn is_older_than(&self, head: &Head) -> bool {
        let newer = head.time.wrapping_sub(self.frame);
        newer != 0 && newer < 1 << 31
    }

    /// A frame begins: the temporal layers that are sent from it on.
    fn turn_to(&mut self, head: &Head, limit: u8) {
        let synced = head.sync && head.layer.temporal > self.layer.temporal;
        if self.layer.temporal > limit || head.starts_keyframe || self.opened {
            self.layer.temporal = limit;
        } else if synced && head.layer.temporal <= limit {
            self.layer.temporal = head.layer.temporal;
        }
        self.frame = head.time;
        self.opened = head.opens && head.layer.temporal <= self.layer.temporal;
        self.complete = false;
    }

    /// Whether this packet of nested layers is the last of its picture.
    fn ends_with(&self, head: &Head) -> bool {
        let Some(nested) = head.nested else {
            return false;
        };
        // In a picture that refers to no earlier one the next layer may still begin.
        let top = self.layer.spatial >= self.most || nested.refers_back;
        nested.ends && head.layer.spatial == self.layer.spatial && top
    }
}

#[cfg(test)]
#[path = "choice_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "nested_tests.rs"]
mod nested_tests;
