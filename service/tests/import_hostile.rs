//! What a hostile or strange server tries with an import does not work, and what it leaves out is said.
#![allow(clippy::unwrap_used, missing_docs)]

mod common;
mod import_source;

use common::*;
use import_source::*;
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
    let data = tempfile::tempdir().unwrap();
    let hostile = Hostile::strange().await;
    let run = from_hostile(&hostile, data.path()).await;
    assert_eq!(run.code(), 3, "{}", run.err);
    assert!(!run.err.contains('\u{202e}') && !run.err.contains("\x1b[2J"));
    let report = report(data.path());
    assert_eq!(
        codes(&report),
        [
            "attachment",
            "malformedMessage",
            "messageTooLong",
            "nothingReadable",
            "participantNotAUser",
            "participantNotAUser",
            "unknownMessageType",
        ],
        "{report:#}"
    );
    let mut findings = report["threads"][0]["notTaken"].as_array().unwrap().iter();
    let unknown = findings.find(|one| one["code"] == "unknownMessageType");
    let unknown = unknown.unwrap();
    assert_eq!(unknown["message"], "1700000000008");
    assert!(unknown["reason"].as_str().unwrap().contains("poll"));
    let thread = report["threads"][0]["target"].as_str().unwrap().to_owned();
    assert!(
        thread.ends_with("@thread.v2"),
        "its own id is none: {thread}"
    );

    let target = Service::over(data.path()).await;
    let jane = SignedIn {
        id: JANE.into(),
        token: String::new(),
        access: String::new(),
        oid: String::new(),
        app: String::new(),
    };
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
    let run = from_hostile(&hostile, data.path()).await;
    assert_eq!(run.code(), 3, "{}", run.err);
    let again = self::report(data.path());
    assert_eq!(again["counts"]["messagesAdded"], 0, "{again:#}");
    assert_eq!(
        again["threads"][0]["target"],
        report["threads"][0]["target"]
    );
}
