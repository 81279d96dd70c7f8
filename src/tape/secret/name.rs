//! Which names carry credentials.

use std::borrow::Cow;

/// Header names that no rule below finds.
const HEADERS: &[&str] = &[
    // A key of its own, or a document signed for someone.
    "x-honeycomb-team",
    "x-amzn-oidc-data",
    "x-goog-iap-jwt-assertion",
    "cf-access-jwt-assertion",
    "x-portkey-vertex-service-account-json",
    "x-gladia-key",
    "x-oai-attestation",
    "x-key",
];

/// What the last word of such a name ends with: `x-vault-token`, `helicone-auth`, `x-forwarded-access-token`, `apikey`.
/// A plural counts something: `x-ratelimit-remaining-tokens`.
const LAST_WORDS: &[&str] = &[
    "authorization",
    "auth",
    "oauth",
    "token",
    "secret",
    "password",
    "passwd",
    "jwt",
    "apikey",
    "accesskey",
    "secretkey",
    "authkey",
    "credential",
    "credentials",
];

/// What such a name ends with: a `key` alone is often none (`sec-websocket-key`, `idempotency-key`, `cf-aig-cache-key`).
const ENDINGS: &[&str] = &[
    "api-key",
    "access-key",
    "access-key-id",
    "auth-key",
    "secret-key",
    "private-key",
    "virtual-key",
    "provider-key",
    "master-key",
    "admin-key",
    "session-key",
    "shared-key",
    "subscription-key",
    "functions-key",
    "application-key",
    "posthog-key",
];

/// Query parameters that no rule above finds.
const PARAMETERS: &[&str] = &[
    "key",
    "sig",
    "signature",
    "x-amz-signature",
    "x-amz-credential",
    "x-goog-signature",
    "x-goog-credential",
    "code",
    "awsaccesskeyid",
    "googleaccessid",
    "pass",
    "pwd",
];

/// Names as they are compared: lower case, `_` as `-`.
pub(super) fn plain(name: &str) -> Cow<'_, str> {
    // Names of headers come in lower case, and there are some in every call.
    if name.bytes().any(|byte| byte.is_ascii_uppercase() || byte == b'_') {
        Cow::Owned(name.to_ascii_lowercase().replace('_', "-"))
    } else {
        Cow::Borrowed(name)
    }
}

/// Whether a header, a parameter or a label of this plain name carries a credential.
pub(super) fn is_secret(name: &str) -> bool {
    let last = name.rsplit(['-', '.']).next().unwrap_or(name);
    HEADERS.contains(&name)
        || LAST_WORDS.iter().any(|word| last.ends_with(word))
        || ENDINGS.iter().any(|ending| name.ends_with(ending))
}

/// The same in a query.
pub(super) fn is_secret_parameter(name: &str) -> bool {
    PARAMETERS.contains(&name) || is_secret(name)
}

pub(super) fn is_cookie(name: &str) -> bool {
    ["cookie", "cookie2", "set-cookie", "set-cookie2"].iter().any(|known| name.eq_ignore_ascii_case(known))
}

/// Headers that hold an id, or else a JSON document that may have keys in it.
pub(super) fn may_be_document(name: &str) -> bool {
    ["x-portkey-config", "helicone-fallbacks"].iter().any(|known| name.eq_ignore_ascii_case(known))
}

/// Headers that hold a URL, which may hold credentials itself.
pub(super) fn is_url(name: &str) -> bool {
    const URLS: &[&str] = &[
        "referer",
        "location",
        "content-location",
        "operation-location",
        "azure-asyncoperation",
        "link",
        "refresh",
        "x-goog-upload-url",
        "x-goog-upload-control-url",
        "helicone-target-url",
        "helicone-openai-api-base",
        "x-portkey-custom-host",
        "x-original-url",
        "x-rewrite-url",
        "x-original-uri",
        "x-forwarded-uri",
    ];
    URLS.iter().any(|known| name.eq_ignore_ascii_case(known))
}

/// Words that say that a token follows in a list of sub-protocols.
const INTRODUCTIONS: &[&str] = &["token", "bearer", "key", "jwt", "auth", "secret", "authorization"];

/// A sub-protocol that says that the next one in the list is no protocol but a token.
pub(super) fn introduces_token(item: &str) -> bool {
    let name = plain(item);
    !item.contains('.') && (is_secret(&name) || INTRODUCTIONS.contains(&&*name))
}

/// Where a token begins in a sub-protocol that is a name, a dot, and a token.
pub(super) fn token_in_protocol(item: &str) -> Option<usize> {
    let name = plain(item);
    let at = INTRODUCTIONS.iter().filter_map(|word| Some(name.find(word)? + word.len())).min()?;
    // `base64url.bearer.authorization.k8s.io.TOKEN` names its token in words that are no token.
    if let Some(k8s) = name.find(".k8s.io.") {
        return Some(k8s + ".k8s.io.".len());
    }
    let dot = at + item[at..].find('.')? + 1;
    (dot < item.len()).then_some(dot)
}

/// No protocol has such a name.
pub(super) fn looks_like_key(item: &str) -> bool {
    item.starts_with("sk-")
        || item.starts_with("eyJ")
        || item.len() >= 40 && item.bytes().any(|byte| byte.is_ascii_digit())
}
