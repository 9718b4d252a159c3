//! The meeting service's command line.

fn main() {
    eprintln!("plenary-service: not built yet");
    std::process::exit(2);
}
