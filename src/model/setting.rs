//! Settings that describe themselves: one struct, one line in a room's slice, and the file's reader, the example file,
//! the checks and the docs follow from it.
//!
//! A room owns its `Config`, with `Default`, and lists its fields:
//!
//! ```
//! use wiretape::{model::setting::Setting, setting};
//!
//! #[derive(Default)]
//! pub struct Config {
//!     pub workers: usize,
//!     pub via: Option<String>,
//! }
//!
//! pub const SETTINGS: &[Setting<Config>] = &[
//!     setting!(workers, "Threads that relay. 0 means one for each core."),
//!     setting!(via, "A proxy to go through.", example = "\"http://proxy:3128\""),
//! ];
//! ```

mod near;
mod text;
mod units;
mod value;

pub use near::nearest;
pub use text::{key, quote};
pub use units::ByteSize;
pub use value::Secret;

/// One field of a room's `Config`: its name, what it means, and how it is read and shown.
pub struct Setting<C> {
    pub key: &'static str,
    pub doc: &'static str,
    pub set: fn(&mut C, &Raw) -> Result<(), String>,
    /// The current value as a TOML literal; `None` where it is unset.
    pub show: fn(&C) -> Option<String>,
    /// A TOML literal to show where the default is unset.
    pub example: Option<&'static str>,
}

/// A value as it was written, before anyone has said what it should be. Those from the environment and from flags are
/// always `Text`.
#[derive(Clone, Debug, PartialEq)]
pub enum Raw {
    Bool(bool),
    Integer(i64),
    Float(f64),
    Text(String),
    List(Vec<Raw>),
    Table(Vec<(String, Raw)>),
}

/// What the type of a setting can do.
pub trait Value: Sized {
    /// Reads it as written. The error is short, and says what was expected.
    fn read(raw: &Raw) -> Result<Self, String>;

    /// As a TOML literal that `read` takes back; `None` where there is nothing to show.
    fn show(&self) -> Option<String>;
}

/// The `Setting` of a field: `setting!(field, "doc")`, and `example = "TOML literal"` where its default is unset.
#[macro_export]
macro_rules! setting {
    ($field:ident, $doc:expr $(,)?) => {
        $crate::setting!(@ $field, $doc, ::core::option::Option::None)
    };
    ($field:ident, $doc:expr, example = $example:expr $(,)?) => {
        $crate::setting!(@ $field, $doc, ::core::option::Option::Some($example))
    };
    (@ $field:ident, $doc:expr, $example:expr) => {
        $crate::model::setting::Setting {
            key: ::core::stringify!($field),
            doc: $doc,
            set: |config, raw| {
                config.$field = $crate::model::setting::Value::read(raw)?;
                ::core::result::Result::Ok(())
            },
            show: |config| $crate::model::setting::Value::show(&config.$field),
            example: $example,
        }
    };
}
