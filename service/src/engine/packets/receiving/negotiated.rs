//! What was agreed on, as str0m's books and the client's own description have it.

use str0m::format::PayloadParams;
use str0m::media::{Media, Mid, Rids};
use str0m::Rtc;

use super::sections::{Format, Negotiation, Section};

/// Read it after an offer or answer of the client's was accepted. str0m's receiving streams are
/// taken out of its books, where a description puts them anew: it gets no packets, and would report
/// on streams that it has not heard.
pub(crate) fn negotiated(rtc: &mut Rtc, theirs: &str) -> Negotiation {
    let mids: Vec<Mid> = theirs
        .lines()
        .filter_map(|l| l.strip_prefix("a=mid:"))
        .map(Mid::from)
        .collect();
    let mut negotiation = Negotiation::default();
    for mid in mids {
        let offered = strike(rtc, mid);
        let Some(media) = rtc.media(mid) else {
            continue;
        };
        for (id, extension) in media.remote_extmap().iter() {
            negotiation.ids.set(id, extension.as_uri());
        }
        negotiation.sections.push(section(rtc, media, offered));
    }
    let wants = |feedback: &str| has_feedback(theirs, "*", feedback);
    negotiation.transport_feedback = negotiation.ids.number_the_transport()
        && (theirs.lines().filter_map(feedback)).any(|(_, what)| what == "transport-cc");
    for params in rtc.codec_config().params() {
        let asked = params.fb_nack()
            && (wants("nack") || has_feedback(theirs, &params.pt().to_string(), "nack"));
        set_formats(&mut negotiation, params, asked);
    }
    negotiation
}

/// Take a section's receiving streams out of str0m's books: those that the description named.
fn strike(rtc: &mut Rtc, mid: Mid) -> Vec<(u32, Option<u32>)> {
    let mut api = rtc.direct_api();
    let mut offered = Vec::new();
    while let Some(stream) = api.stream_rx_by_mid(mid, None) {
        let (ssrc, rtx) = (stream.ssrc(), stream.rtx());
        offered.push((*ssrc, rtx.map(|s| *s)));
        api.remove_stream_rx(ssrc);
    }
    offered
}

fn section(rtc: &Rtc, media: &Media, offered: Vec<(u32, Option<u32>)>) -> Section {
    let config = rtc.codec_config();
    let types = |params: &PayloadParams| {
        let all = [Some(params.pt()), params.resend(), params.red()];
        all.into_iter().flatten().map(|pt| *pt)
    };
    let taken = |params: &&PayloadParams| media.remote_pts().contains(&params.pt());
    Section {
        mid: media.mid(),
        receives: media.direction().is_receiving(),
        rids: match media.rids_rx() {
            Rids::Specific(rids) => rids.clone(),
            Rids::None | Rids::Any => Vec::new(),
        },
        offered,
        payload_types: (config.params().iter().filter(taken))
            .flat_map(types)
            .collect(),
    }
}

fn set_formats(negotiation: &mut Negotiation, params: &PayloadParams, nack: bool) {
    let media = *params.pt();
    let format = Format {
        media,
        repair: false,
        clock_rate: params.spec().clock_rate.get(),
        nack,
    };
    negotiation.set_format(media, format);
    if let Some(resend) = params.resend() {
        let repair = true;
        negotiation.set_format(*resend, Format { repair, ..format });
    }
    if let Some(red) = params.red() {
        let media = *red;
        negotiation.set_format(media, Format { media, ..format });
    }
}

/// The payload type, or `*` for all, and the feedback that is wanted for it (RFC 4585 4.2).
fn feedback(line: &str) -> Option<(&str, &str)> {
    line.strip_prefix("a=rtcp-fb:")?.split_once(' ')
}

fn has_feedback(sdp: &str, payload_type: &str, what: &str) -> bool {
    sdp.lines()
        .any(|line| feedback(line) == Some((payload_type, what)))
}

#[cfg(test)]
#[allow(clippy::disallowed_methods)] // any time is good to begin a test with
mod tests {
    use std::time::Instant;

    use str0m::change::SdpOffer;

    use super::*;

    /// As Chromium offers sound, a camera with layers and a screen whose streams are named.
    const OFFER: &str = include_str!("testdata/offer.sdp");

    fn agree(offer: &str) -> (Rtc, Negotiation) {
        let mut rtc = Rtc::builder()
            .set_rtp_mode(true)
            .clear_codecs()
            .enable_opus(true, false)
            .enable_vp8(true)
            .build(Instant::now());
        let parsed = SdpOffer::from_sdp_string(offer).expect("an offer");
        rtc.sdp_api().accept_offer(parsed).expect("an answer");
        let negotiation = negotiated(&mut rtc, offer);
        (rtc, negotiation)
    }

    #[test]
    fn an_offer_tells_sections_and_formats() {
        let (mut rtc, negotiation) = agree(OFFER);
        let sections = &negotiation.sections;
        let mids: Vec<&str> = sections.iter().map(|s| &*s.mid).collect();
        assert_eq!(mids, ["0", "1", "2", "3"]);
        let receives: Vec<bool> = sections.iter().map(|s| s.receives).collect();
        assert_eq!(receives, [true, true, true, false]);
        let rids: Vec<&str> = sections[1].rids.iter().map(|r| &**r).collect();
        assert_eq!(rids, ["q", "h"]);
        assert_eq!(sections[2].offered, [(300, Some(301))]);
        assert_eq!(sections[1].payload_types, [96, 97]);
        let format = |payload_type| negotiation.format(payload_type).expect("a format");
        assert!(!format(111).nack && format(96).nack && format(97).nack);
        assert_eq!((format(97).media, format(97).repair), (96, true));
        assert_eq!(
            (format(111).clock_rate, format(96).clock_rate),
            (48_000, 90_000)
        );
        assert!(negotiation.transport_feedback);
        // str0m has nobody left to report on.
        assert!(rtc.direct_api().stream_rx(&300.into()).is_none());
    }

    #[test]
    fn what_the_client_does_not_want_is_not_told() {
        let plain = OFFER.replace("a=rtcp-fb:96 nack\n", "");
        assert_ne!(plain, OFFER);
        let (_, negotiation) = agree(&plain.replace("transport-cc\n", "goog-remb\n"));
        assert!(!negotiation.format(96).expect("a format").nack);
        assert!(!negotiation.transport_feedback);
    }
}
