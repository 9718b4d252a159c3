//! The peer connection's states and its offers: one at a time, and a restart of ICE when nothing comes
//! back by itself.

use super::{
    lk, Output, Phase, Request, Signalling, Timer, Transport, Wanted, RESTART_MS, SETTLE_MS,
};

impl Signalling {
    // --- the transport ---

    pub(super) fn transport(&mut self, transport: Transport, now: i64) {
        let before = std::mem::replace(&mut self.transport, transport);
        match transport {
            Transport::Up => {
                self.restarting.reset();
                self.out(Output::Clear(Timer::Restart));
            }
            Transport::Doubtful if before == Transport::Up => {
                self.out(Output::Set(Timer::Restart, SETTLE_MS));
                self.probe(now);
            }
            Transport::Failed if before != Transport::Failed => self.restart_ice(),
            Transport::New | Transport::Doubtful | Transport::Failed => {}
        }
    }

    pub(super) fn restart_ice(&mut self) {
        if self.transport == Transport::Up || self.phase != Phase::Attached {
            // Without a socket there is nobody to send the offer to; `attached` comes back to it.
            return;
        }
        let wanted = self.negotiation.insist(Wanted {
            ice_restart: true,
            ..Default::default()
        });
        self.offer(wanted);
        let pause = RESTART_MS + self.restarting.next_ms();
        self.out(Output::Set(Timer::Restart, pause));
    }

    // --- offers ---

    pub(super) fn negotiate(&mut self, wanted: Wanted) {
        let wanted = self.negotiation.want(wanted);
        self.offer(wanted);
    }

    /// What can be offered now, if anything.
    pub(super) fn offer(&mut self, wanted: Option<Wanted>) {
        if let Some(wanted) = wanted {
            self.viewing.add_sections(wanted.videos);
            self.out(Output::Offer(wanted));
        }
    }

    pub(super) fn offered(&mut self, sdp: String) {
        self.negotiation.offered();
        if self.phase == Phase::Attached {
            let description = self.description(sdp);
            self.send(Request::Offer(description));
        }
    }

    pub(super) fn answered(&mut self, mut answer: lk::SessionDescription) {
        if !self.negotiation.answered(answer.id) {
            return;
        }
        if self.grant.as_ref().is_some_and(|grant| grant.slots) {
            // Slot messages say it, and a newer one may come while the answer is applied.
            answer.mid_to_track_id.clear();
        }
        self.out(Output::Answer(answer));
        let wanted = self.negotiation.waiting();
        self.offer(wanted);
    }

    /// Into sections that are new nothing is sent before the engine knows that they are there
    /// (`plenary_protocol::media`).
    pub(super) fn applied(&mut self) {
        if self.phase == Phase::Attached {
            self.send(Request::TrackSetting(Default::default()));
        }
    }

    /// LiveKit's own server uses full ICE and may need them; the embedded engine (ICE-lite) does not.
    pub(super) fn trickle(&mut self, candidate_init: String) {
        let full_ice = self.grant.as_ref().is_some_and(|grant| !grant.slots);
        if full_ice && self.phase == Phase::Attached && candidate_init != "null" {
            self.send(Request::Trickle(lk::TrickleRequest { candidate_init }));
        }
    }

    pub(super) fn negotiation_failed(&mut self) {
        if self.transport == Transport::New {
            // Without the first answer nothing will ever connect, and nobody would notice: a
            // connection that has not begun does not fail.
            return self.lose();
        }
        let wanted = self.negotiation.failed();
        self.offer(wanted);
    }
}
