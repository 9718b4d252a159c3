//! What is known of one of a client's streams.

use std::time::Instant;

use super::missing::Missing;
use super::reception::Reception;
use super::sections::Place;
use crate::engine::packets::window::Window;

/// Which of the latest 1,024 came: at 1,000 packets a second a good second, and no retransmission takes
/// longer.
type Came = Window<16>;
use crate::engine::packets::rtcp::SenderInfo;

/// A client's stream: media, or what repairs it.
#[derive(Debug)]
pub(super) struct Stream {
    pub ssrc: u32,
    /// As they came in SRTP packets.
    pub window: Came,
    pub heard: Instant,
    pub reception: Reception,
    pub role: Role,
}

#[derive(Debug)]
pub(super) enum Role {
    /// Nobody knows yet.
    Unknown,
    Media(Box<Media>),
    /// Repairs the stream with this SSRC.
    Repair(u32),
}

#[derive(Debug)]
pub(super) struct Media {
    pub place: Place,
    /// No other stream took its place.
    pub current: bool,
    /// What went on, by itself or sent again.
    pub delivered: Came,
    pub missing: Missing,
    pub report: Option<SenderInfo>,
    pub keyframe_wanted: bool,
}

impl Stream {
    pub fn new(ssrc: u32, now: Instant) -> Self {
        Self {
            ssrc,
            window: Came::default(),
            heard: now,
            reception: Reception::default(),
            role: Role::Unknown,
        }
    }

    pub fn media(&self) -> Option<&Media> {
        match &self.role {
            Role::Media(media) => Some(media),
            _ => None,
        }
    }

    pub fn media_mut(&mut self) -> Option<&mut Media> {
        match &mut self.role {
            Role::Media(media) => Some(media),
            _ => None,
        }
    }
}

impl Media {
    pub fn at(place: Place) -> Self {
        Self {
            place,
            current: true,
            delivered: Came::default(),
            missing: Missing::default(),
            report: None,
            keyframe_wanted: false,
        }
    }
}
