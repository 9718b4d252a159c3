//! Who somebody of the other server is here. Users keep their ids unless the operator wants otherwise, and
//! belong to one resource of this service from then on: its key issues their tokens (`S16`).

use super::access::is_empty;
use super::report::{Code, Mapping};
use crate::store::{Resource, Store, StoreError};
use plenary_protocol::id::RawId;
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

/// Who a user becomes where the map does not say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Way {
    /// The same id as there
    Keep,
    /// A new user of the resource, always the same one for the same id
    New,
}

/// Why nobody can be told apart.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// A line.
    #[error(
        "line {0} of the map is not a user id there and a user id here with a space between them"
    )]
    Line(usize),
    /// Not a user of the resource.
    #[error("{0} of the map is not a user of the resource {1}; create the users first (POST /identities)")]
    NoSuchUser(String, String),
    /// Several resources.
    #[error("this service has several resources; name one with --resource: {0}")]
    WhichResource(String),
    /// None of that id.
    #[error("this service has no resource {0:?}; it has: {1}")]
    NoSuchResource(String, String),
    /// Store.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Who is who.
pub struct Identities {
    resource: String,
    /// Other resources of this service.
    others: BTreeSet<String>,
    way: Way,
    map: BTreeMap<String, RawId>,
    /// Who was looked up, and why they cannot be users here.
    known: BTreeMap<String, Result<RawId, Code>>,
    /// The same by their ids here.
    admitted: BTreeMap<RawId, Result<(), Code>>,
}

/// The parts of `8:acs:<resource>_<user>`; other forms are no users of a resource.
pub(super) fn parts(id: &str) -> Option<(&str, &str)> {
    let (resource, user) = id.strip_prefix("8:acs:")?.split_once('_')?;
    let plain = |text: &str| {
        let all = |c: char| c.is_ascii_alphanumeric() || c == '-';
        (1..=128).contains(&text.len()) && text.chars().all(all)
    };
    (plain(resource) && plain(user)).then_some((resource, user))
}

impl Identities {
    /// Of a resource of this service, the only one if none is named.
    pub async fn new(
        store: &dyn Store,
        resource: Option<&str>,
        way: Way,
        map: &str,
    ) -> Result<Self, IdentityError> {
        let all: Vec<String> = store.resources().await?.into_iter().map(id_of).collect();
        let resource = match (resource, all.as_slice()) {
            (None, [only]) => only.clone(),
            (None, _) => return Err(IdentityError::WhichResource(all.join(", "))),
            (Some(named), _) if all.iter().any(|id| id == named) => named.to_owned(),
            (Some(named), _) => {
                return Err(IdentityError::NoSuchResource(
                    named.to_owned(),
                    all.join(", "),
                ))
            }
        };
        let mut identities = Self {
            others: all.into_iter().filter(|id| *id != resource).collect(),
            resource,
            way,
            map: BTreeMap::new(),
            known: BTreeMap::new(),
            admitted: BTreeMap::new(),
        };
        for (n, line) in map.lines().enumerate().filter(|(_, line)| !is_empty(line)) {
            let mut words = line.split_whitespace();
            let (Some(there), Some(here), None) = (words.next(), words.next(), words.next()) else {
                return Err(IdentityError::Line(n + 1));
            };
            let here = RawId::from(here);
            if !identities.is_own(store, &here).await? {
                let (here, resource) = (here.0, identities.resource);
                return Err(IdentityError::NoSuchUser(here, resource));
            }
            identities.map.insert(there.to_owned(), here);
        }
        Ok(identities)
    }

    /// The resource whose users they become.
    pub fn resource(&self) -> &str {
        &self.resource
    }

    async fn is_own(&self, store: &dyn Store, id: &RawId) -> Result<bool, StoreError> {
        let user = store.user(id).await?;
        Ok(user.is_some_and(|user| user.resource.as_deref() == Some(self.resource.as_str())))
    }

    /// The id under which somebody stands in the history here, whoever they are.
    pub(super) fn here(&self, there: &str) -> RawId {
        if let Some(here) = self.map.get(there) {
            return here.clone();
        }
        match (self.way, parts(there)) {
            (Way::New, Some(_)) => {
                // The same in every run, and for nobody else.
                let of = Uuid::new_v5(&Uuid::NAMESPACE_OID, self.resource.as_bytes());
                let user = Uuid::new_v5(&of, there.as_bytes());
                RawId(format!("8:acs:{}_{user}", self.resource))
            }
            _ => RawId::from(there),
        }
    }

    /// Makes somebody a user of the resource, once; or says why not.
    pub(super) async fn user(
        &mut self,
        store: &dyn Store,
        there: &str,
        now: u64,
    ) -> Result<Result<RawId, Code>, StoreError> {
        if let Some(known) = self.known.get(there) {
            return Ok(known.clone());
        }
        let here = self.here(there);
        let found = self.admit(store, &here, now).await?.map(|()| here);
        self.known.insert(there.to_owned(), found.clone());
        Ok(found)
    }

    /// The same of somebody by their id here (`S16`).
    pub(super) async fn admit(
        &mut self,
        store: &dyn Store,
        here: &RawId,
        now: u64,
    ) -> Result<Result<(), Code>, StoreError> {
        if let Some(known) = self.admitted.get(here) {
            return Ok(*known);
        }
        let found = match parts(here.as_str()) {
            None => Err(Code::ParticipantNotAUser),
            Some((resource, _)) if self.others.contains(resource) => {
                Err(Code::ParticipantOfAnotherResource)
            }
            Some(_) => {
                store.add_user(here, Some(&self.resource), now).await?;
                match self.is_own(store, here).await? {
                    true => Ok(()),
                    false => Err(Code::ParticipantOfAnotherResource),
                }
            }
        };
        self.admitted.insert(here.clone(), found);
        Ok(found)
    }

    /// Whose id is another one here.
    pub(super) fn mapped(&self) -> Vec<Mapping> {
        let known = self.known.iter().filter_map(|(there, here)| {
            let here = here.as_ref().ok()?;
            (here.as_str() != there).then(|| Mapping {
                source: there.clone(),
                target: here.0.clone(),
            })
        });
        known.collect()
    }
}

fn id_of(resource: Resource) -> String {
    resource.id
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::rows::Rows;

    async fn store(resources: &[&str]) -> Rows {
        let store = Rows::default();
        for id in resources {
            let resource = Resource {
                id: (*id).to_owned(),
                primary_key: String::new(),
                secondary_key: String::new(),
            };
            store.add_resource(&resource, 1).await.unwrap();
        }
        store
    }

    #[tokio::test]
    async fn s16_a_user_keeps_their_id_and_belongs_to_one_resource() {
        let store = store(&["ours", "theirs"]).await;
        let taken = RawId::from("8:acs:far_taken");
        store.add_user(&taken, Some("theirs"), 1).await.unwrap();
        let way = Way::Keep;
        let unnamed = Identities::new(&store, None, way, "").await;
        assert!(matches!(unnamed, Err(IdentityError::WhichResource(_))));
        let mut identities = Identities::new(&store, Some("ours"), way, "")
            .await
            .unwrap();
        for (there, found) in [
            ("8:acs:far_ada", Ok("8:acs:far_ada".into())),
            ("8:acs:far_taken", Err(Code::ParticipantOfAnotherResource)),
            ("8:acs:theirs_new", Err(Code::ParticipantOfAnotherResource)),
            ("8:acs:far_tenant_user", Err(Code::ParticipantNotAUser)),
            ("8:orgid:olivia", Err(Code::ParticipantNotAUser)),
            ("4:+155512345", Err(Code::ParticipantNotAUser)),
        ] {
            assert_eq!(identities.user(&store, there, 2).await.unwrap(), found);
        }
        let ada = store.user(&"8:acs:far_ada".into()).await.unwrap().unwrap();
        assert_eq!(ada.resource.as_deref(), Some("ours"));
        assert_eq!(
            store
                .user(&taken)
                .await
                .unwrap()
                .unwrap()
                .resource
                .as_deref(),
            Some("theirs")
        );
        assert_eq!(store.user(&"8:orgid:olivia".into()).await.unwrap(), None);
    }

    #[tokio::test]
    async fn new_users_are_the_same_in_every_run_and_a_map_comes_first() {
        let store = store(&["ours"]).await;
        let here = RawId::from("8:acs:ours_here");
        store.add_user(&here, Some("ours"), 1).await.unwrap();
        let map = "# there here\n8:acs:far_ada 8:acs:ours_here\n";
        let mut first = None;
        for _ in 0..2 {
            let identities = Identities::new(&store, None, Way::New, map).await;
            let mut identities = identities.unwrap();
            assert_eq!(
                identities.user(&store, "8:acs:far_ada", 2).await.unwrap(),
                Ok(here.clone())
            );
            let new = identities.user(&store, "8:acs:far_bob", 2).await.unwrap();
            let new = new.unwrap();
            assert!(new.as_str().starts_with("8:acs:ours_"));
            assert_eq!(*first.get_or_insert(new.clone()), new);
            assert_eq!(identities.mapped().len(), 2);
        }
        let stranger = "8:acs:far_ada 8:acs:far_eve";
        let refused = Identities::new(&store, None, Way::Keep, stranger).await;
        assert!(matches!(refused, Err(IdentityError::NoSuchUser(..))));
    }
}
