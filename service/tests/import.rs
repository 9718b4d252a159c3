//! `plenary-service import acs-chat`, from one service to another: what arrives is what was there, however
//! often it was killed on the way.
#![allow(clippy::unwrap_used, missing_docs)]

mod common;
mod import_source;

use common::chat::Chat;
use common::signed;
use common::*;
use import_source::*;
use plenary_service::chat::Window;
use plenary_service::server::database;
use plenary_service::store::chat::{ChatStore, Stretch};
use plenary_service::store::sqlite::Sqlite;
use plenary_service::store::Store;
use serde_json::{json, Value};
use std::path::Path;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

/// Carl is gone, or came back: what was shared with him before he came the first time is told by nothing in
/// the interface. So much is left to him: the messages since the first that says that he came.
fn only_since_they_came(everything: &mut Value, who: &str) {
    let messages = everything["threads"][0]["messages"].as_array_mut().unwrap();
    let came = messages.iter().rposition(|message| {
        let named = message["content"]["participants"].as_array();
        let mut named = named.into_iter().flatten();
        message["type"] == "participantAdded"
            && named.any(|one| one["communicationIdentifier"]["rawId"] == json!(who))
    });
    messages.truncate(came.unwrap() + 1);
}

/// Everything that everybody can read over REST is the same there and here.
async fn is_the_same(source: &Service, filled: &Filled, data: &Path) {
    let target = Service::over(data).await;
    let people = at_target(&target, &filled.people).await;
    for (there, here) in filled.people.iter().zip(&people) {
        let mut expected = everything(source, there, &filled.threads).await;
        if there.id == filled.people[3].id {
            only_since_they_came(&mut expected, there.id.as_str());
        }
        let found = everything(&target, here, &filled.threads).await;
        assert_eq!(found, expected, "for {}", there.id);
    }
    target.stop().await;
}

/// The long thread, on one of both.
fn long<'a>(service: &'a Service, filled: &Filled) -> Chat<'a> {
    Chat {
        service,
        thread: filled.threads[0].clone(),
    }
}

#[tokio::test]
async fn what_arrives_is_what_was_there_and_grows_with_it() {
    let source = source().await;
    let mut filled = fill(&source).await;
    let data = tempfile::tempdir().unwrap();
    let jane = filled.people[0].id.clone();
    let user = ["--user", jane.as_str()];
    let run = import(&source, data.path(), &user).await;
    assert_eq!(run.code(), 0, "{}\n{}", run.out, run.err);
    is_the_same(&source, &filled, data.path()).await;
    let first = report(data.path());
    assert_eq!(first["finished"], true);
    assert_eq!(first["counts"]["threadsNew"], 3, "{first}");
    assert_eq!(first["users"], json!([]), "everybody kept their id");

    let run = import(&source, data.path(), &user).await;
    assert_eq!(run.code(), 0, "{}", run.err);
    let again = report(data.path());
    assert_eq!(again["counts"]["threads"], 3);
    assert_eq!(again["counts"]["messagesAdded"], 0, "none twice");
    assert_eq!(again["counts"]["threadsBroughtUpToDate"], 0, "{again}");

    grow(&source, &mut filled).await;
    let run = import(&source, data.path(), &user).await;
    assert_eq!(run.code(), 0, "{}", run.err);
    let grown = report(data.path());
    assert_eq!(grown["counts"]["threadsBroughtUpToDate"], 1, "{grown}");
    assert_eq!(grown["counts"]["messagesChanged"], 2, "{grown}");
    is_the_same(&source, &filled, data.path()).await;

    // Somebody goes on in the new place: what the old one says later is not mixed in.
    let target = Service::over(data.path()).await;
    let here = at_target(&target, &filled.people[..1]).await.remove(0);
    long(&target, &filled).send(&here, "now here").await;
    let before = everything(&target, &here, &filled.threads).await;
    target.stop().await;
    long(&source, &filled)
        .send(&filled.people[0], "still there")
        .await;
    let run = import(&source, data.path(), &user).await;
    assert_eq!(run.code(), 3, "{}", run.err);
    assert_eq!(codes(&report(data.path())), ["threadInUse"]);
    assert!(run.out.contains("threadInUse"), "{}", run.out);
    let target = Service::over(data.path()).await;
    assert_eq!(everything(&target, &here, &filled.threads).await, before);
    target.stop().await;
    source.stop().await;
}

#[tokio::test]
async fn a_service_that_runs_shows_what_an_import_brings() {
    let source = source().await;
    let filled = fill_small(&source, 20).await;
    let jane = filled.people[0].id.clone();
    let user = ["--user", jane.as_str()];
    let data = tempfile::tempdir().unwrap();
    let target = Service::over(data.path()).await;
    for _ in 0..2 {
        let run = import(&source, data.path(), &user).await;
        assert_eq!(run.code(), 0, "{}", run.err);
        for (there, here) in filled
            .people
            .iter()
            .zip(at_target(&target, &filled.people).await)
        {
            let expected = everything(&source, there, &filled.threads).await;
            let found = everything(&target, &here, &filled.threads).await;
            assert_eq!(found, expected, "for {}", there.id);
        }
        long(&source, &filled).send(&filled.people[1], "more").await;
    }
    // What was brought is written on here, above the ids that came.
    let here = at_target(&target, &filled.people).await.remove(0);
    long(&target, &filled).send(&here, "here").await;
    let texts = long(&target, &filled).texts(&here).await;
    assert_eq!(texts[..2], ["here", "more"]);
    target.stop().await;
    source.stop().await;
}

#[tokio::test]
async fn what_was_deleted_here_does_not_come_back_when_it_is_edited_there() {
    let source = source().await;
    let filled = fill_small(&source, 2).await;
    let jane = &filled.people[0];
    let user = ["--user", jane.id.as_str()];
    let data = tempfile::tempdir().unwrap();
    let run = import(&source, data.path(), &user).await;
    assert_eq!(run.code(), 0, "{}", run.err);
    let target = Service::over(data.path()).await;
    let here = at_target(&target, &filled.people[..1]).await.remove(0);
    let there = long(&source, &filled);
    let page = there.get(jane, "/messages?maxPageSize=1").await.ok();
    let path = format!("/messages/{}", page["value"][0]["id"].as_str().unwrap());
    let chat = long(&target, &filled);
    let gone = chat.ask(&here, "DELETE", &path, Value::Null).await;
    assert!(gone.status.is_success(), "{}", gone.body);
    let before = everything(&target, &here, &filled.threads).await;
    let edit = json!({"content": "edited later"});
    let edited = there.ask(jane, "PATCH", &path, edit).await;
    assert!(edited.status.is_success(), "{}", edited.body);
    let run = import(&source, data.path(), &user).await;
    assert_eq!(run.code(), 0, "{}", run.err);
    let note = &report(data.path())["threads"][0]["notes"][0]["code"];
    assert_eq!(note, "changedHere");
    assert_eq!(everything(&target, &here, &filled.threads).await, before);
    target.stop().await;
    source.stop().await;
}

#[tokio::test]
async fn who_is_refused_hides_nobody_else() {
    let source = source().await;
    let filled = fill_small(&source, 5).await;
    let data = tempfile::tempdir().unwrap();
    // A token that is none: the others are taken all the same.
    let mut tokens = of(&filled.people);
    tokens[0].1 = "sesame";
    let run = tokened(&url(&source), data.path(), &tokens, &[]).await;
    assert_eq!(run.code(), 3, "{}", run.err);
    assert_eq!(codes(&report(data.path())), ["userRefused"]);
    assert_eq!(state(data.path(), &filled.threads[0]).await, (7, true));
    source.stop().await;
}

/// Kills an import after the n-th line that says so; false: it was done before.
async fn killed_after(mut child: Child, n: usize, said: &str) -> bool {
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let mut seen = 0;
    while let Some(line) = lines.next_line().await.unwrap() {
        seen += usize::from(line.starts_with("import: ") && line.contains(said));
        if seen == n {
            break;
        }
    }
    child.start_kill().unwrap();
    // The pipe is read to its end, so that it could not have stopped there.
    while let Ok(Some(_)) = lines.next_line().await {}
    let status = child.wait().await.unwrap();
    status.code().is_none()
}

/// Of a thread in the store: how many messages, and whether anybody sees it.
async fn state(data: &Path, thread: &str) -> (usize, bool) {
    let store = Sqlite::open(&database(data)).await.unwrap();
    let found = store.thread(thread).await.unwrap();
    let stretch = Stretch {
        window: Window { from: 0, to: None },
        below: u64::MAX,
        with_calls: true,
        limit: 10_000,
    };
    let messages = store.messages(thread, stretch).await.unwrap().len();
    store.close().await;
    let seen = found.is_some_and(|thread| !thread.participants.is_empty());
    (messages, seen)
}

#[tokio::test]
async fn kills_lose_nothing_double_nothing_and_show_nobody_half() {
    let source = source().await;
    let filled = fill(&source).await;
    let jane = filled.people[0].id.clone();
    let user = ["--user", jane.as_str()];
    let at_once = tempfile::tempdir().unwrap();
    assert_eq!(import(&source, at_once.path(), &user).await.code(), 0);
    let (whole, seen) = state(at_once.path(), &filled.threads[0]).await;
    assert!(whole > 400 && seen);

    let data = tempfile::tempdir().unwrap();
    let mut kills = 0;
    let mut halves = 0;
    for (n, said) in [
        (1, "has"),
        (1, "read"),
        (2, "read"),
        (1, "written"),
        (1, "written"),
        (2, "written"),
        (1, "added"),
        (3, "written"),
        (2, "added"),
    ] {
        let child = keyed(&source, data.path(), &user).await.spawn().unwrap();
        kills += usize::from(killed_after(child, n, said).await);
        let (messages, seen) = state(data.path(), &filled.threads[0]).await;
        assert!(messages == whole || !seen, "half of it is seen by nobody");
        halves += usize::from((1..whole).contains(&messages));
    }
    assert!(kills >= 5, "{kills}");
    assert!(halves >= 1, "a thread was written in part");
    let run = import(&source, data.path(), &user).await;
    assert_eq!(run.code(), 0, "{}", run.err);
    assert_eq!(state(data.path(), &filled.threads[0]).await, (whole, true));
    is_the_same(&source, &filled, data.path()).await;
    let report = report(data.path());
    assert_eq!(report["finished"], true);
    assert_eq!(report["counts"]["threads"], 3, "{report}");
    source.stop().await;
}

#[tokio::test]
async fn a_throttled_source_is_waited_for_and_an_interrupted_import_goes_on() {
    let source = Service::limited(|limits| {
        unlimited(limits);
        limits.chat.rates.list_messages.user.per_10s = 1;
    })
    .await;
    let filled = fill_small(&source, 250).await;
    let jane = filled.people[0].id.clone();
    let user = ["--user", jane.as_str()];
    let data = tempfile::tempdir().unwrap();
    let mut child = keyed(&source, data.path(), &user).await.spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    loop {
        let line = lines.next_line().await.unwrap().unwrap();
        if line.contains("too busy") && line.contains("again in") {
            break;
        }
    }
    let id = child.id().unwrap().to_string();
    let sent = Command::new("kill").args(["-INT", &id]).status().await;
    assert!(sent.unwrap().success());
    let mut rest = String::new();
    while let Some(line) = lines.next_line().await.unwrap() {
        rest += &line;
    }
    let status = child.wait().await.unwrap();
    assert_eq!(status.code(), Some(130), "{rest}");
    assert!(rest.contains("the same command goes on"), "{rest}");
    assert_eq!(report(data.path())["finished"], false);

    let run = import(&source, data.path(), &user).await;
    assert_eq!(run.code(), 0, "{}", run.err);
    assert!(run.err.contains("429"), "{}", run.err);
    let (messages, seen) = state(data.path(), &filled.threads[0]).await;
    assert_eq!((messages, seen), (252, true));
    source.stop().await;
}

#[tokio::test]
async fn without_a_key_tokens_do_and_new_users_are_mapped_in_the_report() {
    let source = source().await;
    let filled = fill_small(&source, 5).await;
    let (jane, alex) = (&filled.people[0], &filled.people[1]);
    let data = tempfile::tempdir().unwrap();
    let mut mapped = Value::Null;
    for _ in 0..2 {
        let tokens = of(&filled.people);
        let new = ["--identities", "new"];
        let run = tokened(&url(&source), data.path(), &tokens, &new).await;
        assert_eq!(run.code(), 0, "{}", run.err);
        let report = report(data.path());
        if mapped.is_null() {
            mapped = report["users"].clone();
        }
        assert_eq!(report["users"], mapped, "the same in every run");
    }
    assert_eq!(mapped.as_array().unwrap().len(), 2, "{mapped}");

    let target = Service::over(data.path()).await;
    let resource = signed::resource(&target).await.id;
    let here = |person: &SignedIn| {
        let all = mapped.as_array().unwrap();
        let one = all.iter().find(|one| one["source"] == json!(person.id));
        let id = one.unwrap()["target"].as_str().unwrap().to_owned();
        assert!(id.starts_with(&format!("8:acs:{resource}_")), "{id}");
        id
    };
    let (jane_here, alex_here) = (here(jane), here(alex));
    let there = everything(&source, alex, &filled.threads).await.to_string();
    let there = there
        .replace(jane.id.as_str(), &jane_here)
        .replace(alex.id.as_str(), &alex_here);
    let person = SignedIn::guest(&alex_here, "");
    let person = at_target(&target, &[person]).await.remove(0);
    let found = everything(&target, &person, &filled.threads).await;
    assert_eq!(found.to_string(), there);
    target.stop().await;
    source.stop().await;
}

#[tokio::test]
async fn s13_who_came_late_brings_what_they_can_read_and_others_the_rest() {
    let source = source().await;
    let filled = fill(&source).await;
    let data = tempfile::tempdir().unwrap();
    let maria = of(&filled.people[2..3]);
    let run = tokened(&url(&source), data.path(), &maria, &[]).await;
    assert_eq!(run.code(), 3, "{}", run.err);
    assert_eq!(codes(&report(data.path())), ["historyIncomplete"]);
    let target = Service::over(data.path()).await;
    // Of the others nobody reads more than there, and some read something.
    let all = &filled.people[..4];
    let one = &filled.threads[..1];
    for (there, here) in all.iter().zip(at_target(&target, all).await) {
        let expected = everything(&source, there, one).await;
        let found = everything(&target, &here, one).await;
        let expected = expected["threads"][0]["messages"].as_array().unwrap();
        let found = found["threads"][0]["messages"].as_array().unwrap();
        assert!(found.len() > 50, "{}: {}", there.id, found.len());
        let strange = found.iter().find(|message| !expected.contains(message));
        assert_eq!(strange, None, "for {}", there.id);
    }
    target.stop().await;
    // With the others' tokens the beginning comes, too.
    let run = tokened(&url(&source), data.path(), &of(&filled.people), &[]).await;
    assert_eq!(run.code(), 0, "{}", run.err);
    is_the_same(&source, &filled, data.path()).await;
    source.stop().await;
}

#[tokio::test]
async fn what_is_wrong_is_named() {
    let source = source().await;
    let jane = source.guest().await;
    let data = tempfile::tempdir().unwrap();
    let user = ["--user", jane.id.as_str()];
    let string = |key: &str| format!("endpoint=http://{};accesskey={key}", source.address);
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let nobody = format!(
        "endpoint=http://{};accesskey=c2VjcmV0",
        free.local_addr().unwrap()
    );
    drop(free);
    for (string, users, said) in [
        (string("c2VjcmV0"), &user[..], "refuses the access key"),
        (string("c2Vjc?mV0"), &user[..], "is not base64"),
        ("sesame".to_owned(), &user[..], "not of the form endpoint="),
        (string("c2VjcmV0"), &[][..], "--user"),
        (string("c2VjcmV0"), &["--user", "jane"][..], "8:acs:"),
        (nobody, &user[..], "no answer from"),
        (
            "endpoint=http://chat.example.org;accesskey=c2VjcmV0".to_owned(),
            &user[..],
            "not encrypted",
        ),
    ] {
        let mut command = command(data.path(), users);
        command.env("PLENARY_ACS_CONNECTION_STRING", string);
        let run = finished(command).await;
        assert_eq!(run.code(), 1, "{said}: {}", run.err);
        assert!(run.err.contains(said), "{said}: {}", run.err);
        assert!(!run.err.contains("c2Vjc"), "S15: {}", run.err);
        assert!(!run.err.contains("sesame"), "S15: {}", run.err);
    }
    let run = finished(command(data.path(), &user)).await;
    assert!(run.err.contains("PLENARY_ACS_CONNECTION_STRING"));
    // A user whom the source does not know is no reason to leave the others.
    let other = ["--user", jane.id.as_str(), "--user", "8:acs:no_body"];
    let run = import(&source, data.path(), &other).await;
    assert_eq!(run.code(), 3, "{}", run.err);
    assert_eq!(codes(&report(data.path())), ["userRefused"]);
    source.stop().await;
}
