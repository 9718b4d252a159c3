//! Nothing remains: whatever was created is gone after its disposal.
#![cfg(target_arch = "wasm32")]

#[path = "support/service.rs"]
mod service;

use service::*;
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::JsFuture;
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_browser);

#[wasm_bindgen_test]
async fn leaving_a_call_lets_go_of_its_media() {
    stub_service(LOBBY);
    let subject = Subject::new();
    let agent = subject.agent().await;
    subject.join(agent, "c1").expect("joining");
    until("the lobby", || {
        subject.changes().iter().any(|c| c.contains("InLobby"))
    })
    .await;
    assert_eq!(
        (
            subject.count("calls"),
            subject.count("peerConnections"),
            subject.count("sockets")
        ),
        (1.0, 1.0, 1.0)
    );
    JsFuture::from(
        subject
            .core
            .ask("c1".into(), "hangUp".into(), JsValue::UNDEFINED),
    )
    .await
    .expect("left");
    assert_eq!(
        (
            subject.count("calls"),
            subject.count("peerConnections"),
            subject.count("elements")
        ),
        (0.0, 0.0, 0.0)
    );
    assert_eq!(subject.count("agents"), 1.0, "the agent stays");
    subject.core.dispose();
    subject.let_go().await;
}

#[wasm_bindgen_test]
async fn agents_and_calls_leave_nothing_behind_however_often() {
    stub_service(LOBBY);
    let subject = Subject::new();
    let base = subject.counts();
    for round in 0..10 {
        let agent = subject.agent().await;
        subject.join(agent, "c1").expect("joining");
        match round % 3 {
            // At every stage: right away, on the way, in the lobby.
            0 => {}
            1 => pause(5).await,
            _ => {
                until("the lobby", || {
                    heard().iter().any(|frame| frame.contains("join"))
                })
                .await
            }
        }
        JsFuture::from(subject.core.dispose_agent(agent))
            .await
            .expect("disposed");
        until("everything is let go", || subject.counts() == base).await;
    }
    // Offers that were on their way when their agent went.
    pause(200).await;
    assert_eq!(subject.counts(), base);
    subject.core.dispose();
    subject.let_go().await;
}

#[wasm_bindgen_test]
async fn memory_does_not_grow_with_agents() {
    stub_service(LOBBY);
    let pages = || {
        let memory: js_sys::WebAssembly::Memory =
            wasm_bindgen::JsCast::unchecked_into(wasm_bindgen::memory());
        get(&memory.buffer(), "byteLength")
            .as_f64()
            .unwrap_or_default()
    };
    let round = || async {
        let subject = Subject::new();
        let agent = subject.agent().await;
        subject.join(agent, "c1").expect("joining");
        until("the lobby", || {
            subject.changes().iter().any(|c| c.contains("InLobby"))
        })
        .await;
        subject.core.dispose();
        subject.let_go().await;
    };
    for _ in 0..5 {
        round().await;
    }
    let before = pages();
    for _ in 0..20 {
        round().await;
    }
    assert_eq!(pages(), before, "after warming up");
}

#[wasm_bindgen_test]
async fn a_core_that_is_dropped_lets_go_of_everything() {
    stub_service(LOBBY);
    let subject = Subject::new();
    let agent = subject.agent().await;
    subject.join(agent, "c1").expect("joining");
    drop(subject);
    pause(100).await;
    let other = Subject::new();
    other.core.dispose();
    other.let_go().await;
}
