//! A descriptor's bytes. All but those of a key frame's first packet are few, and cost no allocation.

use std::sync::Arc;

/// Frames behind a key frame take 3 bytes, and about 12 where they are not as announced.
const SHORT: usize = 22;
/// An extension has no more (RFC 8285 4.3).
pub(super) const LONGEST: usize = 255;

#[derive(Clone)]
pub(crate) enum Encoded {
    Short(u8, [u8; SHORT]),
    Long(Arc<[u8]>),
}

impl Encoded {
    pub fn new(bytes: &[u8]) -> Self {
        match bytes.len() {
            length @ 0..=SHORT => {
                let mut short = [0; SHORT];
                short[..length].copy_from_slice(bytes);
                Self::Short(length as u8, short)
            }
            _ => Self::Long(bytes.into()),
        }
    }
}

impl std::ops::Deref for Encoded {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Short(length, bytes) => &bytes[..usize::from(*length).min(SHORT)],
            Self::Long(bytes) => bytes,
        }
    }
}

impl std::fmt::Debug for Encoded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        (**self).fmt(f)
    }
}
