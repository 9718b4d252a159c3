//! What a section carries of a track that has layers: which packets are sent on, which are left
//! out, and where one layer ends and another begins.
//!
//! A spatial layer begins at its key frame alone; a higher temporal layer at a frame that refers
//! to the lowest alone; a lower one at any frame. No clock and no I/O.

use super::layers::Layer;

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
}

#[derive(Debug)]
pub(crate) struct Choice {
    aim: Aim,
    current: Option<Current>,
    /// The newest packet of a stream that was dropped for want of a key frame: a key frame whose
    /// first packet comes after others of it were dropped is not whole any more.
    passed: Option<(u32, u64)>,
}

impl Choice {
    pub fn new(most: Layer) -> Self {
        Self {
            aim: Aim::Open(most),
            current: None,
            passed: None,
        }
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
                Aim::At(layer) => 1 << layer.spatial,
                Aim::Paused => 0,
            }
    }

    /// Whether a key frame of this layer would be taken.
    pub fn wants(&self, spatial: u8) -> bool {
        let current = self.current.map(|c| c.layer.spatial);
        match self.aim {
            Aim::Open(most) => spatial <= most.spatial && current.is_none_or(|c| spatial > c),
            Aim::At(layer) => spatial == layer.spatial && current != Some(spatial),
            Aim::Paused => false,
        }
    }

    pub fn pick(&mut self, head: &Head) -> Pick {
        match self.current.filter(|c| c.stream == head.stream) {
            Some(current) => self.pick_current(current, head),
            None => self.pick_new(head),
        }
    }

    fn pick_current(&mut self, mut current: Current, head: &Head) -> Pick {
        let newer = head.time.wrapping_sub(current.frame);
        if newer != 0 && newer < 1 << 31 {
            current.frame = head.time;
            let limit = self.temporal_limit(current.layer);
            let rises =
                head.starts_keyframe || (head.sync && head.layer.temporal > current.layer.temporal);
            if current.layer.temporal > limit {
                current.layer.temporal = limit;
            } else if rises && head.layer.temporal <= limit {
                let all = head.starts_keyframe;
                current.layer.temporal = if all { limit } else { head.layer.temporal };
            }
            self.current = Some(current);
        }
        match head.layer.temporal > current.layer.temporal {
            true => Pick::Skip,
            false => Pick::Send,
        }
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
        let late = self
            .passed
            .is_some_and(|(stream, seq)| stream == head.stream && head.seq < seq);
        if !head.starts_keyframe || late {
            self.passed = match self.passed {
                Some((stream, seq)) if stream == head.stream => Some((stream, seq.max(head.seq))),
                _ => Some((head.stream, head.seq)),
            };
            return Pick::Await;
        }
        let temporal = match self.aim {
            Aim::At(layer) | Aim::Open(layer) => layer.temporal,
            Aim::Paused => 0,
        };
        self.passed = None;
        self.current = Some(Current {
            stream: head.stream,
            layer: Layer::new(spatial, temporal),
            frame: head.time,
        });
        Pick::Begin
    }
}

#[cfg(test)]
#[path = "choice_tests.rs"]
mod tests;
