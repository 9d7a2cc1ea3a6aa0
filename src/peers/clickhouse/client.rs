//! One request, one connection, one whole answer. Nothing is sent twice by itself.
//!
//! A connection per request: a batch a second needs no pool, and a dead pooled connection cannot be mistaken for a lost answer.

use super::Error;
use super::answer::{Answer, understood};
use bytes::Bytes;
use http::{Method, Request};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// How the bytes travel.
#[derive(Clone)]
pub enum Transport {
    /// Plain TCP; the configuration allows it on loopback only.
    Plain,
    /// TLS with the named roots.
    Tls {
        /// Roots and, where asked for, a client certificate.
        config: Arc<rustls::ClientConfig>,
        /// The name the server's certificate must hold.
        name: ServerName<'static>,
    },
}

impl Transport {
    /// TLS to `host`, whose certificate must chain to one of the authorities in `roots` (PEM).
    ///
    /// # Errors
    /// A host that no certificate can name, and roots that cannot be read.
    pub fn tls(host: &str, roots: &[u8]) -> Result<Self, UnusableTls> {
        let wrong = |what: &'static str, why: String| UnusableTls { what, why };
        let name = ServerName::try_from(host.to_owned()).map_err(|error| wrong("the host's name", error.to_string()))?;
        let mut store = rustls::RootCertStore::empty();
        for root in CertificateDer::pem_slice_iter(roots) {
            let root = root.map_err(|error| wrong("the roots", error.to_string()))?;
            store.add(root).map_err(|error| wrong("the roots", error.to_string()))?;
        }
        if store.is_empty() {
            return Err(wrong("the roots", "they hold no PEM certificate".to_owned()));
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let config = builder.map_err(|error| wrong("the provider", error.to_string()))?.with_root_certificates(store).with_no_client_auth();
        Ok(Self::Tls { config: Arc::new(config), name })
    }
}

/// TLS to ClickHouse that cannot be set up.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} cannot be used for TLS to ClickHouse: {why}")]
pub struct UnusableTls {
    what: &'static str,
    why: String,
}

/// Who asks.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// ClickHouse's user.
    pub user: String,
    /// The file with its password, read at each request so that a rotated one is taken; none for a user without one.
    pub password_file: Option<PathBuf>,
}

/// Where ClickHouse is and what one request may take.
#[derive(Clone)]
pub struct Settings {
    /// Host name or address.
    pub host: String,
    /// The HTTP port.
    pub port: u16,
    /// Plain or TLS.
    pub transport: Transport,
    /// Who asks.
    pub credentials: Credentials,
    /// The database that holds the audit tables; letters, digits and `_`.
    pub database: String,
    /// Longest time for one request with its answer, in milliseconds.
    pub request_timeout_ms: u64,
    /// Longest answer, in bytes.
    pub answer_bytes_max: usize,
}

/// A client; cheap to clone.
#[derive(Clone)]
pub struct Client {
    settings: Arc<Settings>,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Client({})", self.at())
    }
}

impl Client {
    /// A client for one server.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self { settings: Arc::new(settings) }
    }

    /// The database of the audit tables.
    #[must_use]
    pub fn database(&self) -> &str {
        &self.settings.database
    }

    /// Host and port, for messages.
    #[must_use]
    pub fn at(&self) -> String {
        format!("{}:{}", self.settings.host, self.settings.port)
    }

    /// Runs one statement and gives its answer's bytes. `parameters` stand in the SQL as `{name:Type}` and are never spliced into it.
    ///
    /// # Errors
    /// As [`Error`] says.
    pub async fn query(&self, sql: &str, parameters: &[(&str, &str)]) -> Result<Bytes, Error> {
        let named: Vec<(String, &str)> = parameters.iter().map(|(name, value)| (format!("param_{name}"), *value)).collect();
        let mut options: Vec<(&str, &str)> = named.iter().map(|(name, value)| (name.as_str(), *value)).collect();
        options.push(("wait_end_of_query", "1"));
        self.ask(&options, Bytes::copy_from_slice(sql.as_bytes())).await.map(|answer| answer.body)
    }

    /// Inserts rows in one block and gives the number of rows that ClickHouse says it wrote, where it says.
    /// `options` are settings of this insert; `insert` is the statement up to its format.
    ///
    /// # Errors
    /// As [`Error`] says. After any error the rows may be there: read back before sending them again.
    pub async fn insert(&self, insert: &str, options: &[(&str, &str)], rows: Bytes) -> Result<Option<u64>, Error> {
        let mut all = vec![("query", insert), ("wait_end_of_query", "1")];
        all.extend_from_slice(options);
        self.ask(&all, rows).await.map(|answer| answer.written_rows)
    }

    async fn ask(&self, options: &[(&str, &str)], body: Bytes) -> Result<Answer, Error> {
        let limit = Duration::from_millis(self.settings.request_timeout_ms);
        tokio::time::timeout(limit, self.exchange(options, body))
            .await
            .unwrap_or_else(|_| Err(self.unknown(&format!("none within {} ms", self.settings.request_timeout_ms))))
    }

    async fn exchange(&self, options: &[(&str, &str)], body: Bytes) -> Result<Answer, Error> {
        let request = self.request(options, body).await?;
        let (host, port) = (self.settings.host.as_str(), self.settings.port);
        let socket = TcpStream::connect((host, port)).await.map_err(|error| self.unreachable(&error.to_string()))?;
        match &self.settings.transport {
            Transport::Plain => self.send(TokioIo::new(socket), request).await,
            Transport::Tls { config, name } => {
                let connector = TlsConnector::from(Arc::clone(config));
                let stream = connector.connect(name.clone(), socket).await.map_err(|error| self.unreachable(&error.to_string()))?;
                self.send(TokioIo::new(stream), request).await
            }
        }
    }

    async fn send<S>(&self, stream: S, request: Request<Full<Bytes>>) -> Result<Answer, Error>
    where
        S: hyper::rt::Read + hyper::rt::Write + Unpin + Send + 'static,
    {
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(stream).await.map_err(|error| self.unreachable(&error.to_string()))?;
        let connection = tokio::spawn(connection);
        let answered = async {
            let response = sender.send_request(request).await.map_err(|error| self.unknown(&error.to_string()))?;
            let (head, body) = response.into_parts();
            let whole = Limited::new(body, self.settings.answer_bytes_max).collect().await.map_err(|error| {
                self.unknown(&format!("the answer broke off or is over {} bytes: {error}", self.settings.answer_bytes_max))
            })?;
            understood(&head, whole.to_bytes())
        }
        .await;
        connection.abort();
        answered
    }

    async fn request(&self, options: &[(&str, &str)], body: Bytes) -> Result<Request<Full<Bytes>>, Error> {
        let mut target = String::from("/?");
        for (name, value) in options {
            encode(&mut target, name);
            target.push('=');
            encode(&mut target, value);
            target.push('&');
        }
        let mut request = Request::builder()
            .method(Method::POST)
            .uri(target)
            .header("host", self.at())
            .header("x-clickhouse-user", &self.settings.credentials.user);
        if let Some(password) = self.password().await? {
            request = request.header("x-clickhouse-key", password);
        }
        request.body(Full::new(body)).map_err(|_| Error::Shape("the user or password holds a byte that no HTTP header may".to_owned()))
    }

    async fn password(&self) -> Result<Option<http::HeaderValue>, Error> {
        let Some(path) = &self.settings.credentials.password_file else { return Ok(None) };
        let failed = |why: String| Error::Password { path: path.display().to_string(), why };
        let text = tokio::fs::read_to_string(path).await.map_err(|error| failed(error.to_string()))?;
        let mut value = http::HeaderValue::from_str(text.trim_end_matches(['\r', '\n']))
            .map_err(|_| failed("it holds a byte that no HTTP header may".to_owned()))?;
        value.set_sensitive(true);
        Ok(Some(value))
    }

    fn unreachable(&self, why: &str) -> Error {
        Error::Unreachable { at: self.at(), why: why.to_owned() }
    }

    fn unknown(&self, why: &str) -> Error {
        Error::Unknown { at: self.at(), why: why.to_owned() }
    }
}

/// Percent-encodes all but unreserved characters (RFC 3986 section 2.3).
fn encode(out: &mut String, text: &str) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            out.push(char::from(byte));
        } else {
            out.push('%');
            for half in [byte >> 4, byte & 15] {
                out.push(char::from_digit(u32::from(half), 16).unwrap_or('0').to_ascii_uppercase());
            }
        }
    }
}
