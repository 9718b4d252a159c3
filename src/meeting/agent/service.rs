//! What the service says to the agent: frames in their order, replies and failures.

use super::*;

impl Agent {
    pub(super) fn received(&mut self, received: Received, at: At, out: &mut Vec<Action>) {
        self.link.heard(at);
        match received {
            Received::Unreadable => {}
            Received::Other(seq, event) => {
                if self.link.is_new(seq) {
                    let agent = self.handle;
                    out.push(Action::Emit(Change::Event { agent, event }));
                }
            }
            Received::Frame(frame) => match *frame {
                Frame::Event { seq, event } => {
                    if self.link.is_new(seq) {
                        self.event(event, at, out);
                    }
                }
                Frame::Reply {
                    id,
                    reply: Reply::Welcome(welcome),
                } if self.link.is_hello(id) => self.welcomed(welcome, at, out),
                Frame::Failure { id, error } if self.link.is_hello(id) => {
                    self.turned_away(error, at, out)
                }
                Frame::Reply { id, reply } => {
                    if let Some(purpose) = self.requests.answered(id) {
                        self.replied(purpose, reply, at, out);
                    }
                }
                Frame::Failure { id, error } => {
                    if let Some(purpose) = self.requests.answered(id) {
                        self.failed(purpose, error, at, out);
                    }
                }
            },
        }
    }

    /// The hello was refused.
    pub(super) fn turned_away(&mut self, error: ProtocolError, at: At, out: &mut Vec<Action>) {
        match error.code {
            401 => self.token_refused(error.into(), at, out),
            // The service is starting, full or failing: as if it had not answered.
            429 | 500.. => self.link_lost(at, out),
            _ if matches!(self.life, Life::Starting { .. }) => self.over(error.into(), out),
            _ => {
                let end = Refused::from(error);
                self.each(at, out, |call, around| call.end(end.clone(), around));
                self.link_lost(at, out);
            }
        }
    }

    pub(super) fn event(&mut self, event: Event, at: At, out: &mut Vec<Action>) {
        if let Event::Moved { from, held, to } = event {
            return self.moved(&from, held, *to, at, out);
        }
        let call = match &event {
            Event::Moved { from: call, .. } | Event::Breakout { call, .. } => call,
            // They come as `Received::Other`.
            Event::Chat(_)
            | Event::Announcement { .. }
            | Event::State { .. }
            | Event::Reaction { .. }
            | Event::Muted { .. } => return,
            Event::Admitted(snapshot) => &snapshot.call,
            Event::Ended { call, .. }
            | Event::Roster { call, .. }
            | Event::Lobby { call, .. }
            | Event::Role { call, .. } => call,
        };
        self.with(&call.clone(), at, out, |call, around| {
            call.event(event, around)
        });
    }

    /// The user is in a breakout room, or back in the main meeting, with another call (`E9`): its media
    /// and devices go along, and it is there before the old one goes.
    fn moved(
        &mut self,
        from: &CallId,
        held: bool,
        to: CallSnapshot,
        at: At,
        out: &mut Vec<Action>,
    ) {
        let up = self.link.is_up();
        let Some(index) = self.calls.iter().position(|call| call.id == *from) else {
            return;
        };
        if self.calls[index].is_leaving() {
            // The user hung up while the service moved them: it is the other call that goes.
            let calls = [Some(to.call), held.then(|| from.clone())];
            for call in calls.into_iter().flatten() {
                let request = Request::Leave { call };
                self.requests.ask(Purpose::Silent, request, up, at, out);
            }
            return;
        }
        let mut old = self.calls.remove(index);
        let resumed = self.calls.iter().position(|call| call.id == to.call);
        let mut around = Around {
            at,
            up,
            requests: &mut self.requests,
            out,
        };
        let mut next = match resumed {
            Some(index) => self.calls.remove(index),
            None => old.follower(&to.call, self.streams.clone()),
        };
        old.moves_to(&mut next, to, held, &mut around);
        self.calls.extend([next, old]);
    }

    pub(super) fn replied(
        &mut self,
        purpose: Purpose,
        reply: Reply,
        at: At,
        out: &mut Vec<Action>,
    ) {
        match (purpose, reply) {
            // It was moved, and the news got lost with the connection.
            (Purpose::Join(call, session), Reply::Call(mut snapshot)) if snapshot.call != call => {
                let asked = self.calls.iter_mut().find(|known| known.id == call);
                if !asked.is_some_and(|call| call.answered(session)) {
                    snapshot.media = None;
                }
                self.moved(&call, false, *snapshot, at, out);
            }
            (Purpose::Join(call, session), Reply::Call(snapshot)) => {
                if !self.with(&call, at, out, |call, around| {
                    call.joined(session, Ok(*snapshot), around)
                }) {
                    self.joined_too_late(call, at, out);
                }
            }
            (Purpose::Leave(call), _) => {
                self.with(&call, at, out, Call::left);
            }
            (Purpose::EndForEveryone(call, ticket), _) => {
                if !self.with(&call, at, out, |call, around| {
                    call.ending_for_everyone(ticket, Ok(()), around)
                }) {
                    out.push(Action::Settle(ticket, Ok(Outcome::Done)));
                }
            }
            (
                Purpose::Command(ticket),
                Reply::Admitted {
                    success_count,
                    failure_count,
                },
            ) => {
                out.push(Action::Settle(
                    ticket,
                    Ok(Outcome::Admitted {
                        success_count,
                        failure_count,
                    }),
                ));
            }
            (Purpose::Command(ticket), _) => out.push(Action::Settle(ticket, Ok(Outcome::Done))),
            (Purpose::MediaToken(call), Reply::Media(grant)) => {
                self.with(&call, at, out, |call, around| {
                    call.media_token(Some(*grant), around)
                });
            }
            (Purpose::Join(call, session), _) => {
                self.with(&call, at, out, |call, around| {
                    call.joined(session, Err(Reason::MALFORMED.into()), around)
                });
            }
            (Purpose::Chat(identity), _) => self.alive(identity, out),
            (
                Purpose::MediaToken(_) | Purpose::Muted(_) | Purpose::Held(_) | Purpose::Silent,
                _,
            ) => {}
        }
    }

    /// A call ended while it was being joined again (its media was cut before the word came): the
    /// service, which has it anew, is to forget it, or others would see a ghost.
    pub(super) fn joined_too_late(&mut self, call: CallId, at: At, out: &mut Vec<Action>) {
        let up = self.link.is_up();
        let leave = Request::Leave { call: call.clone() };
        self.requests.ask(Purpose::Leave(call), leave, up, at, out);
    }

    pub(super) fn failed(
        &mut self,
        purpose: Purpose,
        error: ProtocolError,
        at: At,
        out: &mut Vec<Action>,
    ) {
        match purpose {
            Purpose::Join(call, session) => {
                self.with(&call, at, out, |call, around| {
                    call.joined(session, Err(error.into()), around)
                });
            }
            Purpose::Leave(call) => {
                self.with(&call, at, out, Call::left);
            }
            Purpose::EndForEveryone(_, ticket) | Purpose::Command(ticket) => {
                out.push(Action::Settle(ticket, Err(error.into())));
            }
            Purpose::MediaToken(call) => {
                self.with(&call, at, out, |call, around| {
                    call.media_token(None, around)
                });
            }
            // The token is not for chat, or the service is not ready.
            Purpose::Chat(_) if matches!(self.life, Life::Starting { .. }) => {
                self.over(error.into(), out);
            }
            Purpose::Chat(_) => self.link_lost(at, out),
            Purpose::Muted(_) | Purpose::Held(_) | Purpose::Silent => {}
        }
    }
}
