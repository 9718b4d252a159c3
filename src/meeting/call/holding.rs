//! On hold: the user sends nothing, and sees and hears nothing, until they resume.

use super::{Around, Call};
use crate::api::changes::{CallChange, Change};
use crate::meeting::input::{Action, Outcome, Ticket};

impl Call {
    /// Puts a connected call on hold, or goes on with it. The facade refuses what is not connected.
    pub(super) fn put_on_hold(&mut self, on: bool, ticket: Ticket, around: &mut Around) {
        if self.is_in() && self.on_hold != on {
            self.on_hold = on;
            self.hold_media(on, around);
            around.emit(Change::Call(CallChange {
                state: Some(if on { "LocalHold" } else { "Connected" }),
                ..self.nothing()
            }));
            self.tell_own(around);
        }
        around.settle(ticket, Ok(Outcome::Done));
    }

    pub(super) fn hold_media(&self, on: bool, around: &mut Around) {
        around.out.push(Action::Hold {
            call: self.id.clone(),
            on,
        });
    }
}
