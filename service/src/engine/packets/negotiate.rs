//! A session's transport: how it is configured, and offer and answer by str0m's SDP side.
//!
//! What str0m writes is only half of an answer: stream and track names, and which sections are
//! active, belong to the rooms, which rewrite the text (`rooms::sdp`).

use std::net::{IpAddr, SocketAddr};
use std::time::Instant;

use str0m::change::{SdpAnswer, SdpOffer, SdpPendingOffer};
use str0m::channel::{ChannelConfig, Reliability};
use str0m::config::{DtlsCert, DtlsVersion};
use str0m::media::{Direction, MediaKind};
use str0m::net::{Protocol, TcpType};
use str0m::rtp::Extension;
use str0m::{Candidate, IceCreds, Rtc, RtcError};

use super::command::{More, Negotiated};
use super::demux::{credentials, Random};
use super::dependency;
use super::paths::Origin;
use super::sending::clock::WallClock;
use super::sending::egress::Egress;
use super::session::Session;
use super::srtp::tap;

/// The data channels of LiveKit's protocol that a server opens on v0's subscriber connection.
pub(crate) const RELIABLE: &str = "_reliable";
pub(crate) const LOSSY: &str = "_lossy";

/// What all sessions of a worker share.
#[derive(Clone)]
pub(crate) struct Transport {
    pub worker: usize,
    pub certificate: DtlsCert,
    /// Addresses that clients are told.
    pub candidates: Vec<SocketAddr>,
    /// The same for those whose network lets no UDP through (RFC 6544); empty without TCP.
    pub tcp_candidates: Vec<SocketAddr>,
    pub random: Random,
    /// What senders' reports say the time is.
    pub clock: WallClock,
}

/// An offer of ours that awaits its answer.
#[derive(Debug)]
pub(crate) struct PendingOffer {
    offer: SdpPendingOffer,
    /// If it restarts ICE: the credentials that str0m takes with the answer, and those of ours that
    /// the client was told.
    restart: Option<(IceCreds, IceCreds)>,
}

impl Transport {
    /// A new `Rtc`: ICE-lite (the engine has a public address and answers only), RTP handed over as
    /// it is, DTLS 1.3 where the client has it. What is sent to the client goes out by the other
    /// one, with the same keys.
    pub fn rtc(&self, now: Instant) -> Result<(Rtc, Egress), RtcError> {
        let config = Rtc::builder()
            .set_ice_lite(true)
            .set_rtp_mode(true)
            .set_dtls_version(DtlsVersion::Auto)
            .set_dtls_cert(self.certificate.clone())
            .set_local_ice_credentials(self.credentials())
            .clear_codecs()
            .enable_opus(true, true)
            .enable_vp8(true)
            .enable_h264(true)
            .enable_vp9(true)
            .enable_av1(true)
            .set_extension(5, Extension::PlayoutDelay)
            .set_extension(12, dependency::extension());
        let (mut rtc, keys) = tap::build(config, now)?;
        for address in &self.candidates {
            if let Ok(candidate) = Candidate::host(*address, "udp") {
                rtc.add_local_candidate(candidate);
            }
        }
        for address in &self.tcp_candidates {
            let candidate = Candidate::builder().tcp().host(*address);
            if let Ok(candidate) = candidate.tcptype(TcpType::Passive).build() {
                rtc.add_local_candidate(candidate);
            }
        }
        Ok((rtc, Egress::new(self.clock, keys)))
    }

    fn credentials(&self) -> IceCreds {
        credentials(self.worker, self.random)
    }

    /// The local address as str0m knows it: the candidate that the sender used, or behind a NAT,
    /// where the packet does not tell, the first of the sender's family.
    pub fn destination(&self, from: Origin, to: Option<IpAddr>) -> Option<SocketAddr> {
        let candidates = match from.protocol {
            Protocol::Udp => &self.candidates,
            _ => &self.tcp_candidates,
        };
        let used = candidates.iter().find(|c| Some(c.ip()) == to);
        let family = || {
            let of_family = |c: &&SocketAddr| c.is_ipv4() == from.address.is_ipv4();
            candidates.iter().find(of_family)
        };
        used.or_else(family).copied()
    }
}

/// A description without the other side's addresses. An ICE-lite agent sends no checks, and learns
/// who is where from the checks that it gets; what a client only says of its addresses would fill
/// str0m's tables with pairs that lead nowhere, or to somebody else.
fn without_candidates(sdp: &str) -> String {
    let candidate = |line: &&str| line.starts_with("a=candidate:");
    let kept = sdp.lines().filter(|l| !candidate(l));
    kept.flat_map(|line| [line, "\r\n"]).collect()
}

impl Session {
    /// Answer the client's offer.
    pub fn answer_offer(&mut self, transport: &Transport, sdp: &str) -> Result<Negotiated, String> {
        let offer =
            SdpOffer::from_sdp_string(&without_candidates(sdp)).map_err(|e| e.to_string())?;
        let answer = self
            .rtc
            .sdp_api()
            .accept_offer(offer)
            .map_err(|e| e.to_string())?;
        let text = self.with_own_credentials(transport, answer.to_sdp_string());
        let text = self.sections.name(&mut self.rtc, &text);
        self.renegotiated(sdp);
        Ok(Negotiated {
            sdp: text,
            added: Vec::new(),
        })
    }

    /// Make an offer with more sections (v0's subscriber connection). The first one opens the data
    /// channels, so that there is always something to offer.
    pub fn make_offer(&mut self, transport: &Transport, more: &More) -> Result<Negotiated, String> {
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
        for mid in &more.stopped {
            change.stop_media(*mid);
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
        // str0m's credentials do not name the worker; these are told instead, and take their place
        // with the answer.
        let restart = more
            .ice_restart
            .then(|| (change.ice_restart(true), transport.credentials()));
        let offer = change.apply();
        self.down.retain(|d| !more.stopped.contains(&d.mid));
        match offer {
            Some((offer, pending)) => {
                let text = offer.to_sdp_string();
                let text = self.sections.name(&mut self.rtc, &text);
                self.last_offer = Some(match &restart {
                    Some((made, own)) => with_credentials(&text, made, own),
                    None => text,
                });
                self.pending_offer = Some(PendingOffer {
                    offer: pending,
                    restart,
                });
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
        let answer =
            SdpAnswer::from_sdp_string(&without_candidates(sdp)).map_err(|e| e.to_string())?;
        self.rtc
            .sdp_api()
            .accept_answer(pending.offer, answer)
            .map_err(|e| e.to_string())?;
        if let Some((made, own)) = pending.restart {
            // Not taken if the answer did not restart.
            if self.rtc.direct_api().local_ice_credentials().ufrag == made.ufrag {
                self.ufrag.clone_from(&own.ufrag);
                self.rtc.direct_api().set_local_ice_credentials(own);
            }
        }
        self.renegotiated(sdp);
        Ok(())
    }

    /// On an ICE restart str0m makes credentials of its own, which do not name the worker: replace
    /// them in the agent and in the answer.
    fn with_own_credentials(&mut self, transport: &Transport, sdp: String) -> String {
        let current = self.rtc.direct_api().local_ice_credentials();
        if current.ufrag == self.ufrag {
            return sdp;
        }
        let own = transport.credentials();
        let text = with_credentials(&sdp, &current, &own);
        self.ufrag.clone_from(&own.ufrag);
        self.rtc.direct_api().set_local_ice_credentials(own);
        text
    }
}

/// The same description with other ICE credentials. The user name is in the candidates' lines, too,
/// where browsers take one that they do not know for a candidate of times to come.
fn with_credentials(sdp: &str, from: &IceCreds, to: &IceCreds) -> String {
    let lines = sdp.lines().map(|line| {
        if let Some(rest) = line.strip_suffix(&from.ufrag) {
            format!("{rest}{}\r\n", to.ufrag)
        } else if line == format!("a=ice-pwd:{}", from.pass) {
            format!("a=ice-pwd:{}\r\n", to.pass)
        } else {
            format!("{line}\r\n")
        }
    });
    lines.collect()
}

/// Of an engine that is not started as usual.
#[cfg(test)]
pub(crate) fn certificate() -> DtlsCert {
    let provider = str0m::crypto::from_feature_flags().dtls_provider;
    provider.generate_certificate().expect("a certificate")
}

#[cfg(test)]
#[allow(clippy::disallowed_methods)] // any time is good to begin a test with
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::engine::packets::command::SessionId;

    fn transport() -> Transport {
        Transport {
            worker: 5,
            certificate: certificate(),
            candidates: vec![SocketAddr::from(([192, 0, 2, 1], 7882))],
            tcp_candidates: vec![SocketAddr::from(([192, 0, 2, 1], 7882))],
            random: rand::random,
            clock: WallClock::new(Instant::now(), Duration::ZERO),
        }
    }

    fn ufrags(sdp: &str) -> Vec<&str> {
        let told = |l: &'_ str| l.starts_with("a=ice-ufrag:") || l.contains(" ufrag ");
        let lines = sdp.lines().filter(|l| told(l));
        let mut names: Vec<&str> = lines.filter_map(|l| l.rsplit([':', ' ']).next()).collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// v0: our offer restarts ICE under a name that says the worker, in all of its lines, and the
    /// agent has it with the answer.
    #[test]
    fn a_restart_by_our_offer_names_the_worker() {
        let (transport, now) = (transport(), Instant::now());
        let (rtc, egress) = transport.rtc(now).expect("an Rtc");
        let mut session = Session::new(SessionId(1), rtc, egress, now);
        let mut client = Rtc::new(now);
        let mut round = |more: &More| {
            let offer = session.make_offer(&transport, more).expect("an offer").sdp;
            let theirs = SdpOffer::from_sdp_string(&offer).expect("an offer");
            let answer = client.sdp_api().accept_offer(theirs).expect("an answer");
            session
                .accept_answer(&answer.to_sdp_string())
                .expect("an acceptable answer");
            let agent = session.rtc.direct_api().local_ice_credentials();
            assert_eq!(ufrags(&offer), [&*agent.ufrag]);
            assert_eq!(session.ufrag, agent.ufrag);
            assert!(offer.contains(&format!("a=ice-pwd:{}", agent.pass)));
            assert!(agent.ufrag.starts_with("w05"));
            agent
        };
        let more = More {
            audios: 1,
            ..Default::default()
        };
        let first = round(&more);
        let same = round(&more);
        assert_eq!(first, same);
        let restart = More {
            ice_restart: true,
            ..Default::default()
        };
        let second = round(&restart);
        assert_ne!(first.ufrag, second.ufrag);
        assert_ne!(first.pass, second.pass);
    }

    /// What a client says of its addresses leads nowhere: only its checks do.
    #[test]
    fn candidates_of_clients_are_left_out() {
        let sdp = "v=0\r\na=candidate:1 1 udp 1 203.0.113.1 9 typ host\r\nm=audio 9 x 0\r\n\
            a=candidate:1 1 udp 1 203.0.113.1 9 typ host\r\na=mid:0\r\n";
        assert_eq!(
            without_candidates(sdp),
            "v=0\r\nm=audio 9 x 0\r\na=mid:0\r\n"
        );
    }
}
