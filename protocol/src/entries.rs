//! A JSON object as a list of its entries: small maps that are built once and gone through once.

use serde::{Deserialize, Deserializer, Serializer};
use std::collections::BTreeMap;

pub(crate) fn serialize<S: Serializer>(
    entries: &[(String, String)],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_map(entries.iter().map(|(name, value)| (name, value)))
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<(String, String)>, D::Error> {
    let map = BTreeMap::<String, String>::deserialize(deserializer)?;
    Ok(map.into_iter().collect())
}
