//! The support matrix: who may do what, in which kind of call, with which kind of client, and why not.
//!
//! One constant table. The service's checks ask it ([`ask`]); the SDK's `Capabilities` and
//! `docs/support-matrix.md` are written from it, and the service's `GET /meetings/{id}/support` answers
//! with it. Columns are identities with their role, for meetings; kinds of call that come later have
//! theirs already. What a meeting's organiser chose is a [`Condition`]. Rules by their names (`E3`).

use crate::agent::{ClientKind, Role};
use crate::end::Reason;

/// An identity in a meeting: what it is, and its role there. A column of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Identity {
    /// A guest (Communication Services user) who may not present.
    GuestAttendee,
    /// A guest who may present (`B9`).
    GuestPresenter,
    /// A member of the organisation.
    Attendee,
    /// A member who may present.
    Presenter,
    /// A member whom the organiser appointed.
    CoOrganizer,
    /// The member who scheduled the meeting.
    Organizer,
}

impl Identity {
    /// In the order of the columns.
    pub const ALL: [Self; 6] = [
        Self::GuestAttendee,
        Self::GuestPresenter,
        Self::Attendee,
        Self::Presenter,
        Self::CoOrganizer,
        Self::Organizer,
    ];

    /// A guest has no management right, whatever their role (`B9`, `S1`).
    pub const fn of(member: bool, role: Role) -> Self {
        match (member, role) {
            (false, Role::Attendee) => Self::GuestAttendee,
            (false, _) => Self::GuestPresenter,
            (true, Role::Attendee) => Self::Attendee,
            (true, Role::Presenter) => Self::Presenter,
            (true, Role::CoOrganizer) => Self::CoOrganizer,
            (true, Role::Organizer) => Self::Organizer,
        }
    }

    /// Not of the organisation.
    pub const fn is_guest(self) -> bool {
        matches!(self, Self::GuestAttendee | Self::GuestPresenter)
    }

    /// As people read it.
    pub const fn title(self) -> &'static str {
        match self {
            Self::GuestAttendee => "guest, attendee",
            Self::GuestPresenter => "guest, presenter",
            Self::Attendee => "member, attendee",
            Self::Presenter => "member, presenter",
            Self::CoOrganizer => "co-organizer",
            Self::Organizer => "organizer",
        }
    }
}

/// A kind of call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallKind {
    /// A scheduled meeting, and its breakout rooms.
    Meeting,
    /// Between two.
    OneToOne,
    /// Of a group id.
    Group,
    /// Of a room of the Rooms API.
    Room,
}

impl CallKind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Meeting, Self::OneToOne, Self::Group, Self::Room];

    /// As answers name it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Meeting => "meeting",
            Self::OneToOne => "oneToOne",
            Self::Group => "group",
            Self::Room => "room",
        }
    }
}

/// A kind of client, as far as it matters here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Client {
    /// In a browser.
    Web,
    /// Everything else.
    Native,
}

impl Client {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Web, Self::Native];

    /// As answers name it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Web => "web",
            Self::Native => "native",
        }
    }
}

impl From<ClientKind> for Client {
    fn from(kind: ClientKind) -> Self {
        match kind {
            ClientKind::Web => Self::Web,
            ClientKind::Ios | ClientKind::Android | ClientKind::Windows | ClientKind::Other => {
                Self::Native
            }
        }
    }
}

/// Who asks, in what kind of call, with what kind of client, and what holds there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asker {
    /// Who.
    pub identity: Identity,
    /// In what.
    pub call: CallKind,
    /// With what.
    pub client: Client,
    /// What the organiser and the managers of the rooms chose.
    pub facts: Facts,
}

/// What organiser and managers chose, as far as a cell depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Facts {
    /// Presenters may admit (`allowedLobbyAdmitters`).
    pub presenters_admit: bool,
    /// There may be breakout rooms (`E13`).
    pub breakout: bool,
    /// The asker was appointed as breakout room manager.
    pub manages_rooms: bool,
    /// The rooms' settings keep nobody in until they close (`E11`).
    pub return_enabled: bool,
    /// Guests have chat: it is no channel's meeting (`B7`).
    pub guest_chat: bool,
    /// They have it in breakout rooms, too (`E5`).
    pub guest_room_chat: bool,
}

impl Facts {
    /// As a meeting is by default.
    pub const DEFAULT: Self = Self {
        presenters_admit: true,
        breakout: true,
        manages_rooms: false,
        return_enabled: true,
        guest_chat: true,
        guest_room_chat: false,
    };
}

/// What a cell may depend on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Condition {
    /// [`Facts::presenters_admit`].
    PresentersAdmit,
    /// [`Facts::breakout`].
    Breakout,
    /// [`Facts::manages_rooms`].
    ManagesRooms,
    /// [`Facts::return_enabled`], or the asker manages the rooms.
    Return,
    /// [`Facts::guest_chat`].
    GuestChat,
    /// [`Facts::guest_room_chat`].
    GuestRoomChat,
}

impl Condition {
    const fn holds(self, facts: Facts) -> bool {
        match self {
            Self::PresentersAdmit => facts.presenters_admit,
            Self::Breakout => facts.breakout,
            Self::ManagesRooms => facts.manages_rooms,
            Self::Return => facts.return_enabled || facts.manages_rooms,
            Self::GuestChat => facts.guest_chat,
            Self::GuestRoomChat => facts.guest_chat && facts.guest_room_chat,
        }
    }

    /// As people read it.
    pub const fn title(self) -> &'static str {
        match self {
            Self::PresentersAdmit => "if presenters admit",
            Self::Breakout => "if rooms are allowed",
            Self::ManagesRooms => "if appointed as room manager",
            Self::Return => "unless return is disabled",
            Self::GuestChat => "unless it is a channel's meeting",
            Self::GuestRoomChat => "if guests may chat in rooms",
        }
    }
}

/// Why not, as the Azure SDK's `CapabilityResolutionReason` says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// Not for this identity or role.
    Role,
    /// The organiser or the organisation chose so.
    Setting,
    /// Not with this kind of client.
    Client,
    /// Not in this kind of call.
    CallKind,
    /// Nobody here has it.
    Feature,
    /// The rules allow it; this version does not have it.
    NotYet,
}

impl Why {
    /// `CapabilityResolutionReason`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Role => "RoleRestricted",
            Self::Setting => "MeetingRestricted",
            Self::Client => "ClientRestricted",
            Self::CallKind => "CapabilityNotApplicableForTheCallType",
            Self::Feature | Self::NotYet => "FeatureNotSupported",
        }
    }
}

/// A refusal: why, by which rule, and what the one who tries is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct No {
    /// Why.
    pub why: Why,
    /// The rule's name.
    pub rule: &'static str,
    /// Code, sub-code and sentence of who tries all the same.
    pub reason: Reason,
}

/// A cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cell {
    /// They may.
    Yes,
    /// They may where the condition holds.
    When(Condition, No),
    /// They may not.
    No(No),
}

const fn no(why: Why, rule: &'static str, reason: Reason) -> No {
    No { why, rule, reason }
}

const fn refused(rule: &'static str) -> Cell {
    Cell::No(no(Why::Role, rule, Reason::NOT_ALLOWED))
}

const fn absent(rule: &'static str) -> Cell {
    Cell::No(no(Why::Feature, rule, Reason::NOT_SUPPORTED))
}

const fn when(condition: Condition, why: Why, rule: &'static str, reason: Reason) -> Cell {
    Cell::When(condition, no(why, rule, reason))
}

const fn appointed(rule: &'static str, reason: Reason) -> Cell {
    when(Condition::ManagesRooms, Why::Role, rule, reason)
}

const YES: Cell = Cell::Yes;
/// The rules allow it; this version does not have it.
const LATER: Cell = Cell::No(no(Why::NotYet, "later", Reason::NOT_SUPPORTED));
/// Section E: only meetings have breakout rooms.
const NO_ROOMS: Cell = Cell::No(no(Why::CallKind, "E", Reason::ROOMS_IN_MEETINGS_ONLY));
/// Section E: the web SDK alone.
const WEB_ONLY: Option<No> = Some(no(Why::Client, "E", Reason::NOT_ON_THIS_CLIENT));
const ROOMS_ALLOWED: Option<(Condition, No)> = Some((
    Condition::Breakout,
    no(Why::Setting, "E13", Reason::BREAKOUT_OFF),
));
const RETURNS: Cell = when(
    Condition::Return,
    Why::Setting,
    "E11",
    Reason::RETURN_DISABLED,
);
/// The same for everybody.
const fn all(cell: Cell) -> [Cell; 6] {
    [cell; 6]
}
/// One cell for guests, one for members.
const fn by_kind(guest: Cell, member: Cell) -> [Cell; 6] {
    [guest, guest, member, member, member, member]
}
/// Guests, then members who attend, who present, and who organise.
const fn by_role(guest: Cell, attendee: Cell, presenter: Cell, organizers: Cell) -> [Cell; 6] {
    [guest, guest, attendee, presenter, organizers, organizers]
}

/// A row: one operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    /// Which.
    pub operation: Operation,
    /// As answers name it.
    pub name: &'static str,
    /// As people read it.
    pub title: &'static str,
    /// The rules behind it.
    pub rules: &'static str,
    /// What must hold for everybody.
    pub needs: Option<(Condition, No)>,
    /// Meetings, by [`Identity`].
    pub meeting: [Cell; 6],
    /// The other kinds of call, for guests and for members.
    pub one_to_one: [Cell; 2],
    /// Group calls.
    pub group: [Cell; 2],
    /// Room calls.
    pub room: [Cell; 2],
    /// Why clients other than the web SDK may not.
    pub native: Option<No>,
}

macro_rules! operations {
    ($($(#[$doc:meta])* $operation:ident $name:literal $title:literal $rules:literal
        needs $needs:expr, native $native:expr, meeting $meeting:expr,
        others [$one:expr, $group:expr, $room:expr];)+) => {
        /// What somebody may want to do. A row of the table.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Operation { $($(#[$doc])* $operation),+ }

        /// The table.
        pub const ROWS: &[Row] = &[$(Row {
            operation: Operation::$operation,
            name: $name,
            title: $title,
            rules: $rules,
            needs: $needs,
            meeting: $meeting,
            one_to_one: $one,
            group: $group,
            room: $room,
            native: $native,
        }),+];
    };
}

/// Other kinds of call come later, with what the rules say of them.
const LATER_ALL: [Cell; 2] = [LATER, LATER];
const NO_ROOMS_ALL: [Cell; 2] = [NO_ROOMS, NO_ROOMS];
/// `B8`: a call that a guest started.
const GUESTS_CALL: [Cell; 2] = [
    LATER,
    Cell::No(no(Why::CallKind, "B8", Reason::GUESTS_CALL)),
];

operations! {
    /// Come in: guests by the lobby, members as the meeting's options say (`B5`).
    Join "join" "Join, where the lobby asks for it through the lobby" "B1, B5"
        needs None, native None, meeting all(YES), others [GUESTS_CALL, GUESTS_CALL, LATER_ALL];
    /// See who is there.
    Roster "viewAttendeeNames" "See who is in the meeting" "A3"
        needs None, native None, meeting all(YES), others [LATER_ALL, LATER_ALL, LATER_ALL];
    /// See who waits, admit, reject.
    ManageLobby "manageLobby" "See the lobby, admit, reject" "B5, S1"
        needs None, native None,
        meeting by_role(
            refused("B5"),
            refused("B5"),
            when(Condition::PresentersAdmit, Why::Role, "B5", Reason::NOT_ALLOWED),
            YES,
        ),
        others [NO_LOBBY, NO_LOBBY, NO_LOBBY];
    /// Send somebody away from the meeting.
    Remove "removeParticipant" "Remove a participant" "C2, S1"
        needs None, native None,
        meeting by_role(refused("C2"), refused("S1"), YES, YES),
        others [LATER_ALL, LATER_ALL, LATER_ALL];
    /// Bring somebody in.
    Add "addParticipant" "Add a participant" "C2"
        needs None, native None, meeting by_kind(refused("C2"), LATER),
        others [LATER_ALL, LATER_ALL, LATER_ALL];
    /// End it for everybody.
    End "hangUpForEveryone" "End the meeting for everyone" "S1"
        needs None, native None,
        meeting by_role(refused("S1"), refused("S1"), refused("S1"), YES),
        others [LATER_ALL, LATER_ALL, LATER_ALL];
    /// Options, deletion, managers of the rooms: over REST.
    ChangeMeeting "changeMeeting" "Change the meeting's options, appoint managers, delete it" "B1, S1"
        needs None, native None,
        meeting [
            refused("S1"), refused("S1"), refused("S1"), refused("S1"), refused("S1"), YES,
        ],
        others [LATER_ALL, LATER_ALL, LATER_ALL];
    /// Microphone: send, mute, unmute.
    Microphone "unmuteMic" "Microphone, mute and unmute oneself" "C1"
        needs None, native None, meeting all(YES), others [LATER_ALL, LATER_ALL, LATER_ALL];
    /// Camera.
    Camera "turnVideoOn" "Camera" "C1"
        needs None, native None, meeting all(YES), others [LATER_ALL, LATER_ALL, LATER_ALL];
    /// Screen.
    ShareScreen "shareScreen" "Share the screen" "C1, B9"
        needs None, native None,
        meeting [refused("B9"), YES, refused("B9"), YES, YES, YES],
        others [LATER_ALL, LATER_ALL, LATER_ALL];
    /// Mute others.
    MuteOthers "muteOthers" "Mute others" "S1"
        needs None, native None, meeting by_role(refused("S1"), refused("S1"), YES, YES),
        others [LATER_ALL, LATER_ALL, LATER_ALL];
    /// Say that a recording or transcription starts and stops: over REST.
    Record "record" "Start and stop recording and transcription, over REST" "C2, S1"
        needs None, native None, meeting by_role(refused("C2"), refused("S1"), YES, YES),
        others [LATER_ALL, LATER_ALL, LATER_ALL];
    /// Hear that they start and stop.
    RecordingNotice "recordingNotice" "Be told of recording and transcription" "C3"
        needs None, native None, meeting all(YES), others [LATER_ALL, LATER_ALL, LATER_ALL];
    /// Background effects.
    Background "blurBackground" "Background effects" "C4"
        needs None, native None, meeting by_kind(refused("C4"), LATER),
        others [LATER_ALL, LATER_ALL, LATER_ALL];
    /// Hands and reactions.
    React "raiseHand" "Raise a hand, lower it, react" "C5"
        needs None, native None, meeting by_kind(refused("C5"), YES),
        others [LATER_ALL, LATER_ALL, LATER_ALL];
    /// Others' hands.
    LowerHands "lowerHands" "Lower others' hands" "C5, S1"
        needs None, native None, meeting by_role(refused("C5"), refused("S1"), YES, YES),
        others [LATER_ALL, LATER_ALL, LATER_ALL];
    /// Together mode.
    TogetherMode "togetherMode" "Together mode" "C5"
        needs None, native None, meeting by_kind(refused("C5"), LATER),
        others [LATER_ALL, LATER_ALL, LATER_ALL];
    /// What these meetings do not have.
    Captions "captions" "PowerPoint Live, polls, Q&A, captions" "C6"
        needs None, native None, meeting all(absent("C6")),
        others [LATER_ALL, LATER_ALL, LATER_ALL];
    /// Chat of the meeting.
    Chat "chat" "Chat of the meeting" "B7, D1, D5"
        needs None, native None,
        meeting by_kind(when(Condition::GuestChat, Why::Setting, "B7", Reason::NOT_ALLOWED), YES),
        others [LATER_ALL, LATER_ALL, LATER_ALL];
    /// Which room one is assigned to.
    AssignedRoom "assignedBreakoutRoom" "Breakout rooms: get the assigned one" "E1"
        needs ROOMS_ALLOWED, native WEB_ONLY, meeting all(YES),
        others [NO_ROOMS_ALL, NO_ROOMS_ALL, NO_ROOMS_ALL];
    /// Names and states of all rooms.
    AllRooms "breakoutRooms" "Breakout rooms: get all, names and states" "E2"
        needs ROOMS_ALLOWED, native WEB_ONLY, meeting all(YES),
        others [NO_ROOMS_ALL, NO_ROOMS_ALL, NO_ROOMS_ALL];
    /// Their chat threads.
    RoomThreads "breakoutRoomThreads" "Breakout rooms: get their chat threads" "E2"
        needs ROOMS_ALLOWED, native WEB_ONLY, meeting by_kind(refused("E2"), YES),
        others [NO_ROOMS_ALL, NO_ROOMS_ALL, NO_ROOMS_ALL];
    /// Who is assigned to them.
    RoomInvitees "breakoutRoomInvitees" "Breakout rooms: get who is assigned to each" "E2"
        needs ROOMS_ALLOWED, native WEB_ONLY,
        meeting by_role(
            refused("E2"),
            appointed("E2", Reason::NOT_ALLOWED),
            appointed("E2", Reason::NOT_ALLOWED),
            YES,
        ),
        others [NO_ROOMS_ALL, NO_ROOMS_ALL, NO_ROOMS_ALL];
    /// Go to the assigned room.
    JoinAssignedRoom "joinAssignedBreakoutRoom" "Breakout rooms: join the assigned one" "E3, E7"
        needs ROOMS_ALLOWED, native WEB_ONLY, meeting all(YES),
        others [NO_ROOMS_ALL, NO_ROOMS_ALL, NO_ROOMS_ALL];
    /// Go to another one.
    JoinAnyRoom "joinAnyBreakoutRoom" "Breakout rooms: join any" "E3"
        needs ROOMS_ALLOWED, native WEB_ONLY,
        meeting by_role(
            Cell::No(no(Why::Role, "E3", Reason::NOT_ASSIGNED)),
            appointed("E3", Reason::NOT_ASSIGNED),
            appointed("E3", Reason::NOT_ASSIGNED),
            YES,
        ),
        others [NO_ROOMS_ALL, NO_ROOMS_ALL, NO_ROOMS_ALL];
    /// Go back before the rooms close.
    Return "returnToMainMeeting" "Breakout rooms: return before they close" "E11"
        needs None, native WEB_ONLY, meeting by_role(RETURNS, RETURNS, RETURNS, YES),
        others [NO_ROOMS_ALL, NO_ROOMS_ALL, NO_ROOMS_ALL];
    /// Create, assign, open, close: from the organisation's own side.
    ManageRooms "manageBreakoutRooms" "Breakout rooms: manage, over REST and in the console" "E4"
        needs ROOMS_ALLOWED, native None,
        meeting by_role(
            refused("E4"),
            appointed("E4", Reason::NOT_ALLOWED),
            appointed("E4", Reason::NOT_ALLOWED),
            YES,
        ),
        others [NO_ROOMS_ALL, NO_ROOMS_ALL, NO_ROOMS_ALL];
    /// The same through the SDK.
    ManageRoomsInSdk "manageBreakoutRoomsInSdk" "Breakout rooms: manage, through the SDK's feature" "E4"
        needs None, native WEB_ONLY, meeting all(absent("E4")),
        others [NO_ROOMS_ALL, NO_ROOMS_ALL, NO_ROOMS_ALL];
    /// Chat of a room.
    RoomChat "breakoutRoomChat" "Breakout rooms: take part in their chat" "E5"
        needs ROOMS_ALLOWED, native WEB_ONLY,
        meeting by_kind(
            when(Condition::GuestRoomChat, Why::Setting, "E5", Reason::NOT_ALLOWED),
            YES,
        ),
        others [NO_ROOMS_ALL, NO_ROOMS_ALL, NO_ROOMS_ALL];
    /// What holds in the rooms.
    RoomSettings "breakoutRoomsSettings" "Breakout rooms: get their settings" "E6, E12"
        needs ROOMS_ALLOWED, native WEB_ONLY, meeting all(YES),
        others [NO_ROOMS_ALL, NO_ROOMS_ALL, NO_ROOMS_ALL];
}

/// `call.lobby` is a meeting's.
const NO_LOBBY: [Cell; 2] = [Cell::No(no(Why::CallKind, "B5", Reason::NOT_SUPPORTED)); 2];

impl Operation {
    /// Its row.
    pub const fn row(self) -> &'static Row {
        &ROWS[self as usize]
    }
}

impl Row {
    /// The cell of an identity in a kind of call.
    pub const fn cell(&self, identity: Identity, call: CallKind) -> Cell {
        let kind = !identity.is_guest() as usize;
        match call {
            CallKind::Meeting => self.meeting[identity as usize],
            CallKind::OneToOne => self.one_to_one[kind],
            CallKind::Group => self.group[kind],
            CallKind::Room => self.room[kind],
        }
    }
}

/// Whether somebody may do something, and why not. What is more specific than a meeting, such as whose
/// room it is and whether it is open, is asked elsewhere.
pub fn ask(operation: Operation, asker: Asker) -> Result<(), No> {
    let Asker {
        identity,
        call,
        client,
        facts,
    } = asker;
    let row = operation.row();
    let cell = row.cell(identity, call);
    // What this kind of call never has is said first: no client and no setting would help.
    if let Cell::No(no) = cell {
        if no.why == Why::CallKind {
            return Err(no);
        }
    }
    if let (Client::Native, Some(no)) = (client, row.native) {
        return Err(no);
    }
    match row.needs {
        Some((condition, no)) if !condition.holds(facts) => return Err(no),
        _ => {}
    }
    match cell {
        Cell::Yes => Ok(()),
        Cell::When(condition, _) if condition.holds(facts) => Ok(()),
        Cell::When(_, no) | Cell::No(no) => Err(no),
    }
}
