//! VP9's payload descriptor (RFC 9628 4.2): what of it decides who gets a packet, and where its counters
//! stand.

/// What of a descriptor matters here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Vp9 {
    /// Refers to other pictures (P): not so in a key picture, nor where a spatial layer begins.
    pub refers_back: bool,
    /// Begins and ends a frame of a spatial layer (B, E).
    pub begins: bool,
    pub ends: bool,
    pub layers: Option<Layers>,
    picture: Option<Counter>,
    tl0: Option<Counter>,
}

/// The layer indices, if it has them (L).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Layers {
    pub spatial: u8,
    pub temporal: u8,
    /// After this picture a receiver of this temporal layer may begin with higher ones (U).
    pub switch: bool,
}

/// A number and the place of its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Counter {
    value: u16,
    at: u8,
    /// Of two bytes, the first of which says so.
    wide: bool,
}

/// Bytes to be replaced, by their place: two of the picture id, one of TL0PICIDX.
pub(crate) type Edits = [Option<(u8, u8)>; 3];

impl Vp9 {
    pub fn parse(payload: &[u8]) -> Option<Self> {
        let flags = *payload.first()?;
        let has = |bit: u8| flags & bit != 0;
        let (flexible, mut at) = (has(0x10), 1usize);
        let mut picture = None;
        if has(0x80) {
            let first = *payload.get(at)?;
            let wide = first & 0x80 != 0;
            let value = match wide {
                true => u16::from_be_bytes([first & 0x7f, *payload.get(at + 1)?]),
                false => u16::from(first),
            };
            picture = Some(Counter {
                value,
                at: at as u8,
                wide,
            });
            at += if wide { 2 } else { 1 };
        }
        let (mut layers, mut tl0) = (None, None);
        if has(0x20) {
            let indices = *payload.get(at)?;
            layers = Some(Layers {
                temporal: indices >> 5,
                switch: indices & 0x10 != 0,
                spatial: indices >> 1 & 7,
            });
            at += 1;
            if !flexible {
                tl0 = Some(Counter {
                    value: u16::from(*payload.get(at)?),
                    at: at as u8,
                    wide: false,
                });
                at += 1;
            }
        }
        // Reference indices, a scalability structure and the picture itself are of no interest, but
        // something has to come.
        payload.get(at)?;
        Some(Self {
            refers_back: has(0x40),
            begins: has(0x08),
            ends: has(0x04),
            layers,
            picture,
            tl0,
        })
    }

    pub fn spatial(&self) -> u8 {
        self.layers.map_or(0, |l| l.spatial)
    }

    /// This packet begins a picture that needs no other one.
    pub fn starts_keyframe(&self) -> bool {
        self.begins && !self.refers_back && self.spatial() == 0
    }

    pub fn picture_id(&self) -> Option<u16> {
        self.picture.map(|p| p.value)
    }

    pub fn tl0_pic_idx(&self) -> Option<u8> {
        self.tl0.map(|t| t.value as u8)
    }

    /// What to change in the payload for other counters, as far as it has them.
    pub fn edits(&self, picture: u16, tl0: u8) -> Edits {
        let mut edits = Edits::default();
        if let Some(counter) = self.picture {
            let [high, low] = picture.to_be_bytes();
            match counter.wide {
                true => {
                    edits[0] = Some((counter.at, 0x80 | high));
                    edits[1] = Some((counter.at + 1, low));
                }
                false => edits[0] = Some((counter.at, low & 0x7f)),
            }
        }
        if let Some(counter) = self.tl0 {
            edits[2] = Some((counter.at, tl0));
        }
        edits
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn descriptors_are_read() {
        // I, L, B, E, V: a key picture's lowest layer, a long picture id, TL0PICIDX.
        let key = [0xae, 0x81, 0x02, 0x00, 7, 0x18, 9];
        let read = Vp9::parse(&key).expect("a descriptor");
        assert_eq!(
            (read.picture_id(), read.tl0_pic_idx()),
            (Some(0x102), Some(7))
        );
        assert!(read.starts_keyframe() && read.ends);
        // Its next layer refers to the lowest alone (D): no key frame by itself, yet one may begin
        // with it in this picture.
        let second = Vp9::parse(&[0xa8, 0x81, 0x02, 0x03, 7, 9]).expect("a descriptor");
        assert!(!second.starts_keyframe() && !second.refers_back && !second.ends);
        assert_eq!(second.spatial(), 1);
        // Flexible mode has no TL0PICIDX; a short picture id; temporal layer 2, a switching point.
        let flexible = Vp9::parse(&[0xf0, 0x11, 0x54, 2, 9]).expect("a descriptor");
        let layers = Layers {
            spatial: 2,
            temporal: 2,
            switch: true,
        };
        assert_eq!(flexible.layers, Some(layers));
        assert_eq!(
            (flexible.picture_id(), flexible.tl0_pic_idx()),
            (Some(0x11), None)
        );
    }

    fn changed(payload: &[u8], edits: Edits) -> Vec<u8> {
        let mut payload = payload.to_vec();
        for (at, byte) in edits.into_iter().flatten() {
            payload[usize::from(at)] = byte;
        }
        payload
    }

    #[test]
    fn what_is_cut_off_is_no_descriptor() {
        let whole = [0xa0, 0x81, 0x02, 0x03, 7, 9];
        for length in 0..whole.len() {
            assert_eq!(Vp9::parse(&whole[..length]), None);
        }
    }

    proptest! {
        /// Whatever arrives: nothing fails, and what is written is read again.
        #[test]
        fn counters_are_written_where_they_were_read(
            payload in prop::collection::vec(any::<u8>(), 0..24),
            picture in 0u16..0x8000,
            tl0 in any::<u8>(),
        ) {
            let Some(before) = Vp9::parse(&payload) else { return Ok(()) };
            let out = changed(&payload, before.edits(picture, tl0));
            let after = Vp9::parse(&out).expect("still one");
            let wide = before.picture.is_some_and(|p| p.wide);
            let expected = if wide { picture } else { picture & 0x7f };
            prop_assert_eq!(after.picture_id(), before.picture_id().map(|_| expected));
            prop_assert_eq!(after.tl0_pic_idx(), before.tl0_pic_idx().map(|_| tl0));
            let same = |v: Vp9| Vp9 { picture: None, tl0: None, ..v };
            prop_assert_eq!(same(after), same(before));
        }
    }
}
