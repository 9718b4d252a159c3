//! The REST interface as a whole: which routes there are and who may call them, the OpenAPI document, what
//! somebody may do in a meeting, and the command that speaks it. Every answer that these and the other
//! tests get is held to the document (`common/openapi.rs`).
#![allow(clippy::unwrap_used, missing_docs)]

mod common;

use common::openapi::{document, resolved};
use common::signed::{encoded, resource, signed, VERSION};
use common::*;
use plenary_protocol::agent::*;
use plenary_service::http::{self, Route, Who};
use serde_json::{json, Value};
use std::collections::BTreeSet;
use tokio::process::Command;

/// A new route is added here, with who may call it, or this fails (CVE-2024-38518).
const ROUTES: &str = "\
POST /identities Resource
DELETE /identities/{id} Resource
POST /identities/{id}/{operation} Resource
POST /teamsUser/{operation} Resource
POST /v1.0/me/onlineMeetings Member
GET /v1.0/me/onlineMeetings Member
POST /v1.0/me/onlineMeetings/createOrGet Member
GET /v1.0/me/onlineMeetings/{id} Member
PATCH /v1.0/me/onlineMeetings/{id} Member
DELETE /v1.0/me/onlineMeetings/{id} Member
GET /meetings/{id}/breakoutRooms Member
POST /meetings/{id}/breakoutRooms Member
PATCH /meetings/{id}/breakoutRooms Member
POST /meetings/{id}/breakoutRooms/assign Member
POST /meetings/{id}/breakoutRooms/distribute Member
POST /meetings/{id}/breakoutRooms/open Member
POST /meetings/{id}/breakoutRooms/close Member
POST /meetings/{id}/breakoutRooms/announce Member
PATCH /meetings/{id}/breakoutRooms/{room} Member
DELETE /meetings/{id}/breakoutRooms/{room} Member
GET /meetings/{id}/recordings Record
POST /meetings/{id}/recordings Record
PATCH /meetings/{id}/recordings/{recording} Record
DELETE /meetings/{id}/recordings/{recording} Record
GET /chat/threads Chat
POST /chat/threads Chat
GET /chat/threads/{thread} Chat
PATCH /chat/threads/{thread} Chat
DELETE /chat/threads/{thread} Chat
GET /chat/threads/{thread}/messages Chat
POST /chat/threads/{thread}/messages Chat
GET /chat/threads/{thread}/messages/{message} Chat
PATCH /chat/threads/{thread}/messages/{message} Chat
DELETE /chat/threads/{thread}/messages/{message} Chat
GET /chat/threads/{thread}/participants Chat
POST /chat/threads/{thread}/participants/{operation} Chat
POST /chat/threads/{thread}/typing Chat
GET /chat/threads/{thread}/readReceipts Chat
POST /chat/threads/{thread}/readReceipts Chat
GET /v1.0/chats/{chat}/messages Member
POST /v1.0/chats/{chat}/messages Member
GET /v1.0/chats/{chat}/messages/{message} Member
PATCH /v1.0/chats/{chat}/messages/{message} Member
POST /v1.0/chats/{chat}/messages/{message}/softDelete Member
GET /v1.0/me/chats/{chat}/messages Member
POST /v1.0/me/chats/{chat}/messages Member
GET /v1.0/me/chats/{chat}/messages/{message} Member
PATCH /v1.0/me/chats/{chat}/messages/{message} Member
POST /v1.0/me/chats/{chat}/messages/{message}/softDelete Member
GET /chat/config/realTimeNotifications Chat
POST /v4/a SkypeToken
GET /socket.io/1/ SkypeToken
POST /v3/registrations SkypeToken
DELETE /v3/registrations/{registration} SkypeToken
GET /meetings/{id}/support User
GET /openapi.json Anybody
GET /agent Hello
GET /socket.io/1/websocket/{ticket} Ticket
GET /healthz Anybody
GET /readyz Anybody
GET /metrics Anybody
GET /dev/members ThisMachine
POST /dev/signIn ThisMachine
POST /dev/guests ThisMachine
GET /meet/{id} Anybody
GET / Anybody
";

#[test]
fn every_route_is_known_with_who_may_call_it() {
    let table: String = http::table().iter().map(|r| format!("{r}\n")).collect();
    assert_eq!(table, ROUTES);
}

#[tokio::test]
async fn s1_s5_s16_each_route_takes_the_credential_of_its_kind_and_no_other() {
    let service = Service::start().await;
    let olivia = service.sign_in("Olivia").await;
    let guest = service.guest().await;
    let key = resource(&service).await.primary_key;
    for Route { method, path, who } in http::table() {
        let target = path
            .replace("{id}", "none")
            .replace("{operation}", ":issueAccessToken")
            .replace("{thread}", "none")
            .replace("{message}", "none")
            .replace("{chat}", "none")
            .replace("{registration}", "none")
            .replace("{ticket}", "none")
            .replace("{recording}", "none")
            .replace("{room}", "none");
        let target = format!("{target}?{VERSION}");
        let body = json!({"member": "nobody"});
        let bearer = |token: String| {
            let (service, target, body) = (&service, target.clone(), body.clone());
            async move {
                let token = Some(token.as_str()).filter(|token| !token.is_empty());
                let answer = service.json(method, &target, token, body).await;
                answer.status.as_u16()
            }
        };
        let none = bearer(String::new()).await;
        let by_member = bearer(olivia.access.clone()).await;
        let by_guest = bearer(guest.token.clone()).await;
        let by_key = signed(&service, &key, method, &target, "").await;
        let by_key = by_key.status.as_u16();
        let takes = [none, by_guest, by_member, by_key].map(|status| status != 401);
        let expected = match who {
            Who::Resource => [false, false, false, true],
            Who::Member => [false, false, true, false],
            Who::Chat => [false, true, false, false],
            Who::User | Who::Record => [false, true, true, false],
            Who::SkypeToken => [false; 4],
            Who::Anybody | Who::ThisMachine | Who::Hello | Who::Ticket => [true; 4],
        };
        assert_eq!(takes, expected, "{method} {path}");
        if who == Who::SkypeToken {
            for (token, takes) in [(&olivia.access, false), (&guest.token, true)] {
                let header = [("x-skypetoken", token.as_str())];
                let answer = service.http(method, &target, &header, "").await;
                assert_eq!(answer.status.as_u16() != 401, takes, "{method} {path}");
            }
        }
        if who == Who::ThisMachine {
            // S10.
            let proxied = [("x-forwarded-for", "10.0.0.1")];
            let refused = service.http(method, &target, &proxied, "{}").await;
            assert_eq!(refused.status.as_u16(), 403, "{method} {path}");
        }
    }
}

/// Pages, sockets and the development organisation are no public REST.
fn is_public(route: &Route) -> bool {
    let page = ["/", "/meet/{id}"].contains(&route.path);
    let others = [Who::Hello, Who::ThisMachine, Who::SkypeToken, Who::Ticket];
    !page && !others.contains(&route.who)
}

#[test]
fn the_document_has_the_routes_of_the_service_and_who_may_call_them() {
    let described = document()["paths"].as_object().unwrap().iter();
    let described: BTreeSet<String> = described
        .flat_map(|(path, item)| {
            let last = path.rsplit('/').next().unwrap();
            let path = match last.starts_with(':') {
                true => path.replace(last, "{operation}"),
                false => path.clone(),
            };
            let operations = item.as_object().unwrap().iter();
            operations.map(move |(method, operation)| {
                let schemes = operation["security"].as_array().unwrap().iter();
                let schemes: Vec<&str> = schemes
                    .flat_map(|scheme| scheme.as_object().unwrap().keys())
                    .map(String::as_str)
                    .collect();
                let who = match schemes[..] {
                    [] => Who::Anybody,
                    ["resourceKey"] => Who::Resource,
                    ["userToken"] => Who::Chat,
                    ["accessToken"] => Who::Member,
                    ["accessToken", "userToken"] => Who::User,
                    ["accessToken", "userToken", "recorderToken"] => Who::Record,
                    _ => panic!("{schemes:?}"),
                };
                format!("{} {path} {who:?}", method.to_uppercase())
            })
        })
        .collect();
    let table = http::table().into_iter().filter(is_public);
    let table: BTreeSet<String> = table.map(|route| route.to_string()).collect();
    assert_eq!(described, table);
}

#[test]
fn the_document_is_whole_and_of_this_version() {
    fn references(value: &'static Value, found: &mut usize) {
        match value {
            Value::Object(object) => {
                if object.contains_key("$ref") {
                    resolved(value);
                    *found += 1;
                }
                object.values().for_each(|value| references(value, found));
            }
            Value::Array(values) => values.iter().for_each(|value| references(value, found)),
            _ => {}
        }
    }
    let mut found = 0;
    references(document(), &mut found);
    assert!(found > 50);
    assert_eq!(document()["openapi"], "3.1.0");
    assert_eq!(document()["info"]["version"], env!("CARGO_PKG_VERSION"));
    let operations = document()["paths"].as_object().unwrap().values();
    let ids = operations.flat_map(|item| item.as_object().unwrap().values());
    let ids: Vec<&str> = ids
        .map(|operation| operation["operationId"].as_str().unwrap())
        .collect();
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len());
}

/// What the tests of other files do not ask for; the answers are held to the document as they come.
#[tokio::test]
async fn the_document_is_served_and_describes_identities() {
    let service = Service::start().await;
    let served = service.http("GET", "/openapi.json", &[], "").await;
    assert_eq!(served.header("content-type"), "application/json");
    assert_eq!(&served.json(), document());
    assert_eq!(served.header("access-control-allow-origin"), "*");
    for path in ["/healthz", "/readyz", "/metrics"] {
        assert!(service.http("GET", path, &[], "").await.status.is_success());
    }
    let key = resource(&service).await.primary_key;
    let target = format!("/identities?{VERSION}");
    let scopes = r#"{"createTokenWithScopes": ["voip"]}"#;
    let made = signed(&service, &key, "POST", &target, scopes).await.ok();
    let id = encoded(made["identity"]["id"].as_str().unwrap());
    for (method, rest, body, status) in [
        ("POST", "/:issueAccessToken", r#"{"scopes":["chat"]}"#, 200),
        ("POST", "/:issueAccessToken", "{}", 400),
        ("POST", "/:revokeAccessTokens", "", 204),
        ("DELETE", "", "", 204),
        ("DELETE", "", "", 404),
    ] {
        let target = format!("/identities/{id}{rest}?{VERSION}");
        let answer = signed(&service, &key, method, &target, body).await;
        assert_eq!(answer.status.as_u16(), status, "{method} {rest}");
    }
    let olivia = service.sign_in("Olivia").await;
    let wish = json!({"token": olivia.access, "appId": olivia.app, "userId": olivia.oid});
    let target = format!("/teamsUser/:exchangeAccessToken?{VERSION}");
    signed(&service, &key, "POST", &target, &wish.to_string())
        .await
        .ok();
}

async fn support(service: &Service, token: &str, meeting: &Value, query: &str) -> Answer {
    let id = meeting["id"].as_str().unwrap();
    let target = format!("/meetings/{id}/support{query}");
    service.json("GET", &target, Some(token), json!({})).await
}

fn allowed(answer: &Value, operation: &str) -> bool {
    answer["operations"][operation]["allowed"]
        .as_bool()
        .unwrap()
}

#[tokio::test]
async fn what_somebody_may_do_here_and_why_not() {
    let service = Service::start().await;
    let olivia = service.sign_in("Olivia").await;
    let everyone = json!({"lobbyBypassSettings": {"scope": "everyone"}});
    let meeting = service.schedule(&olivia, everyone).await;

    let own = support(&service, &olivia.access, &meeting, "").await.ok();
    assert_eq!(own["user"]["role"], "Organizer");
    assert!(allowed(&own, "hangUpForEveryone") && allowed(&own, "manageBreakoutRooms"));
    let captions = &own["operations"]["captions"];
    assert_eq!(
        (&captions["rule"], &captions["subCode"]),
        (&json!("C6"), &json!(59200))
    );
    let native = support(&service, &olivia.access, &meeting, "?client=android").await;
    let native = native.ok();
    assert_eq!(native["client"], "native");
    let reason = &native["operations"]["joinAnyBreakoutRoom"]["reason"];
    assert_eq!(reason, "ClientRestricted", "section E");
    assert!(allowed(&native, "manageBreakoutRooms") && allowed(&native, "turnVideoOn"));

    // A guest who is not there does not learn that the meeting is; in it they learn what they may.
    let user = service.guest().await;
    let before = support(&service, &user.token, &meeting, "").await;
    assert_eq!(before.status.as_u16(), 404);
    let mut organizer = service.agent(&olivia, "").await;
    organizer.join("o", &meeting).await.unwrap();
    let mut guest = service.agent(&user, "Ada").await;
    guest.join("g", &meeting).await.unwrap();
    let theirs = support(&service, &user.token, &meeting, "").await.ok();
    assert_eq!(
        (&theirs["user"]["kind"], &theirs["user"]["id"]),
        (&json!("guest"), &json!(user.id))
    );
    let refused = &theirs["operations"]["removeParticipant"];
    assert_eq!(
        (&refused["reason"], &refused["rule"]),
        (&json!("RoleRestricted"), &json!("C2"))
    );
    assert!(allowed(&theirs, "shareScreen") && allowed(&theirs, "joinAssignedBreakoutRoom"));
    // What it says is what happens (S1).
    let tried = guest
        .ask(Request::EndForEveryone { call: "g".into() })
        .await
        .unwrap_err();
    let said = &theirs["operations"]["hangUpForEveryone"];
    assert_eq!(
        (json!(tried.code), json!(tried.sub_code)),
        (said["code"].clone(), said["subCode"].clone())
    );

    // Who organises may ask about others; the others about themselves alone.
    let about = format!("?user={}", encoded(user.id.as_str()));
    let same = support(&service, &olivia.access, &meeting, &about)
        .await
        .ok();
    assert_eq!(same, theirs);
    let about = format!("?user={}", encoded(olivia.id.as_str()));
    let curious = support(&service, &user.token, &meeting, &about).await;
    assert_eq!(curious.status.as_u16(), 403);
    let marco = service.sign_in("Marco").await;
    let other = support(&service, &marco.access, &meeting, "").await;
    assert_eq!(other.status.as_u16(), 404);

    // What the organiser and the rooms' managers choose counts at once.
    let path = format!(
        "/v1.0/me/onlineMeetings/{}",
        meeting["id"].as_str().unwrap()
    );
    let change = json!({"allowBreakoutRooms": false, "allowedPresenters": "organizer"});
    let token = Some(olivia.access.as_str());
    service.json("PATCH", &path, token, change).await.ok();
    let now = support(&service, &user.token, &meeting, "").await.ok();
    assert_eq!(now["operations"]["breakoutRooms"]["rule"], "E13");
    assert_eq!(now["operations"]["shareScreen"]["rule"], "B9");
}

/// `plenary-service rooms`, as somebody types it.
async fn command(service: &Service, arguments: &[&str]) -> (bool, String, String) {
    let url = format!("http://{}", service.address);
    let output = Command::new(env!("CARGO_BIN_EXE_plenary-service"))
        .arg("rooms")
        .args(arguments)
        .env("PLENARY_URL", url)
        .env_remove("PLENARY_ACCESS_TOKEN")
        .output();
    let output = tokio::time::timeout(DEADLINE, output)
        .await
        .unwrap()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (
        output.status.success(),
        text(&output.stdout),
        text(&output.stderr),
    )
}

const OLIVIA: [&str; 2] = ["--member", "olivia@plenary.test"];

async fn done(service: &Service, arguments: &[&str]) -> String {
    let (good, out, err) = command(service, &[&OLIVIA[..], arguments].concat()).await;
    assert!(good, "{arguments:?}: {err}");
    out
}

async fn refused(service: &Service, arguments: &[&str]) -> String {
    let (good, _, err) = command(service, arguments).await;
    assert!(!good, "{arguments:?}");
    err
}

#[tokio::test]
async fn rooms_are_managed_from_a_terminal() {
    let service = Service::start().await;
    let olivia = service.sign_in("Olivia").await;
    let everyone = json!({"lobbyBypassSettings": {"scope": "everyone"}});
    let meeting = service.schedule(&olivia, everyone).await;
    let link = meeting["joinWebUrl"].as_str().unwrap();
    let id = meeting["id"].as_str().unwrap();
    let mut organizer = service.agent(&olivia, "").await;
    organizer.join("o", &meeting).await.unwrap();
    let user = service.guest().await;
    let mut guest = service.agent(&user, "Ada").await;
    guest.join("g", &meeting).await.unwrap();

    assert!(done(&service, &["list", link])
        .await
        .contains("create some"));
    done(&service, &["create", link, "--count", "2"]).await;
    done(&service, &["rename", id, "Room 2", "Red"]).await;
    done(&service, &["create", id, "--name", "Blue"]).await;
    done(&service, &["delete", id, "Room 1"]).await;
    let listed = done(&service, &["list", id]).await;
    assert!(listed.contains("Red") && listed.contains("Blue") && !listed.contains("Room"));

    done(&service, &["assign", id, "Red", user.id.as_str()]).await;
    let listed = done(&service, &["list", id]).await;
    assert!(listed.contains("assigned: Ada"), "{listed}");
    done(&service, &["open", id, "Red", "--minutes", "5"]).await;
    let (_, _, there) = moved(&mut guest).await;
    assert!(there.room.is_some(), "E8");
    let answer = done(&service, &["--json", "list", id]).await;
    let answer: Value = serde_json::from_str(&answer).unwrap();
    assert_eq!(answer["value"][0]["participants"], json!([user.id]));
    assert!(answer["settings"]["roomEndTime"].is_string(), "E12");

    done(&service, &["announce", id, "Two more minutes"]).await;
    let heard = guest.until(|event| match event {
        Event::Announcement { message, .. } => Some(message.clone()),
        _ => None,
    });
    assert_eq!(heard.await, "Two more minutes");
    let timer = done(&service, &["timer", id, "--off"]).await;
    assert!(timer.contains("\"roomEndTime\": null"), "{timer}");
    done(&service, &["close", id]).await;
    let (_, _, back) = moved(&mut guest).await;
    assert_eq!(back.room, None, "E11");

    let settings = [
        "settings",
        id,
        "--auto-move",
        "false",
        "--allow-return",
        "false",
    ];
    let settings = done(&service, &settings).await;
    assert!(settings.contains("\"disableReturnToMainMeeting\": true"));
    done(&service, &["assign", id, "none", user.id.as_str()]).await;
    done(&service, &["distribute", id, "--random"]).await;
    let answer = done(&service, &["list", "--json", id]).await;
    assert_eq!(
        answer.matches(user.id.as_str()).count(),
        2,
        "assigned, and there"
    );

    // A co-organiser does, too (E4).
    let invite = json!({"participants": {"attendees": [{"upn": "chidi@plenary.test", "role": "coorganizer"}]}});
    let path = format!("/v1.0/me/onlineMeetings/{id}");
    let access = Some(olivia.access.as_str());
    service.json("PATCH", &path, access, invite).await.ok();
    assert!(!done(&service, &["list", id]).await.contains("open"));
    let chidi = ["--member", "chidi@plenary.test", "open", id, "Blue"];
    let (opened, out, err) = command(&service, &chidi).await;
    assert!(opened, "{out}{err}");
    let listed = done(&service, &["list", id]).await;
    assert!(listed.contains("open"), "{listed}");

    // What goes wrong says what would be right, and tells no secret (S15).
    let unknown = [&OLIVIA[..], &["open", id, "Green"]].concat();
    let unknown = refused(&service, &unknown).await;
    assert!(unknown.contains("there are: Red, Blue"), "{unknown}");
    assert!(refused(&service, &["list", id]).await.contains("--member"));
    let nobody = refused(&service, &["--member", "x", "list", id]).await;
    assert!(nobody.contains("olivia@plenary.test"), "{nobody}");
    let marco = ["--member", "marco@plenary.test", "list", id];
    assert!(refused(&service, &marco).await.contains("no such meeting"));
    let wrong = refused(&service, &["--token", "s3cret", "list", id]).await;
    assert!(
        wrong.contains("401") && !wrong.contains("s3cret"),
        "{wrong}"
    );
    let nowhere = ["--url", "http://127.0.0.1:9", "--token", "t", "list", id];
    assert!(refused(&service, &nowhere)
        .await
        .contains("Does the service run"));
}

async fn moved(agent: &mut Agent) -> (String, bool, CallSnapshot) {
    agent
        .until(|event| match event {
            Event::Moved { from, held, to } => Some((from.to_string(), *held, (**to).clone())),
            _ => None,
        })
        .await
}
