//! What has just happened, for the page that goes on from there.

use serde_json::Value;

use super::lists;
use crate::store::Store;
use crate::web::fault::Fault;
use crate::web::query::Query;

/// The last calls, as they came into the store.
pub async fn live(store: &dyn Store, query: &Query) -> Result<Value, Fault> {
    let mut query = query.clone();
    query.0.retain(|(name, _)| name != "order");
    query.0.push(("order".to_owned(), "last-recorded".to_owned()));
    lists::calls(store, &query).await
}
