//! Reading offers, and naming tracks in answers.
//!
//! Answers are str0m's, with the lines changed that say whose track is in a section (RFC 8830
//! msid, RFC 8445 needs none of it): str0m gives every sending section a random name and cannot
//! leave one idle.

use std::collections::HashMap;

use crate::engine::packets::dependency;

/// The kind of a section (RFC 8866 5.14).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    Audio,
    Video,
    Application,
}

/// What an offer says about one section.
#[derive(Debug, Clone)]
pub(crate) struct Section {
    pub mid: String,
    pub kind: Kind,
    /// The client sends here.
    pub sends: bool,
    /// The client receives here.
    pub receives: bool,
    /// The track's name in `a=msid`: the MediaStreamTrack's id in Chromium.
    pub track: Option<String>,
    /// Simulcast layers that the client sends (RFC 8853).
    pub rids: Vec<String>,
    /// Payload types, the preferred one first (RFC 3264 5.1).
    pub formats: Vec<String>,
    /// What they stand for, in small letters (RFC 8866 6.6).
    pub codecs: Vec<String>,
}

/// Why an offer is not read any further.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(crate) enum SdpError {
    #[error("the description is larger than {MAX_SDP} bytes")]
    TooLarge,
    #[error("the description has more than {MAX_SECTIONS} sections")]
    TooManySections,
    #[error("a section has no mid")]
    NoMid,
}

/// Sections of the largest meeting page: 12 audio and 49 video slots, with room to spare.
pub(crate) const MAX_SECTIONS: usize = 128;
/// A section takes about 3 KB in Chromium's offers.
pub(crate) const MAX_SDP: usize = 512 * 1024;

/// The sections of an offer, in order.
pub(crate) fn sections(sdp: &str) -> Result<Vec<Section>, SdpError> {
    if sdp.len() > MAX_SDP {
        return Err(SdpError::TooLarge);
    }
    let (_, media) = split(sdp);
    if media.len() > MAX_SECTIONS {
        return Err(SdpError::TooManySections);
    }
    media.iter().map(|lines| section(lines)).collect()
}

fn section(lines: &[&str]) -> Result<Section, SdpError> {
    let mut section = Section {
        mid: String::new(),
        kind: kind_of(lines[0]),
        sends: true,
        receives: true,
        track: None,
        rids: Vec::new(),
        formats: formats(lines[0]).map(str::to_owned).collect(),
        codecs: Vec::new(),
    };
    for line in lines {
        let Some(attribute) = line.strip_prefix("a=") else {
            continue;
        };
        match attribute {
            "sendonly" => section.receives = false,
            "recvonly" => section.sends = false,
            "inactive" => (section.sends, section.receives) = (false, false),
            _ => {}
        }
        if let Some(mid) = attribute.strip_prefix("mid:") {
            section.mid = mid.to_owned();
        } else if let Some(msid) = attribute.strip_prefix("msid:") {
            section.track = msid.split(' ').nth(1).map(str::to_owned);
        } else if let Some(map) = attribute.strip_prefix("rtpmap:") {
            let encoding = map.split(' ').nth(1).and_then(|e| e.split('/').next());
            section.codecs.extend(encoding.map(str::to_lowercase));
        } else if let Some(rid) = attribute.strip_prefix("rid:") {
            let mut words = rid.split(' ');
            if let (Some(id), Some("send")) = (words.next(), words.next()) {
                section.rids.push(id.to_owned());
            }
        }
    }
    if section.mid.is_empty() {
        return Err(SdpError::NoMid);
    }
    Ok(section)
}

/// The formats at the end of `m=<media> <port> <proto> <fmt> …`.
fn formats(media_line: &str) -> impl Iterator<Item = &str> {
    media_line.split(' ').skip(3)
}

fn kind_of(media_line: &str) -> Kind {
    if media_line.starts_with("m=audio") {
        Kind::Audio
    } else if media_line.starts_with("m=video") {
        Kind::Video
    } else {
        Kind::Application
    }
}

/// The session part's lines, and those of each section.
fn split(sdp: &str) -> (Vec<&str>, Vec<Vec<&str>>) {
    let mut session = Vec::new();
    let mut media: Vec<Vec<&str>> = Vec::new();
    for line in sdp.lines() {
        if line.starts_with("m=") {
            media.push(vec![line]);
        } else if let Some(last) = media.last_mut() {
            last.push(line);
        } else {
            session.push(line);
        }
    }
    (session, media)
}

/// Stream and track of a sending section.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Label {
    pub stream: String,
    pub track: String,
}

/// What a section of an answer is to prefer: a client sends the first format of the answer that it
/// has, and str0m answers in the order of its own configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Preference {
    /// The formats as offered, the client's preferred one first.
    pub formats: Vec<String>,
    /// The codec that the client announced for its track (`AddTrackRequest`), as in `a=rtpmap`. LiveKit's
    /// clients offer all they have in the browser's order and leave the choice to the answer.
    pub codec: Option<String>,
}

/// Give the named sections their labels, make the other sending ones idle, and order the formats.
pub(crate) fn relabel(
    sdp: &str,
    labels: &HashMap<String, Label>,
    preferences: &HashMap<String, Preference>,
) -> String {
    let (session, media) = split(sdp);
    let mut out = String::with_capacity(sdp.len() + media.len() * 64);
    for line in session {
        if !line.starts_with("a=msid-semantic") {
            push(&mut out, line);
        }
    }
    for mut lines in media {
        let mid = lines
            .iter()
            .find_map(|l| l.strip_prefix("a=mid:"))
            .unwrap_or_default();
        if kind_of(lines[0]) == Kind::Application {
            lines.iter().for_each(|l| push(&mut out, l));
        } else {
            let media_line = preferences.get(mid).map(|p| in_order(&lines, p));
            if let Some(line) = &media_line {
                lines[0] = line;
            }
            if preferences
                .get(mid)
                .is_some_and(|p| describes_in_vain(&lines, p))
            {
                lines.retain(|l| !l.ends_with(dependency::URI));
            }
            relabel_section(&mut out, &lines, labels.get(mid));
        }
    }
    out
}

/// Who sends another codec than AV1 needs no dependency descriptors: Chromium would write one into each
/// packet of VP8, too.
fn describes_in_vain(lines: &[&str], preference: &Preference) -> bool {
    let codec = preference.codec.as_ref();
    let sends = lines.contains(&"a=recvonly");
    sends && codec.is_some_and(|c| !c.eq_ignore_ascii_case("av1"))
}

/// The section's media line with its formats as preferred.
fn in_order(lines: &[&str], preference: &Preference) -> String {
    let is_preferred = |format: &str| {
        preference.codec.as_ref().is_some_and(|codec| {
            let start = format!("a=rtpmap:{format} ");
            let encoding = lines.iter().find_map(|l| l.strip_prefix(&start));
            encoding
                .and_then(|e| e.split('/').next())
                .is_some_and(|name| name.eq_ignore_ascii_case(codec))
        })
    };
    let mut ordered: Vec<&str> = formats(lines[0]).collect();
    ordered.sort_by_key(|f| {
        let offered = preference.formats.iter().position(|o| o == f);
        (!is_preferred(f), offered.unwrap_or(usize::MAX))
    });
    let head = lines[0].split(' ').take(3);
    head.chain(ordered).collect::<Vec<_>>().join(" ")
}

fn relabel_section(out: &mut String, lines: &[&str], label: Option<&Label>) {
    for line in lines {
        match (*line, label) {
            ("a=sendonly", None) => push(out, "a=inactive"),
            ("a=sendrecv", None) => push(out, "a=recvonly"),
            (line, None) if is_name(line) => {}
            (line, Some(label)) if line.starts_with("a=msid:") => {
                push(out, &format!("a=msid:{} {}", label.stream, label.track));
            }
            (line, Some(label)) if line.starts_with("a=ssrc:") => match line.split_once(" msid:") {
                Some((ssrc, _)) => push(
                    out,
                    &format!("{ssrc} msid:{} {}", label.stream, label.track),
                ),
                None => push(out, line),
            },
            (line, _) => push(out, line),
        }
    }
}

/// Lines that announce a stream: they go when the section is idle.
fn is_name(line: &str) -> bool {
    ["a=msid:", "a=ssrc:", "a=ssrc-group:"]
        .iter()
        .any(|p| line.starts_with(p))
}

fn push(out: &mut String, line: &str) {
    out.push_str(line);
    out.push_str("\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANSWER: &str = "v=0\r\na=msid-semantic:WMS *\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\n\
        a=mid:0\r\na=sendonly\r\na=msid:x y\r\na=ssrc:1 cname:c\r\na=ssrc:1 msid:x y\r\n\
        m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:1\r\na=sendonly\r\na=msid:x z\r\n\
        m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:2\r\n";

    #[test]
    fn a_filled_section_is_named_and_an_empty_one_idle() {
        let label = Label {
            stream: "PA_a|TR_b".to_owned(),
            track: "TR_b".to_owned(),
        };
        let text = relabel(
            ANSWER,
            &HashMap::from([("0".to_owned(), label)]),
            &HashMap::new(),
        );
        assert!(text.contains("a=mid:0\r\na=sendonly\r\na=msid:PA_a|TR_b TR_b\r\n"));
        assert!(text.contains("a=ssrc:1 msid:PA_a|TR_b TR_b\r\n"));
        assert!(text.contains("a=mid:1\r\na=inactive\r\nm=application"));
    }

    #[test]
    fn the_announced_codec_comes_first_then_the_order_of_the_offer() {
        let answer = "v=0\r\nm=video 9 x 96 97 103\r\na=mid:0\r\na=recvonly\r\n\
            a=rtpmap:96 VP8/90000\r\na=rtpmap:97 rtx/90000\r\na=rtpmap:103 H264/90000\r\n";
        for (codec, line) in [
            (None, "m=video 9 x 97 96 103"),
            (Some("h264"), "m=video 9 x 103 97 96"),
        ] {
            let preference = Preference {
                formats: ["97", "96", "103"].map(str::to_owned).to_vec(),
                codec: codec.map(str::to_owned),
            };
            let text = relabel(
                answer,
                &HashMap::new(),
                &HashMap::from([("0".to_owned(), preference)]),
            );
            assert!(text.contains(line), "{text}");
        }
    }

    #[test]
    fn only_av1_is_sent_with_dependency_descriptors() {
        let extension = format!("a=extmap:12 {}\r\n", dependency::URI);
        let answered = |codec: Option<&str>, direction: &str| {
            let answer =
                format!("v=0\r\nm=video 9 x 96\r\na=mid:0\r\n{extension}a={direction}\r\n");
            let preference = Preference {
                formats: vec!["96".to_owned()],
                codec: codec.map(str::to_owned),
            };
            let preferences = HashMap::from([("0".to_owned(), preference)]);
            let text = relabel(&answer, &HashMap::new(), &preferences);
            text.contains(&extension)
        };
        assert!(answered(Some("AV1"), "recvonly"));
        assert!(!answered(Some("VP8"), "recvonly"));
        // Of what the client receives, and of what it will send, nothing is known yet.
        assert!(answered(None, "sendonly"));
        assert!(answered(None, "recvonly"));
    }

    #[test]
    fn an_offer_is_read() {
        let offer = "v=0\r\nm=video 9 x\r\na=mid:v\r\na=sendonly\r\na=msid:- cam\r\n\
            a=rid:q send\r\na=rid:f send\r\na=rtpmap:96 VP8/90000\r\nm=audio 9 x\r\na=mid:a\r\na=recvonly\r\n";
        let read = sections(offer).expect("a valid offer");
        assert_eq!(read[0].track.as_deref(), Some("cam"));
        assert_eq!(read[0].rids, ["q", "f"]);
        assert_eq!(read[0].codecs, ["vp8"]);
        assert!(read[0].sends && !read[0].receives);
        assert!(!read[1].sends && read[1].receives);
        assert_eq!(
            sections("m=audio 9 x\r\n").expect_err("no mid"),
            SdpError::NoMid
        );
    }
}
