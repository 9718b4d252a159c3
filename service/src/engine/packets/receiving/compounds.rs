//! What is told about received streams, put together into packets.

use super::arrivals::Arrivals;
use super::rtcp;
use crate::engine::packets::rtcp::MOST_COUNTED;

/// RTCP packets are no larger; what protects them comes on top.
const ROOM: usize = 1100;
/// The room that transport-wide feedback needs at least to be worth beginning.
const LEAST_ROOM: usize = 200;
/// A feedback packet's header and two SSRCs.
const HEAD: usize = 12;
/// What SRTCP adds, at most, so that a compound is protected where it is.
const PROTECTION: usize = 32;

/// Compound packets in the making. Each begins with a report and our name (RFC 3550 6.1).
pub(super) struct Compounds<'a, F: FnMut(Vec<u8>)> {
    ssrc: u32,
    name: &'a str,
    send: &'a mut F,
    blocks: Vec<rtcp::Block>,
    out: Vec<u8>,
    /// There is something in it beside its beginning.
    told: bool,
}

impl<'a, F: FnMut(Vec<u8>)> Compounds<'a, F> {
    pub fn new(ssrc: u32, name: &'a str, send: &'a mut F) -> Self {
        Self {
            ssrc,
            name,
            send,
            blocks: Vec::new(),
            out: Vec::new(),
            told: false,
        }
    }

    pub fn block(&mut self, block: rtcp::Block) {
        self.blocks.push(block);
        if self.blocks.len() == MOST_COUNTED {
            self.end_blocks();
            self.end();
        }
    }

    pub fn end_blocks(&mut self) {
        if !self.blocks.is_empty() {
            self.begin();
            self.told = true;
            self.blocks.clear();
        }
    }

    fn begin(&mut self) {
        self.out = Vec::with_capacity(ROOM + PROTECTION);
        rtcp::write_report(&mut self.out, self.ssrc, self.name, &self.blocks);
    }

    /// Room for so many bytes.
    fn room(&mut self, bytes: usize) -> &mut Vec<u8> {
        if self.out.len() + bytes > ROOM {
            self.end();
        }
        if self.out.is_empty() {
            self.begin();
        }
        &mut self.out
    }

    pub fn picture_loss(&mut self, media: u32) {
        let ssrc = self.ssrc;
        rtcp::write_picture_loss(self.room(HEAD), ssrc, media);
        self.told = true;
    }

    pub fn nack(&mut self, media: u32, numbers: &[u16]) {
        if !numbers.is_empty() {
            let ssrc = self.ssrc;
            // At worst an item each.
            let out = self.room(HEAD + 4 * numbers.len());
            rtcp::write_nack(out, ssrc, media, numbers);
            self.told = true;
        }
    }

    pub fn transport_wide(&mut self, media: u32, arrivals: &mut Arrivals) {
        let ssrc = self.ssrc;
        loop {
            let out = self.room(LEAST_ROOM);
            let room = ROOM - out.len() - HEAD;
            if !rtcp::write_transport_wide(out, ssrc, media, |out| arrivals.write(out, room)) {
                return;
            }
            self.told = true;
        }
    }

    pub fn end(&mut self) {
        let out = std::mem::take(&mut self.out);
        if std::mem::take(&mut self.told) {
            (self.send)(out);
        }
    }
}
