//! What the guides in `docs/` say of settings is read by the service's own reader.

use plenary_service::config::{Config, Flags};
use std::fs;
use std::path::Path;

/// The fenced pieces of a language on a page.
fn fences(page: &str, language: &str) -> Vec<String> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../docs")
        .join(page);
    let text = fs::read_to_string(file).expect("the page");
    let begin = format!("\n```{language}\n");
    let pieces = text.split(begin.as_str()).skip(1);
    pieces
        .filter_map(|piece| Some(piece.split_once("\n```")?.0.to_owned()))
        .collect()
}

fn read(text: &str) -> Config {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("plenary.toml");
    fs::write(&file, text).expect("a file");
    let flags = Flags {
        config: Some(file),
        ..Flags::default()
    };
    Config::load(&flags).unwrap_or_else(|error| panic!("{error}:\n{text}"))
}

#[test]
fn every_piece_of_configuration_in_the_guide_is_one() {
    let pieces = fences("hosting.md", "toml");
    assert!(pieces.len() >= 5, "{} pieces", pieces.len());
    let read: Vec<_> = pieces.iter().map(|piece| read(piece)).collect();
    assert!(read.iter().any(Config::tls));
    assert!(read.iter().any(|config| !config.advertise.is_empty()));
    assert!(read.iter().any(|config| config.turn.len() == 2));
    assert!(read.iter().any(|config| config.livekit.is_some()));
    let days = |config: &Config| config.retention.iter().map(|policy| policy.days).min();
    assert!(read.iter().any(|config| days(config) == Some(7)));
    for config in read.iter().filter(|config| config.tls()) {
        // As the guide says: members come with an identity provider only.
        assert!(!config.dev_organisation(), "S10");
    }
}

#[test]
fn the_numbers_of_the_guides_are_the_defaults() {
    let limits = Config::default().limits;
    assert_eq!(limits.passcode_attempts, 10);
    assert_eq!(limits.ping_ms, 20_000);
    assert_eq!(limits.lobby_places, 200);
    assert_eq!(limits.lobby_wait_ms, 30 * 60_000);
    assert!(Config::default().tcp_fallback);
}
