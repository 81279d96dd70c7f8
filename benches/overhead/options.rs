//! The benchmark's own command line, and how much it measures.

use std::path::PathBuf;
use std::time::Duration;

pub const HELP: &str = "\
cargo bench --bench overhead [-- OPTIONS]
  --quick          two short rounds (under 90 s) instead of five (about eight minutes)
  --only A,B       measure only these of: direct, nginx, bare, relay (wiretape, recording off), wiretape;
                   direct is always there: it is the base
  --binary PATH    this wiretape instead of the one just built
  --nginx PATH     this nginx instead of /usr/sbin/nginx
  --json FILE      write the raw numbers of every round there";

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    Direct,
    Nginx,
    Bare,
    /// wiretape with nothing behind its tape.
    Relay,
    Wiretape,
}

impl Kind {
    pub const ALL: [Kind; 5] = [Kind::Direct, Kind::Nginx, Kind::Bare, Kind::Relay, Kind::Wiretape];

    pub fn name(self) -> &'static str {
        match self {
            Kind::Direct => "direct",
            Kind::Nginx => "nginx",
            Kind::Bare => "bare",
            Kind::Relay => "relay",
            Kind::Wiretape => "wiretape",
        }
    }

    pub fn title(self) -> &'static str {
        match self {
            Kind::Bare => "bare hyper",
            Kind::Relay => "wiretape, recording off",
            Kind::Direct | Kind::Nginx | Kind::Wiretape => self.name(),
        }
    }
}

#[derive(Debug)]
pub struct Options {
    pub kinds: Vec<Kind>,
    pub wiretape: PathBuf,
    pub nginx: PathBuf,
    pub json: Option<PathBuf>,
    pub plan: Plan,
}

/// How long and how much. The full plan takes about eight minutes with all five targets.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    pub rounds: usize,
    pub memory_rounds: usize,
    pub warm: Duration,
    pub window: Duration,
    pub paced_streams: u64,
    pub burst_streams: u64,
    pub held_streams: u64,
    pub megabytes: u64,
}

const FULL: Plan = Plan {
    rounds: 5,
    memory_rounds: 2,
    warm: Duration::from_millis(300),
    window: Duration::from_millis(1300),
    paced_streams: 500,
    burst_streams: 50,
    held_streams: 5000,
    megabytes: 100,
};

const QUICK: Plan = Plan {
    rounds: 2,
    memory_rounds: 1,
    warm: Duration::from_millis(100),
    window: Duration::from_millis(250),
    ..FULL
};

impl Options {
    /// `None` when help was asked for.
    pub fn parse(arguments: Vec<String>) -> Result<Option<Self>, String> {
        let mut options = Options {
            kinds: Kind::ALL.to_vec(),
            wiretape: PathBuf::from(env!("CARGO_BIN_EXE_wiretape")),
            nginx: PathBuf::from("/usr/sbin/nginx"),
            json: None,
            plan: FULL,
        };
        let mut arguments = arguments.into_iter();
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().ok_or(format!("{argument} needs a value"));
            match argument.as_str() {
                // What `cargo bench` itself adds.
                "--bench" => {}
                "--help" | "-h" => return Ok(None),
                "--quick" => options.plan = QUICK,
                "--only" => options.kinds = kinds(&value()?)?,
                "--binary" => options.wiretape = PathBuf::from(value()?),
                "--nginx" => options.nginx = PathBuf::from(value()?),
                "--json" => options.json = Some(PathBuf::from(value()?)),
                other => return Err(format!("unknown option {other}")),
            }
        }
        Ok(Some(options))
    }
}

fn kinds(list: &str) -> Result<Vec<Kind>, String> {
    let mut kinds = vec![Kind::Direct];
    for name in list.split(',') {
        let kind = Kind::ALL.into_iter().find(|kind| kind.name() == name);
        kinds.push(kind.ok_or(format!("--only does not know {name}"))?);
    }
    kinds.sort();
    kinds.dedup();
    Ok(kinds)
}
