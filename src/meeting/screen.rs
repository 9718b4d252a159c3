//! The shared screen of a call: one at most (`C1`). Whether it may be shared is the service's to say
//! (by role); the engine answers in its name.

use super::call::{Around, Call};
use super::input::{Action, Outcome, Ticket};
use super::{reasons, Refused};
use crate::api::changes::{CallChange, Change};
use plenary_protocol::end::Reason;

/// Where sharing stands.
#[derive(Debug, Default, PartialEq)]
pub enum Screen {
    /// Nothing is shared.
    #[default]
    Off,
    /// The engine has not said yet whether it takes it; promises of `startScreenSharing`.
    Asked(Vec<Ticket>),
    /// Everybody can see it.
    On,
}

impl Call {
    /// The user shares a screen, or another one instead.
    pub(super) fn share_screen(&mut self, ticket: Ticket, around: &mut Around) {
        if !self.is_in() {
            return around.settle(ticket, Err(reasons::NOT_CONNECTED.into()));
        }
        match &mut self.screen {
            Screen::Asked(tickets) => tickets.push(ticket),
            Screen::Off => self.screen = Screen::Asked(vec![ticket]),
            Screen::On => around.settle(ticket, Ok(Outcome::Done)),
        }
        let call = self.id.clone();
        around.out.push(Action::Screen { call, on: true });
    }

    /// The engine's answer.
    pub(super) fn screen_taken(&mut self, taken: bool, around: &mut Around) {
        if !taken {
            self.end_screen(Reason::NOT_ALLOWED, around);
        } else if self.screen != Screen::Off {
            self.set_screen(Screen::On, Ok(()), around);
        }
    }

    /// It ends: the user stops, the window was closed, the role does not allow it, the call is over.
    pub(super) fn end_screen(&mut self, why: Reason, around: &mut Around) {
        if self.screen != Screen::Off {
            let call = self.id.clone();
            around.out.push(Action::Screen { call, on: false });
            self.set_screen(Screen::Off, Err(why), around);
        }
    }

    fn set_screen(&mut self, to: Screen, result: Result<(), Reason>, around: &mut Around) {
        match std::mem::replace(&mut self.screen, to) {
            Screen::Asked(tickets) => {
                for ticket in tickets {
                    let result = result.map(|()| Outcome::Done).map_err(Refused::from);
                    around.settle(ticket, result);
                }
            }
            Screen::On if result.is_err() => around.emit(Change::Call(CallChange {
                screen_sharing: Some(false),
                ..self.nothing()
            })),
            Screen::On | Screen::Off => {}
        }
    }
}

#[cfg(all(test, not(target_arch = "wasm32")))]
mod tests {
    use super::super::harness::{call, published, roster, Sim};
    use super::super::input::Command;
    use super::*;
    use crate::media::interface::MediaEvent;
    use plenary_protocol::agent::TrackSource;

    fn shares(on: bool) -> impl Fn(&Action) -> bool {
        move |action| *action == Action::Screen { call: call(), on }
    }

    fn told_ended(sim: &Sim) -> usize {
        let ended = |change: &&Change| {
            matches!(
                change,
                Change::Call(CallChange {
                    screen_sharing: Some(false),
                    ..
                })
            )
        };
        sim.changes().filter(ended).count()
    }

    #[test]
    fn sharing_a_screen_succeeds_when_the_engine_has_taken_it() {
        let mut sim = Sim::guest().in_meeting();
        let ticket = sim.command(Command::Screen(true));
        assert!(sim.news().iter().any(shares(true)));
        assert_eq!(sim.settled(ticket), None);
        sim.media(1, MediaEvent::ScreenTaken(true));
        assert_eq!(sim.settled(ticket), Some(Ok(Outcome::Done)));
        // Another window instead.
        let other = sim.command(Command::Screen(true));
        assert!(sim.news().iter().any(shares(true)));
        assert_eq!(sim.settled(other), Some(Ok(Outcome::Done)));
        assert_eq!(told_ended(&sim), 0);
    }

    #[test]
    fn a_role_that_may_not_share_is_told_so_and_nothing_is_sent() {
        let mut sim = Sim::guest().in_meeting();
        let ticket = sim.command(Command::Screen(true));
        sim.media(1, MediaEvent::ScreenTaken(false));
        let refused = Reason::NOT_ALLOWED.sub_code;
        assert_eq!(sim.settled(ticket), Some(Err(refused)));
        assert!(sim.news().iter().any(shares(false)));
    }

    #[test]
    fn nobody_shares_from_the_lobby() {
        let mut sim = Sim::guest();
        sim.join();
        let ticket = sim.command(Command::Screen(true));
        let refused = reasons::NOT_CONNECTED.sub_code;
        assert_eq!(sim.settled(ticket), Some(Err(refused)));
        assert!(!sim.news().iter().any(shares(true)));
    }

    #[test]
    fn a_window_that_is_closed_ends_sharing_and_says_so() {
        let mut sim = Sim::guest().in_meeting();
        sim.command(Command::Screen(true));
        sim.media(1, MediaEvent::ScreenTaken(true));
        sim.media(1, MediaEvent::LocalTrackEnded(TrackSource::ScreenShare));
        assert!(sim.news().iter().any(shares(false)));
        assert_eq!(told_ended(&sim), 1);
        // The user's own stop after it is no mistake.
        let ticket = sim.command(Command::Screen(false));
        assert_eq!(sim.settled(ticket), Some(Ok(Outcome::Done)));
    }

    #[test]
    fn hanging_up_answers_who_waits_to_share() {
        let mut sim = Sim::guest().in_meeting();
        let ticket = sim.command(Command::Screen(true));
        sim.command(Command::HangUp {
            for_everyone: false,
        });
        let refused = Reason::NO_SUCH_CALL.sub_code;
        assert_eq!(sim.settled(ticket), Some(Err(refused)));
    }

    #[test]
    fn a_picture_that_is_paused_for_the_network_is_not_received() {
        let mut sim = Sim::guest().in_meeting();
        let ada = super::super::harness::person("8:orgid:ada", &["e-ada"]);
        sim.event(roster(vec![ada], &[]));
        sim.media(1, published("e-ada", "TR_1", TrackSource::Camera));
        let track = || "TR_1".to_owned();
        sim.media(
            1,
            MediaEvent::TrackAssigned {
                track: track(),
                arrives: true,
            },
        );
        sim.media(
            1,
            MediaEvent::Frames {
                track: track(),
                width: 640,
                height: 360,
            },
        );
        for paused in [true, false] {
            sim.media(
                1,
                MediaEvent::TrackPaused {
                    track: track(),
                    paused,
                },
            );
        }
        let receiving = |change: &Change| match change {
            Change::Streams { updated, .. } => updated.first().map(|stream| stream.receiving),
            _ => None,
        };
        let told: Vec<bool> = sim.changes().filter_map(receiving).collect();
        assert_eq!(told, [true, false, true]);
    }
}
