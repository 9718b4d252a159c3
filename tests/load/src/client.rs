//! One client: joins, publishes what its plan says, and receives everybody else.

use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use livekit_protocol as lk;
use lk::signal_request::Message as Ask;
use lk::signal_response::Message;
use str0m::change::{SdpAnswer, SdpPendingOffer};
use str0m::media::{Direction, MediaKind, Mid};
use str0m::net::{Protocol, Receive};
use str0m::rtp::{ExtensionValues, RtpWrite, Ssrc};
use str0m::{Candidate, Event, Input, Output, Rtc, RtcError};
use tokio::net::UdpSocket;

use crate::signal::{self, Signal, SignalError};
use crate::tally::Tally;
use crate::{media, Arguments};

/// A server gives up on a client that it hears nothing from; LiveKit's asks for a ping every 5 s.
const PING: Duration = Duration::from_secs(5);
/// Datagrams read before the clock is looked at.
const READ_BUDGET: usize = 32;

#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    #[error(transparent)]
    Signal(#[from] SignalError),
    #[error("WebRTC: {0}")]
    Rtc(#[from] RtcError),
    #[error("the socket: {0}")]
    Io(#[from] std::io::Error),
    #[error("the server sent an answer that cannot be used: {0}")]
    Answer(String),
    #[error("the server sent us away: {0}")]
    SentAway(String),
}

/// What one client is to do.
#[derive(Debug, Clone)]
pub struct Plan {
    server: String,
    token: String,
    name: String,
    speaks: bool,
    shows: bool,
    fps: u32,
    frame_packets: u32,
    /// Tracks of others in the room.
    audios: usize,
    videos: usize,
}

impl Plan {
    pub fn new(arguments: &Arguments, room: usize, seat: usize) -> Result<Self, SignalError> {
        let name = format!("r{room}p{seat}");
        let (speaks, shows) = (seat < arguments.speakers, seat < arguments.cameras);
        Ok(Self {
            server: arguments.url.trim_end_matches('/').to_owned(),
            token: signal::token(&arguments.keys, &format!("load-{room}"), &name)?,
            name,
            speaks,
            shows,
            fps: arguments.fps,
            frame_packets: arguments.frame_packets,
            audios: arguments.speakers - usize::from(speaks),
            videos: arguments.cameras - usize::from(shows),
        })
    }
}

pub struct Client {
    plan: Plan,
    tally: Arc<Tally>,
    rtc: Rtc,
    udp: UdpSocket,
    local: SocketAddr,
    signal: Signal,
    pending: Option<SdpPendingOffer>,
    /// Sections that the server asked for while an offer was on its way.
    more: Option<(u32, u32)>,
    offers: u32,
    microphone: Option<Mid>,
    camera: Option<Mid>,
    begun: Instant,
    heard: HashSet<Ssrc>,
    complete: bool,
    audio_packets: u64,
    video_packets: u64,
    frames: u64,
    keyframe: bool,
    next_audio: Instant,
    next_video: Instant,
}

impl Client {
    /// Runs until it fails or its task is aborted.
    pub async fn run(plan: Plan, tally: Arc<Tally>) {
        let result = async {
            let mut client = Self::join(plan, tally.clone()).await?;
            client.stay().await
        };
        let outcome: Result<(), ClientError> = result.await;
        if let Err(error) = outcome {
            tally.fails(&error.to_string());
        }
    }

    async fn join(plan: Plan, tally: Arc<Tally>) -> Result<Self, ClientError> {
        let begun = Instant::now();
        let udp = UdpSocket::bind("127.0.0.1:0").await?;
        let local = udp.local_addr()?;
        let mut rtc = Rtc::builder()
            .set_rtp_mode(true)
            .clear_codecs()
            .enable_opus(true, false)
            .enable_vp8(true)
            .build(begun);
        if let Ok(candidate) = Candidate::host(local, "udp") {
            rtc.add_local_candidate(candidate);
        }
        let mut change = rtc.sdp_api();
        let mut tracks = Vec::new();
        let mut cids = HashMap::new();
        let mut publish =
            |wanted: bool, kind, cid: &str, source: lk::TrackSource, r#type: lk::TrackType| {
                wanted.then(|| {
                    let mid = change.add_media(
                        kind,
                        Direction::SendOnly,
                        Some(cid.to_owned()),
                        Some(cid.to_owned()),
                        None,
                    );
                    tracks.push(lk::AddTrackRequest {
                        cid: cid.to_owned(),
                        r#type: r#type as i32,
                        source: source as i32,
                        ..Default::default()
                    });
                    cids.insert(mid.to_string(), cid.to_owned());
                    mid
                })
            };
        let microphone = publish(
            plan.speaks,
            MediaKind::Audio,
            "mic",
            lk::TrackSource::Microphone,
            lk::TrackType::Audio,
        );
        let camera = publish(
            plan.shows,
            MediaKind::Video,
            "cam",
            lk::TrackSource::Camera,
            lk::TrackType::Video,
        );
        change.add_channel("_reliable".to_owned());
        for _ in 0..plan.audios {
            change.add_media(MediaKind::Audio, Direction::RecvOnly, None, None, None);
        }
        for _ in 0..plan.videos {
            change.add_media(MediaKind::Video, Direction::RecvOnly, None, None, None);
        }
        let (offer, pending) = change
            .apply()
            .ok_or_else(|| ClientError::Answer("nothing to offer".to_owned()))?;
        let offer = lk::SessionDescription {
            r#type: "offer".to_owned(),
            sdp: offer.to_sdp_string(),
            id: 1,
            mid_to_track_id: cids,
        };
        let query = signal::query(&plan.token, tracks, offer);
        let signal = Signal::open(&plan.server, &query).await?;
        Ok(Self {
            plan,
            tally,
            rtc,
            udp,
            local,
            signal,
            pending: Some(pending),
            more: None,
            offers: 1,
            microphone,
            camera,
            begun,
            heard: HashSet::new(),
            complete: false,
            audio_packets: 0,
            video_packets: 0,
            frames: 0,
            keyframe: true,
            next_audio: begun,
            next_video: begun,
        })
    }

    async fn stay(&mut self) -> Result<(), ClientError> {
        let mut buffer = vec![0; 2048];
        let mut ping = tokio::time::interval(PING);
        loop {
            let due = self.due()?.min(self.next_send());
            tokio::select! {
                received = self.udp.recv_from(&mut buffer) => {
                    let (length, from) = received?;
                    self.input(from, &buffer[..length])?;
                    for _ in 0..READ_BUDGET {
                        let Ok((length, from)) = self.udp.try_recv_from(&mut buffer) else { break };
                        self.drain()?;
                        self.input(from, &buffer[..length])?;
                    }
                }
                message = self.signal.next() => self.told(message?).await?,
                () = tokio::time::sleep_until(due.into()) => {
                    self.rtc.handle_input(Input::Timeout(Instant::now()))?;
                    self.send_media();
                }
                _ = ping.tick() => self.signal.send(Ask::PingReq(lk::Ping { timestamp: 1, rtt: 0 })).await?,
            }
        }
    }

    fn next_send(&self) -> Instant {
        let idle = Instant::now() + Duration::from_secs(1);
        if !self.rtc.is_connected() {
            return idle;
        }
        let audio = self.microphone.map_or(idle, |_| self.next_audio);
        let video = self.camera.map_or(idle, |_| self.next_video);
        audio.min(video)
    }

    fn input(&mut self, from: SocketAddr, bytes: &[u8]) -> Result<(), ClientError> {
        // What str0m cannot tell apart by its first byte is none of its business.
        let Ok(contents) = bytes.try_into() else {
            return Ok(());
        };
        let receive = Receive {
            proto: Protocol::Udp,
            source: from,
            destination: self.local,
            contents,
        };
        Ok(self
            .rtc
            .handle_input(Input::Receive(Instant::now(), receive))?)
    }

    /// When str0m wants to be woken next; what it wants now is done now, since the timer's grain of a
    /// millisecond would count as the server's delay.
    fn due(&mut self) -> Result<Instant, ClientError> {
        loop {
            let due = self.drain()?;
            let now = Instant::now();
            if due > now {
                return Ok(due);
            }
            self.rtc.handle_input(Input::Timeout(now))?;
        }
    }

    fn drain(&mut self) -> Result<Instant, ClientError> {
        loop {
            match self.rtc.poll_output()? {
                Output::Timeout(due) => return Ok(due),
                // A full send buffer loses the packet, as a wire does.
                Output::Transmit(t) => drop(self.udp.try_send_to(&t.contents, t.destination)),
                Output::Event(event) => self.happened(event),
            }
        }
    }

    fn happened(&mut self, event: Event) {
        match event {
            Event::Connected => {
                self.tally.step("connected", self.begun);
                let now = Instant::now();
                (self.next_audio, self.next_video) = (now, now);
                self.check_complete();
            }
            Event::KeyframeRequest(_) => self.keyframe = true,
            Event::RtpPacket(packet) => {
                let Some(delay) = media::delay(&packet.payload, self.tally.epoch) else {
                    return;
                };
                if self.heard.is_empty() {
                    self.tally.step("firstMedia", self.begun);
                }
                self.tally.received(packet.payload.len(), delay);
                if self.heard.insert(packet.header.ssrc) {
                    self.check_complete();
                }
            }
            _ => {}
        }
    }

    /// Once every other's track is heard.
    fn check_complete(&mut self) {
        if !self.complete
            && self.rtc.is_connected()
            && self.heard.len() >= self.plan.audios + self.plan.videos
        {
            self.complete = true;
            self.tally.step("everything", self.begun);
            self.tally.receives();
        }
    }

    async fn told(&mut self, message: Message) -> Result<(), ClientError> {
        match message {
            Message::Join(_) => self.tally.step("signalled", self.begun),
            Message::Answer(answer) => {
                let Some(pending) = self.pending.take() else {
                    return Ok(());
                };
                let answer = SdpAnswer::from_sdp_string(&answer.sdp)
                    .map_err(|e| ClientError::Answer(e.to_string()))?;
                self.rtc.sdp_api().accept_answer(pending, answer)?;
                if let Some(more) = self.more.take() {
                    self.offer(more).await?;
                }
            }
            Message::Trickle(trickle) => self.candidate(&trickle.candidate_init),
            Message::MediaSectionsRequirement(more) => {
                self.offer((more.num_audios, more.num_videos)).await?
            }
            Message::Leave(leave) => {
                return Err(ClientError::SentAway(format!(
                    "{} was told {:?}",
                    self.plan.name,
                    leave.reason()
                )))
            }
            _ => {}
        }
        Ok(())
    }

    fn candidate(&mut self, init: &str) {
        let parsed: Option<serde_json::Value> = serde_json::from_str(init).ok();
        let text = parsed
            .as_ref()
            .and_then(|v| v["candidate"].as_str())
            .unwrap_or_default();
        if let Ok(candidate) = Candidate::from_sdp_string(text) {
            self.rtc.add_remote_candidate(candidate);
        }
    }

    /// Offer again, with more sections. Where the server only wants to be asked again, one more section
    /// is what makes a new offer.
    async fn offer(&mut self, (audios, videos): (u32, u32)) -> Result<(), ClientError> {
        if self.pending.is_some() {
            let waiting = self.more.unwrap_or((0, 0));
            self.more = Some((waiting.0 + audios, waiting.1 + videos));
            return Ok(());
        }
        let mut change = self.rtc.sdp_api();
        for _ in 0..audios.max(u32::from(videos == 0)) {
            change.add_media(MediaKind::Audio, Direction::RecvOnly, None, None, None);
        }
        for _ in 0..videos {
            change.add_media(MediaKind::Video, Direction::RecvOnly, None, None, None);
        }
        let Some((offer, pending)) = change.apply() else {
            return Ok(());
        };
        self.pending = Some(pending);
        self.offers += 1;
        let offer = lk::SessionDescription {
            r#type: "offer".to_owned(),
            sdp: offer.to_sdp_string(),
            id: self.offers,
            ..Default::default()
        };
        Ok(self.signal.send(Ask::Offer(offer)).await?)
    }

    /// Send what is due by now.
    fn send_media(&mut self) {
        if !self.rtc.is_connected() {
            return;
        }
        let now = Instant::now();
        if let Some(mid) = self.microphone {
            while self.next_audio <= now {
                self.next_audio += media::AUDIO_PAUSE;
                let time = (self.audio_packets * 960) as u32;
                let payload = media::audio(self.tally.epoch);
                self.write(mid, true, self.audio_packets, time, true, payload);
                self.audio_packets += 1;
            }
        }
        if let Some(mid) = self.camera {
            let pause = Duration::from_secs(1) / self.plan.fps;
            while self.next_video <= now {
                self.next_video += pause;
                self.send_frame(mid);
            }
        }
    }

    fn send_frame(&mut self, mid: Mid) {
        let keyframe = std::mem::take(&mut self.keyframe);
        let time = (self.frames * u64::from(90_000 / self.plan.fps)) as u32;
        for index in 0..self.plan.frame_packets {
            let payload = media::video(self.frames, index, keyframe, self.tally.epoch);
            let last = index + 1 == self.plan.frame_packets;
            self.write(mid, false, self.video_packets, time, last, payload);
            self.video_packets += 1;
        }
        self.frames += 1;
    }

    fn write(
        &mut self,
        mid: Mid,
        audio: bool,
        seq: u64,
        time: u32,
        marker: bool,
        payload: Vec<u8>,
    ) {
        let params = self.rtc.codec_config().params();
        let Some(pt) = params
            .iter()
            .find(|p| p.spec().codec.is_audio() == audio)
            .map(|p| p.pt())
        else {
            return;
        };
        let mut api = self.rtc.direct_api();
        let Some(stream) = api.stream_tx_by_mid(mid, None) else {
            return;
        };
        let write = RtpWrite::new(pt, seq.into(), time, Instant::now(), payload)
            .marker(marker)
            .nackable(!audio)
            .ext_vals(ExtensionValues {
                // Speech, so that a server that forwards the loudest forwards it.
                audio_level: audio.then_some(-20),
                voice_activity: audio.then_some(true),
                ..Default::default()
            });
        stream.write_rtp(write);
        self.tally.sent();
    }
}
