//! What a hostile or strange server tries with an import does not work, and what it leaves out is said.
#![allow(clippy::unwrap_used, missing_docs)]

mod common;
mod import_source;

use common::program::databases;
use common::*;
use hyper::StatusCode;
use import_source::*;
use plenary_protocol::id::RawId;
use plenary_service::chat::Window;
use plenary_service::server::{self, database};
use plenary_service::store::chat::ChatStore;
use plenary_service::store::sqlite::Sqlite;
use plenary_service::store::Store;
use serde_json::Value;
use std::path::Path;

#[tokio::test]
async fn a_thread_that_one_may_not_read_another_brings() {
    let data = tempfile::tempdir().unwrap();
    let both = [(ALEX, "sesame-alex"), (JANE, "sesame-jane")];
    for refused in ["sesame-alex", "nobody's"] {
        let hostile = Hostile::refusing(refused).await;
        let run = tokened(&hostile.url, data.path(), &both, &[]).await;
        assert_eq!(run.code(), 0, "{}", run.err);
        let report = report(data.path());
        assert_eq!(report["counts"]["threadsNew"], 1, "{report}");
    }
    // Refused to everybody who is asked, it is said once.
    let hostile = Hostile::refusing("sesame-alex").await;
    let run = tokened(&hostile.url, data.path(), &both[..1], &[]).await;
    assert_eq!(run.code(), 3, "{}", run.err);
    assert_eq!(codes(&report(data.path())), ["threadRefused"]);
}

/// Who takes part in a thread, as the store has it.
async fn people(data: &Path, thread: &str) -> Option<Vec<String>> {
    let store = Sqlite::open(&database(data)).await.unwrap();
    let found = store.thread(thread).await.unwrap();
    store.close().await;
    Some(found?.participants.into_keys().map(|id| id.0).collect())
}

#[tokio::test]
async fn s13_what_nobody_may_read_is_not_taken_and_gives_nobody_a_right() {
    for then in [StatusCode::FORBIDDEN, StatusCode::OK] {
        let data = tempfile::tempdir().unwrap();
        let hostile = Hostile::withholding(1, then).await;
        let run = from_hostile(&hostile, data.path()).await;
        assert_eq!(run.code(), 0, "{}", run.err);
        let before = people(data.path(), GOOD).await.unwrap();
        assert_eq!(before, [ALEX, JANE]);
        let run = from_hostile(&hostile, data.path()).await;
        assert_eq!(run.code(), 3, "{then}: {}", run.err);
        let said = match then {
            StatusCode::OK => "historyIncomplete",
            _ => "threadRefused",
        };
        assert_eq!(codes(&report(data.path())), [said]);
        assert_eq!(people(data.path(), GOOD).await.unwrap(), before);
    }
    let data = tempfile::tempdir().unwrap();
    let hostile = Hostile::withholding(0, StatusCode::FORBIDDEN).await;
    let run = from_hostile(&hostile, data.path()).await;
    assert_eq!(run.code(), 3, "{}", run.err);
    assert_eq!(codes(&report(data.path())), ["threadRefused"]);
    assert_eq!(people(data.path(), GOOD).await, None);
}

/// A participant's windows, as the store has them.
async fn windows(data: &Path, who: &str) -> Vec<Window> {
    let store = Sqlite::open(&database(data)).await.unwrap();
    let found = store.thread(GOOD).await.unwrap().unwrap();
    store.close().await;
    found.participants[&RawId::from(who)].windows.clone()
}

#[tokio::test]
async fn s13_who_came_in_a_way_that_cannot_be_read_reads_nothing_from_before() {
    for goes_on in [false, true] {
        let data = tempfile::tempdir().unwrap();
        let hostile = Hostile::garbled(goes_on).await;
        let run = from_hostile(&hostile, data.path()).await;
        assert_eq!(run.code(), 3, "{}", run.err);
        assert_eq!(codes(&report(data.path())), ["malformedMessage"]);
        let [_, before, after] = [1, 2, 4].map(|n| 1_700_000_000_000 + n);
        let sees = |windows: &[Window], id| windows.iter().any(|one| one.holds(id));
        let carl = windows(data.path(), CARL).await;
        assert!(!sees(&carl, before), "{carl:?}");
        assert!(sees(&carl, after), "{carl:?}");
        let alex = windows(data.path(), ALEX).await;
        assert!(sees(&alex, before) && sees(&alex, after), "{alex:?}");
    }
}

#[tokio::test]
async fn d1_a_thread_of_a_meeting_does_not_become_a_group_s() {
    let data = tempfile::tempdir().unwrap();
    let hostile = Hostile::meetings().await;
    let run = from_hostile(&hostile, data.path()).await;
    assert_eq!(run.code(), 3, "{}", run.err);
    let report = report(data.path());
    assert_eq!(codes(&report), ["meetingThread", "meetingThread"]);
    assert_eq!(report["counts"]["threadsNew"], 1, "{report:#}");
    assert_eq!(people(data.path(), MEETING).await, None);
    assert_eq!(people(data.path(), ROOM).await, None);
}

#[tokio::test]
async fn an_odd_entry_of_a_list_is_left_out_and_said() {
    let data = tempfile::tempdir().unwrap();
    let hostile = Hostile::odd().await;
    let run = from_hostile(&hostile, data.path()).await;
    assert_eq!(run.code(), 3, "{}", run.err);
    assert_eq!(
        codes(&report(data.path())),
        ["malformedEntry", "malformedEntry"]
    );
    let people = people(data.path(), GOOD).await.unwrap();
    assert_eq!(people, [ALEX, JANE]);
}

#[tokio::test]
async fn a_list_that_goes_on_and_on_ends() {
    let data = tempfile::tempdir().unwrap();
    let hostile = Hostile::endless().await;
    let run = from_hostile(&hostile, data.path()).await;
    assert_eq!(run.code(), 3, "{}", run.err);
    assert_eq!(codes(&report(data.path())), ["threadRefused"]);
    assert!(run.out.contains("more than"), "{}", run.out);
}

/// A token that is seen wherever it is sent.
const TOKEN: &str = "sesame-open-the-other-server";

async fn from_hostile(hostile: &Hostile, data: &Path) -> Run {
    tokened(&hostile.url, data, &[(JANE, TOKEN)], &[]).await
}

#[tokio::test]
async fn a_token_is_sent_to_the_endpoint_and_nowhere_else() {
    let elsewhere = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = elsewhere.local_addr().unwrap();
    let data = tempfile::tempdir().unwrap();
    let link = format!("http://{address}/chat/threads?syncState=x");
    let hostile = Hostile::linking_to(&link).await;
    let run = from_hostile(&hostile, data.path()).await;
    assert_eq!(run.code(), 1, "{}", run.err);
    let named = format!("its next page is on http://{address}");
    assert!(run.err.contains(&named), "{}", run.err);
    let hostile = Hostile::redirecting_to(&link).await;
    let run = from_hostile(&hostile, data.path()).await;
    assert_eq!(run.code(), 1, "{}", run.err);
    assert!(run.err.contains("redirects"), "{}", run.err);
    assert!(hostile.was_asked_with(TOKEN), "the endpoint itself gets it");
    let came = std::pin::pin!(elsewhere.accept());
    assert!(futures::poll!(came).is_pending(), "nobody came");
    // And a list without end ends.
    let hostile = Hostile::going_round().await;
    let run = from_hostile(&hostile, data.path()).await;
    assert_eq!(run.code(), 1, "{}", run.err);
    assert!(run.err.contains("again and again"), "{}", run.err);
}

#[tokio::test]
async fn s12_s16_what_a_strange_server_sends_is_checked_and_what_is_left_out_is_said() {
    for settings in databases().await {
        strange_messages_arrive_clean(&settings).await;
    }
}

async fn over(data: &Path, settings: &[(&str, String)]) -> Service {
    let mut config = config(data);
    config.database = settings.first().map(|(_, url)| url.parse().unwrap());
    let running = server::start(config).await.unwrap();
    Service {
        address: running.address,
        running: Some(running),
        data: tempfile::tempdir().unwrap(),
    }
}

/// With this database in a folder that is not there yet.
async fn strange_messages_arrive_clean(settings: &[(&str, String)]) {
    let data = tempfile::tempdir().unwrap();
    let data = data.path().join("fresh");
    let database = settings.iter().flat_map(|(_, url)| ["--database", url]);
    let database: Vec<&str> = database.collect();
    let hostile = Hostile::strange().await;
    let run = tokened(&hostile.url, &data, &[(JANE, TOKEN)], &database).await;
    assert_eq!(run.code(), 3, "{}", run.err);
    assert!(!run.err.contains('\u{202e}') && !run.err.contains("\x1b[2J"));
    let report = report(&data);
    assert_eq!(
        codes(&report),
        [
            "attachment",
            "malformedMessage",
            "malformedMessage",
            "malformedMessage",
            "malformedMessage",
            "messageTooLong",
            "nothingReadable",
            "participantNotAUser",
            "participantNotAUser",
            "participantNotAUser",
            "threadRefused",
            "threadRefused",
            "unknownMessageType",
        ],
        "{report:#}"
    );
    let threads = report["threads"].as_array().unwrap().iter();
    let taken = threads.filter(|thread| !thread["target"].is_null());
    let taken: Vec<&Value> = taken.collect();
    assert_eq!(taken.len(), 1, "{report:#}");
    let mut findings = taken[0]["notTaken"].as_array().unwrap().iter();
    let unknown = findings.find(|one| one["code"] == "unknownMessageType");
    let unknown = unknown.unwrap();
    assert_eq!(unknown["message"], "1700000000008");
    assert!(unknown["reason"].as_str().unwrap().contains("poll"));
    let thread = taken[0]["target"].as_str().unwrap().to_owned();
    assert!(
        thread.ends_with("@thread.v2"),
        "its own id is none: {thread}"
    );

    let target = over(&data, settings).await;
    let jane = SignedIn::guest(JANE, "");
    let jane = at_target(&target, &[jane]).await.remove(0);
    let found = everything(&target, &jane, &[thread]).await;
    let messages = found["threads"][0]["messages"].as_array().unwrap();
    let texts: Vec<&str> = messages
        .iter()
        .filter_map(|message| message["content"]["message"].as_str())
        .collect();
    assert_eq!(
        texts,
        ["uuid", "with a file", "a<b>b</b>", "plain"],
        "the newest first"
    );
    let plain = messages
        .iter()
        .find(|message| message["content"]["message"] == "plain")
        .unwrap();
    assert_eq!(plain["senderDisplayName"], "Jane(enaj)");
    let participants = found["threads"][0]["participants"].as_array().unwrap();
    assert_eq!(participants.len(), 1, "{participants:?}");
    target.stop().await;
    // Its ids being none, it is recognised all the same.
    let run = tokened(&hostile.url, &data, &[(JANE, TOKEN)], &database).await;
    assert_eq!(run.code(), 3, "{}", run.err);
    let again = self::report(&data);
    assert_eq!(again["counts"]["messagesAdded"], 0, "{again:#}");
    let mut threads = again["threads"].as_array().unwrap().iter();
    assert!(threads.any(|thread| thread["target"] == taken[0]["target"]));
}
