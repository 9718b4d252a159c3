//! The streams that a client is told of: str0m's descriptions, with SSRCs of ours.
//!
//! str0m makes a stream for each section in which it may send, and says so in its descriptions
//! (RFC 5576). These are taken out of its books again, or it would send reports about them; and
//! out of the text, for clients expect what they were told.

use str0m::media::Mid;
use str0m::Rtc;

/// A sending section.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Section {
    pub mid: Mid,
    /// For the section's whole life.
    pub ssrc: u32,
    /// Of retransmissions, where the client takes them.
    pub rtx: Option<u32>,
}

/// A session's sending sections, and who reports on what it receives.
#[derive(Debug, Default)]
pub(crate) struct Sections {
    list: Vec<Section>,
    reporter: Option<u32>,
}

impl Sections {
    pub fn get(&self, mid: Mid) -> Option<&Section> {
        self.list.iter().find(|s| s.mid == mid)
    }

    /// Whether an SSRC is one of ours.
    pub fn has(&self, ssrc: u32) -> bool {
        let sends = |s: &Section| s.ssrc == ssrc || s.rtx == Some(ssrc);
        self.reporter == Some(ssrc) || self.list.iter().any(sends)
    }

    /// The SSRC of what is said about received streams.
    pub fn reporter(&mut self, rtc: &mut Rtc) -> u32 {
        let ssrc = self.reporter.unwrap_or_else(|| self.unused(rtc, 0));
        *self.reporter.insert(ssrc)
    }

    /// Put our SSRCs into a description of str0m's.
    pub fn name(&mut self, rtc: &mut Rtc, sdp: &str) -> String {
        let mut out = String::with_capacity(sdp.len() + 1024);
        let mut lines = sdp.lines().peekable();
        while let Some(line) = lines.next() {
            push(&mut out, line);
            if !line.starts_with("m=audio") && !line.starts_with("m=video") {
                continue;
            }
            let mut text = SectionText::default();
            while let Some(line) = lines.next_if(|l| !l.starts_with("m=")) {
                if text.read(line) {
                    push(&mut out, line);
                }
            }
            if let Some(section) = self.of(rtc, &text) {
                // One that was struck is in str0m's memory, but not in its text.
                let known = rtc.media(section.mid).map(str0m::media::Media::cname);
                text.write(section, text.cname.or(known).unwrap_or_default(), &mut out);
            }
        }
        out
    }

    /// The streams of a section that sends, or did.
    fn of(&mut self, rtc: &mut Rtc, text: &SectionText<'_>) -> Option<Section> {
        let mid = Mid::from(text.mid?);
        if let Some(known) = self.get(mid) {
            return Some(*known);
        }
        if !text.sends {
            return None;
        }
        let ssrc = self.unused(rtc, 0);
        let section = Section {
            mid,
            ssrc,
            rtx: text.rtx.then(|| self.unused(rtc, ssrc)),
        };
        self.list.push(section);
        Some(section)
    }

    /// One that neither str0m nor anybody else in the session has.
    fn unused(&self, rtc: &mut Rtc, but: u32) -> u32 {
        loop {
            let ssrc = *rtc.direct_api().new_ssrc();
            if ssrc != but && !self.has(ssrc) {
                return ssrc;
            }
        }
    }

    /// Take the sending streams out of str0m's books, which makes them anew with each description.
    pub fn strike(&self, rtc: &mut Rtc) {
        for section in &self.list {
            let mut api = rtc.direct_api();
            let stream = api.stream_tx_by_mid(section.mid, None).map(|s| s.ssrc());
            if let Some(ssrc) = stream {
                api.remove_stream_tx(ssrc);
            }
        }
    }
}

/// What a section of a description says about its streams.
#[derive(Debug, Default)]
struct SectionText<'a> {
    mid: Option<&'a str>,
    sends: bool,
    rtx: bool,
    stream: Option<&'a str>,
    cname: Option<&'a str>,
}

impl<'a> SectionText<'a> {
    /// Take note of a line; false if it is about streams of str0m's.
    fn read(&mut self, line: &'a str) -> bool {
        if let Some(mid) = line.strip_prefix("a=mid:") {
            self.mid = Some(mid);
        } else if let Some(msid) = line.strip_prefix("a=msid:") {
            self.stream = Some(msid);
        } else if let Some(ssrc) = line.strip_prefix("a=ssrc:") {
            if let Some((_, cname)) = ssrc.split_once(" cname:") {
                self.cname = Some(cname);
            }
            return false;
        } else if line.starts_with("a=ssrc-group:") {
            self.rtx |= line.starts_with("a=ssrc-group:FID ");
            return false;
        }
        self.sends |= line == "a=sendonly" || line == "a=sendrecv";
        true
    }

    fn write(&self, section: Section, cname: &str, out: &mut String) {
        for ssrc in [Some(section.ssrc), section.rtx].into_iter().flatten() {
            push(out, &format!("a=ssrc:{ssrc} cname:{cname}"));
            if let Some(stream) = self.stream {
                push(out, &format!("a=ssrc:{ssrc} msid:{stream}"));
            }
        }
        if let Some(rtx) = section.rtx {
            push(out, &format!("a=ssrc-group:FID {} {rtx}", section.ssrc));
        }
    }
}

fn push(out: &mut String, line: &str) {
    out.push_str(line);
    out.push_str("\r\n");
}

#[cfg(test)]
#[allow(clippy::disallowed_methods)] // any time is good to begin a test with
mod tests {
    use std::time::Instant;

    use str0m::change::{SdpAnswer, SdpOffer};
    use str0m::media::{Direction, MediaKind};

    use super::*;

    /// The SSRCs that a description names, in order.
    fn named(sdp: &str) -> Vec<u32> {
        let lines = sdp.lines().filter_map(|l| l.strip_prefix("a=ssrc:"));
        let cnames = lines.filter_map(|l| l.split_once(" cname:"));
        cnames.filter_map(|(ssrc, _)| ssrc.parse().ok()).collect()
    }

    #[test]
    fn clients_are_told_of_our_streams_for_life_and_str0m_has_none() {
        let now = Instant::now();
        let (mut rtc, mut client) = (Rtc::new(now), Rtc::new(now));
        let mut sections = Sections::default();
        let mut round = |client: &mut Rtc| {
            let mut change = client.sdp_api();
            for kind in [MediaKind::Audio, MediaKind::Video] {
                change.add_media(kind, Direction::RecvOnly, None, None, None);
            }
            let (offer, pending) = change.apply().expect("something to offer");
            let answer = rtc.sdp_api().accept_offer(offer).expect("an answer");
            let text = answer.to_sdp_string();
            let told = sections.name(&mut rtc, &text);
            sections.strike(&mut rtc);
            for section in &sections.list {
                let mut api = rtc.direct_api();
                assert!(api.stream_tx_by_mid(section.mid, None).is_none());
            }
            assert!(named(&told).iter().all(|ssrc| !named(&text).contains(ssrc)));
            assert!(named(&told).iter().all(|ssrc| sections.has(*ssrc)));
            let answer = SdpAnswer::from_sdp_string(&told).expect("a description");
            let accepted = client.sdp_api().accept_answer(pending, answer);
            accepted.expect("an acceptable answer");
            told
        };
        let first = round(&mut client);
        // Sound, picture, and the picture's retransmissions.
        assert_eq!(named(&first).len(), 3);
        assert_eq!(first.matches("a=ssrc-group:FID ").count(), 1);
        let second = round(&mut client);
        assert_eq!(named(&second)[..3], named(&first)[..], "for life");
        assert_eq!(named(&second).len(), 6);
    }

    #[test]
    fn our_offers_name_streams_that_str0m_was_made_to_forget() {
        let now = Instant::now();
        let (mut rtc, mut client) = (Rtc::new(now), Rtc::new(now));
        let mut sections = Sections::default();
        let mut round = || {
            let mut change = rtc.sdp_api();
            change.add_media(MediaKind::Video, Direction::SendOnly, None, None, None);
            let (offer, pending) = change.apply().expect("something to offer");
            let told = sections.name(&mut rtc, &offer.to_sdp_string());
            let theirs = SdpOffer::from_sdp_string(&told).expect("an offer");
            let answer = client.sdp_api().accept_offer(theirs).expect("an answer");
            let accepted = rtc.sdp_api().accept_answer(pending, answer);
            accepted.expect("an acceptable answer");
            sections.strike(&mut rtc);
            told
        };
        let first = round();
        let second = round();
        assert_eq!(named(&first).len(), 2);
        assert_eq!(named(&second)[..2], named(&first)[..]);
        let name = |sdp: &str| {
            let line = sdp.lines().find(|l| l.contains(" cname:"));
            line.map(str::to_owned)
        };
        assert!(name(&first).is_some());
        assert_eq!(name(&second), name(&first), "also by its name");
        assert!(second.matches(" msid:").count() >= 4);
    }
}
