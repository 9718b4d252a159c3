//! A member and a guest in a meeting of hers.

use super::{Agent, Service, SignedIn};
use serde_json::Value;

/// The organiser comes first, with the call `o`; Ada, a guest who does not wait, has the call `g`.
pub async fn both_come(
    service: &Service,
    olivia: &SignedIn,
    meeting: &Value,
) -> (Agent, SignedIn, Agent) {
    let mut organizer = service.agent(olivia, "").await;
    organizer.join("o", meeting).await.unwrap();
    let user = service.guest().await;
    let mut guest = service.agent(&user, "Ada").await;
    guest.join("g", meeting).await.unwrap();
    (organizer, user, guest)
}

pub struct Scene {
    pub service: Service,
    pub olivia: SignedIn,
    pub meeting: Value,
    pub organizer: Agent,
    pub user: SignedIn,
    pub guest: Agent,
}

impl Scene {
    /// See [`both_come`].
    pub async fn of(service: Service, olivia: SignedIn, meeting: Value) -> Self {
        let (organizer, user, guest) = both_come(&service, &olivia, &meeting).await;
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
