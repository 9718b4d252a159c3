//! In which layers a picture is sent: how large, how often, how many bits, and which of them anybody
//! wants. Pure.
//!
//! Names are LiveKit's: `q`, `h`, `f` from small to large, a smaller capture has the first ones. The
//! sections are offered before there is a picture, so every rid stands in the offer, and those that a
//! capture is too small for are inactive.

use plenary_protocol::agent::TrackSource;

use super::wire::{self as lk, VideoQuality};

/// Rids of a camera; a screen has the first two.
pub const RIDS: [&str; 3] = ["q", "h", "f"];
/// What is announced before the camera is known: what it is asked for.
const CAMERA: Size = Size(1280, 720);
/// The usual screen.
const SCREEN: Size = Size(1920, 1080);
/// Lines of the two small layers: a row of tiles, and half a page.
const LOW_LINES: f64 = 180.0;
const MIDDLE_LINES: f64 = 360.0;
/// Pixels from which there is a second and a third layer: libwebrtc leaves the last ones out below
/// (480x270 and 960x540).
const TWO_LAYERS: u32 = 480 * 270;
const THREE_LAYERS: u32 = 960 * 540;
/// A layer that is hardly smaller than the whole is not worth its bits.
const SMALLER: f64 = 1.3;
/// Lines and the bits that VP8 needs for them with faces (livekit-client's presets); the last is also
/// for everything larger.
const FACES: [(u32, u32); 6] = [
    (90, 90_000),
    (180, 160_000),
    (360, 450_000),
    (540, 800_000),
    (720, 1_700_000),
    (1080, 3_000_000),
];
/// Text has to stay readable; its pictures seldom change.
const DETAIL_BPS: u32 = 2_500_000;
/// A film in a shared tab.
const MOTION_BPS: u32 = 3_500_000;
/// Of the smaller layer of a screen: large letters, for narrow lines.
const SMALL_SCREEN_BPS: u32 = 400_000;

/// Pixels of a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size(pub u32, pub u32);

/// One layer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Layer {
    /// `scaleResolutionDownBy`.
    pub scale: f64,
    /// `maxBitrate`.
    pub bps: u32,
    /// `maxFramerate`.
    pub fps: u32,
}

/// The layers of a capture, the smallest first. `motion`: a screen with moving pictures.
pub fn layers(source: TrackSource, size: Size, motion: bool) -> Vec<Layer> {
    if source == TrackSource::ScreenShare {
        let (bps, fps) = match motion {
            true => (MOTION_BPS, 30),
            false => (DETAIL_BPS, 15),
        };
        let layer = |scale, bps, fps| Layer { scale, bps, fps };
        return vec![layer(2.0, SMALL_SCREEN_BPS, fps / 3), layer(1.0, bps, fps)];
    }
    let small: &[(f64, u32)] = match size.0.saturating_mul(size.1) {
        0..TWO_LAYERS => &[],
        TWO_LAYERS..THREE_LAYERS => &[(LOW_LINES, 15)],
        _ => &[(LOW_LINES, 15), (MIDDLE_LINES, 24)],
    };
    let lines = f64::from(size.0.min(size.1));
    let layer = |scale: f64, fps| Layer {
        scale,
        bps: bits(lines / scale),
        fps,
    };
    let smaller = small
        .iter()
        .map(|(wanted, fps)| layer(lines / wanted, *fps));
    smaller
        .filter(|layer| layer.scale >= SMALLER)
        .chain([layer(1.0, 30)])
        .collect()
}

/// What the application allows at most (`setConstraints`).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limit {
    /// Lines of the picture, the smaller side.
    pub lines: f64,
    /// Pictures per second.
    pub fps: f64,
    /// Bits per second of all layers together.
    pub bps: f64,
}

impl Default for Limit {
    fn default() -> Self {
        Self {
            lines: f64::INFINITY,
            fps: f64::INFINITY,
            bps: f64::INFINITY,
        }
    }
}

impl Limit {
    /// Makes layers smaller, where they are too large. Bits are taken in proportion.
    pub fn apply(self, size: Size, layers: &mut [Layer]) {
        let lines = f64::from(size.0.min(size.1));
        let sum: u32 = layers.iter().map(|layer| layer.bps).sum();
        let part = (self.bps / f64::from(sum)).min(1.0);
        for layer in layers {
            layer.scale = layer.scale.max(lines / self.lines);
            layer.fps = self.fps.min(layer.fps.into()) as u32;
            layer.bps = (f64::from(layer.bps) * part) as u32;
        }
    }
}

fn bits(lines: f64) -> u32 {
    let fits = FACES.iter().find(|(most, _)| lines <= f64::from(*most));
    fits.unwrap_or(&FACES[FACES.len() - 1]).1
}

/// How large a source is announced before its first picture; nothing for sound.
pub fn size(source: TrackSource) -> Size {
    match source {
        TrackSource::Camera => CAMERA,
        TrackSource::ScreenShare => SCREEN,
        TrackSource::Microphone | TrackSource::ScreenShareAudio => Size(0, 0),
    }
}

/// What is announced of a source before its first picture; nothing for sound.
pub fn announced(source: TrackSource) -> Vec<lk::VideoLayer> {
    let size = size(source);
    let mut announced = Vec::new();
    if size != Size(0, 0) {
        for (at, layer) in layers(source, size, false).into_iter().enumerate() {
            announced.push(lk::VideoLayer {
                quality: [VideoQuality::Low, VideoQuality::Medium, VideoQuality::High][at],
                rid: RIDS[at].to_owned(),
                width: (f64::from(size.0) / layer.scale) as u32,
                height: (f64::from(size.1) / layer.scale) as u32,
                bitrate: layer.bps,
                // LiveKit's server takes layers that name their rids at their word.
                spatial_layer: at as i32,
            });
        }
    }
    announced
}

/// Which layers somebody wants, the smallest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Demand([bool; 3]);

impl Default for Demand {
    /// Everything, until the engine says otherwise.
    fn default() -> Self {
        Self([true; 3])
    }
}

impl Demand {
    /// `SubscribedQualityUpdate`. Several codecs ask each for themselves; there is one here.
    pub fn of(update: &lk::SubscribedQualityUpdate) -> Self {
        let mut demand = Self([false; 3]);
        // Older servers know of one codec only.
        demand.add(&update.subscribed_qualities);
        for codec in &update.subscribed_codecs {
            demand.add(&codec.qualities);
        }
        demand
    }

    fn add(&mut self, qualities: &[lk::SubscribedQuality]) {
        for asked in qualities {
            if let Some(wanted) = self.0.get_mut(asked.quality as usize) {
                *wanted |= asked.enabled;
            }
        }
    }

    /// Whether a layer of `count` is to be sent: who wants a better one than there is gets the best.
    pub fn wants(self, layer: usize, count: usize) -> bool {
        let best = layer + 1 == count;
        layer < count && (self.0[layer] || (best && self.0[layer..].contains(&true)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn camera(width: u32, height: u32) -> Vec<(f64, u32)> {
        let layers = layers(TrackSource::Camera, Size(width, height), false);
        layers.iter().map(|l| (l.scale, l.bps)).collect()
    }

    #[test]
    fn a_camera_has_layers_by_its_size() {
        let hd = [(4.0, 160_000), (2.0, 450_000), (1.0, 1_700_000)];
        assert_eq!(camera(1280, 720), hd);
        assert_eq!(camera(720, 1280), hd, "upright");
        assert_eq!(
            camera(1920, 1080)[0],
            (6.0, 160_000),
            "180 lines are enough for a tile"
        );
        assert_eq!(camera(640, 360), [(2.0, 160_000), (1.0, 450_000)]);
        assert_eq!(camera(640, 480).len(), 2, "libwebrtc makes no third one");
        assert_eq!(camera(1280, 200).len(), 1, "none that is hardly smaller");
        assert_eq!(camera(320, 180), [(1.0, 160_000)]);
        assert_eq!(camera(160, 90), [(1.0, 90_000)]);
        assert_eq!(camera(3840, 2160)[2], (1.0, 3_000_000));
    }

    #[test]
    fn every_layer_is_larger_than_the_one_before() {
        for width in (1..4_000).step_by(7) {
            for (over, under) in [(16, 9), (4, 3), (9, 16), (1, 1), (9, 1), (1, 9)] {
                let layers = layers(
                    TrackSource::Camera,
                    Size(width, width * under / over),
                    false,
                );
                assert!(layers.last().is_some_and(|l| l.scale == 1.0));
                assert!(
                    layers.windows(2).all(|two| {
                        two[0].scale > two[1].scale
                            && two[0].bps <= two[1].bps
                            && two[0].fps <= two[1].fps
                    }),
                    "{width}: {layers:?}"
                );
            }
        }
    }

    #[test]
    fn a_screen_keeps_its_size_and_moves_less() {
        let of = |motion| layers(TrackSource::ScreenShare, SCREEN, motion)[1];
        assert_eq!(
            (of(false).scale, of(false).fps, of(true).fps),
            (1.0, 15, 30)
        );
    }

    #[test]
    fn limits_make_layers_smaller_and_never_larger() {
        let hd = Size(1280, 720);
        let of = |limit: Limit| {
            let mut limited = layers(TrackSource::Camera, hd, false);
            limit.apply(hd, &mut limited);
            limited
        };
        assert_eq!(of(Limit::default()), layers(TrackSource::Camera, hd, false));
        let lines = of(Limit {
            lines: 360.0,
            ..Limit::default()
        });
        assert_eq!(
            lines.iter().map(|l| l.scale).collect::<Vec<_>>(),
            [4.0, 2.0, 2.0]
        );
        let fps = of(Limit {
            fps: 20.0,
            ..Limit::default()
        });
        assert_eq!(fps.iter().map(|l| l.fps).collect::<Vec<_>>(), [15, 20, 20]);
        let bps = of(Limit {
            bps: 600_000.0,
            ..Limit::default()
        });
        assert!(bps.iter().map(|l| l.bps).sum::<u32>() <= 600_000);
        assert!(bps.iter().all(|l| l.bps > 0));
    }

    fn update(enabled: &[VideoQuality]) -> lk::SubscribedQualityUpdate {
        let all = [VideoQuality::Low, VideoQuality::Medium, VideoQuality::High];
        let qualities = all.map(|quality| lk::SubscribedQuality {
            quality,
            enabled: enabled.contains(&quality),
        });
        lk::SubscribedQualityUpdate {
            track_sid: "TR_1".into(),
            subscribed_qualities: vec![],
            subscribed_codecs: vec![lk::SubscribedCodec {
                qualities: qualities.into(),
            }],
        }
    }

    fn sent(enabled: &[VideoQuality], count: usize) -> Vec<bool> {
        let demand = Demand::of(&update(enabled));
        (0..RIDS.len())
            .map(|layer| demand.wants(layer, count))
            .collect()
    }

    #[test]
    fn only_wanted_layers_are_sent() {
        assert_eq!(sent(&[VideoQuality::Low], 3), [true, false, false]);
        assert_eq!(
            sent(&[VideoQuality::Low, VideoQuality::High], 3),
            [true, false, true]
        );
        assert_eq!(sent(&[], 3), [false; 3]);
        let all = Demand::default();
        assert!((0..3).all(|layer| all.wants(layer, 3)));
    }

    #[test]
    fn who_wants_a_better_layer_than_there_is_gets_the_best() {
        assert_eq!(sent(&[VideoQuality::High], 2), [false, true, false]);
        assert_eq!(sent(&[VideoQuality::High], 1), [true, false, false]);
        assert_eq!(sent(&[VideoQuality::Low], 2), [true, false, false]);
    }
}
