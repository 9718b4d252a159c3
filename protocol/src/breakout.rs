//! Breakout rooms as the agent socket tells of them (`E1`, `E2`, `E6`, `E12`). They are managed over REST,
//! from the organisation's own side (`E4`).

use crate::id::{RawId, RoomId};
use serde::{Deserialize, Serialize};

/// What a participant may know of their meeting's breakout rooms; always the whole.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct BreakoutView {
    /// The room that they are assigned to (`E1`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assigned: Option<BreakoutRoom>,
    /// All rooms in their order (`E2`).
    #[serde(default)]
    pub rooms: Vec<BreakoutRoom>,
    /// What holds in the rooms (`E6`, `E12`).
    #[serde(default)]
    pub settings: BreakoutSettings,
}

/// A breakout room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct BreakoutRoom {
    /// Which.
    pub id: RoomId,
    /// Its name.
    pub display_name: String,
    /// Open or closed (`E7`).
    pub state: RoomState,
    /// Whether the service moves its invitees in when it opens (`E8`).
    pub auto_move: bool,
    /// Chat thread; for members (`E2`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thread_id: Option<String>,
    /// Who is assigned; for those who manage the rooms (`E2`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invitees: Option<Vec<RawId>>,
}

/// `E7`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum RoomState {
    /// It can be joined.
    Open,
    /// It cannot.
    #[default]
    Closed,
}

/// `E12`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct BreakoutSettings {
    /// Nobody returns to the main meeting before the room closes (`E11`).
    pub disable_return_to_main_meeting: bool,
    /// When the rooms close by themselves, ms since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub room_end_time: Option<f64>,
}
