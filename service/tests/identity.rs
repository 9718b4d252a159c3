//! The identity REST interface on the wire, with signatures made here: keys, revocation, resources apart.
#![allow(clippy::unwrap_used, missing_docs)]

mod common;

use base64::prelude::{Engine, BASE64_STANDARD};
use common::signed::{encoded, resource, signed, VERSION};
use common::*;
use hyper::StatusCode;
use plenary_protocol::agent::*;
use plenary_protocol::end::Reason;
use plenary_service::clock::now_ms;
use plenary_service::store::Resource;
use serde_json::{json, Value};

#[tokio::test]
async fn users_and_tokens_come_and_go() {
    let service = Service::start().await;
    let key = resource(&service).await.secondary_key;
    let created = signed(
        &service,
        &key,
        "POST",
        &format!("/identities?{VERSION}"),
        "",
    )
    .await;
    assert_eq!(created.status, StatusCode::CREATED, "{}", created.body);
    let id = created.json()["identity"]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(id.starts_with("8:acs:") && id[6..].split('_').count() == 2);
    assert_eq!(created.json()["accessToken"], Value::Null);

    let issue = format!("/identities/{}/:issueAccessToken?{VERSION}", encoded(&id));
    let issued = signed(
        &service,
        &key,
        "POST",
        &issue,
        r#"{"scopes":["voip"],"expiresInMinutes":60}"#,
    )
    .await
    .ok();
    let token = issued["token"].as_str().unwrap().to_owned();
    let mut agent = Agent::connect(service.address, &token, "Ada").await;
    assert_eq!(agent.welcome.identity.as_str(), id);

    // S6: revoking ends what is connected.
    let revoke = format!("/identities/{}/:revokeAccessTokens?{VERSION}", encoded(&id));
    assert_eq!(
        signed(&service, &key, "POST", &revoke, "").await.status,
        StatusCode::NO_CONTENT
    );
    assert_eq!(agent.closed().await, Some(4401));
    let error = Agent::greet(service.address, &token, "Ada", None)
        .await
        .err()
        .expect("revoked");
    assert_eq!(error.sub_code, Reason::REVOKED.sub_code);
    // A token of after the revocation is good at once.
    let issued = signed(&service, &key, "POST", &issue, r#"{"scopes":["voip"]}"#)
        .await
        .ok();
    let token = issued["token"].as_str().unwrap().to_owned();
    let mut agent = Agent::connect(service.address, &token, "Ada").await;

    let delete = format!("/identities/{}?{VERSION}", encoded(&id));
    assert_eq!(
        signed(&service, &key, "DELETE", &delete, "").await.status,
        StatusCode::NO_CONTENT
    );
    assert_eq!(agent.closed().await, Some(4401));
    assert_eq!(
        signed(&service, &key, "DELETE", &delete, "").await.status,
        StatusCode::NOT_FOUND
    );
    assert_eq!(
        signed(&service, &key, "POST", &issue, r#"{"scopes":["voip"]}"#)
            .await
            .status,
        StatusCode::NOT_FOUND
    );
    service.stop().await;
}

#[tokio::test]
async fn s6_revocation_ends_a_call_and_its_admission() {
    let service = Service::start().await;
    let key = resource(&service).await.primary_key;
    let olivia = service.sign_in("Olivia").await;
    let meeting = service
        .schedule(
            &olivia,
            json!({"lobbyBypassSettings": {"scope": "everyone"}}),
        )
        .await;
    let mut organizer = service.agent(&olivia, "").await;
    organizer.join("o", &meeting).await.unwrap();
    let user = service.guest().await;
    let mut guest = service.agent(&user, "Ada").await;
    assert_eq!(
        guest.join("g", &meeting).await.unwrap().state,
        CallState::Connected
    );
    let revoke = format!(
        "/identities/{}/:revokeAccessTokens?{VERSION}",
        encoded(user.id.as_str())
    );
    assert_eq!(
        signed(&service, &key, "POST", &revoke, "").await.status,
        StatusCode::NO_CONTENT
    );
    assert_eq!(guest.ended().await, Reason::REVOKED.end());
    let left = organizer
        .until(|event| match event {
            Event::Roster { left, .. } if !left.is_empty() => Some(left.clone()),
            _ => None,
        })
        .await;
    assert_eq!(left, std::slice::from_ref(&user.id));
    service.stop().await;
}

#[tokio::test]
async fn requests_are_refused_in_the_common_shape() {
    let service = Service::start().await;
    let key = resource(&service).await.primary_key;
    let target = format!("/identities?{VERSION}");
    let unsigned = service.http("POST", &target, &[], "").await;
    assert_eq!(unsigned.status, StatusCode::UNAUTHORIZED);
    assert_eq!(unsigned.json()["error"]["code"], "Unauthorized");
    let other = BASE64_STANDARD.encode([7; 64]);
    assert_eq!(
        signed(&service, &other, "POST", &target, "").await.status,
        StatusCode::UNAUTHORIZED
    );
    // The key comes before everything else, also before the version.
    assert_eq!(
        signed(&service, &other, "POST", "/identities", "")
            .await
            .status,
        StatusCode::UNAUTHORIZED
    );
    assert_eq!(
        signed(&service, &key, "POST", "/identities", "")
            .await
            .status,
        StatusCode::BAD_REQUEST
    );
    for body in [
        r#"{"createTokenWithScopes":["admin"]}"#,
        r#"{"expiresInMinutes":59}"#,
        r#"{"expiresInMinutes":1441}"#,
        "[",
        "x",
    ] {
        assert_eq!(
            signed(&service, &key, "POST", &target, body).await.status,
            StatusCode::BAD_REQUEST,
            "{body}"
        );
    }
    // A trailing slash at the endpoint makes two (rest.md 0).
    let doubled = signed(
        &service,
        &key,
        "POST",
        &format!("//identities?{VERSION}"),
        "",
    )
    .await;
    assert_eq!(doubled.status, StatusCode::CREATED);
    let preflight = [
        ("origin", "https://app.example.org"),
        ("access-control-request-method", "POST"),
        (
            "access-control-request-headers",
            "authorization,content-type,x-ms-useragent",
        ),
    ];
    let answer = service.http("OPTIONS", &target, &preflight, "").await;
    assert!(answer.status.is_success());
    assert!(answer
        .header("access-control-allow-headers")
        .contains("x-ms-useragent"));
    service.stop().await;
}

#[tokio::test]
async fn s16_a_resource_key_reaches_nothing_of_another_resource() {
    let service = Service::start().await;
    let key = |byte: u8| BASE64_STANDARD.encode([byte; 64]);
    let other = Resource {
        id: "other".into(),
        primary_key: key(1),
        secondary_key: key(2),
    };
    let app = service.running.as_ref().unwrap().app.clone();
    app.store.add_resource(&other, now_ms()).await.unwrap();
    let user = service.guest().await;
    let olivia = service.sign_in("Olivia").await;
    for id in [user.id.as_str(), olivia.id.as_str()] {
        for (method, operation) in [
            ("DELETE", ""),
            ("POST", "/:revokeAccessTokens"),
            ("POST", "/:issueAccessToken"),
        ] {
            let target = format!("/identities/{}{operation}?{VERSION}", encoded(id));
            let answer = signed(&service, &key(1), method, &target, r#"{"scopes":["voip"]}"#).await;
            assert_eq!(answer.status, StatusCode::NOT_FOUND, "{target}");
        }
    }
    drop(app);
    service.stop().await;
}

#[tokio::test]
async fn a2_whom_no_directory_knows_is_seen_by_the_name_that_their_client_chose() {
    let service = Service::start().await;
    let key = resource(&service).await.primary_key;
    let olivia = service.sign_in("Olivia").await;
    let open = json!({"lobbyBypassSettings": {"scope": "everyone"}});
    let meeting = service.schedule(&olivia, open).await;
    let mut organizer = service.agent(&olivia, "Olivia").await;
    organizer.join("o", &meeting).await.unwrap();
    let mut guests = Vec::new();
    for name in ["Ada", "Bob"] {
        let target = format!("/identities?{VERSION}");
        let body = r#"{"createTokenWithScopes":["voip"]}"#;
        let made = signed(&service, &key, "POST", &target, body).await.json();
        let token = text(&made["accessToken"]["token"]);
        let mut guest = Agent::connect(service.address, token, name).await;
        let snapshot = guest.join(name, &meeting).await.unwrap();
        guests.push((guest, snapshot));
    }
    let seen = guests[1].1.roster.iter();
    let mut names: Vec<_> = seen.map(|one| one.display_name.as_deref()).collect();
    names.sort();
    assert_eq!(names, ["Ada", "Bob", "Olivia Organizer"].map(Some));
    drop(guests);
    service.stop().await;
}

#[tokio::test]
async fn a_members_access_token_is_exchanged_if_application_and_user_agree() {
    let service = Service::start().await;
    let key = resource(&service).await.primary_key;
    let olivia = service.sign_in("Olivia").await;
    let target = format!("/teamsUser/:exchangeAccessToken?{VERSION}");
    let body = json!({"token": olivia.access, "appId": olivia.app, "userId": olivia.oid});
    let issued = signed(&service, &key, "POST", &target, &body.to_string())
        .await
        .ok();
    let agent = Agent::connect(
        service.address,
        issued["token"].as_str().unwrap(),
        "Mallory",
    )
    .await;
    assert_eq!(agent.welcome.identity, olivia.id);
    assert_eq!(
        agent.welcome.display_name.as_deref(),
        Some("Olivia Organizer"),
        "A4"
    );
    for (name, value) in [
        ("appId", "other"),
        ("userId", "other"),
        ("token", olivia.token.as_str()),
    ] {
        let mut wrong = body.clone();
        wrong[name] = json!(value);
        let answer = signed(&service, &key, "POST", &target, &wrong.to_string()).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{name}");
    }
    service.stop().await;
}
