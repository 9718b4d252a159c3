//! What happens in a world: people come and go, and things break, as a seed wants it.

use std::collections::BTreeSet;
use std::time::Duration;

use plenary::meeting::Command;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};

use super::network::{Sent, Weather, Who, LONGEST};
use super::oracles;
use super::world::{room, World, ROOMS};
use crate::meeting::Change;

/// How long things go wrong before everything is mended and has to agree.
const CHAOS: Duration = Duration::from_secs(12);
/// How long it may take until everybody agrees once nothing is broken any more: windows have to run
/// out, and pauses between attempts (30 s at most).
const PATIENCE: Duration = Duration::from_secs(75);
/// How long they take who gather.
const COMING: Duration = Duration::from_secs(2);
/// Packets are counted for so long.
const LISTENING: Duration = Duration::from_secs(2);

/// A story: how many rounds of chaos and agreement, and how many people.
#[derive(Debug, Clone, Copy)]
pub struct Plot {
    pub people: usize,
    pub rounds: usize,
    /// With breakout rooms that open and close.
    pub rooms: bool,
}

pub struct Story {
    world: World,
    random: StdRng,
    rooms: bool,
    /// Whom the slow readers are.
    slow: BTreeSet<Who>,
}

/// What came of a story: what happened, and everything that was sent.
#[derive(Debug, PartialEq)]
pub struct Told {
    pub log: Vec<String>,
    pub sent: Vec<Sent>,
}

/// Runs a story.
pub async fn tell(seed: u64, plot: Plot) -> Told {
    let mut story = Story {
        world: World::new(seed, plot.people).await,
        random: StdRng::seed_from_u64(seed),
        rooms: plot.rooms,
        slow: BTreeSet::new(),
    };
    for _ in 0..plot.rounds {
        if story.rooms {
            story.gather().await;
        }
        story.go_wrong().await;
        story.mend();
        story.agree().await;
    }
    let around = &mut story.world.around;
    Told {
        log: std::mem::take(&mut around.log),
        sent: std::mem::take(&mut around.network.sent),
    }
}

impl Story {
    fn note(&mut self, line: String) {
        self.world.around.note(line);
    }

    /// Whoever is in no meeting comes to the one with the rooms.
    async fn gather(&mut self) {
        for who in 0..self.world.clients.len() {
            if !self.world.clients[who].is_there() {
                self.world.clients[who].appear(&mut self.world.around);
            }
            if self.world.clients[who].call().is_none() {
                self.enter(who, 1);
            }
        }
        self.world.run(COMING).await;
    }

    async fn go_wrong(&mut self) {
        let end = self.world.around.now() + CHAOS;
        while self.world.around.now() < end {
            self.something();
            let pause = self.random.random_range(20..700);
            self.world.run(Duration::from_millis(pause)).await;
        }
    }

    fn something(&mut self) {
        let who = self.random.random_range(0..self.world.clients.len());
        if self.rooms && self.random.random_bool(0.2) {
            return self.manage();
        }
        match self.random.random_range(0..100) {
            0..45 => self.act(who),
            45..60 => self.rain(who),
            60..68 => self.cut_agent(who),
            68..76 => self.cut_media(who),
            76..82 => self.change_address(who),
            82..89 => self.slow_down(who),
            89..94 => self.crash_client(who),
            94..97 if self.world.service.is_some() => {
                self.note("the service crashes".to_owned());
                self.world.crash_service();
            }
            _ => self.start_service(),
        }
    }

    // --- people ---

    fn act(&mut self, who: Who) {
        if !self.world.clients[who].is_there() {
            self.note(format!("{who} opens the page"));
            return self.world.clients[who].appear(&mut self.world.around);
        }
        let call = self.world.clients[who].call().map(|(_, call)| call.clone());
        match call {
            None => self.join(who),
            Some(call) if call.may_admit => self.preside(who, &call.lobby),
            Some(_) => self.take_part(who),
        }
    }

    fn join(&mut self, who: Who) {
        // Most are where the others are.
        let in_second = if self.rooms { 0.85 } else { 0.3 };
        let meeting = usize::from(self.random.random_bool(in_second));
        self.enter(who, meeting);
    }

    fn enter(&mut self, who: Who, meeting: usize) {
        let muted = self.random.random_bool(0.25);
        let link = self.world.meetings[meeting].join_url.clone();
        let filmed = self.random.random_bool(0.5);
        self.note(format!(
            "{who} joins {meeting}, muted: {muted}, filmed: {filmed}"
        ));
        let client = &mut self.world.clients[who];
        client.join(meeting, &link, [muted, filmed], &mut self.world.around);
    }

    fn preside(&mut self, who: Who, lobby: &BTreeSet<String>) {
        let waiting: Vec<&String> = lobby.iter().collect();
        let waiter = waiting.choose(&mut self.random).map(|id| (*id).clone());
        let roll = self.random.random_range(0..10);
        match (waiter, roll) {
            (Some(id), 0..5) => self.command(who, Command::Act("admit".into(), id)),
            (Some(_), 5..7) => self.command(who, Command::Act("admitAll".into(), String::new())),
            (Some(id), 7) => self.command(who, Command::Act("reject".into(), id)),
            (None, 0..2) => {
                let other = self.random.random_range(0..self.world.clients.len());
                let other = self.world.clients[other].id.clone();
                self.command(who, Command::Act("remove".into(), other.0));
            }
            _ => self.take_part(who),
        }
    }

    /// The organiser and the rooms: opened and closed, others assigned (E8-E11).
    fn manage(&mut self) {
        let one = room(self.random.random_range(0..ROOMS));
        let rooms = match self.random.random_bool(0.6) {
            true => vec![],
            false => vec![one.clone()],
        };
        let change = match self.random.random_range(0..10) {
            0..4 => Change::Open { rooms, ends: None },
            4..7 => Change::Close { rooms },
            7..9 => {
                let who = self.random.random_range(0..self.world.clients.len());
                let id = self.world.clients[who].id.clone();
                Change::Assign([(id, self.random.random_bool(0.8).then_some(one))].into())
            }
            _ => Change::Configure {
                auto_move: Some(self.random.random_bool(0.6)),
                return_disabled: None,
                ends: None,
            },
        };
        self.note(format!("the organiser wants {change:?}"));
        self.world.manage_rooms(change);
    }

    fn take_part(&mut self, who: Who) {
        if self.rooms && self.random.random_bool(0.8) {
            let one = room(self.random.random_range(0..ROOMS));
            return match self.random.random_bool(0.6) {
                true => self.command(who, Command::JoinRoom(one)),
                false => self.command(who, Command::Return),
            };
        }
        match self.random.random_range(0..10) {
            0..2 => self.command(who, Command::Mute),
            2..5 => self.command(who, Command::Unmute),
            5..8 => {
                let on = self.random.random_bool(0.6);
                self.command(who, Command::Video(on));
            }
            8 => self.command(
                who,
                Command::HangUp {
                    for_everyone: false,
                },
            ),
            _ => self.command(who, Command::HangUp { for_everyone: true }),
        }
    }

    fn command(&mut self, who: Who, command: Command) {
        self.note(format!("{who} wants {command:?}"));
        self.world.clients[who].command(command, &mut self.world.around);
    }

    // --- what breaks ---

    fn rain(&mut self, who: Who) {
        let most = self.random.random_range(10..=LONGEST.as_millis() as u64);
        let weather = Weather {
            loss: self.random.random_range(0.0..0.3),
            delay: (5, most),
            dark: self.random.random_bool(0.25),
        };
        self.note(format!("{who} has {weather:?}"));
        self.world.around.network.weather.insert(who, weather);
    }

    fn cut_agent(&mut self, who: Who) {
        self.note(format!("{who} loses the agent socket"));
        self.world.clients[who].cut_agent(&mut self.world.around);
    }

    fn cut_media(&mut self, who: Who) {
        self.note(format!("{who} loses the LiveKit socket"));
        self.world.clients[who].cut_media(&mut self.world.around);
    }

    fn change_address(&mut self, who: Who) {
        self.note(format!("{who} has another address"));
        self.world.clients[who].change_address();
    }

    fn slow_down(&mut self, who: Who) {
        let slow = self.slow.insert(who) || !self.slow.remove(&who);
        self.note(format!("{who} is slow: {slow}"));
        self.world.clients[who].sleep(slow);
    }

    fn crash_client(&mut self, who: Who) {
        self.note(format!("{who} crashes"));
        self.world.clients[who].crash();
    }

    fn start_service(&mut self) {
        if self.world.service.is_none() {
            self.note("the service starts".to_owned());
            self.world.start_service();
        }
    }

    fn mend(&mut self) {
        self.note("everything is mended".to_owned());
        self.start_service();
        self.world.around.network.weather.clear();
        self.slow.clear();
        for client in &self.world.clients {
            client.sleep(false);
        }
    }

    /// Within the patience everybody agrees who is where, and who should hear, hears.
    async fn agree(&mut self) {
        let until = self.world.around.now() + PATIENCE;
        loop {
            self.world.run(Duration::from_secs(1)).await;
            let dispute = match self.verdict().await {
                Ok(heard) => return self.note(format!("all agree: {heard}")),
                Err(dispute) => dispute,
            };
            if self.world.around.now() >= until {
                self.world.tell_the_story();
                panic!("{PATIENCE:?} after everything was mended: {dispute}");
            }
        }
    }

    async fn verdict(&mut self) -> Result<String, String> {
        oracles::agreement(&mut self.world).await?;
        self.world.forget_packets();
        self.world.run(LISTENING).await;
        oracles::hearing(&self.world, LISTENING)
    }
}
