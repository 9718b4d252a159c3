//! Who is in the meeting and what they send.
//!
//! People come from the service, tracks from the media engine, in either order; they meet here by
//! endpoint id. A track whose endpoint is not on the roster yet is kept and shown to nobody. One
//! person is one participant, with all their endpoints (acs-api 2.1.10).

use crate::api::changes::{Change, ParticipantInfo, StreamInfo};
use plenary_protocol::agent::{Participant, Role, TrackSource};
use plenary_protocol::id::{CallId, RawId};
use std::cell::Cell;
use std::rc::Rc;

/// Gives stream ids that rise and are unique in the page (acs-api 2.1.9).
#[derive(Debug, Clone, Default)]
pub struct StreamIds(Rc<Cell<u32>>);

impl StreamIds {
    fn next(&self) -> u32 {
        self.0.set(self.0.get() + 1);
        self.0.get()
    }
}

/// People and tracks of one call.
#[derive(Debug)]
pub struct Roster {
    call: CallId,
    own: RawId,
    ids: StreamIds,
    people: Vec<ParticipantInfo>,
    tracks: Vec<Track>,
    /// Endpoints, loudest first.
    speaking: Vec<String>,
    /// Raw ids as told last.
    speakers: Vec<String>,
}

/// Tracks on their way from one call to another.
#[derive(Debug)]
pub struct Tracks(Vec<Track>);

#[derive(Debug)]
struct Track {
    sid: String,
    endpoint: String,
    source: TrackSource,
    muted: bool,
    picture: Picture,
    shown: Option<Shown>,
}

/// What arrives of a track.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Picture {
    arrives: bool,
    frames: bool,
    /// The network cannot carry it.
    paused: bool,
    width: u32,
    height: u32,
}

/// A stream that the application knows.
#[derive(Debug)]
struct Shown {
    stream: u32,
    participant: String,
}

impl Track {
    fn media_stream_type(&self) -> Option<&'static str> {
        match self.source {
            TrackSource::Camera => Some("Video"),
            TrackSource::ScreenShare => Some("ScreenSharing"),
            TrackSource::Microphone | TrackSource::ScreenShareAudio => None,
        }
    }

    fn info(&self, stream: u32) -> StreamInfo {
        let Picture {
            arrives,
            frames,
            paused,
            width,
            height,
        } = self.picture;
        StreamInfo {
            id: stream,
            media_stream_type: self.media_stream_type().unwrap_or("Video"),
            available: !self.muted,
            receiving: arrives && frames && !paused && !self.muted,
            width,
            height,
        }
    }
}

impl Roster {
    /// Nobody yet.
    pub fn new(call: CallId, own: RawId, ids: StreamIds) -> Self {
        Self {
            call,
            own,
            ids,
            people: vec![],
            tracks: vec![],
            speaking: vec![],
            speakers: vec![],
        }
    }

    /// Nobody else is there.
    pub fn is_empty(&self) -> bool {
        self.people.is_empty()
    }

    /// The whole roster, in place of what is known.
    pub fn replace(&mut self, all: Vec<Participant>, out: &mut Vec<Change>) {
        let left = self
            .people
            .iter()
            .map(|p| p.id.clone())
            .filter(|id| !all.iter().any(|p| p.id.as_str() == id))
            .collect();
        self.update(all, left, out);
    }

    /// New and changed people, whole, and those who left.
    pub fn update(&mut self, changed: Vec<Participant>, left: Vec<String>, out: &mut Vec<Change>) {
        let mut removed = Vec::new();
        for id in left {
            let Some(at) = self.people.iter().position(|p| p.id == id) else {
                continue;
            };
            self.people.remove(at);
            self.hide(|shown, _| shown.participant == id, out);
            removed.push(id);
        }
        if !removed.is_empty() {
            out.push(self.participants(vec![], vec![], removed));
        }
        // An endpoint that is gone takes its streams along before anybody is told anew.
        let infos: Vec<_> = changed
            .into_iter()
            .filter(|p| p.id != self.own)
            .map(describe)
            .collect();
        for info in &infos {
            self.hide(
                |shown, endpoint| {
                    shown.participant == info.id && !info.endpoints.iter().any(|e| e == endpoint)
                },
                out,
            );
        }
        let (mut added, mut updated, mut streams) = (Vec::new(), Vec::new(), Vec::new());
        for info in infos {
            match self.people.iter_mut().find(|p| p.id == info.id) {
                // Their tracks may have come before, from the call that this one goes on for.
                Some(known) if *known == info => {}
                Some(known) => {
                    *known = info.clone();
                    updated.push(info.clone());
                }
                None => {
                    self.people.push(info.clone());
                    added.push(info.clone());
                }
            }
            self.show(&info, &mut streams);
        }
        if !(added.is_empty() && updated.is_empty()) {
            out.push(self.participants(added, updated, vec![]));
        }
        out.append(&mut streams);
        self.tell_speakers(out);
    }

    /// A track is announced or changed.
    pub fn publish(
        &mut self,
        endpoint: String,
        sid: String,
        source: TrackSource,
        muted: bool,
        out: &mut Vec<Change>,
    ) {
        if let Some(track) = self.tracks.iter_mut().find(|t| t.sid == sid) {
            if track.endpoint == endpoint && track.source == source {
                if track.muted != muted {
                    track.muted = muted;
                    self.changed(&sid, out);
                }
                return;
            }
            self.unpublish(&sid, out);
        }
        let picture = Picture {
            arrives: false,
            frames: false,
            paused: false,
            width: 0,
            height: 0,
        };
        self.tracks.push(Track {
            sid,
            endpoint: endpoint.clone(),
            source,
            muted,
            picture,
            shown: None,
        });
        let owner = self
            .people
            .iter()
            .find(|p| p.endpoints.contains(&endpoint))
            .cloned();
        if let Some(owner) = owner {
            self.show(&owner, out);
        }
    }

    /// A track is gone.
    pub fn unpublish(&mut self, sid: &str, out: &mut Vec<Change>) {
        let Some(at) = self.tracks.iter().position(|t| t.sid == sid) else {
            return;
        };
        let track = self.tracks.remove(at);
        if let Some(Shown {
            stream,
            participant,
        }) = track.shown
        {
            out.push(self.streams(participant, vec![], vec![], vec![stream]));
        }
    }

    /// Every track is gone: the media session was lost.
    pub fn unpublish_all(&mut self, out: &mut Vec<Change>) {
        self.take_tracks(out);
    }

    /// The tracks of a session that another call goes on with; nobody is shown with them here.
    pub fn take_tracks(&mut self, out: &mut Vec<Change>) -> Tracks {
        self.hide(|_, _| true, out);
        self.speaking.clear();
        self.tell_speakers(out);
        Tracks(std::mem::take(&mut self.tracks))
    }

    /// Goes on with another call's tracks; who sends them may be here or not.
    pub fn put_tracks(&mut self, tracks: Tracks) {
        self.tracks = tracks.0;
    }

    /// A track arrives in a section, or no longer.
    pub fn assign(&mut self, sid: &str, arrives: bool, out: &mut Vec<Change>) {
        self.picture(
            sid,
            |old| Picture {
                arrives,
                frames: old.frames && arrives && old.arrives,
                // What has no section any more is not paused for the network's sake.
                paused: old.paused && arrives,
                ..old
            },
            out,
        );
    }

    /// Frames of a track are decoded.
    pub fn frames(&mut self, sid: &str, width: u32, height: u32, out: &mut Vec<Change>) {
        self.picture(
            sid,
            |old| Picture {
                arrives: true,
                frames: true,
                width,
                height,
                ..old
            },
            out,
        );
    }

    /// The engine stopped sending a track for want of network, or goes on.
    pub fn pause(&mut self, sid: &str, paused: bool, out: &mut Vec<Change>) {
        self.picture(sid, |old| Picture { paused, ..old }, out);
    }

    /// Endpoints that speak now, loudest first.
    pub fn speak(&mut self, endpoints: Vec<String>, out: &mut Vec<Change>) {
        self.speaking = endpoints;
        self.tell_speakers(out);
    }

    /// Sid of the track behind a stream.
    pub fn track_of(&self, stream: u32) -> Option<&str> {
        let shows = |t: &&Track| t.shown.as_ref().is_some_and(|s| s.stream == stream);
        self.tracks.iter().find(shows).map(|t| t.sid.as_str())
    }

    /// Streams that are known to the application, with their tracks.
    pub fn stream_tracks(&self) -> impl Iterator<Item = (u32, &str)> {
        let shown = |t: &Track| t.shown.as_ref().map(|s| s.stream);
        self.tracks
            .iter()
            .filter_map(move |t| Some((shown(t)?, t.sid.as_str())))
    }

    fn picture(
        &mut self,
        sid: &str,
        change: impl FnOnce(Picture) -> Picture,
        out: &mut Vec<Change>,
    ) {
        let Some(track) = self.tracks.iter_mut().find(|t| t.sid == sid) else {
            return;
        };
        let before = track.info(0);
        track.picture = change(track.picture);
        if track.info(0) != before {
            self.changed(sid, out);
        }
    }

    fn changed(&self, sid: &str, out: &mut Vec<Change>) {
        let track = self.tracks.iter().find(|t| t.sid == sid);
        if let Some((track, shown)) = track.and_then(|t| Some((t, t.shown.as_ref()?))) {
            out.push(self.streams(
                shown.participant.clone(),
                vec![],
                vec![track.info(shown.stream)],
                vec![],
            ));
        }
    }

    /// Shows the tracks of a person that are not shown yet.
    fn show(&mut self, person: &ParticipantInfo, out: &mut Vec<Change>) {
        let mut added = Vec::new();
        for track in &mut self.tracks {
            let theirs = track.shown.is_none() && track.media_stream_type().is_some();
            if theirs && person.endpoints.contains(&track.endpoint) {
                let stream = self.ids.next();
                track.shown = Some(Shown {
                    stream,
                    participant: person.id.clone(),
                });
                added.push(track.info(stream));
            }
        }
        if !added.is_empty() {
            out.push(self.streams(person.id.clone(), added, vec![], vec![]));
        }
    }

    /// Takes streams away, one change per person; the tracks stay, in case the endpoint comes back.
    fn hide(&mut self, which: impl Fn(&Shown, &str) -> bool, out: &mut Vec<Change>) {
        let mut gone: Vec<(String, Vec<u32>)> = Vec::new();
        for track in &mut self.tracks {
            let Some(shown) = track.shown.take_if(|shown| which(shown, &track.endpoint)) else {
                continue;
            };
            match gone
                .iter_mut()
                .find(|(participant, _)| *participant == shown.participant)
            {
                Some((_, streams)) => streams.push(shown.stream),
                None => gone.push((shown.participant, vec![shown.stream])),
            }
        }
        for (participant, removed) in gone {
            out.push(self.streams(participant, vec![], vec![], removed));
        }
    }

    fn participants(
        &self,
        added: Vec<ParticipantInfo>,
        updated: Vec<ParticipantInfo>,
        removed: Vec<String>,
    ) -> Change {
        Change::Participants {
            call: self.call.0.clone(),
            added,
            updated,
            removed,
        }
    }

    fn streams(
        &self,
        participant: String,
        added: Vec<StreamInfo>,
        updated: Vec<StreamInfo>,
        removed: Vec<u32>,
    ) -> Change {
        Change::Streams {
            call: self.call.0.clone(),
            participant,
            added,
            updated,
            removed,
        }
    }

    fn tell_speakers(&mut self, out: &mut Vec<Change>) {
        let mut speakers: Vec<String> = Vec::new();
        for endpoint in &self.speaking {
            let Some(person) = self.people.iter().find(|p| p.endpoints.contains(endpoint)) else {
                continue;
            };
            if !speakers.contains(&person.id) {
                speakers.push(person.id.clone());
            }
        }
        if speakers != self.speakers {
            self.speakers.clone_from(&speakers);
            out.push(Change::Speaking {
                call: self.call.0.clone(),
                speakers,
            });
        }
    }
}

/// ACS name of a role.
pub fn role_name(role: Role) -> &'static str {
    match role {
        Role::Organizer => "Organizer",
        Role::CoOrganizer => "Co-organizer",
        Role::Presenter => "Presenter",
        Role::Attendee => "Attendee",
    }
}

fn describe(person: Participant) -> ParticipantInfo {
    ParticipantInfo {
        id: person.id.0,
        display_name: person.display_name,
        role: role_name(person.role),
        state: if person.endpoints.iter().all(|e| e.held) {
            "Hold"
        } else {
            "Connected"
        },
        muted: person.endpoints.iter().all(|e| e.muted),
        endpoints: person.endpoints.into_iter().map(|e| e.id.0).collect(),
    }
}
