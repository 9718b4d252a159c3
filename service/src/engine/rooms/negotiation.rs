//! Offers and answers: between a client's sections, the rooms' tracks and str0m's sessions.

use std::collections::HashMap;

use livekit_protocol as lk;
use lk::signal_response::Message;
use str0m::media::Mid;
use tokio::sync::oneshot;

use super::participant::{Mode, Participant, Receiving};
use super::sdp::{self, Kind, Label, Preference, Section};
use super::{Locked, SharedRooms};
use crate::engine::packets::command::{Command, More, NegotiationResult, SessionRef};

/// Why an offer got no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NegotiationError {
    #[error("no such participant")]
    Gone,
    #[error(transparent)]
    Sdp(#[from] sdp::SdpError),
    #[error("the description cannot be used: {0}")]
    Refused(String),
}

/// An answer with its tracks named.
#[derive(Debug)]
pub(crate) struct Answer {
    pub sdp: String,
    pub mid_to_track: HashMap<String, String>,
}

/// Answer a client's offer; `announce` sends it to the client's socket.
pub(crate) async fn answer(
    rooms: &SharedRooms,
    sid: &str,
    offer: &str,
    mid_to_cid: &HashMap<String, String>,
) -> Result<Answer, NegotiationError> {
    let sections = sdp::sections(offer)?;
    let reply = {
        let mut locked = rooms.lock();
        let session = locked
            .participants
            .get(sid)
            .map(|p| p.publisher)
            .ok_or(NegotiationError::Gone)?;
        let reply = locked.offer_to_worker(session, offer);
        // Behind the offer in the worker's queue: the sections exist by then.
        locked.offered_sections(sid, &sections, mid_to_cid);
        locked.learn_receiving(sid, &sections);
        reply
    };
    let negotiated = reply
        .await
        .map_err(|_| NegotiationError::Gone)?
        .map_err(NegotiationError::Refused)?;
    let locked = rooms.lock();
    let participant = locked.participants.get(sid).ok_or(NegotiationError::Gone)?;
    let labels = locked.labels(participant);
    Ok(Answer {
        sdp: sdp::relabel(
            &negotiated.sdp,
            &labels,
            &preferences(participant, &sections),
        ),
        mid_to_track: mid_to_track(participant),
    })
}

/// Answer an offer that came by the signalling socket.
pub(crate) async fn answer_signalled(
    rooms: &SharedRooms,
    sid: &str,
    offer: lk::SessionDescription,
) -> Result<(), NegotiationError> {
    let answer = answer(rooms, sid, &offer.sdp, &offer.mid_to_track_id).await?;
    let mut locked = rooms.lock();
    locked.send(
        sid,
        Message::Answer(lk::SessionDescription {
            r#type: "answer".to_owned(),
            sdp: answer.sdp,
            id: offer.id,
            mid_to_track_id: answer.mid_to_track,
        }),
    );
    // Whatever came in between asks for another round.
    if let Some(participant) = locked.participants.get_mut(sid) {
        participant.asked = None;
    }
    locked.refresh(sid);
    Ok(())
}

/// What the answer prefers in each offered section.
fn preferences(participant: &Participant, offered: &[Section]) -> HashMap<String, Preference> {
    let codec = |mid: &str| {
        let track = participant.tracks.iter().find(|t| t.info.mid == mid)?;
        if track.kind() == Kind::Audio && !track.info.disable_red {
            // The answer names it first where the client has it; then it is what the client sends.
            return Some("red".to_owned());
        }
        Some(track.info.mime_type.split_once('/')?.1.to_owned())
    };
    offered
        .iter()
        .map(|s| {
            let preference = Preference {
                formats: s.formats.clone(),
                codec: codec(&s.mid),
            };
            (s.mid.clone(), preference)
        })
        .collect()
}

fn mid_to_track(participant: &Participant) -> HashMap<String, String> {
    participant
        .receiving
        .iter()
        .filter_map(|r| Some((r.mid.clone(), r.track.clone()?)))
        .collect()
}

impl Locked<'_> {
    fn offer_to_worker(
        &self,
        session: SessionRef,
        offer: &str,
    ) -> oneshot::Receiver<NegotiationResult> {
        let (reply, answer) = oneshot::channel();
        self.rooms.command(
            session.worker,
            Command::Offer {
                id: session.id,
                sdp: offer.to_owned(),
                reply,
            },
        );
        answer
    }

    /// Take up the receiving sections of an offer and fill them.
    fn learn_receiving(&mut self, sid: &str, sections: &[Section]) {
        let Some(participant) = self.participants.get_mut(sid) else {
            return;
        };
        if participant.mode == Mode::Dual {
            return;
        }
        participant.learn_codecs(sections);
        // What comes before the client has applied the answer is lost, a key frame too; with slots it says when.
        let ready = participant.mode != Mode::Slots || participant.receiving.is_empty();
        let mut ended = Vec::new();
        for section in sections.iter().filter(|s| s.kind != Kind::Application) {
            let known = participant
                .receiving
                .iter()
                .position(|r| r.mid == section.mid);
            match (known, section.receives && !section.sends) {
                (None, true) => participant.receiving.push(Receiving::new(
                    section.mid.clone(),
                    section.kind,
                    ready,
                )),
                (Some(_), true) | (None, false) => {}
                // Not received in any more: the section goes, and its route with it.
                (Some(at), false) => ended.push(participant.receiving.remove(at)),
            }
        }
        participant.asked = None;
        let (session, mode) = (participant.receiver(), participant.mode);
        for section in ended.into_iter().filter(|s| s.routed.is_some()) {
            let (id, mid) = (session.id, Mid::from(section.mid.as_str()));
            self.rooms
                .command(session.worker, Command::Unroute { id, mid });
        }
        match mode {
            Mode::Slots => self.refresh(sid),
            Mode::Single | Mode::Dual => {
                self.fill_sections(sid);
                self.sync_routes(sid);
            }
        }
    }

    /// Names of the sections that carry something (all of them, for slots).
    fn labels(&self, participant: &Participant) -> HashMap<String, Label> {
        if participant.mode == Mode::Slots {
            return participant.slot_labels();
        }
        // LiveKit's clients ignore streams of nobody they know.
        let idle = |mid: &str| Label {
            stream: format!("idle-{mid}"),
            track: format!("idle-{mid}"),
        };
        participant
            .receiving
            .iter()
            .filter_map(|r| {
                let label = r.label.clone().or(r.used.then(|| idle(&r.mid)))?;
                Some((r.mid.clone(), label))
            })
            .collect()
    }

    /// Name newly assigned tracks, as LiveKit's clients read it: `<participant>|<stream>`.
    ///
    /// Browsers tell a page of a track only when the stream's name changes, and a track may come
    /// back into the section it left (its publisher moved away and returned) before the client saw
    /// that section idle: so the name counts. v0's clients take the track's sid from there.
    pub fn label_sections(&mut self, sid: &str) {
        let Some(viewer) = self.participants.get(sid) else {
            return;
        };
        let unlabelled = viewer.receiving.iter().filter(|r| r.label.is_none());
        let tracks: Vec<String> = unlabelled.filter_map(|r| r.track.clone()).collect();
        let mut labels = HashMap::new();
        for track in tracks {
            let Some((owner, _)) = self.keys.values().find(|(_, t)| *t == track) else {
                continue;
            };
            let Some(info) = self.participants.get(owner).and_then(|p| p.track(&track)) else {
                continue;
            };
            let stint = viewer.stints.get(owner).copied().unwrap_or(0);
            let stream = match viewer.mode {
                Mode::Dual => format!("{owner}|{track}"),
                Mode::Single | Mode::Slots => format!("{owner}|{}-{stint}", info.info.stream),
            };
            let label = Label {
                stream,
                track: track.clone(),
            };
            labels.insert(track, label);
        }
        if let Some(viewer) = self.participants.get_mut(sid) {
            for section in viewer.receiving.iter_mut().filter(|r| r.label.is_none()) {
                section.label = section.track.as_ref().and_then(|t| labels.remove(t));
                section.used |= section.label.is_some();
            }
        }
    }

    /// v0: offer on the subscriber connection, one offer at a time.
    pub fn offer_subscriber(&mut self, sid: &str) {
        let wanted = self.wanted(sid);
        let pending = self.pending(sid, &wanted);
        let Some(participant) = self.participants.get_mut(sid) else {
            return;
        };
        let Some(session) = participant.subscriber else {
            return;
        };
        if participant.signal.is_none() {
            // Offered when the socket is back.
            participant.offering.again = true;
            return;
        }
        if std::mem::replace(&mut participant.offering.in_flight, true) {
            participant.offering.again = true;
            return;
        }
        let mut more = More {
            ice_restart: std::mem::take(&mut participant.offering.ice_restart),
            ..Default::default()
        };
        if participant.is_native() {
            let over = |r: &Receiving| r.track.is_none() && r.routed.is_none();
            let gone = participant.receiving.iter().filter(|r| over(r));
            more.stopped = gone.map(|r| Mid::from(r.mid.as_str())).collect();
            participant.receiving.retain(|r| !over(r));
        }
        let mut added = Vec::new();
        for track in pending {
            let free = participant
                .receiving
                .iter_mut()
                .find(|r| r.kind == track.kind && r.track.is_none() && r.idle);
            match free {
                Some(free) => {
                    free.track = Some(track.track);
                    free.ready = false;
                    free.idle = false;
                }
                None => {
                    match track.kind {
                        Kind::Audio => more.audios += 1,
                        _ => more.videos += 1,
                    }
                    added.push(track);
                }
            }
        }
        for section in &mut participant.receiving {
            section.idle = section.track.is_none();
        }
        participant.offering.made = true;
        participant.offering.id += 1;
        let id = participant.offering.id;
        added.sort_by_key(|t| t.kind != Kind::Audio);
        self.await_offer(sid, session, more, added, id);
    }

    fn await_offer(
        &self,
        sid: &str,
        session: SessionRef,
        more: More,
        added: Vec<super::subscribe::Wanted>,
        id: u32,
    ) {
        let (reply, offer) = oneshot::channel();
        self.rooms.command(
            session.worker,
            Command::MakeOffer {
                id: session.id,
                more,
                reply,
            },
        );
        let Some(rooms) = self.rooms.shared() else {
            return;
        };
        let sid = sid.to_owned();
        tokio::spawn(async move {
            let Ok(offer) = offer.await else { return };
            let mut locked = rooms.lock();
            locked.send_offer(&sid, offer, added, id);
        });
    }

    fn send_offer(
        &mut self,
        sid: &str,
        offer: NegotiationResult,
        added: Vec<super::subscribe::Wanted>,
        id: u32,
    ) {
        let Some(participant) = self.participants.get_mut(sid) else {
            return;
        };
        let negotiated = match offer {
            Ok(negotiated) => negotiated,
            Err(_) => {
                // Nothing to change: what was released is idle already.
                participant.offering.in_flight = false;
                if std::mem::take(&mut participant.offering.again) {
                    self.offer_subscriber(sid);
                }
                return;
            }
        };
        for (mid, track) in negotiated.added.into_iter().zip(added) {
            let mut section = Receiving::new(mid, track.kind, false);
            section.track = Some(track.track);
            participant.receiving.push(section);
        }
        self.label_sections(sid);
        let Some(participant) = self.participants.get(sid) else {
            return;
        };
        let labels = self.labels(participant);
        let description = lk::SessionDescription {
            r#type: "offer".to_owned(),
            sdp: sdp::relabel(&negotiated.sdp, &labels, &HashMap::new()),
            id,
            mid_to_track_id: mid_to_track(participant),
        };
        self.send(sid, Message::Offer(description));
    }
}

/// v0: the client's answer to our offer.
pub(crate) async fn accept_answer(
    rooms: &SharedRooms,
    sid: &str,
    answer: lk::SessionDescription,
) -> Result<(), NegotiationError> {
    if answer.sdp.len() > sdp::MAX_SDP {
        return Err(sdp::SdpError::TooLarge.into());
    }
    // Which codecs it has; of no other use, so one that cannot be read is left to str0m.
    let sections = sdp::sections(&answer.sdp).unwrap_or_default();
    let reply = {
        let locked = rooms.lock();
        let participant = locked.participants.get(sid).ok_or(NegotiationError::Gone)?;
        let session = participant.subscriber.ok_or(NegotiationError::Gone)?;
        let (reply, done) = oneshot::channel();
        locked.rooms.command(
            session.worker,
            Command::Answer {
                id: session.id,
                sdp: answer.sdp,
                reply,
            },
        );
        done
    };
    reply
        .await
        .map_err(|_| NegotiationError::Gone)?
        .map_err(NegotiationError::Refused)?;
    let mut locked = rooms.lock();
    let Some(participant) = locked.participants.get_mut(sid) else {
        return Ok(());
    };
    participant.applied();
    participant.learn_codecs(&sections);
    locked.sync_routes(sid);
    let Some(participant) = locked.participants.get_mut(sid) else {
        return Ok(());
    };
    participant.offering.in_flight = false;
    let again = std::mem::take(&mut participant.offering.again);
    if again {
        locked.offer_subscriber(sid);
    } else {
        locked.refresh(sid);
    }
    Ok(())
}
