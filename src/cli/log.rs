//! What wiretape says about itself, on stderr.

use std::fs::File;
use std::sync::Mutex;

use tracing_subscriber::EnvFilter;

use crate::config::Log;

/// Starts logging for this process. A level that cannot be read was refused when the configuration was.
pub(super) fn start(config: &Log) {
    let filter = EnvFilter::try_new(&config.level).unwrap_or_default();
    let logs = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // Already started, in tests: then that one goes on.
    let _ = match config.format {
        crate::config::LogFormat::Json => logs.json().try_init(),
        crate::config::LogFormat::Text => {
            let terminal = std::io::IsTerminal::is_terminal(&std::io::stderr());
            logs.with_ansi(terminal).try_init()
        }
    };
}

/// Starts logging into a file, or nowhere.
pub(super) fn start_into(config: &Log, file: Option<File>) {
    let filter = EnvFilter::try_new(&config.level).unwrap_or_default();
    let logs = tracing_subscriber::fmt().with_env_filter(filter).with_ansi(false);
    let Some(file) = file else { return };
    let logs = logs.with_writer(Mutex::new(file));
    let _ = match config.format {
        crate::config::LogFormat::Json => logs.json().try_init(),
        crate::config::LogFormat::Text => logs.try_init(),
    };
}
