//! What sending to other systems takes out of the configuration.

use std::sync::Arc;

use super::{StartError, upstreams};
use crate::config::Config;
use crate::export::otlp::Servers;
use crate::proxy::client::Client;
use crate::push::{self, Destination, Sources};
use crate::store::Store;

/// What sending takes.
pub fn sources(config: &Config, store: &Arc<dyn Store>) -> Result<Sources, StartError> {
    let client = Client::new(&config.proxy).map_err(StartError)?;
    Ok(Sources {
        store: Arc::clone(store),
        client,
        servers: servers(config)?,
        conventions: config.trace.conventions.clone(),
    })
}

/// Where each upstream's calls go.
pub fn servers(config: &Config) -> Result<Servers, StartError> {
    let known = upstreams(config)?;
    let all = known.all().iter();
    Ok(all.map(|own| (own.name.to_string(), (own.host().to_owned(), own.port()))).collect())
}

/// A destination, with what the environment has for its secrets.
pub fn destination(name: &str, config: &push::Config) -> Result<Destination, StartError> {
    let built = Destination::new(name, config, &|name| std::env::var(name).ok());
    built.map_err(|why| StartError(format!("export.{name}.{why}")))
}

/// Every destination that is kept up with.
pub fn destinations(config: &Config) -> Result<Vec<Destination>, StartError> {
    config.exports.iter().map(|(name, own)| destination(name, own)).collect()
}
