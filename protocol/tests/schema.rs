//! The JSON Schema of the agent socket, generated from the types and kept in the repository, so that a
//! change of the protocol is seen as a diff. `UPDATE_SCHEMA=1 cargo test -p plenary-protocol` writes it.
#![allow(clippy::unwrap_used)]

use plenary_protocol::agent::{ClientFrame, Frame, VERSION};
use schemars::generate::SchemaSettings;
use serde_json::{json, Value};
use std::path::Path;

fn schema() -> Value {
    let mut generator = SchemaSettings::draft2020_12().into_generator();
    let client = generator.subschema_for::<ClientFrame>();
    let service = generator.subschema_for::<Frame>();
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": format!("Plenary's agent socket, version {VERSION}"),
        "description": "Text frames: `client` from the client, `service` from the service.",
        "type": "object",
        "properties": { "client": client, "service": service },
        "$defs": generator.take_definitions(true),
    })
}

#[test]
fn the_schema_in_the_repository_is_that_of_the_types() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema/agent.json");
    if std::env::var_os("UPDATE_SCHEMA").is_some() {
        let text = serde_json::to_string_pretty(&schema()).unwrap() + "\n";
        std::fs::write(&file, text).unwrap();
    }
    let kept = std::fs::read_to_string(&file).unwrap_or_default();
    // As values: the order of keys depends on serde_json's features, which the rest of a build decides.
    assert!(
        serde_json::from_str::<Value>(&kept).ok() == Some(schema()),
        "the protocol changed: UPDATE_SCHEMA=1 cargo test -p plenary-protocol"
    );
}

#[test]
fn unknown_fields_are_ignored_and_unknown_requests_are_errors() {
    let text = r#"{"id":1,"new":true,"request":{"leave":{"call":"c","why":"bored"}}}"#;
    assert!(serde_json::from_str::<ClientFrame>(text).is_ok());
    assert!(serde_json::from_str::<ClientFrame>(r#"{"id":1,"request":{"dance":{}}}"#).is_err());
}

#[test]
fn each_act_goes_by_its_word() {
    for (word, act) in plenary_protocol::state::Act::ALL {
        assert_eq!(serde_json::to_value(act).unwrap(), word);
        assert_eq!(plenary_protocol::state::Act::named(word), Some(act));
    }
    assert_eq!(plenary_protocol::state::Act::named("dance"), None);
}
