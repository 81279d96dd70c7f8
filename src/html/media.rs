//! Images and sound within the page. What they are, their first bytes say; what is said of them is not believed.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use maud::{Markup, html};
use serde_json::Value;

use super::get::text;
use super::number::bytes;
use super::text::visible;

/// Larger ones, as base64, are told of and not shown: the page would be too long to load.
const LARGEST: usize = 6_000_000;

/// Bytes in base64.
pub(super) fn blob(part: &Value) -> Markup {
    let content = part.get("content").and_then(Value::as_str).unwrap_or_default();
    let said = text(part, "mime_type").or_else(|| text(part, "modality")).unwrap_or("bytes");
    let size = bytes(u64::try_from(content.len() / 4 * 3).unwrap_or(u64::MAX));
    let told = format!("{}, {size}", visible(said));
    let kind = kind(content).filter(|_| content.len() <= LARGEST && is_base64(content));
    html! {
        @match kind {
            Some(Kind::Image(mime)) => figure.media { img loading="lazy" src=(address(mime, content)) alt=(format!("image: {told}")); figcaption { (told) } },
            Some(Kind::Sound(mime)) => figure.media { audio controls preload="none" src=(address(mime, content)) {} figcaption { (told) } },
            None => p.media { span.tag { (text(part, "modality").map_or("bytes".to_owned(), visible)) } " " (told) span.quiet { " – not shown" } },
        }
    }
}

fn address(mime: &str, content: &str) -> String {
    format!("data:{mime};base64,{content}")
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Image(&'static str),
    Sound(&'static str),
}

/// What the bytes are. Nothing that can hold a script is among them.
fn kind(content: &str) -> Option<Kind> {
    let start = content.get(..64.min(content.len()) / 4 * 4)?;
    let start = STANDARD.decode(start).ok()?;
    let is = |at: usize, magic: &[u8]| start.get(at..).is_some_and(|rest| rest.starts_with(magic));
    let found = [
        (is(0, b"\x89PNG\r\n\x1a\n"), Kind::Image("image/png")),
        (is(0, b"\xff\xd8\xff"), Kind::Image("image/jpeg")),
        (is(0, b"GIF87a") || is(0, b"GIF89a"), Kind::Image("image/gif")),
        (is(0, b"RIFF") && is(8, b"WEBP"), Kind::Image("image/webp")),
        (is(0, b"RIFF") && is(8, b"WAVE"), Kind::Sound("audio/wav")),
        (is(0, b"OggS"), Kind::Sound("audio/ogg")),
        (is(0, b"fLaC"), Kind::Sound("audio/flac")),
        (is(0, b"ID3") || is(0, b"\xff\xfb") || is(0, b"\xff\xf3"), Kind::Sound("audio/mpeg")),
        (is(4, b"ftypM4A"), Kind::Sound("audio/mp4")),
    ];
    found.into_iter().find(|(is, _)| *is).map(|(_, kind)| kind)
}

fn is_base64(content: &str) -> bool {
    content.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'='))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn shown(mime: &str, bytes: &[u8]) -> String {
        blob(&json!({"type": "blob", "modality": "image", "mime_type": mime, "content": STANDARD.encode(bytes)})).into_string()
    }

    #[test]
    fn bytes_say_what_they_are() {
        let png = shown("text/html", b"\x89PNG\r\n\x1a\n and so on");
        assert!(png.contains("src=\"data:image/png;base64,"), "{png}");
        assert!(shown("audio/x", b"RIFF....WAVEfmt ").contains("<audio"));
    }

    #[test]
    fn what_could_run_is_not_shown() {
        for bytes in [&b"<svg xmlns='x' onload='alert(1)'/>"[..], b"<html><script>", b"%PDF-1.7", b""] {
            let made = shown("image/png", bytes);
            assert!(!made.contains("data:") && made.contains("not shown"), "{made}");
        }
        let part = json!({"mime_type": "image/png", "content": "iVBORw0KGgo=\" onerror=\"alert(1)"});
        assert!(!blob(&part).into_string().contains("data:"));
    }
}
