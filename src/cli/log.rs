//! What wiretape says about itself, on stderr.

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
