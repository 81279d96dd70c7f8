//! What stands at the doors of the house, for commands that take something in or out: the key of fingerprints, rules of
//! redaction, and where upstreams are.

use std::sync::Arc;

use super::{StartError, make_private, upstreams};
use crate::config::Config;
use crate::export::Origin;
use crate::recorder::{self, Intake};
use crate::redact::{self, Redactor};
use crate::tape::Keeper;
use crate::web;

/// The key of the credentials' fingerprints, in the data folder.
const KEY: &str = "fingerprint.key";

/// Makes the data folder where there is none, for its owner alone.
pub fn make_home(config: &Config) -> std::io::Result<()> {
    make_private(&config.home)
}

/// What knows credentials, with the key of this data folder.
pub(super) fn keeper(config: &Config) -> Arc<Keeper> {
    let (keeper, _) = Keeper::open(&config.home.join(KEY), &config.tape.secrets);
    Arc::new(keeper)
}

pub(super) fn redactor(rules: &redact::Config, keeper: &Arc<Keeper>) -> Result<Redactor, StartError> {
    let fingerprints = Arc::clone(keeper);
    Redactor::new(rules, move |secret| fingerprints.fingerprint(secret)).map_err(|faults| {
        let lines = faults.iter().map(|(name, key, why)| format!("redact_rule.{name}.{key}: {why}"));
        StartError(lines.collect::<Vec<_>>().join("\n"))
    })
}

/// What takes out of a text of JSON that is sent here what must not be kept.
pub(super) fn redacting(config: &Config) -> Result<web::Redact, StartError> {
    let redactor = redactor(&config.redact, &keeper(config))?;
    Ok(Box::new(move |text| redactor.json(text)))
}

/// What takes in exchanges that another recorder saw.
pub fn intake(config: &Config, reader: Arc<recorder::Reader>) -> Result<Intake, StartError> {
    let keeper = keeper(config);
    let redactor = redactor(&config.redact, &keeper)?;
    Ok(Intake::new(keeper, redactor, reader))
}

/// What must not leave the house: the configured rules and every built-in one. Stand-ins are those of the store.
pub fn leaving(config: &Config) -> Result<Redactor, StartError> {
    redactor(&config.redact.stricter(), &keeper(config))
}

/// Every upstream with whose rules hold for it and where its calls go, as far as that is known.
pub fn origins(config: &Config) -> Result<Vec<Origin>, StartError> {
    let known = upstreams(config)?;
    let all = known.all().iter().map(|upstream| {
        let name = upstream.name.to_string();
        let own = config.upstreams.iter().find(|(own, _)| *own == name);
        let provider = own.and_then(|(_, own)| own.provider.clone()).unwrap_or_else(|| name.clone());
        let url = format!("{}://{}{}", upstream.scheme, upstream.authority, upstream.prefix);
        Origin { upstream: name, provider, url }
    });
    Ok(all.collect())
}
