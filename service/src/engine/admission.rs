//! Who may come in. A signature alone does not say so: an admission may have ended since (S2).

use futures::future::BoxFuture;
use futures::FutureExt;

use super::token::{Grants, MediaClaims};

/// Asked at every join and every resume.
pub trait Admissions: Send + Sync + 'static {
    /// Is this token, already verified by signature and expiry, backed by a living admission?
    /// Gives the grants of that admission, or `None` to refuse.
    fn living<'a>(&'a self, claims: &'a MediaClaims) -> BoxFuture<'a, Option<Grants>>;
}

/// The engine alone: whoever holds a key admits by signing, and the token's grants count.
#[derive(Debug, Default, Clone, Copy)]
pub struct KeyedAdmissions;

impl Admissions for KeyedAdmissions {
    fn living<'a>(&'a self, claims: &'a MediaClaims) -> BoxFuture<'a, Option<Grants>> {
        let grants = claims
            .video
            .as_ref()
            .filter(|v| v.room_join)
            .map(Grants::from);
        async move { grants }.boxed()
    }
}
