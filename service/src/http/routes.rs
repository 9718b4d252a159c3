//! Routes, each with who may call it (CVE-2024-38518): there is no other way to add one, so that the list
//! that a test compares with is whole.

use crate::app::App;
use axum::extract::{DefaultBodyLimit, Request};
use axum::handler::Handler;
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::{on, MethodFilter};
use axum::Router;
use std::fmt;
use std::future::Future;
use std::sync::Arc;

/// Whose credential a route takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// None is asked for.
    Anybody,
    /// Programs on this machine; exists with the development organisation alone (`S10`).
    ThisMachine,
    /// A backend that has a resource's key (HMAC).
    Resource,
    /// A member, by the organisation's access token.
    Member,
    /// A member by access token, or a guest or member by user token.
    User,
    /// The same, or a recorder by a LiveKit token with the grant `roomRecord` for the meeting.
    Record,
    /// A guest or member, by a user token with a scope of chat.
    Chat,
    /// The same, with the token in the header `X-Skypetoken`, as Microsoft's notification client has it.
    SkypeToken,
    /// A WebSocket whose address holds a secret that was given for a user token, and is good once.
    Ticket,
    /// A WebSocket that names its user token in the first message.
    Hello,
}

/// One route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// Method.
    pub method: &'static str,
    /// Path, with its parameters in braces.
    pub path: &'static str,
    /// Who may call it.
    pub who: Who,
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {:?}", self.method, self.path, self.who)
    }
}

/// Routes of one kind of caller.
pub(super) struct Routes {
    who: Who,
    router: Router<Arc<App>>,
    list: Vec<Route>,
}

macro_rules! methods {
    ($($name:ident $filter:ident),+) => {$(
        pub(super) fn $name<H, T>(self, path: &'static str, handler: H) -> Self
        where
            H: Handler<T, Arc<App>>,
            T: 'static,
        {
            self.add(MethodFilter::$filter, stringify!($filter), path, handler)
        }
    )+};
}

impl Routes {
    /// None yet.
    pub(super) fn of(who: Who) -> Self {
        Self {
            who,
            router: Router::new(),
            list: Vec::new(),
        }
    }

    methods! { get GET, post POST, patch PATCH, delete DELETE }

    fn add<H, T>(
        mut self,
        filter: MethodFilter,
        method: &'static str,
        path: &'static str,
        handler: H,
    ) -> Self
    where
        H: Handler<T, Arc<App>>,
        T: 'static,
    {
        let who = self.who;
        self.router = self.router.route(path, on(filter, handler));
        self.list.push(Route { method, path, who });
        self
    }

    /// Takes bodies of so many bytes, in place of what all routes take.
    pub(super) fn taking(mut self, most_bytes: usize) -> Self {
        self.router = self.router.layer(DefaultBodyLimit::max(most_bytes));
        self
    }

    /// Lets every request go through this first.
    pub(super) fn through<F, R>(mut self, layer: F) -> Self
    where
        F: Fn(Request, Next) -> R + Clone + Send + Sync + 'static,
        R: Future<Output = Response> + Send + 'static,
    {
        self.router = self.router.layer(middleware::from_fn(layer));
        self
    }

    /// For the service.
    pub(super) fn router(self) -> Router<Arc<App>> {
        self.router
    }

    /// For tests and documents.
    pub(super) fn list(self) -> Vec<Route> {
        self.list
    }
}
