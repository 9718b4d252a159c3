//! The RFCs' test vectors, and both ways through all profiles.

use str0m::crypto::dtls::{KeyingMaterial, SrtpProfile};

use super::cipher::{key_stream, rtcp_index};
use super::keys::{Half, Master};
use super::{Cipher, Keys, Srtp};

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text
        .bytes()
        .filter(|b| !b.is_ascii_whitespace())
        .map(|b| (b as char).to_digit(16).expect("a digit") as u8)
        .collect();
    digits.chunks(2).map(|d| d[0] << 4 | d[1]).collect()
}

/// RFC 3711 B.2.
#[test]
fn the_key_stream_of_counter_mode() {
    let key = hex("2B7E151628AED2A6ABF7158809CF4F3C");
    let iv = hex("F0F1F2F3F4F5F6F7F8F9FAFBFCFD0000");
    let mut out = [0; 48];
    key_stream(&key, iv.try_into().expect("16 bytes"), &mut out).expect("a key");
    let expected = "E03EAD0935C95E80E166B16DD92B4EB4 D23513162B02D0F72A43A2FE4A5F97AB
        41E95B3BB0A2E8DD477901E4FCA894C0";
    assert_eq!(out.to_vec(), hex(expected));
}

/// RFC 3711 B.3.
#[test]
fn keys_are_derived() {
    let (key, salt) = (
        hex("E1F97A0D3E018BE0D64FA32C06DE4139"),
        hex("0EC675AD498AFEEBB6960B3AABE6"),
    );
    let master = Master {
        profile: SrtpProfile::AES128_CM_SHA1_80,
        key: &key,
        salt: &salt,
    };
    let derived = |label, length| {
        let mut out = vec![0; length];
        master.derive(label, &mut out).expect("a key");
        out
    };
    assert_eq!(derived(0, 16), hex("C61E7A93744F39EE10734AFE3FF7A087"));
    assert_eq!(derived(2, 14), hex("30CBBC08863D8C85D49DB34A9AE1"));
    let auth = "CEBE321F6FF7716B6FD4AB49AF256A156D38BAA4";
    assert_eq!(derived(1, 20), hex(auth));
}

const SALT: &str = "517569642070726f2071756f";
const RTP_HEADER: &str = "8040f17b 8041f8d3 5501a0b2";
const RTP_TEXT: &str =
    "47616c6c 6961206573 74206f6d6e69732064697669736120696e207061727465732074726573";
const RTCP: &str = "81c8000d 4d617273 4e545031 4e545032 52545020 0000042a 0000e930 4c756e61
    deadbeef deadbeef deadbeef deadbeef deadbeef";

/// RFC 7714 16.1.1, 16.2.1, 17.1, 17.3.
#[test]
fn gcm_seals_and_opens() {
    let vectors = [
        (
            "000102030405060708090a0b0c0d0e0f",
            "f24de3a3 fb34de6c acba861c 9d7e4bca be633bd5 0d294e6f 42a5f47a 51c7d19b 36de3adf
             8833899d 7f27beb1 6a9152cf 765ee439 0cce",
            "63e94885 dcdab67c a727d766 2f6b7e99 7ff5c0f7 6c06f32d c676a5f1 730d6fda 4ce09b46
             86303ded 0bb9275b c84aa458 96cf4d2f c5abf872 45d9eade 800005d4",
        ),
        (
            "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
            "32b1de78 a822fe12 ef9f78fa 332e33aa b1801238 9a58e2f3 b50b2a02 76ffae0f 1ba63799
             b87b7aa3 db36dfff d6b0f9bb 7878d7a7 6c13",
            "d50ae4d1 f5ce5d30 4ba297e4 7d470c28 2c3ece5d bffe0a50 a2eaa5c1 110555be 8415f658
             c61de047 6f1b6fad 1d1eb30c 4446839f 57ff6f6c b26ac3be 800005d4",
        ),
    ];
    for (key, rtp, rtcp) in vectors {
        let cipher = Cipher::gcm(&hex(key), &hex(SALT)).expect("a key");
        let mut packet = [hex(RTP_HEADER), hex(RTP_TEXT)].concat();
        cipher.seal_rtp(&mut packet, 12, 0xf17b);
        assert_eq!(packet, [hex(RTP_HEADER), hex(rtp)].concat());
        let mut plain = Vec::new();
        assert!(cipher.open_rtp(&packet, 12, 0xf17b, &mut plain));
        assert_eq!(plain, hex(RTP_TEXT));
        let mut packet = hex(RTCP);
        cipher.seal_rtcp(&mut packet, 0x5d4);
        assert_eq!(packet, [hex("81c8000d 4d617273"), hex(rtcp)].concat());
        assert_opens(&cipher, &packet, 0x5d4);
    }
}

/// The packets by which libsrtp validates itself (RFC 3711's keys).
#[test]
fn counter_mode_seals_and_opens() {
    let (key, salt) = (
        hex("E1F97A0D3E018BE0D64FA32C06DE4139"),
        hex("0EC675AD498AFEEBB6960B3AABE6"),
    );
    let master = Master {
        profile: SrtpProfile::AES128_CM_SHA1_80,
        key: &key,
        salt: &salt,
    };
    let mut packet = hex("800f1234 decafbad cafebabe abababab abababab abababab abababab");
    let cipher = master.rtp().expect("a key");
    cipher.seal_rtp(&mut packet, 12, 0x1234);
    let expected = "800f1234 decafbad cafebabe 4e55dc4c e79978d8 8ca4d215 949d2402 b78d6acc
        99ea179b 8dbb";
    assert_eq!(packet, hex(expected));
    let mut packet = hex("81c8000b cafebabe abababab abababab abababab abababab");
    let cipher = master.rtcp().expect("a key");
    cipher.seal_rtcp(&mut packet, 1);
    let expected = "81c8000b cafebabe 7128035b e487b9bd bef89041 f977a5a8 80000001 993e08cd
        54d6c123 0798";
    assert_eq!(packet, hex(expected));
    assert_eq!(rtcp_index(&packet, &cipher), Some((0xcafe_babe, 1)));
    let mut plain = Vec::new();
    assert!(cipher.open_rtcp(&packet, 1, &mut plain));
    let expected = "81c8000b cafebabe abababab abababab abababab abababab";
    assert_eq!(plain, hex(expected));
}

fn assert_opens(cipher: &Cipher, packet: &[u8], index: u32) {
    assert_eq!(rtcp_index(packet, cipher), Some((0x4d61_7273, index)));
    let mut plain = Vec::new();
    assert!(cipher.open_rtcp(packet, index, &mut plain));
    assert_eq!(plain, hex(RTCP));
}

const PROFILES: [SrtpProfile; 3] = [
    SrtpProfile::AES128_CM_SHA1_80,
    SrtpProfile::AEAD_AES_128_GCM,
    SrtpProfile::AEAD_AES_256_GCM,
];

fn pair(profile: SrtpProfile) -> (Srtp, Srtp) {
    let bytes: Vec<u8> = (0..profile.keying_material_len() as u8).collect();
    let side = |active| {
        let keys = Keys {
            material: KeyingMaterial::new(&bytes),
            profile,
            active,
        };
        assert_ne!(
            keys.half(Half::Ours).expect("a half").key,
            keys.half(Half::Theirs).expect("a half").key
        );
        Srtp::new(&keys).expect("a known profile")
    };
    (side(true), side(false))
}

/// What one side sends the other one opens, once; and nothing that was changed on its way.
#[test]
fn rtcp_is_taken_from_the_other_side_once_and_unchanged() {
    for profile in PROFILES {
        let (mut client, mut server) = pair(profile);
        for round in 0..3 {
            let mut packet = hex(RTCP);
            client.seal_rtcp(&mut packet);
            let mut plain = Vec::new();
            for at in 0..packet.len() {
                for bit in 0..8 {
                    let mut changed = packet.clone();
                    changed[at] ^= 1 << bit;
                    assert!(!server.open_rtcp(&changed, &mut plain), "{at} {bit}");
                }
            }
            for length in 0..packet.len() {
                assert!(!server.open_rtcp(&packet[..length], &mut plain));
            }
            assert!(!client.open_rtcp(&packet, &mut plain), "its own");
            assert!(server.open_rtcp(&packet, &mut plain), "{profile:?} {round}");
            assert_eq!(plain, hex(RTCP));
            assert!(!server.open_rtcp(&packet, &mut plain), "a copy");
        }
    }
}

/// The same of media; under another index it is not authentic, so that no number can be claimed.
#[test]
fn rtp_is_taken_from_the_other_side_unchanged_and_under_its_number() {
    for profile in PROFILES {
        let (client, server) = pair(profile);
        let index = 0x2_f17b;
        let mut packet = [hex(RTP_HEADER), hex(RTP_TEXT)].concat();
        client.seal_rtp(&mut packet, 12, index);
        let mut plain = Vec::new();
        for at in 0..packet.len() {
            for bit in 0..8 {
                let mut changed = packet.clone();
                changed[at] ^= 1 << bit;
                assert!(!server.open_rtp(&changed, 12, index, &mut plain));
            }
        }
        for length in 0..packet.len() {
            assert!(!server.open_rtp(&packet[..length], 12.min(length), index, &mut plain));
            assert!(!server.open_rtp(&packet[..length], 12, index, &mut plain));
        }
        for other in [index - 0x1_0000, index + 0x1_0000] {
            assert!(!server.open_rtp(&packet, 12, other, &mut plain));
        }
        assert!(!client.open_rtp(&packet, 12, index, &mut plain), "its own");
        assert!(server.open_rtp(&packet, 12, index, &mut plain));
        assert_eq!(plain, hex(RTP_TEXT));
    }
}
