//! Scheduling, joining by link, lobby and roster over the socket: B1, B5, A2, A3, and what leaked elsewhere.
#![allow(clippy::unwrap_used, missing_docs)]

mod common;

use common::*;
use plenary_protocol::agent::*;
use plenary_protocol::end::Reason;
use plenary_protocol::id::CallId;
use serde_json::json;

fn call(id: &str) -> CallId {
    CallId::from(id)
}

#[tokio::test]
async fn a_guest_waits_in_the_lobby_until_a_member_admits() {
    let service = Service::start().await;
    let olivia = service.sign_in("Olivia").await;
    let meeting = service
        .schedule(&olivia, json!({"subject": "Plenary"}))
        .await;

    let guest_user = service.guest().await;
    let mut guest = service.agent(&guest_user, "Ada").await;
    let waiting = guest.join("g", &meeting).await.unwrap();
    assert_eq!(waiting.state, CallState::Lobby);
    // CVE-2020-3441: who waits sees their own state alone.
    assert!(waiting.roster.is_empty() && waiting.lobby.is_none() && waiting.thread_id.is_none());

    let mut organizer = service.agent(&olivia, "Ignored").await;
    assert_eq!(
        organizer.welcome.display_name.as_deref(),
        Some("Olivia Organizer"),
        "A4"
    );
    let snapshot = organizer.join("o", &meeting).await.unwrap();
    assert_eq!(
        (snapshot.state, snapshot.role),
        (CallState::Connected, Role::Organizer)
    );
    let lobby = snapshot.lobby.unwrap();
    assert_eq!(lobby.len(), 1);
    // A3.
    assert_eq!(lobby[0].display_name.as_deref(), Some("Ada (External)"));

    // The coming of a member admitted nobody (jitsi-meet 7676): the next thing that the guest hears is
    // the admission.
    let admit = act("o", "admit", Some(guest_user.id.clone()));
    assert_eq!(organizer.ask(admit).await, Ok(Reply::Done));
    let Event::Admitted(admitted) = guest.event().await else {
        panic!()
    };
    assert_eq!(admitted.state, CallState::Connected);
    assert_eq!(admitted.roster.len(), 2);
    assert!(admitted.lobby.is_none(), "a guest never sees the lobby");
    let own = admitted
        .roster
        .iter()
        .find(|participant| participant.id == guest_user.id)
        .unwrap();
    assert_eq!(
        own.display_name.as_deref(),
        Some("Ada"),
        "A2: as the client chose; the label is for members"
    );

    let joined = organizer
        .until(|event| match event {
            Event::Roster { joined, .. } if !joined.is_empty() => Some(joined.clone()),
            _ => None,
        })
        .await;
    assert_eq!(joined[0].display_name.as_deref(), Some("Ada (External)"));
    let gone = organizer
        .until(|event| match event {
            Event::Lobby { gone, .. } => Some(gone.clone()),
            _ => None,
        })
        .await;
    assert_eq!(gone, std::slice::from_ref(&guest_user.id));

    guest
        .ask(Request::SetMuted {
            call: call("g"),
            muted: false,
        })
        .await
        .unwrap();
    let updated = organizer
        .until(|event| match event {
            Event::Roster { updated, .. } if !updated.is_empty() => Some(updated.clone()),
            _ => None,
        })
        .await;
    assert!(!updated[0].endpoints[0].muted);

    guest.ask(Request::Leave { call: call("g") }).await.unwrap();
    assert_eq!(guest.ended().await, Reason::HUNG_UP.end());
    let left = organizer
        .until(|event| match event {
            Event::Roster { left, .. } if !left.is_empty() => Some(left.clone()),
            _ => None,
        })
        .await;
    assert_eq!(left, std::slice::from_ref(&guest_user.id));
    service.stop().await;
}

/// Media is cut before the word comes that a call is over. A client whose media is gone asks for another,
/// and what it asks so arrives after the end: it came in, or waited, again, and nobody was there to leave.
#[tokio::test]
async fn what_is_asked_for_a_call_that_others_ended_brings_nobody_back() {
    let service = Service::start().await;
    let olivia = service.sign_in("Olivia").await;
    let meeting = service
        .schedule(&olivia, json!({"subject": "Plenary"}))
        .await;
    let mut organizer = service.agent(&olivia, "").await;
    organizer.join("o", &meeting).await.unwrap();
    let guest_user = service.guest().await;
    let mut guest = service.agent(&guest_user, "Ada").await;

    for (calls, admitted, why) in [
        (["rejected", "rejected then"], false, Reason::REJECTED),
        (["removed", "removed then"], true, Reason::REMOVED),
    ] {
        let [ended, next] = calls;
        guest.join(ended, &meeting).await.unwrap();
        let ada = || Some(guest_user.id.clone());
        if admitted {
            organizer.ask(act("o", "admit", ada())).await.unwrap();
            guest.admitted().await;
        }
        let away = if admitted { "remove" } else { "reject" };
        organizer.ask(act("o", away, ada())).await.unwrap();
        assert_eq!(
            guest.join(ended, &meeting).await.unwrap_err(),
            Reason::NO_SUCH_CALL.error()
        );
        assert_eq!(guest.ended().await, why.end());

        // They may come again, as another call (B5); the organiser sees nothing in between.
        let again = guest.join(next, &meeting).await.unwrap();
        assert_eq!(again.state, CallState::Lobby);
        let leave = Request::Leave { call: call(next) };
        guest.ask(leave).await.unwrap();
        assert_eq!(guest.ended().await, Reason::HUNG_UP.end());
        for step in [(1, 0), (0, 1), (1, 0), (0, 1)] {
            let lobby = |event: &Event| match event {
                Event::Lobby { waiting, gone, .. } => Some((waiting.len(), gone.len())),
                _ => None,
            };
            assert_eq!(organizer.until(lobby).await, step, "{away}: (came, gone)");
        }
    }
    service.stop().await;
}
