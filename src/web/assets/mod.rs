//! What pages are made of beside markup: styles, scripts, the icon. They are part of the program; nothing comes from
//! elsewhere. Each is asked for by its name and a hash, so that a browser may keep it for good.

/// One file.
#[derive(Clone, Copy, Debug)]
pub struct Asset {
    pub name: &'static str,
    pub mime: &'static str,
    pub text: &'static str,
    /// Changes when the text does.
    pub hash: u64,
}

const STYLE: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";

/// Every asset.
pub const ASSETS: &[Asset] = &[
    asset("html.css", STYLE, crate::html::STYLE),
    asset("page.css", STYLE, include_str!("page.css")),
    asset("theme.js", SCRIPT, include_str!("theme.js")),
    asset("times.js", SCRIPT, include_str!("times.js")),
    asset("keys.js", SCRIPT, include_str!("keys.js")),
    asset("parts.js", SCRIPT, include_str!("parts.js")),
    asset("steps.js", SCRIPT, include_str!("steps.js")),
    asset("live.js", SCRIPT, include_str!("live.js")),
    asset("icon.svg", "image/svg+xml", include_str!("icon.svg")),
];

const fn asset(name: &'static str, mime: &'static str, text: &'static str) -> Asset {
    Asset { name, mime, text, hash: hash(text) }
}

/// FNV-1a: it tells texts apart and keeps no secret.
const fn hash(text: &str) -> u64 {
    let bytes = text.as_bytes();
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    let mut at = 0;
    while at < bytes.len() {
        hash ^= bytes[at] as u64;
        hash = hash.wrapping_mul(0x0100_0000_01b3);
        at += 1;
    }
    hash
}

/// The asset of a name.
pub fn find(name: &str) -> Option<&'static Asset> {
    ASSETS.iter().find(|asset| asset.name == name)
}

/// Where a page finds it.
pub fn address(name: &str) -> String {
    let hash = find(name).map(|asset| asset.hash).unwrap_or_default();
    format!("/assets/{name}?v={hash:016x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_asset_has_its_address_and_asks_for_nothing_outside() {
        for asset in ASSETS {
            let address = address(asset.name);
            assert!(
                address.ends_with(&format!("{:016x}", asset.hash)) && asset.hash != hash(""),
                "{address}"
            );
            let outside = asset.text.replace("http://www.w3.org/2000/svg", "");
            assert!(!outside.contains("http://") && !outside.contains("https://"), "{}", asset.name);
        }
        assert!(find("../page.css").is_none());
    }
}
