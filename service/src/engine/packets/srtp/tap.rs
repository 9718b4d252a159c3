//! str0m's DTLS with a second copy of the keys that it exports.
//!
//! str0m keeps them to itself, but takes a DTLS from outside: this is its own, and on the way the
//! keys are put where the session looks for them.

use std::cell::Cell;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use str0m::config::DtlsVersion;
use str0m::crypto::dtls::{
    DtlsCert, DtlsImplError, DtlsInstance, DtlsOutput, DtlsProvider, KeyingMaterial,
    ProtocolVersion,
};
use str0m::crypto::{from_feature_flags, CryptoError, CryptoProvider};
use str0m::{Rtc, RtcConfig, RtcError};

use super::keys::Keys;

/// Filled when the handshake is done.
pub(crate) type Slot = Arc<OnceLock<Keys>>;

thread_local! {
    /// The slot of the DTLS made last on this thread: str0m does not say which of its transports it
    /// makes one for, but it makes one while a transport is built.
    static MADE: Cell<Option<Slot>> = const { Cell::new(None) };
}

/// Build a transport, and the place where its keys will be.
pub(crate) fn build(config: RtcConfig, now: Instant) -> Result<(Rtc, Slot), RtcError> {
    MADE.take();
    let crypto = CryptoProvider {
        dtls_provider: &TAPPED,
        ..from_feature_flags()
    };
    let rtc = config.set_crypto_provider(Arc::new(crypto)).build(now);
    // Without a slot nothing would be sent, and a test of any kind sees that.
    Ok((rtc, MADE.take().unwrap_or_default()))
}

static TAPPED: Tapped = Tapped;

#[derive(Debug)]
struct Tapped;

impl DtlsProvider for Tapped {
    fn generate_certificate(&self) -> Option<DtlsCert> {
        from_feature_flags().dtls_provider.generate_certificate()
    }

    fn new_dtls(
        &self,
        cert: &DtlsCert,
        now: Instant,
        version: DtlsVersion,
        mtu: Option<usize>,
    ) -> Result<Box<dyn DtlsInstance>, CryptoError> {
        let provider = from_feature_flags().dtls_provider;
        let inner = provider.new_dtls(cert, now, version, mtu)?;
        let slot = Slot::default();
        MADE.set(Some(slot.clone()));
        Ok(Box::new(Instance { inner, slot }))
    }
}

#[derive(Debug)]
struct Instance {
    inner: Box<dyn DtlsInstance>,
    slot: Slot,
}

impl DtlsInstance for Instance {
    fn poll_output<'a>(&mut self, buf: &'a mut [u8]) -> DtlsOutput<'a> {
        let output = self.inner.poll_output(buf);
        if let DtlsOutput::KeyingMaterial(material, profile) = &output {
            let keys = Keys {
                material: KeyingMaterial::new(material),
                profile: *profile,
                active: self.inner.is_active(),
            };
            // str0m never renegotiates; were there others, the first would stay.
            let _ = self.slot.set(keys);
        }
        output
    }

    fn set_active(&mut self, active: bool) {
        self.inner.set_active(active);
    }

    fn handle_packet(&mut self, packet: &[u8]) -> Result<(), DtlsImplError> {
        self.inner.handle_packet(packet)
    }

    fn handle_timeout(&mut self, now: Instant) -> Result<(), DtlsImplError> {
        self.inner.handle_timeout(now)
    }

    fn send_application_data(&mut self, data: &[u8]) -> Result<usize, DtlsImplError> {
        self.inner.send_application_data(data)
    }

    fn is_active(&self) -> bool {
        self.inner.is_active()
    }

    fn protocol_version(&self) -> Option<ProtocolVersion> {
        self.inner.protocol_version()
    }

    fn is_closing(&self) -> bool {
        self.inner.is_closing()
    }

    fn is_closed(&self) -> bool {
        self.inner.is_closed()
    }

    fn close(&mut self) -> Result<(), DtlsImplError> {
        self.inner.close()
    }
}
