//! A media session in a page, against a real peer connection in the same page.
#![cfg(target_arch = "wasm32")]

mod support;

use livekit_protocol as lk;
use lk::signal_request::Message as Request;
use lk::signal_response::Message as Response;
use plenary::media::interface::MediaEvent;
use plenary::media::view::{Scaling, View};
use plenary::media::{devices, MediaConfig, MediaSession};
use plenary::page::counters;
use plenary_protocol::agent::TrackSource;
use plenary_protocol::end::Reason;
use support::{drop_socket, hear, hear_slots, pause, sent, stub_socket, until, Answerer, Subject};
use wasm_bindgen_test::{console_log, wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_browser);

fn sections(sdp: &str, kind: &str) -> usize {
    sdp.matches(&format!("\nm={kind} ")).count()
}

#[wasm_bindgen_test]
async fn the_offer_has_every_section_and_waits_for_no_candidate() {
    let subject = Subject::new(12, 9);
    let begun = js_sys::Date::now();
    let offer = subject.session.offer().await.expect("an offer");
    console_log!(
        "an offer of {} bytes after {} ms",
        offer.sdp.len(),
        js_sys::Date::now() - begun
    );
    assert_eq!(
        ["audio", "video", "application"].map(|kind| sections(&offer.sdp, kind)),
        [13, 10, 1],
        "the screen has none until it is shared"
    );
    assert!(
        !offer.sdp.contains("a=candidate"),
        "no candidate is waited for"
    );
    assert!(
        !offer.sdp.contains("VP9") && !offer.sdp.contains("AV1") && !offer.sdp.contains("PCMU")
    );
    assert!(offer.sdp.contains("VP8/90000") && offer.sdp.contains("opus/48000/2"));
    // Redundancy is preferred: the first payload type of a section is.
    let first = |sdp: &str| {
        let line = sdp.lines().find(|line| line.starts_with("m=audio"))?;
        line.split(' ')
            .nth(3)
            .map(|number| format!("a=rtpmap:{number} red/48000/2"))
    };
    assert!(first(&offer.sdp).is_some_and(|red| offer.sdp.contains(&red)));

    assert_eq!(
        offer
            .tracks
            .iter()
            .map(|track| track.source)
            .collect::<Vec<_>>(),
        [TrackSource::Microphone, TrackSource::Camera]
    );
    assert!(offer.tracks.iter().all(|track| track.muted));
    let cids: Vec<&String> = offer.mid_to_cid.iter().map(|(_, cid)| cid).collect();
    assert!(offer.tracks.iter().all(|track| cids.contains(&&track.cid)));
    // LiveKit's server finds a track by the msid of its section.
    assert!(
        cids.iter()
            .all(|cid| offer.sdp.contains(&format!(" {cid}\r\n"))),
        "{cids:?}"
    );
}

#[wasm_bindgen_test]
async fn a_slots_picture_is_shown_and_its_first_frame_told() {
    stub_socket();
    let before = counters::snapshot();
    let camera = devices::open(None, "").await.expect("a camera");
    {
        let subject = Subject::new(1, 2);
        let offer = subject.session.offer().await.expect("an offer");
        // Microphone 0, camera 1, audio slot 2, video slots 3 and 4.
        let peer = Answerer::new(&[("3", &camera)]);
        subject.connect(&peer, &offer).await;
        until("media is up", || subject.told(&MediaEvent::Connected)).await;
        assert!(subject.session.remote_track("TR_a").is_none());

        let view = View::new(Scaling::Fit, true).expect("a view");
        let body = web_sys::window()
            .and_then(|w| w.document())
            .and_then(|d| d.body())
            .expect("a body");
        body.append_child(view.target()).expect("in the page");
        subject.session.show("TR_a", &view);
        hear_slots(&[("3", "TR_a")]);
        assert!(subject.told(&MediaEvent::TrackAssigned {
            track: "TR_a".into(),
            arrives: true
        }));
        assert!(subject.session.remote_track("TR_a").is_some());
        let framed = || {
            let events = subject.events.borrow();
            events.iter().any(|e| matches!(e, MediaEvent::Frames { track, width, .. } if track == "TR_a" && *width > 0))
        };
        until("a frame is decoded", framed).await;
        let video = view
            .target()
            .query_selector("video")
            .ok()
            .flatten()
            .expect("a video");
        let video: web_sys::HtmlVideoElement = wasm_bindgen::JsCast::unchecked_into(video);
        until("the picture is in the page", || {
            video.video_width() > 0 && !video.paused()
        })
        .await;

        // Out of the document and in again, as React does it.
        view.target().remove();
        pause(50).await;
        body.append_child(view.target()).expect("in the page");
        until("it keeps playing", || !video.paused()).await;

        hear_slots(&[]);
        assert!(subject.told(&MediaEvent::TrackAssigned {
            track: "TR_a".into(),
            arrives: false
        }));
        assert!(video.src_object().is_none());
        subject.session.close();
        view.close();
        assert!(!view.target().is_connected());
    }
    camera.stop();
    until("everything is let go", || counters::snapshot() == before).await;
}

#[wasm_bindgen_test]
async fn nothing_is_sent_before_the_gate_is_open_nor_while_muted() {
    stub_socket();
    let opened = devices::open(Some(Default::default()), "").await;
    let microphone = devices::Microphone::new(opened.expect("a microphone"));
    let subject = Subject::new(1, 1);
    let offer = subject.session.offer().await.expect("an offer");
    let peer = Answerer::new(&[]);
    subject.session.set_microphone(Some(microphone.track()));
    subject.session.set_muted(false);
    subject.connect(&peer, &offer).await;
    until("media is up", || subject.told(&MediaEvent::Connected)).await;
    let cid = offer.mid_to_cid[0].1.clone();
    let track = lk::TrackInfo {
        sid: "TR_mine".into(),
        muted: true,
        ..Default::default()
    };
    hear(Response::TrackPublished(lk::TrackPublishedResponse {
        cid,
        track: Some(track),
    }));
    pause(500).await;
    assert_eq!(peer.packets("0").await, 0, "the gate is closed");

    subject.session.open_gate();
    for _ in 0..300 {
        if peer.packets("0").await > 10 {
            break;
        }
        pause(10).await;
    }
    assert!(peer.packets("0").await > 10, "sound flows");
    let mute = |muted| {
        Request::Mute(lk::MuteTrackRequest {
            sid: "TR_mine".into(),
            muted,
        })
    };
    assert!(sent().contains(&mute(false)));

    subject.session.set_muted(true);
    assert!(sent().contains(&mute(true)));
    // What was on its way may still arrive.
    pause(200).await;
    let until_now = peer.packets("0").await;
    pause(500).await;
    assert_eq!(peer.packets("0").await, until_now, "muted");
}

#[wasm_bindgen_test]
async fn a_dropped_socket_is_opened_again() {
    stub_socket();
    let subject = Subject::new(1, 1);
    let offer = subject.session.offer().await.expect("an offer");
    let peer = Answerer::new(&[]);
    subject.connect(&peer, &offer).await;
    until("media is up", || subject.told(&MediaEvent::Connected)).await;
    subject.session.set_token("d.e.f", 0.0);
    drop_socket();
    assert!(subject.told(&MediaEvent::Interrupted));
    subject.events.borrow_mut().clear();
    until("another socket", || {
        support::socket_url().is_some_and(|url| url.contains("access_token=d.e.f"))
    })
    .await;
    hear(Response::Reconnect(Default::default()));
    assert!(subject.told(&MediaEvent::Connected));
    hear(Response::Leave(lk::LeaveRequest {
        action: lk::leave_request::Action::Reconnect.into(),
        ..Default::default()
    }));
    assert!(subject.told(&MediaEvent::SessionLost));
}

#[wasm_bindgen_test]
async fn a_join_without_the_agent_socket_carries_its_offer_compressed() {
    use base64::Engine as _;
    stub_socket();
    let subject = Subject::new(12, 9);
    subject.session.offer().await.expect("an offer");
    subject
        .session
        .connect(&plenary_protocol::agent::MediaGrant {
            url: "ws://engine.test".to_owned(),
            token: "a.b.c".to_owned(),
            expires_at: 0.0,
            participant_sid: None,
            answer: None,
            slots: false,
            ice_servers: Vec::new(),
        });
    until("the socket is opened", || support::socket_url().is_some()).await;
    let url = support::socket_url().expect("an address");
    console_log!("a join of {} bytes", url.len());
    let (_, request) = url.split_once("join_request=").expect("a join request");
    let request = request.replace("%3D", "=");
    let wrapped = base64::engine::general_purpose::URL_SAFE
        .decode(request)
        .expect("base64");
    let wrapped =
        <lk::WrappedJoinRequest as prost::Message>::decode(wrapped.as_slice()).expect("protobuf");
    assert_eq!(
        wrapped.compression(),
        lk::wrapped_join_request::Compression::Gzip
    );
    assert!(
        url.len() < 8_000,
        "servers bound the first line of a request"
    );
}

#[wasm_bindgen_test]
async fn blocked_sound_is_told_and_starts_with_a_gesture() {
    js_sys::eval(
        "globalThis.realPlay = HTMLMediaElement.prototype.play;
         HTMLMediaElement.prototype.play = () => Promise.reject(new DOMException('no gesture', 'NotAllowedError'));",
    )
    .expect("blocked");
    let before = counters::snapshot();
    let subject = Subject::new(2, 1);
    let offer = subject.session.offer().await.expect("an offer");
    let peer = Answerer::new(&[]);
    subject.connect(&peer, &offer).await;
    hear_slots(&[("2", "TR_a"), ("3", "TR_b")]);
    let blocked = || subject.told(&MediaEvent::PlaybackBlocked(true));
    until("it is told", blocked).await;
    js_sys::eval(
        "HTMLMediaElement.prototype.play = realPlay; document.dispatchEvent(new Event('keydown'))",
    )
    .expect("a gesture");
    let started = || subject.told(&MediaEvent::PlaybackBlocked(false));
    until("it starts", started).await;
    let events = subject.events.borrow().clone();
    let told = events
        .iter()
        .filter(|e| matches!(e, MediaEvent::PlaybackBlocked(_)));
    assert_eq!(told.count(), 2, "once each");
    subject.session.close();
    until("everything is let go", || counters::snapshot() == before).await;
}

#[wasm_bindgen_test]
async fn a_closed_session_leaves_nothing() {
    stub_socket();
    let before = counters::snapshot();
    for _ in 0..5 {
        let subject = Subject::new(12, 9);
        let offer = subject.session.offer().await.expect("an offer");
        let peer = Answerer::new(&[]);
        subject.connect(&peer, &offer).await;
        hear_slots(&[("2", "TR_sound"), ("14", "TR_picture")]);
        assert!(counters::snapshot().elements > before.elements);
        subject.session.close();
        assert_eq!(sent().len(), 1, "a goodbye");
    }
    until("everything is let go", || counters::snapshot() == before).await;
}

#[wasm_bindgen_test]
fn a_browser_without_webrtc_is_told_so() {
    js_sys::eval("globalThis.kept = RTCPeerConnection; delete globalThis.RTCPeerConnection")
        .expect("hidden");
    let refused = MediaSession::new(MediaConfig::default(), Box::new(|_| {})).err();
    js_sys::eval("globalThis.RTCPeerConnection = kept").expect("shown again");
    assert_eq!(refused.expect("an error").reason(), Reason::NO_WEBRTC);
}

/// What a sender's parameters say of its layers: rid, active, scale.
fn encodings(peer: &web_sys::RtcPeerConnection, at: u32) -> Vec<(String, bool, f64)> {
    use js_sys::{Array, Function, Reflect};
    use wasm_bindgen::JsCast;
    let sender = peer.get_senders().get(at);
    let get = |object: &wasm_bindgen::JsValue, name: &str| {
        Reflect::get(object, &name.into()).expect("a member")
    };
    let read: Function = get(&sender, "getParameters").unchecked_into();
    let parameters = read.call0(&sender).expect("parameters");
    let layer = |layer| {
        let text = get(&layer, "rid").as_string().unwrap_or_default();
        let active = get(&layer, "active").as_bool().unwrap_or_default();
        let scale = get(&layer, "scaleResolutionDownBy").as_f64();
        (text, active, scale.unwrap_or_default())
    };
    Array::from(&get(&parameters, "encodings"))
        .iter()
        .map(layer)
        .collect()
}

/// The peer connection that the session under test has made.
fn kept_peer() -> web_sys::RtcPeerConnection {
    let peer = js_sys::eval("keptPeers[0]").expect("a peer");
    wasm_bindgen::JsCast::unchecked_into(peer)
}

fn keep_peers(keep: bool) {
    js_sys::eval(match keep {
        true => {
            "globalThis.keptPeers = []; globalThis.BrowsersPeer = RTCPeerConnection;
             globalThis.RTCPeerConnection = class extends BrowsersPeer {
               constructor(...args) { super(...args); keptPeers.push(this); }
             };"
        }
        false => "globalThis.RTCPeerConnection = BrowsersPeer; globalThis.keptPeers = []",
    })
    .expect("a peer connection");
}

/// A canvas that is captured in a size.
fn captured(width: u32, height: u32) -> web_sys::MediaStreamTrack {
    let script = format!(
        "(() => {{ const c = document.createElement('canvas'); c.width = {width}; c.height = {height};
           c.getContext('2d').fillRect(0, 0, 9, 9); return c.captureStream(10).getVideoTracks()[0]; }})()"
    );
    wasm_bindgen::JsCast::unchecked_into(js_sys::eval(&script).expect("a track"))
}

#[wasm_bindgen_test]
async fn a_camera_is_sent_in_the_layers_that_its_size_is_worth_and_somebody_wants() {
    stub_socket();
    keep_peers(true);
    let subject = Subject::new(1, 1);
    let offer = subject.session.offer().await.expect("an offer");
    let own = kept_peer();
    keep_peers(false);
    assert!(
        offer.sdp.contains("a=simulcast:send q;h;f"),
        "{}",
        offer.sdp
    );
    assert_eq!(offer.tracks[1].layers.len(), 3);
    let peer = Answerer::simulcast();
    subject.connect(&peer, &offer).await;
    subject.session.open_gate();
    until("media is up", || subject.told(&MediaEvent::Connected)).await;
    let states = |own: &_| {
        encodings(own, 1)
            .into_iter()
            .map(|(_, on, _)| on)
            .collect::<Vec<_>>()
    };

    subject.session.set_camera(Some(captured(1280, 720)));
    until("three layers", || {
        encodings(&own, 1)
            .iter()
            .map(|(rid, on, scale)| (&**rid, *on, *scale))
            .eq([("q", true, 4.0), ("h", true, 2.0), ("f", true, 1.0)])
    })
    .await;
    subject.session.set_camera(Some(captured(640, 360)));
    until("two layers", || states(&own) == [true, true, false]).await;
    subject.session.set_camera(Some(captured(320, 180)));
    until("one layer", || states(&own) == [true, false, false]).await;
    subject.session.set_camera(Some(captured(1280, 720)));
    until("three layers again", || states(&own) == [true, true, true]).await;

    let own_camera = lk::TrackInfo {
        sid: "TR_cam".into(),
        source: lk::TrackSource::Camera.into(),
        ..Default::default()
    };
    hear(Response::TrackPublished(lk::TrackPublishedResponse {
        cid: offer.tracks[1].cid.clone(),
        track: Some(own_camera),
    }));
    let wanted = |qualities: [bool; 3]| {
        let quality = |(quality, enabled): (usize, bool)| lk::SubscribedQuality {
            quality: quality as i32,
            enabled,
        };
        hear(Response::SubscribedQualityUpdate(
            lk::SubscribedQualityUpdate {
                track_sid: "TR_cam".into(),
                subscribed_codecs: vec![lk::SubscribedCodec {
                    codec: "vp8".into(),
                    qualities: qualities.into_iter().enumerate().map(quality).collect(),
                }],
                ..Default::default()
            },
        ));
    };
    wanted([true, false, false]);
    until("the small layer alone", || {
        states(&own) == [true, false, false]
    })
    .await;
    wanted([true, false, true]);
    until("the large one, too", || states(&own) == [true, false, true]).await;
    subject.session.close();
}

#[wasm_bindgen_test]
async fn an_engine_without_simulcast_gets_the_whole_picture() {
    stub_socket();
    keep_peers(true);
    let subject = Subject::new(1, 1);
    let offer = subject.session.offer().await.expect("an offer");
    let own = kept_peer();
    keep_peers(false);
    let peer = Answerer::new(&[]);
    subject.session.set_camera(Some(captured(1280, 720)));
    subject.session.open_gate();
    subject.connect(&peer, &offer).await;
    until("one layer of full size", || {
        let layers = encodings(&own, 1);
        layers.len() == 1 && layers[0].1 && layers[0].2 == 1.0
    })
    .await;
    subject.session.close();
}

#[wasm_bindgen_test]
async fn a_view_is_received_while_it_can_be_seen_and_in_its_size() {
    stub_socket();
    let subject = Subject::new(1, 2);
    let offer = subject.session.offer().await.expect("an offer");
    let peer = Answerer::new(&[]);
    subject.connect(&peer, &offer).await;
    let track = lk::TrackInfo {
        sid: "TR_a".into(),
        source: lk::TrackSource::Camera.into(),
        r#type: lk::TrackType::Video.into(),
        ..Default::default()
    };
    hear(Response::Update(lk::ParticipantUpdate {
        participants: vec![lk::ParticipantInfo {
            sid: "PA_a".into(),
            identity: "ann".into(),
            tracks: vec![track],
            ..Default::default()
        }],
    }));
    let told = || {
        let settings = |message| match message {
            Request::TrackSetting(settings) => {
                Some((settings.disabled, settings.width, settings.height))
            }
            _ => None,
        };
        sent().into_iter().filter_map(settings).collect::<Vec<_>>()
    };
    let view = View::new(Scaling::Crop, false).expect("a view");
    view.set_rendered(160, 90);
    subject.session.show("TR_a", &view);
    until("its size is told", || {
        told().last() == Some(&(false, 160, 80))
    })
    .await;
    view.set_rendered(640, 360);
    until("a larger one", || told().last() == Some(&(false, 640, 352))).await;
    view.set_rendered(0, 0);
    until("nobody sees it", || {
        told().last().is_some_and(|told| told.0)
    })
    .await;
    view.set_rendered(640, 360);
    until("somebody sees it", || {
        told().last() == Some(&(false, 640, 352))
    })
    .await;
    view.close();
    until("it is closed", || told().last().is_some_and(|told| told.0)).await;
    subject.session.read("TR_a");
    until("it is read", || told().last() == Some(&(false, 0, 0))).await;
    subject.session.close();
}
