//! Bytes of a payload that differ from one receiver to another. The payload itself is shared by
//! all of them, so the change is made in the copy that is sent.

use crate::engine::packets::vp9::Edits;

/// Picture ids change in four bytes at most.
const EDITS: usize = 4;

/// Bytes to be replaced, by their place.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Patch {
    len: u8,
    edits: [(u8, u8); EDITS],
}

impl Patch {
    fn set(&mut self, at: usize, byte: u8) -> Option<()> {
        *self.edits.get_mut(usize::from(self.len))? = (u8::try_from(at).ok()?, byte);
        self.len += 1;
        Some(())
    }

    /// Change a copy of the payload that the patch was made for.
    pub fn apply(&self, payload: &mut [u8]) {
        for (at, byte) in &self.edits[..usize::from(self.len)] {
            if let Some(place) = payload.get_mut(usize::from(*at)) {
                *place = *byte;
            }
        }
    }
}

/// What VP9's descriptor says otherwise to this receiver.
pub(crate) fn vp9(edits: Edits) -> Patch {
    let mut patch = Patch::default();
    for (at, byte) in edits.into_iter().flatten() {
        // There are no more edits than the patch has room for.
        let _ = patch.set(usize::from(at), byte);
    }
    patch
}

/// What counts a VP8 stream's pictures (RFC 7741 4.2).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Vp8Ids {
    pub picture: u16,
    pub tl0: u8,
    pub key: u8,
}

/// Put other ids into a VP8 payload's descriptor, as far as it has them.
pub(crate) fn vp8(payload: &[u8], ids: Vp8Ids) -> Option<Patch> {
    let mut patch = Patch::default();
    let extended = payload.first()? & 0x80 != 0;
    if !extended {
        return Some(patch);
    }
    let fields = *payload.get(1)?;
    let mut at = 2;
    if fields & 0x80 != 0 {
        let long = payload.get(at)? & 0x80 != 0;
        match long {
            true => {
                patch.set(at, 0x80 | (ids.picture >> 8) as u8)?;
                patch.set(at + 1, ids.picture as u8)?;
                at += 2;
            }
            false => {
                patch.set(at, ids.picture as u8 & 0x7f)?;
                at += 1;
            }
        }
    }
    if fields & 0x40 != 0 {
        patch.set(at, ids.tl0)?;
        at += 1;
    }
    // The temporal layer and KEYIDX share a byte, which is there for either.
    if fields & 0x10 != 0 {
        patch.set(at, payload.get(at)? & 0xe0 | ids.key & 0x1f)?;
    }
    Some(patch)
}

#[cfg(test)]
mod tests {
    use str0m::rtp::Vp8Descriptor;

    use super::*;

    const IDS: Vp8Ids = Vp8Ids {
        picture: 0x1234,
        tl0: 0x56,
        key: 0x0b,
    };

    #[test]
    fn each_descriptor_takes_the_ids_that_it_has() {
        let payloads: [&[u8]; 6] = [
            &[0x90, 0xf0, 0x80, 1, 2, 0x63, 9, 9],
            &[0x90, 0xf0, 0x01, 2, 0x63, 9, 9],
            &[0x90, 0x80, 0x80, 1, 9, 9],
            &[0x90, 0x60, 2, 0x63, 9, 9],
            &[0x90, 0x20, 0x63, 9, 9],
            &[0x10, 9, 9],
        ];
        for payload in payloads {
            let before = Vp8Descriptor::parse(payload).expect("a descriptor");
            let mut out = payload.to_vec();
            vp8(payload, IDS).expect("a patch").apply(&mut out);
            let after = Vp8Descriptor::parse(&out).expect("a descriptor");
            let wide = payload.get(2).is_some_and(|b| b & 0x80 != 0);
            let picture = if wide { 0x1234 } else { 0x34 };
            let expected = before.picture_id().map(|_| picture);
            assert_eq!(after.picture_id(), expected, "{payload:?}");
            assert_eq!(after.tl0_pic_idx(), before.tl0_pic_idx().map(|_| 0x56));
            assert_eq!(after.key_idx(), before.key_idx().map(|_| 0x0b));
            assert_eq!(out.last(), payload.last());
        }
    }

    #[test]
    fn what_is_cut_off_is_not_changed() {
        for payload in [&[0x90][..], &[0x90, 0xf0], &[0x90, 0x90, 1], &[]] {
            assert_eq!(vp8(payload, IDS), None);
        }
    }
}
