//! Key material in the data folder, made at first start; there is no default secret.
//!
//! One file for each kind of token (`S5`), readable by the owner alone.

use crate::random;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{EcdsaKeyPair, KeyPair, ECDSA_P256_SHA256_FIXED_SIGNING};
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Why keys cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// A file or folder cannot be read or made.
    #[error("{path}: {source}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file that does not hold what it should.
    #[error("{0} does not hold a key of ours; put back the right file, or delete it (all tokens made with it end)")]
    Unusable(PathBuf),
}

/// An ES256 key pair.
pub struct SigningKey {
    /// PKCS#8, DER.
    pub pkcs8: Vec<u8>,
    /// Public key, uncompressed point.
    pub public: Vec<u8>,
    /// Key id: a hash of the public key.
    pub id: String,
}

/// The data folder's keys.
pub struct Keys {
    /// Signs user tokens.
    pub user: SigningKey,
    /// Signs the development organisation's access tokens.
    pub internal: SigningKey,
    /// LiveKit API key and secret, between service and engine.
    pub media: MediaKey,
}

/// A LiveKit API key.
pub struct MediaKey {
    /// `API…`.
    pub key: String,
    /// Its secret.
    pub secret: String,
}

/// Makes the data folder, for its owner alone.
pub fn make_folder(folder: &Path) -> Result<(), KeyError> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(|source| KeyError::File {
            path: folder.to_owned(),
            source,
        })
}

impl Keys {
    /// Reads the keys, and makes those that are not there.
    pub fn open(folder: &Path) -> Result<Self, KeyError> {
        let folder = folder.join("keys");
        make_folder(&folder)?;
        Ok(Self {
            user: SigningKey::open(&folder.join("user.p8"))?,
            internal: SigningKey::open(&folder.join("internal.p8"))?,
            media: MediaKey::open(&folder.join("media.key"))?,
        })
    }
}

impl SigningKey {
    fn open(path: &Path) -> Result<Self, KeyError> {
        let pkcs8 = read_or_make(path, || {
            let document = EcdsaKeyPair::generate_pkcs8(
                &ECDSA_P256_SHA256_FIXED_SIGNING,
                &SystemRandom::new(),
            );
            document
                .map(|document| document.as_ref().to_vec())
                .map_err(|_| KeyError::Unusable(path.to_owned()))
        })?;
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &pkcs8);
        let pair = pair.map_err(|_| KeyError::Unusable(path.to_owned()))?;
        let public = pair.public_key().as_ref().to_vec();
        let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &public);
        let id = hash.as_ref()[..8]
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        Ok(Self { pkcs8, public, id })
    }
}

impl MediaKey {
    fn open(path: &Path) -> Result<Self, KeyError> {
        let text = read_or_make(path, || {
            let key = random::text(random::ALPHANUMERIC, 12);
            let secret = random::text(random::ALPHANUMERIC, 48);
            Ok(format!("API{key}:{secret}\n").into_bytes())
        })?;
        let text = String::from_utf8(text).map_err(|_| KeyError::Unusable(path.to_owned()))?;
        match text.trim().split_once(':') {
            Some((key, secret)) if secret.len() >= 32 => Ok(Self {
                key: key.to_owned(),
                secret: secret.to_owned(),
            }),
            _ => Err(KeyError::Unusable(path.to_owned())),
        }
    }
}

/// Reads a secret file, or makes it: whole or not at all, also when two processes start at once.
pub fn read_or_make(
    path: &Path,
    make: impl FnOnce() -> Result<Vec<u8>, KeyError>,
) -> Result<Vec<u8>, KeyError> {
    let failed = |source| KeyError::File {
        path: path.to_owned(),
        source,
    };
    match fs::read(path) {
        Ok(bytes) => return Ok(bytes),
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(failed(error)),
    }
    let fresh = make()?;
    let draft = path.with_extension(format!("new-{}", random::text(b"0123456789abcdef", 8)));
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&draft)
        .map_err(failed)?;
    file.write_all(&fresh)
        .and_then(|()| file.sync_all())
        .map_err(failed)?;
    // A link, unlike a rename, never replaces the file of somebody who was quicker.
    let linked = fs::hard_link(&draft, path);
    fs::remove_file(&draft).map_err(failed)?;
    match linked {
        Ok(()) => Ok(fresh),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => fs::read(path).map_err(failed),
        Err(error) => Err(failed(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn keys_are_made_once_and_are_the_owners_alone() {
        let folder = tempfile::tempdir().unwrap();
        let first = Keys::open(folder.path()).unwrap();
        let again = Keys::open(folder.path()).unwrap();
        assert_eq!(first.user.id, again.user.id);
        assert_eq!(first.media.secret, again.media.secret);
        assert_ne!(
            first.user.id, first.internal.id,
            "each kind of token has its own key (S5)"
        );
        for file in fs::read_dir(folder.path().join("keys")).unwrap() {
            assert_eq!(
                file.unwrap().metadata().unwrap().permissions().mode() & 0o077,
                0
            );
        }
    }

    #[test]
    fn a_spoiled_key_file_is_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        Keys::open(folder.path()).unwrap();
        fs::write(folder.path().join("keys/user.p8"), b"spoiled").unwrap();
        assert!(matches!(
            Keys::open(folder.path()),
            Err(KeyError::Unusable(_))
        ));
    }
}
