//! `onlineMeetings` on the wire.
#![allow(clippy::unwrap_used, missing_docs)]

mod common;

use common::*;
use hyper::StatusCode;
use plenary_protocol::agent::*;
use plenary_protocol::end::Reason;
use serde_json::json;

fn query(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

#[tokio::test]
async fn a_meeting_is_scheduled_found_changed_and_deleted() {
    let service = Service::start().await;
    let olivia = service.sign_in("Olivia").await;
    let marco = service.sign_in("Marco").await;
    let body = json!({
        "startDateTime": "2026-11-21T14:30:34.2444915-07:00",
        "endDateTime": "2026-11-21T15:00:34.2464912-07:00",
        "subject": "Plenary \u{202e}",
    });
    let meeting = service.schedule(&olivia, body).await;
    assert_eq!(meeting["subject"], "Plenary");
    assert!(meeting["startDateTime"]
        .as_str()
        .unwrap()
        .starts_with("2026-11-21T21:30:34.244"));
    assert_eq!(meeting["lobbyBypassSettings"]["scope"], "organization");
    let url = meeting["joinWebUrl"].as_str().unwrap();
    assert!(url.starts_with(&format!("http://{}/meet/", service.address)));
    assert!(meeting["chatInfo"]["threadId"]
        .as_str()
        .unwrap()
        .starts_with("19:meeting_"));

    let path = format!(
        "/v1.0/me/onlineMeetings/{}",
        meeting["id"].as_str().unwrap()
    );
    let by_url = format!(
        "/v1.0/me/onlineMeetings?$filter={}",
        query(&format!("JoinWebUrl eq '{url}'"))
    );
    let digits = meeting["joinMeetingIdSettings"]["joinMeetingId"]
        .as_str()
        .unwrap();
    let filter = format!("joinMeetingIdSettings/joinMeetingId eq '{digits}'");
    let by_id = format!("/v1.0/me/onlineMeetings?$filter={}", query(&filter));
    let get = |target: String, token: String| {
        let service = &service;
        async move {
            service
                .json("GET", &target, Some(&token), json!(null))
                .await
        }
    };
    assert_eq!(
        get(path.clone(), olivia.access.clone()).await.ok()["id"],
        meeting["id"]
    );
    for filter in [&by_url, &by_id] {
        assert_eq!(
            get(filter.clone(), olivia.access.clone()).await.ok()["value"][0]["id"],
            meeting["id"]
        );
        assert_eq!(
            get(filter.clone(), marco.access.clone()).await.ok()["value"],
            json!([])
        );
    }
    assert_eq!(
        get(path.clone(), marco.access.clone()).await.status,
        StatusCode::NOT_FOUND
    );

    let invite = json!({"participants": {"attendees": [{"upn": "marco@plenary.test", "role": "coorganizer"}]}});
    service
        .json("PATCH", &path, Some(&olivia.access), invite)
        .await
        .ok();
    assert_eq!(
        get(path.clone(), marco.access.clone()).await.status,
        StatusCode::OK
    );
    let change = json!({"lobbyBypassSettings": {"scope": "everyone"}});
    let answer = service
        .json("PATCH", &path, Some(&marco.access), change.clone())
        .await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);

    // A living meeting follows.
    let mut member = service.agent(&marco, "").await;
    let snapshot = member.join("m", &meeting).await.unwrap();
    assert_eq!(snapshot.role, Role::CoOrganizer);
    service
        .json("PATCH", &path, Some(&olivia.access), change)
        .await
        .ok();
    let user = service.guest().await;
    let mut guest = service.agent(&user, "Ada").await;
    assert_eq!(
        guest.join("g", &meeting).await.unwrap().state,
        CallState::Connected
    );
    let answer = service
        .json("DELETE", &path, Some(&olivia.access), json!(null))
        .await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT);
    assert_eq!(guest.ended().await, Reason::ENDED_FOR_EVERYONE.end());
    assert_eq!(
        guest.join("h", &meeting).await.expect_err("gone"),
        Reason::WRONG_MEETING.error()
    );
    service.stop().await;
}

#[tokio::test]
async fn wrong_requests_are_refused_and_create_or_get_makes_one() {
    let service = Service::start().await;
    let olivia = service.sign_in("Olivia").await;
    for body in [
        json!({"startDateTime": "tomorrow"}),
        json!({"lobbyBypassSettings": {"scope": "nobody"}}),
        json!({"startDateTime": "2026-11-21T15:00:00Z", "endDateTime": "2026-11-21T14:00:00Z"}),
        json!({"participants": {"attendees": [{"upn": "stranger@example.org"}]}}),
        json!([]),
    ] {
        let answer = service
            .post(
                "/v1.0/me/onlineMeetings",
                Some(&olivia.access),
                body.clone(),
            )
            .await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{body}");
        assert!(answer.json()["error"]["message"].is_string());
    }
    let body = json!({"externalId": "7eb8263f", "subject": "Once"});
    let path = "/v1.0/me/onlineMeetings/createOrGet";
    let first = service.post(path, Some(&olivia.access), body.clone()).await;
    let again = service.post(path, Some(&olivia.access), body).await;
    assert_eq!(
        (first.status, again.status),
        (StatusCode::CREATED, StatusCode::OK)
    );
    assert_eq!(first.json()["id"], again.json()["id"]);
    service.stop().await;
}
