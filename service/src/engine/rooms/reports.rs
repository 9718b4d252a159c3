//! What the workers report, and what has to be looked at from time to time.

use std::time::Duration;

use tokio::sync::mpsc::UnboundedReceiver;

use super::participant::Mode;
use super::{leave, Locked, SharedRooms};
use crate::clock;
use crate::engine::packets::command::Report;
use livekit_protocol::leave_request::Action;
use livekit_protocol::DisconnectReason;

/// How often absences are looked at.
const SWEEP: Duration = Duration::from_secs(1);

/// Runs as long as the engine.
pub(crate) async fn follow(rooms: SharedRooms, mut reports: UnboundedReceiver<Report>) {
    let mut speakers = tokio::time::interval(super::speakers::INTERVAL);
    let mut quality = tokio::time::interval(super::connection::INTERVAL);
    let mut sweep = tokio::time::interval(SWEEP);
    loop {
        // In this order: what is due now and then is not held up by many reports.
        tokio::select! {
            biased;
            _ = speakers.tick() => {
                let mut locked = rooms.lock();
                locked.count_speakers();
                locked.switch_off_unwanted(clock::now());
            }
            _ = quality.tick() => rooms.lock().tell_quality(),
            _ = sweep.tick() => rooms.lock().sweep(clock::now()),
            report = reports.recv() => match report {
                Some(report) => rooms.lock().reported(report),
                None => return,
            },
        }
    }
}

impl Locked<'_> {
    fn reported(&mut self, report: Report) {
        match report {
            Report::Connected(id) => {
                if let Some(sid) = self.sessions.get(&id).cloned() {
                    self.connected(&sid);
                }
            }
            Report::Disconnected(id) => {
                let sid = self.sessions.get(&id).cloned();
                if let Some(participant) = sid.and_then(|s| self.participants.get_mut(&s)) {
                    participant.connected = false;
                    participant.transport_lost = Some(clock::now());
                }
            }
            Report::Closed(id) => {
                let Some(sid) = self.sessions.get(&id).cloned() else {
                    return;
                };
                // This transport cannot come back: a client that is still there starts over.
                let reason = DisconnectReason::MediaFailure;
                let reason = match self.participants.get(&sid).map(|p| p.signal.is_some()) {
                    Some(true) => reason,
                    _ => DisconnectReason::ClientInitiated,
                };
                self.remove(&sid, reason, Some(leave(reason, Action::Reconnect)));
            }
            Report::Data { id, label, bytes } => self.relay_data(id, &label, &bytes),
            Report::Waiting(data, _until_relayed) => self.reported(*data),
            Report::Levels(levels) => self.heard(levels),
            Report::Path(id, path) => self.measured(id, path),
            Report::Paused { id, track, paused } => self.stream_paused(id, track, paused),
        }
    }

    /// Slots follow the speakers when there are more of them than slots.
    pub fn refresh_slots(&mut self, sid: &str) {
        if self.mode_of(sid) == Some(Mode::Slots) {
            self.refresh(sid);
        }
    }
}
