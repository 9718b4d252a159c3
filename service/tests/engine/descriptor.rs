//! An encoder's dependency descriptors (AV1's RTP specification, A.8), written by the book for tests: the
//! scalability modes of WebRTC with up to three spatial and three temporal layers.

/// What is encoded, as in WebRTC's scalability modes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mode {
    pub spatial: u8,
    pub temporal: u8,
    /// Upper layers refer to the lower ones in key pictures only (`_KEY`).
    pub key_only: bool,
}

/// One frame of one spatial layer.
#[derive(Debug, Clone)]
pub struct Frame {
    pub number: u16,
    pub key: bool,
    pub spatial: u8,
    pub temporal: u8,
    /// How many frames back those are that it refers to.
    pub back: Vec<u16>,
    template: u8,
}

pub struct Describer {
    pub mode: Mode,
    /// Decode targets that are sent, a bit each.
    pub active: u32,
    offset: u8,
    number: u16,
    since: u16,
}

/// Temporal layers of successive pictures, and how many pictures back their reference is.
fn pattern(temporal: u8) -> &'static [(u8, u16)] {
    match temporal {
        1 => &[(0, 1)],
        2 => &[(0, 2), (1, 1)],
        _ => &[(0, 4), (2, 1), (1, 2), (2, 1)],
    }
}

impl Describer {
    pub fn new(mode: Mode, number: u16, offset: u8) -> Self {
        Self {
            mode,
            active: u32::MAX,
            offset: offset % 64,
            number,
            since: 0,
        }
    }

    fn targets(&self) -> impl Iterator<Item = (u8, u8)> + '_ {
        let Mode {
            spatial, temporal, ..
        } = self.mode;
        (0..spatial).flat_map(move |s| (0..temporal).map(move |t| (s, t)))
    }

    /// Templates of a spatial layer: its key frame, then one for each temporal layer.
    fn per_layer(&self) -> u8 {
        self.mode.temporal + 1
    }

    /// The frames of the next picture.
    pub fn picture(&mut self, key: bool) -> Vec<Frame> {
        let Mode {
            spatial,
            temporal,
            key_only,
        } = self.mode;
        let layers = u16::from(spatial);
        if key {
            // A new structure's ids overlap those of the one before no more than they have to.
            self.offset = (self.offset + spatial * self.per_layer()) % 64;
            self.since = 0;
        } else {
            self.since += 1;
        }
        let pattern = pattern(temporal);
        let (t, back) = pattern[usize::from(self.since) % pattern.len()];
        let t = if key { 0 } else { t };
        let frames = (0..spatial).map(|s| {
            let mut refers = Vec::new();
            if !key {
                refers.push(back * layers);
            }
            if s > 0 && (key || !key_only) {
                refers.push(1);
            }
            let template = s * self.per_layer() + if key { 0 } else { t + 1 };
            Frame {
                number: self.number.wrapping_add(u16::from(s)),
                key,
                spatial: s,
                temporal: t,
                back: refers,
                template: (self.offset + template) % 64,
            }
        });
        let frames = frames.collect();
        self.number = self.number.wrapping_add(layers);
        frames
    }

    /// Table A.1: not present, discardable, switch, required.
    fn indication(&self, s: u8, t: u8, key: bool, target: (u8, u8)) -> u32 {
        if s > target.0 || t > target.1 {
            return 0;
        }
        match (s == target.0, key) {
            (true, _) if t == target.1 && t > 0 => 1,
            (true, _) | (false, true) => 2,
            (false, false) if self.mode.key_only => 0,
            (false, false) => 3,
        }
    }

    /// A packet's descriptor. Only a key picture's first packet brings the structure.
    pub fn write(&self, frame: &Frame, begins: bool, ends: bool) -> Vec<u8> {
        let mut bits = Writer::default();
        bits.put(begins, 1);
        bits.put(ends, 1);
        bits.put(frame.template, 6);
        bits.put(frame.number, 16);
        let structure = frame.key && frame.spatial == 0 && begins;
        let count = self.targets().count() as u32;
        let all = u32::MAX >> (32 - count);
        let fewer = structure && self.active & all != all;
        // Templates say nothing here of what frames refer to, nor of chains.
        let (own_references, own_chains) = (!frame.back.is_empty(), !frame.key);
        if !structure && !own_references && !own_chains {
            return bits.bytes;
        }
        for flag in [structure, fewer, false, own_references, own_chains] {
            bits.put(flag, 1);
        }
        if structure {
            self.write_structure(&mut bits, count);
        }
        if fewer {
            bits.put(self.active & all, count);
        }
        if own_references {
            for back in &frame.back {
                let size = if *back <= 16 { 1u32 } else { 2 };
                bits.put(size, 2);
                bits.put(*back - 1, 4 * size);
            }
            bits.put(0u8, 2);
        }
        if own_chains {
            for _ in 0..self.mode.spatial {
                bits.put(self.mode.spatial, 8);
            }
        }
        bits.bytes
    }

    fn write_structure(&self, bits: &mut Writer, count: u32) {
        let Mode {
            spatial, temporal, ..
        } = self.mode;
        bits.put(self.offset, 6);
        bits.put(count - 1, 5);
        for s in 0..spatial {
            // From the key frame's to that of the lowest temporal layer, and on to the next ones.
            bits.put(0u8, 2);
            for _ in 1..temporal {
                bits.put(1u8, 2);
            }
            bits.put(if s + 1 < spatial { 2u8 } else { 3 }, 2);
        }
        for s in 0..spatial {
            for (t, key) in std::iter::once((0, true)).chain((0..temporal).map(|t| (t, false))) {
                for target in self.targets() {
                    bits.put(self.indication(s, t, key, target), 2);
                }
            }
        }
        for _ in 0..spatial * self.per_layer() {
            bits.put(false, 1);
        }
        // A chain for each spatial layer.
        bits.one_of(u32::from(spatial), count + 1);
        for (s, _) in self.targets() {
            bits.one_of(u32::from(s), u32::from(spatial));
        }
        for _ in 0..spatial * self.per_layer() {
            for _ in 0..spatial {
                bits.put(spatial, 4);
            }
        }
        bits.put(true, 1);
        for s in 0..spatial {
            let by = 1u32 << (spatial - 1 - s);
            bits.put(1280 / by - 1, 16);
            bits.put(720 / by - 1, 16);
        }
    }
}

#[derive(Default)]
struct Writer {
    bytes: Vec<u8>,
    used: u32,
}

impl Writer {
    fn put(&mut self, value: impl Into<u32>, count: u32) {
        let value = value.into();
        for n in (0..count).rev() {
            if self.used.is_multiple_of(8) {
                self.bytes.push(0);
            }
            let last = self.bytes.last_mut().expect("just pushed");
            *last |= ((value >> n & 1) as u8) << (7 - self.used % 8);
            self.used += 1;
        }
    }

    /// `ns(n)`.
    fn one_of(&mut self, value: u32, count: u32) {
        if count == 1 {
            return;
        }
        let width = u32::BITS - count.leading_zeros();
        let short = (1 << width) - count;
        match value < short {
            true => self.put(value, width - 1),
            false => self.put(value + short, width),
        }
    }
}
