//! Opening a connection to an upstream: name look-up, TCP, another proxy on the way, TLS; each within its time.

use std::sync::Arc;
use std::time::Duration;

use http::Uri;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::proxy::{SocksV5, Tunnel};
use hyper_util::client::proxy::matcher::{Intercept, Matcher};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tower::{Service, ServiceExt as _};

use super::body::describe;
use super::config::Config;
use super::reply::Fault;
use super::stream::{self, Stream};
use super::tls;
use super::upstream::Upstream;

/// Why an upstream could not be reached.
#[derive(Debug)]
pub struct Failure {
    pub fault: Fault,
    pub message: String,
}

impl Failure {
    pub fn unreachable(message: String) -> Self {
        Self { fault: Fault::Unreachable, message }
    }

    pub fn timed_out(message: String) -> Self {
        Self { fault: Fault::TimedOut, message }
    }
}

/// Which protocols may be negotiated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offer {
    Any,
    Http1,
}

#[derive(Clone)]
pub struct Connector {
    tcp: HttpConnector,
    via: Option<Arc<Matcher>>,
    tls: tls::Client,
    connect_timeout: Duration,
    tls_timeout: Duration,
    keepalive: Duration,
}

impl Connector {
    pub fn new(config: &Config) -> Result<Self, String> {
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        let matcher = match config.via.as_ref().map(|via| parse_via(via.reveal())).transpose()? {
            None => None,
            Some(Via::Environment) => Some(Matcher::from_env()),
            Some(Via::Proxy(uri)) => {
                Some(Matcher::builder().all(uri.to_string()).no(config.no_via.join(",")).build())
            }
        };
        Ok(Self {
            tcp,
            via: matcher.map(Arc::new),
            tls: tls::Client::new(&config.ca_files)?,
            connect_timeout: config.connect_timeout,
            tls_timeout: config.tls_timeout,
            keepalive: config.keepalive,
        })
    }

    pub async fn connect(&self, upstream: &Upstream, offer: Offer) -> Result<Stream, Failure> {
        let place = || format!("{} ({}:{})", upstream.name, upstream.host(), upstream.port());
        let opening = tokio::time::timeout(self.connect_timeout, self.open(upstream));
        let tcp = match opening.await {
            Ok(Ok(tcp)) => tcp,
            Ok(Err(why)) => {
                return Err(Failure::unreachable(format!("could not connect to {}: {why}", place())));
            }
            Err(_) => {
                let after = self.connect_timeout;
                return Err(Failure::timed_out(format!("no connection to {} after {after:?}", place())));
            }
        };
        stream::tune(&tcp, self.keepalive);
        if !upstream.is_tls() {
            return Ok(Stream::Plain(tcp));
        }
        match tokio::time::timeout(self.tls_timeout, self.handshake(upstream, offer, tcp)).await {
            Ok(Ok(stream)) => Ok(stream),
            Ok(Err(why)) => Err(Failure::unreachable(format!("no TLS with {}: {why}", place()))),
            Err(_) => {
                let after = self.tls_timeout;
                Err(Failure::timed_out(format!("no TLS with {} after {after:?}", place())))
            }
        }
    }

    async fn open(&self, upstream: &Upstream) -> Result<TcpStream, String> {
        let origin = upstream.origin().map_err(|why| why.to_string())?;
        let direct = is_loopback(upstream.host());
        let via = self.via.as_ref().filter(|_| !direct).and_then(|matcher| matcher.intercept(&origin));
        let Some(via) = via else { return call(self.tcp.clone(), origin).await };
        // Whoever listens there is told the destination by host and port.
        let destination = format!("{}://{}:{}/", upstream.scheme, upstream.authority.host(), upstream.port());
        let destination: Uri =
            destination.parse().map_err(|_| "the upstream's URL is unusable".to_owned())?;
        self.open_via(&via, destination).await.map_err(|why| format!("via {}: {why}", shown(via.uri())))
    }

    async fn open_via(&self, via: &Intercept, destination: Uri) -> Result<TcpStream, String> {
        match via.uri().scheme_str() {
            Some("http") => {
                let mut tunnel = Tunnel::new(via.uri().clone(), self.tcp.clone());
                if let Some(credential) = via.basic_auth() {
                    tunnel = tunnel.with_auth(credential.clone());
                }
                call(tunnel, destination).await
            }
            Some(scheme @ ("socks5" | "socks5h")) => {
                let mut socks =
                    SocksV5::new(via.uri().clone(), self.tcp.clone()).local_dns(scheme == "socks5");
                if let Some((user, password)) = via.raw_auth() {
                    socks = socks.with_auth(user.to_owned(), password.to_owned());
                }
                call(socks, destination).await
            }
            _ => Err("this kind of proxy is not spoken here".to_owned()),
        }
    }

    async fn handshake(&self, upstream: &Upstream, offer: Offer, tcp: TcpStream) -> Result<Stream, String> {
        let config = match (offer, upstream.http2) {
            (Offer::Http1, _) | (_, Some(false)) => &self.tls.http1,
            (Offer::Any, _) => &self.tls.any,
        };
        let name = ServerName::try_from(upstream.host().to_owned()).map_err(|why| why.to_string())?;
        let tls = TlsConnector::from(Arc::clone(config)).connect(name, tcp).await;
        Ok(Stream::Tls(Box::new(tls.map_err(|why| why.to_string())?.into())))
    }
}

async fn call<S>(service: S, destination: Uri) -> Result<TcpStream, String>
where
    S: Service<Uri, Response = TokioIo<TcpStream>>,
    S::Error: std::error::Error + 'static,
{
    match service.oneshot(destination).await {
        Ok(io) => Ok(io.into_inner()),
        Err(why) => Err(describe(&why)),
    }
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// A URI without its user and password.
fn shown(uri: &Uri) -> String {
    let port = uri.port_u16().map(|port| format!(":{port}")).unwrap_or_default();
    format!("{}://{}{port}", uri.scheme_str().unwrap_or_default(), uri.host().unwrap_or_default())
}

/// The setting `via`, understood.
#[derive(Debug, PartialEq)]
pub enum Via {
    Environment,
    Proxy(Uri),
}

pub fn parse_via(text: &str) -> Result<Via, String> {
    if text == "environment" {
        return Ok(Via::Environment);
    }
    let uri: Uri = text.parse().map_err(|_| "is neither a URL nor \"environment\"".to_owned())?;
    match (uri.scheme_str(), uri.host()) {
        (Some("http" | "socks5" | "socks5h"), Some(_)) => Ok(Via::Proxy(uri)),
        _ => Err("must begin with http:// or socks5://, or be \"environment\"".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn via_is_understood() {
        assert_eq!(parse_via("environment"), Ok(Via::Environment));
        assert!(matches!(parse_via("http://user:pw@proxy:3128"), Ok(Via::Proxy(_))));
        assert!(matches!(parse_via("socks5://127.0.0.1:1080"), Ok(Via::Proxy(_))));
        assert!(parse_via("https://proxy").is_err() && parse_via("proxy:3128").is_err());
    }

    #[test]
    fn credentials_of_a_proxy_are_not_shown() {
        assert_eq!(shown(&"http://user:pw@proxy:3128".parse().unwrap()), "http://proxy:3128");
    }

    #[test]
    fn loopback_is_never_reached_through_a_proxy() {
        assert!(is_loopback("127.0.0.1") && is_loopback("::1") && is_loopback("localhost"));
        assert!(!is_loopback("10.0.0.1") && !is_loopback("api.openai.com"));
    }
}
