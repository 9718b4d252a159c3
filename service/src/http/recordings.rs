//! That a meeting is recorded or transcribed (`C3`): said by a presenter, or by whoever records, with a token
//! for that. Everybody in the meeting is told at once. What is recorded is none of this service's business.
//!
//! The words are Communication Services' (`recordingId`, `recordingState`), the grant is LiveKit's
//! (`roomRecord`). Guests never say it (`C2`, `S1`).

use super::breakout::{bad, body, refused};
use super::error::HttpError;
use super::graph;
use super::identity::bearer;
use super::routes::{Routes, Who};
use super::support::Someone;
use crate::app::App;
use crate::meeting::{Answer, Command, Kind, RecordingChange};
use crate::random;
use crate::store::MeetingKey;
use axum::body::Bytes;
use axum::extract::{FromRequestParts, Path, State};
use axum::http::request::Parts;
use axum::http::StatusCode;
use axum::Json;
use plenary_protocol::end::Reason;
use plenary_protocol::state::{Recording, RecordingKind};
use serde::{Deserialize, Serialize};
use serde_json::{json, Value};
use std::sync::Arc;

/// The routes.
pub(super) fn routes() -> Routes {
    let one = "/meetings/{id}/recordings/{recording}";
    Routes::of(Who::Record)
        .get("/meetings/{id}/recordings", list)
        .post("/meetings/{id}/recordings", start)
        .patch(one, change)
        .delete(one, stop)
}

/// Who asks.
enum Asker {
    Someone(Someone),
    /// By a token whose grant is for this meeting.
    Recorder(String),
}

impl FromRequestParts<Arc<App>> for Asker {
    type Rejection = HttpError;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, HttpError> {
        let token = bearer(&parts.headers).ok_or_else(HttpError::unauthorized)?;
        let engine = app.media.engine.as_ref();
        let Some(claims) = engine.and_then(|engine| engine.claims(token)) else {
            let someone = Someone::from_request_parts(parts, app).await?;
            return Ok(Self::Someone(someone));
        };
        // A participant's token for the media of a meeting records nothing (S5).
        match claims.video.filter(|video| video.room_record) {
            Some(video) => Ok(Self::Recorder(video.room)),
            None => Err(not_granted()),
        }
    }
}

fn not_granted() -> HttpError {
    HttpError::forbidden("Presenters, and who records with the grant roomRecord, may do that.")
}

impl Asker {
    /// What is to be done, in a meeting that they may know of.
    async fn ask(
        self,
        app: &Arc<App>,
        id: &str,
        change: RecordingChange,
    ) -> Result<Vec<Recording>, HttpError> {
        let reads = matches!(change, RecordingChange::Look);
        let by = match self {
            Self::Recorder(room) if room == id => {
                let row = app.store.meeting(MeetingKey::Id(id)).await?;
                row.ok_or_else(graph::missing)?;
                None
            }
            Self::Recorder(_) => return Err(not_granted()),
            // Before it is looked whether there is such a meeting.
            Self::Someone(someone) if !reads && Kind::of(&someone.id()) == Kind::Guest => {
                return Err(not_granted());
            }
            Self::Someone(someone) => {
                someone.meeting(app, id).await?;
                Some(someone.id())
            }
        };
        let command = Command::Record { by, change };
        match app.meetings.ask(id, command).await.map_err(refused)? {
            Answer::Recordings(recordings) => Ok(recordings),
            other => {
                tracing::error!(?other, "not an answer about recordings");
                Err(refused(Reason::SERVICE_ERROR))
            }
        }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Start {
    kind: RecordingKind,
}

/// As Communication Services say it: one that pauses is inactive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum RecordingState {
    Active,
    Inactive,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Change {
    recording_state: Option<RecordingState>,
}

fn as_json(recording: &Recording) -> Value {
    let state = match recording.paused {
        true => RecordingState::Inactive,
        false => RecordingState::Active,
    };
    json!({"recordingId": recording.id, "kind": recording.kind, "recordingState": state})
}

/// One of them as it is now.
fn one(recordings: &[Recording], id: &str) -> Result<Json<Value>, HttpError> {
    let found = recordings.iter().find(|recording| recording.id == id);
    let found = found.ok_or_else(|| refused(Reason::NO_SUCH_RECORDING))?;
    Ok(Json(as_json(found)))
}

async fn list(
    State(app): State<Arc<App>>,
    asker: Asker,
    Path(id): Path<String>,
) -> Result<Json<Value>, HttpError> {
    let recordings = asker.ask(&app, &id, RecordingChange::Look).await?;
    let value: Vec<Value> = recordings.iter().map(as_json).collect();
    Ok(Json(json!({ "value": value })))
}

async fn start(
    State(app): State<Arc<App>>,
    asker: Asker,
    Path(id): Path<String>,
    bytes: Bytes,
) -> Result<(StatusCode, Json<Value>), HttpError> {
    let Start { kind } = body(&bytes)?;
    let recording = Recording {
        id: random::uuid().to_string(),
        kind,
        paused: false,
    };
    let new = recording.id.clone();
    let change = RecordingChange::Start(recording);
    let recordings = asker.ask(&app, &id, change).await?;
    Ok((StatusCode::CREATED, one(&recordings, &new)?))
}

async fn change(
    State(app): State<Arc<App>>,
    asker: Asker,
    Path((id, recording)): Path<(String, String)>,
    bytes: Bytes,
) -> Result<Json<Value>, HttpError> {
    let Change { recording_state } = body(&bytes)?;
    let state = recording_state.ok_or_else(|| bad("recordingState is active or inactive."))?;
    let change = RecordingChange::Pause {
        id: recording.clone(),
        paused: state == RecordingState::Inactive,
    };
    one(&asker.ask(&app, &id, change).await?, &recording)
}

async fn stop(
    State(app): State<Arc<App>>,
    asker: Asker,
    Path((id, recording)): Path<(String, String)>,
) -> Result<StatusCode, HttpError> {
    let change = RecordingChange::Stop { id: recording };
    asker.ask(&app, &id, change).await?;
    Ok(StatusCode::NO_CONTENT)
}
