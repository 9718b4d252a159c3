//! The agent socket in a real browser: finding the service, failing, coming back.
#![cfg(target_arch = "wasm32")]

#[path = "support/service.rs"]
mod service;

use service::*;
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_browser);

#[wasm_bindgen_test]
async fn a_service_that_refuses_the_connection_is_reported_after_a_few_attempts() {
    // Nobody listens on this port.
    no_stub();
    let subject = Subject::new();
    let begun = js_sys::Date::now();
    let options = options(
        r#"{"kind":"guest","address":"ws://127.0.0.1:59998/agent"}"#,
        "t",
    );
    assert_eq!(
        refused(subject.core.create_agent(options)).await,
        (408.0, 40114.0)
    );
    assert!(js_sys::Date::now() - begun < 15_000.0, "within seconds");
    subject.core.dispose();
    subject.let_go().await;
}

#[wasm_bindgen_test]
async fn without_any_address_the_agent_fails_with_a_sentence() {
    stub_service(LOBBY);
    let subject = Subject::new();
    assert_eq!(
        refused(
            subject
                .core
                .create_agent(options(r#"{"kind":"guest"}"#, "a.e30.c"))
        )
        .await,
        (412.0, 40115.0)
    );
    assert!(opened().is_empty(), "no socket was opened");
    subject.core.dispose();
    subject.let_go().await;
}

#[wasm_bindgen_test]
async fn the_token_names_the_service_when_no_option_does() {
    stub_service(LOBBY);
    let subject = Subject::new();
    // As the facade says it, which reads the token's claim.
    let token = "t', address: 'wss://meet.example/agent";
    let created = subject
        .core
        .create_agent(options(r#"{"kind":"guest"}"#, token));
    wasm_bindgen_futures::JsFuture::from(created)
        .await
        .expect("an agent");
    assert_eq!(
        opened(),
        ["wss://meet.example/agent plenary.v1"],
        "and the token is not in the address"
    );
    subject.core.dispose();
}

#[wasm_bindgen_test]
async fn a_dropped_connection_comes_back_by_itself_and_resumes() {
    stub_service(LOBBY);
    let subject = Subject::new();
    let agent = subject.agent().await;
    subject.join(agent, "c1").expect("joining");
    until("the lobby", || {
        subject.changes().iter().any(|c| c.contains("InLobby"))
    })
    .await;
    tell(1, r#"{"somethingNew":{"call":"c1"}}"#);
    let resumed = LOBBY.replace(r#""resumed": false"#, r#""resumed": true"#);
    set_answers(&resumed);
    drop_connection();
    let lost = r#"{"type":"agent","agent":1,"connected":false,"reason":"connectionIssue"}"#;
    assert!(
        subject.changes().iter().any(|c| c == lost),
        "{:?}",
        subject.changes()
    );
    until("it is back", || {
        opened().len() == 2
            && subject
                .changes()
                .iter()
                .filter(|c| c.contains(r#""connected":true"#))
                .count()
                == 2
    })
    .await;
    let hello = heard()
        .into_iter()
        .rfind(|frame| frame.contains("hello"))
        .unwrap_or_default();
    assert!(
        hello.contains(r#""resume":{"session":"s1","lastSeq":1}"#),
        "an unknown event counts, too: {hello}"
    );
    assert_eq!(
        heard()
            .iter()
            .filter(|frame| frame.contains("join"))
            .count(),
        1
    );
    assert!(!subject.changes().iter().any(|c| c.contains("Disconnected")));
    subject.core.dispose();
    subject.let_go().await;
}

#[wasm_bindgen_test]
async fn a_second_agent_of_the_same_identity_is_refused() {
    stub_service(LOBBY);
    let subject = Subject::new();
    subject.agent().await;
    let second = options(r#"{"kind":"guest","address":"ws://meet.test/agent"}"#, "t");
    assert_eq!(
        refused(subject.core.create_agent(second)).await,
        (409.0, 40228.0)
    );
    subject.core.dispose();
    subject.let_go().await;
}
