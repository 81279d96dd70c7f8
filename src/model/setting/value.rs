//! The types a setting can have, other than those with a unit.
//!
//! Text reads as any of them, because the environment and flags hold nothing but text.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

use super::{Raw, Value, key, quote};

/// Text that must not be seen: neither `Debug`, nor what the configuration shows, nor an error holds it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

/// What stands where a secret would be shown.
const HIDDEN: &str = "\"…\"";

impl Secret {
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The secret itself. Whoever asks for it answers for where it goes.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl Value for Secret {
    fn read(raw: &Raw) -> Result<Self, String> {
        match raw {
            Raw::Text(text) => Ok(Self(text.clone())),
            other => Err(format!("expected text in quotes, got {}", other.kind())),
        }
    }

    fn show(&self) -> Option<String> {
        Some(HIDDEN.to_owned())
    }
}

impl Raw {
    /// What it is, for people; without what it holds.
    pub fn kind(&self) -> &'static str {
        match self {
            Raw::Bool(_) => "true or false",
            Raw::Integer(_) => "a whole number",
            Raw::Float(_) => "a number with a fraction",
            Raw::Text(_) => "text",
            Raw::List(_) => "a list",
            Raw::Table(_) => "a table",
        }
    }

    fn got(&self) -> String {
        match self {
            Raw::Bool(value) => value.to_string(),
            Raw::Integer(value) => value.to_string(),
            Raw::Float(value) => value.to_string(),
            Raw::Text(text) => format!("{text:?}"),
            Raw::List(_) | Raw::Table(_) => self.kind().to_owned(),
        }
    }
}

fn expected(what: &str, raw: &Raw) -> String {
    format!("expected {what}, got {}", raw.got())
}

impl Value for bool {
    fn read(raw: &Raw) -> Result<Self, String> {
        match raw {
            Raw::Bool(value) => Ok(*value),
            Raw::Text(text) if text.trim() == "true" => Ok(true),
            Raw::Text(text) if text.trim() == "false" => Ok(false),
            other => Err(expected("true or false", other)),
        }
    }

    fn show(&self) -> Option<String> {
        Some(self.to_string())
    }
}

macro_rules! whole_numbers {
    ($($number:ty),*) => {$(
        impl Value for $number {
            fn read(raw: &Raw) -> Result<Self, String> {
                let read = match raw {
                    Raw::Integer(number) => <$number>::try_from(*number).ok(),
                    Raw::Text(text) => text.trim().parse().ok(),
                    _ => None,
                };
                read.ok_or_else(|| match <$number>::MAX as u128 > 1 << 32 {
                    true => expected("a whole number from 0", raw),
                    false => expected(&format!("a whole number from 0 to {}", <$number>::MAX), raw),
                })
            }

            fn show(&self) -> Option<String> {
                Some(self.to_string())
            }
        }
    )*};
}

whole_numbers!(u16, u32, u64, usize);

impl Value for f64 {
    fn read(raw: &Raw) -> Result<Self, String> {
        let read = match raw {
            Raw::Float(number) => Some(*number),
            // Whole numbers that people write in a configuration are far below where this would round.
            Raw::Integer(number) => Some(*number as f64),
            Raw::Text(text) => text.trim().parse().ok(),
            _ => None,
        };
        read.ok_or_else(|| expected("a number", raw))
    }

    fn show(&self) -> Option<String> {
        // Debug keeps the fraction of 1.0, without which TOML reads an integer; and TOML has `nan` where Rust has `NaN`.
        Some(format!("{self:?}").to_ascii_lowercase())
    }
}

impl Value for String {
    fn read(raw: &Raw) -> Result<Self, String> {
        match raw {
            Raw::Text(text) => Ok(text.clone()),
            other => Err(expected("text in quotes", other)),
        }
    }

    fn show(&self) -> Option<String> {
        Some(quote(self))
    }
}

impl Value for PathBuf {
    fn read(raw: &Raw) -> Result<Self, String> {
        match raw {
            Raw::Text(text) if !text.is_empty() => Ok(Self::from(text)),
            other => Err(expected("a path in quotes", other)),
        }
    }

    fn show(&self) -> Option<String> {
        // Paths here were read from text, so nothing is lost.
        Some(quote(&self.display().to_string()))
    }
}

impl Value for SocketAddr {
    fn read(raw: &Raw) -> Result<Self, String> {
        let read = if let Raw::Text(text) = raw { text.trim().parse().ok() } else { None };
        read.ok_or_else(|| expected("an address such as \"127.0.0.1:4750\"", raw))
    }

    fn show(&self) -> Option<String> {
        Some(quote(&self.to_string()))
    }
}

impl<T: Value> Value for Option<T> {
    /// The text `none` unsets, so that an override can take back what a file says.
    fn read(raw: &Raw) -> Result<Self, String> {
        match raw {
            Raw::Text(text) if text == "none" => Ok(None),
            other => T::read(other).map(Some),
        }
    }

    fn show(&self) -> Option<String> {
        self.as_ref().and_then(T::show)
    }
}

impl<T: Value> Value for Vec<T> {
    fn read(raw: &Raw) -> Result<Self, String> {
        match raw {
            Raw::List(items) => items
                .iter()
                .enumerate()
                .map(|(i, item)| T::read(item).map_err(|why| format!("item {}: {why}", i + 1)))
                .collect(),
            Raw::Text(text) => pieces(text).map(|piece| T::read(&Raw::Text(piece.to_owned()))).collect(),
            other => Err(format!("expected a list such as [\"a\", \"b\"], got {}", other.got())),
        }
    }

    fn show(&self) -> Option<String> {
        let items: Vec<String> = self.iter().filter_map(T::show).collect();
        Some(format!("[{}]", items.join(", ")))
    }
}

impl Value for Vec<(String, String)> {
    fn read(raw: &Raw) -> Result<Self, String> {
        match raw {
            Raw::Table(rows) => rows
                .iter()
                .map(|(name, value)| match String::read(value) {
                    Ok(value) => Ok((name.clone(), value)),
                    Err(why) => Err(format!("{}: {why}", key(name))),
                })
                .collect(),
            Raw::Text(text) => pieces(text)
                .map(|piece| match piece.split_once('=') {
                    Some((name, value)) => Ok((name.trim().to_owned(), value.trim().to_owned())),
                    None => Err(format!("expected name=value, got {piece:?}")),
                })
                .collect(),
            other => Err(format!("expected a table such as {{ a = \"b\" }}, got {}", other.got())),
        }
    }

    fn show(&self) -> Option<String> {
        if self.is_empty() {
            return Some("{}".to_owned());
        }
        let rows: Vec<String> =
            self.iter().map(|(name, value)| format!("{} = {}", key(name), quote(value))).collect();
        Some(format!("{{ {} }}", rows.join(", ")))
    }
}

/// `a, b,c` as its pieces; nothing of an empty text, and a comma at the end does not make another.
fn pieces(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|piece| !piece.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Raw {
        Raw::Text(text.to_owned())
    }

    #[test]
    fn text_reads_as_any_type() {
        assert_eq!(bool::read(&text("true")), Ok(true));
        assert_eq!(usize::read(&text("4096")), Ok(4096));
        assert_eq!(f64::read(&text("0.5")), Ok(0.5));
        assert_eq!(Vec::<u16>::read(&text("1, 2,3,")), Ok(vec![1, 2, 3]));
        assert_eq!(Vec::<String>::read(&text("")), Ok(vec![]));
        let rows = vec![("a".to_owned(), "1".to_owned()), ("b".to_owned(), String::new())];
        assert_eq!(Vec::<(String, String)>::read(&text("a=1,b=")), Ok(rows));
        assert_eq!(Option::<u16>::read(&text("none")), Ok(None));
        assert_eq!(Option::<u16>::read(&text("7")), Ok(Some(7)));
    }

    #[test]
    fn errors_say_what_is_expected() {
        let wrong = |why: &str| why.to_owned();
        assert_eq!(bool::read(&text("yes")).unwrap_err(), wrong("expected true or false, got \"yes\""));
        let number = wrong("expected a whole number from 0 to 65535, got 70000");
        assert_eq!(u16::read(&Raw::Integer(70_000)).unwrap_err(), number);
        assert_eq!(
            u64::read(&Raw::Integer(-1)).unwrap_err(),
            wrong("expected a whole number from 0, got -1")
        );
        let address = wrong("expected an address such as \"127.0.0.1:4750\", got 4750");
        assert_eq!(SocketAddr::read(&Raw::Integer(4750)).unwrap_err(), address);
        let item = wrong("item 2: expected text in quotes, got 5");
        assert_eq!(Vec::<String>::read(&Raw::List(vec![text("a"), Raw::Integer(5)])).unwrap_err(), item);
    }

    #[test]
    fn a_secret_is_never_shown() {
        let secret = Secret::read(&text("hunter2")).unwrap();
        assert_eq!(secret.reveal(), "hunter2");
        assert_eq!(Some(secret.clone()).show().as_deref(), Some("\"…\""));
        assert!(!format!("{secret:?}").contains("hunter2"));
        let wrong = Secret::read(&Raw::List(vec![text("hunter2")])).unwrap_err();
        assert!(!wrong.contains("hunter2"));
    }

    #[test]
    fn tables_and_odd_text_show_as_toml() {
        let rows = vec![("a b".to_owned(), "q\"\n\u{1}".to_owned())];
        assert_eq!(rows.show().as_deref(), Some("{ \"a b\" = \"q\\\"\\n\\u0001\" }"));
        assert_eq!(1.0.show().as_deref(), Some("1.0"));
        assert_eq!(f64::NAN.show().as_deref(), Some("nan"));
    }
}
