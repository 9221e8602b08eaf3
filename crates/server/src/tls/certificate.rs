//! Certificates: those of the server from its files, and the user that a client's names.

use std::sync::Arc;

use fanfare_engine::settings::{SettingError, Settings, TlsAuthClients};
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, SupportedProtocolVersion};
use x509_cert::Certificate;
use x509_cert::der::Decode;

/// What the settings ask for, read from their files.
pub(super) fn load(settings: &Settings) -> Result<Arc<ServerConfig>, SettingError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let chain = certificates("tls-cert-file", &settings.tls_cert_file)?;
    let key = PrivateKeyDer::from_pem_slice(&read("tls-key-file", &settings.tls_key_file)?)
        .map_err(|error| in_file("tls-key-file", &settings.tls_key_file, &pem_reason(&error)))?;
    let verifier = if settings.tls_auth_clients == TlsAuthClients::No {
        WebPkiClientVerifier::no_client_auth()
    } else {
        let authorities = Arc::new(authorities(&settings.tls_ca_cert_file)?);
        let mut builder = WebPkiClientVerifier::builder_with_provider(authorities, Arc::clone(&provider));
        if settings.tls_auth_clients == TlsAuthClients::Optional {
            builder = builder.allow_unauthenticated();
        }
        builder.build().map_err(|error| in_file("tls-ca-cert-file", &settings.tls_ca_cert_file, &error.to_string()))?
    };
    let config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&versions(&settings.tls_protocols)?)
        .map_err(|error| refused("tls-protocols", error.to_string()))?
        .with_client_cert_verifier(verifier)
        .with_single_cert(chain, key)
        .map_err(|error| {
            let reason = format!("with the key {}: {error}", settings.tls_key_file);
            in_file("tls-cert-file", &settings.tls_cert_file, &reason)
        })?;
    Ok(Arc::new(config))
}

/// The user that the subject's common name names, `None` if it has none that is text.
pub(super) fn common_name(certificate: &CertificateDer<'_>) -> Option<String> {
    let certificate = Certificate::from_der(certificate).ok()?;
    let name = certificate.tbs_certificate().subject().common_name().ok()??;
    Some(name.value().into_owned())
}

fn authorities(path: &str) -> Result<RootCertStore, SettingError> {
    const NAME: &str = "tls-ca-cert-file";
    if path.is_empty() {
        let reason = "who signs the certificates of clients is not set: set it, or tls-auth-clients no";
        return Err(refused(NAME, reason.to_owned()));
    }
    let mut store = RootCertStore::empty();
    for certificate in certificates(NAME, path)? {
        store.add(certificate).map_err(|error| in_file(NAME, path, &error.to_string()))?;
    }
    Ok(store)
}

fn certificates(name: &'static str, path: &str) -> Result<Vec<CertificateDer<'static>>, SettingError> {
    let text = read(name, path)?;
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    let certificates = certificates.map_err(|error| in_file(name, path, &pem_reason(&error)))?;
    if certificates.is_empty() {
        return Err(in_file(name, path, "it has no certificate in PEM form"));
    }
    Ok(certificates)
}

fn read(name: &'static str, path: &str) -> Result<Vec<u8>, SettingError> {
    if path.is_empty() {
        return Err(refused(name, "TLS needs it, and it is not set".to_owned()));
    }
    std::fs::read(path).map_err(|error| in_file(name, path, &error.to_string()))
}

fn versions(words: &str) -> Result<Vec<&'static SupportedProtocolVersion>, SettingError> {
    if words.is_empty() {
        return Ok(rustls::ALL_VERSIONS.to_vec());
    }
    let version = |word: &str| match word.to_ascii_lowercase().as_str() {
        "tlsv1.2" => Ok(&rustls::version::TLS12),
        "tlsv1.3" => Ok(&rustls::version::TLS13),
        _ => Err(refused("tls-protocols", format!("'{word}' is neither TLSv1.2 nor TLSv1.3"))),
    };
    words.split_ascii_whitespace().map(version).collect()
}

fn pem_reason(error: &pem::Error) -> String {
    match error {
        pem::Error::NoItemsFound => "it has no private key in PEM form without a passphrase".to_owned(),
        error => error.to_string(),
    }
}

fn in_file(name: &'static str, path: &str, reason: &str) -> SettingError {
    refused(name, format!("{path}: {reason}"))
}

const fn refused(name: &'static str, reason: String) -> SettingError {
    SettingError::Refused { name, reason }
}
