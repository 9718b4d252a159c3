//! What is due, and when.

use super::{Around, Call, JoinState, Media, Phase, RETRY};
use crate::meeting::reasons;
use crate::meeting::requests::Purpose;
use plenary_protocol::agent::Request;
use plenary_protocol::end::Reason;

impl Call {
    /// Does what is due.
    pub fn tick(&mut self, around: &mut Around) {
        match self.phase {
            Phase::Connecting { until } if until <= around.at.now => {
                if self.join != JoinState::Due {
                    let call = self.id.clone();
                    around.ask(Purpose::Silent, Request::Leave { call });
                }
                let why = if around.up {
                    reasons::CALL_TIMEOUT
                } else {
                    Reason::NO_NETWORK
                };
                self.end(why.into(), around);
            }
            Phase::Disconnecting { until, .. } if until <= around.at.now => self.finish(around),
            _ => {}
        }
        if matches!(self.join, JoinState::Later(when) if when <= around.at.now) {
            self.join = JoinState::Due;
            self.ask_to_join(around);
        }
        if self.hands_over.is_some_and(|h| h.until <= around.at.now) {
            self.take_over(around);
        }
        self.prepare_next(around);
        match &mut self.media {
            Media::Live { refresh_at, .. } if *refresh_at <= around.at.now => {
                *refresh_at = around.at.now + RETRY;
                if around.up {
                    let call = self.id.clone();
                    around.ask(
                        Purpose::MediaToken(call.clone()),
                        Request::MediaToken { call },
                    );
                }
            }
            _ => {}
        }
    }

    /// When [`Call::tick`] has something to do.
    pub fn deadline(&self) -> Option<f64> {
        let phase = match self.phase {
            Phase::Connecting { until } | Phase::Disconnecting { until, .. } => Some(until),
            _ => None,
        };
        let join = if let JoinState::Later(when) = self.join {
            Some(when)
        } else {
            None
        };
        let media = if let Media::Live { refresh_at, .. } = self.media {
            Some(refresh_at)
        } else {
            None
        };
        let hands_over = self.hands_over.map(|h| h.until);
        [phase, join, media, hands_over, self.prepares_at]
            .into_iter()
            .flatten()
            .reduce(f64::min)
    }
}
