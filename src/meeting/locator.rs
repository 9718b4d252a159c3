//! Early, clear errors for locators that cannot be one (`B1`, `B6`); the service decides the rest.

use super::Refused;
use plenary_protocol::agent::Locator;
use plenary_protocol::end::Reason;

/// Refuses what no service could know: no web address, no digits.
pub fn check_locator(locator: &Locator) -> Result<(), Refused> {
    match locator {
        Locator::MeetingLink(link) => check_link(link.trim()),
        Locator::MeetingId { meeting_id, .. } => {
            let digits = meeting_id
                .chars()
                .filter(|c| !c.is_whitespace())
                .all(|c| c.is_ascii_digit());
            if digits && !meeting_id.trim().is_empty() {
                Ok(())
            } else {
                Err(Refused::saying(
                    Reason::NOT_A_MEETING,
                    "A meeting id has digits only; spaces between them are fine.",
                ))
            }
        }
    }
}

fn check_link(link: &str) -> Result<(), Refused> {
    let rest = link
        .strip_prefix("https://")
        .or_else(|| link.strip_prefix("http://"));
    let host = rest
        .and_then(|rest| rest.split(['/', '?', '#']).next())
        .unwrap_or_default();
    if host.is_empty() || link.contains(char::is_whitespace) {
        return Err(Reason::NOT_A_MEETING.into());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(text: &str) -> Result<(), Refused> {
        check_locator(&Locator::MeetingLink(text.to_owned()))
    }

    fn id(text: &str) -> Result<(), Refused> {
        check_locator(&Locator::MeetingId {
            meeting_id: text.to_owned(),
            passcode: None,
        })
    }

    #[test]
    fn a_copied_link_passes() {
        assert_eq!(
            link("https://meet.example/l/meetup-join/19%3ameeting_x%40thread.v2/0?context=%7b%7d"),
            Ok(())
        );
        assert_eq!(link(" http://localhost:8080/meet/1 "), Ok(()));
    }

    #[test]
    fn what_is_no_web_address_is_refused_at_once() {
        for text in [
            "",
            "meeting",
            "ftp://x/y",
            "https://",
            "https:///x",
            "https://a b/c",
        ] {
            assert_eq!(link(text).map_err(|e| e.sub_code), Err(59010), "{text}");
        }
    }

    #[test]
    fn a_meeting_id_has_digits_and_perhaps_spaces() {
        assert_eq!(id("123 456 789 012"), Ok(()));
        for text in ["", "   ", "12a", "-1"] {
            assert_eq!(id(text).map_err(|e| e.sub_code), Err(59010), "{text}");
        }
    }
}
