//! A member and a guest in a meeting of hers.

use super::{Agent, Service, SignedIn};
use serde_json::Value;

pub struct Scene {
    pub service: Service,
    pub olivia: SignedIn,
    pub meeting: Value,
    pub organizer: Agent,
    pub user: SignedIn,
    pub guest: Agent,
}

impl Scene {
    /// She comes first, with the call `o`; Ada, the guest, does not wait and has the call `g`.
    pub async fn of(service: Service, olivia: SignedIn, meeting: Value) -> Self {
        let mut organizer = service.agent(&olivia, "").await;
        organizer.join("o", &meeting).await.unwrap();
        let user = service.guest().await;
        let mut guest = service.agent(&user, "Ada").await;
        guest.join("g", &meeting).await.unwrap();
        Self {
            service,
            olivia,
            meeting,
            organizer,
            user,
            guest,
        }
    }
}
