//! End reasons and error codes that both sides use; the whole table is in `docs/`.

use crate::agent::{EndReason, ProtocolError};

macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident = $code:literal / $sub:literal, $message:literal;)+) => {
        /// Code, sub-code and sentence of one reason.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub struct Reason {
            /// SIP or HTTP like.
            pub code: u16,
            /// More exactly.
            pub sub_code: u32,
            /// What it means and what to do.
            pub message: &'static str,
        }

        impl Reason {
            $($(#[$doc])* pub const $name: Reason = Reason { code: $code, sub_code: $sub, message: $message };)+

            /// Every reason of this table, for documentation and tests.
            pub const ALL: &'static [(&'static str, Reason)] = &[$((stringify!($name), Reason::$name)),+];
        }
    };
}

reasons! {
    /// The local user hung up.
    HUNG_UP = 0 / 0, "The call was ended locally.";
    /// The organiser ended the meeting.
    ENDED_FOR_EVERYONE = 0 / 4097, "The meeting was ended for everyone.";
    /// Somebody with the right to do so removed the participant.
    REMOVED = 0 / 5300, "Removed from the meeting by another participant.";
    /// The client went away without leaving.
    VANISHED = 0 / 4521, "The connection was lost and did not come back in time.";
    /// `B1`: not a link, id or locator that we know.
    NOT_A_MEETING = 400 / 59010, "This is not a meeting link that this service knows; copy the whole link from the invitation.";
    /// `B1`, `S8`: one answer for an unknown id and a wrong passcode.
    WRONG_MEETING = 404 / 5751, "There is no meeting with this id and passcode.";
    /// `B5`: rejected.
    REJECTED = 403 / 5854, "Not let in from the lobby.";
    /// `B5`: waited too long.
    LOBBY_TIMEOUT = 408 / 5855, "Nobody let you in from the lobby in time; join again to keep waiting.";
    /// `B5`: no place to wait.
    LOBBY_FULL = 503 / 59050, "The lobby of this meeting is full; try again later.";
    /// `B6`: personal meeting.
    PERSONAL_MEETING = 400 / 59060, "Links of personal meetings cannot be joined.";
    /// `B6`: government cloud.
    GOVERNMENT_MEETING = 400 / 59061, "Links of government clouds cannot be joined.";
    /// `B6`: live event.
    LIVE_EVENT = 400 / 59062, "Live events cannot be joined.";
    /// `B10`: token invalid or expired.
    UNAUTHENTICATED = 401 / 10009, "The user token is invalid or has expired; get a new one from your backend.";
    /// `B10`: token revoked.
    REVOKED = 401 / 59100, "The user's tokens were revoked or the user was deleted.";
    /// `C7`: no seat.
    MEETING_FULL = 503 / 59110, "The meeting is full.";
    /// `C7`: no seat for a client that uses the calling SDK.
    SDK_SEATS_TAKEN = 503 / 59111, "The meeting holds as many participants as the calling SDK works with.";
    /// `S1`: not allowed.
    NOT_ALLOWED = 403 / 59120, "This identity may not do that in this meeting.";
    /// `S8`, `S11`: too many attempts.
    TOO_MANY_ATTEMPTS = 429 / 59130, "Too many attempts; wait before trying again.";
    /// Section E: only meetings have breakout rooms.
    ROOMS_IN_MEETINGS_ONLY = 400 / 46250, "Only meetings have breakout rooms.";
    /// Section E: only the web SDK does breakout rooms.
    NOT_ON_THIS_CLIENT = 405 / 59184, "Breakout rooms are not supported on this kind of client; use the web SDK.";
    /// `B8`.
    GUESTS_CALL = 403 / 59080, "A member cannot join a call that a guest started.";
    /// What this version does not have, or these meetings never.
    NOT_SUPPORTED = 501 / 59200, "Plenary does not support this.";
    /// `E13`: the organisation or the organiser has switched breakout rooms off.
    BREAKOUT_OFF = 405 / 46251, "Breakout rooms are switched off for this meeting.";
    /// `E7`.
    ROOM_CLOSED = 412 / 46256, "The breakout room is closed; check its state before joining.";
    /// A breakout room that is not there.
    NO_SUCH_ROOM = 404 / 59182, "There is no such breakout room in this meeting.";
    /// `S11`.
    TOO_MANY_ROOMS = 400 / 59183, "A meeting has at most 50 breakout rooms and 1,000 assignments.";
    /// `E3`.
    NOT_ASSIGNED = 412 / 46260, "No such breakout room is assigned to you.";
    /// `E11`, `E12`.
    RETURN_DISABLED = 403 / 59180, "Nobody returns from the breakout rooms of this meeting before they close.";
    /// `E9`, `E11`: the call moved to a breakout room, or back.
    MOVED = 0 / 59181, "The call goes on in another room of the meeting.";
    /// `S11`.
    TOO_MANY_RECORDINGS = 400 / 59185, "A meeting has at most 10 recordings and transcriptions at a time.";
    /// A recording that is not there, or has ended.
    NO_SUCH_RECORDING = 404 / 59186, "There is no such recording or transcription in this meeting.";
    /// No `RTCPeerConnection`.
    NO_WEBRTC = 410 / 59140, "This browser has no WebRTC.";
    /// No `getUserMedia` because the page is not a secure context.
    INSECURE_CONTEXT = 410 / 59141, "Camera and microphone need a secure page: serve it over https or from localhost.";
    /// The client's network.
    NO_NETWORK = 496 / 7, "The connection to the meeting service was lost.";
    /// Media could not be set up.
    MEDIA_FAILED = 410 / 3100, "Media could not be set up; a firewall may be blocking it.";
    /// An endpoint or call that is not there.
    NO_SUCH_CALL = 404 / 59150, "There is no such call or participant.";
    /// A message that cannot be read.
    MALFORMED = 400 / 59160, "The message could not be read.";
    /// Another protocol version.
    WRONG_VERSION = 400 / 59161, "This protocol version is not supported; update the SDK.";
    /// The service failed.
    SERVICE_ERROR = 500 / 59170, "The service failed; try again.";
}

impl Reason {
    /// The end of a call for this reason.
    pub fn end(self) -> EndReason {
        EndReason {
            code: self.code,
            sub_code: self.sub_code,
            message: self.message.to_owned(),
        }
    }

    /// A failed request for this reason.
    pub fn error(self) -> ProtocolError {
        ProtocolError {
            code: self.code,
            sub_code: self.sub_code,
            message: self.message.to_owned(),
            retry_after_ms: None,
        }
    }
}
