//! Names of JSON members whose values are credentials.
//!
//! A name that counts or lists tokens is none, nor is one whose value is not text: a schema may well describe a member
//! called `password`.

/// Names in their plain spelling: lower case, without what parts their words.
const NAMES: &[&str] = &[
    "authorization",
    "proxyauthorization",
    "idtoken",
    "oauthtoken",
    "securitytoken",
    "subscriptionkey",
    "clientassertion",
    "jwt",
];

/// What such names end with.
const ENDINGS: &[&str] = &[
    "apikey",
    "apitoken",
    "apisecret",
    "secretkey",
    "accesskey",
    "privatekey",
    "clientsecret",
    "password",
    "passwd",
    "accesstoken",
    "refreshtoken",
    "authtoken",
    "bearertoken",
    "sessiontoken",
    "authorizationtoken",
];

/// The same in an object that is called `headers`, as those have with which a provider calls a tool's server.
const HEADERS: &[&str] = &[
    "authorization",
    "key",
    "token",
    "secret",
    "password",
    "auth",
    "cookie",
    "jwt",
    "credential",
    "credentials",
];

/// Members that hold what is said: messages, tools' arguments and results.
const SAID: &[&str] = &[
    "args",
    "arguments",
    "content",
    "contents",
    "functionresponse",
    "input",
    "messages",
    "output",
    "result",
];

/// Headers that end so and are none.
const NO_SECRETS: &[&str] = &["idempotencykey", "cachekey", "websocketkey", "routingkey"];

/// What every known name ends with, before the quote that may itself be escaped.
const SIGN: &str = r#"(?-u)(?:ey|EY|oken|OKEN|ecret|ECRET|ssword|SSWORD|asswd|ASSWD|zation|ZATION|wt|WT|ssertion|SSERTION|eaders|EADERS)["\\]"#;

/// Of longer names, what they end with.
const LONGEST: usize = 64;

pub(super) struct Fields {
    own: Vec<Vec<u8>>,
}

/// A name in its plain spelling, at the end of these bytes.
struct Plain {
    bytes: [u8; LONGEST],
    start: usize,
}

impl Plain {
    fn of(name: &[u8]) -> Self {
        let mut plain = Self { bytes: [0; LONGEST], start: LONGEST };
        let kept = name.iter().rev().filter(|byte| !b"_-.".contains(byte));
        for (place, byte) in plain.bytes.iter_mut().rev().zip(kept) {
            *place = byte.to_ascii_lowercase();
            plain.start -= 1;
        }
        plain
    }

    fn as_slice(&self) -> &[u8] {
        self.bytes.get(self.start..).unwrap_or_default()
    }
}

impl Fields {
    pub(super) fn new(own: &[String]) -> Self {
        let own = own.iter().map(|name| Plain::of(name.as_bytes()).as_slice().to_vec());
        Self { own: own.filter(|name| !name.is_empty()).collect() }
    }

    /// An expression that finds the end of every such name, and of others.
    pub(super) fn sign(&self) -> String {
        let own = self.own.iter().map(|name| {
            // The last two letters: how the words are parted is the writer's choice.
            let last = name.get(name.len().saturating_sub(2)..).unwrap_or_default();
            let letters = last.iter().map(|byte| regex::escape(&byte.escape_ascii().to_string()));
            format!("|(?i:{})[\"\\\\]", letters.collect::<Vec<_>>().join("[_.-]?"))
        });
        SIGN.to_owned() + &own.collect::<String>()
    }

    /// Whether the value of a member of this name is a credential, wherever it stands.
    pub(super) fn is_secret(&self, name: &[u8]) -> bool {
        let plain = Plain::of(name);
        let name = plain.as_slice();
        NAMES.iter().any(|known| known.as_bytes() == name)
            || ENDINGS.iter().any(|ending| name.ends_with(ending.as_bytes()))
            || self.own.iter().any(|own| own == name)
    }

    /// Whether the user called this name a credential's.
    pub(super) fn is_own(&self, name: &[u8]) -> bool {
        let plain = Plain::of(name);
        self.own.iter().any(|own| own == plain.as_slice())
    }

    /// Whether what stands under this name is said between a user, a model and its tools.
    pub(super) fn is_said(name: &[u8]) -> bool {
        SAID.iter().any(|known| known.as_bytes() == Plain::of(name).as_slice())
    }

    /// The same of a member in the object that is called `outer`.
    pub(super) fn is_secret_in(outer: &[u8], name: &[u8]) -> bool {
        let name = Plain::of(name);
        let name = name.as_slice();
        match Plain::of(outer).as_slice() {
            // A session's key comes as an object of the key and its time.
            b"clientsecret" => name == b"value",
            outer if outer.ends_with(b"headers") => {
                HEADERS.iter().any(|ending| name.ends_with(ending.as_bytes()))
                    && !NO_SECRETS.iter().any(|known| name.ends_with(known.as_bytes()))
            }
            _ => false,
        }
    }

    /// Whether this name, of which only the end before a quote is known, leads to a credential.
    pub(super) fn may_lead(&self, before_quote: &[u8]) -> bool {
        let is_name = |byte: &&u8| byte.is_ascii_alphanumeric() || b"_-.".contains(byte);
        let length = before_quote.iter().rev().take(LONGEST).take_while(is_name).count();
        let name = before_quote.get(before_quote.len() - length..).unwrap_or_default();
        self.is_secret(name) || Plain::of(name).as_slice().ends_with(b"headers")
    }
}

/// Where the secret begins in a value that may have a scheme before it, so that one key has one fingerprint.
pub(super) fn behind_scheme(value: &[u8]) -> usize {
    let schemes = [&b"bearer "[..], b"basic ", b"token "];
    let scheme = schemes
        .iter()
        .find(|scheme| value.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme)));
    scheme.map_or(0, |scheme| scheme.len()).min(value.len().saturating_sub(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_told_from_counts() {
        let fields = Fields::new(&["license_no".to_owned()]);
        for name in [
            "authorization_token",
            "Authorization",
            "api_key",
            "apiKey",
            "OPENAI_API_KEY",
            "client_secret",
            "secret_access_key",
            "SecretAccessKey",
            "session_token",
            "private-key",
            "licenseNo",
        ] {
            assert!(fields.is_secret(name.as_bytes()), "{name}");
        }
        for name in [
            "max_tokens",
            "input_tokens",
            "token",
            "tokens",
            "key",
            "next_page_token",
            "prompt_cache_key",
            "public_key",
            "secrets",
            "password_hint_shown",
            "value",
        ] {
            assert!(!fields.is_secret(name.as_bytes()), "{name}");
        }
        assert!(
            fields.is_secret(("x".repeat(100) + "_password").as_bytes()),
            "a long name ends as others do"
        );
        assert!(Fields::is_secret_in(b"client_secret", b"value"));
        assert!(Fields::is_secret_in(b"headers", b"X-Vault-Token"));
        assert!(!Fields::is_secret_in(b"headers", b"Idempotency-Key"));
        assert_eq!(behind_scheme(b"Bearer abc"), 7);
        assert_eq!(behind_scheme(b"Bearer "), 6);
    }
}
