//! TLS: with the operator's certificate, and with the development authority's, which stays the same.
#![allow(clippy::unwrap_used, missing_docs)]

mod common;

use clap::Parser;
use common::*;
use plenary_service::config::{Config, ConfigError, Flags};
use plenary_service::server;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Where the development authority's certificate is.
fn authority(data: &Path) -> PathBuf {
    data.join("tls/authority.pem")
}

/// What a client is told that calls the service by `name` and trusts this authority alone.
fn get(address: SocketAddr, authority: &Path, name: &str) -> std::io::Result<String> {
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_file(authority).unwrap())
        .unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let connection = ClientConnection::new(Arc::new(config), name).unwrap();
    let mut stream = StreamOwned::new(connection, TcpStream::connect(address)?);
    write!(
        stream,
        "GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n"
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_development_certificate_is_for_this_machine_and_the_chosen_names() {
    let service = Service::with(|config| {
        config.tls_dev = true;
        config.tls_dev_names = vec!["phone.test".to_owned()];
    })
    .await;
    let authority = authority(service.data.path());
    tokio::task::block_in_place(|| {
        for name in ["localhost", "127.0.0.1", "phone.test"] {
            let answer = get(service.address, &authority, name).unwrap();
            assert!(answer.starts_with("HTTP/1.1 200"), "{name}");
        }
        assert!(get(service.address, &authority, "example.org").is_err());
    });
    let url = service.running.as_ref().unwrap().app.public_url.to_string();
    assert!(url.starts_with("https://127.0.0.1:"));
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_trusts_the_development_authority_trusts_it_after_a_second_start() {
    let data = tempfile::tempdir().unwrap();
    let trusted = data.path().join("trusted.pem");
    for start in 1..=2 {
        let mut config = config(data.path());
        config.tls_dev = true;
        let running = server::start(config).await.unwrap();
        let now = running.authority.clone().unwrap();
        assert_eq!(now, authority(data.path()));
        if start == 1 {
            std::fs::copy(&now, &trusted).unwrap();
        }
        assert_eq!(
            std::fs::read(&now).unwrap(),
            std::fs::read(&trusted).unwrap()
        );
        tokio::task::block_in_place(|| {
            let answer = get(running.address, &trusted, "localhost").unwrap();
            assert!(answer.starts_with("HTTP/1.1 200"), "start {start}");
        });
        running.stop().await;
    }
}

/// The flags of `serve`, as the program reads them.
#[derive(Parser)]
struct Arguments {
    #[command(flatten)]
    flags: Flags,
}

/// The configuration after `serve` with these flags.
fn configured(flags: &[&str]) -> Result<Config, ConfigError> {
    Config::load(&Arguments::parse_from([&["serve"], flags].concat()).flags)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_given_certificate_and_key_are_served_with_the_whole_chain() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name);
    let (authority, cert, key) = (file("authority.pem"), file("cert.pem"), file("key.pem"));
    write_certificate(&authority, &cert, &key);
    let [data, cert, key] = [folder.path(), &cert, &key].map(|path| path.to_str().unwrap());
    let mut flags = vec![
        "--listen",
        "127.0.0.1:0",
        "--udp",
        "127.0.0.1:0",
        "--data",
        data,
    ];
    flags.extend(["--tls-cert", cert, "--tls-key", key]);
    let running = server::start(configured(&flags).unwrap()).await.unwrap();
    tokio::task::block_in_place(|| {
        let answer = get(running.address, &authority, "meet.test").unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"));
        assert!(get(running.address, &authority, "localhost").is_err());
    });
    assert_eq!(running.authority, None);
    assert!(!folder.path().join("tls").exists(), "no authority is made");
    running.stop().await;
}

/// A root, what it signed, and a leaf of that for `meet.test`: the chain as an operator gets it.
fn write_certificate(root_file: &Path, cert_file: &Path, key_file: &Path) {
    let authority = |name: &str| {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params
            .distinguished_name
            .push(rcgen::DnType::CommonName, name);
        params
    };
    let [root_key, middle_key, leaf_key] = std::array::from_fn(|_| KeyPair::generate().unwrap());
    let root = authority("root").self_signed(&root_key).unwrap();
    let root_issuer = Issuer::new(authority("root"), root_key);
    let middle = authority("middle")
        .signed_by(&middle_key, &root_issuer)
        .unwrap();
    let middle_issuer = Issuer::new(authority("middle"), middle_key);
    let leaf = CertificateParams::new(vec!["meet.test".to_owned()]).unwrap();
    let leaf = leaf.signed_by(&leaf_key, &middle_issuer).unwrap();
    std::fs::write(root_file, root.pem()).unwrap();
    std::fs::write(cert_file, leaf.pem() + &middle.pem()).unwrap();
    std::fs::write(key_file, leaf_key.serialize_pem()).unwrap();
}
