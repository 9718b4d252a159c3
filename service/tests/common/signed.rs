//! Requests of a backend, signed with a resource's key.

use super::{Answer, Service};
use aws_lc_rs::{digest, hmac};
use base64::prelude::{Engine, BASE64_STANDARD};
use plenary_service::store::Resource;
use std::time::SystemTime;

pub const VERSION: &str = "api-version=2023-10-01";

pub async fn resource(service: &Service) -> Resource {
    let app = &service.running.as_ref().unwrap().app;
    app.store.resources().await.unwrap().remove(0)
}

pub async fn signed(
    service: &Service,
    key: &str,
    method: &str,
    target: &str,
    body: &str,
) -> Answer {
    let date = httpdate::fmt_http_date(SystemTime::now());
    let hash = BASE64_STANDARD.encode(digest::digest(&digest::SHA256, body.as_bytes()));
    let text = format!("{method}\n{target}\n{date};{};{hash}", service.address);
    let key = hmac::Key::new(hmac::HMAC_SHA256, &BASE64_STANDARD.decode(key).unwrap());
    let signature = BASE64_STANDARD.encode(hmac::sign(&key, text.as_bytes()));
    let authorization = format!(
        "HMAC-SHA256 SignedHeaders=x-ms-date;host;x-ms-content-sha256&Signature={signature}"
    );
    let headers = [
        ("x-ms-date", date.as_str()),
        ("x-ms-content-sha256", hash.as_str()),
        ("authorization", authorization.as_str()),
        ("content-type", "application/json"),
    ];
    service.http(method, target, &headers, body).await
}

pub fn encoded(id: &str) -> String {
    id.replace(':', "%3A")
}
