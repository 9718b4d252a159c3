//! `plenary-service rooms`: breakout rooms from a terminal, over the REST interface of a running service,
//! with a member's sign-in. The service decides, as for every other client.

mod client;

use crate::clock::{now_ms, rfc3339};
use clap::{ArgAction, Args, Subcommand};
use client::{body, Api};
use reqwest::Method;
use serde_json::{json, Value};
use std::path::PathBuf;
use url::Url;

pub use client::RoomsError;

const HELP: &str = "\
MEETING is an onlineMeeting's id or its join link, ROOM a room's id or its name, PERSON a raw id (8:acs:…,
8:orgid:…; `list --json` shows those who are there).

  plenary-service rooms --member olivia@plenary.test create \"$LINK\" --count 3
  plenary-service rooms --member olivia@plenary.test distribute \"$LINK\" --random
  plenary-service rooms --member olivia@plenary.test open \"$LINK\" --minutes 10";

/// Breakout rooms of a meeting, on a service that runs.
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub struct RoomsArgs {
    /// Where the service is
    #[arg(
        long,
        global = true,
        env = "PLENARY_URL",
        default_value = "http://127.0.0.1:8080"
    )]
    url: Url,
    /// A member's access token of the organisation
    #[arg(
        long,
        global = true,
        env = "PLENARY_ACCESS_TOKEN",
        hide_env_values = true,
        conflicts_with = "member"
    )]
    token: Option<String>,
    /// Sign in as this member of the development organisation, such as olivia@plenary.test
    #[arg(long, global = true, value_name = "UPN")]
    member: Option<String>,
    /// Certificate of an authority to trust, PEM; such as the development authority's
    #[arg(long, global = true, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// Print the service's answer as JSON
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// The rooms, who is assigned and who is where
    List { meeting: String },
    /// Create a room with a name, or several
    Create {
        meeting: String,
        /// Its name; "Room 1" and so on by default
        #[arg(long, conflicts_with = "count")]
        name: Option<String>,
        /// How many
        #[arg(long, default_value_t = 1)]
        count: u32,
    },
    /// Give a room another name
    Rename {
        meeting: String,
        room: String,
        name: String,
    },
    /// Delete a room; who is in it is moved back first
    Delete { meeting: String, room: String },
    /// Assign people to a room by hand
    Assign {
        meeting: String,
        /// The room; "none" takes assignments back
        room: String,
        #[arg(required = true, value_name = "PERSON")]
        people: Vec<String>,
    },
    /// Assign everybody who does not manage the rooms, in rooms of equal size
    Distribute {
        meeting: String,
        /// At random instead of in the order of ids
        #[arg(long)]
        random: bool,
    },
    /// Open rooms, all of them by default
    Open {
        meeting: String,
        rooms: Vec<String>,
        /// Close them again after so many minutes
        #[arg(long, value_parser = clap::value_parser!(u64).range(1..=1_440))]
        minutes: Option<u64>,
    },
    /// Close rooms, all of them by default; who is in them is moved back
    Close { meeting: String, rooms: Vec<String> },
    /// Say when the rooms close, or that they stay open
    Timer {
        meeting: String,
        /// Minutes from now
        #[arg(required_unless_present = "off", value_parser = clap::value_parser!(u64).range(1..=1_440))]
        minutes: Option<u64>,
        /// No end
        #[arg(long, conflicts_with = "minutes")]
        off: bool,
    },
    /// Say something to everybody, in whatever room
    Announce { meeting: String, message: String },
    /// Show the settings, or change those that are given
    Settings {
        meeting: String,
        /// Move people when their room opens
        #[arg(long, action = ArgAction::Set, value_name = "BOOL")]
        auto_move: Option<bool>,
        /// Let people return before the rooms close
        #[arg(long, action = ArgAction::Set, value_name = "BOOL")]
        allow_return: Option<bool>,
        /// Object id of a member who manages the rooms, in place of those of before; may be given several times
        #[arg(long = "manager", value_name = "OID")]
        managers: Vec<String>,
    },
}

/// What is printed of an answer.
enum Shown {
    Rooms,
    Settings,
    Nothing,
}

/// Do it and print what came of it.
pub async fn run(args: RoomsArgs) -> Result<(), RoomsError> {
    let api = Api::connect(args.url, args.token, args.member, args.ca).await?;
    let (answer, shown) = carry_out(&api, args.command).await?;
    match shown {
        _ if args.json && !answer.is_null() => println!("{answer:#}"),
        Shown::Rooms => print!("{}", as_table(&answer)),
        Shown::Settings => println!("{:#}", answer["settings"]),
        Shown::Nothing => {}
    }
    Ok(())
}

async fn carry_out(api: &Api, command: Command) -> Result<(Value, Shown), RoomsError> {
    let rooms = |answer| Ok((answer, Shown::Rooms));
    match command {
        Command::List { meeting } => rooms(api.about(&meeting).await?.read().await?),
        Command::Create {
            meeting,
            name,
            count,
        } => {
            let wish = match name {
                Some(name) => json!({"displayName": name}),
                None => json!({"count": count}),
            };
            rooms(api.about(&meeting).await?.post("", wish).await?)
        }
        Command::Rename {
            meeting,
            room,
            name,
        } => {
            let meeting = api.about(&meeting).await?;
            let rest = format!("/{}", meeting.room(&room).await?);
            let wish = body(json!({"displayName": name}));
            rooms(meeting.ask(Method::PATCH, &rest, wish).await?)
        }
        Command::Delete { meeting, room } => {
            let meeting = api.about(&meeting).await?;
            let rest = format!("/{}", meeting.room(&room).await?);
            rooms(meeting.ask(Method::DELETE, &rest, None).await?)
        }
        Command::Assign {
            meeting,
            room,
            people,
        } => {
            let meeting = api.about(&meeting).await?;
            let room = match room.as_str() {
                "none" => None,
                room => Some(meeting.room(room).await?),
            };
            let assign = |who: &String| json!({"id": who, "roomId": room});
            let assignments: Vec<Value> = people.iter().map(assign).collect();
            let wish = json!({"assignments": assignments});
            rooms(meeting.post("/assign", wish).await?)
        }
        Command::Distribute { meeting, random } => {
            let order = if random { "random" } else { "even" };
            let meeting = api.about(&meeting).await?;
            rooms(meeting.post("/distribute", json!({"order": order})).await?)
        }
        Command::Open {
            meeting,
            rooms: named,
            minutes,
        } => {
            let meeting = api.about(&meeting).await?;
            let mut wish = json!({"rooms": meeting.rooms(&named).await?});
            if let Some(minutes) = minutes {
                wish["durationSeconds"] = json!(minutes * 60);
            }
            rooms(meeting.post("/open", wish).await?)
        }
        Command::Close {
            meeting,
            rooms: named,
        } => {
            let meeting = api.about(&meeting).await?;
            let wish = json!({"rooms": meeting.rooms(&named).await?});
            rooms(meeting.post("/close", wish).await?)
        }
        Command::Timer {
            meeting, minutes, ..
        } => {
            let ends = minutes.map(|minutes| rfc3339(now_ms() + minutes * 60_000));
            let wish = body(json!({"roomEndTime": ends}));
            let meeting = api.about(&meeting).await?;
            let answer = meeting.ask(Method::PATCH, "", wish).await?;
            Ok((answer, Shown::Settings))
        }
        Command::Announce { meeting, message } => {
            let meeting = api.about(&meeting).await?;
            let said = meeting.post("/announce", json!({"message": message}));
            Ok((said.await?, Shown::Nothing))
        }
        Command::Settings {
            meeting,
            auto_move,
            allow_return,
            managers,
        } => {
            let mut wish = json!({});
            if let Some(auto_move) = auto_move {
                wish["autoMoveParticipantToBreakoutRoom"] = json!(auto_move);
            }
            if let Some(allowed) = allow_return {
                wish["disableReturnToMainMeeting"] = json!(!allowed);
            }
            if !managers.is_empty() {
                wish["managers"] = json!(managers);
            }
            let meeting = api.about(&meeting).await?;
            let answer = match wish == json!({}) {
                true => meeting.read().await?,
                false => meeting.ask(Method::PATCH, "", body(wish)).await?,
            };
            Ok((answer, Shown::Settings))
        }
    }
}

/// A line per room, and one for the timer.
fn as_table(answer: &Value) -> String {
    let none = Vec::new();
    let list = |value: &Value| value.as_array().unwrap_or(&none).clone();
    let rooms = list(&answer["value"]);
    if rooms.is_empty() {
        return "There are no breakout rooms yet: create some.\n".to_owned();
    }
    let people = list(&answer["participants"]);
    let name = |id: &Value| {
        let known = people.iter().find(|person| person["id"] == *id);
        let name = known.and_then(|person| person["displayName"].as_str());
        name.or(id.as_str()).unwrap_or_default().to_owned()
    };
    let names = |ids: &Value| {
        let names: Vec<String> = list(ids).iter().map(name).collect();
        match names.is_empty() {
            true => "-".to_owned(),
            false => names.join(", "),
        }
    };
    let mut text = String::new();
    for room in &rooms {
        let word = |key: &str| room[key].as_str().unwrap_or_default();
        text += &format!(
            "{}  {:<6}  {}\n    assigned: {}\n    there:    {}\n",
            word("id"),
            word("state"),
            word("displayName"),
            names(&room["invitees"]),
            names(&room["participants"]),
        );
    }
    if let Some(ends) = answer["settings"]["roomEndTime"].as_str() {
        text += &format!("The rooms close at {ends}.\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_are_shown_by_their_names_where_they_are_known() {
        let answer = json!({
            "value": [{"id": "1", "displayName": "One", "state": "open", "invitees": ["a", "b"], "participants": []}],
            "participants": [{"id": "a", "displayName": "Ada"}],
            "settings": {"roomEndTime": "2026-01-01T00:00:00Z"},
        });
        let text = as_table(&answer);
        assert!(
            text.contains("1  open    One")
                && text.contains("Ada, b")
                && text.contains("there:    -")
        );
        assert!(text.ends_with("close at 2026-01-01T00:00:00Z.\n"));
        assert!(as_table(&json!({"value": []})).contains("no breakout rooms"));
    }
}
