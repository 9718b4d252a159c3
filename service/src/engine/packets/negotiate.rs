//! A session's transport: how it is configured, and offer and answer by str0m's SDP side.
//!
//! What str0m writes is only half of an answer: stream and track names, and which sections are
//! active, belong to the rooms, which rewrite the text (`rooms::sdp`).

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use str0m::change::{SdpAnswer, SdpOffer};
use str0m::channel::{ChannelConfig, Reliability};
use str0m::config::{DtlsCert, DtlsVersion};
use str0m::media::{Direction, MediaKind};
use str0m::rtp::Extension;
use str0m::{Candidate, Rtc, RtcError};

use super::command::{More, Negotiated};
use super::demux::credentials;
use super::session::Session;

/// The data channels of LiveKit's protocol that a server opens on v0's subscriber connection.
pub(crate) const RELIABLE: &str = "_reliable";
pub(crate) const LOSSY: &str = "_lossy";

/// How often a session says how its packets fare.
const STATS: Duration = Duration::from_secs(3);

/// What all sessions of a worker share.
#[derive(Clone)]
pub(crate) struct Transport {
    pub worker: usize,
    pub certificate: DtlsCert,
    pub candidates: Vec<SocketAddr>,
}

impl Transport {
    /// A new `Rtc`: ICE-lite (the engine has a public address and answers only), RTP handed over as
    /// it is, DTLS 1.3 where the client has it.
    pub fn rtc(&self, now: Instant) -> Result<Rtc, RtcError> {
        let mut rtc = Rtc::builder()
            .set_ice_lite(true)
            .set_rtp_mode(true)
            .set_dtls_version(DtlsVersion::Auto)
            .set_dtls_cert(self.certificate.clone())
            .set_local_ice_credentials(credentials(self.worker))
            .clear_codecs()
            .enable_opus(true, false)
            .enable_vp8(true)
            .enable_h264(true)
            .set_extension(5, Extension::PlayoutDelay)
            .set_stats_interval(Some(STATS))
            .enable_bwe(Some(super::bandwidth::INITIAL))
            .build(now);
        for address in &self.candidates {
            if let Ok(candidate) = Candidate::host(*address, "udp") {
                rtc.add_local_candidate(candidate);
            }
        }
        Ok(rtc)
    }

    /// The local address as str0m knows it: the candidate of the sender's family.
    pub fn destination(&self, from: SocketAddr) -> Option<SocketAddr> {
        self.candidates
            .iter()
            .find(|c| c.is_ipv4() == from.is_ipv4())
            .copied()
    }
}

impl Session {
    /// Answer the client's offer.
    pub fn answer_offer(&mut self, worker: usize, sdp: &str) -> Result<Negotiated, String> {
        let offer = SdpOffer::from_sdp_string(sdp).map_err(|e| e.to_string())?;
        let answer = self
            .rtc
            .sdp_api()
            .accept_offer(offer)
            .map_err(|e| e.to_string())?;
        let sdp = self.with_own_credentials(worker, answer.to_sdp_string());
        self.renegotiated();
        Ok(Negotiated {
            sdp,
            added: Vec::new(),
        })
    }

    /// Make an offer with more sections (v0's subscriber connection). The first one opens the data
    /// channels, so that there is always something to offer.
    pub fn make_offer(&mut self, more: &More) -> Result<Negotiated, String> {
        let mut change = self.rtc.sdp_api();
        if self.last_offer.is_none() {
            change.add_channel(RELIABLE.to_owned());
            change.add_channel_with_config(ChannelConfig {
                label: LOSSY.to_owned(),
                ordered: false,
                reliability: Reliability::MaxRetransmits { retransmits: 0 },
                ..Default::default()
            });
        }
        let mut added = Vec::new();
        let kinds = [
            (more.audios, MediaKind::Audio),
            (more.videos, MediaKind::Video),
        ];
        for (count, kind) in kinds {
            for _ in 0..count {
                let mid = change.add_media(kind, Direction::SendOnly, None, None, None);
                added.push(mid.to_string());
            }
        }
        if more.ice_restart {
            change.ice_restart(true);
        }
        match change.apply() {
            Some((offer, pending)) => {
                self.pending_offer = Some(pending);
                self.last_offer = Some(offer.to_sdp_string());
            }
            // Only names change, of which str0m knows nothing: the offer of before says the rest.
            None => self.pending_offer = None,
        }
        match &self.last_offer {
            Some(sdp) => Ok(Negotiated {
                sdp: sdp.clone(),
                added,
            }),
            None => Err("nothing to offer".to_owned()),
        }
    }

    /// The client's answer to the offer made last.
    pub fn accept_answer(&mut self, sdp: &str) -> Result<(), String> {
        let Some(pending) = self.pending_offer.take() else {
            // The answer to an offer that only changed names.
            return Ok(());
        };
        let answer = SdpAnswer::from_sdp_string(sdp).map_err(|e| e.to_string())?;
        self.rtc
            .sdp_api()
            .accept_answer(pending, answer)
            .map_err(|e| e.to_string())?;
        self.renegotiated();
        Ok(())
    }

    pub fn add_candidate(&mut self, candidate: &str) {
        if let Ok(candidate) = Candidate::from_sdp_string(candidate) {
            self.rtc.add_remote_candidate(candidate);
        }
    }

    /// On an ICE restart str0m makes credentials of its own, which do not name the worker: replace
    /// them in the agent and in the answer.
    fn with_own_credentials(&mut self, worker: usize, sdp: String) -> String {
        let current = self.rtc.direct_api().local_ice_credentials();
        if current.ufrag == self.ufrag {
            return sdp;
        }
        let own = credentials(worker);
        let text = sdp
            .replace(
                &format!("a=ice-ufrag:{}", current.ufrag),
                &format!("a=ice-ufrag:{}", own.ufrag),
            )
            .replace(
                &format!("a=ice-pwd:{}", current.pass),
                &format!("a=ice-pwd:{}", own.pass),
            );
        self.ufrag = own.ufrag.clone();
        self.rtc.direct_api().set_local_ice_credentials(own);
        text
    }
}
