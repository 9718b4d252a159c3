//! The world: clients, the network, and a service that may be down. One thread, one clock that stands
//! still while anything is to be done, and one seed.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use plenary::meeting::UserToken;
use plenary_protocol::breakout::RoomState;
use plenary_protocol::id::{RawId, RoomId};
use rand::rngs::StdRng;
use rand::SeedableRng;
use tokio::sync::{mpsc, Notify};

use super::around::Around;
use super::client::Client;
use super::media::{voice, Kind, Received};
use super::network::{Arrival, Network, Who, LONGEST};
use super::service::{Service, ORIGIN};
use super::wire::{Door, Heard};
use crate::clock;
use crate::engine::simulated::Place;
use crate::keys::Keys;
use crate::meeting::{Breakout, Bypass, Change, Command, Room};
use crate::meetings::{Look, ReplyTo};
use crate::random;
use crate::store::rows::Rows;
use crate::store::{MeetingRow, Member, Options, Store};
use crate::tokens::{Scope, Tokens};

/// Any date; stories begin there.
const BEGINNING: u64 = 1_800_000_000_000;
/// A user token's life: it is refreshed within a story.
const TOKEN_LIFE: u64 = 90_000;
/// The first two are members.
const MEMBERS: usize = 2;
/// Breakout rooms of the second meeting, which has no lobby.
pub const ROOMS: usize = 3;
/// A place is looked at before and after everything that happens at a time; times are whole ms.
const GRAIN: Duration = Duration::from_millis(2);

/// Who gets what of whom.
pub type Pair = (String, String, Kind);

pub struct World {
    pub around: Around,
    pub clients: Vec<Client>,
    pub service: Option<Service>,
    /// While the service is down.
    store: Option<Rows>,
    pub meetings: Vec<MeetingRow>,
    keys: Keys,
    bell: Arc<Notify>,
    ears: mpsc::UnboundedReceiver<(Who, u64, Heard)>,
    /// When a listener and a speaker were in one room last, and in which.
    together: BTreeMap<(String, String), (Instant, String)>,
    voices: BTreeMap<u64, String>,
    places: Vec<Place>,
    /// Packets that an endpoint got of another since the last [`World::forget_packets`].
    pub packets: BTreeMap<Pair, u64>,
    /// Sections in which a packet came that the slots say is another's.
    pub misplaced: BTreeSet<Pair>,
}

fn row(n: usize, bypass: Bypass) -> MeetingRow {
    let digits = format!("100000000000{n}");
    MeetingRow {
        id: format!("meeting-{n}"),
        passcode: Some("passcode".to_owned()),
        link_secret: "secret".to_owned(),
        thread: format!("19:meeting_{n}@thread.v2"),
        join_url: format!("{ORIGIN}/meet/{digits}?p=secret"),
        digits,
        organizer: "member-0".to_owned(),
        external_id: None,
        created: BEGINNING,
        starts: BEGINNING,
        ends: BEGINNING + 3_600_000,
        subject: None,
        options: Options {
            bypass,
            ..Options::default()
        },
    }
}

/// A breakout room's id.
pub fn room(n: usize) -> RoomId {
    RoomId(format!("room-{n}"))
}

/// Closed rooms, to which the guests are assigned one after the other.
fn breakout(people: usize) -> Breakout {
    let rooms = (0..ROOMS).map(|n| Room {
        id: room(n),
        name: format!("Room {n}"),
        thread: format!("19:room_{n}@thread.v2"),
        state: RoomState::Closed,
    });
    let guests = (MEMBERS..people).map(|who| (guest(who), room(who % ROOMS)));
    Breakout {
        rooms: rooms.collect(),
        assigned: guests.collect(),
        ..Breakout::default()
    }
}

impl World {
    /// A world with so many people, two meetings, and a service that runs; nobody is there yet.
    pub async fn new(seed: u64, people: usize) -> Self {
        clock::simulated::begin(BEGINNING);
        random::simulated::begin(seed);
        // str0m's own: SSRCs, transaction ids.
        fastrand::seed(seed);
        let folder = tempfile::tempdir().expect("a folder for keys");
        let keys = Keys::open(folder.path()).expect("new keys");
        let (ear, ears) = mpsc::unbounded_channel();
        let engine = SocketAddr::from(([192, 0, 2, 1], 7882));
        let around = Around {
            network: Network::new(seed),
            door: Door::default(),
            ear,
            random: StdRng::seed_from_u64(seed ^ 0x5eed),
            log: Vec::new(),
            begun: clock::now(),
            engine,
            lines: 0,
        };
        let meetings = vec![row(0, Bypass::default()), row(1, Bypass::Everyone)];
        let (store, bell) = (Rows::default(), Arc::new(Notify::new()));
        for meeting in &meetings {
            store.add_meeting(meeting).await.expect("rows");
        }
        let rooms = breakout(people);
        let kept = store.keep_breakout(&meetings[1].id, &rooms);
        kept.await.expect("rows");
        let mut clients = Vec::new();
        for who in 0..people {
            let id = person(&store, who).await;
            let credential = credential(&keys, &id);
            clients.push(Client::new(who, id, who < MEMBERS, credential));
        }
        let service = Service::start(store, &keys, engine, &bell, &around.door);
        Self {
            around,
            clients,
            service: Some(service),
            store: None,
            meetings,
            keys,
            bell,
            ears,
            together: BTreeMap::new(),
            voices: BTreeMap::new(),
            places: Vec::new(),
            packets: BTreeMap::new(),
            misplaced: BTreeSet::new(),
        }
    }

    /// The service dies: every connection with it, and what it held in memory.
    pub fn crash_service(&mut self) {
        let Some(service) = self.service.take() else {
            return;
        };
        self.store = Some(service.crash(&self.around.door));
        self.places.clear();
        for client in &mut self.clients {
            client.cut_agent(&mut self.around);
            client.cut_media(&mut self.around);
        }
    }

    pub fn start_service(&mut self) {
        if let Some(store) = self.store.take() {
            let around = &self.around;
            let service =
                Service::start(store, &self.keys, around.engine, &self.bell, &around.door);
            self.service = Some(service);
        }
    }

    /// The organiser changes the second meeting's breakout rooms, from wherever they are.
    pub fn manage_rooms(&self, change: Change) {
        if let Some(service) = &self.service {
            let by = self.clients[0].id.clone();
            let manage = Command::Manage { by, change };
            let meetings = &service.app.meetings;
            meetings.send(&self.meetings[1].id, manage, None, ReplyTo::Nobody);
        }
    }

    /// Lets time go on.
    pub async fn run(&mut self, duration: Duration) {
        let end = clock::now() + duration;
        loop {
            self.turn();
            let now = clock::now();
            if now >= end {
                return;
            }
            let next = self.next().map_or(end, |at| at.min(end));
            if next <= now {
                tokio::task::yield_now().await;
                continue;
            }
            // Nothing is runnable when the sleep is what is left: then the clock goes on to its end, or
            // to that of a sleep of the service's.
            tokio::select! {
                biased;
                Some((who, line, heard)) = self.ears.recv() => self.hear_of(who, line, heard),
                () = self.bell.notified() => {}
                () = tokio::time::sleep_until(next.into()) => {}
            }
        }
    }

    fn next(&self) -> Option<Instant> {
        let engine = self.service.as_ref().and_then(|s| s.workers.due());
        let network = self.around.network.due();
        let clients = self.clients.iter().filter_map(|c| c.next(&self.around));
        clients.chain(engine).chain(network).min()
    }

    /// Everything that is to happen at this time.
    fn turn(&mut self) {
        loop {
            while let Ok((who, line, heard)) = self.ears.try_recv() {
                self.hear_of(who, line, heard);
            }
            self.look_where_all_are();
            let now = clock::now();
            let mut quiet = true;
            while let Some(arrival) = self.around.network.next(now) {
                quiet = false;
                self.arrive(arrival);
            }
            if let Some(service) = &mut self.service {
                service.workers.wake(now);
            }
            for client in &mut self.clients {
                if client.next(&self.around).is_some_and(|at| at <= now) {
                    client.wake(&mut self.around);
                }
            }
            self.settle();
            if quiet {
                return;
            }
        }
    }

    fn hear_of(&mut self, who: Who, line: u64, heard: Heard) {
        let arrival = Arrival::Heard { who, line, heard };
        let now = clock::now();
        self.around.network.message(who, line, false, arrival, now);
    }

    fn arrive(&mut self, arrival: Arrival) {
        match arrival {
            Arrival::ToEngine { from, bytes } => {
                if let Some(service) = &mut self.service {
                    service.workers.receive(from, &bytes, clock::now());
                    self.settle_engine();
                }
            }
            Arrival::ToClient { to, bytes } => {
                // Nobody is at an address that was given up.
                if let Some(who) = self.clients.iter().position(|c| c.public == to) {
                    self.clients[who].receive(&bytes, &self.around);
                    self.drain(who);
                }
            }
            Arrival::Heard { who, line, heard } => {
                self.clients[who].heard(line, heard, &mut self.around);
                self.drain(who);
            }
            Arrival::Said { who, line, message } => self.clients[who].said(line, message),
        }
    }

    fn settle(&mut self) {
        self.settle_engine();
        (0..self.clients.len()).for_each(|who| self.drain(who));
    }

    fn settle_engine(&mut self) {
        let Some(service) = &mut self.service else {
            return;
        };
        let (clients, network) = (&self.clients, &mut self.around.network);
        let now = clock::now();
        service.workers.settle(now, |to, bytes| {
            if let Some(client) = clients.iter().find(|c| c.public == to) {
                let bytes = bytes.to_vec();
                let arrival = Arrival::ToClient { to, bytes };
                network.datagram(client.who, false, arrival, now);
            }
        });
    }

    fn drain(&mut self, who: Who) {
        for (call, packet) in self.clients[who].drain(&mut self.around) {
            let call = self.clients[who].calls.get(&call);
            let endpoint = call.and_then(|call| call.endpoint.clone());
            self.hears(who, &endpoint.unwrap_or_default(), &packet);
        }
    }

    // --- who may hear whom, always (S14) ---

    fn look_where_all_are(&mut self) {
        let Some(service) = &self.service else {
            return;
        };
        let (places, now) = (service.workers.places(), clock::now());
        for place in &places {
            self.voices
                .entry(voice(&place.identity))
                .or_insert_with(|| place.identity.clone());
        }
        for (listener, speaker) in places
            .iter()
            .flat_map(|a| places.iter().map(move |b| (a, b)))
            .filter(|(a, b)| a.room == b.room && a.hears && a.identity != b.identity)
        {
            let pair = (listener.identity.clone(), speaker.identity.clone());
            self.together.insert(pair, (now, listener.room.clone()));
        }
        self.places = places;
    }

    /// Nobody gets a packet of somebody with whom they were in no room when it was spoken; nor, unless
    /// they stayed in that room, later than the network takes. (Who stayed may have asked for it again.)
    fn hears(&mut self, who: Who, listener: &str, packet: &Received) {
        let speaker = self.voices.get(&packet.of).cloned();
        let speaker = speaker.unwrap_or_else(|| panic!("{who} hears a voice of nobody"));
        let pair = (listener.to_owned(), speaker);
        let last = self.together.get(&pair);
        let lawful = last.is_some_and(|(last, _)| *last + LONGEST + GRAIN >= clock::now());
        if !lawful {
            let since = last.map(|(last, _)| clock::now().duration_since(*last));
            let story = format!("{who} ({listener}) hears {} of another room (S14), where it was {since:?} ago, spoken {:?} ago: {}", pair.1, clock::now().duration_since(packet.made), self.clients[who].media.values().map(|m| m.describe()).collect::<String>());
            self.around.note(story.clone());
            self.tell_the_story();
            panic!("{story}");
        }
        let slots = self.clients[who].media.values().map(|m| &m.slots);
        let named = slots.filter_map(|slots| slots.get(&packet.mid)).next();
        let at_once = clock::now() <= packet.made + LONGEST * 2;
        if named != Some(&pair.1) && at_once {
            let (listener, speaker) = pair.clone();
            self.misplaced.insert((listener, speaker, packet.kind));
        }
        let (listener, speaker) = pair;
        let pair = (listener, speaker, packet.kind);
        *self.packets.entry(pair).or_default() += 1;
    }

    pub fn forget_packets(&mut self) {
        self.packets.clear();
        self.misplaced.clear();
    }

    /// What happened, for whoever looks into a failure.
    pub fn tell_the_story(&self) {
        for line in &self.around.log {
            println!("{line}");
        }
    }

    // --- what is true ---

    pub fn places(&self) -> &[Place] {
        &self.places
    }

    /// The living meetings, as the service has them.
    pub async fn looks(&mut self) -> Vec<Option<Look>> {
        let Some(service) = &self.service else {
            return Vec::new();
        };
        let meetings = service.app.meetings.clone();
        let ids: Vec<String> = self.meetings.iter().map(|m| m.id.clone()).collect();
        let looking = tokio::spawn(async move {
            let mut looks = Vec::new();
            for id in ids {
                looks.push(meetings.look(&id).await);
            }
            looks
        });
        // A meeting may be waiting for the workers.
        while !looking.is_finished() {
            self.run(Duration::from_millis(1)).await;
        }
        looking.await.expect("it looked")
    }
}

impl Drop for World {
    fn drop(&mut self) {
        clock::simulated::end();
        random::simulated::end();
    }
}

async fn person(store: &Rows, who: Who) -> RawId {
    if who < MEMBERS {
        let member = Member {
            oid: format!("member-{who}"),
            display_name: format!("Member {who}"),
            upn: format!("member-{who}@simulated"),
        };
        store.add_member(&member).await.expect("rows");
        let id = member.raw_id();
        store.add_user(&id, None, BEGINNING).await.expect("rows");
        return id;
    }
    let id = guest(who);
    let added = store.add_user(&id, Some("resource"), BEGINNING).await;
    added.expect("rows");
    id
}

fn guest(who: Who) -> RawId {
    RawId(format!("8:acs:resource_guest-{who}"))
}

fn credential(keys: &Keys, id: &RawId) -> super::client::Credential {
    let (tokens, id) = (Tokens::new(keys, ORIGIN, "simulated"), id.clone());
    Box::new(move || {
        let now = clock::now_ms();
        let scopes = [Scope::Voip].into();
        let issued = tokens.user(&id, 0, "resource", &scopes, now, now + TOKEN_LIFE);
        UserToken {
            token: issued.token,
            expires_at: issued.expires as f64,
        }
    })
}
