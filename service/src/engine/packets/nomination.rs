//! The path that a client uses, before it says so.
//!
//! An ICE-lite agent sends where the client nominated a pair (RFC 8445 8.1.1), and so does str0m. But
//! browsers begin DTLS on the first pair that answers, and nominate one when they have looked at the
//! others, up to a second later: their first flights would find nobody, and be repeated after seconds. A
//! handshake that comes over a path whose checks verified says what the nomination will say, so that is
//! said for the client; what it nominates itself later counts as ever.

use aws_lc_rs::hmac;
use str0m::ice::{StunMessage, TransId};

/// A check, and none of a browser's is longer.
const MOST_BYTES: usize = 512;

/// Whether a datagram is a check by which the client says that it uses this path.
pub(super) fn nominates(bytes: &[u8]) -> bool {
    StunMessage::parse(bytes).is_ok_and(|m| m.is_binding_request() && m.use_candidate())
}

/// Whether a datagram is of a DTLS handshake (RFC 7983, RFC 6347 4.1).
pub(super) fn is_handshake(bytes: &[u8]) -> bool {
    bytes.first() == Some(&22)
}

/// A verified check again, as a nomination.
pub(super) fn nomination(check: &[u8], password: &str) -> Option<Vec<u8>> {
    let check = StunMessage::parse(check).ok()?;
    let (username, tie_breaker) = (check.username()?, check.ice_controlling()?);
    let transaction = TransId::new();
    let made = StunMessage::binding_request(
        username,
        transaction,
        true,
        tie_breaker,
        check.prio()?,
        true,
    );
    let mut bytes = vec![0; MOST_BYTES];
    let length = made.to_bytes(Some(password.as_bytes()), &mut bytes, sign);
    bytes.truncate(length.ok()?);
    Some(bytes)
}

fn sign(key: &[u8], payloads: &[&[u8]]) -> [u8; 20] {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, key);
    let mut context = hmac::Context::with_key(&key);
    payloads.iter().for_each(|part| context.update(part));
    let mut tag = [0; 20];
    tag.copy_from_slice(context.sign().as_ref());
    tag
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_check_is_said_again_as_a_nomination_that_verifies() {
        let check = StunMessage::binding_request("here:there", TransId::new(), true, 7, 99, false);
        let mut bytes = vec![0; MOST_BYTES];
        let length = check
            .to_bytes(Some(b"secret"), &mut bytes, sign)
            .expect("room");
        assert!(!nominates(&bytes[..length]));
        let made = nomination(&bytes[..length], "secret").expect("a nomination");
        assert!(nominates(&made));
        let made = StunMessage::parse(&made).expect("a message");
        assert!(made.verify(b"secret", sign));
        assert_eq!(
            (made.username(), made.ice_controlling(), made.prio()),
            (Some("here:there"), Some(7), Some(99))
        );
        assert_eq!(nomination(b"no check", "secret"), None);
    }
}
