//! Who may read a meeting's chat, and until when: each rule from outside, with raw clients.
#![allow(clippy::unwrap_used, missing_docs)]

mod common;

use common::chat::meeting::*;
use common::chat::{operations, UNBOUNDED};
use common::*;
use hyper::StatusCode;
use plenary_protocol::agent::*;
use plenary_protocol::id::CallId;
use plenary_service::clock::parse_rfc3339;
use serde_json::{json, Value};

/// A message of a thread that somebody takes part in, but not theirs to read, beside one that does not exist: the
/// same answers.
async fn assert_unseen(service: &Service, who: &SignedIn, thread: &str, message: &str) {
    for (method, rest, body) in operations(message, who) {
        if !rest.contains(message) && !body.to_string().contains(message) {
            continue;
        }
        let (of_none, none) = (rest.replace(message, "1"), body.to_string());
        let none = serde_json::from_str(&none.replace(message, "1")).unwrap();
        let theirs = ask(service, who, method, thread, &rest, body).await;
        let nobodys = ask(service, who, method, thread, &of_none, none).await;
        let missing = (StatusCode::NOT_FOUND, &nobodys.body);
        assert_eq!((theirs.status, &theirs.body), missing, "{method} {rest}");
    }
}

#[tokio::test]
async fn d1_s13_a_guest_has_chat_while_in_the_call_and_not_before_or_after() {
    let service = Service::limited(|limits| {
        limits.chat.rates.thread.user = UNBOUNDED;
        limits.chat.rates.write.thread = UNBOUNDED;
    })
    .await;
    let olivia = service.sign_in("Olivia").await;
    let meeting = service
        .schedule(&olivia, json!({"subject": "Plenary"}))
        .await;
    let thread = thread_of(&meeting);
    let ada = service.guest().await;
    let before = written(&send(&service, &olivia, &thread, "before").await);
    assert_nothing(&service, &ada, &thread, &before).await;

    let mut organizer = service.agent(&olivia, "").await;
    organizer.join("o", &meeting).await.unwrap();
    let mut guest = service.agent(&ada, "Ada").await;
    let waits = guest.join("g", &meeting).await.unwrap();
    assert_eq!(waits.state, CallState::Lobby);
    assert_nothing(&service, &ada, &thread, &before).await;

    let admit = act("o", "admit", Some(ada.id.clone()));
    organizer.ask(admit).await.unwrap();
    guest.admitted().await;
    // Let in, the guest writes at once.
    let sent = send(&service, &ada, &thread, "hello").await;
    assert_eq!(sent.status, StatusCode::CREATED, "{}", sent.body);
    let page = history(&service, &ada, &thread).await.ok();
    assert_eq!(texts(&page), ["hello"], "nothing of before");
    assert_eq!(
        page["value"][0]["senderDisplayName"], "Ada",
        "as the meeting knows her"
    );
    let page = history(&service, &olivia, &thread).await.ok();
    assert_eq!(texts(&page), ["hello", "before"]);
    assert_unseen(&service, &ada, &thread, &before).await;
    let kinds: Vec<&str> = page["value"]
        .as_array()
        .unwrap()
        .iter()
        .map(|m| m["type"].as_str().unwrap())
        .collect();
    assert!(
        kinds.contains(&"participantAdded") && !kinds.contains(&"callStarted"),
        "{kinds:?}"
    );

    // While the connection is being resumed she is still in the call.
    let mut guest = guest.drop_and_resume().await;
    assert_eq!(
        texts(&history(&service, &ada, &thread).await.ok()),
        ["hello"]
    );
    guest
        .ask(Request::Leave {
            call: CallId::from("g"),
        })
        .await
        .unwrap();
    let among = written(&send(&service, &olivia, &thread, "among us").await);
    assert_nothing(&service, &ada, &thread, &among).await;

    // Back again: what she had is readable, and not what was said meanwhile.
    guest.join("again", &meeting).await.unwrap();
    assert_nothing(&service, &ada, &thread, &among).await;
    let admit = act("o", "admit", Some(ada.id.clone()));
    organizer.ask(admit).await.unwrap();
    guest.admitted().await;
    assert_eq!(
        texts(&history(&service, &ada, &thread).await.ok()),
        ["hello"]
    );
    assert_unseen(&service, &ada, &thread, &among).await;

    // C2, D2: she manages nothing of it.
    let me = json!({"rawId": olivia.id});
    let refused = ask(&service, &ada, "POST", &thread, "/participants/:remove", me).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    let refused = ask(
        &service,
        &ada,
        "PATCH",
        &thread,
        "",
        json!({"topic": "mine"}),
    )
    .await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    let refused = ask(&service, &ada, "DELETE", &thread, "", Value::Null).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);

    organizer
        .ask(Request::EndForEveryone {
            call: CallId::from("o"),
        })
        .await
        .unwrap();
    guest.ended().await;
    assert_nothing(&service, &ada, &thread, &among).await;
    assert_eq!(
        texts(&history(&service, &olivia, &thread).await.ok()).len(),
        3
    );
    service.stop().await;
}

#[tokio::test]
async fn d1_s13_removal_ends_reading_though_the_token_is_good() {
    let service = Service::start().await;
    let InCall {
        thread,
        ada,
        mut organizer,
        guest: _guest,
        ..
    } = InCall::of(&service).await;
    let hello = written(&send(&service, &ada, &thread, "hello").await);
    let remove = act("o", "remove", Some(ada.id.clone()));
    organizer.ask(remove).await.unwrap();
    assert_nothing(&service, &ada, &thread, &hello).await;
    service.stop().await;
}

#[tokio::test]
async fn b7_in_a_channels_meeting_guests_have_no_chat_at_all() {
    let service = Service::start().await;
    let olivia = service.sign_in("Olivia").await;
    let meeting = service
        .schedule(
            &olivia,
            json!({
                "lobbyBypassSettings": {"scope": "everyone"},
                "chatInfo": {"threadId": "19:general@thread.tacv2"},
            }),
        )
        .await;
    let thread = thread_of(&meeting);
    assert!(thread.ends_with("@thread.tacv2"), "{thread}");
    let mut organizer = service.agent(&olivia, "").await;
    organizer.join("o", &meeting).await.unwrap();
    let members = written(&send(&service, &olivia, &thread, "members").await);
    let ada = service.guest().await;
    let mut guest = service.agent(&ada, "Ada").await;
    let joined = guest.join("g", &meeting).await.unwrap();
    assert_eq!(joined.state, CallState::Connected);
    assert_nothing(&service, &ada, &thread, &members).await;
    service.stop().await;
}

#[tokio::test]
async fn c7_one_guest_too_many_is_told_why_and_nobody_is_harmed() {
    let service = Service::limited(|limits| limits.chat.participants = 2).await;
    let olivia = service.sign_in("Olivia").await;
    let open = json!({"lobbyBypassSettings": {"scope": "everyone"}});
    let meeting = service.schedule(&olivia, open).await;
    let thread = thread_of(&meeting);
    let mut organizer = service.agent(&olivia, "").await;
    organizer.join("o", &meeting).await.unwrap();
    let (ada, bob) = (service.guest().await, service.guest().await);
    let mut first = service.agent(&ada, "Ada").await;
    first.join("a", &meeting).await.unwrap();
    let mut second = service.agent(&bob, "Bob").await;
    let joined = second.join("b", &meeting).await.unwrap();
    assert_eq!(
        joined.state,
        CallState::Connected,
        "in the call all the same"
    );
    let refused = send(&service, &bob, &thread, "hello").await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert_eq!(refused.json()["error"]["code"], "ParticipantLimitReached");
    assert_eq!(
        send(&service, &ada, &thread, "hello").await.status,
        StatusCode::CREATED
    );
    service.stop().await;
}

#[tokio::test]
async fn d1_after_a_restart_a_guest_reads_only_once_back_in_the_call() {
    let data = tempfile::tempdir().unwrap();
    let service = Service::over(data.path()).await;
    let InCall {
        meeting,
        thread,
        ada,
        organizer: _organizer,
        guest: _guest,
        ..
    } = InCall::of(&service).await;
    let hello = written(&send(&service, &ada, &thread, "hello").await);
    service.stop().await;

    let service = Service::over(data.path()).await;
    assert_nothing(&service, &ada, &thread, &hello).await;
    let mut guest = service.agent(&ada, "Ada").await;
    guest.join("g", &meeting).await.unwrap();
    assert_eq!(
        texts(&history(&service, &ada, &thread).await.ok()),
        ["hello"]
    );
    service.stop().await;
}

#[tokio::test]
async fn d5_members_read_and_write_chat_in_graphs_shape() {
    let service = Service::start().await;
    let (olivia, marco) = (
        service.sign_in("Olivia").await,
        service.sign_in("Marco").await,
    );
    let attendees = json!([{"identity": {"user": {"id": marco.oid}}}]);
    let wish = json!({"subject": "Plenary", "participants": {"attendees": attendees}});
    let meeting = service.schedule(&olivia, wish).await;
    let thread = thread_of(&meeting);
    let text = |content: &str| json!({"body": {"content": content, "contentType": "html"}});
    let sent = graph(
        &service,
        &marco,
        "POST",
        &thread,
        "",
        text("<b>hi</b><script>x</script>"),
    )
    .await;
    assert_eq!(sent.status, StatusCode::CREATED, "{}", sent.body);
    let message = sent.json();
    assert_eq!(
        message["body"],
        json!({"contentType": "html", "content": "<b>hi</b>"}),
        "S12"
    );
    assert_eq!(message["from"]["user"]["id"], json!(marco.oid));
    assert_eq!(message["from"]["user"]["displayName"], "Marco Member");
    assert_eq!(message["etag"], message["id"]);
    assert_eq!(message["chatId"], json!(thread));
    let one = format!("/{}", message["id"].as_str().unwrap());
    let refused = graph(&service, &olivia, "PATCH", &thread, &one, text("mine")).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    let changed = graph(&service, &marco, "PATCH", &thread, &one, text("changed")).await;
    assert_eq!(changed.status, StatusCode::NO_CONTENT, "{}", changed.body);
    graph(&service, &olivia, "POST", &thread, "", text("second"))
        .await
        .ok();
    let page = graph(&service, &olivia, "GET", &thread, "?$top=1", Value::Null)
        .await
        .ok();
    assert_eq!(graph_texts(&page), ["second"]);
    let link = page["@odata.nextLink"].as_str().unwrap();
    let target = link
        .split_once("/v1.0")
        .map(|(_, rest)| format!("/v1.0{rest}"))
        .unwrap();
    let page = service
        .json("GET", &target, Some(&olivia.access), Value::Null)
        .await
        .ok();
    assert_eq!(graph_texts(&page), ["changed"]);
    let gone = graph(
        &service,
        &marco,
        "POST",
        &thread,
        &format!("{one}/softDelete"),
        json!({}),
    )
    .await;
    assert_eq!(gone.status, StatusCode::NO_CONTENT, "{}", gone.body);
    let read = graph(&service, &olivia, "GET", &thread, &one, Value::Null)
        .await
        .ok();
    assert!(read["deletedDateTime"].is_string(), "{read}");
    assert_eq!(read["body"]["content"], "");
    // S5: a guest's token is none of the organisation's.
    let ada = service.guest().await;
    let target = format!("/v1.0/chats/{thread}/messages");
    let refused = service
        .json("GET", &target, Some(&ada.token), Value::Null)
        .await;
    assert_eq!(refused.status, StatusCode::UNAUTHORIZED);
    // What is older than a time, as a client goes back in the history.
    let sent = graph(&service, &olivia, "GET", &thread, "?$top=1", Value::Null);
    let sent = sent.await.ok()["value"][0]["createdDateTime"].clone();
    let filter = format!(
        "?$orderby=createdDateTime%20desc&$filter=createdDateTime%20lt%20{}",
        sent.as_str().unwrap()
    );
    let page = graph(&service, &olivia, "GET", &thread, &filter, Value::Null)
        .await
        .ok();
    assert!(!page["value"].as_array().unwrap().is_empty());
    // As times: their texts have as many digits as they need.
    let time = |text: &Value| parse_rfc3339(text.as_str().unwrap()).unwrap();
    let mut listed = page["value"].as_array().unwrap().iter();
    assert!(listed.all(|one| time(&one["createdDateTime"]) < time(&sent)));
    for refused in [
        "?$filter=createdDateTime%20gt%202020-01-01T00:00:00Z",
        "?$orderby=lastModifiedDateTime%20desc",
    ] {
        let refused = graph(&service, &olivia, "GET", &thread, refused, Value::Null).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST);
    }
    service.stop().await;
}

#[tokio::test]
async fn d2_a_guest_has_text_and_their_own_messages_and_no_files_replies_or_reactions() {
    let service = Service::start().await;
    let InCall {
        olivia,
        thread,
        ada,
        organizer: _organizer,
        guest: _guest,
        ..
    } = InCall::of(&service).await;
    let sent = send(&service, &ada, &thread, "mine").await.ok();
    let mine = format!("/messages/{}", sent["id"].as_str().unwrap());
    let edit = json!({"content": "changed"});
    let edited = ask(&service, &ada, "PATCH", &thread, &mine, edit.clone()).await;
    assert_eq!(edited.status, StatusCode::NO_CONTENT, "{}", edited.body);
    let typing = ask(&service, &ada, "POST", &thread, "/typing", json!({})).await;
    assert_eq!(typing.status, StatusCode::OK);
    let read = json!({"chatMessageId": sent["id"]});
    let receipt = ask(&service, &ada, "POST", &thread, "/readReceipts", read).await;
    assert_eq!(receipt.status, StatusCode::OK, "{}", receipt.body);
    // Another's message, files, replies, reactions.
    let theirs = send(&service, &olivia, &thread, "theirs").await.ok();
    let theirs = format!("/messages/{}", theirs["id"].as_str().unwrap());
    for method in ["PATCH", "DELETE"] {
        let refused = ask(&service, &ada, method, &thread, &theirs, edit.clone()).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN);
    }
    for extra in [
        json!({"attachments": [{"id": "1"}]}),
        json!({"replyToId": "1"}),
    ] {
        let mut body = json!({"content": "x"});
        body.as_object_mut()
            .unwrap()
            .extend(extra.as_object().unwrap().clone());
        for (method, rest) in [("POST", "/messages"), ("PATCH", mine.as_str())] {
            let refused = ask(&service, &ada, method, &thread, rest, body.clone()).await;
            assert_eq!(refused.status, StatusCode::FORBIDDEN, "{method}");
            assert_eq!(refused.json()["error"]["code"], "NotSupported");
        }
    }
    for rest in [format!("{theirs}/reactions"), "/images".to_owned()] {
        let refused = ask(&service, &ada, "POST", &thread, &rest, json!({})).await;
        assert_eq!(refused.status, StatusCode::NOT_FOUND, "{rest}");
    }
    let page = history(&service, &ada, &thread).await.ok();
    assert_eq!(texts(&page), ["theirs", "changed"]);
    let deleted = ask(&service, &ada, "DELETE", &thread, &mine, Value::Null).await;
    assert_eq!(deleted.status, StatusCode::NO_CONTENT);
    service.stop().await;
}

#[tokio::test]
async fn d5_what_happens_to_a_meeting_is_told_in_graphs_shape() {
    let service = Service::start().await;
    let olivia = service.sign_in("Olivia").await;
    let wish = json!({"subject": "Plenary", "lobbyBypassSettings": {"scope": "everyone"}});
    let meeting = service.schedule(&olivia, wish).await;
    let thread = thread_of(&meeting);
    let mut organizer = service.agent(&olivia, "").await;
    organizer.join("o", &meeting).await.unwrap();
    let ada = service.guest().await;
    let mut guest = service.agent(&ada, "Ada").await;
    guest.join("g", &meeting).await.unwrap();
    let target = format!("/v1.0/me/onlineMeetings/{}", text(&meeting["id"]));
    let subject = json!({"subject": "Renamed"});
    let renamed = service.json("PATCH", &target, Some(&olivia.access), subject);
    assert_eq!(renamed.await.status, StatusCode::OK);
    for (agent, call) in [(&mut guest, "g"), (&mut organizer, "o")] {
        let call = CallId::from(call);
        agent.ask(Request::Leave { call }).await.unwrap();
    }
    let page = graph(&service, &olivia, "GET", &thread, "", Value::Null);
    let page = page.await.ok();
    let mut events: Vec<&Value> = page["value"].as_array().unwrap().iter().collect();
    events.reverse();
    let member = json!({
        "@odata.type": "#microsoft.graph.teamworkUserIdentity",
        "id": olivia.oid,
        "displayName": "Olivia Organizer",
        "userIdentityType": "aadUser",
    });
    let resource = ada.id.as_str().trim_start_matches("8:acs:");
    let guest = json!({
        "@odata.type": "#microsoft.graph.azureCommunicationServicesUserIdentity",
        "id": ada.id,
        "displayName": "Ada",
        "azureCommunicationServicesResourceId": resource.split('_').next(),
    });
    let by = json!({"user": member});
    let detail = |kind: &str, mut rest: Value| {
        rest["@odata.type"] = json!(format!("#microsoft.graph.{kind}EventMessageDetail"));
        rest
    };
    let renamed = |name: &str| {
        let body = json!({"chatId": thread, "chatDisplayName": name, "initiator": by});
        detail("chatRenamed", body)
    };
    let expected = [
        detail(
            "membersAdded",
            json!({"members": [member], "initiator": by}),
        ),
        renamed("Plenary"),
        detail(
            "callStarted",
            json!({"callEventType": "meeting", "initiator": by}),
        ),
        detail("membersAdded", json!({"members": [guest], "initiator": by})),
        renamed("Renamed"),
        detail(
            "membersDeleted",
            json!({"members": [guest], "initiator": by}),
        ),
        detail("callEnded", json!({"callEventType": "meeting"})),
    ];
    let told: Vec<&Value> = events.iter().map(|event| &event["eventDetail"]).collect();
    assert_eq!(told, expected.iter().collect::<Vec<_>>());
    for event in events {
        assert_eq!(event["messageType"], "systemEventMessage");
        assert_eq!(event["from"], Value::Null);
        let nothing = json!({"contentType": "html", "content": "<systemEventMessage/>"});
        assert_eq!(event["body"], nothing);
    }
    service.stop().await;
}
