//! The microphone: opened when it is first needed, muted and unmuted.

use super::{Around, Call, BAD};
use crate::api::changes::{CallChange, Change, DiagnosticValue};
use crate::meeting::input::{Action, MicrophoneUse, Outcome, Ticket};
use crate::meeting::{reasons, Refused};

impl Call {
    /// The microphone is open, or cannot be opened: then the call goes on muted, or with the one that is open.
    pub fn microphone(&mut self, opened: Result<(), Refused>, around: &mut Around) {
        let first = self.microphone.use_ == MicrophoneUse::Opening;
        match &opened {
            Ok(()) => {
                self.microphone.use_ = MicrophoneUse::Open;
                if first && !self.microphone.tickets.is_empty() {
                    self.set_muted(false, around);
                }
            }
            Err(refused) if first => {
                self.microphone.use_ = MicrophoneUse::Closed;
                let denied = refused.sub_code == reasons::DEVICE_DENIED.sub_code;
                if denied {
                    self.diagnose(
                        "microphonePermissionDenied",
                        DiagnosticValue::Flag(true),
                        around,
                    );
                } else {
                    self.diagnose(
                        "microphoneNotFunctioning",
                        DiagnosticValue::Quality(BAD),
                        around,
                    );
                }
                self.set_muted(true, around);
            }
            Err(_) => {}
        }
        self.answer_microphone(&opened, around);
    }

    /// Answers whoever waits for it.
    pub(super) fn answer_microphone(&mut self, opened: &Result<(), Refused>, around: &mut Around) {
        for ticket in std::mem::take(&mut self.microphone.tickets) {
            around.settle(ticket, opened.clone().map(|()| Outcome::Done));
        }
    }

    /// The application gives another one, or takes it back.
    pub(super) fn give_microphone(
        &mut self,
        given: MicrophoneUse,
        ticket: Ticket,
        around: &mut Around,
    ) {
        let closed = self.microphone.use_ == MicrophoneUse::Closed;
        match given {
            // Opened when it is needed.
            MicrophoneUse::Opening if closed && self.muted => {}
            MicrophoneUse::Opening => {
                self.microphone.tickets.push(ticket);
                if closed {
                    self.microphone.use_ = MicrophoneUse::Opening;
                }
                return around.out.push(Action::OpenMicrophone(self.id.clone()));
            }
            MicrophoneUse::Open => self.microphone(Ok(()), around),
            MicrophoneUse::Closed => {
                self.microphone.use_ = MicrophoneUse::Closed;
                self.answer_microphone(&Ok(()), around);
            }
        }
        around.settle(ticket, Ok(Outcome::Done));
    }

    pub(super) fn open_microphone(&mut self, around: &mut Around) {
        self.microphone.use_ = MicrophoneUse::Opening;
        around.out.push(Action::OpenMicrophone(self.id.clone()));
    }

    pub(super) fn unmute(&mut self, ticket: Ticket, around: &mut Around) {
        match self.microphone.use_ {
            MicrophoneUse::Open => {
                self.set_muted(false, around);
                around.settle(ticket, Ok(Outcome::Done));
            }
            MicrophoneUse::Opening => self.microphone.tickets.push(ticket),
            MicrophoneUse::Closed => {
                self.microphone.tickets.push(ticket);
                self.open_microphone(around);
            }
        }
    }

    pub(super) fn set_muted(&mut self, muted: bool, around: &mut Around) {
        if self.muted == muted {
            return;
        }
        self.muted = muted;
        around.out.push(Action::Muted {
            call: self.id.clone(),
            muted,
        });
        around.emit(Change::Call(CallChange {
            muted: Some(muted),
            ..self.nothing()
        }));
        self.tell_own(around);
    }
}
