// SPDX-License-Identifier: MPL-2.0
//! TLS by certificate files. What is wrong with them is an error at the start, never plain HTTP.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::lock::lock;

/// Where the certificate is.
#[derive(Clone, Debug)]
pub struct TlsFiles {
    /// Certificate chain, PEM, the server's own first.
    pub cert: PathBuf,
    /// Private key, PEM.
    pub key: PathBuf,
}

/// The certificate in use, which can be replaced while the server runs.
#[derive(Clone)]
pub(crate) struct CurrentTls(Arc<Mutex<TlsAcceptor>>);

impl CurrentTls {
    pub(crate) fn new(acceptor: TlsAcceptor) -> Self {
        Self(Arc::new(Mutex::new(acceptor)))
    }

    /// For one connection.
    pub(crate) fn get(&self) -> TlsAcceptor {
        lock(&self.0).clone()
    }

    /// Connections that stand keep theirs.
    pub(crate) fn replace(&self, acceptor: TlsAcceptor) {
        *lock(&self.0) = acceptor;
    }
}

impl TlsFiles {
    pub(crate) fn load(&self) -> Result<TlsAcceptor, String> {
        let in_cert =
            |e: &dyn std::fmt::Display| format!("certificate {}: {e}", self.cert.display());
        let in_key = |e: &dyn std::fmt::Display| format!("private key {}: {e}", self.key.display());
        let chain = CertificateDer::pem_file_iter(&self.cert).map_err(|e| in_cert(&e))?;
        let chain = chain
            .collect::<Result<Vec<_>, _>>()
            .map_err(|e| in_cert(&e))?;
        if chain.is_empty() {
            return Err(in_cert(&"no certificate in this file"));
        }
        let key = PrivateKeyDer::from_pem_file(&self.key).map_err(|e| in_key(&e))?;
        // The provider is named here and not installed: the process may have another default.
        let provider = Arc::new(aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|e| in_cert(&e))?
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .map_err(|e| in_cert(&e))?;
        Ok(TlsAcceptor::from(Arc::new(config)))
    }
}
