//! LiveKit's signalling sockets (`/rtc` for v0, `/rtc/v1`) and the room service over HTTP.

mod join_request;
mod requests;
mod room_service;
mod routes;
mod socket;
mod twirp;

pub(crate) use routes::router;
