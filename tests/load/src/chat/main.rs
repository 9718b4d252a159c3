//! `plenary-chat-load`: many people in one chat thread, some of whom write; counts what everybody gets,
//! in which order and how late. It speaks Plenary's protocol (REST to write, the agent socket to read)
//! and XMPP's (multi-user chat over a WebSocket, RFC 7395, XEP-0045): the same people write the same
//! messages at the same times to both (`tests/bench/chat.mjs`).
//!
//! A message's time runs from when it was due, not from when it could be sent: a server that makes its
//! writers wait does not look faster for it.
//!
//! On standard output it writes a JSON object a line: `ready` when everybody is there, `begin`, and
//! `end` when everybody has everything or nobody got anything for ten seconds.

mod plenary;
mod socket;
mod tally;
mod xmpp;

use std::error::Error;
use std::io::{BufRead as _, Write as _};
use std::sync::Arc;
use std::time::Duration;

use clap::{Parser, Subcommand};
use serde_json::json;
use tokio::sync::mpsc;
use tokio::time::Instant;

use tally::Tally;

/// Who writes how much, and when.
#[derive(Debug, Parser)]
#[command(version, about)]
struct Arguments {
    /// People in the thread.
    #[arg(long, default_value_t = 250)]
    people: usize,
    /// Of them, so many write, in turn.
    #[arg(long, default_value_t = 10)]
    writers: usize,
    /// Messages in all.
    #[arg(long, default_value_t = 1000)]
    messages: usize,
    /// So many are due at the same moment.
    #[arg(long, default_value_t = 1)]
    burst: usize,
    /// Messages a second; in bursts, on average.
    #[arg(long, default_value_t = 40.0)]
    rate: f64,
    #[command(subcommand)]
    server: Server,
}

#[derive(Debug, Clone, Subcommand)]
enum Server {
    /// A meeting service of Plenary's. Tokens of the people come on standard input, one a line.
    Plenary {
        /// Where it is, such as `http://127.0.0.1:8080`.
        #[arg(long)]
        url: String,
        /// The thread that all are participants of.
        #[arg(long)]
        thread: String,
    },
    /// An XMPP server that lets anybody in (SASL ANONYMOUS).
    Xmpp {
        /// Its WebSocket, such as `ws://127.0.0.1:5443/ws`.
        #[arg(long)]
        url: String,
        /// Its domain.
        #[arg(long, default_value = "localhost")]
        host: String,
        /// The room's address, such as `bench@conference.localhost`.
        #[arg(long)]
        room: String,
    },
}

/// A message to write: its number.
type Orders = mpsc::UnboundedReceiver<usize>;
/// Nothing for so long, and what is missing will not come.
const PATIENCE: Duration = Duration::from_secs(10);
/// From everybody being there to the first message.
const SETTLING: Duration = Duration::from_secs(2);
/// People come in one after the other, so that coming is no load of its own.
const BETWEEN: Duration = Duration::from_millis(10);

fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse();
    let tokens = match arguments.server {
        Server::Plenary { .. } => std::io::stdin().lock().lines().collect::<Result<_, _>>()?,
        Server::Xmpp { .. } => Vec::new(),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(run(arguments, tokens))
}

async fn run(arguments: Arguments, tokens: Vec<String>) -> Result<(), Box<dyn Error>> {
    let tally = Arc::new(Tally::new(arguments.people));
    let mut writers = Vec::new();
    for person in 0..arguments.people {
        let (tell, orders) = mpsc::unbounded_channel();
        if person < arguments.writers {
            writers.push(tell);
        }
        match &arguments.server {
            Server::Plenary { url, thread } => {
                let token = tokens
                    .get(person)
                    .ok_or("a token a line is wanted for everybody")?;
                plenary::join(url, thread, token, (person, orders), &tally).await?;
            }
            Server::Xmpp { url, host, room } => {
                xmpp::join(url, host, room, (person, orders), &tally).await?;
            }
        }
        tokio::time::sleep(BETWEEN).await;
    }
    tokio::time::sleep(SETTLING).await;
    report("ready", json!({ "people": arguments.people }));
    report("begin", json!({}));
    let begun = Instant::now();
    let pause = Duration::from_secs_f64(arguments.burst as f64 / arguments.rate);
    for (at, first) in (0..arguments.messages).step_by(arguments.burst).enumerate() {
        let due = begun + pause * u32::try_from(at)?;
        tokio::time::sleep_until(due).await;
        for number in first..arguments.messages.min(first + arguments.burst) {
            tally.due(number, due);
            writers[number % writers.len()].send(number)?;
        }
    }
    tally.everything(arguments.messages, PATIENCE).await;
    report("end", tally.counts(arguments.messages));
    Ok(())
}

/// One line of standard output.
fn report(event: &str, mut more: serde_json::Value) {
    if let Some(fields) = more.as_object_mut() {
        fields.insert("event".to_owned(), event.into());
    }
    println!("{more}");
    // Whoever reads the other end acts on the line; if nobody does, there is nobody to tell.
    let _ = std::io::stdout().flush();
}
