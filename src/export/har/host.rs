//! Which upstream a URL belongs to.

use super::super::wanted::Origin;

/// Hosts of providers that have many: how they begin and end, and the upstream.
const MANY: [(&str, &str, &str); 5] = [
    ("", ".openai.azure.com", "azure"),
    ("", ".services.ai.azure.com", "azure"),
    ("", "-aiplatform.googleapis.com", "vertex"),
    ("bedrock-runtime.", ".amazonaws.com", "bedrock"),
    ("bedrock-runtime-fips.", ".amazonaws.com", "bedrock"),
];

/// The upstream and whose rules hold there; of a host that nobody knows, its name for both.
pub fn upstream(url: &str, origins: &[Origin]) -> (String, String) {
    let host = authority(url);
    if let Some(origin) = origins.iter().find(|origin| authority(&origin.url) == host) {
        return (origin.upstream.clone(), origin.provider.clone());
    }
    let known = MANY.iter().find(|(begin, end, _)| host.starts_with(begin) && host.ends_with(end));
    let name = known.map_or(host, |(_, _, name)| (*name).to_owned());
    (name.clone(), name)
}

/// Host and port in lower case, without a port that goes without saying.
fn authority(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    // Not who someone is there.
    let host = authority.rsplit('@').next().unwrap_or_default().to_ascii_lowercase();
    let usual = match scheme {
        "https" | "wss" => ":443",
        _ => ":80",
    };
    host.strip_suffix(usual).map(str::to_owned).unwrap_or(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_lead_to_upstreams() {
        let origin = |upstream: &str, provider: &str, url: &str| Origin {
            upstream: upstream.to_owned(),
            provider: provider.to_owned(),
            url: url.to_owned(),
        };
        let origins = [
            origin("openai", "openai", "https://api.openai.com"),
            origin("mine", "openai", "http://127.0.0.1:9000/prefix"),
        ];
        for (url, expected) in [
            ("https://API.openai.com:443/v1/models?x=1", ("openai", "openai")),
            ("wss://api.openai.com/v1/realtime", ("openai", "openai")),
            ("http://127.0.0.1:9000/prefix/v1", ("mine", "openai")),
            (
                "https://user:word@bedrock-runtime.eu-west-1.amazonaws.com/model/x/converse",
                ("bedrock", "bedrock"),
            ),
            ("https://llm.example.com/v1", ("llm.example.com", "llm.example.com")),
        ] {
            let found = upstream(url, &origins);
            assert_eq!((found.0.as_str(), found.1.as_str()), expected, "{url}");
        }
    }
}
