//! A session's receiving half: its streams, and what is due to be told about them.
//!
//! In two steps, since nothing may change before a packet is authenticated: [`Receiver::number`]
//! says which index a packet is to be decrypted with, [`Receiver::authentic`] takes what came of it.

use std::time::{Duration, Instant};

use super::arrivals::Arrivals;
use super::compounds::Compounds;
use super::header::{ExtensionIds, Header};
use super::reception::Loss;
use super::sections::{Format, Negotiation, Place, Purpose};
use super::stream::{Media, Role, Stream};
use crate::engine::packets::rtcp::SenderInfo;

/// Streams remembered, for their numbers: a camera with three layers has six. Of a client that uses
/// up more the longest silent are forgotten.
const MOST_STREAMS: usize = 128;
/// How often senders are told how their streams arrive.
const REPORTS: Duration = Duration::from_secs(1);
/// A stream that another one replaced takes its place back after so long a silence of that; sooner
/// it is only late.
const SILENCE: Duration = Duration::from_millis(500);
/// libwebrtc's probes before any media; only their arrival is of use.
const PROBE: u32 = 0;

/// A packet that is new: as it was sent at first, if it was sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Arrival<'p> {
    pub place: Place,
    pub ssrc: u32,
    /// Its sequence number without wraps.
    pub number: u64,
    pub payload_type: u8,
    pub payload: &'p [u8],
    /// The sender's last report on the stream.
    pub report: Option<SenderInfo>,
}

#[derive(Debug)]
pub(crate) struct Receiver {
    /// Of our own RTCP, and the name it goes by.
    ssrc: u32,
    name: Box<str>,
    negotiation: Negotiation,
    streams: Vec<Stream>,
    arrivals: Arrivals,
    /// A stream with numbers for the whole transport.
    numbered: u32,
    /// When the streams are reported on next; none without news.
    report_due: Option<Instant>,
    /// When lost packets are asked for next, at the latest.
    missing_due: Option<Instant>,
    /// Since when key frames are to be asked for.
    keyframes_due: Option<Instant>,
    loss: Loss,
    /// Used again and again.
    numbers: Vec<u16>,
}

impl Receiver {
    /// `ssrc` must be nobody else's in the session: with RTCP's count of packets it makes the nonce.
    pub fn new(ssrc: u32, now: Instant) -> Self {
        Self {
            ssrc,
            // A name that tells nothing but this session (RFC 7022).
            name: format!("{ssrc:08x}").into(),
            negotiation: Negotiation::default(),
            streams: Vec::new(),
            arrivals: Arrivals::new(now),
            numbered: PROBE,
            report_due: None,
            missing_due: None,
            keyframes_due: None,
            loss: Loss::default(),
            numbers: Vec::new(),
        }
    }

    /// Offer and answer changed what was agreed on. Streams keep their numbers.
    pub fn renegotiated(&mut self, negotiation: Negotiation) {
        for stream in &mut self.streams {
            if let Role::Media(media) = &stream.role {
                if !negotiation.has(&media.place) {
                    stream.role = Role::Unknown;
                }
            }
        }
        self.negotiation = negotiation;
    }

    pub fn ids(&self) -> &ExtensionIds {
        &self.negotiation.ids
    }

    /// The number of a packet that claims to be of this stream; `None` if it was there already, or
    /// is too old to know.
    pub fn number(&self, header: &Header<'_>) -> Option<u64> {
        match self.streams.iter().find(|s| s.ssrc == header.ssrc) {
            None => Some(u64::from(header.seq)),
            Some(stream) => {
                let number = stream.window.extend(header.seq)?;
                stream.window.is_new(number).then_some(number)
            }
        }
    }

    /// Take a packet that was authenticated under the number that [`Self::number`] gave, with its
    /// decrypted payload.
    pub fn authentic<'p>(
        &mut self,
        header: &Header<'_>,
        number: u64,
        payload: &'p [u8],
        now: Instant,
    ) -> Option<Arrival<'p>> {
        let at = self.stream(header.ssrc, now);
        let stream = &mut self.streams[at];
        if !stream.window.take(number) {
            return None;
        }
        stream.heard = now;
        self.note_arrival(header, now);
        if header.ssrc == PROBE {
            return None;
        }
        let payload = header.unpadded(payload)?;
        let format = self.negotiation.format(header.payload_type)?;
        self.assign(at, header, format, now);
        let stream = &mut self.streams[at];
        let role = match &stream.role {
            Role::Unknown => return None,
            Role::Media(_) => None,
            Role::Repair(of) => Some(*of),
        };
        stream
            .reception
            .arrived(number, header.time, format.clock_rate, now);
        self.report_due.get_or_insert(now + REPORTS);
        match role {
            None => self.original(at, number, payload, header, format, now),
            Some(of) => self.repair(of, payload, format, now),
        }
    }

    /// Congestion control counts every packet, whatever it holds.
    fn note_arrival(&mut self, header: &Header<'_>, now: Instant) {
        if !self.negotiation.transport_feedback {
            return;
        }
        if let Some(number) = header.extensions.transport_seq {
            self.arrivals.arrived(number, now);
            // libwebrtc takes feedback about streams that it knows.
            if header.ssrc != PROBE {
                self.numbered = header.ssrc;
            }
        }
    }

    /// The place of a stream in the list, where it is put if it is new.
    fn stream(&mut self, ssrc: u32, now: Instant) -> usize {
        if let Some(at) = self.streams.iter().position(|s| s.ssrc == ssrc) {
            return at;
        }
        if self.streams.len() >= MOST_STREAMS {
            let heard = |(_, stream): &(usize, &Stream)| stream.heard;
            let oldest = self.streams.iter().enumerate().min_by_key(heard);
            if let Some((oldest, _)) = oldest {
                self.streams.swap_remove(oldest);
            }
        }
        self.streams.push(Stream::new(ssrc, now));
        self.streams.len() - 1
    }

    /// See to it that a stream has its role.
    fn assign(&mut self, at: usize, header: &Header<'_>, format: Format, now: Instant) {
        match &self.streams[at].role {
            Role::Repair(_) => return,
            Role::Media(media) if self.negotiation.moves(header, &media.place) => {
                self.streams[at].role = Role::Unknown;
            }
            Role::Media(media) => {
                let (place, current) = (media.place, media.current);
                if !current && self.is_silent(&place, now) {
                    self.take_place(at, place);
                }
                return;
            }
            Role::Unknown => {}
        }
        match self.negotiation.purpose(header, format) {
            None => {}
            Some(Purpose::Media(place)) => {
                self.streams[at].role = Role::Media(Box::new(Media::at(place)));
                self.take_place(at, place);
            }
            Some(Purpose::RepairOf(ssrc)) => self.streams[at].role = Role::Repair(ssrc),
            Some(Purpose::RepairAt(place)) => {
                if let Some(current) = self.current(&place) {
                    let ssrc = self.streams[current].ssrc;
                    self.streams[at].role = Role::Repair(ssrc);
                }
            }
        }
    }

    /// The stream that is at a place.
    fn current(&self, place: &Place) -> Option<usize> {
        let is_there = |media: &Media| media.current && media.place == *place;
        self.streams
            .iter()
            .position(|s| s.media().is_some_and(is_there))
    }

    fn is_silent(&self, place: &Place, now: Instant) -> bool {
        self.current(place).is_none_or(|at| {
            let heard = self.streams[at].heard;
            now.saturating_duration_since(heard) > SILENCE
        })
    }

    fn take_place(&mut self, at: usize, place: Place) {
        for (other, stream) in self.streams.iter_mut().enumerate() {
            if let Role::Media(media) = &mut stream.role {
                if media.place == place {
                    media.current = other == at;
                }
            }
        }
    }

    fn original<'p>(
        &mut self,
        at: usize,
        number: u64,
        payload: &'p [u8],
        header: &Header<'_>,
        format: Format,
        now: Instant,
    ) -> Option<Arrival<'p>> {
        // A repair's payload type is no reason to take it for one; a padding packet may have it.
        if format.repair {
            return None;
        }
        let media = self.streams[at].media_mut()?;
        if format.nack {
            media.missing.arrived(number, false, now);
            note_due(&mut self.missing_due, media.missing.due());
        }
        let new = media.delivered.take(number) && media.current;
        new.then_some(Arrival {
            place: media.place,
            ssrc: header.ssrc,
            number,
            payload_type: header.payload_type,
            payload,
            report: media.report,
        })
    }

    /// A packet that was sent again holds the number it was sent with, and what it held (RFC 4588 4).
    fn repair<'p>(
        &mut self,
        of: u32,
        payload: &'p [u8],
        format: Format,
        now: Instant,
    ) -> Option<Arrival<'p>> {
        // Without a number it is padding.
        let (seq, payload) = payload.split_first_chunk::<2>()?;
        let stream = self.streams.iter_mut().find(|s| s.ssrc == of)?;
        let number = stream.window.extend(u16::from_be_bytes(*seq))?;
        let media = stream.media_mut()?;
        if format.nack {
            media.missing.arrived(number, true, now);
            note_due(&mut self.missing_due, media.missing.due());
        }
        let new = media.delivered.take(number) && media.current;
        new.then_some(Arrival {
            place: media.place,
            ssrc: of,
            number,
            payload_type: format.media,
            payload,
            report: media.report,
        })
    }

    /// A sender's report on one of its streams.
    pub fn reported(&mut self, info: SenderInfo, now: Instant) {
        let Some(stream) = self.streams.iter_mut().find(|s| s.ssrc == info.ssrc) else {
            return;
        };
        stream.reception.reported(&info, now);
        if let Some(media) = stream.media_mut() {
            media.report = Some(info);
        }
    }

    /// Ask for a key frame of the stream at a place; false if there is none yet.
    pub fn want_keyframe(&mut self, place: &Place, now: Instant) -> bool {
        let Some(at) = self.current(place) else {
            return false;
        };
        if let Some(media) = self.streams[at].media_mut() {
            media.keyframe_wanted = true;
            self.keyframes_due.get_or_insert(now);
        }
        true
    }

    /// The share of packets lost since it was asked for last, before repair.
    pub fn take_loss(&mut self) -> f32 {
        std::mem::take(&mut self.loss).share()
    }

    /// When [`Self::tell`] has to be called; nobody who does not send is told anything.
    pub fn due(&self) -> Option<Instant> {
        let dues = [
            self.keyframes_due,
            self.report_due,
            self.missing_due,
            self.arrivals.due(),
        ];
        dues.into_iter().flatten().min()
    }

    /// Compound packets with everything that is due, one after the other.
    pub fn tell(&mut self, now: Instant, mut send: impl FnMut(Vec<u8>)) {
        let name = std::mem::take(&mut self.name);
        let mut compounds = Compounds::new(self.ssrc, &name, &mut send);
        self.tell_reception(now, &mut compounds);
        self.tell_keyframes(&mut compounds);
        self.tell_missing(now, &mut compounds);
        if self.arrivals.due().is_some_and(|due| due <= now) {
            compounds.transport_wide(self.numbered, &mut self.arrivals);
        }
        compounds.end();
        self.name = name;
    }

    fn tell_reception<F: FnMut(Vec<u8>)>(&mut self, now: Instant, out: &mut Compounds<'_, F>) {
        if self.report_due.is_none_or(|due| due > now) {
            return;
        }
        self.report_due = None;
        for stream in self.streams.iter_mut().filter(|s| s.reception.has_news()) {
            let (block, loss) = stream.reception.report(stream.ssrc, now);
            // What is sent again was not lost twice.
            if let Role::Media(_) = stream.role {
                self.loss.add(loss);
            }
            out.block(block);
        }
        out.end_blocks();
    }

    fn tell_keyframes<F: FnMut(Vec<u8>)>(&mut self, out: &mut Compounds<'_, F>) {
        if self.keyframes_due.take().is_none() {
            return;
        }
        for stream in &mut self.streams {
            let ssrc = stream.ssrc;
            let wanted = stream.media_mut().map(|m| &mut m.keyframe_wanted);
            if wanted.is_some_and(std::mem::take) {
                out.picture_loss(ssrc);
            }
        }
    }

    fn tell_missing<F: FnMut(Vec<u8>)>(&mut self, now: Instant, out: &mut Compounds<'_, F>) {
        if self.missing_due.is_none_or(|due| due > now) {
            return;
        }
        self.missing_due = None;
        for stream in &mut self.streams {
            let ssrc = stream.ssrc;
            let Some(media) = stream.media_mut().filter(|m| m.current) else {
                continue;
            };
            self.numbers.clear();
            media.missing.ask(now, &mut self.numbers);
            note_due(&mut self.missing_due, media.missing.due());
            out.nack(ssrc, &self.numbers);
        }
    }
}

fn note_due(due: &mut Option<Instant>, other: Option<Instant>) {
    if let Some(other) = other {
        *due = Some(due.map_or(other, |due| due.min(other)));
    }
}

#[cfg(test)]
impl Receiver {
    /// Streams that are remembered.
    pub fn streams(&self) -> usize {
        self.streams.len()
    }
}
