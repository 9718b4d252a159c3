//! `plenary-service keys`: the connection strings of the resources, secrets of an application's backend.

use crate::config::{Config, Flags};
use crate::server::{self, StartError};

/// Print them.
pub async fn run(flags: &Flags) -> Result<(), StartError> {
    let config = Config::load(flags)?;
    let store = server::open_stores(&config).await?;
    let url = server::configured_url(&config)?;
    // A slash at the end would stand twice in what clients make of it.
    let endpoint = url.as_str().trim_end_matches('/');
    for resource in store.resources().await? {
        println!("endpoint={endpoint};accesskey={}", resource.primary_key);
        println!("endpoint={endpoint};accesskey={}", resource.secondary_key);
    }
    store.close().await;
    Ok(())
}
