//! Devices, with the browser's fake camera and microphone.
#![cfg(target_arch = "wasm32")]

use plenary::media::devices::{self, DeviceKind};
use plenary::page::counters;
use plenary_protocol::end::Reason;
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};
use web_sys::MediaStreamTrackState;

wasm_bindgen_test_configure!(run_in_browser);

#[wasm_bindgen_test]
async fn listing_never_prompts_and_knows_every_kind() {
    let listed = devices::list().await.expect("a list");
    for kind in [DeviceKind::Camera, DeviceKind::Microphone] {
        assert!(
            listed.iter().any(|device| device.kind == kind),
            "{kind:?} in {listed:?}"
        );
        assert_eq!(
            listed
                .iter()
                .filter(|device| device.kind == kind && device.is_system_default)
                .count(),
            1
        );
    }
}

#[wasm_bindgen_test]
async fn permission_is_asked_for_once_and_names_the_devices() {
    for _ in 0..6 {
        let given = devices::ask_permission(true, true)
            .await
            .expect("an answer");
        assert!(given.audio && given.video);
    }
    let listed = devices::list().await.expect("a list");
    assert!(
        listed
            .iter()
            .all(|device| !device.name.is_empty() && !device.id.is_empty()),
        "{listed:?}"
    );
}

#[wasm_bindgen_test]
async fn what_is_not_asked_for_is_not_granted() {
    let given = devices::ask_permission(true, false)
        .await
        .expect("an answer");
    assert!(given.audio && !given.video);
}

#[wasm_bindgen_test]
async fn a_camera_opens_by_its_id() {
    devices::ask_permission(false, true)
        .await
        .expect("an answer");
    let listed = devices::list().await.expect("a list");
    let camera = listed
        .iter()
        .find(|device| device.kind == DeviceKind::Camera)
        .expect("a camera");
    let track = devices::open(None, &camera.id).await.expect("a track");
    assert_eq!(
        (track.kind().as_str(), track.ready_state()),
        ("video", MediaStreamTrackState::Live)
    );
    track.stop();
    let refused = devices::open(None, "no such device")
        .await
        .expect_err("no track");
    assert_eq!(refused.reason(), Reason::MEDIA_FAILED);
}

#[wasm_bindgen_test]
async fn a_microphone_of_the_sdk_stops_with_its_owner() {
    let before = counters::snapshot();
    let opened = devices::open(Some(Default::default()), "").await;
    let microphone = devices::Microphone::new(opened.expect("a microphone"));
    let track = microphone.track();
    assert_eq!(track.ready_state(), MediaStreamTrackState::Live);
    assert_eq!(counters::snapshot().tracks, before.tracks + 1);
    drop(microphone);
    assert_eq!(track.ready_state(), MediaStreamTrackState::Ended);
    assert_eq!(counters::snapshot(), before);
}

#[wasm_bindgen_test]
async fn an_insecure_page_is_told_so() {
    js_sys::eval("Object.defineProperty(navigator, 'mediaDevices', { value: undefined, configurable: true })")
        .expect("hidden");
    let listed = devices::list().await;
    js_sys::eval("delete navigator.mediaDevices").expect("shown again");
    assert_eq!(
        listed.expect_err("no list").reason(),
        Reason::INSECURE_CONTEXT
    );
    assert!(devices::list().await.is_ok());
}

#[wasm_bindgen_test]
async fn a_watch_tells_of_the_devices_and_ends_with_its_owner() {
    use std::{cell::Cell, rc::Rc};
    let before = counters::snapshot();
    let told = Rc::new(Cell::new(0));
    let count = told.clone();
    let watch = devices::watch(move |_| count.set(count.get() + 1)).expect("a watch");
    support::until("a first list", || told.get() == 1).await;
    drop(watch);
    support::until("everything is let go", || counters::snapshot() == before).await;
}

mod support;
