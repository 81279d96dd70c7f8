//! The run: every round takes each measure of each target in turn, so that the machine's noise hits all alike.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::options::{Kind, Options, Plan};
use crate::process::settle;
use crate::targets::{Folder, Target, start_mock};
use crate::{Error, Result, heads};

/// A relay holds two sockets for each of the streams held open, and some more.
pub const FILES_NEEDED: u64 = 12_000;
/// Light loads twice: which core the few threads awake land on moves them more than anything else.
const MEASURES: [&str; 8] = ["light", "rate", "full", "paced", "light", "rate", "burst", "bulk"];
/// So many things wrong, and the rest of the run will not tell more.
const FAULTS_MAX: usize = 12;

/// One number per round, by target and measure; and what went wrong.
#[derive(Default)]
pub struct Results {
    pub samples: BTreeMap<(Kind, String), Vec<f64>>,
    pub faults: Vec<String>,
}

struct Run<'a> {
    options: &'a Options,
    results: Results,
}

/// What one load process said.
struct Said {
    values: BTreeMap<String, f64>,
    texts: Vec<String>,
}

pub fn run(options: &Options) -> Result<Results> {
    let folder = Folder::new()?;
    let (_mock, mock) = start_mock(&folder)?;
    let start = |&kind| Target::start(kind, options, &folder, mock);
    let targets = options.kinds.iter().map(start).collect::<Result<Vec<_>>>()?;
    let mut run = Run { options, results: Results::default() };
    run.compare_heads(&targets);
    for round in 0..options.plan.rounds {
        for measure in MEASURES {
            eprintln!("round {} of {}: {measure}", round + 1, options.plan.rounds);
            // Nobody is always first or always after the same neighbour.
            let order = targets.iter().cycle().skip(round % targets.len()).take(targets.len());
            run.measure(measure, order)?;
        }
    }
    drop(targets);
    for round in 0..options.plan.memory_rounds {
        eprintln!("memory round {} of {}", round + 1, options.plan.memory_rounds);
        for &kind in options.kinds.iter().filter(|kind| **kind != Kind::Direct) {
            run.memory(kind, &folder, mock)?;
        }
    }
    Ok(run.results)
}

impl Run<'_> {
    /// One measure of each target, what each adds to what the direct way takes in the same round, and what recording adds
    /// to that.
    fn measure<'t>(&mut self, measure: &str, targets: impl Iterator<Item = &'t Target>) -> Result<()> {
        let mut round = BTreeMap::new();
        for target in targets {
            if let Some(said) = self.load(measure, target)? {
                round.insert(target.kind, said.values);
            }
        }
        let direct = round.get(&Kind::Direct).cloned().unwrap_or_default();
        let off = round.get(&Kind::Relay).cloned().unwrap_or_default();
        for (kind, values) in round {
            for (name, value) in values {
                for (of, base, compares) in
                    [("added", &direct, kind != Kind::Direct), ("recording", &off, kind == Kind::Wiretape)]
                {
                    let base = base.get(&name).filter(|_| compares && name.ends_with("_us"));
                    if let (Some(base), Some((measure, quantile))) = (base, name.split_once(".p")) {
                        self.keep(kind, format!("{measure}.{of}_p{quantile}"), value - base);
                    }
                }
                self.keep(kind, name, value);
            }
        }
        Ok(())
    }

    /// Memory is read of a process that has done nothing before: what an allocator keeps would count for nothing.
    fn memory(&mut self, kind: Kind, folder: &Folder, mock: SocketAddr) -> Result<()> {
        let target = Target::start(kind, self.options, folder, mock)?;
        let values = self.load("held", &target)?.map(|said| said.values).unwrap_or_default();
        values.into_iter().for_each(|(name, value)| self.keep(kind, name, value));
        Ok(())
    }

    /// The first call of each target; wiretape's is to leave and come back as the direct one does.
    fn compare_heads(&mut self, targets: &[Target]) {
        let mut direct = None;
        for target in targets {
            let said = match self.load("heads", target) {
                Ok(said) => said.map(|said| said.texts).unwrap_or_default(),
                Err(error) => return self.results.faults.push(error.to_string()),
            };
            match (target.kind, &direct) {
                (Kind::Direct, _) => direct = Some(said),
                (Kind::Relay | Kind::Wiretape, Some(direct)) => {
                    for ((which, direct), relayed) in ["request", "answer"].into_iter().zip(direct).zip(&said)
                    {
                        self.results.faults.extend(heads::differences(which, direct, relayed));
                    }
                }
                _ => {}
            }
        }
    }

    fn keep(&mut self, kind: Kind, name: String, value: f64) {
        self.results.samples.entry((kind, name)).or_default().push(value);
    }

    /// `None` when the load failed, which is then among the faults.
    fn load(&mut self, measure: &str, target: &Target) -> Result<Option<Said>> {
        let pids = target.pids();
        settle(&pids);
        let name = target.kind.name();
        match load(measure, target, &pids, &self.options.plan) {
            Ok((said, differs)) => {
                self.results
                    .faults
                    .extend(differs.into_iter().map(|fault| format!("{name}, {measure}: {fault}")));
                self.enough_faults()?;
                Ok(Some(said))
            }
            Err(error) => {
                let words = target.last_words();
                self.results.faults.push(format!("{name}, {measure}: {error}\n{words}"));
                self.enough_faults()?;
                Ok(None)
            }
        }
    }

    fn enough_faults(&self) -> Result<()> {
        let faults = &self.results.faults;
        if faults.len() < FAULTS_MAX {
            Ok(())
        } else {
            Err(format!("given up:\n{}", faults.join("\n")).into())
        }
    }
}

fn load(measure: &str, target: &Target, pids: &[u32], plan: &Plan) -> Result<(Said, Vec<String>)> {
    let streams = match measure {
        "paced" => plan.paced_streams,
        "burst" => plan.burst_streams,
        _ => plan.held_streams,
    };
    let pids: Vec<String> = pids.iter().map(u32::to_string).collect();
    let output = Command::new(std::env::current_exe()?)
        .arg("role:load")
        .arg(format!("measure={measure}"))
        .arg(format!("address={}", target.address))
        .arg(format!("prefix={}", target.prefix))
        .arg(format!("pids={}", pids.join(",")))
        .arg(format!("warm={}", plan.warm.as_millis()))
        .arg(format!("window={}", plan.window.as_millis()))
        .arg(format!("streams={streams}"))
        .arg(format!("megabytes={}", plan.megabytes))
        .args(target.web.map(|web| format!("web={web}")))
        .stdin(Stdio::null())
        .output()?;
    if !output.status.success() {
        return Err(format!("the load failed: {}", output.stderr.escape_ascii()).into());
    }
    let said: Value = serde_json::from_slice(&output.stdout)?;
    let values = said["values"].as_object().ok_or("the load printed no values")?;
    let values = values.iter().filter_map(|(name, value)| Some((name.clone(), value.as_f64()?))).collect();
    let faults = said["faults"].as_u64().ok_or::<Error>("the load printed no faults".into())?;
    let mut differs = strings(&said["described"]);
    if faults > differs.len() as u64 {
        differs.push(format!("{faults} faults in all"));
    }
    Ok((Said { values, texts: strings(&said["texts"]) }, differs))
}

fn strings(list: &Value) -> Vec<String> {
    list.as_array().into_iter().flatten().filter_map(|text| text.as_str().map(str::to_owned)).collect()
}
