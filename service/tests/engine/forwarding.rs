//! Media between participants of a room.

use livekit_protocol as lk;
use lk::signal_request::Message as Ask;
use lk::signal_response::Message;

use crate::client::Client;
use crate::server::Server;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_participants_see_and_hear_each_other() {
    let server = Server::start().await;
    let ada = server.speaker("room", "ada").await;
    let bob = server.speaker("room", "bob").await;
    ada.sees_and_hears("bob").await;
    bob.sees_and_hears("ada").await;
    // The first packet of a picture is its key frame: nothing else could be decoded.
    let first = bob.look(|s| {
        s.heard
            .iter()
            .find(|h| h.from == "ada/v")
            .map(|h| h.keyframe)
    });
    assert_eq!(first, Some(true));
    server.engine.shutdown().await;
}

/// Levels that do not change are told once, and to who comes later.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_comes_is_told_who_speaks() {
    let speaks = |signals: &[Message]| {
        let told = signals.iter().filter_map(|m| match m {
            Message::SpeakersChanged(told) => Some(&told.speakers),
            _ => None,
        });
        told.flatten().filter(|s| s.active).count()
    };
    let server = Server::start().await;
    let _ada = server.speaker("room", "ada").await;
    let bob = server.speaker("room", "bob").await;
    bob.until("a speaker", |s| speaks(&s.signals) > 0).await;
    let cem = server.speaker("room", "cem").await;
    cem.until("speakers", |s| speaks(&s.signals) > 0).await;
    // Ada, bob and cem, each once.
    let told = bob.look(|s| speaks(&s.signals));
    assert!(told <= 3, "{told}");
    server.engine.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_hears_who_is_muted() {
    let server = Server::start().await;
    let ada = server.speaker("room", "ada").await;
    let bob = server.speaker("room", "bob").await;
    bob.sees_and_hears("ada").await;

    let track = own_track(&ada, &bob, lk::TrackType::Audio).await;
    let mute = |muted| {
        Ask::Mute(lk::MuteTrackRequest {
            sid: track.clone(),
            muted,
        })
    };
    // This client goes on sending: the engine is what mutes.
    ada.ask(mute(true));
    bob.until("the mute", |s| shows_muted(&s.signals, &track, true))
        .await;
    server.engine.settled().await;
    bob.mark().await;
    bob.until("more pictures", |s| {
        s.heard.iter().filter(|h| h.from == "ada/v").count() > 20
    })
    .await;
    assert!(!bob.heard_from().contains(&"ada/a".to_owned()));

    ada.ask(mute(false));
    bob.sees_and_hears("ada").await;
    server.engine.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slot_that_is_given_back_stays_silent() {
    let server = Server::start().await;
    let ada = server.speaker("room", "ada").await;
    let bob = server.speaker("room", "bob").await;
    bob.sees_and_hears("ada").await;
    let track = own_track(&ada, &bob, lk::TrackType::Video).await;
    let before = bob.look(|s| s.slots.len());
    bob.ask(Ask::TrackSetting(lk::UpdateTrackSettings {
        track_sids: vec![track.clone()],
        disabled: true,
        ..Default::default()
    }));
    bob.until("the slot to be free", |s| s.slots.len() > before)
        .await;
    server.engine.settled().await;
    bob.mark().await;
    bob.until("more sound", |s| {
        s.heard.iter().filter(|h| h.from == "ada/a").count() > 20
    })
    .await;
    assert_eq!(bob.heard_from(), ["ada/a"]);
    bob.ask(Ask::TrackSetting(lk::UpdateTrackSettings {
        track_sids: vec![track],
        disabled: false,
        ..Default::default()
    }));
    bob.sees_and_hears("ada").await;
    server.engine.shutdown().await;
}

/// Sources change in a slot, the stream goes on: no number is used twice, time never goes back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slot_keeps_one_stream_when_its_source_changes() {
    let server = Server::start().await;
    let eve = server.speaker("room", "eve").await;
    for name in ["ada", "bob", "cid"] {
        let speaker = server.speaker("room", name).await;
        eve.sees_and_hears(name).await;
        server
            .engine
            .remove_participant("room", name)
            .await
            .expect("somebody to remove");
        drop(speaker);
    }
    eve.settle().await;
    let heard = eve.look(|s| s.heard.clone());
    let mut mids: Vec<String> = heard.iter().map(|h| h.mid.clone()).collect();
    mids.sort();
    mids.dedup();
    assert_eq!(
        mids.len(),
        2,
        "one audio and one video slot served all three"
    );
    for mid in mids {
        let stream: Vec<_> = heard.iter().filter(|h| h.mid == mid).collect();
        for pair in stream.windows(2) {
            assert_eq!(pair[1].seq, pair[0].seq + 1, "no gap and no repetition");
            assert!(pair[1].time.wrapping_sub(pair[0].time) < 0x8000_0000);
        }
    }
    server.engine.shutdown().await;
}

/// The sid of a participant's track, as another participant is told.
async fn own_track(owner: &Client, viewer: &Client, kind: lk::TrackType) -> String {
    let find = |signals: &[Message]| {
        signals
            .iter()
            .filter_map(|m| match m {
                Message::Update(update) => Some(&update.participants),
                _ => None,
            })
            .flatten()
            .filter(|p| p.identity == owner.name)
            .flat_map(|p| &p.tracks)
            .find(|t| t.r#type() == kind)
            .map(|t| t.sid.clone())
    };
    viewer
        .until("the track to be announced", |s| {
            find(&s.signals).is_some() || !s.slots.is_empty()
        })
        .await;
    let announced = viewer.look(|s| find(&s.signals));
    announced.unwrap_or_else(|| {
        // Announced before the viewer came: then its slots name it.
        let prefix = match kind {
            lk::TrackType::Audio => "TR_AM",
            _ => "TR_VC",
        };
        viewer
            .look(|s| s.track_of(&owner.name, prefix))
            .expect("a slot of the owner")
    })
}

fn shows_muted(signals: &[Message], track: &str, muted: bool) -> bool {
    signals.iter().any(|m| match m {
        Message::Update(update) => update
            .participants
            .iter()
            .flat_map(|p| &p.tracks)
            .any(|t| t.sid == track && t.muted == muted),
        _ => false,
    })
}
