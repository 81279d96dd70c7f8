//! The settings of prices.

use std::path::PathBuf;

use crate::model::setting::Setting;
use crate::setting;

/// `[prices]`
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Config {
    pub overrides: Option<PathBuf>,
}

/// Every setting of `[prices]`.
pub const SETTINGS: &[Setting<Config>] = &[setting!(
    overrides,
    "A file with prices of your own, which go before the table's; in the table's form, which `wiretape prices` shows. A \
     provider of * stands for all. Relative to the data folder.",
    example = "\"my-prices.txt\""
)];
