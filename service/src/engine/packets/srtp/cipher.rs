//! The ciphers of SRTP's profiles (RFC 3711, RFC 7714): packets are sealed in place.

use aws_lc_rs::aead::{Aad, LessSafeKey, Nonce, UnboundKey, AES_128_GCM, AES_256_GCM};
use aws_lc_rs::cipher::{EncryptingKey, EncryptionContext, UnboundCipherKey, AES_128};
use aws_lc_rs::hmac;
use aws_lc_rs::iv::FixedLength;

/// GCM's tag, the longer of the two.
pub(super) const TAG: usize = 16;
/// HMAC-SHA1-80's.
const HMAC_TAG: usize = 10;
/// The index that SRTCP packets carry, with the flag that says "encrypted".
pub(super) const INDEX: usize = 4;
const ENCRYPTED: u32 = 1 << 31;
pub(super) const MAX_INDEX: u32 = ENCRYPTED - 1;
/// What of an RTCP packet stays readable: its first header and the sender's SSRC.
const RTCP_CLEAR: usize = 8;

/// One direction of RTP or RTCP.
pub(crate) enum Cipher {
    Gcm {
        key: LessSafeKey,
        salt: [u8; 12],
    },
    /// AES in counter mode with HMAC-SHA1-80.
    Counter(Box<Counter>),
}

/// The keys of counter mode; rarely negotiated, so not in everybody's memory.
pub(crate) struct Counter {
    key: EncryptingKey,
    auth: hmac::Key,
    salt: [u8; 14],
}

impl std::fmt::Debug for Cipher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Cipher")
    }
}

impl Cipher {
    /// `None` if the lengths are not those of the cipher.
    pub fn gcm(key: &[u8], salt: &[u8]) -> Option<Self> {
        let algorithm = match key.len() {
            16 => &AES_128_GCM,
            _ => &AES_256_GCM,
        };
        let key = UnboundKey::new(algorithm, key).ok()?;
        Some(Self::Gcm {
            key: LessSafeKey::new(key),
            salt: salt.try_into().ok()?,
        })
    }

    pub fn counter(key: &[u8], auth: &[u8], salt: &[u8]) -> Option<Self> {
        let key = UnboundCipherKey::new(&AES_128, key).ok()?;
        Some(Self::Counter(Box::new(Counter {
            key: EncryptingKey::ctr(key).ok()?,
            auth: hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, auth),
            salt: salt.try_into().ok()?,
        })))
    }

    /// Encrypt what is behind the header, and append the tag.
    pub fn seal_rtp(&self, packet: &mut Vec<u8>, header: usize, index: u64) {
        let (clear, secret) = packet.split_at_mut(header);
        match self {
            Self::Gcm { key, salt } => {
                let nonce = rtp_nonce(salt, ssrc_at(clear, 8), index);
                let tag = seal(key, nonce, clear, secret);
                packet.extend_from_slice(&tag);
            }
            Self::Counter(counter) => {
                let Counter { key, auth, salt } = &**counter;
                count(key, counter_iv(salt, ssrc_at(clear, 8), index), secret);
                let rollovers = ((index >> 16) as u32).to_be_bytes();
                let tag = authenticate(auth, &[packet, &rollovers]);
                packet.extend_from_slice(&tag);
            }
        }
    }

    /// Decrypt what is behind a packet's header into `plain`; false if it is not authentic under this
    /// index.
    pub fn open_rtp(&self, packet: &[u8], header: usize, index: u64, plain: &mut Vec<u8>) -> bool {
        let trailer = match self {
            Self::Gcm { .. } => TAG,
            Self::Counter(_) => HMAC_TAG,
        };
        let Some(end) = packet.len().checked_sub(trailer) else {
            return false;
        };
        let (told, tag) = packet.split_at(end);
        let (Some(ssrc), Some(secret)) = (told.get(8..12), told.get(header..)) else {
            return false;
        };
        let ssrc = ssrc_at(ssrc, 0);
        plain.clear();
        match self {
            Self::Gcm { key, salt } => {
                plain.resize(secret.len(), 0);
                let nonce = Nonce::assume_unique_for_key(rtp_nonce(salt, ssrc, index));
                let clear = Aad::from(&told[..header]);
                key.open_separate_gather(nonce, clear, secret, tag, plain)
                    .is_ok()
            }
            Self::Counter(counter) => {
                let Counter { key, auth, salt } = &**counter;
                let rollovers = ((index >> 16) as u32).to_be_bytes();
                let own = authenticate(auth, &[told, &rollovers]);
                if aws_lc_rs::constant_time::verify_slices_are_equal(&own, tag).is_err() {
                    return false;
                }
                plain.extend_from_slice(secret);
                count(key, counter_iv(salt, ssrc, index), plain);
                true
            }
        }
    }

    pub fn seal_rtcp(&self, packet: &mut Vec<u8>, index: u32) {
        let word = (ENCRYPTED | index).to_be_bytes();
        let (clear, secret) = packet.split_at_mut(RTCP_CLEAR);
        match self {
            Self::Gcm { key, salt } => {
                let nonce = rtcp_nonce(salt, ssrc_at(clear, 4), index);
                let tag = seal(key, nonce, &rtcp_aad(clear, word), secret);
                packet.extend_from_slice(&tag);
                packet.extend_from_slice(&word);
            }
            Self::Counter(counter) => {
                let Counter { key, auth, salt } = &**counter;
                let iv = counter_iv(salt, ssrc_at(clear, 4), u64::from(index));
                count(key, iv, secret);
                packet.extend_from_slice(&word);
                let tag = authenticate(auth, &[packet]);
                packet.extend_from_slice(&tag);
            }
        }
    }

    /// Decrypt a packet that [`rtcp_index`] has read into `plain`; false if it is not authentic.
    pub fn open_rtcp(&self, packet: &[u8], index: u32, plain: &mut Vec<u8>) -> bool {
        plain.clear();
        let ssrc = ssrc_at(packet, 4);
        match self {
            Self::Gcm { key, salt } => {
                let (sealed, word) = packet.split_at(packet.len() - INDEX);
                let (clear, secret) = sealed.split_at(RTCP_CLEAR);
                let aad = rtcp_aad(clear, [word[0], word[1], word[2], word[3]]);
                plain.extend_from_slice(sealed);
                let (text, tag) = secret.split_at(secret.len() - TAG);
                let nonce = Nonce::assume_unique_for_key(rtcp_nonce(salt, ssrc, index));
                let to = &mut plain[RTCP_CLEAR..RTCP_CLEAR + text.len()];
                let opened = key.open_separate_gather(nonce, Aad::from(&aad), text, tag, to);
                plain.truncate(RTCP_CLEAR + text.len());
                opened.is_ok()
            }
            Self::Counter(counter) => {
                let Counter { key, auth, salt } = &**counter;
                let (told, tag) = packet.split_at(packet.len() - HMAC_TAG);
                let own = authenticate(auth, &[told]);
                if aws_lc_rs::constant_time::verify_slices_are_equal(&own, tag).is_err() {
                    return false;
                }
                plain.extend_from_slice(&told[..told.len() - INDEX]);
                let iv = counter_iv(salt, ssrc, u64::from(index));
                count(key, iv, &mut plain[RTCP_CLEAR..]);
                true
            }
        }
    }

    /// What is behind the text of an RTCP packet: its tag and its index.
    fn rtcp_trailer(&self) -> usize {
        match self {
            Self::Gcm { .. } => TAG + INDEX,
            Self::Counter(_) => HMAC_TAG + INDEX,
        }
    }
}

/// The sender and the index that an SRTCP packet claims. Browsers encrypt all of them (RFC 8827
/// 6.5), so one that is only authenticated is none.
pub(super) fn rtcp_index(packet: &[u8], cipher: &Cipher) -> Option<(u32, u32)> {
    let end = packet.len().checked_sub(cipher.rtcp_trailer())?;
    if end < RTCP_CLEAR {
        return None;
    }
    let at = match cipher {
        Cipher::Gcm { .. } => packet.len() - INDEX,
        Cipher::Counter(_) => end,
    };
    let word = u32::from_be_bytes(packet.get(at..at + INDEX)?.try_into().ok()?);
    (word & ENCRYPTED != 0).then_some((ssrc_at(packet, 4), word & MAX_INDEX))
}

fn ssrc_at(packet: &[u8], at: usize) -> u32 {
    u32::from_be_bytes([packet[at], packet[at + 1], packet[at + 2], packet[at + 3]])
}

/// RFC 7714 8.1.
fn rtp_nonce(salt: &[u8; 12], ssrc: u32, index: u64) -> [u8; 12] {
    let mut nonce = *salt;
    xor(&mut nonce[2..6], &ssrc.to_be_bytes());
    xor(&mut nonce[6..12], &index.to_be_bytes()[2..]);
    nonce
}

/// RFC 7714 9.1.
fn rtcp_nonce(salt: &[u8; 12], ssrc: u32, index: u32) -> [u8; 12] {
    let mut nonce = *salt;
    xor(&mut nonce[2..6], &ssrc.to_be_bytes());
    xor(&mut nonce[8..12], &index.to_be_bytes());
    nonce
}

/// RFC 3711 4.1.1.
fn counter_iv(salt: &[u8; 14], ssrc: u32, index: u64) -> [u8; 16] {
    let mut iv = [0; 16];
    iv[..14].copy_from_slice(salt);
    xor(&mut iv[4..8], &ssrc.to_be_bytes());
    xor(&mut iv[8..14], &index.to_be_bytes()[2..]);
    iv
}

fn rtcp_aad(clear: &[u8], word: [u8; INDEX]) -> [u8; RTCP_CLEAR + INDEX] {
    let mut aad = [0; RTCP_CLEAR + INDEX];
    aad[..RTCP_CLEAR].copy_from_slice(clear);
    aad[RTCP_CLEAR..].copy_from_slice(&word);
    aad
}

fn xor(to: &mut [u8], with: &[u8]) {
    to.iter_mut().zip(with).for_each(|(to, with)| *to ^= with);
}

fn seal(key: &LessSafeKey, nonce: [u8; 12], aad: &[u8], text: &mut [u8]) -> [u8; TAG] {
    let nonce = Nonce::assume_unique_for_key(nonce);
    let tag = key
        .seal_in_place_separate_tag(nonce, Aad::from(aad), text)
        .expect("GCM fails above 64 GB alone");
    let mut bytes = [0; TAG];
    bytes.copy_from_slice(tag.as_ref());
    bytes
}

fn count(key: &EncryptingKey, iv: [u8; 16], text: &mut [u8]) {
    let context = EncryptionContext::Iv128(FixedLength::from(iv));
    key.less_safe_encrypt(text, context)
        .expect("counter mode with an IV takes any length");
}

/// The key stream itself, which key derivation is made of (RFC 3711 4.3.3).
pub(super) fn key_stream(key: &[u8], iv: [u8; 16], out: &mut [u8]) -> Option<()> {
    let algorithm = match key.len() {
        16 => &AES_128,
        _ => &aws_lc_rs::cipher::AES_256,
    };
    let key = EncryptingKey::ctr(UnboundCipherKey::new(algorithm, key).ok()?).ok()?;
    out.fill(0);
    count(&key, iv, out);
    Some(())
}

fn authenticate(key: &hmac::Key, parts: &[&[u8]]) -> [u8; HMAC_TAG] {
    let mut context = hmac::Context::with_key(key);
    parts.iter().for_each(|part| context.update(part));
    let mut tag = [0; HMAC_TAG];
    tag.copy_from_slice(&context.sign().as_ref()[..HMAC_TAG]);
    tag
}
