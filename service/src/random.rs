//! Unguessable ids and secrets, from the operating system's random source.

use rand::rngs::OsRng;
use rand::TryRngCore;

/// Random bytes.
///
/// # Panics
/// When the operating system has no randomness: nothing secret could be made then.
pub fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    #[cfg(test)]
    if simulated::fill(&mut bytes) {
        return bytes;
    }
    // Linux blocks until its source is ready and does not fail afterwards (getrandom(2)).
    OsRng
        .try_fill_bytes(&mut bytes)
        .expect("the operating system gives random bytes");
    bytes
}

/// A UUID, version 4, from [`bytes`].
pub fn uuid() -> uuid::Uuid {
    uuid::Builder::from_random_bytes(bytes()).into_uuid()
}

/// Text of `length` characters out of `alphabet`, each equally likely.
pub fn text(alphabet: &[u8], length: usize) -> String {
    let ceiling = 256 - 256 % alphabet.len();
    let mut text = String::with_capacity(length);
    while text.len() < length {
        for byte in bytes::<32>() {
            let byte = usize::from(byte);
            // A byte above the ceiling would favour the alphabet's first letters.
            if byte < ceiling && text.len() < length {
                text.push(char::from(alphabet[byte % alphabet.len()]));
            }
        }
    }
    text
}

/// Letters and digits that people do not mix up when they read a passcode aloud.
pub const READABLE: &[u8] = b"abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789";
/// Letters and digits.
pub const ALPHANUMERIC: &[u8] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

/// The digits of a new meeting id: thirteen, the first no zero, so that it survives a spreadsheet.
pub fn meeting_digits() -> String {
    text(b"123456789", 1) + &text(b"0123456789", 12)
}

/// What a simulation's seed gives in place of the system's source, on its own thread alone.
#[cfg(test)]
pub(crate) mod simulated {
    use rand::rngs::StdRng;
    use rand::{RngCore, SeedableRng};
    use std::cell::RefCell;

    thread_local! {
        static SEEDED: RefCell<Option<StdRng>> = const { RefCell::new(None) };
    }

    pub fn begin(seed: u64) {
        SEEDED.set(Some(StdRng::seed_from_u64(seed)));
    }

    pub fn end() {
        SEEDED.set(None);
    }

    pub(super) fn fill(bytes: &mut [u8]) -> bool {
        SEEDED.with_borrow_mut(|seeded| match seeded {
            Some(seeded) => {
                seeded.fill_bytes(bytes);
                true
            }
            None => false,
        })
    }
}
