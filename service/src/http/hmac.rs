//! Shared-key authentication of a resource (`rest.md` 1). Pure: the request's parts, the keys and the
//! time come in.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{digest, SHA256};
use aws_lc_rs::hmac;
use base64::prelude::{Engine, BASE64_STANDARD};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// How far a request's date may be from ours, either way.
const WINDOW_MS: u64 = 15 * 60_000;

/// What of a request is signed.
#[derive(Debug, Clone, Copy)]
pub struct Signed<'a> {
    /// Upper-case method.
    pub method: &'a str,
    /// Path and query as received.
    pub target: &'a str,
    /// `Host` header.
    pub host: &'a str,
    /// `x-ms-date` header.
    pub date: &'a str,
    /// `x-ms-content-sha256` header.
    pub content_sha256: &'a str,
    /// `Authorization` header.
    pub authorization: &'a str,
    /// Body.
    pub body: &'a [u8],
}

/// Whether one of the keys (base64) signed the request, in time and with this body.
pub fn verifies<'k>(
    request: &Signed<'_>,
    keys: impl IntoIterator<Item = &'k str>,
    now: u64,
) -> bool {
    let Some(signature) = signature(request.authorization) else {
        return false;
    };
    let in_time = date_ms(request.date).is_some_and(|date| date.abs_diff(now) <= WINDOW_MS);
    let hash = BASE64_STANDARD.encode(digest(&SHA256, request.body));
    let right_body =
        verify_slices_are_equal(hash.as_bytes(), request.content_sha256.as_bytes()).is_ok();
    if !in_time || !right_body {
        return false;
    }
    // JavaScript clients sign the query as URLSearchParams writes it, others as it is sent.
    let targets = [
        Some(request.target.to_owned()),
        reserialised(request.target),
    ];
    let texts: Vec<String> = targets
        .into_iter()
        .flatten()
        .map(|target| string_to_sign(request, &target))
        .collect();
    keys.into_iter()
        .filter_map(|key| BASE64_STANDARD.decode(key).ok())
        .any(|key| {
            let key = hmac::Key::new(hmac::HMAC_SHA256, &key);
            texts
                .iter()
                .any(|text| hmac::verify(&key, text.as_bytes(), &signature).is_ok())
        })
}

fn string_to_sign(request: &Signed<'_>, target: &str) -> String {
    let Signed {
        method,
        host,
        date,
        content_sha256,
        ..
    } = request;
    format!("{method}\n{target}\n{date};{host};{content_sha256}")
}

/// The headers of a request that is signed with a key (base64), as a client sends them. `None`: the key is
/// none.
pub fn signing(
    key: &str,
    (method, target, host): (&str, &str, &str),
    body: &[u8],
    now: SystemTime,
) -> Option<[(&'static str, String); 3]> {
    let key = BASE64_STANDARD.decode(key).ok()?;
    let key = hmac::Key::new(hmac::HMAC_SHA256, &key);
    let date = httpdate::fmt_http_date(now);
    let hash = BASE64_STANDARD.encode(digest(&SHA256, body));
    let unsigned = Signed {
        method,
        target,
        host,
        date: &date,
        content_sha256: &hash,
        authorization: "",
        body,
    };
    let text = string_to_sign(&unsigned, target);
    let signature = BASE64_STANDARD.encode(hmac::sign(&key, text.as_bytes()));
    let authorization = format!(
        "HMAC-SHA256 SignedHeaders=x-ms-date;host;x-ms-content-sha256&Signature={signature}"
    );
    Some([
        ("x-ms-date", date),
        ("x-ms-content-sha256", hash),
        ("authorization", authorization),
    ])
}

/// The signature of `HMAC-SHA256 SignedHeaders=x-ms-date;host;x-ms-content-sha256&Signature=…`.
fn signature(authorization: &str) -> Option<Vec<u8>> {
    let (scheme, rest) = authorization.split_once(' ')?;
    let (headers, signature) = rest.trim().split_once('&')?;
    let headers = headers.strip_prefix("SignedHeaders=")?;
    let signature = signature.strip_prefix("Signature=")?;
    let ours = scheme.eq_ignore_ascii_case("HMAC-SHA256")
        && headers.eq_ignore_ascii_case("x-ms-date;host;x-ms-content-sha256");
    ours.then(|| BASE64_STANDARD.decode(signature).ok())
        .flatten()
}

fn date_ms(text: &str) -> Option<u64> {
    let since: Duration = httpdate::parse_http_date(text)
        .ok()?
        .duration_since(UNIX_EPOCH)
        .ok()?;
    u64::try_from(since.as_millis()).ok()
}

/// The target with its query as URLSearchParams writes it.
fn reserialised(target: &str) -> Option<String> {
    let (path, query) = target.split_once('?')?;
    let query = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(form_urlencoded::parse(query.as_bytes()))
        .finish();
    Some(format!("{path}?{query}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const KEY: &str = "c2VjcmV0LXNlY3JldC1zZWNyZXQ=";
    const OTHER: &str = "b3RoZXItb3RoZXItb3RoZXI=";
    const DATE: &str = "Sat, 21 Nov 2026 04:26:01 GMT";
    const NOW: u64 = 1_795_235_161_000;
    const EMPTY: &str = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";

    fn sign(key: &str, text: &str) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &BASE64_STANDARD.decode(key).unwrap());
        let signature = BASE64_STANDARD.encode(hmac::sign(&key, text.as_bytes()));
        format!(
            "HMAC-SHA256 SignedHeaders=x-ms-date;host;x-ms-content-sha256&Signature={signature}"
        )
    }

    fn request<'a>(target: &'a str, authorization: &'a str) -> Signed<'a> {
        Signed {
            method: "POST",
            target,
            host: "127.0.0.1:8080",
            date: DATE,
            content_sha256: EMPTY,
            authorization,
            body: b"",
        }
    }

    #[test]
    fn a_known_vector_verifies_with_either_key() {
        // Made with Python's hmac module, independently of this code.
        let authorization = "HMAC-SHA256 SignedHeaders=x-ms-date;host;x-ms-content-sha256&Signature=+Lhl4KaZMRsEW/JM2TYLNdMy3ZrGyxK3GTSHxpwG8PY=";
        let target = "/identities?api-version=2023-10-01";
        let request = request(target, authorization);
        assert!(verifies(&request, [KEY, OTHER], NOW));
        assert!(verifies(&request, [OTHER, KEY], NOW));
        assert!(!verifies(&request, [OTHER], NOW));
    }

    #[test]
    fn encoded_path_parameters_are_signed_as_received() {
        let target = "/identities/8%3Aacs%3Ar_u/:issueAccessToken?api-version=2023-10-01";
        let text = format!("POST\n{target}\n{DATE};127.0.0.1:8080;{EMPTY}");
        assert!(verifies(&request(target, &sign(KEY, &text)), [KEY], NOW));
        let decoded = target.replace("%3A", ":");
        assert!(!verifies(&request(&decoded, &sign(KEY, &text)), [KEY], NOW));
    }

    #[test]
    fn a_query_may_be_signed_raw_or_as_urlsearchparams_writes_it() {
        let raw = "/x?ct=ab%20c%2Fd==&x=a%20b~'";
        let reserialised = "/x?ct=ab+c%2Fd%3D%3D&x=a+b%7E%27";
        for target in [raw, reserialised] {
            let text = format!("POST\n{target}\n{DATE};127.0.0.1:8080;{EMPTY}");
            assert!(
                verifies(&request(raw, &sign(KEY, &text)), [KEY], NOW),
                "{target}"
            );
        }
    }

    #[test]
    fn b10_a_changed_request_or_an_old_one_is_refused() {
        let target = "/identities?api-version=2023-10-01";
        let text = format!("POST\n{target}\n{DATE};127.0.0.1:8080;{EMPTY}");
        let authorization = sign(KEY, &text);
        let good = request(target, &authorization);
        assert!(verifies(&good, [KEY], NOW + WINDOW_MS));
        assert!(!verifies(&good, [KEY], NOW + WINDOW_MS + 1));
        assert!(!verifies(&good, [KEY], NOW - WINDOW_MS - 1));
        assert!(!verifies(
            &Signed {
                method: "DELETE",
                ..good
            },
            [KEY],
            NOW
        ));
        assert!(!verifies(
            &Signed {
                host: "evil.test",
                ..good
            },
            [KEY],
            NOW
        ));
        assert!(!verifies(
            &Signed {
                body: b"{}",
                ..good
            },
            [KEY],
            NOW
        ));
        assert!(!verifies(
            &Signed {
                target: "/identities?api-version=2023-10-02",
                ..good
            },
            [KEY],
            NOW
        ));
        let fewer = authorization.replace("host;", "");
        assert!(!verifies(
            &Signed {
                authorization: &fewer,
                ..good
            },
            [KEY],
            NOW
        ));
    }

    proptest! {
        #[test]
        fn no_header_makes_it_panic(authorization in "\\PC{0,120}", date in "\\PC{0,40}", target in "\\PC{0,60}") {
            let request = Signed { date: &date, ..request(&target, &authorization) };
            prop_assert!(!verifies(&request, [KEY], NOW));
        }
    }
}
