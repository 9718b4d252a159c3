//! Who somebody is in a meeting: what they may do then is in the support matrix (`S1`, `B5`, `C2`). Roles
//! come from the meeting's settings in the store alone, never from a client (CVE-2024-38518).

use plenary_protocol::agent::Role;
use plenary_protocol::id::RawId;
use plenary_protocol::matrix::{self, Asker, CallKind, Client, Facts, Identity, Operation};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Identity kinds; a token says which, by the form of its identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Of the organisation that hosts the meeting.
    Member,
    /// Everybody else.
    Guest,
}

impl Kind {
    /// The kind of an identity: `8:orgid:…` is a member, all others are guests.
    pub fn of(id: &RawId) -> Self {
        if id.as_str().starts_with("8:orgid:") {
            Self::Member
        } else {
            Self::Guest
        }
    }
}

/// `lobbyBypassSettings.scope`: who comes in without waiting.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Bypass {
    /// The organiser alone.
    Organizer,
    /// Members.
    #[default]
    Organization,
    /// Members; with one organisation there is nobody else to be federated with.
    OrganizationAndFederated,
    /// Everybody, once a member is present (`B5`).
    Everyone,
    /// The organiser and the members who were invited.
    Invited,
    /// Members.
    OrganizationExcludingGuests,
}

/// `allowedPresenters`: who presents.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Presenters {
    /// Everybody, guests too (`B9`).
    #[default]
    Everyone,
    /// Members.
    Organization,
    /// Who has that role in the list of participants.
    RoleIsPresenter,
    /// The organiser and co-organisers.
    Organizer,
}

/// `allowedLobbyAdmitters`: who admits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Admitters {
    /// The default.
    #[default]
    OrganizerAndCoOrganizersAndPresenters,
    /// Without presenters.
    OrganizerAndCoOrganizers,
}

/// What a meeting's organiser chose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The member who scheduled the meeting.
    pub organizer: RawId,
    /// Members who were invited, each with a role if they were given one.
    pub invited: BTreeMap<RawId, Option<Role>>,
    /// Who comes in without waiting.
    pub bypass: Bypass,
    /// Who presents.
    pub presenters: Presenters,
    /// Who admits.
    pub admitters: Admitters,
    /// Chat thread, `19:meeting_…@thread.v2`.
    pub thread: String,
    /// There may be breakout rooms (`E13`).
    pub breakout: bool,
    /// Members who manage them, beside organiser and co-organisers (`E4`).
    pub breakout_managers: BTreeSet<RawId>,
    /// Guests have chat at all: not in a channel's meeting (`B7`).
    pub guest_chat: bool,
    /// Guests have chat in breakout rooms, too (`E5`).
    pub guest_chat_in_rooms: bool,
}

impl Settings {
    /// The role of somebody in this meeting.
    pub fn role(&self, id: &RawId) -> Role {
        if *id == self.organizer {
            return Role::Organizer;
        }
        let member = Kind::of(id) == Kind::Member;
        // Only directory users can be appointed.
        let appointed = self.invited.get(id).copied().flatten().filter(|_| member);
        if appointed == Some(Role::CoOrganizer) {
            return Role::CoOrganizer;
        }
        let presents = match self.presenters {
            Presenters::Everyone => true,
            Presenters::Organization => member,
            Presenters::RoleIsPresenter => appointed == Some(Role::Presenter),
            Presenters::Organizer => false,
        };
        if presents {
            Role::Presenter
        } else {
            Role::Attendee
        }
    }

    /// Whether somebody has to wait (`B5`). `member_present` is about the meeting itself.
    pub fn must_wait(&self, id: &RawId, member_present: bool) -> bool {
        match Kind::of(id) {
            Kind::Guest => self.bypass != Bypass::Everyone || !member_present,
            Kind::Member if *id == self.organizer => false,
            Kind::Member => match self.bypass {
                Bypass::Organizer => true,
                Bypass::Invited => !self.invited.contains_key(id),
                _ => false,
            },
        }
    }

    /// Who somebody is to the support matrix; what the rooms' managers chose is the meeting's to add.
    pub fn asker(&self, id: &RawId, client: Client) -> Asker {
        let member = Kind::of(id) == Kind::Member;
        Asker {
            identity: Identity::of(member, self.role(id)),
            call: CallKind::Meeting,
            client,
            facts: Facts {
                presenters_admit: self.admitters
                    == Admitters::OrganizerAndCoOrganizersAndPresenters,
                breakout: self.breakout,
                manages_rooms: member && self.breakout_managers.contains(id),
                return_enabled: true,
                guest_chat: self.guest_chat,
                guest_room_chat: self.guest_chat_in_rooms,
            },
        }
    }

    /// Whether somebody may do what depends neither on their client nor on the rooms (`S1`).
    pub fn may(&self, id: &RawId, operation: Operation) -> bool {
        matrix::ask(operation, self.asker(id, Client::Web)).is_ok()
    }
}
