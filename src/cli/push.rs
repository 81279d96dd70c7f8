//! `wiretape push`: sends what was recorded to another system, and tells of what one refused.

use std::io::IsTerminal as _;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;

use super::filters::Filters;
use super::opened::{Opened, failed, open};
use super::{Common, data, say};
use crate::app;
use crate::export::otlp::Mode as Content;
use crate::model::setting::{Raw, Secret, Value as _};
use crate::push::{self, Config, Destination, Once, Pushed};
use crate::store::{Mode, Outgoing, Parked};

/// As many refusals are told of.
const MOST_PARKED: usize = 10_000;
/// What a destination is called that the configuration does not name.
const UNNAMED: &str = "url";

#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    common: Common,
    /// A destination of the configuration; where there is one only, that
    name: Option<String>,
    /// To this URL instead, whatever the configuration says
    #[arg(long, conflicts_with = "name")]
    url: Option<String>,
    /// What understands it: genai, openinference, langfuse, langsmith, mlflow, braintrust
    #[arg(long = "kind", value_name = "KIND", requires = "url")]
    spoken: Option<String>,
    /// A header of each call, as "name: value"; $NAME is a variable of the environment
    #[arg(long, value_name = "HEADER", requires = "url")]
    header: Vec<String>,
    /// Which of the destination's projects it belongs to
    #[arg(long, value_name = "NAME", requires = "url")]
    project: Option<String>,
    /// How much of what was said goes along: full, new, preview, none
    #[arg(long, value_name = "MODE", value_parser = content)]
    content: Option<Content>,
    #[command(flatten)]
    filters: Filters,
    /// Also what the destination has had
    #[arg(long)]
    again: bool,
    /// Lists what destinations refused, and why
    #[arg(long, conflicts_with_all = ["url", "again", "retry"])]
    parked: bool,
    /// Has what the destination refused tried again, by the recorder that runs
    #[arg(long, conflicts_with_all = ["url", "again"])]
    retry: bool,
    /// What was refused as JSON, one a line
    #[arg(long, requires = "parked")]
    json: bool,
}

fn content(text: &str) -> Result<Content, String> {
    Content::read(&Raw::Text(text.to_owned()))
}

pub(super) fn run(common: Common, own: Arguments) -> ExitCode {
    match act(common, own) {
        Ok(code) | Err(code) => code,
    }
}

fn act(common: Common, own: Arguments) -> Result<ExitCode, ExitCode> {
    let opened = open(common.and(own.common.clone()), Mode::ReadWrite)?;
    if own.parked {
        return parked(&opened, own.name, own.json);
    }
    if own.retry {
        let destination = named(&opened, own.name.as_deref())?;
        let count = opened.wait(opened.store.unpark(destination.name))?;
        say(&format!("{count} will be tried again"));
        return Ok(ExitCode::SUCCESS);
    }
    send(&opened, own)
}

/// The destination of this name, or the only one.
fn named(opened: &Opened, name: Option<&str>) -> Result<Destination, ExitCode> {
    let exports = &opened.config.exports;
    let found = match (name, exports.as_slice()) {
        (Some(name), _) => exports.iter().find(|(known, _)| known == name),
        (None, [only]) => Some(only),
        (None, _) => None,
    };
    let Some((name, config)) = found else {
        let names: Vec<&str> = exports.iter().map(|(name, _)| name.as_str()).collect();
        let known = match names.as_slice() {
            [] => "the configuration names no destination: add an [export.NAME], or say --url".to_owned(),
            names => format!("say which: {}; or --url", names.join(", ")),
        };
        return Err(failed(&known));
    };
    app::destination(name, config).map_err(|why| failed(&why.to_string()))
}

fn destination(opened: &Opened, own: &Arguments) -> Result<Destination, ExitCode> {
    let mut config = match &own.url {
        None => named(opened, own.name.as_deref())?.config,
        Some(url) => {
            let kind = own.spoken.clone().unwrap_or_else(|| Config::default().kind);
            let headers = own.header.iter().map(Secret::new).collect();
            Config {
                url: Some(url.clone()),
                kind,
                headers,
                project: own.project.clone(),
                ..Config::default()
            }
        }
    };
    config.content = own.content.unwrap_or(config.content);
    let name = match &own.url {
        Some(_) => UNNAMED.to_owned(),
        None => named(opened, own.name.as_deref())?.name,
    };
    app::destination(&name, &config).map_err(|why| failed(&why.to_string()))
}

fn send(opened: &Opened, own: Arguments) -> Result<ExitCode, ExitCode> {
    let destination = destination(opened, &own)?;
    let is_known = own.url.is_none();
    let once = Once { filter: own.filters.filter(), again: own.again, is_known };
    let sources = app::push_sources(&opened.config, &Arc::clone(&opened.store));
    let sources = sources.map_err(|why| failed(&why.to_string()))?;
    let on_terminal = std::io::stderr().is_terminal();
    let mut tell = |pushed: &Pushed| {
        if on_terminal && pushed.traces.is_multiple_of(100) && pushed.traces > 0 {
            say(&format!("{} spans of {} traces", pushed.spans, pushed.traces));
        }
    };
    let pushed = opened.block_on(push::push(&sources, &destination, &once, &mut tell));
    let Pushed { spans, traces, left_open, had, parked, rejected } =
        pushed.map_err(|why| failed(&why.to_string()))?;
    say(&format!("{spans} spans of {traces} traces sent to {}", destination.name));
    let beside = [
        (had, "steps it had already: --again sends them once more"),
        (left_open, "traces are still under way, and were left out"),
        (rejected, "spans it did not keep, as it says"),
    ];
    for (count, what) in beside.into_iter().filter(|(count, _)| *count > 0) {
        say(&format!("{count} {what}"));
    }
    for (what, why) in &parked {
        say(&format!("refused: {}: {why}", id(*what)));
    }
    Ok(if parked.is_empty() && rejected == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn parked(opened: &Opened, name: Option<String>, json: bool) -> Result<ExitCode, ExitCode> {
    for Parked { destination, what, at, why } in opened.wait(opened.store.parked(name, MOST_PARKED))? {
        let line = if json {
            let kind = match what {
                Outgoing::Step(_) => "step",
                Outgoing::Root(_) => "trace",
            };
            let line = serde_json::json!({"destination": destination, "of": kind, "id": id(what),
                "time": at.rfc3339(), "why": why});
            format!("{line}\n")
        } else {
            format!("{} {destination} {} {why}\n", at.rfc3339(), id(what))
        };
        data(&line)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn id(what: Outgoing) -> String {
    match what {
        Outgoing::Step(id) => id.to_string(),
        Outgoing::Root(id) => id.to_string(),
    }
}
