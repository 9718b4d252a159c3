//! What the client says: the frames of the agent socket.

use super::{list, object, optional, put, text};
use plenary_protocol::agent::{
    ClientFrame, ClientInfo, Hello, Join, Locator, MediaOffer, OfferedLayer, OfferedTrack, Request,
    Resume, TrackSource,
};
use plenary_protocol::id::RawId;
use wasm_bindgen::JsValue;

/// A frame.
pub fn frame(frame: &ClientFrame) -> JsValue {
    let ClientFrame { id, request: asked } = frame;
    object!([("id", (*id).into()), ("request", request(asked))])
}

fn request(request: &Request) -> JsValue {
    let (name, fields) = match request {
        Request::Ping => return text("ping"),
        Request::SubscribeChat => return text("subscribeChat"),
        Request::UnsubscribeChat => return text("unsubscribeChat"),
        Request::Hello(asked) => ("hello", hello(asked)),
        Request::Token { token } => ("token", object!([("token", text(token))])),
        Request::Join(asked) => ("join", join(asked)),
        Request::Leave { call } => ("leave", of_call(call.as_str())),
        Request::EndForEveryone { call } => ("endForEveryone", of_call(call.as_str())),
        Request::MediaToken { call } => ("mediaToken", of_call(call.as_str())),
        Request::ReturnToMainMeeting { call } => ("returnToMainMeeting", of_call(call.as_str())),
        Request::JoinBreakoutRoom { call, room } => (
            "joinBreakoutRoom",
            object!([("call", text(call.as_str())), ("room", text(room.as_str()))]),
        ),
        Request::Act {
            call,
            act,
            participant,
        } => (
            "act",
            object!([
                ("call", text(call.as_str())),
                ("act", text(act)),
                (
                    "participant",
                    optional(participant.as_ref().map(RawId::as_str)),
                ),
            ]),
        ),
        Request::SetMuted { call, muted } => (
            "setMuted",
            object!([("call", text(call.as_str())), ("muted", (*muted).into())]),
        ),
    };
    object!([(name, fields)])
}

fn of_call(call: &str) -> JsValue {
    object!([("call", text(call))])
}

fn hello(hello: &Hello) -> JsValue {
    let Hello {
        version,
        token,
        display_name,
        client,
        resume,
    } = hello;
    let ClientInfo {
        // The SDK runs in pages alone.
        kind: _,
        name,
        version: client_version,
    } = client;
    let resume = resume
        .as_ref()
        .map_or(JsValue::UNDEFINED, |Resume { session, last_seq }| {
            object!([
                ("session", text(session.as_str())),
                ("lastSeq", (*last_seq as f64).into()),
            ])
        });
    object!([
        ("version", (*version).into()),
        ("token", text(token)),
        ("displayName", optional(display_name.as_deref())),
        (
            "client",
            object!([
                ("kind", text("web")),
                ("name", text(name)),
                ("version", text(client_version)),
            ]),
        ),
        ("resume", resume),
    ])
}

fn join(join: &Join) -> JsValue {
    let Join {
        call,
        locator,
        muted,
        offer,
    } = join;
    let locator = match locator {
        Locator::MeetingLink(link) => object!([("meetingLink", text(link))]),
        Locator::MeetingId {
            meeting_id,
            passcode,
        } => {
            let id = object!([
                ("meetingId", text(meeting_id)),
                ("passcode", optional(passcode.as_deref())),
            ]);
            object!([("meetingId", id)])
        }
    };
    object!([
        ("call", text(call.as_str())),
        ("locator", locator),
        ("muted", (*muted).into()),
        (
            "offer",
            offer.as_ref().map_or(JsValue::UNDEFINED, media_offer),
        ),
    ])
}

fn media_offer(offer: &MediaOffer) -> JsValue {
    let MediaOffer {
        sdp,
        mid_to_cid,
        tracks,
    } = offer;
    let cids = object!([]);
    for (mid, cid) in mid_to_cid {
        put(&cids, mid, text(cid));
    }
    object!([
        ("sdp", text(sdp)),
        ("midToCid", cids),
        ("tracks", list(tracks, offered_track)),
    ])
}

fn offered_track(track: &OfferedTrack) -> JsValue {
    let OfferedTrack {
        cid,
        source,
        muted,
        layers,
    } = track;
    let source = match source {
        TrackSource::Microphone => "microphone",
        TrackSource::Camera => "camera",
        TrackSource::ScreenShare => "screenShare",
        TrackSource::ScreenShareAudio => "screenShareAudio",
    };
    object!([
        ("cid", text(cid)),
        ("source", text(source)),
        ("muted", (*muted).into()),
        (
            "layers",
            match layers.is_empty() {
                true => JsValue::UNDEFINED,
                false => list(layers, offered_layer),
            },
        ),
    ])
}

fn offered_layer(layer: &OfferedLayer) -> JsValue {
    let OfferedLayer {
        rid,
        width,
        height,
        bitrate,
    } = layer;
    object!([
        ("rid", text(rid)),
        ("width", (*width).into()),
        ("height", (*height).into()),
        ("bitrate", (*bitrate).into()),
    ])
}
