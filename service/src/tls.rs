//! TLS: the operator's certificate, or one of a development authority made at first start, so that a
//! phone in the room and clients that refuse http can be used.

use crate::config::Config;
use crate::keys::{make_folder, read_or_make, KeyError};
use axum_server::tls_rustls::RustlsConfig;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::ServerConfig;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use time::{Duration, OffsetDateTime};

/// Why TLS cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read or made.
    #[error(transparent)]
    File(#[from] KeyError),
    /// Certificate or key cannot be read.
    #[error("{0}: not a PEM file with what belongs there: {1}")]
    Pem(PathBuf, rustls::pki_types::pem::Error),
    /// Certificate and key cannot be used together.
    #[error("certificate and key cannot be used: {0}")]
    Unusable(#[from] rustls::Error),
    /// A development certificate cannot be made.
    #[error("the development certificate cannot be made: {0}")]
    Made(#[from] rcgen::Error),
}

/// What is served, and the development authority's certificate for others to trust.
pub struct Tls {
    /// For the listener.
    pub config: RustlsConfig,
    /// Present with `--tls-dev`.
    pub authority: Option<PathBuf>,
}

/// The configuration's TLS; `None` when plain HTTP is served.
pub fn open(config: &Config) -> Result<Option<Tls>, TlsError> {
    let (chain, key, authority) = match (&config.tls_cert, &config.tls_key) {
        (Some(cert), Some(key)) => {
            let chain = CertificateDer::pem_file_iter(cert)
                .and_then(Iterator::collect)
                .map_err(|error| TlsError::Pem(cert.clone(), error))?;
            let key = PrivateKeyDer::from_pem_file(key)
                .map_err(|error| TlsError::Pem(key.clone(), error))?;
            (chain, key, None)
        }
        _ if config.tls_dev => {
            let folder = config.data.join("tls");
            make_folder(&folder)?;
            let (leaf, key, authority) = development(&folder, &config.tls_dev_names)?;
            (vec![leaf], key, Some(authority))
        }
        _ => return Ok(None),
    };
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut server = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    // WebSockets over HTTP/2 (RFC 8441) are not served, so HTTP/1.1 alone is offered.
    server.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Some(Tls {
        config: RustlsConfig::from_config(Arc::new(server)),
        authority,
    }))
}

/// A fresh leaf of the authority in `folder`, which is made at first start.
fn development(
    folder: &Path,
    names: &[String],
) -> Result<(CertificateDer<'static>, PrivateKeyDer<'static>, PathBuf), TlsError> {
    let key_file = folder.join("authority.key");
    let cert_file = folder.join("authority.pem");
    let key_pem = read_or_make(&key_file, || match KeyPair::generate() {
        Ok(key) => Ok(key.serialize_pem().into_bytes()),
        Err(_) => Err(KeyError::Unusable(key_file.clone())),
    })?;
    let key_pem = String::from_utf8(key_pem).map_err(|_| KeyError::Unusable(key_file.clone()))?;
    let key = KeyPair::from_pem(&key_pem)?;
    read_or_make(&cert_file, || {
        let made = authority()
            .self_signed(&key)
            .map_err(|_| KeyError::Unusable(cert_file.clone()))?;
        Ok(made.pem().into_bytes())
    })?;
    // The same name and key as in the certificate that people trust already.
    let issuer = Issuer::new(authority(), key);
    let mut subjects = vec![
        "localhost".to_owned(),
        "127.0.0.1".to_owned(),
        "::1".to_owned(),
    ];
    subjects.extend(names.iter().cloned());
    let mut params = CertificateParams::new(subjects)?;
    params
        .distinguished_name
        .push(DnType::CommonName, "Plenary development server");
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    let now = OffsetDateTime::now_utc();
    params.not_before = now - Duration::days(1);
    // Apple's clients take no longer one.
    params.not_after = now + Duration::days(397);
    let leaf_key = KeyPair::generate()?;
    let leaf = params.signed_by(&leaf_key, &issuer)?;
    let key = PrivateKeyDer::Pkcs8(leaf_key.serialize_der().into());
    Ok((leaf.der().clone(), key, cert_file))
}

fn authority() -> CertificateParams {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.distinguished_name.push(
        DnType::CommonName,
        "Plenary development authority (this machine alone)",
    );
    params.not_before = OffsetDateTime::now_utc() - Duration::days(1);
    params.not_after = OffsetDateTime::now_utc() + Duration::days(3_650);
    params
}
