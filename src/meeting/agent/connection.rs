//! The agent's connection: tokens, networks, sockets that drop, the welcome.

use super::*;

impl Agent {
    pub(super) fn token(&mut self, token: UserToken, at: At, out: &mut Vec<Action>) {
        if self.link.token(token, at, out) {
            if let Some(token) = self.link.current_token() {
                let request = Request::Token {
                    token: token.token.clone(),
                };
                self.requests.ask(Purpose::Silent, request, true, at, out);
            }
        }
        let Self { link, requests, .. } = self;
        link.greet(|| requests.id(), at, out);
    }

    pub(super) fn no_token(&mut self, why: Refused, at: At, out: &mut Vec<Action>) {
        if matches!(self.life, Life::Starting { .. }) {
            return self.over(why, out);
        }
        self.link.no_token(at);
        if self.refusals > 0 {
            self.token_refused(reasons::NO_TOKEN.into(), at, out);
        }
    }

    /// The service does not take the token. Once: a newer one may do. Twice: the calls are over.
    pub(super) fn token_refused(&mut self, why: Refused, at: At, out: &mut Vec<Action>) {
        self.refusals += 1;
        if matches!(self.life, Life::Starting { .. }) {
            return self.over(why, out);
        }
        let revoked = why.sub_code == Reason::REVOKED.sub_code;
        let first = self.refusals == 1 && !revoked;
        self.link
            .token_refused(if first { 0.0 } else { REFUSED_PAUSE }, at, out);
        self.tell_connected(false, Some("invalidToken"), out);
        if !first {
            let end: Refused = if revoked {
                why
            } else {
                reasons::NO_TOKEN.into()
            };
            self.each(at, out, |call, around| call.end(end.clone(), around));
        }
    }

    // ----- the connection -----

    pub(super) fn network(&mut self, there: bool, at: At, out: &mut Vec<Action>) {
        self.each(at, out, |call, around| call.network(there, around));
        if there {
            self.hurry(at, out);
        }
    }

    pub(super) fn hurry(&mut self, at: At, out: &mut Vec<Action>) {
        let Self { link, requests, .. } = self;
        link.hurry(|| requests.id(), at, out);
    }

    pub(super) fn link_lost(&mut self, at: At, out: &mut Vec<Action>) {
        self.link.lost(at, out);
        for purpose in self.requests.dropped() {
            self.unanswered(purpose, at, out);
        }
        self.tell_connected(false, Some("connectionIssue"), out);
        self.each(at, out, Call::link_down);
    }

    /// The socket dropped, or time ran out, before the answer came.
    pub(super) fn unanswered(&mut self, purpose: Purpose, at: At, out: &mut Vec<Action>) {
        match purpose {
            Purpose::Command(ticket) | Purpose::EndForEveryone(_, ticket) => {
                out.push(Action::Settle(ticket, Err(Reason::NO_NETWORK.into())));
            }
            // Must not be lost: others would see a ghost until the service's own limit.
            Purpose::Leave(call) => {
                self.requests.ask(
                    Purpose::Leave(call.clone()),
                    Request::Leave { call: call.clone() },
                    false,
                    at,
                    out,
                );
                self.with(&call, at, out, Call::left);
            }
            Purpose::Muted(call) => {
                self.with(&call, at, out, |call, _| call.muted_unknown());
            }
            Purpose::Held(call) => {
                self.with(&call, at, out, |call, _| call.hold_unknown());
            }
            Purpose::Join(call, _) if self.calls.iter().all(|known| known.id != call) => {
                self.joined_too_late(call, at, out);
            }
            // Asked for again by the call, when the link is up and when it is due.
            Purpose::Join(..) | Purpose::MediaToken(_) | Purpose::Chat(_) | Purpose::Silent => {}
        }
    }

    pub(super) fn welcomed(&mut self, welcome: Welcome, at: At, out: &mut Vec<Action>) {
        let Welcome {
            session,
            identity,
            display_name,
            resumed,
            ..
        } = welcome;
        let is_member = identity.as_str().starts_with("8:orgid:");
        let expected = match self.kind {
            Kind::Guest => !is_member,
            Kind::Member => is_member,
            Kind::Chat => true,
        };
        if !expected {
            return self.over(reasons::WRONG_KIND.into(), out);
        }
        self.refusals = 0;
        self.link.welcomed(session, resumed, at);
        let identity = Identity {
            id: identity,
            display_name,
        };
        if self.kind == Kind::Chat {
            // Asked again also when the session goes on: the question may have been lost with the
            // connection. Until the answer nothing is heard, so nobody is told of a connection.
            let purpose = Purpose::Chat(identity);
            return self
                .requests
                .ask(purpose, Request::SubscribeChat, true, at, out);
        }
        self.alive(identity, out);
        self.requests.flush(out);
        self.each(at, out, |call, around| call.link_up(resumed, around));
    }

    /// The connection is good for what the agent is for.
    pub(super) fn alive(&mut self, identity: Identity, out: &mut Vec<Action>) {
        self.tell_connected(true, None, out);
        if let Life::Starting { ticket, .. } =
            std::mem::replace(&mut self.life, Life::Alive(identity.clone()))
        {
            out.push(Action::Settle(ticket, Ok(Outcome::Agent(identity))));
        }
    }

    pub(super) fn tell_connected(
        &mut self,
        connected: bool,
        reason: Option<&'static str>,
        out: &mut Vec<Action>,
    ) {
        if self.told_connected != connected {
            self.told_connected = connected;
            out.push(Action::Emit(Change::Agent {
                agent: self.handle,
                connected,
                reason,
            }));
        }
    }
}
