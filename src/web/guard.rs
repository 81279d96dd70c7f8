//! Who may see what: tokens, and the checks that keep other sites' pages out of a browser's reach.
//!
//! Without a token the web side listens on loopback alone. A page of a stranger's can still make a browser send requests
//! there, under its own name (rebinding) or ours (forged requests). So a request must name this machine, and one that
//! changes something must not come from another site.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::http::{HeaderMap, Method, StatusCode, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use subtle::ConstantTimeEq as _;

use super::Config;
use super::fault::Fault;
use crate::model::setting::Secret;

/// The cookie that stands for a token.
pub const COOKIE: &str = "wiretape";

/// So many wrong tokens from one address, and it has to wait.
const TRIES: u32 = 10;
const WAIT: Duration = Duration::from_secs(60);
/// So many addresses are remembered.
const MOST_ADDRESSES: usize = 1024;

/// What a visitor may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    Nobody,
    Reader,
    Owner,
}

/// Decides.
pub struct Guard {
    token: Option<Secret>,
    read_token: Option<Secret>,
    hosts: Vec<String>,
    failed: Mutex<HashMap<IpAddr, (u32, Instant)>>,
}

impl Guard {
    pub fn new(config: &Config) -> Self {
        Self {
            token: config.token.clone(),
            read_token: config.read_token.clone(),
            hosts: config.hosts.iter().map(|host| host.to_ascii_lowercase()).collect(),
            failed: Mutex::default(),
        }
    }

    pub fn asks_for_token(&self) -> bool {
        self.token.is_some()
    }

    /// Whether a request may be from this machine's own user, whatever it says about who it is.
    pub fn check_origin(&self, method: &Method, headers: &HeaderMap) -> Result<(), Fault> {
        let host = text(headers, header::HOST).unwrap_or_default();
        if self.token.is_none() && !self.is_ours(host) {
            let message = format!("this is not {host:?}; add the name to web.hosts if it is");
            return Err(Fault { status: StatusCode::MISDIRECTED_REQUEST, message });
        }
        let site = text(headers, "sec-fetch-site");
        let is_navigation = text(headers, "sec-fetch-mode") == Some("navigate");
        let reads = matches!(*method, Method::GET | Method::HEAD);
        // A link from elsewhere may lead here; nothing else of another site's may.
        let from_elsewhere = site.is_some_and(|site| !matches!(site, "same-origin" | "none"));
        if from_elsewhere && !(reads && is_navigation) {
            return Err(Fault::forbidden("another site's page asked for this"));
        }
        if !reads && let Some(origin) = text(headers, header::ORIGIN) {
            let own = origin.split_once("://").map(|(_, host)| host);
            if own != Some(host) {
                return Err(Fault::forbidden("another site's page asked for this"));
            }
        }
        Ok(())
    }

    fn is_ours(&self, host: &str) -> bool {
        let name = name_of(host).to_ascii_lowercase();
        let is_local = name == "localhost"
            || name.ends_with(".localhost")
            || name.trim_matches(['[', ']']).parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
        is_local || self.hosts.contains(&name)
    }

    /// What a request may do by the token or cookie that it carries.
    pub fn role(&self, headers: &HeaderMap, from: IpAddr) -> Result<Role, Fault> {
        if self.token.is_none() {
            return Ok(Role::Owner);
        }
        if let Some(said) = said_token(headers) {
            return match self.of_token(&said) {
                Role::Nobody => {
                    self.failed_at(from)?;
                    Ok(Role::Nobody)
                }
                role => Ok(role),
            };
        }
        let Some(cookie) = cookie(headers) else { return Ok(Role::Nobody) };
        let is = |token: &Option<Secret>| token.as_ref().is_some_and(|token| same(&seal(token), &cookie));
        Ok(match (is(&self.token), is(&self.read_token)) {
            (true, _) => Role::Owner,
            (false, true) => Role::Reader,
            _ => Role::Nobody,
        })
    }

    /// What a token stands for. Takes the same time for every wrong one.
    fn of_token(&self, said: &str) -> Role {
        let is = |token: &Option<Secret>| token.as_ref().is_some_and(|token| same(token.reveal(), said));
        match (is(&self.token), is(&self.read_token)) {
            (true, _) => Role::Owner,
            (false, true) => Role::Reader,
            _ => Role::Nobody,
        }
    }

    /// The cookie for a token that was typed in; `None` where it is none.
    pub fn log_in(&self, said: &str, from: IpAddr) -> Result<Option<String>, Fault> {
        self.may_try(from)?;
        let token = match self.of_token(said) {
            Role::Owner => self.token.as_ref(),
            Role::Reader => self.read_token.as_ref(),
            Role::Nobody => None,
        };
        match token {
            Some(token) => Ok(Some(seal(token))),
            None => {
                self.failed_at(from)?;
                Ok(None)
            }
        }
    }

    fn may_try(&self, from: IpAddr) -> Result<(), Fault> {
        let failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        match failed.get(&from) {
            Some((tries, last)) if *tries >= TRIES && last.elapsed() < WAIT => Err(Fault {
                status: StatusCode::TOO_MANY_REQUESTS,
                message: "too many wrong tokens; try again in a minute".to_owned(),
            }),
            _ => Ok(()),
        }
    }

    fn failed_at(&self, from: IpAddr) -> Result<(), Fault> {
        {
            let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
            failed.retain(|_, (_, last)| last.elapsed() < WAIT);
            if failed.len() < MOST_ADDRESSES || failed.contains_key(&from) {
                let (tries, last) = failed.entry(from).or_insert((0, Instant::now()));
                (*tries, *last) = (tries.saturating_add(1), Instant::now());
            }
        }
        self.may_try(from)
    }
}

fn text(headers: &HeaderMap, name: impl header::AsHeaderName) -> Option<&str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// A host without its port.
fn name_of(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) && !name.ends_with(':') => name,
        _ => host,
    }
}

/// A token in a header: as bearer, or as the password (or user) that SDKs send.
fn said_token(headers: &HeaderMap) -> Option<String> {
    let said = text(headers, header::AUTHORIZATION)?;
    let (scheme, rest) = said.split_once(' ')?;
    if scheme.eq_ignore_ascii_case("bearer") {
        return Some(rest.trim().to_owned());
    }
    if scheme.eq_ignore_ascii_case("basic") {
        let pair = String::from_utf8(STANDARD.decode(rest.trim()).ok()?).ok()?;
        let (user, password) = pair.split_once(':').unwrap_or((&pair, ""));
        return Some(if password.is_empty() { user } else { password }.to_owned());
    }
    None
}

fn cookie(headers: &HeaderMap) -> Option<String> {
    let all = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = all.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, _)| *name == COOKIE).map(|(_, value)| value.to_owned())
}

/// What the cookie says in a token's place: it tells nothing of it, and stays good as long as the token does.
fn seal(token: &Secret) -> String {
    blake3::Hash::from(blake3::derive_key("wiretape web cookie", token.reveal().as_bytes()))
        .to_hex()
        .to_string()
}

fn same(one: &str, other: &str) -> bool {
    // Lengths are no secret; what stands in them is.
    one.as_bytes().ct_eq(other.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FROM: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    fn guard(token: Option<&str>) -> Guard {
        let config = Config {
            token: token.map(Secret::new),
            read_token: token.map(|_| Secret::new("only to look at it")),
            hosts: vec!["tape.example".to_owned()],
            ..Config::default()
        };
        Guard::new(&config)
    }

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| ((*name).parse().unwrap(), value.parse().unwrap())).collect()
    }

    #[test]
    fn without_a_token_only_this_machine_is_meant() {
        let open = guard(None);
        let check = |host: &str| open.check_origin(&Method::GET, &headers(&[("host", host)])).is_ok();
        for good in [
            "127.0.0.1:4751",
            "localhost",
            "[::1]:4751",
            "x.localhost:1",
            "tape.example:80",
            "LOCALHOST:4751",
        ] {
            assert!(check(good), "{good}");
        }
        for bad in [
            "evil.example",
            "127.0.0.1.evil.example",
            "localhost.evil.example:4751",
            "",
            "192.168.0.1",
            "[::2]",
        ] {
            assert!(!check(bad), "{bad}");
        }
        assert!(
            guard(Some("a long random text"))
                .check_origin(&Method::GET, &headers(&[("host", "any")]))
                .is_ok()
        );
    }

    #[test]
    fn other_sites_change_nothing() {
        let open = guard(None);
        let post = |pairs: &[(&'static str, &str)]| {
            let mut all = vec![("host", "localhost:4751")];
            all.extend_from_slice(pairs);
            open.check_origin(&Method::POST, &headers(&all)).is_ok()
        };
        assert!(post(&[]));
        assert!(post(&[("origin", "http://localhost:4751")]));
        assert!(!post(&[("origin", "http://evil.example")]));
        assert!(!post(&[("origin", "null")]));
        assert!(!post(&[("origin", "http://localhost:1")]));
        assert!(!post(&[("sec-fetch-site", "same-site")]));
        let get = |mode: &str| {
            let pairs = [("host", "localhost"), ("sec-fetch-site", "cross-site"), ("sec-fetch-mode", mode)];
            open.check_origin(&Method::GET, &headers(&pairs)).is_ok()
        };
        assert!(get("navigate"));
        assert!(!get("no-cors"));
    }

    #[test]
    fn tokens_and_cookies_say_who_it_is() {
        let guard = guard(Some("a long random text"));
        let role = |pairs: &[(&'static str, &str)]| guard.role(&headers(pairs), FROM).unwrap();
        assert_eq!(role(&[]), Role::Nobody);
        assert_eq!(role(&[("authorization", "Bearer a long random text")]), Role::Owner);
        assert_eq!(role(&[("authorization", "Bearer only to look at it")]), Role::Reader);
        assert_eq!(role(&[("authorization", "Bearer a long random tex")]), Role::Nobody);
        let basic = format!("Basic {}", STANDARD.encode("pk:a long random text"));
        assert_eq!(role(&[("authorization", &basic)]), Role::Owner);
        let cookie = guard.log_in("only to look at it", FROM).unwrap().unwrap();
        assert!(!cookie.contains("look"));
        assert_eq!(role(&[("cookie", &format!("a=b; wiretape={cookie}"))]), Role::Reader);
        assert_eq!(role(&[("cookie", "wiretape=only to look at it")]), Role::Nobody);
    }

    #[test]
    fn who_guesses_has_to_wait() {
        let guard = guard(Some("a long random text"));
        let tries = (0..20).map(|_| guard.log_in("wrong", FROM));
        let refused = tries.filter(Result::is_err).count();
        assert!(refused >= 10, "{refused}");
        assert_eq!(
            guard.log_in("a long random text", FROM).unwrap_err().status,
            StatusCode::TOO_MANY_REQUESTS
        );
        let other = IpAddr::from([127, 0, 0, 9]);
        assert!(guard.log_in("a long random text", other).unwrap().is_some());
    }
}
