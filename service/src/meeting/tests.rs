//! The rules by their names, one by one.

use super::*;
use plenary_protocol::agent::{CallSnapshot, CallState};
use std::collections::{BTreeMap, BTreeSet};

mod breakout;
mod properties;
mod state;

const OLIVIA: &str = "8:orgid:olivia";
const MARCO: &str = "8:orgid:marco";
const ADA: &str = "8:acs:r_ada";
const BOB: &str = "8:acs:r_bob";

fn bounds() -> Bounds {
    Bounds {
        seats: 10,
        sdk_seats: 8,
        lobby_places: 3,
        lobby_wait_ms: 1_000,
        endpoints: 3,
    }
}

fn settings(bypass: Bypass) -> Settings {
    Settings {
        organizer: OLIVIA.into(),
        invited: BTreeMap::new(),
        bypass,
        presenters: Presenters::Everyone,
        admitters: Admitters::default(),
        thread: "19:meeting_x@thread.v2".to_owned(),
        breakout: true,
        breakout_managers: BTreeSet::new(),
        guest_chat: true,
        guest_chat_in_rooms: false,
    }
}

/// A meeting and everything that it ever told anybody.
struct Story {
    meeting: Meeting,
    now: u64,
    effects: Vec<Effect>,
}

impl Story {
    fn new(bypass: Bypass) -> Self {
        let meeting = Meeting::new(
            settings(bypass),
            Breakout::default(),
            Vec::new(),
            bounds(),
            Vec::new(),
            0,
        );
        Self {
            meeting,
            now: 0,
            effects: Vec::new(),
        }
    }

    fn apply(&mut self, command: Command) -> Result<Answer, Reason> {
        self.meeting.apply(command, self.now, &mut self.effects)
    }

    /// Joins with a call, an endpoint and a session named after the person and `n`.
    fn join_as(&mut self, id: &str, n: u32) -> Result<Place, Reason> {
        let answer = self.apply(Command::Join(comer(id, n)))?;
        match answer {
            Answer::Joined { place, .. } => Ok(place),
            other => panic!("{other:?}"),
        }
    }

    fn join(&mut self, id: &str) -> Result<Place, Reason> {
        self.join_as(id, 1)
    }

    fn admit(&mut self, by: &str, who: &str) -> Result<Answer, Reason> {
        self.apply(Command::Admit {
            by: by.into(),
            call: call(by, 1),
            who: who.into(),
        })
    }

    fn reject(&mut self, by: &str, who: &str) -> Result<Answer, Reason> {
        self.apply(Command::Reject {
            by: by.into(),
            call: call(by, 1),
            who: who.into(),
        })
    }

    fn remove(&mut self, by: &str, who: &str) -> Result<Answer, Reason> {
        self.apply(Command::Remove {
            by: by.into(),
            call: call(by, 1),
            who: who.into(),
        })
    }

    fn leave(&mut self, id: &str) -> Result<Answer, Reason> {
        self.apply(Command::Leave {
            by: id.into(),
            call: call(id, 1),
        })
    }

    fn place(&self, id: &str, n: u32) -> Option<Place> {
        self.meeting.place(&endpoint(id, n))
    }

    fn snapshot(&self, id: &str) -> CallSnapshot {
        self.meeting
            .snapshot(&endpoint(id, 1), "call")
            .expect("they are here")
    }

    /// What a person's session was told since the last look.
    fn told(&mut self, id: &str) -> Vec<Event> {
        let wanted = session(id, 1);
        let told = std::mem::take(&mut self.effects);
        told.into_iter()
            .filter_map(|effect| match effect {
                Effect::Tell { session, event } if session == wanted => Some(event),
                _ => None,
            })
            .collect()
    }

    fn end_reason(&mut self, id: &str) -> Option<u32> {
        self.told(id).into_iter().find_map(|event| match event {
            Event::Ended { reason, .. } => Some(reason.sub_code),
            _ => None,
        })
    }
}

fn call(id: &str, n: u32) -> CallId {
    CallId(format!("call {id} {n}"))
}

fn endpoint(id: &str, n: u32) -> EndpointId {
    EndpointId(format!("endpoint {id} {n}"))
}

fn session(id: &str, n: u32) -> SessionId {
    SessionId(format!("session {id} {n}"))
}

fn comer(id: &str, n: u32) -> Comer {
    Comer {
        id: id.into(),
        name: Some(id.rsplit([':', '_']).next().unwrap_or_default().to_owned()),
        call: call(id, n),
        endpoint: endpoint(id, n),
        session: session(id, n),
        muted: true,
        client: Client::Web,
    }
}

#[test]
fn b5_a_guest_waits_and_the_coming_of_a_member_admits_nobody() {
    for bypass in [Bypass::Organization, Bypass::Everyone] {
        let mut story = Story::new(bypass);
        assert_eq!(story.join(ADA), Ok(Place::Lobby), "no member is present");
        assert_eq!(story.join(OLIVIA), Ok(Place::Inside));
        assert_eq!(story.place(ADA, 1), Some(Place::Lobby), "jitsi-meet 7676");
        assert_eq!(story.admit(OLIVIA, ADA), Ok(Answer::Done));
        assert_eq!(story.place(ADA, 1), Some(Place::Inside));
    }
}

#[test]
fn b5_bypass_for_everyone_admits_guests_at_once_while_a_member_is_present() {
    let mut story = Story::new(Bypass::Everyone);
    story.join(OLIVIA).unwrap();
    assert_eq!(story.join(ADA), Ok(Place::Inside));
    story.leave(OLIVIA).unwrap();
    assert_eq!(
        story.place(ADA, 1),
        Some(Place::Inside),
        "those inside stay"
    );
    assert_eq!(story.join(BOB), Ok(Place::Lobby), "and newcomers wait");
}

#[test]
fn b5_a_member_in_the_lobby_is_not_present() {
    let mut story = Story::new(Bypass::Organizer);
    assert_eq!(story.join(MARCO), Ok(Place::Lobby));
    story
        .apply(Command::Change(settings(Bypass::Everyone)))
        .unwrap();
    assert_eq!(
        story.place(MARCO, 1),
        Some(Place::Lobby),
        "new settings admit nobody"
    );
    assert_eq!(story.join(ADA), Ok(Place::Lobby));
}

#[test]
fn b5_rejected_and_removed_people_may_come_again_through_the_lobby() {
    let mut story = Story::new(Bypass::Organization);
    story.join(OLIVIA).unwrap();
    story.join(ADA).unwrap();
    story.reject(OLIVIA, ADA).unwrap();
    assert_eq!(story.end_reason(ADA), Some(Reason::REJECTED.sub_code));
    assert_eq!(story.join(ADA), Ok(Place::Lobby));
    story.admit(OLIVIA, ADA).unwrap();
    story.remove(OLIVIA, ADA).unwrap();
    assert_eq!(story.end_reason(ADA), Some(Reason::REMOVED.sub_code));
    assert_eq!(story.join(ADA), Ok(Place::Lobby));
}

#[test]
fn b5_waiting_is_bounded_in_time_and_in_number() {
    let mut story = Story::new(Bypass::Organization);
    for id in ["8:acs:r_1", "8:acs:r_2", "8:acs:r_3"] {
        story.join(id).unwrap();
    }
    assert_eq!(story.join(ADA), Err(Reason::LOBBY_FULL));
    story.join(OLIVIA).expect("the lobby's places are no seats");
    assert_eq!(story.meeting.deadline(), Some(1_000));
    story.now = 999;
    story.apply(Command::Tick).unwrap();
    assert_eq!(story.meeting.counts(), (1, 3));
    story.now = 1_000;
    story.apply(Command::Tick).unwrap();
    assert_eq!(story.meeting.counts(), (1, 0));
    assert_eq!(
        story.end_reason("8:acs:r_1"),
        Some(Reason::LOBBY_TIMEOUT.sub_code)
    );
}

/// S1, B5, C2: each operation by identity kind and role; a guest never, whatever their role. The table
/// itself is held to the rules in `protocol/tests/matrix.rs`.
#[test]
fn s1_what_each_identity_may_do() {
    use Operation::{ChangeMeeting, End, ManageLobby, ManageRooms, Remove, ShareScreen};
    let appointed = |presenters, role| Settings {
        presenters,
        invited: BTreeMap::from([(MARCO.into(), role), (ADA.into(), role)]),
        ..settings(Bypass::Organization)
    };
    let co = Some(Role::CoOrganizer);
    let (all, some) = (Presenters::Everyone, Presenters::RoleIsPresenter);
    let runs = [ManageLobby, Remove, End, ManageRooms, ShareScreen];
    for (id, presenters, role, allowed) in [
        (MARCO, all, co, &runs[..]),
        (MARCO, all, None, &[ManageLobby, Remove, ShareScreen]),
        (MARCO, some, None, &[]),
        // A guest who is in the list all the same is appointed to nothing.
        (ADA, all, co, &[ShareScreen]),
        (ADA, some, co, &[]),
        (ADA, some, Some(Role::Presenter), &[]),
    ] {
        let settings = appointed(presenters, role);
        for operation in runs {
            let may = settings.may(&id.into(), operation);
            assert_eq!(may, allowed.contains(&operation), "{id} {operation:?}");
            assert!(settings.may(&OLIVIA.into(), operation));
        }
        assert!(!settings.may(&id.into(), ChangeMeeting));
    }
}

#[test]
fn s1_a_refused_operation_changes_nothing() {
    let mut story = Story::new(Bypass::Organization);
    story.join(OLIVIA).unwrap();
    story.join(ADA).unwrap();
    story.join(BOB).unwrap();
    story.admit(OLIVIA, ADA).unwrap();
    story.effects.clear();
    let by = || (RawId::from(ADA), call(ADA, 1));
    let (who, bob) = (RawId::from(OLIVIA), RawId::from(BOB));
    let commands = [
        Command::Admit {
            by: by().0,
            call: by().1,
            who: bob.clone(),
        },
        Command::AdmitAll {
            by: by().0,
            call: by().1,
        },
        Command::Reject {
            by: by().0,
            call: by().1,
            who: bob.clone(),
        },
        Command::Remove {
            by: by().0,
            call: by().1,
            who,
        },
        Command::End {
            by: by().0,
            call: by().1,
        },
        // From the lobby.
        Command::Admit {
            by: bob.clone(),
            call: call(BOB, 1),
            who: bob.clone(),
        },
        Command::End {
            by: bob.clone(),
            call: call(BOB, 1),
        },
    ];
    for command in commands {
        assert_eq!(story.apply(command), Err(Reason::NOT_ALLOWED));
    }
    assert!(story.effects.is_empty());
    // With a call that is not theirs.
    let stolen = Command::Admit {
        by: ADA.into(),
        call: call(OLIVIA, 1),
        who: bob,
    };
    assert_eq!(story.apply(stolen), Err(Reason::NO_SUCH_CALL));
}

#[test]
fn b9_roles_come_from_the_settings() {
    let mut chosen = settings(Bypass::Organization);
    let (olivia, marco, ada) = (OLIVIA.into(), MARCO.into(), ADA.into());
    assert_eq!(chosen.role(&olivia), Role::Organizer);
    assert_eq!(chosen.role(&ada), Role::Presenter);
    chosen.presenters = Presenters::Organization;
    assert_eq!(
        (chosen.role(&marco), chosen.role(&ada)),
        (Role::Presenter, Role::Attendee)
    );
    chosen.presenters = Presenters::RoleIsPresenter;
    assert_eq!(chosen.role(&marco), Role::Attendee);
    chosen.invited = [
        (marco.clone(), Some(Role::CoOrganizer)),
        (ada.clone(), Some(Role::CoOrganizer)),
    ]
    .into();
    assert_eq!(chosen.role(&marco), Role::CoOrganizer);
    assert_eq!(
        chosen.role(&ada),
        Role::Attendee,
        "only directory users are appointed"
    );
}

#[test]
fn a3_members_see_guests_labelled_and_guests_do_not() {
    let mut story = Story::new(Bypass::Everyone);
    story.join(OLIVIA).unwrap();
    story.join(ADA).unwrap();
    let name = |snapshot: CallSnapshot| {
        let ada = snapshot
            .roster
            .into_iter()
            .find(|participant| participant.id == ADA.into());
        ada.and_then(|ada| ada.display_name)
    };
    assert_eq!(
        name(story.snapshot(OLIVIA)).as_deref(),
        Some("ada (External)")
    );
    assert_eq!(name(story.snapshot(ADA)).as_deref(), Some("ada"));
}

#[test]
fn cve_2020_3441_who_waits_sees_their_own_state_alone() {
    let mut story = Story::new(Bypass::Organization);
    story.join(OLIVIA).unwrap();
    story.join(BOB).unwrap();
    story.join(ADA).unwrap();
    story
        .apply(Command::SetMuted {
            by: OLIVIA.into(),
            call: call(OLIVIA, 1),
            muted: false,
        })
        .unwrap();
    story.admit(OLIVIA, BOB).unwrap();
    let snapshot = story.snapshot(ADA);
    assert_eq!(snapshot.state, CallState::Lobby);
    assert!(snapshot.roster.is_empty() && snapshot.lobby.is_none() && snapshot.thread_id.is_none());
    assert_eq!(
        story.told(ADA),
        [],
        "while others come, change and are admitted"
    );
}

#[test]
fn c7_one_more_gets_a_reason_and_nobody_inside_is_harmed() {
    let mut story = Story::new(Bypass::Everyone);
    story.join(OLIVIA).unwrap();
    for n in 2..=8 {
        assert_eq!(story.join(&format!("8:acs:r_{n}")), Ok(Place::Inside));
    }
    assert_eq!(story.join(ADA), Err(Reason::SDK_SEATS_TAKEN));
    assert_eq!(story.meeting.counts(), (8, 0));
    assert_eq!(
        story.join_as(OLIVIA, 2),
        Ok(Place::Inside),
        "a second connection takes no seat"
    );
    story.leave("8:acs:r_2").unwrap();
    assert_eq!(story.join(ADA), Ok(Place::Inside));
}

#[test]
fn c7_admitting_everybody_admits_those_who_waited_longest_while_seats_are_left() {
    let mut story = Story::new(Bypass::Organization);
    story.meeting.bounds.sdk_seats = 3;
    story.join(OLIVIA).unwrap();
    for (now, id) in ["8:acs:r_3", "8:acs:r_2", "8:acs:r_1"]
        .into_iter()
        .enumerate()
    {
        story.now = now as u64;
        story.join(id).unwrap();
    }
    let answer = story.apply(Command::AdmitAll {
        by: OLIVIA.into(),
        call: call(OLIVIA, 1),
    });
    assert_eq!(answer, Ok(Answer::Admitted { done: 2, failed: 1 }));
    assert_eq!(story.place("8:acs:r_1", 1), Some(Place::Lobby));
    assert_eq!(
        story.admit(OLIVIA, "8:acs:r_1"),
        Err(Reason::SDK_SEATS_TAKEN)
    );
}

#[test]
fn two_endpoints_of_one_user_are_one_participant() {
    let mut story = Story::new(Bypass::Organization);
    story.join(OLIVIA).unwrap();
    story.join(ADA).unwrap();
    // CVE-2022-28749: a second connection does not skip admission.
    assert_eq!(story.join_as(ADA, 2), Ok(Place::Lobby));
    story.admit(OLIVIA, ADA).unwrap();
    assert_eq!(
        (story.place(ADA, 1), story.place(ADA, 2)),
        (Some(Place::Inside), Some(Place::Inside))
    );
    assert_eq!(story.snapshot(OLIVIA).roster.len(), 2);
    story.leave(ADA).unwrap();
    assert_eq!(
        story.meeting.counts(),
        (2, 0),
        "the other endpoint is still there"
    );
    story.join_as(ADA, 3).unwrap();
    assert_eq!(story.join_as(ADA, 4), Ok(Place::Inside));
    assert_eq!(story.join_as(ADA, 5), Err(Reason::TOO_MANY_ATTEMPTS), "S11");
}

#[test]
fn cve_2022_41961_removal_ends_every_endpoint_and_cuts_media_before_it_tells() {
    let mut story = Story::new(Bypass::Everyone);
    story.join(OLIVIA).unwrap();
    story.join(ADA).unwrap();
    story.join_as(ADA, 2).unwrap();
    story.effects.clear();
    story.remove(OLIVIA, ADA).unwrap();
    let position =
        |wanted: &dyn Fn(&Effect) -> bool| story.effects.iter().position(wanted).unwrap();
    let last_cut = (1..=2)
        .map(|n| position(&|effect| *effect == Effect::Cut(endpoint(ADA, n))))
        .max();
    let first_told = position(&|effect| matches!(effect, Effect::Tell { .. }));
    assert!(last_cut < Some(first_told));
    assert_eq!((story.place(ADA, 1), story.place(ADA, 2)), (None, None));
    assert_eq!(story.remove(OLIVIA, ADA), Err(Reason::NO_SUCH_CALL));
    assert_eq!(story.remove(OLIVIA, OLIVIA), Err(Reason::NOT_ALLOWED));
}

#[test]
fn the_same_call_finds_back_and_the_last_session_speaks_for_it() {
    let mut story = Story::new(Bypass::Everyone);
    story.join(OLIVIA).unwrap();
    story.join(ADA).unwrap();
    let again = Comer {
        session: session(ADA, 9),
        endpoint: endpoint(ADA, 9),
        ..comer(ADA, 1)
    };
    let answer = story.apply(Command::Join(again));
    let expected = Answer::Joined {
        endpoint: endpoint(ADA, 1),
        place: Place::Inside,
        known: true,
    };
    assert_eq!(answer, Ok(expected));
    // The old session's end does not end the call that another has taken over.
    let vanish = |n| Command::Vanish {
        by: ADA.into(),
        call: call(ADA, 1),
        session: session(ADA, n),
        reason: Reason::VANISHED,
    };
    story.apply(vanish(1)).unwrap();
    assert_eq!(story.place(ADA, 1), Some(Place::Inside));
    story.apply(vanish(9)).unwrap();
    assert_eq!(story.place(ADA, 1), None);
}

#[test]
fn after_a_restart_the_same_identity_and_call_are_back_without_the_lobby() {
    let admission = |id: &str| Admission {
        id: id.into(),
        call: call(id, 1),
        endpoint: endpoint(id, 7),
        room: None,
        held: None,
        former: None,
        moves: 0,
    };
    let meeting = Meeting::new(
        settings(Bypass::Organization),
        Breakout::default(),
        Vec::new(),
        bounds(),
        vec![admission(ADA), admission(BOB)],
        500,
    );
    let mut story = Story {
        meeting,
        now: 100,
        effects: Vec::new(),
    };
    // Another's call id does not help.
    let stolen = Comer {
        call: call(ADA, 1),
        ..comer("8:acs:r_eve", 1)
    };
    let answer = story.apply(Command::Join(stolen));
    assert!(matches!(
        answer,
        Ok(Answer::Joined {
            place: Place::Lobby,
            ..
        })
    ));
    assert_eq!(story.join(ADA), Ok(Place::Inside));
    assert_eq!(
        story.place(ADA, 7),
        Some(Place::Inside),
        "the endpoint is the same"
    );
    story.now = 500;
    story.apply(Command::Tick).unwrap();
    assert_eq!(story.join(BOB), Ok(Place::Lobby), "not taken up in time");
}

#[test]
fn the_end_for_everyone_ends_those_who_wait_too() {
    let mut story = Story::new(Bypass::Organization);
    story.join(OLIVIA).unwrap();
    story.join(MARCO).unwrap();
    story.join(ADA).unwrap();
    let end = |by: &str| Command::End {
        by: by.into(),
        call: call(by, 1),
    };
    assert_eq!(story.apply(end(MARCO)), Err(Reason::NOT_ALLOWED));
    story.apply(end(OLIVIA)).unwrap();
    assert!(story.meeting.is_empty());
    assert_eq!(
        story.end_reason(ADA),
        Some(Reason::ENDED_FOR_EVERYONE.sub_code)
    );
}
