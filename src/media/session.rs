//! PLACEHOLDER, replaced by branch `media`.
use super::interface::MediaEvent;
use plenary_protocol::agent::{IceServer, MediaGrant, MediaOffer};
use std::rc::Rc;
use web_sys::MediaStreamTrack;
pub struct MediaSession;
#[derive(Debug, thiserror::Error)]
#[error("media")]
pub struct MediaError;
pub struct MediaConfig { pub audio_slots: u32, pub video_slots: u32, pub ice_servers: Vec<IceServer> }
#[allow(unused)]
impl MediaSession {
    pub fn new(config: MediaConfig, events: Box<dyn FnMut(MediaEvent)>) -> Result<Rc<Self>, MediaError> { Ok(Rc::new(Self)) }
    pub async fn offer(&self) -> Result<MediaOffer, MediaError> { Ok(MediaOffer { sdp: String::new(), mid_to_cid: Default::default(), tracks: vec![] }) }
    pub fn connect(&self, grant: &MediaGrant) {}
    pub fn set_token(&self, token: &str, expires_at: f64) {}
    pub fn open_gate(&self) {}
    pub fn set_microphone(&self, track: Option<MediaStreamTrack>) {}
    pub fn set_muted(&self, muted: bool) {}
    pub fn set_camera(&self, track: Option<MediaStreamTrack>) {}
    pub fn remote_track(&self, sid: &str) -> Option<MediaStreamTrack> { None }
    pub fn close(&self) {}
}
impl From<MediaError> for crate::meeting::Refused { fn from(_: MediaError) -> Self { plenary_protocol::end::Reason::MEDIA_FAILED.into() } }
