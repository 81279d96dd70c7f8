//! TLS on both sides: what certificates are trusted, and which one is shown.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore, ServerConfig};

fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// How upstreams are spoken to over TLS.
#[derive(Clone)]
pub struct Client {
    /// HTTP/2 is offered.
    pub any: Arc<ClientConfig>,
    /// It is not: an upgrade needs HTTP/1.1.
    pub http1: Arc<ClientConfig>,
}

impl Client {
    /// Trusts the system's authorities, the built-in ones if the system has none, and those in `ca_files`.
    pub fn new(ca_files: &[PathBuf]) -> Result<Self, String> {
        let mut roots = RootCertStore::empty();
        let native = rustls_native_certs::load_native_certs();
        roots.add_parsable_certificates(native.certs);
        if roots.is_empty() {
            tracing::info!("the system has no certificate authorities: using the built-in ones");
            roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        }
        for file in ca_files {
            for certificate in certificates(file)? {
                roots.add(certificate).map_err(|why| format!("{}: {why}", file.display()))?;
            }
        }
        let roots = Arc::new(roots);
        let config = |protocols: &[&[u8]]| {
            let mut config = ClientConfig::builder_with_provider(provider())
                .with_safe_default_protocol_versions()
                .map_err(|why| why.to_string())?
                .with_root_certificates(Arc::clone(&roots))
                .with_no_client_auth();
            config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
            Ok::<_, String>(Arc::new(config))
        };
        Ok(Self { any: config(&[b"h2", b"http/1.1"])?, http1: config(&[b"http/1.1"])? })
    }
}

/// What clients are shown.
pub fn server(cert: &Path, key: &Path) -> Result<Arc<ServerConfig>, String> {
    let chain = certificates(cert)?;
    let key_der = PrivateKeyDer::from_pem_file(key).map_err(|why| format!("{}: {why}", key.display()))?;
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|why| why.to_string())?
        .with_no_client_auth()
        .with_single_cert(chain, key_der)
        .map_err(|why| format!("{}: {why}", cert.display()))?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let wrong = |why: rustls::pki_types::pem::Error| format!("{}: {why}", file.display());
    let found: Vec<_> =
        CertificateDer::pem_file_iter(file).map_err(wrong)?.collect::<Result<_, _>>().map_err(wrong)?;
    if found.is_empty() { Err(format!("{}: holds no certificate", file.display())) } else { Ok(found) }
}
