//! `cargo xtask`: the project's only build script.

fn main() {}
