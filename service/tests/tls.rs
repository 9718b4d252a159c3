//! TLS with the development authority: who trusts it reaches the service, and it stays the same.
#![allow(clippy::unwrap_used, missing_docs)]

mod common;

use common::*;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;

fn get(service: &Service, name: &str) -> std::io::Result<String> {
    let authority = service.data.path().join("tls/authority.pem");
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
    let mut stream = StreamOwned::new(connection, TcpStream::connect(service.address)?);
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
    tokio::task::block_in_place(|| {
        for name in ["localhost", "127.0.0.1", "phone.test"] {
            assert!(
                get(&service, name).unwrap().starts_with("HTTP/1.1 200"),
                "{name}"
            );
        }
        assert!(get(&service, "example.org").is_err());
    });
    let url = service.running.as_ref().unwrap().app.public_url.to_string();
    assert!(url.starts_with("https://127.0.0.1:"));
    service.stop().await;
}
