//! Orders of the rooms, carried out by a worker between packets.

use std::net::SocketAddr;
use std::sync::atomic::Ordering;
use std::time::Instant;

use str0m::media::Mid;
use str0m::net::Protocol;
use str0m::Input;

use super::bandwidth::Moved;
use super::command::{Command, Report, SessionId, Upstream, Want};
use super::downstream::{Downstream, Route, Source};
use super::forward::TrackKey;
use super::negotiate::Transport;
use super::paths::Origin;
use super::session::{Outlet, Session};
use super::upstream::UpTrack;
use super::worker::Worker;

/// To who negotiates with a session that has ended, perhaps over what was said just now.
const GONE: &str = "the session has ended";

impl Worker {
    /// Carry out what the rooms and other workers have asked for.
    pub fn obey(&mut self, now: Instant) {
        // What came before an order went before it.
        while self.fan_out(now) {}
        while let Some(command) = self.own.next_command() {
            self.carry_out(command, now);
        }
    }

    fn carry_out(&mut self, command: Command, now: Instant) {
        match command {
            Command::Create { id } => self.create(id, now),
            Command::Offer { id, sdp, reply } => {
                let result = self.with_session(id, now, |s, t| s.answer_offer(t, &sdp));
                // Who asked may have gone.
                let _ = reply.send(result.unwrap_or_else(|| Err(GONE.to_owned())));
            }
            Command::MakeOffer { id, more, reply } => {
                let result = self.with_session(id, now, |s, t| s.make_offer(t, &more));
                let _ = reply.send(result.unwrap_or_else(|| Err(GONE.to_owned())));
            }
            Command::Answer { id, sdp, reply } => {
                let result = self.with_session(id, now, |s, _| s.accept_answer(&sdp));
                let _ = reply.send(result.unwrap_or_else(|| Err(GONE.to_owned())));
            }
            Command::Publish { id, upstream } => self.publish(id, upstream),
            Command::Gate { key, open } => self.gate(key, open, now),
            Command::Unpublish { id, key } => self.unpublish(id, key),
            Command::Expect { key, until } => {
                if let Some(track) = self.uptrack(key) {
                    track.expect(until);
                }
            }
            Command::Rekey { from, to } => self.rekey(from, to),
            Command::Route {
                id,
                mid,
                track,
                origin,
                video,
                want,
                rates,
                recall,
            } => {
                let route = Route { track, origin };
                let source = Source {
                    route,
                    want,
                    rates,
                    recall,
                };
                self.route(id, mid, source, video, now);
            }
            Command::Want { id, mid, want } => self.want(id, mid, want, now),
            Command::Unroute { id, mid } => self.unroute(id, mid),
            Command::Interest {
                track,
                worker,
                layers,
            } => self.interest(track, worker, layers),
            Command::Keyframe { track, layers } => {
                if let Some(index) = self.uptracks.get(&track).copied() {
                    if let Some(track) = self.uptrack(track) {
                        track.want_keyframes(layers);
                    }
                    self.ask_keyframe(track, index, now);
                }
            }
            Command::Recall { track, worker } => self.recall(track, worker),
            Command::Data { id, label, bytes } => {
                self.with_session(id, now, |s, _| s.send_data(&label, &bytes));
            }
            Command::Elsewhere {
                address,
                worker,
                there,
            } => match there {
                true => self.demux.set_elsewhere(address, worker),
                false => self.demux.not_elsewhere(address, worker),
            },
            Command::Hangup { address } => self.hung_up(address, now),
            Command::Close { id } => self.close(id, now),
            Command::Barrier { reply } => self.desk.outbox.promise(reply),
            #[cfg(test)]
            Command::Break => panic!("a broken worker"),
            Command::Shutdown => {
                self.stopped = true;
                let ids: Vec<SessionId> = self.index_of.keys().copied().collect();
                ids.into_iter().for_each(|id| self.close(id, now));
            }
        }
    }

    fn create(&mut self, id: SessionId, now: Instant) {
        let (rtc, egress) = match self.transport.rtc(now) {
            Ok(made) => made,
            Err(error) => {
                tracing::error!(%error, "cannot make a session");
                return self.desk.report(Report::Closed(id));
            }
        };
        let session = Session::new(id, rtc, egress, now);
        let ufrag = session.ufrag.clone();
        let index = self.sessions.insert(session);
        self.demux.add_ufrag(ufrag, index);
        self.index_of.insert(id, index);
        self.own
            .counters
            .sessions
            .store(self.sessions.len() as u64, Ordering::Relaxed);
        self.schedule(index);
    }

    /// Change a session, then drain it, and keep the demultiplexer's user name up to date.
    fn with_session<T>(
        &mut self,
        id: SessionId,
        now: Instant,
        change: impl FnOnce(&mut Session, &Transport) -> T,
    ) -> Option<T> {
        let index = *self.index_of.get(&id)?;
        let session = self.sessions.get_mut(index)?;
        let before = session.ufrag.clone();
        let result = session.shielded(now, &mut self.desk, |session, desk| {
            let result = change(session, &self.transport);
            session.drain(now, desk);
            result
        });
        if session.ufrag != before {
            session.paths.restarted();
            let ufrag = session.ufrag.clone();
            self.demux.remove_ufrag(&before);
            self.demux.add_ufrag(ufrag, index);
        }
        self.schedule(index);
        result
    }

    fn publish(&mut self, id: SessionId, upstream: Upstream) {
        let Some(index) = self.index_of.get(&id).copied() else {
            return;
        };
        let session = &mut self.sessions[index];
        let replaced: Vec<TrackKey> = session
            .up
            .iter()
            .filter(|t| t.mid == upstream.mid || t.key == upstream.key)
            .map(|t| t.key)
            .collect();
        session
            .up
            .retain(|t| t.mid != upstream.mid && t.key != upstream.key);
        for key in replaced {
            self.uptracks.remove(&key);
        }
        self.uptracks.insert(upstream.key, index);
        let rates = upstream.rates.clone();
        self.sessions[index].up.push(UpTrack::new(upstream, rates));
    }

    fn gate(&mut self, key: TrackKey, open: bool, now: Instant) {
        let Some(index) = self.uptracks.get(&key).copied() else {
            return;
        };
        let interests = self.desk.interests.get(&key).copied();
        let Some(track) = self.uptrack(key) else {
            return;
        };
        let was_open = std::mem::replace(&mut track.open, open);
        if !open || was_open {
            return;
        }
        track.cut();
        // Only for somebody: an encoder makes three key frames a second at most, and one that
        // nobody was there for delays the one that is needed.
        if let Some(interests) = interests {
            track.want_keyframes(interests.layers());
            self.ask_keyframe(key, index, now);
        }
    }

    fn unpublish(&mut self, id: SessionId, key: TrackKey) {
        self.uptracks.remove(&key);
        self.interests_ended(key);
        if let Some(index) = self.index_of.get(&id) {
            self.sessions[*index].up.retain(|t| t.key != key);
        }
    }

    /// Send what is remembered of a track, before what comes next of it. Who has it already drops it.
    fn recall(&mut self, track: TrackKey, worker: usize) {
        let packets = self.uptrack(track).map(|t| t.recall());
        for packet in packets.into_iter().flatten() {
            self.desk.pass_on(worker, packet);
        }
    }

    fn interests_ended(&mut self, key: TrackKey) {
        self.desk.interests.remove(&key);
    }

    fn rekey(&mut self, from: TrackKey, to: TrackKey) {
        let Some(index) = self.uptracks.remove(&from) else {
            return;
        };
        self.interests_ended(from);
        self.uptracks.insert(to, index);
        if let Some(track) = self.sessions[index].up.iter_mut().find(|t| t.key == from) {
            track.key = to;
            track.cut();
        }
    }

    fn route(&mut self, id: SessionId, mid: Mid, source: Source, video: bool, now: Instant) {
        let Some(index) = self.index_of.get(&id).copied() else {
            return;
        };
        self.unroute(id, mid);
        let session = &mut self.sessions[index];
        if !session.down.iter().any(|d| d.mid == mid) {
            let firsts = [(self.transport.random)(), (self.transport.random)()];
            match session.downstream(mid, video, firsts.map(|first| first as u16)) {
                Some(down) => session.down.push(down),
                None => {
                    tracing::debug!(session = id.0, %mid, "no stream to send in this section");
                    return;
                }
            }
        }
        let (route, recall) = (source.route, source.recall);
        if let Some(down) = session.down.iter_mut().find(|d| d.mid == mid) {
            down.start(source, now);
        }
        let receivers = self.routes.entry(route.track).or_default();
        receivers.origin = route.origin;
        receivers.list.push((index, mid));
        self.allocate(index, now);
        self.refresh_interest(route.track);
        if video {
            let session = &self.sessions[index];
            let down = session.down.iter().find(|d| d.mid == mid);
            if recall && session.has_room_for_memories() {
                self.desk.recall(route.track, route.origin);
            }
            let layers = down.map_or(0, Downstream::listens);
            self.desk.want_keyframes(route.track, route.origin, layers);
        }
    }

    fn want(&mut self, id: SessionId, mid: Mid, want: Want, now: Instant) {
        let Some(index) = self.index_of.get(&id).copied() else {
            return;
        };
        let down = self.sessions[index].down.iter_mut();
        for down in down.filter(|d| d.mid == mid) {
            down.set_want(want);
        }
        self.allocate(index, now);
    }

    /// Share a session's bandwidth out anew.
    pub(super) fn allocate(&mut self, index: usize, now: Instant) {
        let Some(session) = self.sessions.get_mut(index) else {
            return;
        };
        let mut moved = std::mem::take(&mut self.moved);
        session.allocate(now, &mut self.desk, &mut moved);
        for Moved { route, keyframes } in moved.drain(..) {
            // The layer has to come here before its key frame does.
            self.refresh_interest(route.track);
            if keyframes != 0 {
                self.desk
                    .want_keyframes(route.track, route.origin, keyframes);
            }
        }
        self.moved = moved;
    }

    fn unroute(&mut self, id: SessionId, mid: Mid) {
        let Some(index) = self.index_of.get(&id).copied() else {
            return;
        };
        let session = &mut self.sessions[index];
        let Some(down) = session.down.iter_mut().find(|d| d.mid == mid) else {
            return;
        };
        let Some(route) = down.stop() else {
            return;
        };
        for to in session.paths.connections() {
            self.desk.outbox.end(to, down.streams());
        }
        self.remove_receiver(route, index, mid);
    }

    fn remove_receiver(&mut self, route: Route, index: usize, mid: Mid) {
        let Some(receivers) = self.routes.get_mut(&route.track) else {
            return;
        };
        receivers.list.retain(|r| *r != (index, mid));
        self.refresh_interest(route.track);
    }

    /// Tell a track's worker which of its layers are wanted here, if that changed.
    pub(super) fn refresh_interest(&mut self, track: TrackKey) {
        let Some(receivers) = self.routes.get_mut(&track) else {
            return;
        };
        let sessions = &self.sessions;
        let layers = receivers.list.iter().fold(0, |all, (index, mid)| {
            let down = sessions.get(*index).map_or(&[][..], |s| &s.down);
            let down = down.iter().find(|d| d.mid == *mid);
            all | down.map_or(0, Downstream::listens)
        });
        let (origin, told) = (receivers.origin, receivers.told);
        receivers.told = layers;
        if receivers.list.is_empty() {
            self.routes.remove(&track);
        }
        if layers == told {
            return;
        }
        let worker = self.desk.index;
        if origin == worker {
            self.interest(track, worker, layers);
        } else if let Some(link) = self.desk.links.get(origin) {
            link.command(Command::Interest {
                track,
                worker,
                layers,
            });
        }
    }

    fn interest(&mut self, track: TrackKey, worker: usize, layers: u8) {
        let interests = self.desk.interests.entry(track).or_default();
        interests.set(worker, layers);
        if interests.is_empty() {
            self.desk.interests.remove(&track);
        }
    }

    fn hung_up(&mut self, address: SocketAddr, now: Instant) {
        let origin = Origin {
            protocol: Protocol::Tcp,
            address,
        };
        let Some(index) = self.demux.session_of(&origin) else {
            return;
        };
        self.demux.remove_address(&origin, index);
        self.sessions[index].shielded(now, &mut self.desk, |session, desk| {
            session.paths.lost(&mut session.rtc, origin);
            if session.rtc.handle_input(Input::Timeout(now)).is_ok() {
                session.drain(now, desk);
            }
        });
        self.schedule(index);
    }

    /// End a session: media both ways stops here and now; the goodbye (RTCP BYE, DTLS
    /// close_notify) is sent once.
    fn close(&mut self, id: SessionId, now: Instant) {
        let Some(index) = self.index_of.get(&id).copied() else {
            return;
        };
        let mids: Vec<Mid> = self.sessions[index].down.iter().map(|d| d.mid).collect();
        mids.into_iter().for_each(|mid| self.unroute(id, mid));
        self.index_of.remove(&id);
        let mut session = self.sessions.remove(index);
        for track in session.up.drain(..) {
            self.uptracks.remove(&track.key);
            self.interests_ended(track.key);
        }
        self.demux.remove_ufrag(&session.ufrag);
        session.say_goodbye(now, &mut self.desk);
        for (origin, by) in session.paths.take() {
            self.forget_address(index, origin, by);
        }
        session.failed = true;
        session.guarded(now, &mut self.desk, |session, desk| {
            if session.rtc.is_alive() && session.rtc.close().is_ok() {
                session.drain(now, desk);
            }
        });
        self.own
            .counters
            .sessions
            .store(self.sessions.len() as u64, Ordering::Relaxed);
    }
}
