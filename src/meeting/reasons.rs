//! Reasons that the service never gives; numbers from `docs/` (end codes).

use plenary_protocol::end::Reason;

const fn reason(code: u16, sub_code: u32, message: &'static str) -> Reason {
    Reason {
        code,
        sub_code,
        message,
    }
}

/// No answer while the agent was being created.
pub const UNREACHABLE: Reason = reason(
    408,
    40114,
    "The meeting service cannot be reached; check its address and the network.",
);
/// Neither the option nor the token says where the service is.
pub const NO_ENDPOINT: Reason = reason(
    412,
    40115,
    "Name the meeting service: option `endpoint`, or a token with an `endpoint` claim.",
);
/// One agent per identity and page.
pub const AGENT_EXISTS: Reason = reason(
    409,
    40228,
    "There is a call agent for this identity already; dispose of it first.",
);
/// The same for members.
pub const TEAMS_AGENT_EXISTS: Reason = reason(
    409,
    40230,
    "There is a Teams call agent for this identity already; dispose of it first.",
);
/// `getToken` failed, or gave a token that the service does not take.
pub const NO_TOKEN: Reason = reason(
    495,
    4507,
    "The app did not supply a valid token; check its tokenRefresher.",
);
/// `createTeamsCallAgent` with a guest's token, or the other way round.
pub const WRONG_KIND: Reason = reason(
    401,
    10009,
    "The token is for the other kind of agent: members use createTeamsCallAgent, guests createCallAgent.",
);
/// Joining took too long.
pub const CALL_TIMEOUT: Reason = reason(
    408,
    4506,
    "Joining timed out; check the network and join again.",
);
/// The agent or the whole SDK was disposed of.
pub const DISPOSED: Reason = reason(
    400,
    59162,
    "The call agent was disposed of; create a new one.",
);
/// The screen that was to be shared ended before it was.
pub const SCREEN_ENDED: Reason = reason(
    410,
    59144,
    "Sharing the screen ended before it began; share it again.",
);
/// Only who is in a meeting can share a screen, and only the call that is not on hold sends.
pub const NOT_CONNECTED: Reason = reason(412, 59203, "This takes a call that is connected.");
/// Camera or microphone was refused by the user or by a policy.
pub const DEVICE_DENIED: Reason = reason(
    403,
    59142,
    "The camera or microphone was not allowed; the user can allow it in the browser's settings.",
);
/// Camera or microphone could not be opened.
pub const DEVICE_FAILED: Reason = reason(
    410,
    59143,
    "The camera or microphone could not be opened; it may be unplugged or used by another app.",
);
