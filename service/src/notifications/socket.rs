//! The WebSocket of a channel.

use super::channel::Channel;
use super::frames::{self, Incoming};
use crate::clock::now_ms;
use axum::extract::ws::{Message, WebSocket};
use futures::stream::{SplitSink, SplitStream};
use futures::{SinkExt, StreamExt};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;

/// A client that reads nothing for so long is given up; it comes again.
const WRITE_DEADLINE: Duration = Duration::from_secs(10);

/// Serves one connection until it ends; `beat` is the time between two heartbeats.
pub async fn serve(channel: Arc<Channel>, connection: u64, socket: WebSocket, beat: Duration) {
    let Some(queue) = channel.attach(connection, now_ms()) else {
        return;
    };
    let (writer, reader) = socket.split();
    tokio::select! {
        () = write(writer, queue, beat) => {}
        // Silent for longer than two heartbeats, which it answers.
        () = read(&channel, connection, reader, beat * 5 / 2) => {}
    }
    channel.detach(connection, now_ms());
}

async fn write(
    mut writer: SplitSink<WebSocket, Message>,
    mut queue: mpsc::Receiver<String>,
    beat: Duration,
) {
    let mut beats = tokio::time::interval_at(tokio::time::Instant::now() + beat, beat);
    loop {
        let message = tokio::select! {
            biased;
            frame = queue.recv() => match frame {
                Some(frame) => Message::text(frame),
                None => Message::Close(None),
            },
            _ = beats.tick() => Message::text(frames::HEARTBEAT),
        };
        let last = matches!(message, Message::Close(_));
        let sent = tokio::time::timeout(WRITE_DEADLINE, writer.send(message)).await;
        if last || !matches!(sent, Ok(Ok(()))) {
            return;
        }
    }
}

async fn read(
    channel: &Channel,
    connection: u64,
    mut reader: SplitStream<WebSocket>,
    silence: Duration,
) {
    while let Ok(Some(Ok(message))) = tokio::time::timeout(silence, reader.next()).await {
        let Message::Text(text) = message else {
            match message {
                Message::Ping(_) | Message::Pong(_) => continue,
                _ => return,
            }
        };
        match frames::read(&text) {
            Some(Incoming::Answer(number)) => channel.answered(number),
            Some(Incoming::Event { id: Some(id), .. }) => {
                channel.send(connection, frames::acknowledged(id));
            }
            Some(Incoming::Event { id: None, .. } | Incoming::Nothing) => {}
            Some(Incoming::Disconnect) | None => return,
        }
    }
}
