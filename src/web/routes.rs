//! Which address leads to what.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::{ConnectInfo, Path};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};
use maud::Markup;
use serde_json::{Map, Value};

use super::annotate::{self, Target};
use super::asked::{Asked, Form, fault_in_json, in_json};
use super::fault::Fault;
use super::guard::{COOKIE, Role};
use super::page::{self, Page};
use super::shared::Shared;
use super::view::call::{Side, Wire, body, call};
use super::view::trace::{Whole, conversation, tree};
use super::view::{compare, dashboard, health, lists, live, prompts};
use super::{assets, export, feed, openapi};
use crate::model::{AnnotationId, ObservationId};

/// Pages and the API behind them.
pub fn router() -> Router<Arc<Shared>> {
    Router::new()
        .route("/live", get(live_page))
        .route("/live/events", get(live_events))
        .route("/calls", get(calls))
        .route("/calls/{id}", get(one_call))
        .route("/calls/{id}/text", get(text))
        .route("/calls/{id}/request", get(request_body))
        .route("/calls/{id}/response", get(response_body))
        .route("/calls/{id}/annotations", post(annotate_call))
        .route("/traces", get(traces))
        .route("/traces/{id}", get(trace))
        .route("/traces/{id}/conversation", get(trace_conversation))
        .route("/traces/{id}/annotations", post(annotate_trace))
        .route("/sessions", get(sessions))
        .route("/sessions/{id}", get(session))
        .route("/sessions/{id}/conversation", get(session_conversation))
        .route("/sessions/{id}/annotations", post(annotate_session))
        .route("/annotations/{id}", delete(unannotate))
        .route("/compare", get(compared))
        .route("/prompts", get(all_prompts))
        .route("/prompts/{version}", get(one_prompt))
        .route("/dashboard", get(dashboard_page))
        .route("/export", get(exported))
        .route("/openapi", get(|| async { in_json(StatusCode::OK, &openapi::document()) }))
        .route("/health", get(health_page))
        .route("/login", get(login_page).post(log_in))
        .route("/logout", post(log_out))
        .route("/assets/{name}", get(asset))
        .route("/", get(|| async { to("/live") }))
        .fallback(|asked: Asked| async move { asked.fault(&Fault::missing("there is no such page")) })
}

/// Makes a page of a value.
type Show = fn(&Page, &Value) -> Markup;

async fn live_page(asked: Asked) -> Response {
    let data = async { live::live(asked.shared.store()?.as_ref(), &asked.query).await };
    let data = data.await;
    asked.answer(data, page::live)
}

async fn live_events(asked: Asked) -> Response {
    feed::events(&asked.shared).unwrap_or_else(|fault| fault_in_json(&fault))
}

async fn calls(asked: Asked) -> Response {
    let data = async { lists::calls(asked.shared.store()?.as_ref(), &asked.listed()).await };
    let data = data.await;
    asked.answer(data, page::calls)
}

async fn traces(asked: Asked) -> Response {
    let data = async { lists::traces(asked.shared.store()?.as_ref(), &asked.listed()).await };
    let data = data.await;
    asked.answer(data, page::traces)
}

async fn sessions(asked: Asked) -> Response {
    let data = async { lists::sessions(asked.shared.store()?.as_ref(), &asked.listed()).await };
    let data = data.await;
    asked.answer(data, page::sessions)
}

async fn one_call(Path(id): Path<String>, asked: Asked) -> Response {
    let wire = match (asked.form, asked.query.has("raw")) {
        (Form::Page, _) => Wire::Cut,
        (Form::Json, true) => Wire::All,
        (Form::Json, false) => Wire::None,
    };
    let shared = &asked.shared;
    let data = async { call(shared.store()?, &shared.conventions, &shared.proxy, &id, wire).await };
    let data = data.await;
    asked.answer(data, asked.whole_or(page::call, page::step_part))
}

/// A long text of a record, piece by piece.
async fn text(Path(id): Path<String>, asked: Asked) -> Response {
    let shared = &asked.shared;
    let data = async { call(shared.store()?, &shared.conventions, &shared.proxy, &id, Wire::All).await };
    let data = data.await;
    asked.answer(data, asked.whole_or(page::text, page::text_part))
}

async fn exported(asked: Asked) -> Response {
    export::export(&asked.shared, &asked.query).unwrap_or_else(|fault| asked.fault(&fault))
}

async fn health_page(asked: Asked) -> Response {
    let data = health::health(&asked.shared).await;
    asked.answer(data, page::health)
}

async fn login_page(asked: Asked) -> Response {
    in_html(StatusCode::OK, page::login(&asked.page(), None))
}

async fn log_in(ConnectInfo(from): ConnectInfo<SocketAddr>, mut asked: Asked, body: String) -> Response {
    let said = match said(&body) {
        Ok(said) => said,
        Err(fault) => return asked.fault(&fault),
    };
    let text = |key: &str| said.get(key).and_then(Value::as_str).unwrap_or_default();
    let next = Some(text("next")).filter(|next| is_own(next)).unwrap_or("/");
    match asked.shared.guard.log_in(text("token").trim(), from.ip()) {
        Ok(Some(cookie)) => {
            let mut response = to(next);
            set_cookie(
                &mut response,
                &format!("{COOKIE}={cookie}; Path=/; Max-Age=31536000; HttpOnly; SameSite=Strict"),
            );
            response
        }
        Ok(None) => {
            asked.query.0.push(("next".to_owned(), next.to_owned()));
            let why = Some("That is not the token.");
            in_html(StatusCode::UNAUTHORIZED, page::login(&asked.page(), why))
        }
        Err(fault) => asked.fault(&fault),
    }
}

async fn log_out() -> Response {
    let mut response = to("/login");
    set_cookie(&mut response, &format!("{COOKIE}=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict"));
    response
}

fn set_cookie(response: &mut Response, cookie: &str) {
    if let Ok(cookie) = cookie.parse() {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
}

/// A style, a script or a picture: its address changes when it does, so that it may be kept for good.
async fn asset(Path(name): Path<String>, asked: Asked) -> Response {
    let Some(asset) = assets::find(&name) else {
        return asked.fault(&Fault::missing("there is no such asset"));
    };
    let kept =
        if asked.query.first("v").is_some() { "public, max-age=31536000, immutable" } else { "no-cache" };
    ([(header::CONTENT_TYPE, asset.mime), (header::CACHE_CONTROL, kept)], asset.text).into_response()
}

async fn request_body(Path(id): Path<String>, asked: Asked) -> Response {
    bytes(&id, &asked, Side::Request).await
}

async fn response_body(Path(id): Path<String>, asked: Asked) -> Response {
    bytes(&id, &asked, Side::Response).await
}

/// The bytes of a body, to be saved: whatever it is, no browser shows it.
async fn bytes(id: &str, asked: &Asked, side: Side) -> Response {
    let found = async { body(asked.shared.store()?.as_ref(), id, side).await };
    match found.await {
        Ok((body, kind)) => {
            let what = if side == Side::Request { "request" } else { "response" };
            let headers = [
                (header::CONTENT_TYPE, "application/octet-stream".to_owned()),
                (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{what}.body\"")),
                (header::CACHE_CONTROL, "no-store".to_owned()),
            ];
            let mut response = (headers, body.bytes).into_response();
            if let Some(kind) = kind.and_then(|kind| kind.parse().ok()) {
                response.headers_mut().insert("x-recorded-content-type", kind);
            }
            response
        }
        Err(fault) => fault_in_json(&fault),
    }
}

async fn whole(asked: Asked, whole: Result<Whole, Fault>) -> Response {
    let shared = &asked.shared;
    let data = async { tree(shared.store()?.as_ref(), &shared.shelf, &whole?, &asked.query).await };
    let data = data.await;
    asked.answer(data, asked.whole_or(page::trace, page::steps_part))
}

async fn trace(Path(id): Path<String>, asked: Asked) -> Response {
    whole(asked, Whole::trace(&id)).await
}

async fn session(Path(id): Path<String>, asked: Asked) -> Response {
    whole(asked, Ok(Whole::Session(id))).await
}

async fn talk(asked: Asked, whole: Result<Whole, Fault>) -> Response {
    let shared = &asked.shared;
    let data = async { conversation(shared.store()?, &shared.shelf, &whole?, &asked.query).await };
    let data = data.await;
    asked.answer(data, asked.whole_or(page::conversation, page::messages_part))
}

async fn trace_conversation(Path(id): Path<String>, asked: Asked) -> Response {
    talk(asked, Whole::trace(&id)).await
}

async fn session_conversation(Path(id): Path<String>, asked: Asked) -> Response {
    talk(asked, Ok(Whole::Session(id))).await
}

async fn compared(asked: Asked) -> Response {
    let data = async { compare::compare(asked.shared.store()?, &asked.query).await };
    let data = data.await;
    asked.answer(data, page::compare)
}

async fn all_prompts(asked: Asked) -> Response {
    let data = async { prompts::list(asked.shared.store()?, &asked.query).await };
    let data = data.await;
    asked.answer(data, page::prompts)
}

async fn one_prompt(Path(version): Path<String>, asked: Asked) -> Response {
    let data = async { prompts::one(asked.shared.store()?, &version, &asked.query).await };
    let data = data.await;
    asked.answer(data, page::prompt)
}

async fn dashboard_page(asked: Asked) -> Response {
    let data = async { dashboard::dashboard(asked.shared.store()?.as_ref(), &asked.query).await };
    let data = data.await;
    asked.answer(data, page::dashboard)
}

async fn annotate_call(Path(id): Path<String>, asked: Asked, body: String) -> Response {
    let target = ObservationId::parse(&id).map(Target::Observation);
    add(asked, target, &format!("/calls/{id}"), &body).await
}

async fn annotate_trace(Path(id): Path<String>, asked: Asked, body: String) -> Response {
    let target = Whole::trace(&id).ok().as_ref().map(annotate::target_of);
    add(asked, target, &format!("/traces/{id}"), &body).await
}

async fn annotate_session(Path(id): Path<String>, asked: Asked, body: String) -> Response {
    let back = asked.path.strip_suffix("/annotations").unwrap_or("/sessions").to_owned();
    add(asked, Some(Target::Session(id)), &back, &body).await
}

/// What a body says: an object in JSON, or a form.
fn said(body: &str) -> Result<Map<String, Value>, Fault> {
    if body.trim_start().starts_with('{') {
        return serde_json::from_str(body).map_err(|why| Fault::asked(format!("the body is no JSON: {why}")));
    }
    let uri = format!("/?{body}").parse().map_err(|_| Fault::asked("the body is neither JSON nor a form"))?;
    let pairs = axum::extract::Query::<Vec<(String, String)>>::try_from_uri(&uri);
    let axum::extract::Query(pairs) = pairs.map_err(|why| Fault::asked(why.to_string()))?;
    Ok(pairs.into_iter().map(|(name, value)| (name, value.into())).collect())
}

async fn add(asked: Asked, target: Option<Target>, back: &str, body: &str) -> Response {
    let added = async {
        asked.may_write()?;
        let target = target.ok_or_else(|| Fault::missing("there is no such thing"))?;
        let said = said(body)?;
        if let Some(id) = said.get("delete").and_then(Value::as_str) {
            return remove(&asked.shared, id).await.map(|()| Value::Null);
        }
        let annotation = annotate::annotation(target, &said)?;
        let json = annotation.to_json();
        if asked.shared.store()?.annotate(annotation).await? {
            Ok(json)
        } else {
            Err(Fault::missing("there is no such thing, or no longer"))
        }
    };
    match added.await {
        Ok(_) if !body.trim_start().starts_with('{') && asked.form == Form::Page => to(back),
        Ok(json) => in_json(StatusCode::CREATED, &json),
        Err(fault) => asked.fault(&fault),
    }
}

async fn remove(shared: &Shared, id: &str) -> Result<(), Fault> {
    let missing = || Fault::missing("there is no such annotation");
    let id = AnnotationId::parse(id).ok_or_else(missing)?;
    if shared.store()?.unannotate(id).await? { Ok(()) } else { Err(missing()) }
}

async fn unannotate(Path(id): Path<String>, asked: Asked) -> Response {
    let removed = async {
        asked.may_write()?;
        remove(&asked.shared, &id).await
    };
    match removed.await {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(fault) => asked.fault(&fault),
    }
}

/// A path of ours, and not another site's address.
pub fn is_own(path: &str) -> bool {
    path.starts_with('/')
        && !path.starts_with("//")
        && !path.starts_with("/\\")
        && path.bytes().all(|byte| byte.is_ascii_graphic())
}

/// Sends a browser on to a page of ours.
pub fn to(path: &str) -> Response {
    (StatusCode::SEE_OTHER, [(header::LOCATION, path.to_owned())]).into_response()
}

impl Asked {
    /// A page's list has facets; a program says so if it wants any.
    fn listed(&self) -> super::query::Query {
        let mut query = self.query.clone();
        if self.form == Form::Page && query.first("part").is_none() {
            query.0.push(("facets".to_owned(), "1".to_owned()));
        }
        query
    }

    fn may_write(&self) -> Result<(), Fault> {
        if self.role == Role::Owner { Ok(()) } else { Err(Fault::forbidden("this token may only look")) }
    }

    /// What shows a page, or the part of one that a script asks for.
    fn whole_or(&self, whole: Show, part: Show) -> Show {
        if self.query.has("part") { part } else { whole }
    }

    fn page(&self) -> Page {
        Page {
            nav: page::Nav::None,
            path: self.path.clone(),
            query: self.query.0.clone(),
            may_write: self.role == Role::Owner,
            csrf: None,
            proxy: self.shared.proxy.clone(),
            logged_in: self.shared.guard.asks_for_token() && self.role != Role::Nobody,
        }
    }

    fn answer(&self, data: Result<Value, Fault>, show: Show) -> Response {
        match (data, self.form) {
            (Ok(data), Form::Json) => in_json(StatusCode::OK, &data),
            (Ok(data), Form::Page) => in_html(StatusCode::OK, show(&self.page(), &data)),
            (Err(fault), _) => self.fault(&fault),
        }
    }

    fn fault(&self, fault: &Fault) -> Response {
        match self.form {
            Form::Json => fault_in_json(fault),
            Form::Page => {
                let is_known = self.role != Role::Nobody;
                let shown = page::error(&self.page(), fault.status.as_u16(), &fault.message, is_known);
                in_html(fault.status, shown)
            }
        }
    }
}

/// A page.
fn in_html(status: StatusCode, shown: Markup) -> Response {
    let headers = [(header::CONTENT_TYPE, "text/html; charset=utf-8"), (header::CACHE_CONTROL, "no-store")];
    (status, headers, shown.into_string()).into_response()
}
