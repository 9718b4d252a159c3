//! Why something was refused.

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
        Self {
            code: reason.code,
            sub_code: reason.sub_code,
            message: message.to_owned(),
        }
    }
}

impl From<Reason> for Refused {
    fn from(reason: Reason) -> Self {
        Self::saying(reason, reason.message)
    }
}

impl From<ProtocolError> for Refused {
    fn from(error: ProtocolError) -> Self {
        Self {
            code: error.code,
            sub_code: error.sub_code,
            message: error.message,
        }
    }
}

impl From<EndReason> for Refused {
    fn from(end: EndReason) -> Self {
        Self {
            code: end.code,
            sub_code: end.sub_code,
            message: end.message,
        }
    }
}

impl From<Refused> for End {
    fn from(refused: Refused) -> Self {
        Self {
            code: refused.code,
            sub_code: refused.sub_code,
            message: refused.message,
        }
    }
}
