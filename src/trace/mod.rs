//! Where a call belongs: which trace and session, which call of a tool a result answers, who started whom. Pure: a
//! function of the exchange, and of what a look-up by a few marks says about other calls.

mod config;
mod said;

pub use config::Config;
pub use said::{
    CONVENTION_SETTINGS, CONVENTIONS, Convention, Id, KEYS, MEANINGS, Means, OwnConvention, Place, Role,
    Said, Seen, Source, TRUSTS, Trust, Where, said,
};
