//! Reading join links (`B1`, `B6`; the forms of `docs/`, "Join URLs"). Pure.
//!
//! Hosts are compared whole, never by substring. What was wrong is said in the error.

use plenary_protocol::agent::{Locator, ProtocolError};
use plenary_protocol::end::Reason;
use serde_json::Value;
use url::Url;

/// A way to a meeting of ours; the secret is checked by who looks the meeting up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Way {
    /// `/meet/{digits}?p=…`: the link's secret.
    Link {
        /// Digits of the meeting id.
        digits: String,
        /// The secret that the link carries.
        secret: Option<String>,
    },
    /// Typed in: meeting id and passcode.
    Typed {
        /// Digits of the meeting id.
        digits: String,
        /// The passcode.
        passcode: Option<String>,
    },
    /// `/l/meetup-join/…`: coordinates, which skip no passcode (`S8`).
    Coordinates {
        /// Chat thread.
        thread: String,
        /// Object id of the organiser.
        organizer: String,
        /// The secret, if the link carries one.
        secret: Option<String>,
    },
}

/// Longest text that is looked at.
const LONGEST: usize = 8_192;
/// Wrappings that are taken off: mail filters and the launcher, each in the other.
const WRAPPINGS: usize = 3;

const WORK: [&str; 2] = ["teams.microsoft.com", "teams.cloud.microsoft"];
const PERSONAL: [&str; 1] = ["teams.live.com"];
const GOVERNMENT: [&str; 2] = ["gov.teams.microsoft.us", "dod.teams.microsoft.us"];

/// A refusal that says what was wrong (`B1`).
fn wrong(what: &str) -> ProtocolError {
    let mut error = Reason::NOT_A_MEETING.error();
    error.message = format!("{what} {}", error.message);
    error
}

/// The way that a locator names. `is_ours` answers for whole, lower-case host names.
pub fn way(locator: &Locator, is_ours: impl Fn(&str) -> bool) -> Result<Way, ProtocolError> {
    match locator {
        Locator::MeetingLink(link) => link_way(link, is_ours),
        Locator::MeetingId {
            meeting_id,
            passcode,
        } => {
            let digits =
                digits(meeting_id).ok_or_else(|| wrong("A meeting id has 9 to 15 digits."))?;
            let passcode = passcode
                .as_deref()
                .map(str::trim)
                .filter(|text| !text.is_empty());
            if passcode.is_some_and(|text| text.len() > 128) {
                return Err(wrong("The passcode is too long."));
            }
            Ok(Way::Typed {
                digits,
                passcode: passcode.map(str::to_owned),
            })
        }
    }
}

fn digits(text: &str) -> Option<String> {
    if text.len() > 64 {
        return None;
    }
    let digits: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    let valid =
        (9..=15).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    valid.then_some(digits)
}

fn link_way(link: &str, is_ours: impl Fn(&str) -> bool) -> Result<Way, ProtocolError> {
    if link.len() > LONGEST {
        return Err(wrong("The link is too long."));
    }
    let mut text = link.trim().to_owned();
    for _ in 0..=WRAPPINGS {
        let url = parse(&text)?;
        match unwrapped(&url) {
            Some(inner) => text = inner,
            None => return classified(&url, is_ours),
        }
    }
    Err(wrong("The link is wrapped in other links too often."))
}

/// Parses a link; the app's scheme `msteams:` means the work host.
fn parse(text: &str) -> Result<Url, ProtocolError> {
    let lower = text
        .get(..8)
        .map(str::to_ascii_lowercase)
        .unwrap_or_default();
    let text = if lower.starts_with("msteams:") {
        let rest = text[8..].trim_start_matches('/');
        let rest = if rest.to_ascii_lowercase().starts_with("teams.") {
            rest.to_owned()
        } else {
            format!("teams.microsoft.com/{rest}")
        };
        format!("https://{rest}")
    } else {
        text.to_owned()
    };
    let url = Url::parse(&text).map_err(|_| wrong("This is no link."))?;
    if !matches!(url.scheme(), "https" | "http") {
        return Err(wrong("The link does not begin with https://."));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(wrong("The link names a user before the host."));
    }
    Ok(url)
}

fn parameter(url: &Url, name: &str) -> Option<String> {
    url.query_pairs()
        .find(|(key, _)| key == name)
        .map(|(_, value)| value.into_owned())
}

/// What a mail filter's or the launcher's link holds.
fn unwrapped(url: &Url) -> Option<String> {
    let host = url.host_str()?.to_ascii_lowercase();
    if host.ends_with(".safelinks.protection.outlook.com") {
        return parameter(url, "url");
    }
    if url.path().starts_with("/dl/launcher/") {
        let inner = parameter(url, "url")?;
        // Encoded once or twice: after one decoding an escaped slash may still stand at the start.
        let inner = if inner.to_ascii_lowercase().starts_with("%2f") {
            decoded(&inner)?
        } else {
            inner
        };
        return Some(
            url.join(inner.strip_prefix("/_#").unwrap_or(&inner))
                .ok()?
                .to_string(),
        );
    }
    let fragment = url.fragment().filter(|fragment| fragment.starts_with('/'));
    match (url.path(), fragment) {
        ("/_", Some(fragment)) => Some(url.join(fragment).ok()?.to_string()),
        _ => None,
    }
}

fn decoded(text: &str) -> Option<String> {
    percent_encoding::percent_decode_str(text)
        .decode_utf8()
        .ok()
        .map(|text| text.into_owned())
}

fn classified(url: &Url, is_ours: impl Fn(&str) -> bool) -> Result<Way, ProtocolError> {
    let host = url
        .host_str()
        .map(|host| host.trim_end_matches('.').to_ascii_lowercase())
        .unwrap_or_default();
    let ours = is_ours(&host);
    if !ours && PERSONAL.contains(&host.as_str()) {
        return Err(Reason::PERSONAL_MEETING.error());
    }
    if !ours && GOVERNMENT.contains(&host.as_str()) {
        return Err(Reason::GOVERNMENT_MEETING.error());
    }
    if !ours && !WORK.contains(&host.as_str()) {
        return Err(wrong(&format!("Links to {host} are not this service's.")));
    }
    let segments: Vec<&str> = url
        .path_segments()
        .map(Iterator::collect)
        .unwrap_or_default();
    let way = match segments.as_slice() {
        ["meet", id] | ["meet", id, ""] => {
            let id = decoded(id).ok_or_else(|| wrong("The link's meeting id cannot be read."))?;
            let digits =
                digits(&id).ok_or_else(|| wrong("The link's meeting id has 9 to 15 digits."))?;
            Way::Link {
                digits,
                secret: parameter(url, "p").filter(|secret| secret.len() <= 128),
            }
        }
        ["l", "meetup-join", thread, ..] => coordinates(url, thread)?,
        _ => {
            return Err(wrong(
                "The link's path is not /meet/… and not /l/meetup-join/….",
            ))
        }
    };
    if !ours {
        return Err(wrong(&format!(
            "This is a meeting of {host}, another service."
        )));
    }
    Ok(way)
}

fn coordinates(url: &Url, thread: &str) -> Result<Way, ProtocolError> {
    let thread = decoded(thread).ok_or_else(|| wrong("The link's thread cannot be read."))?;
    if thread.starts_with("19:gcch:") || thread.starts_with("19:dod:") {
        return Err(Reason::GOVERNMENT_MEETING.error());
    }
    let name = thread.strip_prefix("19:").and_then(|rest| {
        [".v2", ".tacv2", ".skype"]
            .iter()
            .find_map(|kind| rest.strip_suffix(&format!("@thread{kind}")))
    });
    if !name.is_some_and(|name| !name.is_empty() && !name.contains(['/', '@'])) {
        return Err(wrong(
            "The link's thread is not of the form 19:…@thread.v2.",
        ));
    }
    let context = parameter(url, "context").ok_or_else(|| wrong("The link lacks its context."))?;
    let context: Value =
        serde_json::from_str(&context).map_err(|_| wrong("The link's context is no JSON."))?;
    if context
        .get("IsBroadcastMeeting")
        .is_some_and(|value| *value == Value::Bool(true))
    {
        return Err(Reason::LIVE_EVENT.error());
    }
    let text = |name: &str| {
        context
            .get(name)
            .and_then(Value::as_str)
            .filter(|text| !text.is_empty())
    };
    let (Some(_tenant), Some(organizer)) = (text("Tid"), text("Oid")) else {
        return Err(wrong("The link's context lacks Tid or Oid."));
    };
    Ok(Way::Coordinates {
        thread,
        organizer: organizer.to_owned(),
        secret: parameter(url, "p").filter(|secret| secret.len() <= 128),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(link: &str) -> Result<Way, ProtocolError> {
        way(&Locator::MeetingLink(link.to_owned()), |host| {
            host == "meet.example.org"
        })
    }

    fn sub_code(link: &str) -> u32 {
        read(link).expect_err(link).sub_code
    }

    #[test]
    fn b1_a_short_link_of_ours_is_read() {
        let expected = Way::Link {
            digits: "1234567890123".into(),
            secret: Some("Ab/+9".into()),
        };
        assert_eq!(
            read(" https://meet.example.org/meet/1234567890123?p=Ab%2F%2B9 \n"),
            Ok(expected.clone())
        );
        assert_eq!(
            read("https://MEET.example.org:8443/meet/1234567890123/?p=Ab%2F%2B9#x"),
            Ok(expected.clone())
        );
        let wrapped = "https://eur01.safelinks.protection.outlook.com/?url=https%3A%2F%2Fmeet.example.org%2Fmeet%2F1234567890123%3Fp%3DAb%252F%252B9&data=x";
        assert_eq!(read(wrapped), Ok(expected));
    }

    #[test]
    fn b1_a_long_link_of_ours_is_read() {
        let expected = Way::Coordinates {
            thread: "19:meeting_abc@thread.v2".into(),
            organizer: "oid".into(),
            secret: None,
        };
        let link = "https://meet.example.org/l/meetup-join/19%3ameeting_abc%40thread.v2/0?context=%7b%22Tid%22%3a%22tid%22%2c%22Oid%22%3a%22oid%22%7d";
        assert_eq!(read(link), Ok(expected.clone()));
        let launcher = "https://meet.example.org/dl/launcher/launcher.html?url=%2F_%23%2Fl%2Fmeetup-join%2F19%3ameeting_abc%40thread.v2%2F0%3Fcontext%3D%257b%2522Tid%2522%253a%2522tid%2522%252c%2522Oid%2522%253a%2522oid%2522%257d%26anon%3Dtrue&type=meetup-join";
        assert_eq!(read(launcher), Ok(expected));
    }

    #[test]
    fn b6_foreign_kinds_have_their_own_reasons() {
        assert_eq!(
            sub_code("https://teams.live.com/meet/9312345678901?p=x"),
            Reason::PERSONAL_MEETING.sub_code
        );
        assert_eq!(
            sub_code("https://gov.teams.microsoft.us/meet/123456789?p=x"),
            Reason::GOVERNMENT_MEETING.sub_code
        );
        let gov = "https://teams.microsoft.com/l/meetup-join/19%3agcch%3ameeting_ab%40thread.v2/0?context=%7b%22Tid%22%3a%22t%22%2c%22Oid%22%3a%22o%22%7d";
        assert_eq!(sub_code(gov), Reason::GOVERNMENT_MEETING.sub_code);
        let live = "https://teams.microsoft.com/l/meetup-join/19%3ameeting_ab%40thread.v2/0?context=%7b%22Tid%22%3a%22t%22%2c%22Oid%22%3a%22o%22%2c%22IsBroadcastMeeting%22%3atrue%7d";
        assert_eq!(sub_code(live), Reason::LIVE_EVENT.sub_code);
    }

    #[test]
    fn b1_what_is_no_link_of_ours_is_refused_and_the_message_says_why() {
        for (link, says) in [
            ("hello", "no link"),
            ("javascript:alert(1)", "https://"),
            (
                "https://meet.example.org.evil.test/meet/1234567890123?p=x",
                "not this service's",
            ),
            (
                "https://evil.test/?u=https://meet.example.org/meet/1234567890123",
                "not this service's",
            ),
            (
                "https://meet.example.org@evil.test/meet/1234567890123",
                "user before the host",
            ),
            (
                "https://teams.microsoft.com/meet/2414128301281?p=x",
                "another service",
            ),
            ("https://meet.example.org/meet/12x", "digits"),
            ("https://meet.example.org/other", "path"),
        ] {
            let error = read(link).expect_err(link);
            assert_eq!(error.sub_code, Reason::NOT_A_MEETING.sub_code, "{link}");
            assert!(error.message.contains(says), "{link}: {}", error.message);
        }
    }

    #[test]
    fn b1_a_typed_id_may_have_spaces() {
        let typed = |id: &str| {
            let locator = Locator::MeetingId {
                meeting_id: id.into(),
                passcode: Some(" aB3 ".into()),
            };
            way(&locator, |_| false)
        };
        let expected = Way::Typed {
            digits: "241412830128".into(),
            passcode: Some("aB3".into()),
        };
        assert_eq!(typed(" 241 412 830 128 "), Ok(expected));
        assert!(typed("12345678").is_err());
        assert!(typed("٢٤١٤١٢٨٣٠١٢٨").is_err());
    }

    proptest! {
        #[test]
        fn no_text_makes_the_parser_panic_or_accept_another_host(link in "\\PC{0,200}", host in "[a-z.]{1,30}") {
            let _ = read(&link);
            prop_assume!(host != "meet.example.org" && host.trim_end_matches('.') != "meet.example.org");
            let link = format!("https://{host}/meet/1234567890123?p=x");
            prop_assert!(read(&link).is_err());
        }

        #[test]
        fn digits_and_secret_survive_a_link(digits in "[1-9][0-9]{8,14}", secret in "[a-zA-Z0-9]{1,40}") {
            let way = read(&format!("https://meet.example.org/meet/{digits}?p={secret}"));
            prop_assert_eq!(way, Ok(Way::Link { digits, secret: Some(secret) }));
        }
    }
}
