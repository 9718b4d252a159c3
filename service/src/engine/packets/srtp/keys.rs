//! From what DTLS exports to the ciphers' keys (RFC 5764 4.2, RFC 3711 4.3).

use str0m::crypto::dtls::{KeyingMaterial, SrtpProfile};

use super::cipher::{key_stream, Cipher};

/// What a DTLS handshake gave.
pub(crate) struct Keys {
    pub material: KeyingMaterial,
    pub profile: SrtpProfile,
    /// The engine was the DTLS client.
    pub active: bool,
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Keys({:?})", self.profile)
    }
}

/// Whose packets a half of the keys is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Half {
    Ours,
    Theirs,
}

/// Labels of RFC 3711 4.3.1: key, authentication key, salt.
const RTP: [u8; 3] = [0, 1, 2];
const RTCP: [u8; 3] = [3, 4, 5];
/// HMAC-SHA1's key.
const AUTH: usize = 20;

/// One side's master key and salt.
pub(super) struct Master<'a> {
    pub(super) profile: SrtpProfile,
    pub(super) key: &'a [u8],
    pub(super) salt: &'a [u8],
}

impl Keys {
    /// The material is the client's key, the server's key, the client's salt, the server's salt.
    pub(super) fn half(&self, half: Half) -> Option<Master<'_>> {
        let (key, salt) = lengths(self.profile)?;
        if self.material.len() != 2 * (key + salt) {
            return None;
        }
        let (keys, salts) = self.material.split_at(2 * key);
        let place = usize::from(self.active != (half == Half::Ours));
        Some(Master {
            profile: self.profile,
            key: &keys[place * key..][..key],
            salt: &salts[place * salt..][..salt],
        })
    }
}

/// Of master key and salt.
fn lengths(profile: SrtpProfile) -> Option<(usize, usize)> {
    match profile {
        SrtpProfile::AES128_CM_SHA1_80 => Some((16, 14)),
        SrtpProfile::AEAD_AES_128_GCM => Some((16, 12)),
        SrtpProfile::AEAD_AES_256_GCM => Some((32, 12)),
        _ => None,
    }
}

impl Master<'_> {
    pub fn rtp(&self) -> Option<Cipher> {
        self.cipher(RTP)
    }

    pub fn rtcp(&self) -> Option<Cipher> {
        self.cipher(RTCP)
    }

    fn cipher(&self, [key_label, auth_label, salt_label]: [u8; 3]) -> Option<Cipher> {
        let mut key = [0; 32];
        let mut salt = [0; 14];
        let (key, salt) = (&mut key[..self.key.len()], &mut salt[..self.salt.len()]);
        self.derive(key_label, key)?;
        self.derive(salt_label, salt)?;
        match self.profile {
            SrtpProfile::AES128_CM_SHA1_80 => {
                let mut auth = [0; AUTH];
                self.derive(auth_label, &mut auth)?;
                Cipher::counter(key, &auth, salt)
            }
            _ => Cipher::gcm(key, salt),
        }
    }

    /// RFC 3711 4.3.1 without a key derivation rate: the label is XORed into the salt, and the
    /// master key's stream behind that is the key.
    pub(super) fn derive(&self, label: u8, out: &mut [u8]) -> Option<()> {
        let mut iv = [0; 16];
        iv[..self.salt.len()].copy_from_slice(self.salt);
        iv[7] ^= label;
        key_stream(self.key, iv, out)
    }
}
