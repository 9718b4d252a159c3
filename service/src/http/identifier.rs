//! The forms in which the chat interface names somebody beside their raw id (`rest.md` 4.2), whoever asks whom.

use serde::Deserialize;

/// A user of a Communication Services resource.
#[derive(Debug, Clone, Deserialize)]
pub struct CommunicationUser {
    /// Their raw id.
    pub id: String,
}

/// A user of Microsoft Teams: a member, or a visitor without an account.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TeamsUser {
    user_id: String,
    #[serde(default)]
    is_anonymous: bool,
}

impl TeamsUser {
    /// Their raw id.
    pub fn raw_id(&self) -> String {
        let kind = match self.is_anonymous {
            true => "teamsvisitor",
            false => "orgid",
        };
        format!("8:{kind}:{}", self.user_id)
    }
}
