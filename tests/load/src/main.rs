//! `plenary-load`: many clients that speak LiveKit's protocol (v1) to a server, with real ICE, DTLS
//! and SRTP, and count what they get. It knows nothing of who the server is: the same run is made
//! against the embedded engine and against LiveKit's own server (`tests/bench/engine.mjs`).
//!
//! On standard output it writes a JSON object a line: `joined` when everybody is in, `begin` and
//! `end` around the time that is counted, so that whoever started it can read the server's CPU time
//! at the same moments.

mod client;
mod media;
mod signal;
mod tally;

use std::io::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Parser;
use serde_json::json;

use client::{Client, Plan};
use tally::Tally;

/// How many clients, where, and what they send.
#[derive(Debug, Clone, Parser)]
#[command(version, about)]
struct Arguments {
    /// The server's signalling address, such as `ws://127.0.0.1:7880`.
    #[arg(long)]
    url: String,
    /// API key and secret of the server, `KEY:SECRET`.
    #[arg(long)]
    keys: String,
    /// Rooms, all alike.
    #[arg(long, default_value_t = 1)]
    rooms: usize,
    /// Participants in each room.
    #[arg(long, default_value_t = 10)]
    size: usize,
    /// Of them, so many send sound (50 packets a second).
    #[arg(long, default_value_t = 1)]
    speakers: usize,
    /// Of them, so many send a picture.
    #[arg(long, default_value_t = 0)]
    cameras: usize,
    /// Frames a second of a picture.
    #[arg(long, default_value_t = 30)]
    fps: u32,
    /// Packets of a frame, of 1,100 bytes each.
    #[arg(long, default_value_t = 3)]
    frame_packets: u32,
    /// Seconds that are counted, once everybody is in and has settled.
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// Joins begun a second; 0 begins all at once.
    #[arg(long, default_value_t = 50)]
    joins_per_second: u32,
    /// Only join, wait until everybody hears a speaker, and end.
    #[arg(long)]
    storm: bool,
}

/// How long to wait for everybody to be in; what is not there then is reported as missing.
const JOINING: Duration = Duration::from_secs(60);
/// Between the last join and the counting: bandwidth probes and first key frames are over.
const SETTLING: Duration = Duration::from_secs(3);

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments = Arguments::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(run(arguments))
}

async fn run(arguments: Arguments) -> Result<(), Box<dyn std::error::Error>> {
    let tally = Arc::new(Tally::new());
    let pause = match arguments.joins_per_second {
        0 => Duration::ZERO,
        n => Duration::from_secs(1) / n,
    };
    let mut tasks = Vec::new();
    let begun = Instant::now();
    for room in 0..arguments.rooms {
        for seat in 0..arguments.size {
            let plan = Plan::new(&arguments, room, seat)?;
            tasks.push(tokio::spawn(Client::run(plan, tally.clone())));
            if !pause.is_zero() {
                tokio::time::sleep(pause).await;
            }
        }
    }
    let expected = arguments.rooms * arguments.size;
    let complete = tally.everybody_receives(expected, JOINING).await;
    report(
        "joined",
        &tally,
        json!({ "expected": expected, "complete": complete, "took": begun.elapsed().as_secs_f64() }),
    );
    if !arguments.storm {
        tokio::time::sleep(SETTLING).await;
        tally.start_counting();
        report("begin", &tally, json!({}));
        tokio::time::sleep(Duration::from_secs(arguments.seconds)).await;
        tally.stop_counting();
    }
    report("end", &tally, tally.counts(arguments.seconds));
    for task in tasks {
        task.abort();
    }
    Ok(())
}

/// One line of standard output.
fn report(event: &str, tally: &Tally, mut more: serde_json::Value) {
    if let Some(fields) = more.as_object_mut() {
        fields.insert("event".to_owned(), event.into());
        fields.insert("receiving".to_owned(), tally.receiving().into());
        fields.insert("failed".to_owned(), tally.failures().into());
    }
    println!("{more}");
    // Whoever reads the other end acts on the line; if nobody does, there is nobody to tell.
    let _ = std::io::stdout().flush();
}
