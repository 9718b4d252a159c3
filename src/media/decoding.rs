//! When a slot's picture is the new track's: the rule over a receiver's frame counters. Pure.
//!
//! A slot is one continuous stream to the browser, so no event says that another track begins. A
//! switch begins with a keyframe, and that is counted; where the browser does not count keyframes,
//! or the keyframe came before the first look at the counters, any frame counts that is decoded
//! after those of the old track have left the jitter buffer.

/// The engine has cut the old track before it tells: what is left of it has been sent already, and a
/// video jitter buffer holds less than this where the network is not bad.
const OLD_FRAMES_MS: f64 = 150.0;

/// A receiver's counters at one moment.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Look {
    /// `framesDecoded`.
    pub frames: u32,
    /// `keyFramesDecoded`, where the browser has it.
    pub keyframes: Option<u32>,
    /// `frameWidth`.
    pub width: u32,
    /// `frameHeight`.
    pub height: u32,
}

/// One assignment of a video slot.
#[derive(Debug, Clone)]
pub struct Decoding {
    assigned_at: f64,
    was_empty: bool,
    baseline: Option<Look>,
    told: Option<(u32, u32)>,
}

impl Decoding {
    /// The slot was assigned at `now` (ms); `was_empty`: nothing arrived in it before.
    pub fn new(now: f64, was_empty: bool) -> Self {
        Self {
            assigned_at: now,
            was_empty,
            baseline: None,
            told: None,
        }
    }

    /// Whether the first frame was seen.
    pub fn started(&self) -> bool {
        self.told.is_some()
    }

    /// A frame was shown before the first look.
    pub fn shown(&mut self) {
        self.baseline.get_or_insert_default();
    }

    /// A look at the counters; `Some` for the first frame and every change of its size.
    pub fn look(&mut self, look: Look, now: f64) -> Option<(u32, u32)> {
        let baseline = *self.baseline.get_or_insert(look);
        let size = (look.width, look.height);
        if size.0 == 0 || size.1 == 0 || self.told == Some(size) {
            return None;
        }
        if !self.started() && !self.is_new(baseline, look, now) {
            return None;
        }
        self.told = Some(size);
        Some(size)
    }

    fn is_new(&self, baseline: Look, look: Look, now: f64) -> bool {
        if let (Some(before), Some(after)) = (baseline.keyframes, look.keyframes) {
            if after > before {
                return true;
            }
        }
        let settled = self.was_empty || now - self.assigned_at >= OLD_FRAMES_MS;
        look.frames > baseline.frames && settled
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(frames: u32, keyframes: u32, width: u32) -> Look {
        Look {
            frames,
            keyframes: Some(keyframes),
            width,
            height: 90,
        }
    }

    #[test]
    fn the_old_tracks_last_frames_do_not_count() {
        let mut decoding = Decoding::new(0.0, false);
        assert_eq!(decoding.look(look(100, 1, 320), 5.0), None);
        assert_eq!(decoding.look(look(102, 1, 320), 50.0), None);
        assert_eq!(decoding.look(look(103, 2, 160), 80.0), Some((160, 90)));
        assert_eq!(decoding.look(look(110, 2, 160), 180.0), None);
        assert_eq!(decoding.look(look(120, 2, 640), 280.0), Some((640, 90)));
    }

    #[test]
    fn a_keyframe_before_the_first_look_is_not_waited_for() {
        let mut decoding = Decoding::new(0.0, false);
        decoding.look(look(100, 2, 320), 50.0);
        assert_eq!(decoding.look(look(105, 2, 320), 350.0), Some((320, 90)));
    }

    #[test]
    fn a_frame_that_a_view_has_shown_counts_at_the_first_look() {
        let mut decoding = Decoding::new(0.0, true);
        decoding.shown();
        assert_eq!(decoding.look(look(1, 1, 320), 20.0), Some((320, 90)));
    }

    #[test]
    fn in_an_empty_slot_the_first_frame_counts() {
        let mut decoding = Decoding::new(0.0, true);
        decoding.look(Look::default(), 1.0);
        assert_eq!(decoding.look(look(1, 0, 320), 20.0), Some((320, 90)));
    }
}
