//! What every store must do, whichever database is behind it.

mod chat;
#[path = "../../tests/common/postgres.rs"]
pub(super) mod server;

use super::postgres::Postgres;
use super::rows::Rows;
use super::sqlite::Sqlite;
use super::{MeetingKey, MeetingRow, Member, Options, Resource, Store};
use crate::meeting::{Admission, Breakout, Bypass, Room};
use plenary_protocol::breakout::RoomState;
use plenary_protocol::id::RawId;
use plenary_protocol::state::{Recording, RecordingKind};
use std::sync::Arc;

/// One of each kind, empty. PostgreSQL only where it is installed; without it, that is said.
async fn stores() -> Vec<(Option<tempfile::TempDir>, Arc<dyn Store>)> {
    let folder = tempfile::tempdir().unwrap();
    let sqlite = Sqlite::open(&folder.path().join("plenary.db"))
        .await
        .unwrap();
    let mut stores: Vec<(_, Arc<dyn Store>)> = vec![
        (Some(folder), Arc::new(sqlite)),
        (None, Arc::new(Rows::default())),
    ];
    if let Some(url) = server::database().await {
        let postgres = Postgres::open(&url.parse().unwrap()).await.unwrap();
        stores.push((None, Arc::new(postgres)));
    }
    stores
}

fn meeting(id: &str) -> MeetingRow {
    MeetingRow {
        id: id.to_owned(),
        digits: format!("1{id}"),
        passcode: Some("secret".to_owned()),
        link_secret: "link".to_owned(),
        thread: format!("19:meeting_{id}@thread.v2"),
        join_url: format!("http://localhost/meet/1{id}?p=link"),
        organizer: "olivia".to_owned(),
        external_id: Some(format!("external {id}")),
        created: 1,
        starts: 2,
        ends: 3,
        subject: Some("Plenary".to_owned()),
        options: Options {
            bypass: Bypass::Everyone,
            ..Options::default()
        },
    }
}

#[tokio::test]
async fn a_meeting_is_found_by_every_key_and_no_other() {
    for (_folder, store) in stores().await {
        let row = meeting("1");
        assert!(store.add_meeting(&row).await.unwrap());
        assert!(!store.add_meeting(&row).await.unwrap(), "taken");
        for key in [
            MeetingKey::Id("1"),
            MeetingKey::Digits("11"),
            MeetingKey::Thread("19:meeting_1@thread.v2"),
            MeetingKey::JoinUrl("http://localhost/meet/11?p=link"),
            MeetingKey::External("olivia", "external 1"),
        ] {
            assert_eq!(store.meeting(key).await.unwrap().as_ref(), Some(&row));
        }
        assert_eq!(store.meeting(MeetingKey::Id("2")).await.unwrap(), None);
        store.delete_meeting("1").await.unwrap();
        assert_eq!(store.meeting(MeetingKey::Id("1")).await.unwrap(), None);
    }
}

#[tokio::test]
async fn revoking_and_deleting_leave_the_row_with_a_new_generation() {
    for (_folder, store) in stores().await {
        let resource = Resource {
            id: "r".into(),
            primary_key: "a".into(),
            secondary_key: "b".into(),
        };
        store.add_resource(&resource, 1).await.unwrap();
        assert_eq!(store.resources().await.unwrap(), [resource]);
        let id = RawId::from("8:acs:r_u");
        store.add_user(&id, Some("r"), 1).await.unwrap();
        store.revoke(&id).await.unwrap();
        store.add_user(&id, Some("r"), 1).await.unwrap();
        assert_eq!(store.user(&id).await.unwrap().unwrap().generation, 1);
        store.delete_user(&id).await.unwrap();
        assert!(store.user(&id).await.unwrap().unwrap().deleted);
    }
}

#[tokio::test]
async fn admissions_of_an_earlier_run_lapse_unless_taken_up() {
    for (_folder, store) in stores().await {
        store.add_meeting(&meeting("1")).await.unwrap();
        let admission = |id: &str| Admission {
            id: id.into(),
            call: "call".into(),
            endpoint: "endpoint".into(),
            room: Some("room".into()),
            held: Some("on hold".into()),
            former: None,
            moves: 3,
        };
        store
            .keep("1", &admission("8:acs:a"), "before")
            .await
            .unwrap();
        store
            .keep("1", &admission("8:acs:b"), "before")
            .await
            .unwrap();
        let mut found = store.admissions_before("1", "now").await.unwrap();
        found.sort_by(|a, b| a.id.cmp(&b.id));
        assert_eq!(found, [admission("8:acs:a"), admission("8:acs:b")]);
        store.keep("1", &admission("8:acs:a"), "now").await.unwrap();
        assert_eq!(store.lapse_before("now").await.unwrap(), 1);
        let call = "call".into();
        assert_eq!(
            store
                .admitted_to(&"8:acs:a".into(), &call)
                .await
                .unwrap()
                .as_deref(),
            Some("1")
        );
        let held = "on hold".into();
        let found = store.admitted_to(&"8:acs:a".into(), &held).await.unwrap();
        assert_eq!(found.as_deref(), Some("1"));
        assert_eq!(
            store.admitted_to(&"8:acs:b".into(), &call).await.unwrap(),
            None
        );
        store.forget(&"8:acs:a".into(), &call).await.unwrap();
        assert_eq!(
            store.admitted_to(&"8:acs:a".into(), &call).await.unwrap(),
            None
        );
    }
}

#[tokio::test]
async fn breakout_rooms_are_kept_as_they_are() {
    for (_folder, store) in stores().await {
        store.add_meeting(&meeting("1")).await.unwrap();
        assert_eq!(store.breakout("1").await.unwrap(), Breakout::default());
        let breakout = Breakout {
            rooms: vec![Room {
                id: "room".into(),
                name: "Räume & \"Rooms\"".into(),
                thread: "19:x@thread.v2".into(),
                state: RoomState::Open,
            }],
            assigned: [("8:acs:a".into(), "room".into())].into(),
            auto_move: false,
            return_disabled: true,
            ends: Some(7),
        };
        store.keep_breakout("1", &breakout).await.unwrap();
        assert_eq!(store.breakout("1").await.unwrap(), breakout);
        assert_eq!(store.breakout("2").await.unwrap(), Breakout::default());
    }
}

#[tokio::test]
async fn c3_recordings_are_kept_as_they_are() {
    for (_folder, store) in stores().await {
        store.add_meeting(&meeting("1")).await.unwrap();
        assert_eq!(store.recordings("1").await.unwrap(), []);
        let recording = |id: &str, kind, paused| Recording {
            id: id.into(),
            kind,
            paused,
        };
        let both = [
            recording("r", RecordingKind::Recording, true),
            recording("t", RecordingKind::Transcription, false),
        ];
        store.keep_recordings("1", &both).await.unwrap();
        assert_eq!(store.recordings("1").await.unwrap(), both);
        assert_eq!(store.recordings("2").await.unwrap(), []);
        store.keep_recordings("1", &[]).await.unwrap();
        assert_eq!(store.recordings("1").await.unwrap(), []);
    }
}

#[tokio::test]
async fn members_come_in_the_order_of_their_names_whatever_the_language() {
    for (_folder, store) in stores().await {
        for name in ["b", "Z", "a", "ä"] {
            let member = Member {
                oid: format!("oid {name}"),
                display_name: name.into(),
                upn: name.into(),
            };
            store.add_member(&member).await.unwrap();
            store.add_member(&member).await.unwrap();
        }
        let members = store.members().await.unwrap();
        let names: Vec<&str> = members.iter().map(|m| m.display_name.as_str()).collect();
        assert_eq!(names, ["Z", "a", "b", "ä"]);
    }
}

#[tokio::test]
async fn of_several_who_add_one_meeting_one_did() {
    for (_folder, store) in stores().await {
        let row = meeting("1");
        let added = (0..8).map(|_| store.add_meeting(&row));
        let added = futures::future::join_all(added).await;
        let did = added.into_iter().filter(|added| *added.as_ref().unwrap());
        assert_eq!(did.count(), 1);
    }
}

/// S12: PostgreSQL's texts hold no NUL, and say so by an error.
#[tokio::test]
async fn what_cannot_be_a_key_is_not_found() {
    for (_folder, store) in stores().await {
        for key in [
            MeetingKey::Id("1\0"),
            MeetingKey::Digits("11\0"),
            MeetingKey::Thread("19:\0@thread.v2"),
            MeetingKey::JoinUrl("http://localhost/meet/\0"),
            MeetingKey::External("olivia", "\0"),
        ] {
            assert_eq!(store.meeting(key).await.unwrap(), None, "{key:?}");
        }
        assert_eq!(store.resource("\0").await.unwrap(), None);
        assert_eq!(store.member("\0").await.unwrap(), None);
        assert_eq!(store.user(&"8:acs:\0".into()).await.unwrap(), None);
        assert_eq!(store.thread("19:\0@thread.v2").await.unwrap(), None);
        store.ping().await.unwrap();
    }
}
