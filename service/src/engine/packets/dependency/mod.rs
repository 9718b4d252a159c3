//! The dependency descriptor (AV1's RTP specification, appendix A): which frame a packet is of, who
//! needs it, and what it refers to.
//!
//! Frames refer to templates that a key frame brought, so what was read of a source is kept
//! ([`Reader`]). What a receiver is told otherwise is its frame's number, which goes on from source to
//! source, and which decode targets it gets ([`Frame::told`]).

mod bits;
mod encoded;
mod structure;
#[cfg(test)]
pub(super) mod tests;

use std::sync::Arc;

use str0m::rtp::{Extension, ExtensionSerializer, ExtensionValues};

use bits::{Bits, BitsMut};
pub(crate) use encoded::Encoded;
pub(crate) use structure::{within, Indication, Indications, References, Structure, Target};

pub(crate) const URI: &str =
    "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension";

/// Start and end of frame, template, frame number.
const MANDATORY: usize = 3;
/// What else there is, behind the mandatory part.
const FLAGS: u32 = 5;

/// The extension as str0m's books have it; it reads and writes no media.
pub(crate) fn extension() -> Extension {
    Extension::with_serializer(URI, Named)
}

#[derive(Debug)]
struct Named;

impl ExtensionSerializer for Named {
    fn write_to(&self, _: &mut [u8], _: &ExtensionValues) -> usize {
        0
    }

    fn parse_value(&self, _: &[u8], _: &mut ExtensionValues) -> bool {
        false
    }

    fn is_video(&self) -> bool {
        true
    }

    fn is_audio(&self) -> bool {
        false
    }
}

/// What a packet's descriptor says.
#[derive(Debug, Clone)]
pub(crate) struct Frame {
    pub structure: Arc<Structure>,
    pub number: u16,
    /// The first and the last packet of its frame.
    pub begins: bool,
    pub ends: bool,
    /// It brought the structure: a coded video sequence begins (A.8.3).
    pub is_key: bool,
    pub spatial: u8,
    pub temporal: u8,
    pub indications: Indications,
    pub references: References,
    /// The decode targets that the publisher sends, a bit each.
    pub active: u32,
    /// Where the bits of the active decode targets are or would be, and where the last field ends.
    mask_at: u16,
    has_mask: bool,
    end: u16,
    encoded: Encoded,
}

impl Frame {
    /// The descriptor for a receiver that gets this frame under another number, and these decode targets
    /// if they are to be named.
    pub fn told(&self, number: u16, targets: Option<u32>) -> Encoded {
        let mut out = [0; encoded::LONGEST];
        let old = &*self.encoded;
        let length = match targets {
            None => {
                out[..old.len()].copy_from_slice(old);
                old.len()
            }
            Some(targets) => match self.with_targets(&mut out, targets) {
                Some(length) => length,
                // No room for a few bits more: the receiver can do without.
                None => return self.told(number, None),
            },
        };
        out[1..MANDATORY].copy_from_slice(&number.to_be_bytes());
        Encoded::new(&out[..length])
    }

    fn with_targets(&self, out: &mut [u8; encoded::LONGEST], targets: u32) -> Option<usize> {
        const HAS_TARGETS: u32 = 0b01000;
        let old = &*self.encoded;
        let (mandatory, mask_at) = (8 * MANDATORY, usize::from(self.mask_at));
        let behind_flags = mandatory + FLAGS as usize;
        let count = u32::from(self.structure.count);
        let mut write = BitsMut::new(out, 0);
        write.copy(old, 0..mandatory);
        let flags = Bits::new(old, mandatory).take(FLAGS).unwrap_or(0);
        write.put(flags | HAS_TARGETS, FLAGS);
        write.copy(old, behind_flags..mask_at.max(behind_flags));
        write.put(targets, count);
        let rest = mask_at + if self.has_mask { count as usize } else { 0 };
        write.copy(old, rest..usize::from(self.end));
        let length = write.at().div_ceil(8);
        (length <= encoded::LONGEST).then_some(length)
    }
}

/// What was read of a source.
#[derive(Debug, Default)]
pub(crate) struct Reader {
    stream: u32,
    structure: Option<Arc<Structure>>,
    /// The packet that brought it.
    since: u64,
    active: u32,
    /// The packet that said so.
    active_since: u64,
    /// The newest packet that could not be read for want of its structure.
    missed: u64,
}

impl Reader {
    /// Read a packet's descriptor; `None` if it makes no sense, or none yet, since the packet with the
    /// structure that it needs has not come.
    pub fn read(&mut self, stream: u32, packet: u64, bytes: &[u8]) -> Option<Frame> {
        if bytes.len() > encoded::LONGEST {
            return None;
        }
        if self.stream != stream {
            *self = Self {
                stream,
                ..Self::default()
            };
        }
        let mut bits = Bits::new(bytes, 0);
        let (begins, ends) = (bits.flag()?, bits.flag()?);
        let template = bits.take(6)? as u8;
        let number = bits.take(16)? as u16;
        let flags = match bytes.len() > MANDATORY {
            true => bits.take(FLAGS)?,
            false => 0,
        };
        let has = |flag: u32| flags >> (FLAGS - 1 - flag) & 1 == 1;
        let brought = match has(0) {
            true if !begins => return None,
            true => Some(Arc::new(Structure::read(&mut bits)?)),
            false => None,
        };
        let is_key = brought.is_some();
        if is_key && packet < self.missed {
            // Others of its frame went by before it: nobody can be sent a whole key frame.
            return None;
        }
        let structure = brought.or_else(|| self.structure.clone());
        let found = structure.and_then(|s| Some((*s.template(template)?, s)));
        let Some((template, structure)) = found else {
            self.missed = self.missed.max(packet);
            return None;
        };
        let mask_at = bits.at();
        let mask = match has(1) {
            true => Some(bits.take(u32::from(structure.count))?),
            false => is_key.then(|| structure.all()),
        };
        let mut indications = template.indications;
        if has(2) {
            indications = Indications::read(&mut bits, structure.count)?;
        }
        let mut references = template.references;
        if has(3) {
            references = own_references(&mut bits)?;
        }
        if has(4) {
            for _ in 0..structure.chains {
                bits.take(8)?;
            }
        }
        // From here on it makes sense.
        self.learn(packet, is_key.then_some(&structure), mask);
        Some(Frame {
            number,
            begins,
            ends,
            is_key,
            spatial: template.spatial,
            temporal: template.temporal,
            indications,
            references,
            active: mask.unwrap_or(self.active) & structure.all(),
            // Without flags they would be behind the flags.
            mask_at: mask_at.max(8 * MANDATORY + FLAGS as usize) as u16,
            has_mask: has(1),
            end: bits.at() as u16,
            encoded: Encoded::new(bytes),
            structure,
        })
    }

    fn learn(&mut self, packet: u64, structure: Option<&Arc<Structure>>, mask: Option<u32>) {
        let known = self.structure.is_some();
        if let Some(structure) = structure.filter(|_| !known || packet >= self.since) {
            self.structure = Some(structure.clone());
            self.since = packet;
        }
        if let Some(mask) = mask.filter(|_| packet >= self.active_since) {
            (self.active, self.active_since) = (mask, packet);
        }
    }
}

fn own_references(bits: &mut Bits<'_>) -> Option<References> {
    let mut references = References::default();
    loop {
        match bits.take(2)? {
            0 => return Some(references),
            size => references.add(bits.take(4 * size)?),
        }
    }
}
