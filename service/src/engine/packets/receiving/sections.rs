//! Which section and layer a stream belongs to, as far as offer and answer say it and packets add
//! to it (RFC 8843 9.2, RFC 8852).

use str0m::media::{Mid, Rid};

use super::header::{ExtensionIds, Header};

/// Payload types have seven bits.
const PAYLOAD_TYPES: usize = 128;

/// What a payload type stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Format {
    /// Its own, or that of what it repairs.
    pub media: u8,
    /// Packets that are sent again (RFC 4588).
    pub repair: bool,
    pub clock_rate: u32,
    /// The client answers requests for lost packets.
    pub nack: bool,
}

/// A section of offer and answer.
#[derive(Debug, Clone)]
pub(crate) struct Section {
    pub mid: Mid,
    /// The client may send in it. If that changes, what is known of its streams stays true: browsers
    /// do not tell it again.
    pub receives: bool,
    /// Without simulcast none.
    pub rids: Vec<Rid>,
    /// Streams that the offer names, and those that repair them.
    pub offered: Vec<(u32, Option<u32>)>,
    pub payload_types: Vec<u8>,
}

/// What client and engine agreed on.
#[derive(Debug, Clone)]
pub(crate) struct Negotiation {
    pub ids: ExtensionIds,
    pub sections: Vec<Section>,
    formats: [Option<Format>; PAYLOAD_TYPES],
    /// The client wants to know when its packets arrived.
    pub transport_feedback: bool,
}

impl Default for Negotiation {
    fn default() -> Self {
        Self {
            ids: ExtensionIds::default(),
            sections: Vec::new(),
            formats: [None; PAYLOAD_TYPES],
            transport_feedback: false,
        }
    }
}

/// A section's stream: one, or one for each layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub mid: Mid,
    pub rid: Option<Rid>,
}

/// What a stream is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    Media(Place),
    /// Repairs whatever stream is at this place.
    RepairAt(Place),
    /// Repairs the stream with this SSRC.
    RepairOf(u32),
}

impl Negotiation {
    pub fn set_format(&mut self, payload_type: u8, format: Format) {
        if let Some(slot) = self.formats.get_mut(usize::from(payload_type)) {
            *slot = Some(format);
        }
    }

    pub(super) fn format(&self, payload_type: u8) -> Option<Format> {
        *self.formats.get(usize::from(payload_type))?
    }

    /// Whether there is still such a place.
    pub(super) fn has(&self, place: &Place) -> bool {
        let section = self.sections.iter().find(|s| s.mid == place.mid);
        section.is_some_and(|section| match place.rid {
            Some(rid) => section.rids.contains(&rid),
            None => section.rids.is_empty(),
        })
    }

    /// What an authenticated packet's stream is for. What the packet itself says comes first, then
    /// what the offer says, then its payload type where that leaves no choice.
    pub(super) fn purpose(&self, header: &Header<'_>, format: Format) -> Option<Purpose> {
        let mut sections = self.sections.iter().filter(|s| s.receives);
        if let Some(mid) = header.extensions.mid {
            let section = sections.find(|s| s.mid.as_bytes() == mid)?;
            return section.purpose(header, format);
        }
        let offered = sections.clone().find_map(|s| s.offers(header.ssrc));
        if let Some(purpose) = offered {
            return Some(purpose);
        }
        let takes = |s: &&Section| s.payload_types.contains(&header.payload_type);
        let mut sections = sections.filter(takes);
        match (sections.next(), sections.next()) {
            (Some(only), None) => only.purpose(header, format),
            _ => None,
        }
    }

    /// Whether a packet says that its stream is for another place than this.
    pub(super) fn moves(&self, header: &Header<'_>, from: &Place) -> bool {
        let extensions = &header.extensions;
        let other = |said: Option<&[u8]>, known: &[u8]| said.is_some_and(|said| said != known);
        let rid = from.rid.as_ref().map(|rid| rid.as_bytes());
        other(extensions.mid, from.mid.as_bytes())
            || rid.is_some_and(|rid| other(extensions.rid, rid))
    }
}

impl Section {
    fn purpose(&self, header: &Header<'_>, format: Format) -> Option<Purpose> {
        let (rid, repaired) = (header.extensions.rid, header.extensions.repaired_rid);
        let repair = format.repair || repaired.is_some();
        let rid = match self.rids.is_empty() {
            true => None,
            false => {
                let said = repaired.or(rid)?;
                Some(*self.rids.iter().find(|r| r.as_bytes() == said)?)
            }
        };
        let place = Place { mid: self.mid, rid };
        Some(match repair {
            true => Purpose::RepairAt(place),
            false => Purpose::Media(place),
        })
    }

    fn offers(&self, ssrc: u32) -> Option<Purpose> {
        self.offered.iter().find_map(|(media, repair)| {
            if *media == ssrc {
                let (mid, rid) = (self.mid, None);
                Some(Purpose::Media(Place { mid, rid }))
            } else if *repair == Some(ssrc) {
                Some(Purpose::RepairOf(*media))
            } else {
                None
            }
        })
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::header::{tests::ids, Extensions};
    use super::*;

    pub(in super::super) const OPUS: u8 = 111;
    pub(in super::super) const VP8: u8 = 96;
    pub(in super::super) const RTX: u8 = 97;

    /// Sound, a camera with two layers, a screen whose streams the offer names.
    pub(in super::super) fn negotiation() -> Negotiation {
        let section = |mid, rids: &[&str], offered, payload_types: &[u8]| Section {
            mid: Mid::from(mid),
            receives: true,
            rids: rids.iter().map(|rid| Rid::from(*rid)).collect(),
            offered,
            payload_types: payload_types.to_vec(),
        };
        let mut negotiation = Negotiation {
            ids: ids(),
            sections: vec![
                section("0", &[], vec![], &[OPUS]),
                section("1", &["q", "h"], vec![], &[VP8, RTX]),
                section("2", &[], vec![(300, Some(301))], &[VP8, RTX]),
            ],
            transport_feedback: true,
            ..Default::default()
        };
        for (payload_type, media, clock_rate) in
            [(OPUS, OPUS, 48_000), (VP8, VP8, 90_000), (RTX, VP8, 90_000)]
        {
            let format = Format {
                media,
                repair: payload_type != media,
                clock_rate,
                nack: clock_rate == 90_000,
            };
            negotiation.set_format(payload_type, format);
        }
        negotiation
    }

    fn header(payload_type: u8, ssrc: u32, extensions: Extensions<'static>) -> Header<'static> {
        Header {
            marker: false,
            padded: false,
            payload_type,
            seq: 1,
            time: 0,
            ssrc,
            length: 12,
            extensions,
        }
    }

    fn purpose(payload_type: u8, ssrc: u32, said: [Option<&'static str>; 3]) -> Option<Purpose> {
        let negotiation = negotiation();
        let [mid, rid, repaired_rid] = said.map(|s| s.map(str::as_bytes));
        let extensions = Extensions {
            mid,
            rid,
            repaired_rid,
            ..Default::default()
        };
        let format = negotiation.format(payload_type)?;
        negotiation.purpose(&header(payload_type, ssrc, extensions), format)
    }

    fn place(mid: &str, rid: Option<&str>) -> Place {
        Place {
            mid: Mid::from(mid),
            rid: rid.map(Rid::from),
        }
    }

    #[test]
    fn a_packet_names_its_place() {
        let media = |mid, rid| Some(Purpose::Media(place(mid, rid)));
        let repair = |mid, rid| Some(Purpose::RepairAt(place(mid, rid)));
        assert_eq!(purpose(OPUS, 1, [Some("0"), None, None]), media("0", None));
        let said = [Some("1"), Some("h"), None];
        assert_eq!(purpose(VP8, 1, said), media("1", Some("h")));
        let said = [Some("1"), None, Some("q")];
        assert_eq!(purpose(RTX, 1, said), repair("1", Some("q")));
        assert_eq!(purpose(RTX, 1, [Some("2"), None, None]), repair("2", None));
        // It counts more than the offer.
        assert_eq!(
            purpose(OPUS, 300, [Some("0"), None, None]),
            media("0", None)
        );
    }

    #[test]
    fn a_section_of_the_other_way_has_no_streams() {
        let mut negotiation = negotiation();
        let format = negotiation.format(VP8).expect("a format");
        let header = header(VP8, 7, Extensions::default());
        assert_eq!(negotiation.purpose(&header, format), None);
        negotiation.sections[1].receives = false;
        let screen = Purpose::Media(place("2", None));
        assert_eq!(negotiation.purpose(&header, format), Some(screen));
        assert!(
            negotiation.has(&place("1", Some("q"))),
            "it is known, though"
        );
    }

    #[test]
    fn what_was_not_agreed_on_has_no_place() {
        assert_eq!(purpose(VP8, 1, [Some("9"), None, None]), None);
        assert_eq!(purpose(VP8, 1, [Some("1"), Some("f"), None]), None);
        assert_eq!(
            purpose(VP8, 1, [Some("1"), None, None]),
            None,
            "which layer?"
        );
        assert_eq!(purpose(33, 1, [Some("1"), Some("q"), None]), None);
    }

    #[test]
    fn the_offer_or_the_payload_type_says_it_else() {
        let screen = place("2", None);
        assert_eq!(purpose(VP8, 300, [None; 3]), Some(Purpose::Media(screen)));
        assert_eq!(purpose(RTX, 301, [None; 3]), Some(Purpose::RepairOf(300)));
        let sound = place("0", None);
        assert_eq!(purpose(OPUS, 7, [None; 3]), Some(Purpose::Media(sound)));
        assert_eq!(purpose(VP8, 7, [None; 3]), None, "two sections take it");
    }
}
