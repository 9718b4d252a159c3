//! Why something was refused, and the reasons that only the client gives.

use crate::api::changes::End;
use plenary_protocol::agent::{EndReason, ProtocolError};
use plenary_protocol::end::Reason;

/// Why a command failed or a call ended: a real `Error` with `code` and `subCode` in JavaScript.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Refused {
    /// SIP or HTTP like.
    pub code: u16,
    /// More exactly.
    pub sub_code: u32,
    /// What was wrong and what would be right.
    pub message: String,
}

impl Refused {
    /// The reason with another sentence.
    pub fn saying(reason: Reason, message: &str) -> Self {
        Self { code: reason.code, sub_code: reason.sub_code, message: message.to_owned() }
    }
}

impl From<Reason> for Refused {
    fn from(reason: Reason) -> Self {
        Self::saying(reason, reason.message)
    }
}

impl From<ProtocolError> for Refused {
    fn from(error: ProtocolError) -> Self {
        Self { code: error.code, sub_code: error.sub_code, message: error.message }
    }
}

impl From<EndReason> for Refused {
    fn from(end: EndReason) -> Self {
        Self { code: end.code, sub_code: end.sub_code, message: end.message }
    }
}

impl From<Refused> for End {
    fn from(refused: Refused) -> Self {
        Self { code: refused.code, sub_code: refused.sub_code, message: refused.message }
    }
}

/// Reasons that the service never gives; numbers from `docs/` (end codes).
pub mod reasons {
    use plenary_protocol::end::Reason;

    const fn reason(code: u16, sub_code: u32, message: &'static str) -> Reason {
        Reason { code, sub_code, message }
    }

    /// No answer while the agent was being created.
    pub const UNREACHABLE: Reason =
        reason(408, 40114, "The meeting service cannot be reached; check its address and the network.");
    /// Neither the option nor the token says where the service is.
    pub const NO_ENDPOINT: Reason =
        reason(412, 40115, "Name the meeting service: option `endpoint`, or a token with an `endpoint` claim.");
    /// One agent per identity and page.
    pub const AGENT_EXISTS: Reason =
        reason(409, 40228, "There is a call agent for this identity already; dispose of it first.");
    /// The same for members.
    pub const TEAMS_AGENT_EXISTS: Reason =
        reason(409, 40230, "There is a Teams call agent for this identity already; dispose of it first.");
    /// `getToken` failed, or gave a token that the service does not take.
    pub const NO_TOKEN: Reason =
        reason(495, 4507, "The app did not supply a valid token; check its tokenRefresher.");
    /// `createTeamsCallAgent` with a guest's token, or the other way round.
    pub const WRONG_KIND: Reason = reason(
        401,
        10009,
        "The token is for the other kind of agent: members use createTeamsCallAgent, guests createCallAgent.",
    );
    /// Joining took too long.
    pub const CALL_TIMEOUT: Reason = reason(408, 4506, "Joining timed out; check the network and join again.");
    /// The agent or the whole SDK was disposed of.
    pub const DISPOSED: Reason = reason(400, 59162, "The call agent was disposed of; create a new one.");
    /// The microphone was refused.
    pub const NO_MICROPHONE_PERMISSION: Reason =
        reason(403, 59142, "The microphone was not allowed; the user can allow it in the browser's settings.");
    /// The microphone could not be opened.
    pub const NO_MICROPHONE: Reason =
        reason(410, 59143, "The microphone could not be opened; it may be unplugged or used by another app.");
}
