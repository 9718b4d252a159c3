//! What a client asks for over its signalling socket.

use livekit_protocol as lk;
use lk::request_response::{Reason, Request};
use lk::signal_request::Message as Ask;
use lk::signal_response::Message;
use lk::DisconnectReason;

use crate::clock;
use crate::engine::rooms::publish::Refusal;
use crate::engine::rooms::{negotiation, SharedRooms};

/// Carry out one request; false ends the socket.
pub(crate) async fn carry_out(rooms: &SharedRooms, sid: &str, ask: Ask) -> bool {
    match ask {
        Ask::Offer(description) => offer(rooms, sid, description).await,
        Ask::Answer(description) => {
            if let Err(error) = negotiation::accept_answer(rooms, sid, description).await {
                tracing::info!(sid, %error, "an answer is refused");
            }
        }
        // The engine's ICE is lite: where a client is, its checks say.
        Ask::Trickle(_) => {}
        Ask::AddTrack(request) => add_track(rooms, sid, request),
        Ask::Mute(mute) => {
            rooms.lock().mute(sid, &mute.sid, mute.muted);
        }
        Ask::Subscription(update) => rooms.lock().update_subscription(sid, &update),
        Ask::TrackSetting(settings) => rooms.lock().update_track_settings(sid, &settings),
        Ask::SyncState(state) => sync_state(rooms, sid, state),
        Ask::Leave(_) => {
            rooms
                .lock()
                .remove(sid, DisconnectReason::ClientInitiated, None);
            return false;
        }
        Ask::Ping(sent) => rooms.lock().send(sid, Message::Pong(sent)),
        Ask::PingReq(ping) => {
            let now = clock::now_ms() as i64;
            rooms.lock().send(
                sid,
                Message::PongResp(lk::Pong {
                    last_ping_timestamp: ping.timestamp,
                    timestamp: now,
                }),
            );
        }
        Ask::SubscriptionPermission(wish) => rooms.lock().set_permission(sid, wish),
        Ask::UpdateAudioTrack(update) => rooms.lock().update_audio_track(sid, &update),
        Ask::UpdateVideoTrack(update) => rooms.lock().update_video_track(sid, &update),
        other => unsupported(rooms, sid, other),
    }
    true
}

/// What this engine does not do is said so, never ignored.
fn unsupported(rooms: &SharedRooms, sid: &str, ask: Ask) {
    let (request_id, request) = match ask {
        // Names and metadata come from the control socket alone (S3).
        Ask::UpdateMetadata(update) => (update.request_id, Some(Request::UpdateMetadata(update))),
        Ask::PublishDataTrackRequest(r) => (0, Some(Request::PublishDataTrack(r))),
        Ask::UnpublishDataTrackRequest(r) => (0, Some(Request::UnpublishDataTrack(r))),
        Ask::StoreDataBlobRequest(r) => (r.request_id, None),
        Ask::GetDataBlobRequest(r) => (r.request_id, None),
        // Hints without an answer in the protocol.
        _ => return,
    };
    refuse(rooms, sid, request_id, Reason::UnsupportedType, request);
}

fn refuse(
    rooms: &SharedRooms,
    sid: &str,
    request_id: u32,
    reason: Reason,
    request: Option<Request>,
) {
    let response = lk::RequestResponse {
        request_id,
        reason: reason as i32,
        message: reason.as_str_name().to_ascii_lowercase(),
        request,
    };
    rooms.lock().send(sid, Message::RequestResponse(response));
}

pub(crate) fn add_track(rooms: &SharedRooms, sid: &str, request: lk::AddTrackRequest) {
    let result = rooms.lock().add_track(sid, request.clone());
    let reason = match result {
        Ok(()) => return,
        Err(Refusal::NotAllowed) => Reason::NotAllowed,
        Err(Refusal::TooMany) => Reason::LimitExceeded,
    };
    refuse(rooms, sid, 0, reason, Some(Request::AddTrack(request)));
}

pub(crate) async fn offer(rooms: &SharedRooms, sid: &str, offer: lk::SessionDescription) {
    if let Err(error) = negotiation::answer_signalled(rooms, sid, offer).await {
        // The client notices that no answer comes and starts over.
        tracing::info!(sid, %error, "an offer is refused");
    }
}

/// What a resuming client had: its wishes about others' tracks. Everything else is still here.
pub(crate) fn sync_state(rooms: &SharedRooms, sid: &str, state: lk::SyncState) {
    let mut locked = rooms.lock();
    if let Some(subscription) = &state.subscription {
        locked.update_subscription(sid, subscription);
    }
    locked.set_disabled(sid, &state.track_sids_disabled, true);
    locked.replay_data(sid, &state.datachannel_receive_states);
}
