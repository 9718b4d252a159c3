//! A raw LiveKit client for tests: str0m over real UDP, the signalling socket over TCP, receive
//! slots. It sends packets that carry its name, and notes whose name arrives.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use base64::Engine as _;
use futures::{SinkExt, StreamExt};
use livekit_protocol as lk;
use lk::signal_request::Message as Ask;
use lk::signal_response::Message;
use plenary_protocol::media::{SlotAssignment, SlotMessage};
use prost::Message as _;
use str0m::change::{SdpAnswer, SdpPendingOffer};
use str0m::channel::{ChannelConfig, ChannelId, Reliability};
use str0m::format::Codec;
use str0m::media::{Direction, MediaKind, Mid, Pt, Simulcast, SimulcastLayer};
use str0m::net::{Protocol, Receive, TcpType};
use str0m::rtp::{ExtensionValues, RtpWrite};
use str0m::{Candidate, Event, Input, Output, Rtc};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UdpSocket;
use tokio::sync::{mpsc, oneshot, Notify};
use tokio_tungstenite::tungstenite::Message as Ws;

// Other test programs take this file alone and use a part of it.
#[allow(dead_code)]
#[path = "camera.rs"]
pub mod camera;
#[allow(dead_code)]
#[path = "relay.rs"]
pub mod relay;

use camera::{Camera, Descriptor, Mark};
use relay::Relay;

/// Nothing in these tests takes longer, even on a busy machine.
pub const DEADLINE: Duration = Duration::from_secs(60);

/// One received packet.
#[derive(Debug, Clone)]
pub struct Heard {
    pub mid: String,
    pub from: String,
    pub seq: u64,
    pub time: u32,
    pub keyframe: bool,
    pub marker: bool,
    pub at: Instant,
    /// Of a [`Camera`]'s packets.
    pub picture: Option<(Mark, Descriptor)>,
    /// When a sound was captured ([`camera::micros`]).
    pub captured: Option<u64>,
    /// AV1's dependency descriptor.
    pub described: Option<Vec<u8>>,
    /// Of sound: how many blocks a packet of RED has; 0 for plain sound.
    pub blocks: usize,
}

/// What a client has seen so far.
#[derive(Debug, Default)]
pub struct Seen {
    pub heard: Vec<Heard>,
    pub signals: Vec<Message>,
    pub slots: Vec<SlotMessage>,
    pub connected: bool,
    pub socket_closed: bool,
    pub keyframes_asked: usize,
    /// Data packets, and the channels that are open.
    pub data: Vec<lk::DataPacket>,
    pub channels: Vec<String>,
    /// Sender reports: section, the publisher's clock and the RTP time.
    pub reports: Vec<(String, std::time::SystemTime, u32)>,
}

impl Seen {
    /// What is in which slot now.
    pub fn assigned(&self) -> &[SlotAssignment] {
        match self.slots.last() {
            Some(SlotMessage::Slots { slots }) => slots,
            None => &[],
        }
    }

    /// The track of somebody that is in a slot, by how such names begin.
    pub fn track_of(&self, owner: &str, prefix: &str) -> Option<String> {
        let mut of_owner = self.assigned().iter().filter(|s| s.identity == owner);
        let track = of_owner.find(|s| s.track.starts_with(prefix))?;
        Some(track.track.clone())
    }
}

enum Order {
    /// Drain the socket, then answer: everything sent before has been noted by then.
    Mark(oneshot::Sender<()>),
    Ask(Box<Ask>),
    DropSocket,
    Attach(Box<WebSocket>),
    /// Send and receive at another port from now on, as after a NAT forgot the old one.
    Rebind(Box<UdpSocket>),
    /// A new offer; its text and the names of its new sections go to the test.
    Offer(Change, oneshot::Sender<lk::SessionDescription>),
    Answer(String),
    Data(String, Vec<u8>),
    /// Whether sound and pictures are sent.
    Send(bool),
}

/// What a new offer changes.
pub enum Change {
    RestartIce,
    /// The camera is sent in VP8, too, by this name.
    Second(&'static str),
    /// That ends.
    StopSecond,
    /// So does the camera in all its codecs.
    StopCamera,
    /// One more picture can be received.
    OneMoreVideo,
}

/// How a client reaches the engine.
enum Wire {
    Udp(UdpSocket),
    /// RFC 4571 frames, read by a task of their own.
    Tcp {
        frames: mpsc::UnboundedReceiver<Vec<u8>>,
        writer: tokio::net::tcp::OwnedWriteHalf,
        remote: SocketAddr,
    },
}

type WebSocket =
    tokio_tungstenite::WebSocketStream<tokio_tungstenite::MaybeTlsStream<tokio::net::TcpStream>>;

/// A running client; dropping it ends it without a word.
pub struct Client {
    pub name: String,
    pub sid: String,
    seen: Arc<Mutex<Seen>>,
    changed: Arc<Notify>,
    orders: mpsc::UnboundedSender<Order>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Client {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A client's transport before its offer is answered.
pub struct Offering {
    pub sdp: String,
    pub mid_to_cid: HashMap<String, String>,
    rtc: Rtc,
    pending: SdpPendingOffer,
    socket: Bound,
    microphone: Mid,
    camera: Mid,
    simulcast: Option<Camera>,
    announces_second: bool,
}

/// A socket with a local address, before the other side's is known.
enum Bound {
    Udp(UdpSocket),
    Tcp(tokio::net::TcpSocket),
}

impl Bound {
    fn local(&self) -> SocketAddr {
        match self {
            Self::Udp(socket) => socket.local_addr(),
            Self::Tcp(socket) => socket.local_addr(),
        }
        .expect("a bound socket")
    }
}

/// The address of the first TCP candidate in an answer.
fn tcp_candidate(answer: &str) -> SocketAddr {
    let line = answer
        .lines()
        .find(|l| l.starts_with("a=candidate:") && l.contains(" tcptype passive"))
        .expect("a passive TCP candidate");
    let words: Vec<&str> = line.split(' ').collect();
    assert_eq!(words[2].to_ascii_lowercase(), "tcp");
    format!("{}:{}", words[4], words[5])
        .parse()
        .expect("an address")
}

async fn connect(socket: tokio::net::TcpSocket, remote: SocketAddr) -> Wire {
    let stream = socket.connect(remote).await.expect("a connection");
    let (mut reader, writer) = stream.into_split();
    let (sender, frames) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok(length) = reader.read_u16().await {
            let mut frame = vec![0; length.into()];
            if reader.read_exact(&mut frame).await.is_err() || sender.send(frame).is_err() {
                return;
            }
        }
    });
    Wire::Tcp {
        frames,
        writer,
        remote,
    }
}

impl Wire {
    async fn receive(&mut self, buffer: &mut [u8]) -> Option<(usize, SocketAddr)> {
        match self {
            Self::Udp(socket) => socket.recv_from(buffer).await.ok(),
            Self::Tcp { frames, remote, .. } => match frames.recv().await {
                Some(frame) => {
                    buffer[..frame.len()].copy_from_slice(&frame);
                    Some((frame.len(), *remote))
                }
                // Nothing comes any more.
                None => std::future::pending().await,
            },
        }
    }

    /// What is there already. For UDP asked of the kernel itself: tokio's own `try_recv_from` gives
    /// nothing until its reactor has been told of a datagram, however long it has been there.
    fn receive_now(&mut self, buffer: &mut [u8]) -> Option<(usize, SocketAddr)> {
        match self {
            Self::Udp(socket) => {
                let fd = socket.as_fd().try_clone_to_owned().expect("a descriptor");
                std::net::UdpSocket::from(fd).recv_from(buffer).ok()
            }
            Self::Tcp { frames, remote, .. } => {
                let frame = frames.try_recv().ok()?;
                buffer[..frame.len()].copy_from_slice(&frame);
                Some((frame.len(), *remote))
            }
        }
    }

    async fn send(&mut self, bytes: &[u8], to: SocketAddr) {
        match self {
            Self::Udp(socket) => drop(socket.send_to(bytes, to).await),
            Self::Tcp { writer, .. } => {
                let length = u16::try_from(bytes.len()).expect("a packet");
                let mut frame = length.to_be_bytes().to_vec();
                frame.extend(bytes);
                drop(writer.write_all(&frame).await);
            }
        }
    }

    fn protocol(&self) -> Protocol {
        match self {
            Self::Udp(_) => Protocol::Udp,
            Self::Tcp { .. } => Protocol::Tcp,
        }
    }
}

/// Sounds, and pictures, that a client receives at a time.
pub const SLOTS: usize = 4;

pub fn tracks() -> Vec<lk::AddTrackRequest> {
    let track = |cid: &str, kind: lk::TrackType, source: lk::TrackSource| lk::AddTrackRequest {
        cid: cid.to_owned(),
        r#type: kind as i32,
        source: source as i32,
        ..Default::default()
    };
    vec![
        track("mic", lk::TrackType::Audio, lk::TrackSource::Microphone),
        track("cam", lk::TrackType::Video, lk::TrackSource::Camera),
    ]
}

/// VP8 as one of a track's codecs, by the client's name for it.
fn vp8(cid: &str) -> lk::SimulcastCodec {
    lk::SimulcastCodec {
        codec: "vp8".to_owned(),
        cid: cid.to_owned(),
        ..Default::default()
    }
}

/// What a client sends and takes.
struct Media {
    camera: Option<Camera>,
    red: bool,
    /// Of video; the first is what it sends.
    codecs: Vec<Codec>,
    /// Its camera is announced with VP8 as second codec.
    announces_second: bool,
}

impl Default for Media {
    fn default() -> Self {
        Self {
            camera: None,
            red: false,
            codecs: vec![Codec::Vp8],
            announces_second: false,
        }
    }
}

impl Offering {
    pub async fn new() -> Self {
        Self::by_udp(Media::default()).await
    }

    /// With redundant sound (RFC 2198).
    pub async fn redundant() -> Self {
        let media = Media {
            red: true,
            ..Default::default()
        };
        Self::by_udp(media).await
    }

    /// With a camera that sends all layers in one stream of VP9.
    pub async fn nested() -> Self {
        Self::filming(Camera::nested()).await
    }

    /// With this camera, and its codec alone.
    pub async fn filming(camera: Camera) -> Self {
        let media = Media {
            codecs: vec![camera.codec()],
            camera: Some(camera),
            ..Default::default()
        };
        Self::by_udp(media).await
    }

    /// With a camera in VP9, and VP8 announced for who lacks that.
    pub async fn backed() -> Self {
        let camera = Camera::nested();
        Self::by_udp(Media {
            codecs: vec![camera.codec(), Codec::Vp8],
            camera: Some(camera),
            announces_second: true,
            ..Default::default()
        })
        .await
    }

    /// Somebody who takes these video codecs, and sends the first.
    pub async fn taking(codecs: &[Codec]) -> Self {
        let media = Media {
            codecs: codecs.to_vec(),
            ..Default::default()
        };
        Self::by_udp(media).await
    }

    /// With a camera that sends simulcast layers.
    pub async fn simulcast() -> Self {
        Self::by_udp(Media {
            camera: Some(Camera::new()),
            ..Default::default()
        })
        .await
    }

    async fn by_udp(media: Media) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").await.expect("a free port");
        let local = socket.local_addr().expect("a bound socket");
        let candidate = Candidate::host(local, "udp").expect("a valid address");
        Self::with(Bound::Udp(socket), candidate, media)
    }

    /// A client whose network lets no UDP through.
    pub fn by_tcp() -> Self {
        let socket = tokio::net::TcpSocket::new_v4().expect("a socket");
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        socket.bind(any).expect("a free port");
        let local = socket.local_addr().expect("a bound socket");
        let candidate = Candidate::builder().tcp().host(local);
        let candidate = candidate.tcptype(TcpType::Active).build();
        Self::with(
            Bound::Tcp(socket),
            candidate.expect("a valid address"),
            Media::default(),
        )
    }

    fn with(socket: Bound, candidate: Candidate, media: Media) -> Self {
        let simulcast = media.camera;
        let mut builder = Rtc::builder()
            .set_rtp_mode(true)
            .clear_codecs()
            .enable_opus(true, media.red)
            .enable_raw_packets(true);
        for codec in media.codecs {
            builder = match codec {
                Codec::Vp9 => builder.enable_vp9(true),
                Codec::Av1 => (builder.enable_av1(true)).set_extension(12, camera::extension()),
                _ => builder.enable_vp8(true),
            };
        }
        let mut rtc = builder.build(Instant::now());
        rtc.add_local_candidate(candidate);
        let mut change = rtc.sdp_api();
        let layered = simulcast.as_ref().filter(|c| c.is_simulcast());
        let layers = layered.map(|_| Simulcast {
            send: ["q", "h", "f"].map(SimulcastLayer::new).into(),
            recv: Vec::new(),
        });
        let audio = MediaKind::Audio;
        let microphone = change.add_media(audio, Direction::SendOnly, None, None, None);
        let camera = change.add_media(MediaKind::Video, Direction::SendOnly, None, None, layers);
        let mut add = |kind, dir| change.add_media(kind, dir, None, None, None);
        for _ in 0..SLOTS {
            add(MediaKind::Audio, Direction::RecvOnly);
            add(MediaKind::Video, Direction::RecvOnly);
        }
        change.add_channel("_reliable".to_owned());
        change.add_channel_with_config(ChannelConfig {
            label: "_lossy".to_owned(),
            ordered: false,
            reliability: Reliability::MaxRetransmits { retransmits: 0 },
            ..Default::default()
        });
        let (offer, pending) = change.apply().expect("something to offer");
        Self {
            sdp: offer.to_sdp_string(),
            mid_to_cid: HashMap::from([
                (microphone.to_string(), "mic".to_owned()),
                (camera.to_string(), "cam".to_owned()),
            ]),
            rtc,
            pending,
            socket,
            microphone,
            camera,
            simulcast,
            announces_second: media.announces_second,
        }
    }

    /// Frames arrive so much later than sound of the same instant.
    pub fn late_pictures(mut self, delay: Duration) -> Self {
        self.simulcast.as_mut().expect("a simulcast camera").delay = delay;
        self
    }

    fn packed(&self) -> String {
        let mut tracks = tracks();
        let nested = self.simulcast.as_ref().map(Camera::codec);
        if let Some(codec) = nested.filter(|c| *c != Codec::Vp8) {
            tracks[1].layers = camera::announced();
            tracks[1].simulcast_codecs = vec![lk::SimulcastCodec {
                codec: codec.to_string().to_lowercase(),
                cid: "cam".to_owned(),
                ..Default::default()
            }];
        }
        if self.announces_second {
            tracks[1].simulcast_codecs.push(vp8(""));
        }
        let request = lk::JoinRequest {
            connection_settings: Some(lk::ConnectionSettings {
                auto_subscribe: true,
                ..Default::default()
            }),
            add_track_requests: tracks,
            publisher_offer: Some(lk::SessionDescription {
                r#type: "offer".to_owned(),
                sdp: self.sdp.clone(),
                id: 1,
                mid_to_track_id: self.mid_to_cid.clone(),
            }),
            ..Default::default()
        };
        pack(&request)
    }

    /// Go on with the answer, sending media named `name`.
    pub fn start(
        mut self,
        name: &str,
        sid: &str,
        answer: &str,
        socket: Option<WebSocket>,
    ) -> Client {
        let remote = matches!(self.socket, Bound::Tcp(_)).then(|| tcp_candidate(answer));
        let answer = SdpAnswer::from_sdp_string(answer).expect("a valid answer");
        self.rtc
            .sdp_api()
            .accept_answer(self.pending, answer)
            .expect("an acceptable answer");
        let local = self.socket.local();
        let (orders, receiver) = mpsc::unbounded_channel();
        let seen = Arc::new(Mutex::new(Seen::default()));
        let changed = Arc::new(Notify::new());
        let running = Running {
            name: name.to_owned(),
            rtc: self.rtc,
            local,
            pending: None,
            channels: Vec::new(),
            microphone: self.microphone,
            camera: self.camera,
            second: None,
            seen: seen.clone(),
            changed: changed.clone(),
            orders: receiver,
            sends: true,
            sent: 0,
            wants_keyframe: true,
            simulcast: self.simulcast,
            sound: (0, Vec::new()),
        };
        Client {
            name: name.to_owned(),
            sid: sid.to_owned(),
            seen,
            changed,
            orders,
            task: tokio::spawn(async move {
                let wire = match (self.socket, remote) {
                    (Bound::Udp(udp), _) => Wire::Udp(udp),
                    (Bound::Tcp(tcp), remote) => {
                        connect(tcp, remote.expect("looked for above")).await
                    }
                };
                running.run(wire, socket).await;
            }),
        }
    }
}

pub fn pack(request: &lk::JoinRequest) -> String {
    let wrapped = lk::WrappedJoinRequest {
        compression: lk::wrapped_join_request::Compression::None as i32,
        join_request: request.encode_to_vec(),
    };
    base64::engine::general_purpose::URL_SAFE.encode(wrapped.encode_to_vec())
}

/// Open a signalling socket; the HTTP status if it is refused.
pub async fn open(http: SocketAddr, query: &str) -> Result<WebSocket, u16> {
    let url = format!("ws://{http}/rtc/v1?{query}");
    match tokio_tungstenite::connect_async(url).await {
        Ok((socket, _)) => Ok(socket),
        Err(tokio_tungstenite::tungstenite::Error::Http(response)) => {
            Err(response.status().as_u16())
        }
        Err(error) => panic!("no socket: {error}"),
    }
}

/// The next protobuf message of a socket.
pub async fn next_message(socket: &mut WebSocket) -> Message {
    loop {
        let frame = tokio::time::timeout(DEADLINE, socket.next())
            .await
            .expect("a message in time");
        match frame {
            Some(Ok(Ws::Binary(bytes))) => {
                let response = lk::SignalResponse::decode(bytes).expect("a signal response");
                return response.message.expect("a message");
            }
            Some(Ok(_)) => {}
            other => panic!("the socket ended: {other:?}"),
        }
    }
}

impl Client {
    /// Join by the signalling socket alone.
    pub async fn join(http: SocketAddr, name: &str, token: &str) -> Self {
        let offering = Offering::new().await;
        Self::join_with(http, name, token, offering).await
    }

    pub async fn join_with(http: SocketAddr, name: &str, token: &str, offering: Offering) -> Self {
        Self::join_by(http, name, token, offering, |answer| answer.to_owned()).await
    }

    /// Join through a relay that stands before an engine.
    pub async fn join_through(
        http: SocketAddr,
        name: &str,
        token: &str,
        offering: Offering,
        relay: &Relay,
    ) -> Self {
        let redirect = |answer: &str| relay.redirect(answer);
        Self::join_by(http, name, token, offering, redirect).await
    }

    async fn join_by(
        http: SocketAddr,
        name: &str,
        token: &str,
        offering: Offering,
        change: impl Fn(&str) -> String,
    ) -> Self {
        let query = format!(
            "slots=1&access_token={token}&join_request={}",
            offering.packed()
        );
        let mut socket = open(http, &query).await.expect("to be let in");
        let mut early = Seen::default();
        loop {
            let frame = tokio::time::timeout(DEADLINE, socket.next())
                .await
                .expect("a frame in time")
                .expect("an open socket")
                .expect("a frame");
            note_frame(&mut early, frame);
            if let Some(Message::Answer(answer)) = early.signals.last() {
                let sdp = change(&answer.sdp);
                let sid = early.signals.iter().find_map(|m| match m {
                    Message::Join(join) => join.participant.clone(),
                    _ => None,
                });
                let sid = sid.expect("a join response first").sid;
                let client = offering.start(name, &sid, &sdp, Some(socket));
                client.look(|seen| *seen = early);
                return client;
            }
        }
    }

    pub fn look<T>(&self, look: impl FnOnce(&mut Seen) -> T) -> T {
        look(&mut self.seen.lock().expect("no client panicked"))
    }

    /// Wait until something is seen.
    pub async fn until(&self, what: &str, seen: impl Fn(&Seen) -> bool) {
        let waiting = async {
            loop {
                let changed = self.changed.notified();
                if self.look(|s| seen(s)) {
                    return;
                }
                changed.await;
            }
        };
        if tokio::time::timeout(DEADLINE, waiting).await.is_err() {
            let slots = self.look(|s| s.slots.last().cloned());
            panic!("{} waited in vain for {what}; slots: {slots:?}", self.name);
        }
    }

    /// Wait for sound and picture of somebody, from now on.
    pub async fn sees_and_hears(&self, other: &str) {
        self.until(&format!("sound of {other}"), |s| {
            s.heard.iter().any(|h| h.from == format!("{other}/a"))
        })
        .await;
        self.sees(other).await;
    }

    /// Wait for a picture of somebody, from now on.
    pub async fn sees(&self, other: &str) {
        self.until(&format!("picture of {other}"), |s| {
            s.heard.iter().any(|h| h.from == format!("{other}/v"))
        })
        .await;
    }

    /// Forget what arrived; everything that was on its way before is forgotten, too: loopback
    /// delivers at once, and the client empties its socket first.
    pub async fn mark(&self) {
        self.settle().await;
        self.look(|s| s.heard.clear());
    }

    /// Note everything that has been sent to this client.
    pub async fn settle(&self) {
        let (done, wait) = oneshot::channel();
        self.order(Order::Mark(done));
        wait.await.expect("a running client");
    }

    /// Note everything that was said to this client before now, on all its ways.
    #[allow(dead_code)] // not by every program that takes this file
    pub async fn hears_no_more(&self) {
        static ASKED: AtomicI64 = AtomicI64::new(1);
        let timestamp = ASKED.fetch_add(1, Ordering::Relaxed);
        self.ask(Ask::PingReq(lk::Ping { timestamp, rtt: 0 }));
        let answers = |m: &Message| match m {
            Message::PongResp(pong) => pong.last_ping_timestamp == timestamp,
            _ => false,
        };
        self.until("an answer", |s| s.signals.iter().any(answers))
            .await;
        self.settle().await;
    }

    pub fn heard_from(&self) -> Vec<String> {
        let mut names: Vec<String> =
            self.look(|s| s.heard.iter().map(|h| h.from.clone()).collect());
        names.sort();
        names.dedup();
        names
    }

    /// Whether sound and pictures are sent, as they are from the beginning.
    pub fn sends(&self, on: bool) {
        self.order(Order::Send(on));
    }

    pub fn ask(&self, ask: Ask) {
        self.order(Order::Ask(Box::new(ask)));
    }

    /// Lose the signalling socket without a word.
    pub fn drop_socket(&self) {
        self.order(Order::DropSocket);
    }

    pub fn attach(&self, socket: WebSocket) {
        self.order(Order::Attach(Box::new(socket)));
    }

    /// Send a data packet once its channel is open.
    pub async fn send_data(&self, label: &str, packet: &lk::DataPacket) {
        self.until("an open channel", |s| s.channels.iter().any(|c| c == label))
            .await;
        self.order(Order::Data(label.to_owned(), packet.encode_to_vec()));
    }

    /// Go on at another port without a word, as after a NAT forgot the old one.
    pub async fn rebind(&self) {
        let socket = UdpSocket::bind("127.0.0.1:0").await.expect("a free port");
        self.rebind_to(socket);
    }

    pub fn rebind_to(&self, socket: UdpSocket) {
        self.order(Order::Rebind(Box::new(socket)));
    }

    /// Restart ICE by an offer over the signalling socket; done when the answer is in force.
    pub async fn restart_ice(&self) {
        self.offers(Change::RestartIce).await;
    }

    /// Send the camera in VP8, too, by this name.
    #[allow(dead_code)] // not by every program that takes this file
    pub async fn adds_second_codec(&self, cid: &'static str) {
        self.ask(Ask::AddTrack(lk::AddTrackRequest {
            cid: cid.to_owned(),
            sid: self.published("cam").expect("a camera").sid,
            r#type: lk::TrackType::Video as i32,
            source: lk::TrackSource::Camera as i32,
            simulcast_codecs: vec![vp8(cid)],
            ..Default::default()
        }));
        self.offers(Change::Second(cid)).await;
    }

    /// What the engine last said of a track of its own, by the name that this client has for it.
    #[allow(dead_code)] // not by every program that takes this file
    pub fn published(&self, cid: &str) -> Option<lk::TrackInfo> {
        self.look(|s| {
            s.signals.iter().rev().find_map(|m| match m {
                Message::TrackPublished(p) if p.cid == cid => p.track.clone(),
                _ => None,
            })
        })
    }

    /// Offer anew; done when the answer is in force.
    pub async fn offers(&self, change: Change) {
        let (reply, offer) = oneshot::channel();
        self.order(Order::Offer(change, reply));
        let offer = offer.await.expect("an offer");
        let answers = |s: &Seen| {
            let answers = s.signals.iter().filter_map(|m| match m {
                Message::Answer(answer) => Some(answer.sdp.clone()),
                _ => None,
            });
            answers.collect::<Vec<_>>()
        };
        let before = self.look(|s| answers(s).len());
        self.ask(Ask::Offer(offer));
        self.until("another answer", |s| answers(s).len() > before)
            .await;
        let answer = self.look(|s| answers(s).pop()).expect("just seen");
        self.order(Order::Answer(answer));
    }

    fn order(&self, order: Order) {
        assert!(self.orders.send(order).is_ok(), "a running client");
    }
}

struct Running {
    name: String,
    rtc: Rtc,
    local: SocketAddr,
    pending: Option<SdpPendingOffer>,
    channels: Vec<(ChannelId, String)>,
    microphone: Mid,
    camera: Mid,
    /// Where the camera is sent in VP8, too.
    second: Option<Mid>,
    seen: Arc<Mutex<Seen>>,
    changed: Arc<Notify>,
    orders: mpsc::UnboundedReceiver<Order>,
    sends: bool,
    sent: u64,
    wants_keyframe: bool,
    simulcast: Option<Camera>,
    /// The newest sound and its time, for the next packet of RED to repeat.
    sound: (u32, Vec<u8>),
}

impl Running {
    async fn run(mut self, mut wire: Wire, mut socket: Option<WebSocket>) {
        let mut buffer = vec![0; 2048];
        let mut pace = tokio::time::interval(Duration::from_millis(20));
        pace.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
        loop {
            let due = self.drain(&mut wire).await;
            tokio::select! {
                received = wire.receive(&mut buffer) => {
                    if let Some((length, from)) = received {
                        self.input(wire.protocol(), from, &buffer[..length]);
                    }
                }
                order = self.orders.recv() => match order {
                    Some(Order::Mark(done)) => {
                        while let Some((length, from)) = wire.receive_now(&mut buffer) {
                            self.input(wire.protocol(), from, &buffer[..length]);
                            self.drain(&mut wire).await;
                        }
                        let _ = done.send(());
                    }
                    Some(Order::Ask(ask)) => {
                        let request = lk::SignalRequest { message: Some(*ask) };
                        if let Some(socket) = &mut socket {
                            let bytes = request.encode_to_vec();
                            let _ = socket.send(Ws::Binary(bytes.into())).await;
                        }
                    }
                    Some(Order::DropSocket) => socket = None,
                    Some(Order::Attach(new)) => socket = Some(*new),
                    Some(Order::Rebind(new)) => wire = Wire::Udp(*new),
                    Some(Order::Offer(change, reply)) => {
                        let _ = reply.send(self.offer(change));
                    }
                    Some(Order::Data(label, bytes)) => {
                        let known = self.channels.iter().find(|(_, l)| *l == label);
                        let id = known.expect("an open channel").0;
                        let mut channel = self.rtc.channel(id).expect("an open channel");
                        assert!(channel.write(true, &bytes).expect("a channel"));
                    }
                    Some(Order::Send(on)) => self.sends = on,
                    Some(Order::Answer(sdp)) => {
                        let answer = SdpAnswer::from_sdp_string(&sdp).expect("a valid answer");
                        let pending = self.pending.take().expect("an offer");
                        let accepted = self.rtc.sdp_api().accept_answer(pending, answer);
                        accepted.expect("an acceptable answer");
                    }
                    None => return,
                },
                frame = next_frame(&mut socket) => match frame {
                    Some(Ok(frame)) => self.frame(frame),
                    _ => {
                        socket = None;
                        self.note(|s| s.socket_closed = true);
                    }
                },
                _ = pace.tick(), if self.sends => self.send(),
                () = tokio::time::sleep_until(due.into()) => {
                    let _ = self.rtc.handle_input(Input::Timeout(Instant::now()));
                }
            }
        }
    }

    fn offer(&mut self, change: Change) -> lk::SessionDescription {
        let mut api = self.rtc.sdp_api();
        let mut names = HashMap::new();
        match change {
            Change::StopSecond => {
                let second = self.second.expect("a second codec");
                api.set_direction(second, Direction::Inactive);
            }
            Change::StopCamera => {
                for mid in [Some(self.camera), self.second].into_iter().flatten() {
                    api.set_direction(mid, Direction::Inactive);
                }
            }
            Change::RestartIce => drop(api.ice_restart(true)),
            Change::OneMoreVideo => {
                api.add_media(MediaKind::Video, Direction::RecvOnly, None, None, None);
            }
            Change::Second(cid) => {
                let mid = api.add_media(MediaKind::Video, Direction::SendOnly, None, None, None);
                names.insert(mid.to_string(), cid.to_owned());
                self.second = Some(mid);
            }
        }
        let (offer, pending) = api.apply().expect("something to offer");
        self.pending = Some(pending);
        lk::SessionDescription {
            r#type: "offer".to_owned(),
            sdp: offer.to_sdp_string(),
            id: 2,
            mid_to_track_id: names,
        }
    }

    fn note(&self, note: impl FnOnce(&mut Seen)) {
        note(&mut self.seen.lock().expect("no test panicked in here"));
        self.changed.notify_waiters();
    }

    fn frame(&mut self, frame: Ws) {
        if let (Ws::Binary(bytes), Some(camera)) = (&frame, &mut self.simulcast) {
            let response = lk::SignalResponse::decode(bytes.clone()).expect("a response");
            if let Some(Message::SubscribedQualityUpdate(update)) = response.message {
                let qualities = update.subscribed_codecs[0].qualities.iter();
                camera.subscribed(&qualities.map(|q| q.enabled).collect::<Vec<_>>());
            }
        }
        self.note(|s| note_frame(s, frame));
    }

    fn input(&mut self, proto: Protocol, from: SocketAddr, bytes: &[u8]) {
        let Ok(contents) = bytes.try_into() else {
            return;
        };
        let input = Input::Receive(
            Instant::now(),
            Receive {
                proto,
                source: from,
                destination: self.local,
                contents,
            },
        );
        let _ = self.rtc.handle_input(input);
    }

    async fn drain(&mut self, wire: &mut Wire) -> Instant {
        loop {
            match self.rtc.poll_output() {
                Ok(Output::Timeout(due)) => return due,
                Ok(Output::Transmit(t)) => {
                    wire.send(&t.contents, t.destination).await;
                }
                Ok(Output::Event(event)) => self.happened(event),
                Err(_) => return Instant::now() + Duration::from_secs(60),
            }
        }
    }

    fn happened(&mut self, event: Event) {
        match event {
            Event::Connected => self.note(|s| s.connected = true),
            Event::KeyframeRequest(request) => {
                self.wants_keyframe = true;
                if let Some(camera) = &mut self.simulcast {
                    camera.keyframe(request.rid);
                }
                self.note(|s| s.keyframes_asked += 1);
            }
            Event::ChannelOpen(id, label) => {
                self.channels.push((id, label.clone()));
                self.note(|s| s.channels.push(label));
            }
            Event::ChannelData(data) => {
                let packet = lk::DataPacket::decode(&*data.data).expect("a data packet");
                self.note(|s| s.data.push(packet));
            }
            Event::RtpPacket(packet) => {
                let ssrc = packet.header.ssrc;
                let mid = self.rtc.direct_api().stream_rx(&ssrc).map(|s| s.mid());
                let Some(mid) = mid else { return };
                let text = String::from_utf8_lossy(&packet.payload).into_owned();
                let Some((before, from)) = text.rsplit_once('#') else {
                    return;
                };
                let heard = Heard {
                    mid: mid.to_string(),
                    from: from.to_owned(),
                    seq: *packet.seq_no,
                    time: packet.header.timestamp,
                    keyframe: packet.payload.first() == Some(&0x10) && packet.payload[1] == 0,
                    marker: packet.header.marker,
                    at: Instant::now(),
                    picture: camera::read(&packet.payload),
                    described: {
                        let values = &packet.header.ext_vals.user_values;
                        values.get::<camera::Described>().map(|d| d.0.clone())
                    },
                    captured: before.rsplit_once('@').and_then(|(_, m)| m.parse().ok()),
                    blocks: match self.red() == Some(packet.header.payload_type) {
                        true => blocks(&packet.payload),
                        false => 0,
                    },
                };
                self.note(|s| s.heard.push(heard));
            }
            Event::RawPacket(packet) => self.raw(*packet),
            _ => {}
        }
    }

    fn raw(&mut self, packet: str0m::rtp::RawPacket) {
        let str0m::rtp::RawPacket::RtcpRx(str0m::rtp::rtcp::Rtcp::SenderReport(report)) = packet
        else {
            return;
        };
        let info = report.sender_info;
        let mid = self
            .rtc
            .direct_api()
            .stream_rx(&info.ssrc)
            .map(|s| s.mid().to_string());
        if let Some(mid) = mid {
            let time = info.rtp_time.numer() as u32;
            self.note(|s| s.reports.push((mid, info.ntp_time, time)));
        }
    }

    /// A packet of sound, and one of video, that carry the sender's name.
    fn send(&mut self) {
        if !self.rtc.is_connected() {
            return;
        }
        self.sent += 1;
        let n = self.sent;
        let micros = camera::micros(Instant::now());
        let sound = format!("{:>60}@{micros}#{}/a", "", self.name).into_bytes();
        let time = (micros * 48 / 1_000) as u32;
        let before = std::mem::replace(&mut self.sound, (time, sound.clone()));
        let payload = match self.red() {
            Some(_) => red(*self.payload_type(true), time - before.0, &before.1, sound),
            None => sound,
        };
        let pt = self.red().unwrap_or_else(|| self.payload_type(true));
        self.write(self.microphone, pt, time, payload);
        if let Some(second) = self.second {
            // Each is a key frame.
            let payload = [&[0x10, 0], format!("#{}/b", self.name).as_bytes()].concat();
            let pt = self.payload_type_of(|codec| codec == Codec::Vp8);
            self.write(second, pt, (n * 1800) as u32, payload);
        }
        if let Some(mut camera) = self.simulcast.take() {
            let pt = self.payload_type(false);
            let now = Instant::now();
            camera.send(&mut self.rtc, self.camera, pt, &self.name, now);
            self.simulcast = Some(camera);
            return;
        }
        // A VP8 descriptor without extensions; the lowest bit of the next byte says "no key frame".
        let key = std::mem::take(&mut self.wants_keyframe);
        let mut payload = vec![0x10, u8::from(!key)];
        payload.extend(format!("#{}/v", self.name).bytes());
        self.write(
            self.camera,
            self.payload_type(false),
            (n * 1800) as u32,
            payload,
        );
    }

    fn write(&mut self, mid: Mid, pt: Pt, time: u32, payload: Vec<u8>) {
        let kind = self.rtc.media(mid).map(|m| m.kind());
        let audio = kind == Some(MediaKind::Audio);
        let mut api = self.rtc.direct_api();
        let Some(stream) = api.stream_tx_by_mid(mid, None) else {
            return;
        };
        let write = RtpWrite::new(pt, self.sent.into(), time, Instant::now(), payload)
            .marker(true)
            .nackable(true)
            .ext_vals(ExtensionValues {
                // Speech (RFC 6464).
                audio_level: audio.then_some(-20),
                voice_activity: audio.then_some(true),
                ..Default::default()
            });
        stream.write_rtp(write);
    }
}

/// One repetition, and the sound itself (RFC 2198).
fn red(payload_type: u8, back: u32, before: &[u8], sound: Vec<u8>) -> Vec<u8> {
    let mut payload = Vec::new();
    // What lies further back cannot be written, and after a pause of this client is not there.
    let before = if back < 1 << 14 { before } else { &[] };
    if !before.is_empty() {
        let field = back << 10 | before.len() as u32;
        payload.push(0x80 | payload_type);
        payload.extend(&field.to_be_bytes()[1..]);
    }
    payload.push(payload_type);
    payload.extend(before);
    payload.extend(sound);
    payload
}

/// Blocks of a payload of RED: four bytes say of each repetition that there is one.
fn blocks(payload: &[u8]) -> usize {
    let heads = payload.iter().step_by(4);
    1 + heads.take_while(|head| **head & 0x80 != 0).count()
}

impl Running {
    /// The payload type of redundant sound, if it was negotiated.
    fn red(&self) -> Option<Pt> {
        let config = self.rtc.codec_config();
        config.params().iter().find_map(|p| p.red())
    }

    fn payload_type(&self, audio: bool) -> Pt {
        self.payload_type_of(|codec| codec.is_audio() == audio)
    }

    fn payload_type_of(&self, is_meant: impl Fn(Codec) -> bool) -> Pt {
        let config = self.rtc.codec_config();
        let params = config.params().iter();
        params
            .filter(|p| is_meant(p.spec().codec))
            .map(|p| p.pt())
            .next()
            .expect("a negotiated codec")
    }
}

fn note_frame(seen: &mut Seen, frame: Ws) {
    match frame {
        Ws::Binary(bytes) => {
            let response = lk::SignalResponse::decode(bytes).expect("a response");
            seen.signals.extend(response.message);
        }
        Ws::Text(text) => {
            let slots = serde_json::from_str(&text).expect("a slot message");
            seen.slots.push(slots);
        }
        _ => {}
    }
}

async fn next_frame(
    socket: &mut Option<WebSocket>,
) -> Option<Result<Ws, tokio_tungstenite::tungstenite::Error>> {
    match socket {
        Some(socket) => socket.next().await,
        None => std::future::pending().await,
    }
}

/// The sid of the video that a viewer has of somebody in its slots.
pub async fn video_of(viewer: &Client, owner: &str) -> String {
    let find = |s: &Seen| s.track_of(owner, "TR_V");
    viewer.until("a slot", |s| find(s).is_some()).await;
    viewer.look(|s| find(s)).expect("a slot")
}

pub fn shown(track: &str, width: u32, height: u32) -> Ask {
    Ask::TrackSetting(lk::UpdateTrackSettings {
        track_sids: vec![track.to_owned()],
        width,
        height,
        ..Default::default()
    })
}

/// Wait until the last so many video packets came from one layer.
pub async fn gets_only(viewer: &Client, from: &str, packets: usize) {
    viewer
        .until(&format!("nothing but {from}"), |s| {
            let mut last = s.heard.iter().rev().filter(|h| h.picture.is_some());
            let last: Vec<_> = last.by_ref().take(packets).collect();
            last.len() == packets && last.iter().all(|h| h.from == from)
        })
        .await;
}
