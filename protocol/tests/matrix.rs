//! The support matrix: its cells are those of the rules, and what is written from it is up to date.
//! `UPDATE_MATRIX=1 cargo test -p plenary-protocol` writes the page and the SDK's table.
#![allow(clippy::unwrap_used)]

use plenary_protocol::agent::{ClientKind, Role};
use plenary_protocol::end::Reason;
use plenary_protocol::matrix::{
    ask, Asker, CallKind, Cell, Client, Condition, Facts, Identity, No, Operation, Row, Why, ROWS,
};
use std::fmt::Write;
use std::path::Path;
use Identity::{Attendee, CoOrganizer, GuestAttendee, GuestPresenter, Organizer, Presenter};

const MEMBERS: [Identity; 4] = [Attendee, Presenter, CoOrganizer, Organizer];
const GUESTS: [Identity; 2] = [GuestAttendee, GuestPresenter];

fn with(identity: Identity, operation: Operation, facts: Facts) -> Result<(), No> {
    ask(
        operation,
        Asker {
            identity,
            call: CallKind::Meeting,
            client: Client::Web,
            facts,
        },
    )
}

fn in_meeting(identity: Identity, operation: Operation) -> Result<(), No> {
    with(identity, operation, Facts::DEFAULT)
}

/// Exactly these may, in a meeting by default.
fn only(operation: Operation, who: &[Identity]) {
    for identity in Identity::ALL {
        let answer = in_meeting(identity, operation);
        assert_eq!(
            answer.is_ok(),
            who.contains(&identity),
            "{operation:?} {identity:?}"
        );
    }
}

/// All of these are refused by that rule and for that reason.
fn refused(operation: Operation, who: &[Identity], rule: &str, reason: Reason) {
    for identity in who {
        let no = in_meeting(*identity, operation).unwrap_err();
        assert_eq!((no.rule, no.reason), (rule, reason), "{identity:?}");
    }
}

#[test]
fn each_row_is_found_by_its_operation_and_every_name_is_there_once() {
    for row in ROWS {
        assert_eq!(row.operation.row(), row);
        let same = ROWS.iter().filter(|other| other.name == row.name);
        assert_eq!(same.count(), 1, "{}", row.name);
    }
}

#[test]
fn s1_b5_c2_guests_have_no_right_over_others_whatever_their_role() {
    use Operation::{Add, End, ManageLobby, ManageRooms, MuteOthers, Record, Remove};
    for operation in [
        ManageLobby,
        Remove,
        Add,
        End,
        MuteOthers,
        Record,
        ManageRooms,
    ] {
        for identity in GUESTS {
            let generous = Facts {
                manages_rooms: true,
                ..Facts::DEFAULT
            };
            let no = with(identity, operation, generous).unwrap_err();
            assert_eq!(no.why, Why::Role, "{operation:?}");
        }
    }
    for role in [Role::Organizer, Role::CoOrganizer, Role::Presenter] {
        assert_eq!(Identity::of(false, role), GuestPresenter);
    }
    only(Operation::ManageLobby, &[Presenter, CoOrganizer, Organizer]);
    only(Operation::Remove, &[Presenter, CoOrganizer, Organizer]);
    only(Operation::End, &[CoOrganizer, Organizer]);
    only(Operation::ChangeMeeting, &[Organizer]);
    let strict = Facts {
        presenters_admit: false,
        ..Facts::DEFAULT
    };
    assert!(with(Presenter, Operation::ManageLobby, strict).is_err());
    assert!(with(CoOrganizer, Operation::ManageLobby, strict).is_ok());
    assert!(with(Presenter, Operation::Remove, strict).is_ok());
}

#[test]
fn c1_b9_everybody_has_audio_and_video_and_who_presents_the_screen() {
    for operation in [Operation::Join, Operation::Microphone, Operation::Camera] {
        only(operation, &Identity::ALL);
    }
    let presenters = [GuestPresenter, Presenter, CoOrganizer, Organizer];
    only(Operation::ShareScreen, &presenters);
    let attendees = [GuestAttendee, Attendee];
    refused(
        Operation::ShareScreen,
        &attendees,
        "B9",
        Reason::NOT_ALLOWED,
    );
}

#[test]
fn c2_c4_c5_c6_what_guests_never_have_and_what_nobody_has() {
    for (operation, rule) in [
        (Operation::Add, "C2"),
        (Operation::Remove, "C2"),
        (Operation::Record, "C2"),
        (Operation::Background, "C4"),
        (Operation::React, "C5"),
        (Operation::LowerHands, "C5"),
        (Operation::TogetherMode, "C5"),
    ] {
        refused(operation, &GUESTS, rule, Reason::NOT_ALLOWED);
    }
    refused(
        Operation::Captions,
        &Identity::ALL,
        "C6",
        Reason::NOT_SUPPORTED,
    );
}

#[test]
fn c3_c5_s1_who_records_raises_hands_and_mutes_others() {
    only(Operation::RecordingNotice, &Identity::ALL);
    only(Operation::React, &MEMBERS);
    let presenters = [Presenter, CoOrganizer, Organizer];
    for operation in [
        Operation::Record,
        Operation::LowerHands,
        Operation::MuteOthers,
    ] {
        only(operation, &presenters);
        refused(operation, &[Attendee], "S1", Reason::NOT_ALLOWED);
    }
}

#[test]
fn e1_e2_e6_who_learns_what_of_the_rooms() {
    for operation in [
        Operation::AssignedRoom,
        Operation::AllRooms,
        Operation::RoomSettings,
    ] {
        only(operation, &Identity::ALL);
    }
    only(Operation::RoomThreads, &MEMBERS);
    only(Operation::RoomInvitees, &[CoOrganizer, Organizer]);
    refused(Operation::RoomThreads, &GUESTS, "E2", Reason::NOT_ALLOWED);
}

#[test]
fn e3_e4_who_joins_which_room_and_who_manages_them() {
    only(Operation::JoinAssignedRoom, &Identity::ALL);
    only(Operation::JoinAnyRoom, &[CoOrganizer, Organizer]);
    let others = [GuestAttendee, GuestPresenter, Attendee, Presenter];
    refused(Operation::JoinAnyRoom, &others, "E3", Reason::NOT_ASSIGNED);
    only(Operation::ManageRooms, &[CoOrganizer, Organizer]);
    only(Operation::ManageRoomsInSdk, &[]);
    let appointed = Facts {
        manages_rooms: true,
        ..Facts::DEFAULT
    };
    for operation in [
        Operation::JoinAnyRoom,
        Operation::ManageRooms,
        Operation::RoomInvitees,
    ] {
        for identity in [Attendee, Presenter] {
            assert!(with(identity, operation, appointed).is_ok());
        }
        for identity in GUESTS {
            assert!(with(identity, operation, appointed).is_err());
        }
    }
}

#[test]
fn b7_e5_where_guests_chat_and_that_members_always_do() {
    only(Operation::Chat, &Identity::ALL);
    only(Operation::RoomChat, &MEMBERS);
    refused(Operation::RoomChat, &GUESTS, "E5", Reason::NOT_ALLOWED);
    let channel = Facts {
        guest_chat: false,
        guest_room_chat: true,
        ..Facts::DEFAULT
    };
    let generous = Facts {
        guest_room_chat: true,
        ..Facts::DEFAULT
    };
    for identity in Identity::ALL {
        let guest = GUESTS.contains(&identity);
        for (operation, rule) in [(Operation::Chat, "B7"), (Operation::RoomChat, "E5")] {
            assert!(with(identity, operation, generous).is_ok());
            let refused = with(identity, operation, channel).map_err(|no| no.rule);
            assert_eq!(refused, if guest { Err(rule) } else { Ok(()) });
        }
    }
}

#[test]
fn e11_who_manages_the_rooms_returns_when_others_must_stay() {
    let kept = Facts {
        return_enabled: false,
        ..Facts::DEFAULT
    };
    for identity in Identity::ALL {
        let answer = with(identity, Operation::Return, kept);
        let organizes = [CoOrganizer, Organizer].contains(&identity);
        assert_eq!(answer.is_ok(), organizes, "{identity:?}");
        assert!(in_meeting(identity, Operation::Return).is_ok());
    }
}

fn room_rows() -> impl Iterator<Item = &'static Row> {
    ROWS.iter()
        .filter(|row| row.title.starts_with("Breakout rooms"))
}

#[test]
fn e13_where_rooms_are_off_nobody_has_them_and_everybody_can_go_back() {
    let off = Facts {
        breakout: false,
        ..Facts::DEFAULT
    };
    assert_eq!(room_rows().count(), 11);
    for row in room_rows() {
        for identity in Identity::ALL {
            let answer = with(identity, row.operation, off);
            match row.operation {
                Operation::Return => assert_eq!(answer, Ok(())),
                Operation::ManageRoomsInSdk => assert_eq!(answer.unwrap_err().rule, "E4"),
                _ => assert_eq!(answer.unwrap_err().reason, Reason::BREAKOUT_OFF),
            }
        }
    }
}

#[test]
fn section_e_only_meetings_have_rooms_and_only_the_web_sdk_does_them() {
    for row in room_rows() {
        for identity in Identity::ALL {
            for client in Client::ALL {
                for call in [CallKind::OneToOne, CallKind::Group, CallKind::Room] {
                    let asker = Asker {
                        identity,
                        call,
                        client,
                        facts: Facts::DEFAULT,
                    };
                    let no = ask(row.operation, asker).unwrap_err();
                    assert_eq!(no.reason, Reason::ROOMS_IN_MEETINGS_ONLY, "{}", row.name);
                }
            }
            let native = Asker {
                identity,
                call: CallKind::Meeting,
                client: Client::Native,
                facts: Facts::DEFAULT,
            };
            let answer = ask(row.operation, native);
            match row.operation {
                // It is done over REST, from whatever machine.
                Operation::ManageRooms => assert_eq!(answer, in_meeting(identity, row.operation)),
                _ => assert_eq!(answer.unwrap_err().reason, Reason::NOT_ON_THIS_CLIENT),
            }
        }
    }
    for kind in [ClientKind::Ios, ClientKind::Android, ClientKind::Windows] {
        assert_eq!(Client::from(kind), Client::Native);
    }
    assert_eq!(Client::from(ClientKind::Web), Client::Web);
    // Everything else is the same for all kinds.
    for row in ROWS.iter().filter(|row| row.native.is_some()) {
        assert!(row.title.starts_with("Breakout rooms"), "{}", row.name);
    }
}

#[test]
fn b8_a_member_does_not_join_what_a_guest_started() {
    for call in [CallKind::OneToOne, CallKind::Group] {
        let Cell::No(no) = Operation::Join.row().cell(Organizer, call) else {
            panic!("{call:?}");
        };
        assert_eq!((no.rule, no.reason.sub_code), ("B8", 59080));
    }
}

// --- what is written from the table ---

/// The page and the SDK's table, as they are to be.
fn up_to_date(file: &str, text: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(file);
    if std::env::var_os("UPDATE_MATRIX").is_some() {
        std::fs::write(&file, text).unwrap();
    }
    let kept = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(
        kept == text,
        "the support matrix changed: UPDATE_MATRIX=1 cargo test -p plenary-protocol"
    );
}

fn shown(cell: Cell) -> String {
    match cell {
        Cell::Yes => "yes".to_owned(),
        Cell::When(condition, no) => format!("yes, {} ({})", condition.title(), no.rule),
        Cell::No(no) if no.why == Why::NotYet => "later".to_owned(),
        Cell::No(no) => format!("no ({})", no.rule),
    }
}

fn table<'a>(
    heads: &[&str],
    rows: impl Iterator<Item = &'a Row>,
    cells: impl Fn(&'a Row) -> Vec<String>,
) -> String {
    let mut text = format!("| operation | {} |\n", heads.join(" | "));
    text += &"|---".repeat(heads.len() + 1);
    text += "|\n";
    for row in rows {
        writeln!(text, "| {} | {} |", row.title, cells(row).join(" | ")).unwrap();
    }
    text
}

/// Every refusal that a cell holds, once.
fn refusals() -> Vec<No> {
    let mut found: Vec<No> = Vec::new();
    for row in ROWS {
        let all = row.meeting.iter().chain(&row.one_to_one).chain(&row.group);
        let cells = all.chain(&row.room).filter_map(|cell| match cell {
            Cell::Yes => None,
            Cell::When(_, no) | Cell::No(no) => Some(*no),
        });
        for no in cells.chain(row.needs.map(|(_, no)| no)).chain(row.native) {
            if !found.contains(&no) {
                found.push(no);
            }
        }
    }
    found.sort_by_key(|no| (no.rule, no.reason.sub_code));
    found
}

const INTRODUCTION: &str = "# Support matrix

Who may do what, and why not. The table itself is `protocol/src/matrix.rs`: the service's checks ask it, the
SDK's `Features.Capabilities` is made from it, and `GET /meetings/{id}/support` answers with it. This page is
written from it: change the table, then `UPDATE_MATRIX=1 cargo test -p plenary-protocol`.

*later*: the rules allow it, and this version does not have it yet. A name in brackets is the rule that says
no; the last table says what an application is told. Guests are users of a Communication Services resource;
their role is what the meeting's \"who can present\" gives, without any right over others.

## In meetings, with the web SDK

";

fn page() -> String {
    let mut text = INTRODUCTION.to_owned();
    let heads: Vec<&str> = Identity::ALL.iter().map(|who| who.title()).collect();
    text += &table(&heads, ROWS.iter(), |row| {
        row.meeting.iter().map(|cell| shown(*cell)).collect()
    });
    text += "\nBreakout rooms need the meeting's option `allowBreakoutRooms`, on by default (E13); without it \
             everybody is refused.\n";
    text += "\n## In other kinds of call\n\nThese calls come later; what the rules say of them stands already.\n\n";
    let heads = [
        "1:1, guest",
        "1:1, member",
        "group, guest",
        "group, member",
        "room, guest",
        "room, member",
    ];
    text += &table(&heads, ROWS.iter(), |row| {
        let cells = row.one_to_one.iter().chain(&row.group).chain(&row.room);
        cells.map(|cell| shown(*cell)).collect()
    });
    text += "\n## With other clients\n\nWhat iOS, Android, Windows and other native clients do not have; \
             everything else is as with the web SDK.\n\n";
    let native = ROWS.iter().filter(|row| row.native.is_some());
    text += &table(&["native"], native, |row| {
        row.native
            .map(|no| format!("no ({})", no.rule))
            .into_iter()
            .collect()
    });
    text += "\n## What is told\n\n`reason` is that of the query and, but for a meeting's settings, which the SDK is not told, of \
             `Features.Capabilities`; `code/subCode` those of the error of who tries all the same.\n\n| rule | reason | code/subCode | sentence |\n\
             |---|---|---|---|\n";
    for no in refusals() {
        let Reason {
            code,
            sub_code,
            message,
        } = no.reason;
        writeln!(
            text,
            "| {} | {} | {code}/{sub_code} | {message} |",
            no.rule,
            no.why.name()
        )
        .unwrap();
    }
    text
}

#[test]
fn the_page_is_that_of_the_table() {
    up_to_date("docs/support-matrix.md", &page());
}

/// The Azure SDK's names of capabilities, and the operations behind them.
const CAPABILITIES: [(&str, Operation); 15] = [
    ("turnVideoOn", Operation::Camera),
    ("unmuteMic", Operation::Microphone),
    ("shareScreen", Operation::ShareScreen),
    ("removeParticipant", Operation::Remove),
    ("hangUpForEveryOne", Operation::End),
    ("addCommunicationUser", Operation::Add),
    ("addTeamsUser", Operation::Add),
    ("manageLobby", Operation::ManageLobby),
    ("blurBackground", Operation::Background),
    ("raiseHand", Operation::React),
    ("muteOthers", Operation::MuteOthers),
    ("useReactions", Operation::React),
    ("viewAttendeeNames", Operation::Roster),
    ("startTogetherMode", Operation::TogetherMode),
    ("joinBreakoutRooms", Operation::JoinAssignedRoom),
];

/// One letter per cell.
fn letter(cell: Cell) -> char {
    match cell {
        Cell::Yes => 'y',
        Cell::When(Condition::PresentersAdmit, _) => 'a',
        Cell::No(no) if no.why == Why::Role => 'r',
        Cell::No(no) if matches!(no.why, Why::Feature | Why::NotYet) => 'f',
        other => panic!("the SDK has no letter for {other:?}"),
    }
}

fn sdk_table() -> String {
    let mut text = "// Written from protocol/src/matrix.rs: UPDATE_MATRIX=1 cargo test -p plenary-protocol\n\n\
        /**\n * What may be done in a meeting with the web SDK. Columns: guest (attendee, presenter), member \
        (attendee, presenter,\n * co-organizer, organizer). y: yes; a: who may admit; r: not with this role; \
        f: not supported.\n * @internal\n */\nexport const matrix: Record<string, string> = {\n"
        .to_owned();
    for (name, operation) in CAPABILITIES {
        let letters: String = operation
            .row()
            .meeting
            .iter()
            .map(|cell| letter(*cell))
            .collect();
        writeln!(text, "  {name}: '{letters}',").unwrap();
    }
    text + "};\n"
}

#[test]
fn the_table_of_the_sdk_is_that_of_the_table() {
    up_to_date("pkg-template/src/features/matrix.ts", &sdk_table());
}
