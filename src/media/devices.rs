//! PLACEHOLDER
use super::session::MediaError;
use web_sys::MediaStreamTrack;
pub async fn open_microphone(_id: &str) -> Result<MediaStreamTrack, MediaError> { Err(MediaError) }
